//! Attribute values in JSON. Invariant: text without escapes is borrowed; nested values are owned.

use std::borrow::Cow;
use std::mem;

use serde::de::{MapAccess, SeqAccess};

use super::reader::{List, Members, Place, Slot, Trail};
use super::scalar::{self, Mismatch, Scalar};
use crate::model::{Attribute, AttributeRef, Value, ValueRef};

/// An `AnyValue` as read; its text may have been unescaped.
#[derive(Debug, Default)]
pub(super) enum ValueDraft<'de> {
    #[default]
    Empty,
    Text(Cow<'de, str>),
    Bytes(Vec<u8>),
    /// Any other value.
    Other(Value),
}

/// A `KeyValue` as read.
#[derive(Debug, Default)]
pub(super) struct AttributeDraft<'de> {
    key: Cow<'de, str>,
    value: ValueDraft<'de>,
}

impl AttributeDraft<'_> {
    /// A view of the attribute.
    pub(super) fn view(&self) -> AttributeRef<'_> {
        let value = match &self.value {
            ValueDraft::Empty => ValueRef::Empty,
            ValueDraft::Text(text) => ValueRef::String(text),
            ValueDraft::Bytes(bytes) => ValueRef::Bytes(bytes),
            ValueDraft::Other(value) => ValueRef::from(value),
        };
        AttributeRef { key: &self.key, value }
    }

    fn into_owned(self) -> Attribute {
        Attribute { key: self.key.into_owned(), value: self.value.into_owned() }
    }
}

impl ValueDraft<'_> {
    fn into_owned(self) -> Value {
        match self {
            Self::Empty => Value::Empty,
            Self::Text(text) => Value::String(text.into_owned()),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Other(value) => value,
        }
    }
}

impl<'de> Members<'de> for AttributeDraft<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "key" => self.key = slot.scalar(scalar::text)?,
            "value" => slot.read(&mut self.value)?,
            _ => slot.ignore()?,
        }
        Ok(())
    }
}

impl<'de> Members<'de> for ValueDraft<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        let value = match name {
            "stringValue" | "string_value" => some(slot, scalar::text)?.map(Self::Text),
            "intValue" | "int_value" => other(some(slot, scalar::int64)?.map(Value::Int)),
            "boolValue" | "bool_value" => other(some(slot, scalar::boolean)?.map(Value::Bool)),
            "doubleValue" | "double_value" => other(some(slot, scalar::double)?.map(Value::Double)),
            "bytesValue" | "bytes_value" => some(slot, scalar::bytes)?.map(Self::Bytes),
            "arrayValue" | "array_value" => {
                let mut array = Nested::<ValueDraft<'_>>::default();
                slot.read_deeper(&mut array)?;
                other(array.values().map(Value::Array))
            }
            "kvlistValue" | "kvlist_value" => {
                let mut list = Nested::<AttributeDraft<'_>>::default();
                slot.read_deeper(&mut list)?;
                other(list.values().map(Value::KeyValues))
            }
            _ => return slot.ignore(),
        };
        match value {
            Some(value) => *self = value,
            // The last of equal names wins, also where it says nothing.
            None if self.is(name) => *self = Self::Empty,
            None => {}
        }
        Ok(())
    }
}

impl ValueDraft<'_> {
    /// Whether the member `name` gave this value.
    fn is(&self, name: &str) -> bool {
        let start = match self {
            Self::Empty => return false,
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Other(Value::Int(_)) => "int",
            Self::Other(Value::Bool(_)) => "bool",
            Self::Other(Value::Double(_)) => "double",
            Self::Other(Value::Array(_)) => "array",
            Self::Other(_) => "kvlist",
        };
        name.starts_with(start)
    }
}

fn other<'de>(value: Option<Value>) -> Option<ValueDraft<'de>> {
    value.map(ValueDraft::Other)
}

/// What `convert` makes of the member; `null` is no member.
fn some<'de, A: MapAccess<'de>, T>(
    slot: Slot<'_, A>,
    convert: impl FnOnce(Scalar<'de>) -> Result<T, Mismatch>,
) -> Result<Option<T>, A::Error> {
    slot.scalar(|scalar| match scalar {
        Scalar::Null => Ok(None),
        scalar => convert(scalar).map(Some),
    })
}

/// An `ArrayValue` or a `KeyValueList`.
struct Nested<D: Draft> {
    values: OwnedList<D>,
    null: bool,
}

impl<D: Draft> Nested<D> {
    fn values(self) -> Option<Vec<D::Owned>> {
        (!self.null).then_some(self.values.0)
    }
}

impl<D: Draft> Default for Nested<D> {
    fn default() -> Self {
        Self { values: OwnedList(Vec::new()), null: false }
    }
}

impl<'de, D: Draft + Members<'de>> Members<'de> for Nested<D> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "values" => slot.list(&mut self.values),
            _ => slot.ignore(),
        }
    }

    fn null(&mut self) {
        self.null = true;
    }
}

/// Something read that has an owned form.
trait Draft {
    type Owned;
    fn owned(self) -> Self::Owned;
}

impl Draft for ValueDraft<'_> {
    type Owned = Value;

    fn owned(self) -> Value {
        self.into_owned()
    }
}

impl Draft for AttributeDraft<'_> {
    type Owned = Attribute;

    fn owned(self) -> Attribute {
        self.into_owned()
    }
}

struct OwnedList<D: Draft>(Vec<D::Owned>);

impl<'de, D: Draft + Members<'de>> List<'de> for OwnedList<D> {
    fn reset(&mut self) {
        self.0.clear();
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        list: &mut A,
        trail: &Trail,
    ) -> Result<bool, A::Error> {
        let mut element = D::default();
        let more = list.next_element_seed(Place { target: &mut element, trail })?.is_some();
        if more {
            self.0.push(element.owned());
        }
        Ok(more)
    }
}

/// Attributes that own their text, as resources and scopes keep them.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<Attribute>);

impl Attributes {
    /// The attributes.
    pub(super) fn take(&mut self) -> Vec<Attribute> {
        mem::take(&mut self.0)
    }
}

impl<'de> List<'de> for Attributes {
    fn reset(&mut self) {
        self.0.clear();
    }

    fn element<A: SeqAccess<'de>>(
        &mut self,
        list: &mut A,
        trail: &Trail,
    ) -> Result<bool, A::Error> {
        let mut element = AttributeDraft::default();
        let more = list.next_element_seed(Place { target: &mut element, trail })?.is_some();
        if more {
            self.0.push(element.into_owned());
        }
        Ok(more)
    }
}
