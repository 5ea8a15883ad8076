//! How stored values are seen by tests where they are not seen as they are.

use crate::model::Value;
use crate::query::value::Scalar;

/// How a stored value is seen by a test.
pub(super) type Convert = fn(&Value) -> Scalar;

pub(super) fn status(value: &Value) -> Scalar {
    match value {
        Value::Int(code) => Scalar::Status(i32::try_from(*code).unwrap_or(i32::MIN)),
        _ => Scalar::Nil,
    }
}

pub(super) fn kind(value: &Value) -> Scalar {
    match value {
        Value::Int(code) => Scalar::Kind(i32::try_from(*code).unwrap_or(i32::MIN)),
        _ => Scalar::Nil,
    }
}
