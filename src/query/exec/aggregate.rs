//! Scalar filters: numbers computed from a spanset. Invariant: sums add in the order of start time,
//! span id and kind, so that the same spans always give the same float.

use std::sync::Arc;

use super::Execution;
use super::loaded::Loaded;
use super::operand::Prepared;
use super::stages::{Found, count};
use crate::codec::cast;
use crate::query::plan::pipeline::Number;
use crate::query::rows::Rows;
use crate::query::source::{Column, Source, Unit};
use crate::query::syntax::{AggregateOp, ArithmeticOp, CompareOp, Intrinsic};
use crate::query::value::{Scalar, arithmetic, compare, negate};

/// A number with everything found that is found for all spansets at once.
#[derive(Debug)]
pub(super) enum Ready<'a> {
    Literal(&'a Scalar),
    Negate(Box<Ready<'a>>),
    Count(Arc<str>),
    Aggregate { name: Arc<str>, op: AggregateOp, operand: Prepared<'a>, loaded: Loaded },
    Pipeline(Rows, Box<Ready<'a>>),
    Arithmetic { first: Box<Ready<'a>>, rest: Vec<(ArithmeticOp, Ready<'a>)> },
}

pub(super) type Attributes = Vec<(Arc<str>, Scalar)>;

impl<S: Source> Execution<'_, S> {
    pub(super) fn ready<'n>(
        &mut self,
        number: &'n Number,
        found: &Found,
    ) -> Result<Ready<'n>, S::Error> {
        Ok(match number {
            Number::Literal(value) => Ready::Literal(value),
            Number::Negate(inner) => Ready::Negate(Box::new(self.ready(inner, found)?)),
            Number::Count => Ready::Count(Arc::from("count()")),
            Number::Aggregate { name, op, operand } => {
                let operand = self.prepare(operand, &found.candidates)?;
                let loaded = self.nothing_loaded(&operand)?;
                Ready::Aggregate { name: Arc::from(name.as_str()), op: *op, operand, loaded }
            }
            Number::Pipeline(stages, inner) => {
                let left = self.stages(stages, found.nested())?;
                let inner = Box::new(self.ready(inner, &left)?);
                Ready::Pipeline(left.rows(), inner)
            }
            Number::Arithmetic { first, rest } => {
                let first = Box::new(self.ready(first, found)?);
                let mut later = Vec::with_capacity(rest.len());
                for (op, operand) in rest {
                    later.push((*op, self.ready(operand, found)?));
                }
                Ready::Arithmetic { first, rest: later }
            }
        })
    }

    pub(super) fn number(
        &self,
        number: &Ready<'_>,
        rows: &[u32],
        computed: &mut Attributes,
    ) -> Result<Scalar, S::Error> {
        Ok(match number {
            Ready::Literal(value) => Scalar::clone(value),
            Ready::Negate(inner) => negate(&self.number(inner, rows, computed)?),
            Ready::Count(name) => note(computed, name, count(rows.len())),
            Ready::Aggregate { .. } if self.stops_before(rows.len() + computed.len()) => {
                Scalar::Nil
            }
            Ready::Aggregate { name, op, loaded, .. } => {
                let value = match loaded {
                    Loaded::Scalars(loaded) => self.aggregate(*op, &loaded.numbers(rows))?,
                    Loaded::Integers(unit, loaded) => {
                        aggregate_integers(*op, *unit, &loaded.of_rows(rows))
                    }
                };
                note(computed, name, value)
            }
            Ready::Pipeline(left, inner) => {
                // What is computed there is no attribute of this spanset.
                self.number(inner, &among(rows, left), &mut Vec::new())?
            }
            Ready::Arithmetic { first, rest } => {
                let mut value = self.number(first, rows, computed)?;
                for (op, operand) in rest {
                    value = arithmetic(*op, &value, &self.number(operand, rows, computed)?);
                }
                value
            }
        })
    }

    fn aggregate<'n>(
        &self,
        op: AggregateOp,
        numbers: &(impl Iterator<Item = (u32, &'n Scalar)> + Clone),
    ) -> Result<Scalar, S::Error> {
        let values = || numbers.clone().map(|(_, value)| value);
        let best = |better| {
            let best = values().reduce(|best, value| pick(best, value, better));
            best.cloned().unwrap_or_default()
        };
        Ok(match op {
            AggregateOp::Max => best(CompareOp::Greater),
            AggregateOp::Min => best(CompareOp::Less),
            AggregateOp::Sum | AggregateOp::Avg => {
                let (mut total, mut count, mut floats) = (Total::None, 0, false);
                for value in values() {
                    floats |= matches!(value, Scalar::Float(_));
                    total = total.and(value);
                    count += 1;
                }
                // Only floats add up to something else in another order.
                if floats && !self.source.stops() {
                    let mut sorted: Vec<(u32, &Scalar)> = numbers.clone().collect();
                    self.sort_by_start(&mut sorted)?;
                    let values = sorted.iter().map(|(_, value)| *value);
                    total = values.fold(Total::None, Total::and);
                }
                match op {
                    AggregateOp::Avg => mean(total, count),
                    _ => total.value(),
                }
            }
        })
    }

    /// Sorts by start time, span id and kind.
    fn sort_by_start(&self, numbers: &mut Vec<(u32, &Scalar)>) -> Result<(), S::Error> {
        let rows: Vec<u32> = numbers.iter().map(|(row, _)| *row).collect();
        let read = |intrinsic| {
            let mut values = Vec::with_capacity(rows.len());
            self.source.values(&Column::Intrinsic(intrinsic), &rows, &mut values)?;
            Ok(values)
        };
        let starts = read(Intrinsic::StartTime)?;
        let (ids, kinds) = (read(Intrinsic::SpanId)?, read(Intrinsic::Kind)?);
        let keys = starts.into_iter().zip(ids).zip(kinds);
        let mut keyed: Vec<_> = keys.zip(std::mem::take(numbers)).collect();
        keyed.sort_by(|(((start_a, id_a), kind_a), _), (((start_b, id_b), kind_b), _)| {
            let ids = || id_a.group_order(id_b).then_with(|| kind_a.group_order(kind_b));
            start_a.group_order(start_b).then_with(ids)
        });
        numbers.extend(keyed.into_iter().map(|(_, number)| number));
        Ok(())
    }
}

pub(super) fn among(rows: &[u32], set: &Rows) -> Vec<u32> {
    rows.iter().copied().filter(|row| set.contains(*row)).collect()
}

fn note(computed: &mut Attributes, name: &Arc<str>, value: Scalar) -> Scalar {
    if !computed.iter().any(|(known, _)| known == name) {
        computed.push((Arc::clone(name), value.clone()));
    }
    value
}

pub(super) fn is_number(value: &Scalar) -> bool {
    matches!(value, Scalar::Int(_) | Scalar::Float(_) | Scalar::Duration(_) | Scalar::Time(_))
}

/// The better of two values; NaN only where both are, of an integer and an equal float the integer, so
/// that it does not matter which comes first.
fn pick<'a>(best: &'a Scalar, value: &'a Scalar, better: CompareOp) -> &'a Scalar {
    let nan = matches!(best, Scalar::Float(float) if float.is_nan());
    let exact = matches!((best, value), (Scalar::Float(_), Scalar::Int(_)))
        && compare(CompareOp::Equal, value, best);
    if nan || exact || compare(better, value, best) { value } else { best }
}

/// The aggregate of integers of one unit.
fn aggregate_integers(op: AggregateOp, unit: Unit, values: &[i64]) -> Scalar {
    let best = |best: Option<&i64>| best.map(|value| unit.scalar(*value)).unwrap_or_default();
    let total = || {
        let total = values.iter().copied().map(i128::from).sum();
        match unit {
            _ if values.is_empty() => Total::None,
            Unit::Int => Total::Ints(total),
            Unit::Duration => Total::Durations(total),
        }
    };
    match op {
        AggregateOp::Max => best(values.iter().max()),
        AggregateOp::Min => best(values.iter().min()),
        AggregateOp::Sum => total().value(),
        AggregateOp::Avg => mean(total(), values.len()),
    }
}

/// A sum in the making: exact while all parts are integers or durations.
pub(super) enum Total {
    None,
    Ints(i128),
    Durations(i128),
    Float(f64),
}

impl Total {
    /// With one more value.
    fn and(self, value: &Scalar) -> Self {
        match (self, value) {
            (Self::None, Scalar::Int(value)) => Self::Ints(i128::from(*value)),
            (Self::None, Scalar::Duration(nanos)) => Self::Durations(i128::from(*nanos)),
            (Self::Ints(total), Scalar::Int(value)) => Self::Ints(total + i128::from(*value)),
            (Self::Durations(total), Scalar::Duration(nanos)) => {
                Self::Durations(total + i128::from(*nanos))
            }
            (total, value) => Self::Float(total.float() + float(value)),
        }
    }

    fn float(&self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Ints(total) | Self::Durations(total) => cast::nearest_f64_of_i128(*total),
            Self::Float(total) => *total,
        }
    }

    pub(super) fn value(self) -> Scalar {
        let exact = match &self {
            Self::None => return Scalar::Nil,
            Self::Ints(total) => i64::try_from(*total).ok().map(Scalar::Int),
            Self::Durations(total) => i64::try_from(*total).ok().map(Scalar::Duration),
            Self::Float(_) => None,
        };
        exact.unwrap_or_else(|| Scalar::Float(self.float()))
    }
}

fn float(value: &Scalar) -> f64 {
    match value {
        Scalar::Int(value) | Scalar::Duration(value) => cast::nearest_f64(*value),
        Scalar::Time(time) => cast::nearest_f64_of_u64(time.unix_nanos()),
        Scalar::Float(value) => *value,
        _ => 0.0,
    }
}

pub(super) fn mean(total: Total, count: usize) -> Scalar {
    match total {
        Total::None => Scalar::Nil,
        total => Scalar::Float(total.float() / cast::nearest_f64_of_u64(cast::u64_of(count))),
    }
}
