//! Attribute values as bytes and back, for those stored as bytes: empty, bytes, arrays, key-value
//! lists. Invariant: equal values have equal bytes, and `decode(encode(v)) == v` to the bit.

use crate::codec::bytes::{Malformed, Reader};
use crate::codec::value::{list_len, put_bytes, put_fixed, put_list, tag};
use crate::codec::{bytes::put_prefixed, cast};
use crate::model::{Attribute, Value};

/// Appends the bytes of `value`.
pub(crate) fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Empty => out.push(tag::EMPTY),
        Value::String(text) => put_bytes(out, tag::STRING, text.as_bytes()),
        Value::Bool(value) => out.push(if *value { tag::TRUE } else { tag::FALSE }),
        Value::Int(value) => put_fixed(out, tag::INT, cast::bits_of_i64(*value)),
        Value::Double(value) => put_fixed(out, tag::DOUBLE, value.to_bits()),
        Value::Bytes(bytes) => put_bytes(out, tag::BYTES, bytes),
        Value::Array(values) => {
            put_list(out, tag::ARRAY, values.len());
            for value in values {
                encode(value, out);
            }
        }
        Value::KeyValues(list) => {
            put_list(out, tag::KEY_VALUES, list.len());
            for attribute in list {
                put_prefixed(out, attribute.key.as_bytes());
                encode(&attribute.value, out);
            }
        }
    }
}

/// The value that `bytes` hold.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, Malformed> {
    let mut reader = Reader::new(bytes);
    // Deeper than a value may be: a list of repeated attributes holds values, and in the deepest array
    // lies a value that is none.
    let value = decode_at(&mut reader, bytes.len(), Value::DEPTH_MAX + 2)?;
    if reader.is_at_end() {
        Ok(value)
    } else {
        Err(Malformed::new(reader.offset(), "bytes after a value"))
    }
}

fn decode_at(reader: &mut Reader<'_>, len: usize, depth: u32) -> Result<Value, Malformed> {
    let at = reader.offset();
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Malformed::new(at, "a value nested too deeply"));
    };
    Ok(match reader.u8()? {
        tag::EMPTY => Value::Empty,
        tag::STRING => Value::String(reader.prefixed_str()?.to_owned()),
        tag::FALSE => Value::Bool(false),
        tag::TRUE => Value::Bool(true),
        tag::INT => Value::Int(cast::i64_of_bits(reader.u64()?)),
        tag::DOUBLE => Value::Double(f64::from_bits(reader.u64()?)),
        tag::BYTES => Value::Bytes(reader.prefixed()?.to_vec()),
        tag::ARRAY => {
            let count = list_len(reader, len)?;
            let values = (0..count).map(|_| decode_at(reader, len, depth));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        tag::KEY_VALUES => {
            let count = list_len(reader, len)?;
            let attributes = (0..count).map(|_| {
                let key = reader.prefixed_str()?.to_owned();
                Ok(Attribute { key, value: decode_at(reader, len, depth)? })
            });
            Value::KeyValues(attributes.collect::<Result<_, Malformed>>()?)
        }
        other => return Err(Malformed::new(at, format!("value tag {other}"))),
    })
}

/// True if arrays and lists nest deeper than `depth_max` in `value`. No recursion beyond that depth.
pub(crate) fn is_deeper_than(value: &Value, depth_max: u32) -> bool {
    let deeper = |inner: &Value| is_deeper_than(inner, depth_max.saturating_sub(1));
    match value {
        Value::Array(_) | Value::KeyValues(_) if depth_max == 0 => true,
        Value::Array(values) => values.iter().any(deeper),
        Value::KeyValues(list) => list.iter().any(|item| deeper(&item.value)),
        _ => false,
    }
}
