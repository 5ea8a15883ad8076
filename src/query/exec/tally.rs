//! How much a plan finds, where nobody asks what. Invariant: as many traces and spans as the spansets
//! that [`execute`](super::execute) gives, and the same figures.

use std::ops::Range;

use super::Execution;
use super::candidates::Candidates;
use super::counter::Counter;
use super::execution::{Figures, begin};
use super::groups::{Kept, sorted};
use super::reached::count_traces;
use super::row_counter::RowCounter;
use super::stages::Found;
use super::totals::Totals;
use super::traces::{are_dense, count_traces_of, for_each_trace, for_each_trace_at, hits};
use crate::codec::cast;
use crate::codec::narrow::with_narrow;
use crate::query::bits::Bits;
use crate::query::plan::Plan;
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::{FieldTest, Filter, Operand};
use crate::query::plan::pipeline::{Spansets, Stage};
use crate::query::rows::Rows;
use crate::query::source::{Column, Estimate, Grouping, Numbered, Predicate, Source};
use crate::query::value::{Scalar, Test};

/// Of one in so many rows, of a block or of a window, whole columns are read.
pub(super) const MANY_ROWS_SHARE: u64 = 8;

/// Of one in so many rows, numbers of all rows are read: to read those of some is no less work then.
const GROUPED_ROWS_SHARE: u64 = 128;

/// Where fewer than one row in so many is a candidate, traces have a few each, which are counted row by row.
const ROWS_APART_SHARE: u64 = 8;

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
        Some(all) => run.tally_stages(&plan.stages, all),
        None => return Ok((Some(Tally::default()), run.figures)),
    };
    run.charge_grown();
    let tally = tally?;
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
        if let [Stage::Spansets(Spansets::Filter(Filter::Test(test)))] = stages
            && let Some(tally) = self.tally_test(test, &all.candidates)?
        {
            return Ok(tally);
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

    /// What passes one test, where the source comes by it as bits: no set is made of them.
    fn tally_test(
        &mut self,
        test: &FieldTest,
        candidates: &Candidates,
    ) -> Result<Option<Tally>, S::Error> {
        let FieldTest { step, field: SpanField { parent: false, lookup }, test, .. } = test else {
            return Ok(None);
        };
        let (Lookup::Plain(column), Candidates::All(_)) = (lookup, candidates) else {
            return Ok(None);
        };
        let predicate = Predicate { column: column.clone(), test: test.clone() };
        let Some(found) = self.source.find_marked(&predicate, &self.window)? else {
            return Ok(None);
        };
        let spans = found.spans.unwrap_or_else(|| found.bits.count());
        self.figures.note_found(spans, self.source.is_indexed(column));
        self.figures.note(*step, candidates.len(), spans);
        let traces = match found.traces {
            Some(traces) => traces,
            None => count_traces(&found.bits, &*self.source.trace_lasts()?),
        };
        Ok(Some(Tally { traces, spans }))
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
        let lasts = self.source.trace_lasts()?;
        let traces = match rows.few() {
            Some(few) => count_traces_of(few, &lasts),
            None if are_dense(rows) => count_traces(rows.bits(), &lasts),
            None => count_traces_of(&rows.to_vec(), &lasts),
        };
        Ok(Tally { traces, spans: rows.len() })
    }

    /// The traces with so many rows as are kept.
    fn tally_traces(&self, kept: &Kept, candidates: &Candidates) -> Result<Tally, S::Error> {
        let mut tally = Tally::default();
        self.each_trace(candidates, |rows| {
            let count = rows.len();
            tally.add(if kept.has(cast::usize_of_u64(count)) { count } else { 0 });
        })?;
        Ok(tally)
    }

    /// Calls `visit` with the rows of each trace, in order; ends early where the source says stop.
    pub(super) fn each_trace(
        &self,
        candidates: &Candidates,
        mut visit: impl FnMut(TraceRows<'_>),
    ) -> Result<(), S::Error> {
        let starts = self.trace_starts()?;
        match candidates {
            Candidates::All(window) => {
                let first = starts.partition_point(|start| *start < window.start);
                for bounds in starts.get(first..).unwrap_or_default().windows(2) {
                    let [start, end] = bounds else { continue };
                    if *start >= window.end || self.stops_before(cast::usize_of(end - start)) {
                        break;
                    }
                    visit(TraceRows::All(*start..*end));
                }
                Ok(())
            }
            Candidates::Rows(rows) if are_dense(rows) => {
                let (bits, lasts) = (rows.bits(), self.source.trace_lasts()?);
                for_each_trace_at(&hits(bits, &lasts), &lasts, |range| {
                    let goes_on = !self.stops_before(range.len());
                    if goes_on {
                        visit(TraceRows::Set(bits, range));
                    }
                    goes_on
                });
                Ok(())
            }
            Candidates::Rows(rows) => for_each_trace(rows, &starts, |_, rows| {
                if !self.stops_before(rows.len()) {
                    visit(TraceRows::Some(rows));
                }
                Ok(())
            }),
        }
    }

    /// The groups by a field that are kept for their counts.
    fn tally_groups(
        &self,
        field: &SpanField,
        kept: &Kept,
        candidates: &Candidates,
    ) -> Result<Option<Tally>, S::Error> {
        if field.parent {
            return Ok(None);
        }
        if let Candidates::Rows(rows) = candidates
            && rows.len().saturating_mul(GROUPED_ROWS_SHARE) < u64::from(self.source.row_count())
        {
            return self.tally_few(field, kept, rows);
        }
        let Some(grouping) = self.grouping(&field.lookup)? else { return Ok(None) };
        if let (Candidates::Rows(rows), Some(least)) = (candidates, kept.least())
            && rows.len() < u64::from(self.source.row_count()) / ROWS_APART_SHARE
        {
            let lasts = self.source.trace_lasts()?;
            let mut counter = RowCounter::new(least, &grouping.groups, grouping.end, &lasts);
            with_narrow!(&grouping.numbers, list => {
                // Nobody looks at what was counted when a search stops.
                let _is_whole = rows.try_for_each_batch(|batch| {
                    counter.add(batch, list);
                    if self.stops_before(batch.len()) { Err(()) } else { Ok(()) }
                });
            });
            return Ok(Some(counter.tally));
        }
        let mut counter = Counter::new(kept, grouping.groups, grouping.end);
        with_narrow!(&grouping.numbers, list => {
            self.each_trace(candidates, |rows| counter.add(&rows, list))?;
        });
        Ok(Some(counter.tally))
    }

    /// The same where rows are so few that the values of these are read, and no others.
    fn tally_few(
        &self,
        field: &SpanField,
        kept: &Kept,
        rows: &Rows,
    ) -> Result<Option<Tally>, S::Error> {
        // Of a trace with fewer rows than any group that is kept, no value is read.
        let least = kept.range(u8::MAX).map_or(1, |kept| u64::from(*kept.start()));
        let (mut all, mut ends) = (Vec::new(), Vec::new());
        self.each_trace(&Candidates::Rows(rows.clone()), |rows| {
            if rows.len() >= least {
                rows.each(|row| all.push(row));
                ends.push(cast::u32_of(all.len()).unwrap_or(u32::MAX));
            }
        })?;
        let Some(Numbered::Listed { places, values }) = self.numbered(field, &all)? else {
            return Ok(None);
        };
        let (places, values) = sorted(places, &values);
        let end = cast::u32_of(values.len()).unwrap_or(u32::MAX);
        let mut counter = Counter::new(kept, Vec::new(), end);
        let mut start = 0;
        for end in ends {
            counter.add(&TraceRows::All(start..end), &places);
            start = end;
        }
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
    pub(super) fn len_max(&self) -> usize {
        match self {
            Self::All(rows) | Self::Set(_, rows) => rows.len(),
            Self::Some(rows) => rows.len(),
        }
    }

    /// Hands on each row.
    pub(super) fn each(&self, each: impl FnMut(u32)) {
        match self {
            Self::All(rows) => rows.clone().for_each(each),
            Self::Some(rows) => rows.iter().copied().for_each(each),
            Self::Set(bits, range) => bits.for_each_in(range.clone(), each),
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
