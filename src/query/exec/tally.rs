//! How much a plan finds, where nobody asks what. Invariant: as many traces and spans as the spansets
//! that [`execute`](super::execute) gives, and the same figures.

use std::ops::Range;

use super::Execution;
use super::candidates::Candidates;
use super::execution::{Figures, begin};
use super::groups::{Kept, sorted};
use super::stages::Found;
use super::totals::Totals;
use super::traces::{are_dense, count_traces, for_each_trace, for_each_trace_of};
use crate::codec::cast;
use crate::query::bits::Bits;
use crate::query::plan::Plan;
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::Operand;
use crate::query::plan::pipeline::Stage;
use crate::query::rows::{Rows, gallop};
use crate::query::source::{Column, Estimate, Grouping, Numbered, Predicate, Source};
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
    pub(super) fn tally_rows(&self, candidates: &Candidates) -> Result<Tally, S::Error> {
        let rows = match candidates {
            Candidates::All(_) => return self.tally_traces(&Kept::All, candidates),
            Candidates::Rows(rows) => rows,
        };
        let (mut traces, mut next, mut end) = (0, 0, 0);
        if are_dense(rows) {
            traces = count_traces(&Bits::of(rows), &self.source.trace_lasts()?);
        } else {
            let starts = self.trace_starts()?;
            rows.for_each_batch(|batch| {
                for row in batch {
                    if *row >= end {
                        next = gallop(&starts, next, row.saturating_add(1));
                        end = starts.get(next).copied().unwrap_or(u32::MAX);
                        traces += 1;
                    }
                }
            });
        }
        Ok(Tally { traces, spans: rows.len() })
    }

    /// The traces with so many rows as are kept.
    fn tally_traces(&self, kept: &Kept<'_>, candidates: &Candidates) -> Result<Tally, S::Error> {
        let mut tally = Tally::default();
        self.each_trace(candidates, |_, rows| {
            let count = rows.len();
            tally.add(if kept.has(cast::usize_of_u64(count)) { count } else { 0 });
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
            Candidates::Rows(rows) if are_dense(rows) => {
                let (bits, lasts) = (Bits::of(rows), self.source.trace_lasts()?);
                for_each_trace_of(&bits, (&starts, &lasts), |trace, range| {
                    let goes_on = !self.stops_before(range.len());
                    if goes_on {
                        visit(trace, TraceRows::Set(&bits, range));
                    }
                    goes_on
                });
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
        if field.parent {
            return Ok(None);
        }
        if let (Candidates::Rows(rows), false) = (candidates, self.is_many(candidates)) {
            return self.tally_few(field, kept, rows);
        }
        let Some(grouping) = self.grouping(&field.lookup)? else { return Ok(None) };
        let (numbers, groups) = (&*grouping.numbers, grouping.groups.as_slice());
        let mut counter = Counter::new(kept, grouping.end);
        let group = |number: u32| groups.get(cast::usize_of(number)).copied().unwrap_or(0);
        if groups.is_empty() {
            self.each_trace(candidates, |trace, rows| {
                counter.add(trace, &rows, numbers, |own| own)
            })?;
        } else {
            self.each_trace(candidates, |trace, rows| counter.add(trace, &rows, numbers, group))?;
        }
        Ok(Some(counter.tally))
    }

    /// The same where rows are so few that the values of these are read, and no others.
    fn tally_few(
        &self,
        field: &SpanField,
        kept: &Kept<'_>,
        rows: &Rows,
    ) -> Result<Option<Tally>, S::Error> {
        let Some(Numbered::Listed { places, values }) = self.numbered(field, &rows.to_vec())?
        else {
            return Ok(None);
        };
        let (places, values) = sorted(places, &values);
        let mut counter = Counter::new(kept, cast::u32_of(values.len()).unwrap_or(u32::MAX));
        let mut rest = 0..0;
        for_each_trace(rows, &*self.trace_starts()?, |trace, rows| {
            rest = rest.end..rest.end + cast::u32_of(rows.len()).unwrap_or(0);
            if !self.stops_before(rows.len()) {
                counter.add(trace, &TraceRows::All(rest.clone()), &places, |own| own);
            }
            Ok(())
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
    /// Those of a range that are set.
    Set(&'a Bits, Range<u32>),
}

impl TraceRows<'_> {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::All(rows) => cast::u64_of(rows.len()),
            Self::Some(rows) => cast::u64_of(rows.len()),
            Self::Set(bits, range) => u64::from(bits.count_in(range.clone())),
        }
    }

    /// No fewer than there are.
    fn len_max(&self) -> usize {
        match self {
            Self::All(rows) | Self::Set(_, rows) => rows.len(),
            Self::Some(rows) => rows.len(),
        }
    }

    /// Hands on what each row has in a list of all rows.
    #[inline]
    pub(super) fn each_of<T: Copy>(&self, list: &[T], mut each: impl FnMut(T)) {
        match self {
            Self::All(rows) => {
                let rows = cast::usize_of(rows.start)..cast::usize_of(rows.end);
                list.get(rows).unwrap_or_default().iter().for_each(|one| each(*one));
            }
            Self::Some(rows) => {
                let of_rows = rows.iter().filter_map(|row| list.get(cast::usize_of(*row)));
                of_rows.for_each(|one| each(*one));
            }
            Self::Set(bits, range) => bits.for_each_in(range.clone(), |row| {
                if let Some(one) = list.get(cast::usize_of(row)) {
                    each(*one);
                }
            }),
        }
    }
}

/// Counts the spans of each group of a trace, of one trace after another.
struct Counter<'a> {
    kept: &'a Kept<'a>,
    /// For each group, the trace in which it was seen last, as [`Counter::add`] writes it, and how
    /// many spans of that trace it has.
    seen: Vec<u64>,
    /// How many spans more are found when a group of so many spans gets one more.
    gains: Vec<i64>,
    /// No group of fewer spans is kept.
    least: usize,
    tally: Tally,
}

impl<'a> Counter<'a> {
    fn new(kept: &'a Kept<'a>, groups: u32) -> Self {
        let seen = vec![0; cast::usize_of(groups)];
        let gains = (0..KNOWN_COUNTS).map(|count| gain(kept, count)).collect();
        let most = cast::usize_of_u64(KNOWN_COUNTS);
        let least = (1..most).find(|count| kept.has(*count)).unwrap_or(most);
        Self { kept, seen, gains, least, tally: Tally::default() }
    }

    /// Adds a trace, which comes after those added before: the groups of its rows, which follow from
    /// their numbers.
    #[inline]
    fn add(
        &mut self,
        trace: u32,
        rows: &TraceRows<'_>,
        numbers: &[u32],
        group: impl Fn(u32) -> u32,
    ) {
        if rows.len_max() < self.least {
            return;
        }
        // No trace's number is zero here, so that what nobody wrote is of an earlier trace.
        let none = (u64::from(trace) + 1) << 32;
        let mut found = 0;
        let (seen, gains) = (self.seen.as_mut_slice(), self.gains.as_slice());
        rows.each_of(numbers, |number| {
            let Some(seen) = seen.get_mut(cast::usize_of(group(number))) else { return };
            let now = (*seen).max(none);
            *seen = now + 1;
            let count = now - none;
            let known = gains.get(cast::usize_of_u64(count)).copied();
            found += known.unwrap_or_else(|| gain(self.kept, count));
        });
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
