//! Scalars: numbers computed from a spanset. Invariant: numbers add up in the order of the spans, and
//! spans without a number do not count.

use super::unknown;
use treering::query::syntax::{
    AggregateOp, ArithmeticOp, CompareOp, FieldExpr, ScalarExpr, ScalarExprKind, ScalarFilter,
};

use super::spansets::{Evaluation, Set};
use super::values::{Number, Val, calculate, compare, negate};

impl Evaluation<'_> {
    /// True if the filter keeps the spanset.
    pub(crate) fn scalar_filter(self, filter: &ScalarFilter, set: &Set) -> bool {
        compare(&self.scalar(&filter.left, set), filter.op, &self.scalar(&filter.right, set))
    }

    /// The value of a scalar on a spanset.
    pub(crate) fn scalar(self, scalar: &ScalarExpr, set: &Set) -> Val {
        match &scalar.kind {
            ScalarExprKind::Literal(literal) => Val::from(literal),
            ScalarExprKind::Negate(inner) => negate(&self.scalar(inner, set)),
            ScalarExprKind::Count => Val::Int(i64::try_from(set.len()).unwrap_or(i64::MAX)),
            ScalarExprKind::Aggregate(op, expr) => self.aggregate(*op, expr, set),
            ScalarExprKind::Pipeline(pipeline, scalar) => {
                let spans = self.pipeline(pipeline, vec![set.clone()]).into_iter().flatten();
                self.scalar(scalar, &spans.collect())
            }
            ScalarExprKind::Chain { first, rest } => {
                rest.iter().fold(self.scalar(first, set), |left, (op, next)| {
                    calculate(&left, *op, &self.scalar(next, set))
                })
            }
            other => unknown(other),
        }
    }

    fn aggregate(self, op: AggregateOp, expr: &FieldExpr, set: &Set) -> Val {
        let values = set.iter().map(|at| self.on(*at).value(expr));
        let numbers: Vec<Val> = values.filter(|value| value.number().is_some()).collect();
        let Some((first, rest)) = numbers.split_first() else { return Val::Nil };
        let count = Val::Float(Number::Whole(i128::try_from(numbers.len()).unwrap_or(0)).float());
        let sum = || {
            let ints = whole_start(&numbers);
            let start = ints.as_ref().map_or_else(|| first.clone(), |(total, _)| total.clone());
            let added = ints.map_or(1, |(_, count)| count);
            numbers[added..].iter().fold(start, |sum, value| add(&sum, value))
        };
        let best = |op: CompareOp| {
            let exact = |best: &Val, value: &Val| {
                matches!((best, value), (Val::Float(_), Val::Int(_)))
                    && compare(value, CompareOp::Equal, best)
            };
            let better = |best: Val, value: &Val| {
                let wins = compare(value, op, &best) || is_nan(&best) || exact(&best, value);
                if wins { value.clone() } else { best }
            };
            rest.iter().fold(first.clone(), better)
        };
        match op {
            AggregateOp::Sum => sum(),
            AggregateOp::Avg => calculate(&sum(), ArithmeticOp::Divide, &count),
            AggregateOp::Max => best(CompareOp::Greater),
            AggregateOp::Min => best(CompareOp::Less),
            other => unknown(other),
        }
    }
}

/// The sum of the integers that the numbers begin with, and how many these are. Integers that add up
/// to more than 64 bits on the way may still add up to fewer.
fn whole_start(numbers: &[Val]) -> Option<(Val, usize)> {
    let int = |value: &Val| if let Val::Int(int) = value { Some(i128::from(*int)) } else { None };
    let ints: Vec<i128> = numbers.iter().map_while(int).collect();
    let total: i128 = ints.iter().sum();
    let total = i64::try_from(total).map_or(Val::Float(Number::Whole(total).float()), Val::Int);
    (!ints.is_empty()).then_some((total, ints.len()))
}

/// A sum of durations is a duration.
fn add(sum: &Val, value: &Val) -> Val {
    match (sum, value) {
        (Val::Duration(a), Val::Duration(b)) => Val::Duration(a + b),
        _ => calculate(sum, ArithmeticOp::Add, value),
    }
}

fn is_nan(value: &Val) -> bool {
    matches!(value, Val::Float(value) if value.is_nan())
}
