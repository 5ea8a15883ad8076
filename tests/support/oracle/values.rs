//! Values as `TraceQL` sees them: how they compare and calculate. Invariant: a comparison with a
//! missing value, or between types that do not go together, is false.

use super::unknown;
use std::cmp::Ordering;

use treering::model::Value;
use treering::query::syntax::{ArithmeticOp, CompareOp, KindLiteral, Literal, StatusLiteral};

use super::time::rfc3339;

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Val {
    /// None.
    Nil,
    /// There, but of no type that `TraceQL` knows.
    Opaque,
    /// Text.
    Str(String),
    /// A trace or span id, as its canonical text.
    Id(String),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Nanoseconds.
    Duration(i128),
    /// OTLP's number of a status.
    Status(i32),
    /// OTLP's number of a kind.
    Kind(i32),
    /// Nanoseconds since the Unix epoch.
    Time(u64),
    /// Two values or more, all of one type.
    Array(Vec<Val>),
}

/// A number, whatever type it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    /// An int or a duration.
    Whole(i128),
    /// A float.
    Float(f64),
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "nearest float is meant")]
fn float(whole: i128) -> f64 {
    whole as f64
}

impl Number {
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => float(whole),
            Self::Float(value) => value,
        }
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Whole(whole), Self::Float(float)) => exact(whole, float),
            (Self::Float(float), Self::Whole(whole)) => exact(whole, float).map(Ordering::reverse),
        }
    }
}

/// How a whole number stands to a float, by the digits of the greatest whole number that is not above
/// the float. What has too many digits, or none, is beyond all whole numbers.
fn exact(whole: i128, float: f64) -> Option<Ordering> {
    let below = float.floor();
    match format!("{below:.0}").parse::<i128>() {
        _ if float.is_nan() => None,
        Ok(digits) if whole == digits && float > below => Some(Ordering::Less),
        Ok(digits) => Some(whole.cmp(&digits)),
        Err(_) => 0.0.partial_cmp(&float),
    }
}

impl From<&Value> for Val {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Str(text.clone()),
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Double(value) => Self::Float(*value),
            Value::Empty | Value::Bytes(_) | Value::KeyValues(_) => Self::Opaque,
            Value::Array(values) => {
                let mut elements: Vec<Self> = values.iter().map(Self::from).collect();
                let uniform = elements.windows(2).all(|pair| same_type(&pair[0], &pair[1]));
                let plain = |value: &Self| !matches!(value, Self::Opaque | Self::Array(_));
                let nested = values.iter().any(|value| matches!(value, Value::Array(_)));
                if nested || !uniform || !elements.iter().all(plain) {
                    return Self::Opaque;
                }
                match elements.len() {
                    0 => Self::Opaque,
                    1 => elements.remove(0),
                    _ => Self::Array(elements),
                }
            }
        }
    }
}

impl From<&Literal> for Val {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::String(text) => Self::Str(text.clone()),
            Literal::Int(value) => Self::Int(*value),
            Literal::Float(value) => Self::Float(*value),
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Nil => Self::Nil,
            Literal::Duration(nanos) => Self::Duration(i128::from(*nanos)),
            Literal::Status(StatusLiteral::Unset) => Self::Status(0),
            Literal::Status(StatusLiteral::Ok) => Self::Status(1),
            Literal::Status(StatusLiteral::Error) => Self::Status(2),
            Literal::Kind(KindLiteral::Unspecified) => Self::Kind(0),
            Literal::Kind(KindLiteral::Internal) => Self::Kind(1),
            Literal::Kind(KindLiteral::Server) => Self::Kind(2),
            Literal::Kind(KindLiteral::Client) => Self::Kind(3),
            Literal::Kind(KindLiteral::Producer) => Self::Kind(4),
            Literal::Kind(KindLiteral::Consumer) => Self::Kind(5),
            other => unknown(other),
        }
    }
}

fn same_type(a: &Val, b: &Val) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

impl Val {
    /// The number it is; an array is none.
    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Self::Int(value) => Some(Number::Whole(i128::from(*value))),
            Self::Duration(nanos) => Some(Number::Whole(*nanos)),
            Self::Float(value) => Some(Number::Float(*value)),
            _ => None,
        }
    }

    /// Its elements; a single value is its own only one, and no value has none.
    pub(crate) fn elements(&self) -> Vec<&Self> {
        match self {
            Self::Nil | Self::Opaque => Vec::new(),
            Self::Array(values) => values.iter().collect(),
            one => vec![one],
        }
    }

    /// True where there is something, even of no type that `TraceQL` knows.
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Self::Nil)
    }
}

/// `left op right`, for every operator but the regex ones.
pub(crate) fn compare(left: &Val, op: CompareOp, right: &Val) -> bool {
    let mut pairs = Vec::new();
    for left in left.elements() {
        for right in right.elements() {
            pairs.push((left, right));
        }
    }
    if op == CompareOp::NotEqual {
        return !pairs.is_empty()
            && pairs.iter().all(|(left, right)| comparable(left, right))
            && !pairs.iter().any(|(left, right)| equal(left, right));
    }
    pairs.iter().any(|(left, right)| match op {
        CompareOp::Equal => equal(left, right),
        CompareOp::Less => ordering(left, right).is_some_and(Ordering::is_lt),
        CompareOp::LessEqual => ordering(left, right).is_some_and(Ordering::is_le),
        CompareOp::Greater => ordering(left, right).is_some_and(Ordering::is_gt),
        CompareOp::GreaterEqual => ordering(left, right).is_some_and(Ordering::is_ge),
        CompareOp::NotEqual | CompareOp::Match | CompareOp::NotMatch => false,
        other => unknown(other),
    })
}

/// True if the types go together under `=` and `!=`.
fn comparable(left: &Val, right: &Val) -> bool {
    let numbers = left.number().is_some() && right.number().is_some();
    numbers
        || match (left, right) {
            (Val::Id(_), Val::Str(_)) | (Val::Str(_), Val::Id(_)) => true,
            (Val::Time(_), other) | (other, Val::Time(_)) => nanos(other).is_some(),
            _ => same_type(left, right),
        }
}

fn equal(left: &Val, right: &Val) -> bool {
    match (left, right) {
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Status(a), Val::Status(b)) | (Val::Kind(a), Val::Kind(b)) => a == b,
        (Val::Id(a), Val::Str(b) | Val::Id(b)) | (Val::Str(a), Val::Id(b)) => {
            let (a, b) = (significant(a), significant(b));
            a.is_some() && a == b
        }
        _ => ordering(left, right).is_some_and(Ordering::is_eq),
    }
}

/// The digits of an id that count; `None` for what is no hex.
fn significant(id: &str) -> Option<String> {
    let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| id.trim_start_matches('0').to_ascii_lowercase())
}

/// How two values stand to one another, for the types that know an order.
fn ordering(left: &Val, right: &Val) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (left.number(), right.number()) {
        return a.compare(b);
    }
    match (left, right) {
        (Val::Str(a) | Val::Id(a), Val::Str(b) | Val::Id(b)) => {
            Some(a.as_bytes().cmp(b.as_bytes()))
        }
        (Val::Time(_), other) | (other, Val::Time(_)) if nanos(other).is_some() => {
            Some(nanos(left)?.cmp(&nanos(right)?))
        }
        _ => None,
    }
}

/// The point in time that a value stands for beside a time.
fn nanos(value: &Val) -> Option<i128> {
    match value {
        Val::Time(nanos) => Some(i128::from(*nanos)),
        Val::Int(nanos) => Some(i128::from(*nanos)),
        Val::Str(text) => rfc3339(text),
        _ => None,
    }
}

/// `-value`.
pub(crate) fn negate(value: &Val) -> Val {
    match value {
        Val::Int(value) => {
            value.checked_neg().map_or_else(|| Val::Float(-float(i128::from(*value))), Val::Int)
        }
        Val::Float(value) => Val::Float(-value),
        Val::Duration(nanos) => Val::Duration(-nanos),
        _ => Val::Nil,
    }
}

/// `left op right`.
pub(crate) fn calculate(left: &Val, op: ArithmeticOp, right: &Val) -> Val {
    if let (Val::Int(a), Val::Int(b)) = (left, right) {
        return ints(*a, op, *b);
    }
    match (left.number(), right.number()) {
        (Some(a), Some(b)) => floats(a.float(), op, b.float()),
        _ => Val::Nil,
    }
}

fn ints(a: i64, op: ArithmeticOp, b: i64) -> Val {
    let exact = match op {
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Subtract => a.checked_sub(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Divide | ArithmeticOp::Modulo if b == 0 => return Val::Nil,
        ArithmeticOp::Divide => a.checked_div(b),
        // Of the least integer and -1 nothing remains.
        ArithmeticOp::Modulo => Some(a.wrapping_rem(b)),
        ArithmeticOp::Power => return power(a, b),
        other => unknown(other),
    };
    exact.map_or_else(|| floats(float(i128::from(a)), op, float(i128::from(b))), Val::Int)
}

/// `a ^ b` stays an int: with a negative exponent it is 1 / a ^ -b, truncated as a division is.
fn power(a: i64, b: i64) -> Val {
    let odd = b % 2 != 0;
    match (a, b) {
        (0, ..0) => Val::Nil,
        (_, 0) | (1, _) => Val::Int(1),
        (0, _) => Val::Int(0),
        (-1, _) => Val::Int(if odd { -1 } else { 1 }),
        (_, ..0) => Val::Int(0),
        _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).map_or_else(
            || floats(float(i128::from(a)), ArithmeticOp::Power, float(i128::from(b))),
            Val::Int,
        ),
    }
}

fn floats(a: f64, op: ArithmeticOp, b: f64) -> Val {
    Val::Float(match op {
        ArithmeticOp::Add => a + b,
        ArithmeticOp::Subtract => a - b,
        ArithmeticOp::Multiply => a * b,
        ArithmeticOp::Divide | ArithmeticOp::Modulo if b == 0.0 => return Val::Nil,
        ArithmeticOp::Divide => a / b,
        ArithmeticOp::Modulo => a % b,
        ArithmeticOp::Power => a.powf(b),
        other => unknown(other),
    })
}

/// The order of groups: by type, then by value, no value last.
pub(crate) fn group_order(a: &Val, b: &Val) -> Ordering {
    fn rank(value: &Val) -> u8 {
        match value {
            Val::Str(_) | Val::Id(_) => 1,
            Val::Bool(_) => 2,
            Val::Int(_) => 3,
            Val::Float(_) => 4,
            Val::Duration(_) => 5,
            Val::Time(_) => 6,
            Val::Status(_) => 7,
            Val::Kind(_) => 8,
            Val::Array(_) => 9,
            Val::Nil | Val::Opaque => 10,
        }
    }
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Val::Str(a) | Val::Id(a), Val::Str(b) | Val::Id(b)) => a.cmp(b),
        (Val::Int(a), Val::Int(b)) => a.cmp(b),
        (Val::Float(a), Val::Float(b)) => a.total_cmp(b),
        (Val::Bool(a), Val::Bool(b)) => a.cmp(b),
        (Val::Duration(a), Val::Duration(b)) => a.cmp(b),
        (Val::Status(a), Val::Status(b)) | (Val::Kind(a), Val::Kind(b)) => a.cmp(b),
        (Val::Time(a), Val::Time(b)) => a.cmp(b),
        (Val::Array(a), Val::Array(b)) => {
            let pairs = a.iter().zip(b).map(|(a, b)| group_order(a, b));
            pairs.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
        }
        _ => Ordering::Equal,
    })
}
