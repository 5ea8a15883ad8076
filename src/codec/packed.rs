//! Packed integers: the one encoding of number columns. Values are cut into groups of
//! [`GROUP_LEN`]; a group stores its smallest value and the differences to it in as few bits as the
//! largest needs (frame of reference). Any group can be read by itself through the directory.
//!
//! Bytes: count `u32`; per group: base `u64`, payload offset `u32`, width in bits `u8`; payloads.
//! Invariant: what `encode` writes `Directory` and `decode` give back, and no input makes them panic.

use std::ops::Range;

use super::bytes::{Malformed, Reader};
use super::cast;
use crate::foreground::may_rest;

/// Values in a group.
pub(crate) const GROUP_LEN: usize = 1024;
const ENTRY_LEN: usize = 13;
const COUNT_LEN: usize = 4;

/// Where a group lies and how to unpack it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    base: u64,
    width: u8,
    /// Offset of the payload from the start of the encoding.
    pub(crate) offset: usize,
    /// Length of the payload in bytes.
    pub(crate) bytes_len: usize,
    /// Values in the group.
    pub(crate) len: usize,
}

/// The number of bytes that the directory of an encoding of `count` values takes, count included.
pub(crate) fn directory_len(count: usize) -> usize {
    COUNT_LEN + count.div_ceil(GROUP_LEN) * ENTRY_LEN
}

/// Encodes `values`. At most `u32::MAX` of them, and under 4 GiB of payload.
pub(crate) fn encode(values: &[u64], out: &mut Vec<u8>) {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    let mut payload = Vec::with_capacity(values.len());
    let payload_start = directory_len(values.len());
    for group in values.chunks(GROUP_LEN) {
        may_rest();
        let base = group.iter().copied().min().unwrap_or(0);
        let spread = group.iter().fold(0, |bits, value| bits | (value - base));
        let width = 64 - spread.leading_zeros();
        let offset = u32::try_from(payload_start + payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&base.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        out.push(cast::u8_of(width).unwrap_or(64));
        pack(group, base, width, &mut payload);
    }
    out.extend_from_slice(&payload);
}

fn pack(group: &[u64], base: u64, width: u32, payload: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    // Eight bytes at a time; the bits of a value may lie in two of them.
    let (mut pending, mut pending_bits) = (0u64, 0u32);
    for value in group {
        let value = value - base;
        pending |= value << pending_bits;
        pending_bits += width;
        if pending_bits >= u64::BITS {
            payload.extend_from_slice(&pending.to_le_bytes());
            pending_bits -= u64::BITS;
            // What did not fit; where all of it did, nothing is left of it.
            pending = value.checked_shr(width - pending_bits).unwrap_or(0);
        }
    }
    let left = cast::usize_of(pending_bits.div_ceil(u8::BITS));
    payload.extend(pending.to_le_bytes().iter().take(left));
}

/// The number of values in an encoding that starts with `bytes`.
pub(crate) fn count(bytes: &[u8]) -> Result<usize, Malformed> {
    Reader::new(bytes).u32().map(cast::usize_of)
}

/// Where the directory entry of group `number` lies within an encoding.
pub(crate) fn entry_range(number: usize) -> Range<usize> {
    let start = COUNT_LEN + number * ENTRY_LEN;
    start..start + ENTRY_LEN
}

/// Group `number` of an encoding of `count` values, from its directory entry.
pub(crate) fn group(entry: &[u8], number: usize, count: usize) -> Result<Group, Malformed> {
    let len = count.saturating_sub(number * GROUP_LEN).min(GROUP_LEN);
    if len == 0 {
        return Err(Malformed::new(0, format!("group {number} of {count} packed values")));
    }
    let mut reader = Reader::new(entry);
    let base = reader.u64()?;
    let offset = cast::usize_of(reader.u32()?);
    let width = reader.u8()?;
    if width > 64 {
        let what = format!("a width of {width} bits, at most 64 expected");
        return Err(Malformed::new(entry_range(number).start, what));
    }
    Ok(Group { base, width, offset, bytes_len: (len * usize::from(width)).div_ceil(8), len })
}

impl Group {
    /// Two numbers between which all values of the group lie.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let spread = u64::MAX.checked_shr(64 - u32::from(self.width)).unwrap_or(0);
        (self.base, self.base.saturating_add(spread))
    }

    /// Value number `at` within the group, from the group's payload.
    pub(crate) fn get(&self, payload: &[u8], at: usize) -> Result<u64, Malformed> {
        if self.width == 0 {
            return Ok(self.base);
        }
        let bit = at * usize::from(self.width);
        let rest = payload.get(bit / 8..).unwrap_or_default();
        if at >= self.len || payload.len() < self.bytes_len {
            return Err(Malformed::new(bit / 8, "a packed value past the end of its group"));
        }
        let window = rest.first_chunk::<16>().copied().unwrap_or_else(|| {
            let mut window = [0u8; 16];
            for (to, from) in window.iter_mut().zip(rest) {
                *to = *from;
            }
            window
        });
        Ok(self.base.wrapping_add(unpack(u128::from_le_bytes(window), bit % 8, self.width)))
    }

    /// Hands every value of the group to `each`, in order.
    #[inline]
    pub(crate) fn decode(
        &self,
        payload: &[u8],
        mut each: impl FnMut(u64),
    ) -> Result<(), Malformed> {
        if self.width == 0 {
            (0..self.len).for_each(|_| each(self.base));
            return Ok(());
        }
        let Some(payload) = payload.get(..self.bytes_len) else {
            return Err(Malformed::new(payload.len(), "a packed group is cut short"));
        };
        let width = usize::from(self.width);
        let mut decoded = if width <= 16 { self.decode_narrow(payload, &mut each) } else { 0 };
        if width <= 56 {
            let mask = (1u64 << width) - 1;
            while decoded < self.len {
                let bit = decoded * width;
                let Some(window) = payload.get(bit / 8..).and_then(<[u8]>::first_chunk::<8>) else {
                    break;
                };
                each(self.base.wrapping_add(u64::from_le_bytes(*window) >> (bit % 8) & mask));
                decoded += 1;
            }
        }
        (decoded..self.len).try_for_each(|at| self.get(payload, at).map(&mut each))
    }

    /// Hands the first values of a group to `each` whose values have at most 16 bits; how many these were.
    /// Eight of them are as many bytes as one is bits, and each four of these lie within eight bytes.
    #[inline]
    fn decode_narrow(&self, payload: &[u8], each: &mut impl FnMut(u64)) -> usize {
        let width = u32::from(self.width);
        let (bytes, mask) = (usize::from(self.width), (1u64 << width) - 1);
        let mut decoded = 0;
        while decoded + 8 <= self.len {
            let eight = payload.get(decoded / 8 * bytes..).unwrap_or_default();
            let four = eight.get(bytes / 2..).and_then(<[u8]>::first_chunk::<8>);
            let (Some(low), Some(high)) = (eight.first_chunk::<8>(), four) else { break };
            let halves = [u64::from_le_bytes(*low), u64::from_le_bytes(*high) >> (width % 2 * 4)];
            for mut half in halves {
                for _ in 0..4 {
                    each(self.base.wrapping_add(half & mask));
                    half = half.wrapping_shr(width);
                }
            }
            decoded += 8;
        }
        decoded
    }
}

fn unpack(window: u128, shift: usize, width: u8) -> u64 {
    let bits = window >> shift & (u128::MAX >> (128 - u32::from(width)));
    cast::low_u64(bits)
}

/// Decodes a whole encoding that lies in memory.
pub(crate) fn decode(bytes: &[u8], mut each: impl FnMut(u64)) -> Result<usize, Malformed> {
    let count = count(bytes)?;
    if bytes.len() < directory_len(count) {
        return Err(Malformed::new(bytes.len(), "a packed directory is cut short"));
    }
    for number in 0..count.div_ceil(GROUP_LEN) {
        let entry = bytes.get(entry_range(number)).unwrap_or_default();
        let group = group(entry, number, count)?;
        let payload = bytes.get(group.offset..).unwrap_or_default();
        group.decode(payload, &mut each)?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(bytes: &[u8]) -> Vec<u64> {
        let mut values = Vec::new();
        decode(bytes, |value| values.push(value)).unwrap();
        values
    }

    proptest! {
        #[test]
        fn values_come_back_whole_and_one_by_one(
            shift in 0u32..64,
            raw in prop::collection::vec(any::<u64>(), 0..3000),
        ) {
            let values: Vec<u64> = raw.iter().map(|value| value >> shift).collect();
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            prop_assert_eq!(&decoded(&bytes), &values);
            for at in (0..values.len()).step_by(97) {
                let number = at / GROUP_LEN;
                let group = group(&bytes[entry_range(number)], number, values.len()).unwrap();
                let payload = &bytes[group.offset..group.offset + group.bytes_len];
                prop_assert_eq!(group.get(payload, at % GROUP_LEN).unwrap(), values[at]);
                let (first, last) = group.bounds();
                prop_assert!((first..=last).contains(&values[at]));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bounded = count(&bytes).is_ok_and(|count| count < 100_000);
            if bounded {
                let outcome = decode(&bytes, |_| ());
                prop_assert!(outcome.is_ok() || outcome.is_err());
            }
        }
    }
}
