//! Comparisons as a range of numbers, so that a column is scanned without looking at types. Invariant:
//! `contains` says of a number what `compare` says of the value that it stands for.

use std::ops::RangeInclusive;

use super::{Scalar, compare};
use crate::query::syntax::CompareOp;

/// The numbers that pass a comparison: those within a range, or those outside it.
#[derive(Debug)]
pub(crate) struct NumberRange {
    first: u64,
    /// The last minus the first.
    width: u64,
    inside: bool,
}

impl NumberRange {
    const fn all(inside: bool) -> Self {
        Self { first: 0, width: u64::MAX, inside }
    }

    /// The numbers for whose values `op constant` holds. Values, of one type, ascend with numbers.
    pub(crate) fn new(op: CompareOp, constant: &Scalar, value: impl Fn(u64) -> Scalar) -> Self {
        let holds = |op: CompareOp, number: u64| compare(op, &value(number), constant);
        // What is neither on one side of the constant nor on the other does not compare with it, or
        // the constant is NaN.
        if !holds(CompareOp::GreaterEqual, 0) && !holds(CompareOp::Less, 0) {
            return Self::all(holds(op, 0));
        }
        let end = u128::from(u64::MAX) + 1;
        let first = |op: CompareOp| {
            let (mut low, mut high) = (0, end);
            while low < high {
                let middle = low.midpoint(high);
                if holds(op, u64::try_from(middle).unwrap_or(u64::MAX)) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            low
        };
        // Where the numbers begin whose values are not below the constant, and where those above it do.
        let (lower, upper) = (|| first(CompareOp::GreaterEqual), || first(CompareOp::Greater));
        let (range, inside) = match op {
            CompareOp::Equal => (lower()..upper(), true),
            CompareOp::NotEqual => (lower()..upper(), false),
            CompareOp::Less => (0..lower(), true),
            CompareOp::LessEqual => (0..upper(), true),
            CompareOp::Greater => (upper()..end, true),
            CompareOp::GreaterEqual => (lower()..end, true),
            CompareOp::Match | CompareOp::NotMatch => (0..0, true),
        };
        let width = range.end.checked_sub(range.start + 1);
        match (u64::try_from(range.start), width.map(u64::try_from)) {
            (Ok(first), Some(Ok(width))) => Self { first, width, inside },
            _ => Self::all(!inside),
        }
    }

    /// The range, and whether it is those within it that pass, or those outside it.
    pub(crate) fn values(&self) -> (RangeInclusive<u64>, bool) {
        (self.first..=self.first.saturating_add(self.width), self.inside)
    }

    /// False where no number from `first` to `last` passes.
    pub(crate) fn may_hold(&self, first: u64, last: u64) -> bool {
        let own_last = self.first.saturating_add(self.width);
        if self.inside {
            first <= own_last && self.first <= last
        } else {
            first < self.first || own_last < last
        }
    }

    /// True for a number that passes.
    #[inline]
    pub(crate) fn contains(&self, number: u64) -> bool {
        (number.wrapping_sub(self.first) <= self.width) == self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::value::compare::tests::OPS;
    use crate::time::Timestamp;

    #[test]
    fn a_range_says_what_the_comparison_says() {
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
            Scalar::text("1970-01-01T00:00:00.05Z"),
            Scalar::Bool(true),
        ];
        let durations = [0, 1, 49_999_999, 50_000_000, 50_000_001, 1 << 53, (1 << 53) + 1];
        let extremes = [i64::MAX.cast_unsigned(), 1 << 63, u64::MAX];
        for op in OPS {
            for constant in &constants {
                let range = NumberRange::new(op, constant, Scalar::of_nanos);
                for first in durations {
                    for last in [first, first + 1, 50_000_000, u64::MAX] {
                        let any = [first, first + 1, 50_000_000, last];
                        let inside = |nanos: &u64| first <= *nanos && *nanos <= last;
                        let any = any.iter().filter(|nanos| inside(nanos));
                        let holds = any.into_iter().any(|nanos| range.contains(*nanos));
                        assert!(!holds || range.may_hold(first, last), "{first} {last} {range:?}");
                    }
                }
                let range = NumberRange::new(op, constant, Scalar::of_nanos);
                for nanos in durations.into_iter().chain(extremes) {
                    let expected = compare(op, &Scalar::of_nanos(nanos), constant);
                    assert_eq!(range.contains(nanos), expected, "{nanos} {op:?} {constant:?}");
                }
                let time = |nanos| Scalar::Time(Timestamp::from_unix_nanos(nanos));
                let range = NumberRange::new(op, constant, time);
                for nanos in durations.into_iter().chain(extremes) {
                    let expected = compare(op, &time(nanos), constant);
                    assert_eq!(range.contains(nanos), expected, "{nanos} {op:?} {constant:?}");
                }
            }
        }
    }
}
