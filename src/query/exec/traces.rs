//! Which traces rows belong to. Invariant: passes skip from one trace to the next, whatever lies
//! between; trace starts are ascending and end with the row count.

use std::ops::Range;

use crate::codec::cast;
use crate::query::bits::Bits;
use crate::query::rows::{Rows, gallop};

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
    let (few, many) = if left.len() < right.len() { (left, right) } else { (right, left) };
    let many = many.and(&whole_traces(few, trace_starts));
    few.and(&whole_traces(&many, trace_starts)).or(&many)
}

/// `left unless right`: the rows of `left` in traces where `right` has none.
pub(crate) fn unless(left: &Rows, right: &Rows, trace_starts: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return left.clone();
    }
    left.minus(&whole_traces(right, trace_starts))
}

/// Where one in so many rows is set, a look at all words costs less than a step for each row.
const WORDS_SHARE: u64 = 512;

/// True where going over all words between the first of the rows and the last pays.
pub(super) fn are_dense(rows: &Rows) -> bool {
    let (len, bounds) = (rows.len(), rows.bounds());
    len.saturating_mul(WORDS_SHARE) > u64::from(bounds.end - bounds.start)
}

/// How many traces have a row of an ascending list; `lasts` has the last rows of all traces.
pub(super) fn count_traces_of(list: &[u32], lasts: &Bits) -> u64 {
    let (mut traces, mut next) = (0, 0);
    for row in list {
        if *row >= next {
            traces += 1;
            next = lasts.next_set(*row).map_or(u32::MAX, |last| last + 1);
        }
    }
    traces
}

/// The bits of `lasts` that are of traces with a row that is set.
pub(super) fn hits(rows: &Bits, lasts: &Bits) -> Vec<u64> {
    let (_, lasts) = lasts.placed_words();
    let mut hits = vec![0; lasts.len()];
    each_word_of_lasts(rows, lasts, |place, word| {
        if let Some(hit) = hits.get_mut(place) {
            *hit = word;
        }
    });
    hits
}

/// Calls `visit` with the rows of each trace whose last row is set in `hits`, as long as it says that
/// there may be more; `lasts` has the last rows of all traces.
pub(super) fn for_each_trace_at(
    hits: &[u64],
    lasts: &Bits,
    mut visit: impl FnMut(Range<u32>) -> bool,
) {
    let (_, lasts) = lasts.placed_words();
    for (word, first) in hits.iter().zip((0_u32..).step_by(64)) {
        let mut word = *word;
        while word != 0 {
            let last = first + word.trailing_zeros();
            word &= word - 1;
            if !visit(first_of(lasts, last)..last + 1) {
                return;
            }
        }
    }
}

/// The first row of the trace of which this is the last: the row after the last one before it.
#[inline]
fn first_of(lasts: &[u64], last: u32) -> u32 {
    let mut place = cast::usize_of(last / 64);
    let mut word = lasts.get(place).map_or(0, |word| word & ((1 << (last % 64)) - 1));
    let mut first = last & !63;
    while word == 0 {
        let Some(before) = place.checked_sub(1) else { return 0 };
        place = before;
        first -= 64;
        word = lasts.get(place).copied().unwrap_or(0);
    }
    first + (64 - word.leading_zeros())
}

/// Calls `visit` with words of `lasts` in which only the last rows of traces that have a row in `rows`
/// are left, and their places. Adding ones to the rows of a trace but its last carries into the last
/// where any of them is set, and never beyond it; so one addition a word does for all traces in it.
fn each_word_of_lasts(rows: &Bits, lasts: &[u64], mut visit: impl FnMut(usize, u64)) {
    let (first, words) = rows.placed_words();
    let lasts = lasts.get(first..).unwrap_or_default();
    let mut carry = 0;
    for ((word, last), place) in words.iter().zip(lasts).zip(first..) {
        let (sum, carries) = (word & !last).overflowing_add(!last);
        let (sum, carries_too) = sum.overflowing_add(carry);
        carry = u64::from(carries | carries_too);
        visit(place, (sum | word) & last);
    }
    // The last trace may end in a later word.
    for (last, place) in lasts.iter().zip(first..).skip(words.len()) {
        if carry == 0 || *last != 0 {
            visit(place, carry * (last & last.wrapping_neg()));
            return;
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::query::exec::reached::count_traces;
    use crate::query::source::last_rows;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn traces_by_words_are_those_by_rows(
            widths in prop::collection::vec(prop_oneof![1u32..5, 1u32..300], 1..60),
            picked in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
            all in any::<bool>(),
        ) {
            let mut starts = vec![0];
            for width in widths {
                starts.push(starts[starts.len() - 1] + width);
            }
            let end = starts[starts.len() - 1];
            let pick = |index: prop::sample::Index| u32::try_from(index.index(cast::usize_of(end))).unwrap();
            let rows: Rows = if all { (0..end).collect() } else { picked.into_iter().map(pick).collect() };
            let (bits, lasts) = (rows.bits(), last_rows(&starts));
            let mut expected = BTreeMap::new();
            for_each_trace(&rows, &starts, |trace, rows| {
                expected.insert(trace, rows.to_vec());
                Ok::<(), ()>(())
            }).unwrap();
            prop_assert_eq!(count_traces(bits, &lasts), cast::u64_of(expected.len()));
            let mut found = BTreeMap::new();
            for_each_trace_at(&hits(bits, &lasts), &lasts, |range| {
                let trace = starts.binary_search(&range.start).unwrap();
                assert_eq!(starts[trace]..starts[trace + 1], range);
                let mut rows = Vec::new();
                bits.for_each_in(range, |row| rows.push(row));
                found.insert(u32::try_from(trace).unwrap(), rows);
                true
            });
            prop_assert_eq!(found, expected);
            let mut visited = 0;
            for_each_trace_at(&hits(bits, &lasts), &lasts, |_| {
                visited += 1;
                false
            });
            prop_assert_eq!(visited, usize::from(!rows.is_empty()));
        }
    }
}
