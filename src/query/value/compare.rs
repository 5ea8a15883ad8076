//! Comparison of two values. Invariant: values of types that do not go together compare false with
//! every operator, `!=` included.

use std::cmp::Ordering;

use super::Scalar;
use crate::codec::{cast, rfc3339};
use crate::query::syntax::CompareOp;

/// True where `a op b` holds. An array holds where any of its elements does, with `!=` where none
/// is equal. The regex operators hold for nothing: they are tests of their own.
pub(crate) fn compare(op: CompareOp, a: &Scalar, b: &Scalar) -> bool {
    let holds = |relation: Relation| match (relation, op) {
        (Relation::Order(order), CompareOp::Equal) => order == Some(Ordering::Equal),
        (Relation::Order(order), CompareOp::Less) => order == Some(Ordering::Less),
        (Relation::Order(order), CompareOp::LessEqual) => order.is_some_and(Ordering::is_le),
        (Relation::Order(order), CompareOp::Greater) => order == Some(Ordering::Greater),
        (Relation::Order(order), CompareOp::GreaterEqual) => order.is_some_and(Ordering::is_ge),
        (Relation::Equality(equal), CompareOp::Equal) => equal,
        _ => false,
    };
    let pairs = || elements(a).iter().flat_map(|a| elements(b).iter().map(move |b| (a, b)));
    if op == CompareOp::NotEqual {
        let equal = |relation| match relation {
            Relation::Order(order) => Some(order == Some(Ordering::Equal)),
            Relation::Equality(equal) => Some(equal),
            Relation::None => None,
        };
        let mut answers = pairs().map(|(a, b)| equal(relation(CompareOp::Equal, a, b)));
        return answers.all(|answer| answer == Some(false));
    }
    pairs().any(|(a, b)| holds(relation(op, a, b)))
}

/// What two values are to each other.
enum Relation {
    /// Both have an order: `None` where one is NaN.
    Order(Option<Ordering>),
    /// Both can only be equal or not.
    Equality(bool),
    /// Nothing at all.
    None,
}

fn elements(value: &Scalar) -> &[Scalar] {
    match value {
        Scalar::Array(elements) => elements,
        other => std::slice::from_ref(other),
    }
}

fn relation(op: CompareOp, a: &Scalar, b: &Scalar) -> Relation {
    let equality = op == CompareOp::Equal;
    match (a, b) {
        (Scalar::String(a), Scalar::String(b)) => Relation::Order(Some(a.cmp(b))),
        (Scalar::Bool(a), Scalar::Bool(b)) => Relation::Equality(a == b),
        (Scalar::Status(a), Scalar::Status(b)) | (Scalar::Kind(a), Scalar::Kind(b)) => {
            Relation::Equality(a == b)
        }
        (Scalar::Id(a), Scalar::Id(b)) if equality => Relation::Equality(a.same(*b)),
        (Scalar::Id(a), Scalar::Id(b)) => Relation::Order(Some(a.to_string().cmp(&b.to_string()))),
        (Scalar::Id(id), Scalar::String(text)) if equality => {
            Relation::Equality(id.same_as_text(text))
        }
        (Scalar::Id(id), Scalar::String(text)) => {
            Relation::Order(Some(id.to_string().as_str().cmp(text)))
        }
        (Scalar::String(_), Scalar::Id(_) | Scalar::Time(_)) => reverse(relation(op, b, a)),
        (Scalar::Time(time), Scalar::String(text)) => match rfc3339::nanos(text) {
            Some(nanos) => Relation::Order(Some(i128::from(time.unix_nanos()).cmp(&nanos))),
            None => Relation::None,
        },
        // A time is told by text or by integer nanoseconds, and by no other number.
        (Scalar::Time(_), Scalar::Float(_) | Scalar::Duration(_))
        | (Scalar::Float(_) | Scalar::Duration(_), Scalar::Time(_)) => Relation::None,
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => Relation::Order(order(a, b)),
            _ => Relation::None,
        },
    }
}

fn reverse(relation: Relation) -> Relation {
    match relation {
        Relation::Order(order) => Relation::Order(order.map(Ordering::reverse)),
        other => other,
    }
}

#[derive(Clone, Copy)]
enum Number {
    /// An integer, a duration's or a time's nanoseconds.
    Whole(i128),
    Float(f64),
}

fn number(value: &Scalar) -> Option<Number> {
    match value {
        Scalar::Int(value) | Scalar::Duration(value) => Some(Number::Whole(i128::from(*value))),
        Scalar::Time(time) => Some(Number::Whole(i128::from(time.unix_nanos()))),
        Scalar::Float(value) => Some(Number::Float(*value)),
        _ => None,
    }
}

/// The order of two numbers, exact whatever their types: no integer is rounded to a float.
fn order(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Whole(a), Number::Float(b)) => whole_to_float(a, b),
        (Number::Float(a), Number::Whole(b)) => whole_to_float(b, a).map(Ordering::reverse),
    }
}

/// How `whole` stands to `float`; `None` where that is NaN.
fn whole_to_float(whole: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // A float beyond 64 bits, infinite ones too, is cut to an integer beyond 64 bits.
    let order = whole.cmp(&cast::whole_part(float));
    let fraction = float - float.trunc();
    Some(order.then_with(|| 0.0_f64.partial_cmp(&fraction).unwrap_or(Ordering::Equal)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::query::value::Id;
    use crate::time::Timestamp;

    pub(in crate::query::value) const OPS: [CompareOp; 6] = [
        CompareOp::Equal,
        CompareOp::NotEqual,
        CompareOp::Less,
        CompareOp::LessEqual,
        CompareOp::Greater,
        CompareOp::GreaterEqual,
    ];

    /// The operators that hold, by position in `OPS`.
    fn holding(a: &Scalar, b: &Scalar) -> Vec<usize> {
        (0..OPS.len()).filter(|at| compare(OPS[*at], a, b)).collect()
    }

    const LESS: [usize; 3] = [1, 2, 3];
    const SAME: [usize; 3] = [0, 3, 5];
    const GREATER: [usize; 3] = [1, 4, 5];

    fn array(values: impl IntoIterator<Item = i64>) -> Scalar {
        Scalar::Array(values.into_iter().map(Scalar::Int).collect())
    }

    #[test]
    fn numbers_compare_as_numbers_and_nan_only_differs() {
        assert_eq!(holding(&Scalar::Int(2), &Scalar::Float(2.5)), LESS);
        assert_eq!(holding(&Scalar::Int(50), &Scalar::Duration(50)), SAME);
        assert_eq!(holding(&Scalar::Int(i64::MAX), &Scalar::Int(i64::MAX - 1)), GREATER);
        assert_eq!(holding(&Scalar::Float(f64::NAN), &Scalar::Float(f64::NAN)), [1]);
        assert_eq!(holding(&Scalar::Float(f64::NAN), &Scalar::Int(1)), [1]);
        assert_eq!(holding(&Scalar::Float(0.0), &Scalar::Float(-0.0)), SAME);
    }

    #[test]
    fn ints_and_floats_compare_exactly() {
        let two_53 = 9_007_199_254_740_992.0;
        let two_63 = 2.0_f64.powi(63);
        for (int, float, expected) in [
            ((1 << 53) - 1, two_53, LESS),
            (1 << 53, two_53, SAME),
            ((1 << 53) + 1, two_53, GREATER),
            (-(1 << 53) - 1, -two_53, LESS),
            (i64::MAX, two_63, LESS),
            (i64::MAX, two_63 - 1024.0, GREATER),
            (i64::MIN, -two_63, SAME),
            (i64::MIN, -two_63 - 2048.0, GREATER),
            (i64::MAX, f64::INFINITY, LESS),
            (i64::MIN, f64::NEG_INFINITY, GREATER),
            (i64::MAX, 1e300, LESS),
            (i64::MIN, -1e300, GREATER),
            (0, -0.0, SAME),
            (0, f64::MIN_POSITIVE, LESS),
            (0, -f64::MIN_POSITIVE, GREATER),
            (-1, -1.5, GREATER),
            (-1, -0.5, LESS),
        ] {
            let (int, float) = (Scalar::Int(int), Scalar::Float(float));
            assert_eq!(holding(&int, &float), expected, "{int:?} {float:?}");
            let reversed = if expected == LESS { GREATER } else { LESS };
            let reversed = if expected == SAME { SAME } else { reversed };
            assert_eq!(holding(&float, &int), reversed, "{float:?} {int:?}");
        }
        let nanos = Scalar::Duration((1 << 53) + 1);
        assert_eq!(holding(&nanos, &Scalar::Float(two_53)), GREATER);
    }

    #[test]
    fn types_that_do_not_go_together_are_never_true() {
        let values = [
            Scalar::Nil,
            Scalar::Opaque,
            Scalar::Bool(true),
            Scalar::Int(1),
            Scalar::text("1"),
            Scalar::Status(1),
            Scalar::Kind(1),
        ];
        for (at, a) in values.iter().enumerate() {
            for b in &values[at + 1..] {
                assert_eq!(holding(a, b), [0; 0], "{a:?} {b:?}");
                assert_eq!(holding(b, a), [0; 0], "{b:?} {a:?}");
            }
        }
        assert_eq!(holding(&Scalar::Nil, &Scalar::Nil), [0; 0]);
        assert_eq!(holding(&Scalar::Bool(true), &Scalar::Bool(false)), [1]);
        assert_eq!(holding(&Scalar::Kind(2), &Scalar::Kind(2)), [0]);
        assert_eq!(holding(&Scalar::text("a"), &Scalar::text("b")), LESS);
    }

    #[test]
    fn any_element_satisfies_and_none_is_unequal() {
        assert_eq!(holding(&array([1, 5]), &Scalar::Int(5)), [0, 2, 3, 5]);
        assert_eq!(holding(&array([1, 5]), &Scalar::Int(3)), [1, 2, 3, 4, 5]);
        assert_eq!(holding(&array([1, 5]), &Scalar::text("1")), [0; 0]);
        assert_eq!(holding(&array([1, 5]), &array([5, 9])), [0, 2, 3, 5]);
        assert_eq!(holding(&array([1, 2]), &array([3, 4])), LESS);
    }

    #[test]
    fn ids_ignore_case_and_leading_zeros() {
        let id = Scalar::Id(Id::from(SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0xab, 0xcd])));
        let equal = |id: &Scalar, text: &str| compare(CompareOp::Equal, id, &Scalar::text(text));
        assert!(equal(&id, "ABCD") && equal(&id, "000000000000000000abcd"));
        assert!(compare(CompareOp::Equal, &Scalar::text("abcd"), &id));
        assert!(!equal(&id, "abce") && !equal(&id, "+abcd"));
        assert!(compare(CompareOp::NotEqual, &id, &Scalar::text("no hex")));
        let zero = Scalar::Id(Id::from(TraceId::ZERO));
        assert!(equal(&zero, "") && equal(&Scalar::Id(Id::NONE), "0000"));
        assert!(compare(CompareOp::Equal, &zero, &Scalar::Id(Id::NONE)));
        assert!(compare(CompareOp::Less, &id, &Scalar::text("000000000000b")));
        assert!(compare(CompareOp::Less, &Scalar::Id(Id::NONE), &Scalar::text("0")));
        assert_eq!(holding(&id, &Scalar::Int(0xabcd)), [0; 0]);
    }

    #[test]
    fn times_compare_with_text_and_nanoseconds() {
        let time = Scalar::Time(Timestamp::from_unix_nanos(1_000_000_001));
        assert_eq!(holding(&time, &Scalar::text("1970-01-01T00:00:01.000000001Z")), SAME);
        assert_eq!(holding(&Scalar::text("1970-01-01T00:00:02Z"), &time), GREATER);
        assert_eq!(holding(&time, &Scalar::Int(1_000_000_002)), LESS);
        assert_eq!(holding(&time, &Scalar::text("yesterday")), [0; 0]);
        assert_eq!(holding(&time, &Scalar::Float(1.5)), [0; 0]);
        assert_eq!(holding(&Scalar::Duration(1), &time), [0; 0]);
    }
}
