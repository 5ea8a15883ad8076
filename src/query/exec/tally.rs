//! How much a plan finds, where nobody asks what. Invariant: as many traces and spans as the spansets
//! that [`execute`](super::execute) gives, and the same figures.

use std::ops::Range;

use super::Execution;
use super::candidates::Candidates;
use super::execution::{Figures, begin};
use super::groups::Kept;
use super::passes;
use super::stages::Found;
use super::totals::Totals;
use super::traces::for_each_trace;
use crate::codec::cast;
use crate::query::plan::Plan;
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::Operand;
use crate::query::plan::pipeline::Stage;
use crate::query::source::{Column, Estimate, Grouping, Predicate, Source};
use crate::query::value::{Scalar, Test};

/// Of one in so many rows of a window, whole columns are read.
const MANY_ROWS_SHARE: u64 = 8;

/// Counts of spans for which it is known beforehand what one span more does.
const KNOWN_COUNTS: u64 = 64;

/// How much was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Traces with a spanset.
    pub(crate) traces: u64,
    /// Spans in spansets.
    pub(crate) spans: u64,
}

impl Tally {
    /// Adds a trace of which so many spans were found.
    #[inline]
    pub(super) fn add(&mut self, spans: u64) {
        self.traces += u64::from(spans > 0);
        self.spans += spans;
    }
}

/// How much a plan finds in the traces of `window`; `None` where the source stopped it.
///
/// # Errors
/// If the source cannot be read.
pub(crate) fn tally<S: Source>(
    plan: &Plan,
    source: &S,
    window: Range<u32>,
) -> Result<(Option<Tally>, Figures), S::Error> {
    let (mut run, all) = begin(plan, source, window)?;
    let tally = match all {
        Some(all) => run.tally_stages(&plan.stages, all)?,
        None => return Ok((Some(Tally::default()), run.figures)),
    };
    Ok(((!source.is_stopped()).then_some(tally), run.figures))
}

impl<S: Source> Execution<'_, S> {
    /// Runs the stages; of the last ones it makes no spansets where it can do without.
    fn tally_stages(&mut self, stages: &[Stage], all: Found) -> Result<Tally, S::Error> {
        let mut stages = stages;
        // What comes last and changes no row changes no count.
        while let [before @ .., Stage::Coalesce | Stage::Select(_)] = stages {
            stages = before;
        }
        let (first, last) = match stages {
            [first @ .., Stage::By { .. }, Stage::Filter { .. }]
            | [first @ .., Stage::By { .. } | Stage::Filter { .. }] => {
                (first, stages.get(first.len()..).unwrap_or_default())
            }
            _ => {
                let found = self.stages(stages, all)?;
                return self.tally_found(&found);
            }
        };
        let found = self.stages(first, all)?;
        if found.sets.is_none()
            && !found.candidates.is_empty()
            && let Some(tally) = self.tally_last(last, &found.candidates)?
        {
            return Ok(tally);
        }
        let found = self.stages(last, found)?;
        self.tally_found(&found)
    }

    /// What the last stages leave of one spanset a trace; `None` where that takes spansets.
    fn tally_last(
        &self,
        last: &[Stage],
        candidates: &Candidates,
    ) -> Result<Option<Tally>, S::Error> {
        match last {
            [Stage::By { operand: Operand::Field(_), .. }] => self.tally_rows(candidates).map(Some),
            [
                Stage::By { operand: Operand::Field(field), .. },
                Stage::Filter { left, op, right },
            ] => match Kept::counted(left, *op, right) {
                Some(kept) => self.tally_groups(field, &kept, candidates),
                None => Ok(None),
            },
            [Stage::Filter { left, op, right }] => match Kept::counted(left, *op, right) {
                Some(kept) => self.tally_traces(&kept, candidates).map(Some),
                None => match Totals::of(left, *op, right) {
                    Some(totals) if self.is_many(candidates) => {
                        self.tally_totals(&totals, candidates)
                    }
                    _ => Ok(None),
                },
            },
            _ => Ok(None),
        }
    }

    /// True where reading whole columns pays.
    pub(super) fn is_many(&self, candidates: &Candidates) -> bool {
        candidates.len().saturating_mul(MANY_ROWS_SHARE) >= u64::from(self.source.row_count())
    }

    fn tally_found(&self, found: &Found) -> Result<Tally, S::Error> {
        let all = self.tally_rows(&found.candidates)?;
        let spans = match &found.sets {
            Some(sets) => sets.iter().map(|set| cast::u64_of(set.rows.len())).sum(),
            None => all.spans,
        };
        Ok(Tally { spans, ..all })
    }

    /// All rows.
    fn tally_rows(&self, candidates: &Candidates) -> Result<Tally, S::Error> {
        match candidates {
            Candidates::All(_) => self.tally_traces(&Kept::All, candidates),
            Candidates::Rows(rows) => {
                let traces = passes::count_traces(rows, &*self.source.trace_lasts()?);
                Ok(Tally { traces, spans: rows.len() })
            }
        }
    }

    /// The traces with so many rows as are kept.
    fn tally_traces(&self, kept: &Kept<'_>, candidates: &Candidates) -> Result<Tally, S::Error> {
        let mut tally = Tally::default();
        self.each_trace(candidates, |_, rows| {
            let count = rows.len();
            tally.add(if kept.has(count) { cast::u64_of(count) } else { 0 });
        })?;
        Ok(tally)
    }

    /// Calls `visit` with each trace's number and its rows; ends early where the source says stop.
    pub(super) fn each_trace(
        &self,
        candidates: &Candidates,
        mut visit: impl FnMut(u32, TraceRows<'_>),
    ) -> Result<(), S::Error> {
        let starts = self.trace_starts()?;
        match candidates {
            Candidates::All(window) => {
                let first = starts.partition_point(|start| *start < window.start);
                let bounds = starts.get(first..).unwrap_or_default().windows(2);
                for (bounds, trace) in bounds.zip(cast::u32_of(first).unwrap_or(u32::MAX)..) {
                    let [start, end] = bounds else { continue };
                    if *start >= window.end || self.stops_before(cast::usize_of(end - start)) {
                        break;
                    }
                    visit(trace, TraceRows::All(*start..*end));
                }
                Ok(())
            }
            Candidates::Rows(rows) => for_each_trace(rows, &starts, |trace, rows| {
                if !self.stops_before(rows.len()) {
                    visit(trace, TraceRows::Some(rows));
                }
                Ok(())
            }),
        }
    }

    /// The groups by a field that are kept for their counts.
    fn tally_groups(
        &self,
        field: &SpanField,
        kept: &Kept<'_>,
        candidates: &Candidates,
    ) -> Result<Option<Tally>, S::Error> {
        if field.parent || !self.is_many(candidates) {
            return Ok(None);
        }
        let Some(grouping) = self.grouping(&field.lookup)? else { return Ok(None) };
        let (numbers, groups) = (&*grouping.numbers, grouping.groups.as_slice());
        let mut counter = Counter::new(kept, grouping.end);
        let number = |row: u32| numbers.get(cast::usize_of(row)).copied().unwrap_or(0);
        let group = |number: u32| groups.get(cast::usize_of(number)).copied().unwrap_or(0);
        let is_direct = groups.is_empty();
        self.each_trace(candidates, |trace, rows| match (rows, is_direct) {
            (TraceRows::All(range), true) => counter.add(trace, among(numbers, range)),
            (TraceRows::All(range), false) => counter.add(trace, among(numbers, range).map(group)),
            (TraceRows::Some(rows), true) => {
                counter.add(trace, rows.iter().map(|row| number(*row)));
            }
            (TraceRows::Some(rows), false) => {
                counter.add(trace, rows.iter().map(|row| group(number(*row))));
            }
        })?;
        Ok(Some(counter.tally))
    }

    fn grouping(&self, lookup: &Lookup) -> Result<Option<Grouping>, S::Error> {
        match lookup {
            Lookup::Plain(column) => self.source.grouping(column, &Scalar::Nil),
            Lookup::ServiceName => {
                let column = Column::ResourceAttribute(SERVICE_NAME.to_owned());
                self.source.grouping(&column, &Scalar::text(""))
            }
            Lookup::SpanThenResource(key) => {
                let own = Column::SpanAttribute(key.clone());
                let present = Predicate { column: own, test: Test::Present };
                match self.source.estimate(&present)? {
                    Estimate { matches_max: 0, .. } if key == SERVICE_NAME => {
                        self.grouping(&Lookup::ServiceName)
                    }
                    Estimate { matches_max: 0, .. } => {
                        self.grouping(&Lookup::Plain(Column::ResourceAttribute(key.clone())))
                    }
                    _ => Ok(None),
                }
            }
        }
    }
}

/// The rows of a trace, ascending.
pub(super) enum TraceRows<'a> {
    /// All that the trace has.
    All(Range<u32>),
    /// These.
    Some(&'a [u32]),
}

impl TraceRows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::All(rows) => rows.len(),
            Self::Some(rows) => rows.len(),
        }
    }
}

/// The numbers of a range of rows.
fn among(numbers: &[u32], rows: Range<u32>) -> impl Iterator<Item = u32> {
    let rows = cast::usize_of(rows.start)..cast::usize_of(rows.end);
    numbers.get(rows).unwrap_or_default().iter().copied()
}

/// Counts the spans of each group of a trace, of one trace after another.
struct Counter<'a> {
    kept: &'a Kept<'a>,
    /// For each group, the trace in which it was seen last, as [`Counter::add`] writes it, and how
    /// many spans of that trace it has.
    seen: Vec<u64>,
    /// How many spans more are found when a group of so many spans gets one more.
    gains: Vec<i64>,
    tally: Tally,
}

impl<'a> Counter<'a> {
    fn new(kept: &'a Kept<'a>, groups: u32) -> Self {
        let seen = vec![0; cast::usize_of(groups)];
        let gains = (0..KNOWN_COUNTS).map(|count| gain(kept, count)).collect();
        Self { kept, seen, gains, tally: Tally::default() }
    }

    /// Adds a trace, which comes after those added before: the groups of its rows.
    #[inline]
    fn add(&mut self, trace: u32, groups: impl Iterator<Item = u32>) {
        // No trace's number is zero here, so that what nobody wrote is of an earlier trace.
        let none = (u64::from(trace) + 1) << 32;
        let mut found = 0;
        for group in groups {
            let Some(seen) = self.seen.get_mut(cast::usize_of(group)) else { continue };
            let now = (*seen).max(none);
            *seen = now + 1;
            let count = now - none;
            let known = self.gains.get(cast::usize_of_u64(count)).copied();
            found += known.unwrap_or_else(|| gain(self.kept, count));
        }
        self.tally.add(u64::try_from(found).unwrap_or(0));
    }
}

fn gain(kept: &Kept<'_>, count: u64) -> i64 {
    let found = |count: u64| {
        let is_kept = kept.has(cast::usize_of_u64(count));
        if is_kept { i64::try_from(count).unwrap_or(i64::MAX) } else { 0 }
    };
    found(count + 1) - found(count)
}
