//! Attribute values from the wire. Invariant: text and bytes are borrowed, nested values owned, and
//! recursion ends at [`Value::DEPTH_MAX`].

use std::borrow::Cow;

use super::fields::{any_value, key_value, values};
use crate::codec::cast;
use crate::codec::wire::Reader;
use crate::model::{Attribute, AttributeRef, Value, ValueRef};
use crate::otlp::check;
use crate::otlp::error::{Checked, Fault, Within};

/// The text of the field `name`.
#[inline]
pub(super) fn text<'a>(reader: &mut Reader<'a>, name: &str) -> Checked<&'a str> {
    let bytes = reader.bytes().within(name)?;
    std::str::from_utf8(bytes).map_err(|error| not_utf8(name, bytes, error.valid_up_to()))
}

#[cold]
fn not_utf8(name: &str, bytes: &[u8], offset: usize) -> Fault {
    let byte = bytes.get(offset..).and_then(|bytes| bytes.get(..1)).unwrap_or(&[]);
    let got = check::hex_digits(byte);
    Fault::new(name, format_args!("expected UTF-8, got byte 0x{got} at offset {offset}"))
}

/// The keys of the list of attributes that was read last, by position: those of the next one are
/// mostly the same, and then they are known to be UTF-8.
#[derive(Debug, Default)]
pub(super) struct Keys<'a>(Vec<&'a str>);

impl<'a> Keys<'a> {
    #[inline]
    fn text(&mut self, position: usize, bytes: &'a [u8]) -> Option<&'a str> {
        if let Some(known) = self.0.get(position)
            && known.as_bytes() == bytes
        {
            return Some(known);
        }
        let text = std::str::from_utf8(bytes).ok()?;
        match self.0.get_mut(position) {
            Some(known) => *known = text,
            // Positions come one after another, as long as there are no faults.
            None => self.0.push(text),
        }
        Some(text)
    }
}

/// The attribute at `position` of a list of a span, an event or a link.
#[inline]
pub(super) fn attribute_at<'a>(
    reader: Reader<'a>,
    position: usize,
    keys: &mut Keys<'a>,
) -> Checked<AttributeRef<'a>> {
    match plain(reader, position, keys) {
        Some(attribute) => Ok(attribute),
        None => attribute(reader, 0),
    }
}

/// A `KeyValue` as everybody writes it: a short key, then a short value, and nothing else. `None` for
/// all others, and where something is wrong.
#[inline]
fn plain<'a>(reader: Reader<'a>, position: usize, keys: &mut Keys<'a>) -> Option<AttributeRef<'a>> {
    const KEY: u8 = key_value::KEY.byte();
    const VALUE: u8 = key_value::VALUE.byte();
    const STRING: u8 = any_value::STRING.byte();
    let [KEY, key_len @ 0..0x80, rest @ ..] = reader.rest() else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [VALUE, value_len @ 0..0x80, content @ ..] = rest else { return None };
    if usize::from(*value_len) != content.len() {
        return None;
    }
    let key = keys.text(position, key)?;
    if let [STRING, text_len @ 0..0x80, text @ ..] = content
        && usize::from(*text_len) == text.len()
    {
        let value = ValueRef::String(std::str::from_utf8(text).ok()?);
        return Some(AttributeRef { key, value });
    }
    let mut read = ValueRef::Empty;
    value(reader.tail(content.len())?, &mut read, 0).ok()?;
    Some(AttributeRef { key, value: read })
}

/// A `KeyValue` at `depth` nested arrays and lists.
#[inline]
pub(super) fn attribute(mut reader: Reader<'_>, depth: u32) -> Checked<AttributeRef<'_>> {
    let mut attribute = AttributeRef { key: "", value: ValueRef::Empty };
    while let Some(key) = reader.key()? {
        match key {
            key_value::KEY => attribute.key = text(&mut reader, "key")?,
            key_value::VALUE => {
                let message = reader.message().within("value")?;
                value(message, &mut attribute.value, depth).within("value")?;
            }
            key_value::KEY_STRINDEX => drop(reader.varint()?),
            key => reader.unknown(key, key_value::LAST)?,
        }
    }
    Ok(attribute)
}

/// A `KeyValue` that owns its text.
pub(super) fn attribute_owned(reader: Reader<'_>, depth: u32) -> Checked<Attribute> {
    let AttributeRef { key, value } = attribute(reader, depth)?;
    Ok(Attribute { key: key.to_owned(), value: value_owned(value) })
}

/// An `AnyValue` merged into `into`: what it does not say stays.
fn value<'a>(mut reader: Reader<'a>, into: &mut ValueRef<'a>, depth: u32) -> Checked<()> {
    while let Some(key) = reader.key()? {
        *into = match key {
            any_value::STRING => ValueRef::String(text(&mut reader, "stringValue")?),
            any_value::BOOL => ValueRef::Bool(reader.varint().within("boolValue")? != 0),
            any_value::INT => ValueRef::Int(cast::i64_of_bits(reader.varint().within("intValue")?)),
            any_value::DOUBLE => ValueRef::Double(reader.fixed64().within("doubleValue")?),
            any_value::BYTES => ValueRef::Bytes(reader.bytes().within("bytesValue")?),
            any_value::ARRAY => {
                let message = reader.message().within("arrayValue")?;
                let old = std::mem::replace(into, ValueRef::Empty);
                array(message, old, depth + 1).within("arrayValue")?
            }
            any_value::KVLIST => {
                let message = reader.message().within("kvlistValue")?;
                let old = std::mem::replace(into, ValueRef::Empty);
                list(message, old, depth + 1).within("kvlistValue")?
            }
            any_value::STRING_STRINDEX => {
                reader.varint()?;
                ValueRef::Empty
            }
            key => {
                reader.unknown(key, any_value::LAST)?;
                continue;
            }
        };
    }
    Ok(())
}

/// An `ArrayValue`, behind the values of `old` if that is an array.
fn array<'a>(mut reader: Reader<'a>, old: ValueRef<'a>, depth: u32) -> Checked<ValueRef<'a>> {
    check::depth(depth)?;
    let mut array = match old {
        ValueRef::Nested(Cow::Owned(Value::Array(array))) => array,
        _ => Vec::new(),
    };
    while let Some(key) = reader.key()? {
        match key {
            values::VALUES => {
                let mut element = ValueRef::Empty;
                let message = reader.message();
                message
                    .map_err(Into::into)
                    .and_then(|message| value(message, &mut element, depth))
                    .within_list("values", array.len())?;
                array.push(value_owned(element));
            }
            key => reader.unknown(key, values::LAST)?,
        }
    }
    Ok(ValueRef::Nested(Cow::Owned(Value::Array(array))))
}

/// A `KeyValueList`, behind the attributes of `old` if that is a list.
fn list<'a>(mut reader: Reader<'a>, old: ValueRef<'a>, depth: u32) -> Checked<ValueRef<'a>> {
    check::depth(depth)?;
    let mut list = match old {
        ValueRef::Nested(Cow::Owned(Value::KeyValues(list))) => list,
        _ => Vec::new(),
    };
    while let Some(key) = reader.key()? {
        match key {
            values::VALUES => {
                let message = reader.message();
                let attribute = message
                    .map_err(Into::into)
                    .and_then(|message| attribute_owned(message, depth))
                    .within_list("values", list.len())?;
                list.push(attribute);
            }
            key => reader.unknown(key, values::LAST)?,
        }
    }
    Ok(ValueRef::Nested(Cow::Owned(Value::KeyValues(list))))
}

fn value_owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Empty => Value::Empty,
        ValueRef::String(text) => Value::String(text.to_owned()),
        ValueRef::Bool(value) => Value::Bool(value),
        ValueRef::Int(value) => Value::Int(value),
        ValueRef::Double(bits) => Value::Double(f64::from_bits(bits)),
        ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Nested(value) => value.into_owned(),
    }
}
