//! A value of a field. Invariant: an array has two elements or more, all of one type; everything
//! else that is present and not a single value is opaque.

use std::sync::Arc;

use super::Id;
use crate::codec::rfc3339;
use crate::model;
use crate::query::result::FieldValue;
use crate::query::syntax::{KindLiteral, Literal, StatusLiteral};
use crate::time::Timestamp;

/// A value of one field of one span, event or link.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Scalar {
    /// Absent.
    #[default]
    Nil,
    /// Present, but of a type without value: bytes, key-value lists, empty, mixed and nested arrays.
    Opaque,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A length of time in nanoseconds.
    Duration(i64),
    /// A point in time.
    Time(Timestamp),
    /// Text.
    String(Arc<str>),
    /// A span status: OTLP's number.
    Status(i32),
    /// A span kind: OTLP's number.
    Kind(i32),
    /// A trace id or a span id.
    Id(Id),
    /// Two values or more, all strings, all booleans, all integers or all floats.
    Array(Arc<[Scalar]>),
}

impl Scalar {
    /// The value of text.
    pub(crate) fn text(text: &str) -> Self {
        Self::String(Arc::from(text))
    }

    /// The value of an attribute: an array of one element counts as its element.
    pub(crate) fn of(value: &model::Value) -> Self {
        match value {
            model::Value::String(text) => Self::text(text),
            model::Value::Bool(value) => Self::Bool(*value),
            model::Value::Int(value) => Self::Int(*value),
            model::Value::Double(value) => Self::Float(*value),
            model::Value::Array(elements) => Self::of_array(elements),
            model::Value::Empty | model::Value::Bytes(_) | model::Value::KeyValues(_) => {
                Self::Opaque
            }
        }
    }

    fn of_array(elements: &[model::Value]) -> Self {
        let mut scalars: Vec<Self> = Vec::with_capacity(elements.len());
        for element in elements {
            let simple = match element {
                model::Value::Array(_) => Self::Opaque,
                other => Self::of(other),
            };
            let alike = scalars.first().is_none_or(|first| same_type(first, &simple));
            if simple == Self::Opaque || !alike {
                return Self::Opaque;
            }
            scalars.push(simple);
        }
        match scalars.len() {
            0 => Self::Opaque,
            1 => scalars.swap_remove(0),
            _ => Self::Array(scalars.into()),
        }
    }

    /// The value of a constant.
    pub(crate) fn of_literal(literal: &Literal) -> Self {
        match literal {
            Literal::String(text) => Self::text(text),
            Literal::Int(value) => Self::Int(*value),
            Literal::Float(value) => Self::Float(*value),
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Nil => Self::Nil,
            Literal::Duration(nanos) => Self::Duration(*nanos),
            Literal::Status(status) => Self::Status(status_number(*status)),
            Literal::Kind(kind) => Self::Kind(kind_number(*kind)),
        }
    }

    /// The value of a number of nanoseconds without sign; the longest there is where it is longer.
    pub(crate) fn of_nanos(nanos: u64) -> Self {
        Self::Duration(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// The point in time that an RFC 3339 text says; one before the epoch as an integer. `None`
    /// where it says none, or one that no timestamp reaches.
    pub(crate) fn of_time_text(text: &str) -> Option<Self> {
        let nanos = rfc3339::nanos(text)?;
        let point = u64::try_from(nanos).map(Timestamp::from_unix_nanos).map(Self::Time);
        point.ok().or_else(|| i64::try_from(nanos).ok().map(Self::Int))
    }

    /// True unless the field is absent.
    pub(crate) fn is_present(&self) -> bool {
        *self != Self::Nil
    }

    /// The value as users get it.
    pub(crate) fn to_field_value(&self) -> FieldValue {
        match self {
            Self::Nil | Self::Opaque => FieldValue::Nil,
            Self::Bool(value) => FieldValue::Bool(*value),
            Self::Int(value) => FieldValue::Int(*value),
            Self::Float(value) => FieldValue::Float(*value),
            Self::Duration(nanos) => FieldValue::Duration(*nanos),
            Self::Time(time) => FieldValue::Time(*time),
            Self::String(text) => FieldValue::String(text.as_ref().to_owned()),
            Self::Status(number) => FieldValue::Status(*number),
            Self::Kind(number) => FieldValue::Kind(*number),
            Self::Id(id) => FieldValue::String(id.to_string()),
            Self::Array(elements) => {
                FieldValue::Array(elements.iter().map(Self::to_field_value).collect())
            }
        }
    }
}

fn same_type(a: &Scalar, b: &Scalar) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn status_number(status: StatusLiteral) -> i32 {
    match status {
        StatusLiteral::Unset => 0,
        StatusLiteral::Ok => 1,
        StatusLiteral::Error => 2,
    }
}

fn kind_number(kind: KindLiteral) -> i32 {
    match kind {
        KindLiteral::Unspecified => 0,
        KindLiteral::Internal => 1,
        KindLiteral::Server => 2,
        KindLiteral::Client => 3,
        KindLiteral::Producer => 4,
        KindLiteral::Consumer => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_a_value_where_their_elements_are_alike() {
        let of = |value: model::Value| Scalar::of(&value);
        assert_eq!(of([1, 2].into()), Scalar::Array([Scalar::Int(1), Scalar::Int(2)].into()));
        assert_eq!(of(["a"].into()), Scalar::text("a"));
        let mixed = model::Value::Array(vec![1.into(), "a".into()]);
        let nested = model::Value::Array(vec![[1].into()]);
        let empty = model::Value::Array(Vec::new());
        for value in [mixed, nested, empty, model::Value::Empty, vec![1_u8].into()] {
            assert_eq!(of(value), Scalar::Opaque);
        }
    }
}
