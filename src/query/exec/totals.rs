//! Aggregates of whole numbers compared with constants: which traces pass, before any spanset is made.
//! Invariant: a trace passes here where it passes with spansets.

use super::Execution;
use super::aggregate::{Total, mean};
use super::candidates::Candidates;
use super::tally::{MANY_ROWS_SHARE, Tally, TraceRows};
use super::traces::{for_each_trace_at, hits};
use crate::codec::narrow::{Width as _, with_narrow};
use crate::codec::{cast, order};
use crate::query::plan::field::{Lookup, SpanField};
use crate::query::plan::filter::Operand;
use crate::query::plan::mirrored;
use crate::query::plan::pipeline::Number;
use crate::query::rows::Rows;
use crate::query::source::{Column, Integers, Predicate, Source, Unit, Wholes};
use crate::query::syntax::{AggregateOp, CompareOp};
use crate::query::value::{NumberRange, Scalar, Test, compare};

/// Where no more than one in so many candidates can make a trace pass, traces are picked by these.
const FEW_SHARE: u64 = 4;

/// A trace is long that has so many times the rows that traces have on average.
const LONG_TRACE: u32 = 2;

/// An aggregate of a column compared with a constant.
pub(super) struct Totals<'a> {
    aggregate: AggregateOp,
    column: &'a Column,
    /// With the aggregate on the left.
    op: CompareOp,
    constant: &'a Scalar,
}

/// What is added up of the numbers of one trace.
trait Sum: Default {
    /// Adds a number, or nothing where it is none, and zero.
    fn add(&mut self, number: i64, is_one: bool);

    fn passes(&self, passing: &Passing<'_>) -> bool;
}

#[derive(Default)]
struct Totalled {
    count: usize,
    total: i128,
}

/// The least number, or the greatest.
#[derive(Default)]
struct Extreme<const GREATEST: bool>(Option<i64>);

/// Which results pass.
struct Passing<'a> {
    totals: &'a Totals<'a>,
    unit: Unit,
    /// Whole numbers, by the order of their bits.
    wholes: NumberRange,
    /// Floats that are numbers, by the order of their bits.
    floats: NumberRange,
}

impl<'a> Totals<'a> {
    /// What a filter compares; `None` where it is anything else.
    pub(super) fn of(left: &'a Number, op: CompareOp, right: &'a Number) -> Option<Self> {
        let (number, constant, op) = match (left, right) {
            (number, Number::Literal(constant)) => (number, constant, op),
            (Number::Literal(constant), number) => (number, constant, mirrored(op)),
            _ => return None,
        };
        // Of an array any element counts, so that what passes need be no range.
        if matches!(constant, Scalar::Array(_)) {
            return None;
        }
        let Number::Aggregate { op: aggregate, operand: Operand::Field(field), .. } = number else {
            return None;
        };
        let SpanField { parent: false, lookup: Lookup::Plain(column) } = field else { return None };
        Some(Self { aggregate: *aggregate, column, op, constant })
    }

    /// A trace passes where any number compares so, or where all do; `None` where it takes more.
    fn of_each(&self) -> Option<AnyOrAll> {
        use CompareOp::{Greater, GreaterEqual, Less, LessEqual};
        match (self.aggregate, self.op) {
            (AggregateOp::Max, Greater | GreaterEqual) | (AggregateOp::Min, Less | LessEqual) => {
                Some(AnyOrAll::Any)
            }
            (AggregateOp::Max, Less | LessEqual) | (AggregateOp::Min, Greater | GreaterEqual) => {
                Some(AnyOrAll::All)
            }
            _ => None,
        }
    }

    /// What traces have that pass, of which there are so many of so many rows. A mean is not above all
    /// of what it is the mean of, but for the little by which a float may be off; and a few numbers are as
    /// much as another only where one of them is that, shared out among so many.
    fn needs(&self, rows: u32, traces: usize) -> Option<Needs> {
        let is_above = matches!(self.op, CompareOp::Greater | CompareOp::GreaterEqual);
        let (Scalar::Int(constant) | Scalar::Duration(constant)) = self.constant else {
            return None;
        };
        match self.aggregate {
            AggregateOp::Avg if is_above => {
                let number =
                    constant.checked_sub(constant.saturating_abs() >> 40)?.checked_sub(1)?;
                Some(Needs { number, unless_longer: u32::MAX })
            }
            AggregateOp::Sum if is_above && *constant > 0 => {
                let mean = rows.checked_div(u32::try_from(traces).ok()?)?;
                let unless_longer = mean.saturating_mul(LONG_TRACE).max(LONG_TRACE);
                let number = (constant - 1) / i64::from(unless_longer);
                Some(Needs { number, unless_longer })
            }
            _ => None,
        }
    }
}

/// What each trace has that passes: a value above a number, unless it has more rows than this.
struct Needs {
    number: i64,
    unless_longer: u32,
}

/// Which numbers of a trace have to compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AnyOrAll {
    Any,
    All,
}

impl Sum for Totalled {
    #[inline]
    fn add(&mut self, number: i64, is_one: bool) {
        self.count += usize::from(is_one);
        self.total += i128::from(number);
    }

    #[inline]
    fn passes(&self, passing: &Passing<'_>) -> bool {
        let total = || match passing.unit {
            _ if self.count == 0 => Total::None,
            Unit::Int => Total::Ints(self.total),
            Unit::Duration => Total::Durations(self.total),
        };
        match (passing.totals.aggregate, i64::try_from(self.total)) {
            (AggregateOp::Avg, _) => match mean(total(), self.count) {
                Scalar::Float(mean) => passing.float(mean),
                other => passing.scalar(&other),
            },
            (_, Ok(total)) if self.count > 0 => passing.whole(total),
            _ => passing.scalar(&total().value()),
        }
    }
}

impl<const GREATEST: bool> Sum for Extreme<GREATEST> {
    #[inline]
    fn add(&mut self, number: i64, is_one: bool) {
        if is_one {
            let further = if GREATEST { i64::max } else { i64::min };
            self.0 = Some(self.0.map_or(number, |extreme| further(extreme, number)));
        }
    }

    fn passes(&self, passing: &Passing<'_>) -> bool {
        self.0.map_or_else(|| passing.scalar(&Scalar::Nil), |extreme| passing.whole(extreme))
    }
}

impl<'a> Passing<'a> {
    fn new(totals: &'a Totals<'a>, unit: Unit) -> Self {
        let (op, constant) = (totals.op, totals.constant);
        let (first, last) = (float_place(f64::NEG_INFINITY), float_place(f64::INFINITY));
        let float = |place: u64| {
            Scalar::Float(f64::from_bits(order::to_f64_bits(place.clamp(first, last))))
        };
        let whole = |place| unit.scalar(order::to_i64(place));
        let wholes = NumberRange::new(op, constant, whole);
        Self { totals, unit, wholes, floats: NumberRange::new(op, constant, float) }
    }

    #[inline]
    fn whole(&self, number: i64) -> bool {
        self.wholes.contains(order::of_i64(number))
    }

    #[inline]
    fn float(&self, number: f64) -> bool {
        self.floats.contains(float_place(number))
    }

    fn scalar(&self, value: &Scalar) -> bool {
        compare(self.totals.op, value, self.totals.constant)
    }
}

fn float_place(number: f64) -> u64 {
    order::of_f64_bits(number.to_bits())
}

impl<S: Source> Execution<'_, S> {
    /// The traces whose aggregate compares so, each with one spanset; `None` where it is of no whole
    /// numbers.
    pub(super) fn tally_totals(
        &self,
        totals: &Totals<'_>,
        candidates: &Candidates,
    ) -> Result<Option<Tally>, S::Error> {
        let mut tally = Tally::default();
        let is_known = self.each_passing(totals, candidates, |rows| tally.add(rows.len()))?;
        Ok(is_known.then_some(tally))
    }

    /// The candidates of the traces that pass a filter; all, where there is no telling beforehand.
    pub(super) fn passing(
        &self,
        (left, op, right): (&Number, CompareOp, &Number),
        candidates: Candidates,
    ) -> Result<Candidates, S::Error> {
        let is_worth = candidates.len().saturating_mul(MANY_ROWS_SHARE) >= self.window_len();
        let Some(totals) = Totals::of(left, op, right).filter(|_| is_worth) else {
            return Ok(candidates);
        };
        let mut all = Vec::new();
        let take = |rows: TraceRows<'_>| rows.each(|row| all.push(row));
        let is_known = self.each_passing(&totals, &candidates, take)?;
        Ok(if is_known { Candidates::Rows(Rows::from_sorted(&all)) } else { candidates })
    }

    /// Calls `visit` with the candidates of each trace whose aggregate compares so, in order; false where
    /// it is of no whole numbers.
    fn each_passing(
        &self,
        totals: &Totals<'_>,
        candidates: &Candidates,
        visit: impl FnMut(TraceRows<'_>),
    ) -> Result<bool, S::Error> {
        if self.source.integers(totals.column, &[], &mut Integers::default())?.is_none() {
            return Ok(false);
        }
        if let Some(how) = totals.of_each() {
            self.each_by_number(totals, how, candidates, visit)?;
            return Ok(true);
        }
        let Some((unit, wholes)) = self.source.wholes(totals.column)? else { return Ok(false) };
        let passing = Passing::new(totals, unit);
        let picked = self.picked(totals, unit, candidates)?;
        let from = (candidates, picked.as_deref());
        match totals.aggregate {
            AggregateOp::Sum | AggregateOp::Avg => {
                self.add_up::<Totalled>(&passing, &wholes, from, visit)?;
            }
            AggregateOp::Min => self.add_up::<Extreme<false>>(&passing, &wholes, from, visit)?,
            AggregateOp::Max => self.add_up::<Extreme<true>>(&passing, &wholes, from, visit)?,
        }
        Ok(true)
    }

    /// The traces of which any value, or each, compares so.
    fn each_by_number(
        &self,
        totals: &Totals<'_>,
        how: AnyOrAll,
        candidates: &Candidates,
        visit: impl FnMut(TraceRows<'_>),
    ) -> Result<(), S::Error> {
        let find = |test| {
            let predicate = Predicate { column: totals.column.clone(), test };
            Ok(candidates.keep(&self.source.find(&predicate, self.window.clone())?))
        };
        let lasts = self.source.trace_lasts()?;
        let passed = find(Test::Compare(totals.op, totals.constant.clone()))?;
        if how == AnyOrAll::Any {
            let picked = hits(passed.bits(), &lasts);
            return self.each_trace_with(Some(&picked), candidates, visit);
        }
        // Every span has an intrinsic that is a whole number.
        let present = match totals.column {
            Column::Intrinsic(_) => candidates.rows(),
            _ => find(Test::Present)?,
        };
        let failed = hits(present.minus(&passed).bits(), &lasts);
        let mut all = hits(present.bits(), &lasts);
        all.iter_mut().zip(failed).for_each(|(all, failed)| *all &= !failed);
        self.each_trace_with(Some(&all), candidates, visit)
    }

    /// The last rows of the traces that may pass, as words; `None` where that are not so few that finding
    /// them pays.
    fn picked(
        &self,
        totals: &Totals<'_>,
        unit: Unit,
        candidates: &Candidates,
    ) -> Result<Option<Vec<u64>>, S::Error> {
        let starts = self.trace_starts()?;
        let traces = starts.len().saturating_sub(1);
        let Some(needs) = totals.needs(self.source.row_count(), traces) else { return Ok(None) };
        let test = Test::Compare(CompareOp::Greater, unit.scalar(needs.number));
        let predicate = Predicate { column: totals.column.clone(), test };
        let found = candidates.keep(&self.source.find(&predicate, self.window.clone())?);
        if found.len().saturating_mul(FEW_SHARE) > candidates.len() {
            return Ok(None);
        }
        let lasts = self.source.trace_lasts()?;
        let mut picked = hits(found.bits(), &lasts);
        if needs.unless_longer < u32::MAX {
            for bounds in starts.windows(2) {
                let [start, end] = bounds else { continue };
                let is_inside = self.window.start <= *start && *start < self.window.end;
                if end - start > needs.unless_longer
                    && is_inside
                    && let Some(word) = picked.get_mut(cast::usize_of((end - 1) / 64))
                {
                    *word |= 1 << ((end - 1) % 64);
                }
            }
        }
        Ok(Some(picked))
    }

    /// Adds up the numbers of each trace, or of those only whose last rows are picked, and calls `visit`
    /// with the candidates of those that pass.
    fn add_up<A: Sum>(
        &self,
        passing: &Passing<'_>,
        wholes: &Wholes,
        (candidates, picked): (&Candidates, Option<&[u64]>),
        mut visit: impl FnMut(TraceRows<'_>),
    ) -> Result<(), S::Error> {
        let add = |rows: TraceRows<'_>| {
            let mut sum = A::default();
            match wholes {
                Wholes::Each(numbers) => rows.each_of(numbers, |number| {
                    sum.add(i64::try_from(number).unwrap_or(i64::MAX), true);
                }),
                Wholes::Listed { places, values } => {
                    let none = values.len().saturating_sub(1);
                    with_narrow!(places, list => rows.each_of(list, |place| {
                        let place = cast::usize_of(place.number());
                        let value = values.get(place).copied().unwrap_or(0);
                        sum.add(cast::i64_of_bits(value), place < none);
                    }));
                }
            }
            if sum.passes(passing) {
                visit(rows);
            }
        };
        self.each_trace_with(picked, candidates, add)
    }

    /// Calls `visit` with the candidates of each trace, or of those only whose last rows are picked.
    fn each_trace_with(
        &self,
        picked: Option<&[u64]>,
        candidates: &Candidates,
        mut visit: impl FnMut(TraceRows<'_>),
    ) -> Result<(), S::Error> {
        let Some(picked) = picked else {
            return self.each_trace(candidates, visit);
        };
        let all = match candidates {
            Candidates::All(_) => None,
            Candidates::Rows(rows) => Some(rows.bits()),
        };
        let lasts = self.source.trace_lasts()?;
        for_each_trace_at(picked, &lasts, |range| {
            let goes_on = !self.stops_before(range.len());
            match all {
                Some(all) => visit(TraceRows::Set(all, range)),
                None => visit(TraceRows::All(range)),
            }
            goes_on
        });
        Ok(())
    }
}
