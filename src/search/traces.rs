//! Facts of whole traces, and rows chosen by them. Invariant: a trace's rows pass together or not at
//! all.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::computed::{OfNumber, int, nanos, time};
use crate::block::{Block, BlockError, ColumnKey, Derived, Section, Table, field};
use crate::codec::cast::{low_u32, u32_of, usize_of};
use crate::query::exec::for_each_trace;
use crate::query::rows::{Rows, gallop};
use crate::query::syntax::Intrinsic;
use crate::query::value::{NumberRange, Scalar, Test};

/// The rows of those traces for which `holds` is true, by trace number.
pub(super) fn rows_where(
    block: &Block,
    holds: impl FnMut(u32) -> Result<bool, BlockError>,
) -> Result<Rows, BlockError> {
    rows_within(block, 0..block.header()?.rows, holds)
}

/// The same among the traces that have rows in `window`: whole traces.
pub(super) fn rows_within(
    block: &Block,
    window: Range<u32>,
    mut holds: impl FnMut(u32) -> Result<bool, BlockError>,
) -> Result<Rows, BlockError> {
    let firsts = block.trace_first_rows()?;
    let mut ranges = Vec::new();
    let start = trace_of(&firsts, window.start);
    let within = firsts.get(usize_of(start)..).unwrap_or_default();
    for (bounds, number) in within.windows(2).zip(start..) {
        let [first, next] = bounds else { continue };
        if *first >= window.end {
            break;
        }
        if holds(number)? {
            ranges.push(*first..*next);
        }
    }
    Ok(Rows::from_ranges(ranges.into_iter()))
}

/// The number of the trace that `row` belongs to.
pub(super) fn trace_of(firsts: &[u32], row: u32) -> u32 {
    let after = firsts.partition_point(|first| *first <= row);
    u32_of(after).unwrap_or(0).saturating_sub(1)
}

/// Finds the traces of ascending rows.
pub(super) struct TraceCursor {
    firsts: Arc<[u32]>,
    trace: u32,
    rows: Range<u32>,
}

impl TraceCursor {
    /// A cursor before the first row.
    pub(super) fn new(block: &Block) -> Result<Self, BlockError> {
        Ok(Self { firsts: block.trace_first_rows()?, trace: 0, rows: 0..0 })
    }

    /// The number of the trace that `row` belongs to.
    #[inline]
    pub(super) fn trace_of(&mut self, row: u32) -> u32 {
        if !self.rows.contains(&row) {
            self.seek(row);
        }
        self.trace
    }

    /// The first row of the trace that `row` belongs to.
    #[inline]
    pub(super) fn first_row_of(&mut self, row: u32) -> u32 {
        if !self.rows.contains(&row) {
            self.seek(row);
        }
        self.rows.start
    }

    fn seek(&mut self, row: u32) {
        let from = if row < self.rows.start { 0 } else { usize_of(self.trace) };
        let after = gallop(&self.firsts, from, row.saturating_add(1));
        self.trace = u32_of(after).unwrap_or(0).saturating_sub(1);
        let bound = |trace: usize| self.firsts.get(trace).copied();
        self.rows = bound(usize_of(self.trace)).unwrap_or(0)..bound(after).unwrap_or(u32::MAX);
    }
}

/// The row of the span that names each trace, of all traces from number `start` on.
pub(super) fn roots_from(
    block: &Block,
    start: u32,
) -> Result<impl Iterator<Item = u32> + use<>, BlockError> {
    let (firsts, roots) = (block.trace_first_rows()?, block.wide(Section::TraceRoots)?);
    let last = block.header()?.rows.saturating_sub(1);
    Ok((usize_of(start)..roots.len()).map(move |trace| {
        let first = firsts.get(trace).copied().unwrap_or(0);
        let root = roots.get(trace).copied().map_or(0, low_u32);
        first.saturating_add(root).min(last)
    }))
}

/// A number for each trace, and the value that it stands for.
pub(super) struct Facts {
    pub(super) number: Box<dyn Fn(usize) -> u64>,
    pub(super) value: OfNumber,
}

impl Facts {
    /// The rows of the window that belong to traces for which the test holds.
    pub(super) fn find(
        &self,
        block: &Block,
        test: &Test,
        window: Range<u32>,
    ) -> Result<Rows, BlockError> {
        let number = |trace: u32| (self.number)(usize_of(trace));
        let rows =
            if let Test::Compare(op, constant) = test {
                let range = NumberRange::new(*op, constant, self.value);
                rows_within(block, window.clone(), |trace| Ok(range.contains(number(trace))))?
            } else {
                rows_within(block, window.clone(), |trace| {
                    Ok(test.holds(&(self.value)(number(trace))))
                })?
            };
        Ok(rows.within(window))
    }
}

/// The numbers of a trace-level intrinsic; `None` for other intrinsics.
pub(super) fn facts(block: &Block, which: Intrinsic) -> Result<Option<Facts>, BlockError> {
    let (number, value): (Box<dyn Fn(usize) -> u64>, OfNumber) = match which {
        Intrinsic::TraceDuration => {
            let starts = block.wide(Section::TraceStarts)?;
            let ends = block.wide(Section::TraceEnds)?;
            let at = |values: &[u64], trace: usize| values.get(trace).copied().unwrap_or(0);
            let of = move |trace| at(&ends, trace).saturating_sub(at(&starts, trace));
            (Box::new(of), nanos)
        }
        Intrinsic::TraceStartTime => {
            let starts = block.wide(Section::TraceStarts)?;
            (Box::new(move |trace| starts.get(trace).copied().unwrap_or(0)), time)
        }
        Intrinsic::TraceSpanCount => {
            let firsts = block.trace_first_rows()?;
            let of = move |trace: usize| match firsts.get(trace..trace + 2) {
                Some([first, next]) => u64::from(next.saturating_sub(*first)),
                _ => 0,
            };
            (Box::new(of), int)
        }
        Intrinsic::TraceErrorCount => (of_narrow(error_counts(block)?), int),
        Intrinsic::TraceServiceCount => (of_narrow(service_counts(block)?), int),
        _ => return Ok(None),
    };
    Ok(Some(Facts { number, value }))
}

fn of_narrow(values: Arc<[u32]>) -> Box<dyn Fn(usize) -> u64> {
    Box::new(move |trace| values.get(trace).copied().map_or(0, u64::from))
}

fn error_rows(block: &Block) -> Result<Rows, BlockError> {
    let status = super::table::Field::converted(block, Table::Spans, field::STATUS, |value| {
        super::convert::status(value)
    })?;
    let error = Test::Compare(
        crate::query::syntax::CompareOp::Equal,
        Scalar::Status(crate::model::StatusCode::ERROR.0),
    );
    status.find(&error, 0..block.header()?.rows)
}

fn error_counts(block: &Block) -> Result<Arc<[u32]>, BlockError> {
    block.derived(Derived::TraceErrors, || {
        let (firsts, rows) = (block.trace_first_rows()?, error_rows(block)?);
        let mut counts = vec![0; firsts.len().saturating_sub(1)];
        for_each_trace(&rows, &firsts, |trace, rows| {
            if let Some(count) = counts.get_mut(usize_of(trace)) {
                *count = u32_of(rows.len()).unwrap_or(u32::MAX);
            }
            Ok::<(), BlockError>(())
        })?;
        Ok(counts)
    })
}

/// How many different texts `resource.service.name` has in each trace; absent counts as `""`, and so
/// does what is no text.
fn service_counts(block: &Block) -> Result<Arc<[u32]>, BlockError> {
    block.derived(Derived::TraceServices, || {
        let Some(services) = services(block)? else { return Ok(Vec::new()) };
        let columns = block.columns(Table::Spans, &ColumnKey::Field(field::RESOURCE))?;
        let Some(column) = columns.first() else { return Ok(Vec::new()) };
        let (numbers, firsts) = (column.numbers()?, block.trace_first_rows()?);
        // For each service, the last trace in which it was seen.
        let mut seen = vec![None; services.len()];
        let count = |(trace, bounds): (usize, &[u32])| {
            let [first, next] = bounds else { return 0 };
            let mut count = 0;
            for resource in numbers.get(usize_of(*first)..usize_of(*next)).unwrap_or_default() {
                let service = services.get(usize_of(*resource)).copied().unwrap_or(0);
                if let Some(last) = seen.get_mut(service)
                    && *last != Some(trace)
                {
                    *last = Some(trace);
                    count += 1;
                }
            }
            count
        };
        Ok(firsts.windows(2).enumerate().map(count).collect())
    })
}

/// For each resource the first one with the same service; `None` where there are no resources.
fn services(block: &Block) -> Result<Option<Vec<usize>>, BlockError> {
    let resources: Vec<u32> = (0..block.table_rows(Table::Resources)?).collect();
    let names = super::table::Field::service_name(block)?;
    let mut services = vec![Scalar::text(""); resources.len()];
    names.values(&resources, &mut services)?;
    let mut firsts = BTreeMap::new();
    let first = |(at, service): (usize, &Scalar)| match service {
        Scalar::String(name) => *firsts.entry(Arc::clone(name)).or_insert(at),
        _ => at,
    };
    let services: Vec<usize> = services.iter().enumerate().map(first).collect();
    Ok((!services.is_empty()).then_some(services))
}
