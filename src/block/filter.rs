//! A Bloom filter of a block's trace ids: about ten bits a trace, so that ingest knows without a
//! look-up that a trace is not in a block (Bloom 1970; seven probes give about 1 % false positives).
//! Bytes: 64-bit words. Invariant: an id that was added is always found.

use crate::codec::cast::{u64_of, usize_of_u64};
use crate::id::TraceId;

const BITS_PER_ID: usize = 10;
const PROBES: u64 = 7;

/// The filter of `ids`.
pub(crate) fn build(ids: &[TraceId]) -> Vec<u8> {
    let words = (ids.len() * BITS_PER_ID).div_ceil(64).max(1);
    let mut bytes = vec![0u8; words * 8];
    let bits = u64_of(bytes.len() * 8);
    for id in ids {
        for bit in probes(*id, bits) {
            if let Some(byte) = bytes.get_mut(usize_of_u64(bit / 8)) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    bytes
}

/// False if `id` was certainly not added.
pub(crate) fn may_contain(filter: &[u8], id: TraceId) -> bool {
    let bits = u64_of(filter.len() * 8);
    let is_set =
        |bit: u64| filter.get(usize_of_u64(bit / 8)).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
    bits > 0 && probes(id, bits).all(is_set)
}

fn probes(id: TraceId, bits: u64) -> impl Iterator<Item = u64> {
    let number = u128::from_le_bytes(id.to_bytes());
    let low = crate::codec::cast::low_u64(number);
    let high = crate::codec::cast::low_u64(number >> 64);
    let first = mix(low ^ mix(high));
    let step = mix(first ^ high) | 1;
    (0..PROBES).map(move |probe| first.wrapping_add(step.wrapping_mul(probe)) % bits)
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014).
fn mix(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let id = |n: u64| TraceId::from_bytes(u128::from(n).to_le_bytes());
        let filter = build(&(0..10_000).map(id).collect::<Vec<_>>());
        assert!((0..10_000).all(|n| may_contain(&filter, id(n))));
        let wrong = (10_000..110_000).filter(|n| may_contain(&filter, id(*n))).count();
        assert!(wrong < 2_000, "{wrong} of 100,000 absent ids pass");
        assert!(!may_contain(&[], id(1)));
    }
}
