//! A comparison with a constant as a range of durations, so that a scan compares numbers only.
//! Invariant: a duration is contained exactly where `compare` holds for it.

use crate::query::syntax::CompareOp;
use crate::query::value::{Scalar, compare};

/// The durations that pass a comparison: those within a range, or those outside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NanosRange {
    /// The first that passes, and the last; none where the last is before the first.
    first: u64,
    last: u64,
    inside: bool,
}

impl NanosRange {
    /// What passes `op constant`; nothing where the constant is no number.
    pub(super) fn new(op: CompareOp, constant: &Scalar) -> Self {
        let is_number = matches!(constant, Scalar::Int(_) | Scalar::Float(_) | Scalar::Duration(_));
        if !is_number {
            return Self { first: 1, last: 0, inside: true };
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

    /// True if a duration of so many nanoseconds passes.
    pub(super) fn contains(&self, nanos: u64) -> bool {
        (self.first <= nanos && nanos <= self.last) == self.inside
    }
}
