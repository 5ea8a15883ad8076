//! Attribute values. Invariant: equality and order are total and by bits, so that NaN equals itself
//! and -0.0 differs from 0.0; nothing a sender wrote is ever folded together.

#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "these are what OTLP has, and users write them out with `..default()`"
)]

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An attribute value: OTLP's `AnyValue`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A value that was sent without any content.
    #[default]
    Empty,
    /// UTF-8 text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A 64-bit float; every bit is kept.
    Double(#[serde(with = "crate::codec::serde_text::float")] f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order, of any types.
    Array(Vec<Value>),
    /// Keys with values, in order.
    KeyValues(Vec<Attribute>),
}

/// A key with its value: OTLP's `KeyValue`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Attribute {
    /// The key. OTLP wants keys to be unique within a list; where they are not, queries see the first.
    pub key: String,
    /// The value.
    pub value: Value,
}

impl Attribute {
    /// `key` with `value`.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

impl Value {
    /// How deep arrays and lists may nest within a value: deeper ones are refused.
    pub const DEPTH_MAX: u32 = 64;

    fn rank(&self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::String(_) => 1,
            Self::Bool(_) => 2,
            Self::Int(_) => 3,
            Self::Double(_) => 4,
            Self::Bytes(_) => 5,
            Self::Array(_) => 6,
            Self::KeyValues(_) => 7,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => a.cmp(b),
            (Self::KeyValues(a), Self::KeyValues(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Empty => {}
            Self::String(value) => value.hash(state),
            Self::Bool(value) => value.hash(state),
            Self::Int(value) => value.hash(state),
            Self::Double(value) => value.to_bits().hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::Array(values) => values.hash(state),
            Self::KeyValues(list) => list.hash(state),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! { &str => String, String => String, bool => Bool, i64 => Int, i32 => Int, u32 => Int, f64 => Double, Vec<u8> => Bytes }

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}
