//! Checksums: CRC-32 (IEEE 802.3), four little-endian bytes after what they cover, and that of redb's
//! pages. Invariant: every stored value ends with one, and nothing is decoded before it held.

use super::bytes::Malformed;

/// The checksum of `parts`, one after another.
pub(crate) fn of(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The checksum of redb's pages: XXH3, 128 bits, without a seed.
pub(crate) fn wide(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

/// `bytes` less the checksum at their end, if it is that of `context` followed by them.
pub(crate) fn verified<'a>(bytes: &'a [u8], context: &[u8]) -> Result<&'a [u8], Malformed> {
    let Some((body, stored)) = bytes.split_last_chunk::<4>() else {
        return Err(Malformed::new(0, format!("{} bytes, too few for a checksum", bytes.len())));
    };
    let (stored, computed) = (u32::from_le_bytes(*stored), of(&[context, body]));
    if stored == computed {
        Ok(body)
    } else {
        let what = format!("checksum {stored:08x} stored, {computed:08x} computed");
        Err(Malformed::new(body.len(), what))
    }
}
