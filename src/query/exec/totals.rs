//! Aggregates of whole numbers compared with constants, where only the number of traces that pass is
//! asked for. Invariant: a trace passes here where it passes with spansets.

use super::Execution;
use super::aggregate::{Total, mean};
use super::candidates::Candidates;
use super::tally::{Tally, TraceRows};
use crate::codec::cast;
use crate::query::plan::field::{Lookup, SpanField};
use crate::query::plan::filter::Operand;
use crate::query::plan::pipeline::Number;
use crate::query::source::{Column, Source, Unit, Wholes};
use crate::query::syntax::{AggregateOp, CompareOp};
use crate::query::value::{Scalar, compare};

/// An aggregate of a column compared with a constant.
pub(super) struct Totals<'a> {
    aggregate: AggregateOp,
    column: &'a Column,
    op: CompareOp,
    constant: &'a Scalar,
    /// True where the aggregate is on the left.
    is_left: bool,
}

/// What the numbers of one trace come to.
struct Sum {
    count: usize,
    total: i128,
    least: i64,
    greatest: i64,
}

impl<'a> Totals<'a> {
    /// What a filter compares; `None` where it is anything else.
    pub(super) fn of(left: &'a Number, op: CompareOp, right: &'a Number) -> Option<Self> {
        let (number, constant, is_left) = match (left, right) {
            (number, Number::Literal(constant)) => (number, constant, true),
            (Number::Literal(constant), number) => (number, constant, false),
            _ => return None,
        };
        let Number::Aggregate { op: aggregate, operand: Operand::Field(field), .. } = number else {
            return None;
        };
        let SpanField { parent: false, lookup: Lookup::Plain(column) } = field else { return None };
        Some(Self { aggregate: *aggregate, column, op, constant, is_left })
    }

    fn has(&self, unit: Unit, sum: &Sum) -> bool {
        let value = sum.aggregate(self.aggregate, unit);
        if self.is_left {
            compare(self.op, &value, self.constant)
        } else {
            compare(self.op, self.constant, &value)
        }
    }
}

impl Sum {
    #[inline]
    fn of(numbers: impl Iterator<Item = i64>) -> Self {
        let none = Self { count: 0, total: 0, least: i64::MAX, greatest: i64::MIN };
        numbers.fold(none, |sum, number| Self {
            count: sum.count + 1,
            total: sum.total + i128::from(number),
            least: sum.least.min(number),
            greatest: sum.greatest.max(number),
        })
    }

    fn aggregate(&self, op: AggregateOp, unit: Unit) -> Scalar {
        let total = match unit {
            _ if self.count == 0 => return Scalar::Nil,
            Unit::Int => Total::Ints(self.total),
            Unit::Duration => Total::Durations(self.total),
        };
        match op {
            AggregateOp::Max => unit.scalar(self.greatest),
            AggregateOp::Min => unit.scalar(self.least),
            AggregateOp::Sum => total.value(),
            AggregateOp::Avg => mean(total, self.count),
        }
    }
}

impl<S: Source> Execution<'_, S> {
    /// The traces whose aggregate compares so, each with one spanset; `None` where it is of no whole
    /// numbers.
    pub(super) fn tally_totals(
        &self,
        totals: &Totals<'_>,
        candidates: &Candidates,
    ) -> Result<Option<Tally>, S::Error> {
        let Some((unit, wholes)) = self.source.wholes(totals.column)? else { return Ok(None) };
        let mut tally = Tally::default();
        let mut add = |sum: &Sum, rows: usize| {
            tally.add(if totals.has(unit, sum) { cast::u64_of(rows) } else { 0 });
        };
        let whole = |number: &u64| i64::try_from(*number).unwrap_or(i64::MAX);
        match &wholes {
            Wholes::Each(numbers) => self.each_trace(candidates, |_, rows| match rows {
                TraceRows::All(range) => {
                    let range = cast::usize_of(range.start)..cast::usize_of(range.end);
                    let numbers = numbers.get(range).unwrap_or_default();
                    add(&Sum::of(numbers.iter().map(whole)), numbers.len());
                }
                TraceRows::Some(rows) => {
                    let numbers = rows.iter().filter_map(|row| numbers.get(cast::usize_of(*row)));
                    add(&Sum::of(numbers.map(whole)), rows.len());
                }
            })?,
            Wholes::Listed { places, values } => {
                let value = |place: &u32| values.get(cast::usize_of(*place)).copied();
                self.each_trace(candidates, |_, rows| match rows {
                    TraceRows::All(range) => {
                        let range = cast::usize_of(range.start)..cast::usize_of(range.end);
                        let places = places.get(range).unwrap_or_default();
                        add(&Sum::of(places.iter().filter_map(value)), places.len());
                    }
                    TraceRows::Some(rows) => {
                        let places = rows.iter().filter_map(|row| places.get(cast::usize_of(*row)));
                        add(&Sum::of(places.filter_map(value)), rows.len());
                    }
                })?;
            }
        }
        Ok(Some(tally))
    }
}
