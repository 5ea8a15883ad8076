//! JSON values that are no lists or objects, and what fields make of them. Invariant: numbers are
//! exact; what a field cannot hold is a mismatch that says what it can.
#![expect(clippy::needless_pass_by_value, reason = "all conversions are of one type")]

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::codec::{base64, cast};
use crate::otlp::check::QUOTE_MAX;

/// A JSON value; of lists and objects only that they are some.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'de> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'de, str>),
    List,
    Object,
}

/// What was found where something else was expected.
pub(super) type Mismatch = String;

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) if text.chars().nth(QUOTE_MAX).is_none() => write!(f, "{text:?}"),
            Self::Text(text) => {
                let start: String = text.chars().take(QUOTE_MAX).collect();
                write!(f, "{start:?} and more")
            }
            Self::List => f.write_str("a list"),
            Self::Object => f.write_str("an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Object)
    }
}

fn mismatch(expected: &str, got: &Scalar<'_>) -> Mismatch {
    format!("expected {expected}, got {got}")
}

/// Text; absent text is empty.
pub(super) fn text(scalar: Scalar<'_>) -> Result<Cow<'_, str>, Mismatch> {
    match scalar {
        Scalar::Text(text) => Ok(text),
        Scalar::Null => Ok(Cow::Borrowed("")),
        other => Err(mismatch("a string", &other)),
    }
}

/// A `bool`.
pub(super) fn boolean(scalar: Scalar<'_>) -> Result<bool, Mismatch> {
    match scalar {
        Scalar::Bool(value) => Ok(value),
        Scalar::Null => Ok(false),
        other => Err(mismatch("true or false", &other)),
    }
}

/// A `uint64`, as a number or as text.
pub(super) fn uint64(scalar: Scalar<'_>) -> Result<u64, Mismatch> {
    unsigned(&scalar).ok_or_else(|| mismatch("an integer from 0 to 2^64 - 1", &scalar))
}

/// A `uint32`, as a number or as text.
pub(super) fn uint32(scalar: Scalar<'_>) -> Result<u32, Mismatch> {
    let value = unsigned(&scalar).and_then(|value| u32::try_from(value).ok());
    value.ok_or_else(|| mismatch("an integer from 0 to 2^32 - 1", &scalar))
}

/// An `int64`, as a number or as text.
pub(super) fn int64(scalar: Scalar<'_>) -> Result<i64, Mismatch> {
    signed(&scalar).ok_or_else(|| mismatch("an integer from -2^63 to 2^63 - 1", &scalar))
}

fn unsigned(scalar: &Scalar<'_>) -> Option<u64> {
    match scalar {
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Unsigned(value) => Some(*value),
        other => signed(other).and_then(|value| u64::try_from(value).ok()),
    }
}

fn signed(scalar: &Scalar<'_>) -> Option<i64> {
    match scalar {
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Unsigned(value) => i64::try_from(*value).ok(),
        Scalar::Signed(value) => Some(*value),
        Scalar::Float(value) => cast::exact_i64(*value),
        Scalar::Null => Some(0),
        _ => None,
    }
}

/// A `double`: a number, its text, or one of the names of what JSON has no numbers for.
pub(super) fn double(scalar: Scalar<'_>) -> Result<f64, Mismatch> {
    let value = match &scalar {
        Scalar::Unsigned(value) => Some(cast::nearest_f64_of_u64(*value)),
        Scalar::Signed(value) => Some(cast::nearest_f64(*value)),
        Scalar::Float(value) => Some(*value),
        Scalar::Text(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok().filter(|value: &f64| value.is_finite()),
        },
        Scalar::Null => Some(0.0),
        _ => None,
    };
    let expected = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
    value.ok_or_else(|| mismatch(expected, &scalar))
}

/// Bytes, as base64.
pub(super) fn bytes(scalar: Scalar<'_>) -> Result<Vec<u8>, Mismatch> {
    let decoded = match &scalar {
        Scalar::Text(text) => base64::decode(text),
        Scalar::Null => Some(Vec::new()),
        _ => None,
    };
    decoded.ok_or_else(|| mismatch("base64", &scalar))
}

/// `Span.SpanKind`, as a number or by name.
pub(super) fn kind(scalar: Scalar<'_>) -> Result<i32, Mismatch> {
    const NAMES: [&str; 6] = [
        "SPAN_KIND_UNSPECIFIED",
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_SERVER",
        "SPAN_KIND_CLIENT",
        "SPAN_KIND_PRODUCER",
        "SPAN_KIND_CONSUMER",
    ];
    enumeration(scalar, &NAMES)
}

/// `Status.StatusCode`, as a number or by name.
pub(super) fn status_code(scalar: Scalar<'_>) -> Result<i32, Mismatch> {
    const NAMES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
    enumeration(scalar, &NAMES)
}

fn enumeration(scalar: Scalar<'_>, names: &[&str]) -> Result<i32, Mismatch> {
    let number = match &scalar {
        Scalar::Text(text) => names.iter().zip(0..).find(|(name, _)| *name == text).map(|(_, n)| n),
        other => signed(other).and_then(|value| i32::try_from(value).ok()),
    };
    number.ok_or_else(|| {
        let names = names.join(", ");
        mismatch(&format!("a 32-bit integer or one of {names}"), &scalar)
    })
}
