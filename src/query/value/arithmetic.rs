//! Arithmetic on values. Invariant: integers stay integers as long as the result is exact; what has
//! no number, or divides by zero, is nil.

use super::Scalar;
use crate::codec::cast;
use crate::query::syntax::ArithmeticOp;

/// `a op b`. With a float or a duration the result is a float, durations counting as nanoseconds.
pub(crate) fn arithmetic(op: ArithmeticOp, a: &Scalar, b: &Scalar) -> Scalar {
    match (number(a), number(b)) {
        (Some(Number::Int(a)), Some(Number::Int(b))) => ints(op, a, b),
        (Some(a), Some(b)) => floats(op, a.float(), b.float()),
        _ => Scalar::Nil,
    }
}

/// `-a`.
pub(crate) fn negate(a: &Scalar) -> Scalar {
    match a {
        Scalar::Duration(nanos) => {
            let exact = nanos.checked_neg().map(Scalar::Duration);
            exact.unwrap_or_else(|| Scalar::Float(-cast::nearest_f64(*nanos)))
        }
        _ => match number(a) {
            Some(Number::Int(value)) => ints(ArithmeticOp::Subtract, 0, value),
            Some(Number::Float(value)) => Scalar::Float(-value),
            None => Scalar::Nil,
        },
    }
}

#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Self::Int(value) => cast::nearest_f64(value),
            Self::Float(value) => value,
        }
    }
}

fn number(value: &Scalar) -> Option<Number> {
    match value {
        Scalar::Int(value) => Some(Number::Int(*value)),
        Scalar::Float(value) => Some(Number::Float(*value)),
        Scalar::Duration(nanos) => Some(Number::Float(cast::nearest_f64(*nanos))),
        Scalar::Time(time) => {
            let nanos = time.unix_nanos();
            let int = i64::try_from(nanos).map(Number::Int);
            Some(int.unwrap_or_else(|_| Number::Float(cast::nearest_f64_of_u64(nanos))))
        }
        _ => None,
    }
}

fn ints(op: ArithmeticOp, a: i64, b: i64) -> Scalar {
    let exact = match op {
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Subtract => a.checked_sub(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Divide => a.checked_div(b),
        // The one overflow, of the least integer by -1, has remainder 0.
        ArithmeticOp::Modulo => (b != 0).then(|| a.wrapping_rem(b)),
        ArithmeticOp::Power => match (u32::try_from(b), a) {
            (Ok(b), _) => a.checked_pow(b),
            // What is left of a fraction when it is cut to an int, as `/` does.
            (Err(_), 0) if b < 0 => return Scalar::Nil,
            (Err(_), 0 | 1) => Some(a),
            (Err(_), -1) => Some(if b % 2 == 0 { 1 } else { -1 }),
            (Err(_), _) => (b < 0).then_some(0),
        },
    };
    match exact {
        Some(exact) => Scalar::Int(exact),
        None => floats(op, cast::nearest_f64(a), cast::nearest_f64(b)),
    }
}

fn floats(op: ArithmeticOp, a: f64, b: f64) -> Scalar {
    Scalar::Float(match op {
        ArithmeticOp::Add => a + b,
        ArithmeticOp::Subtract => a - b,
        ArithmeticOp::Multiply => a * b,
        ArithmeticOp::Divide | ArithmeticOp::Modulo if b == 0.0 => return Scalar::Nil,
        ArithmeticOp::Divide => a / b,
        ArithmeticOp::Modulo => a % b,
        ArithmeticOp::Power => a.powf(b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ArithmeticOp::{Add, Divide, Modulo, Multiply, Power, Subtract};
    use Scalar::{Duration, Float, Int};

    #[test]
    fn ints_stay_ints_while_exact() {
        let ints = |op, a, b| arithmetic(op, &Int(a), &Int(b));
        assert_eq!(ints(Add, 1, 2), Int(3));
        assert_eq!(ints(Divide, -7, 2), Int(-3));
        assert_eq!(ints(Modulo, -7, 2), Int(-1));
        assert_eq!(ints(Power, 3, 2), Int(9));
        assert_eq!(ints(Power, 1, i64::MAX), Int(1));
        assert_eq!(ints(Power, 2, i64::MAX), Float(f64::INFINITY));
        assert_eq!(ints(Power, 2, -1), Int(0));
        assert_eq!(ints(Power, -1, -3), Int(-1));
        assert_eq!(ints(Power, 0, -1), Scalar::Nil);
        assert_eq!(ints(Multiply, i64::MAX, 2), Float(cast::nearest_f64(i64::MAX) * 2.0));
        assert_eq!(ints(Divide, i64::MIN, -1), Float(-cast::nearest_f64(i64::MIN)));
        assert_eq!(ints(Modulo, i64::MIN, -1), Int(0));
        assert_eq!(negate(&Int(i64::MIN)), Float(-cast::nearest_f64(i64::MIN)));
        assert_eq!(negate(&Int(3)), Int(-3));
    }

    #[test]
    fn floats_and_durations_give_floats() {
        assert_eq!(arithmetic(Subtract, &Duration(5), &Int(2)), Float(3.0));
        assert_eq!(arithmetic(Add, &Duration(5), &Duration(2)), Float(7.0));
        assert_eq!(arithmetic(Divide, &Int(1), &Float(2.0)), Float(0.5));
        assert_eq!(negate(&Duration(2)), Duration(-2));
    }

    #[test]
    fn zero_divides_nothing_and_what_is_no_number_is_nil() {
        for zero in [Int(0), Float(0.0), Float(-0.0), Duration(0)] {
            assert_eq!(arithmetic(Divide, &Int(1), &zero), Scalar::Nil);
            assert_eq!(arithmetic(Modulo, &Float(1.0), &zero), Scalar::Nil);
        }
        let array = Scalar::Array([Int(1), Int(2)].into());
        for other in [Scalar::text("1"), Scalar::Bool(true), Scalar::Nil, Scalar::Opaque, array] {
            assert_eq!(arithmetic(Add, &Int(1), &other), Scalar::Nil);
            assert_eq!(negate(&other), Scalar::Nil);
        }
    }
}
