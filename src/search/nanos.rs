//! Comparisons of durations as a range of numbers, so that a column is scanned without looking at
//! types. Invariant: `contains` says what `compare` says of the same duration.

use crate::query::syntax::CompareOp;
use crate::query::value::{Scalar, compare};

/// The durations that pass a comparison: those within a range, or those outside it.
#[derive(Debug)]
pub(super) struct NanosRange {
    /// The first that passes, and the last; none where the last is before the first.
    first: u64,
    last: u64,
    inside: bool,
}

impl NanosRange {
    /// The durations for which `op constant` holds; none where the constant is no number.
    pub(super) fn new(op: CompareOp, constant: &Scalar) -> Self {
        let is_number = matches!(constant, Scalar::Int(_) | Scalar::Float(_) | Scalar::Duration(_));
        if !is_number {
            return Self { first: 1, last: 0, inside: true };
        }
        if matches!(constant, Scalar::Float(value) if value.is_nan()) {
            return Self { first: 1, last: 0, inside: op != CompareOp::NotEqual };
        }
        let end = u128::from(u64::MAX) + 1;
        let first = |op: CompareOp| {
            let (mut low, mut high) = (0, end);
            while low < high {
                let middle = low.midpoint(high);
                let nanos = u64::try_from(middle).unwrap_or(u64::MAX);
                if compare(op, &Scalar::of_nanos(nanos), constant) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            low
        };
        let (lower, upper) = (first(CompareOp::GreaterEqual), first(CompareOp::Greater));
        let (range, inside) = match op {
            CompareOp::Equal => (lower..upper, true),
            CompareOp::NotEqual => (lower..upper, false),
            CompareOp::Less => (0..lower, true),
            CompareOp::LessEqual => (0..upper, true),
            CompareOp::Greater => (upper..end, true),
            CompareOp::GreaterEqual => (lower..end, true),
            CompareOp::Match | CompareOp::NotMatch => (0..0, true),
        };
        let (first, last) = match (u64::try_from(range.start), range.end.checked_sub(1)) {
            (Ok(first), Some(last)) => (first, u64::try_from(last).unwrap_or(u64::MAX)),
            _ => (1, 0),
        };
        Self { first, last, inside }
    }

    /// True for a duration that passes.
    #[inline]
    pub(super) fn contains(&self, nanos: u64) -> bool {
        (self.first <= nanos && nanos <= self.last) == self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_what_the_comparison_says() {
        let ops = [
            CompareOp::Equal,
            CompareOp::NotEqual,
            CompareOp::Less,
            CompareOp::LessEqual,
            CompareOp::Greater,
            CompareOp::GreaterEqual,
        ];
        let constants = [
            Scalar::Int(-1),
            Scalar::Int(0),
            Scalar::Duration(50_000_000),
            Scalar::Duration(i64::MAX),
            Scalar::Float(0.5),
            Scalar::Float(1e300),
            Scalar::Float(-1e300),
            Scalar::Float(f64::NAN),
            Scalar::Float(9_007_199_254_740_992.0),
            Scalar::Float(-0.0),
            Scalar::Float(f64::INFINITY),
            Scalar::Float(f64::NEG_INFINITY),
            Scalar::Float(2.0_f64.powi(63)),
            Scalar::Int((1 << 53) + 1),
            Scalar::Int(i64::MAX),
            Scalar::Int(i64::MIN),
            Scalar::text("50ms"),
            Scalar::Bool(true),
        ];
        let durations = [0, 1, 49_999_999, 50_000_000, 50_000_001, 1 << 53, (1 << 53) + 1];
        let extremes = [i64::MAX.cast_unsigned(), 1 << 63, u64::MAX];
        for op in ops {
            for constant in &constants {
                let range = NanosRange::new(op, constant);
                for nanos in durations.into_iter().chain(extremes) {
                    let expected = compare(op, &Scalar::of_nanos(nanos), constant);
                    assert_eq!(range.contains(nanos), expected, "{nanos} {op:?} {constant:?}");
                }
            }
        }
    }
}
