//! Values as bytes, for those that are no plain string, number or boolean. Bytes: a tag, then a varint
//! length or number. Invariant: equal values have equal bytes; decoding is bounded in depth.

use super::bytes::{Malformed, Reader, put_prefixed, put_varint};
use super::cast;

/// A tag of a value. 0 is invalid.
pub(crate) mod tag {
    pub(crate) const EMPTY: u8 = 1;
    pub(crate) const STRING: u8 = 2;
    pub(crate) const FALSE: u8 = 3;
    pub(crate) const TRUE: u8 = 4;
    pub(crate) const INT: u8 = 5;
    pub(crate) const DOUBLE: u8 = 6;
    pub(crate) const BYTES: u8 = 7;
    pub(crate) const ARRAY: u8 = 8;
    pub(crate) const KEY_VALUES: u8 = 9;
}

/// Appends a tag, a length and bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_prefixed(out, bytes);
}

/// Appends a tag and eight bytes.
pub(crate) fn put_fixed(out: &mut Vec<u8>, tag: u8, bits: u64) {
    out.push(tag);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a tag and the number of elements that follow.
pub(crate) fn put_list(out: &mut Vec<u8>, tag: u8, len: usize) {
    out.push(tag);
    put_varint(out, cast::u64_of(len));
}

/// Reads the length of a list whose elements take at least a byte each.
pub(crate) fn list_len(reader: &mut Reader<'_>, left_max: usize) -> Result<usize, Malformed> {
    let at = reader.offset();
    let len = cast::usize_of_u64(reader.varint()?);
    if len > left_max {
        return Err(Malformed::new(at, format!("a list of {len} elements in {left_max} bytes")));
    }
    Ok(len)
}
