//! Which traces rows belong to. Invariant: passes skip from one trace to the next, whatever lies
//! between; trace starts are ascending and end with the row count.

use super::items::gallop;
use crate::query::bits::Bits;
use crate::query::rows::Rows;

/// All rows of the traces that have a row in `rows`.
pub(crate) fn whole_traces(rows: &Rows, trace_starts: &[u32]) -> Rows {
    let mut first = None;
    let mut last = 0;
    let mut marks = Bits::over(0..0);
    for_each_first(rows, trace_starts, |start, end| {
        if first.is_none() {
            first = Some(start);
            let past = trace_starts.partition_point(|start| *start < rows.bounds().end);
            last = trace_starts.get(past).copied().unwrap_or(rows.bounds().end);
            marks = Bits::over(start..last);
        }
        marks.set_through(start, end.saturating_sub(1));
    });
    marks.into_rows()
}

/// Calls `visit` with the rows' range of each trace that has a row in `rows`.
fn for_each_first(rows: &Rows, trace_starts: &[u32], mut visit: impl FnMut(u32, u32)) {
    let mut cursor = rows.cursor();
    let mut next = 0;
    while let Some(row) = cursor.peek() {
        next = gallop(trace_starts, next, row.saturating_add(1));
        let start = next.checked_sub(1).and_then(|at| trace_starts.get(at));
        let (Some(start), Some(end)) = (start, trace_starts.get(next)) else { return };
        visit(*start, *end);
        cursor.advance_to(*end);
    }
}

/// `left && right`: the rows of both sides in traces where both have some.
pub(crate) fn both(left: &Rows, right: &Rows, trace_starts: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    let traces = whole_traces(left, trace_starts).and(&whole_traces(right, trace_starts));
    left.or(right).and(&traces)
}

/// `left unless right`: the rows of `left` in traces where `right` has none.
pub(crate) fn unless(left: &Rows, right: &Rows, trace_starts: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return left.clone();
    }
    left.minus(&whole_traces(right, trace_starts))
}

/// Calls `visit` with each trace's number and its rows among `rows`.
pub(crate) fn for_each_trace<E>(
    rows: &Rows,
    trace_starts: &[u32],
    mut visit: impl FnMut(u32, &[u32]) -> Result<(), E>,
) -> Result<(), E> {
    let mut trace_rows: Vec<u32> = Vec::new();
    let (mut trace, mut next, mut end) = (0, 0, 0);
    rows.try_for_each_batch(|batch| {
        for row in batch {
            if *row >= end {
                if !trace_rows.is_empty() {
                    visit(trace, &trace_rows)?;
                    trace_rows.clear();
                }
                next = gallop(trace_starts, next, row.saturating_add(1));
                end = trace_starts.get(next).copied().unwrap_or(u32::MAX);
                trace = u32::try_from(next.saturating_sub(1)).unwrap_or(u32::MAX);
            }
            trace_rows.push(*row);
        }
        Ok(())
    })?;
    if trace_rows.is_empty() { Ok(()) } else { visit(trace, &trace_rows) }
}
