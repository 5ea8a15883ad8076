//! Groups of sorted texts: of each text what it does not share with the one before it, compressed.
//! Bytes: a form; where compressed, the length of what is in the frame as a varint; then, or in the
//! frame, for each text how many first bytes it shares with the one before, for each how many follow,
//! as varints, and what follows. Invariant: a group takes at most `GROUP_BYTES`, unless it is one text.

use std::sync::Arc;

use crate::codec::bytes::{Malformed, Reader, put_varint};
use crate::codec::cast::{u32_of, u64_of, usize_of, usize_of_u64};
use crate::codec::compress::{compress, decompress};

/// Bytes of texts in a group of more than one.
pub(crate) const GROUP_BYTES: usize = 16_384;
/// The texts as they are.
pub(crate) const GROUP_PLAIN: u8 = 1;
/// The same, compressed by zstd.
pub(crate) const GROUP_ZSTD: u8 = 2;
/// Most bytes of the two lengths of a text, which are less than `GROUP_BYTES`.
const LENGTHS_MAX: usize = 6;
/// Of groups whose texts take so much on average, many bytes would be written and kept in memory as they
/// are.
const LONG_TEXT_MIN: usize = 256;
/// Compressing less than this saves next to nothing.
const COMPRESSED_MIN: usize = 64;

/// The texts of a group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TextGroup {
    bytes: Arc<[u8]>,
    /// Where each ends.
    ends: Vec<u32>,
}

/// How many of `texts`, from the first on, make a group.
pub(crate) fn group_len<'a>(texts: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut bytes = 0usize;
    let fits = texts.take_while(|text| {
        bytes = bytes.saturating_add(text.len());
        bytes <= GROUP_BYTES
    });
    fits.count().max(1)
}

/// How many first bytes both have in common.
pub(crate) fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Appends a group; compressed, if that saves something, where it is wished or texts are long.
pub(crate) fn encode<'a>(
    texts: impl Iterator<Item = &'a [u8]>,
    is_compressed: bool,
    out: &mut Vec<u8>,
) {
    let (mut plain, mut lengths, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut before: &[u8] = &[];
    let mut count = 0usize;
    for text in texts {
        count += 1;
        let kept = shared(before, text);
        let rest = text.get(kept..).unwrap_or_default();
        put_varint(&mut plain, u64_of(kept));
        put_varint(&mut lengths, u64_of(rest.len()));
        bytes.extend_from_slice(rest);
        before = text;
    }
    plain.append(&mut lengths);
    plain.append(&mut bytes);
    let is_long = plain.len() >= count.saturating_mul(LONG_TEXT_MIN);
    let is_compressed = (is_compressed || is_long) && plain.len() >= COMPRESSED_MIN;
    if let Some(frame) = is_compressed.then(|| compress(&plain)).flatten() {
        out.push(GROUP_ZSTD);
        put_varint(out, u64_of(plain.len()));
        out.extend_from_slice(&frame);
    } else {
        out.push(GROUP_PLAIN);
        out.append(&mut plain);
    }
}

/// Hands the texts of a group of `count` to `each`, in order: how many first bytes each shares with the one
/// before it, and what follows. What `each` refuses ends it.
pub(crate) fn decode(
    bytes: &[u8],
    count: u32,
    each: impl FnMut(usize, &[u8]) -> Option<()>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        GROUP_PLAIN => expand(reader.rest(), count, each),
        GROUP_ZSTD => {
            let len = usize_of_u64(reader.varint()?);
            let most = match count {
                1 => usize::MAX,
                count => usize_of(count).saturating_mul(LENGTHS_MAX) + GROUP_BYTES,
            };
            expand(&decompress(reader.rest(), len, most)?, count, each)
        }
        other => Err(Malformed::new(0, format!("form {other} of a group"))),
    }
}

fn expand(
    plain: &[u8],
    count: u32,
    mut each: impl FnMut(usize, &[u8]) -> Option<()>,
) -> Result<(), Malformed> {
    let count = usize_of(count);
    if plain.len() / 2 < count {
        let what = format!("{count} texts in {} bytes", plain.len());
        return Err(Malformed::new(0, what));
    }
    let mut reader = Reader::new(plain);
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        lengths.push((usize_of_u64(reader.varint()?), 0));
    }
    let mut len = 0usize;
    for (kept, rest) in &mut lengths {
        *rest = usize_of_u64(reader.varint()?);
        len = len.saturating_add(*kept).saturating_add(*rest);
    }
    if len > GROUP_BYTES && (count > 1 || len > plain.len()) {
        return Err(Malformed::new(0, format!("{len} bytes in a group of {count} texts")));
    }
    let mut before = 0;
    for (kept, rest) in lengths {
        let at = reader.offset();
        let rest = reader.take(rest)?;
        if before < kept {
            let what = format!("{kept} bytes of a text of {before}");
            return Err(Malformed::new(at, what));
        }
        before = kept + rest.len();
        each(kept, rest).ok_or_else(|| Malformed::new(at, "more than 4 GiB of texts"))?;
    }
    if reader.is_at_end() {
        Ok(())
    } else {
        Err(Malformed::new(reader.offset(), "bytes after a group"))
    }
}

impl TextGroup {
    /// The group of `count` texts that these bytes are.
    pub(crate) fn decode(encoded: &[u8], count: u32) -> Result<Self, Malformed> {
        let mut bytes: Vec<u8> = Vec::with_capacity(GROUP_BYTES);
        let (mut ends, mut start) = (Vec::with_capacity(usize_of(count).min(GROUP_BYTES)), 0);
        decode(encoded, count, |kept, rest| {
            let before = bytes.len();
            bytes.extend_from_within(start..start + kept);
            bytes.extend_from_slice(rest);
            start = before;
            ends.push(u32_of(bytes.len())?);
            Some(())
        })?;
        Ok(Self { bytes: bytes.into(), ends })
    }

    /// All texts, one after another.
    pub(crate) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where text `place` begins; the end beyond the last.
    pub(crate) fn start(&self, place: usize) -> usize {
        let end =
            place.checked_sub(1).and_then(|before| self.ends.get(before).or(self.ends.last()));
        end.copied().map_or(0, usize_of)
    }

    /// Text `place`; nothing beyond the last.
    pub(crate) fn get(&self, place: usize) -> &[u8] {
        self.bytes.get(self.start(place)..self.start(place + 1)).unwrap_or_default()
    }

    /// The first place whose text is not below `text`.
    pub(crate) fn lower_bound(&self, text: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle) < text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Bytes in memory.
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(texts: &[Vec<u8>]) -> Vec<u8> {
        encoded_as(texts, true)
    }

    fn encoded_as(texts: &[Vec<u8>], is_compressed: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(texts.iter().map(Vec::as_slice), is_compressed, &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn texts_come_back(
            texts in prop::collection::btree_set("[ab]{0,8}|[0-9a-f]{32}", 1..200),
            is_compressed in any::<bool>(),
        ) {
            let texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
            let bytes = encoded_as(&texts, is_compressed);
            prop_assert!(is_compressed || bytes.first() == Some(&GROUP_PLAIN));
            let group = TextGroup::decode(&bytes, u32_of(texts.len()).unwrap()).unwrap();
            prop_assert_eq!(group.len(), texts.len());
            for (place, text) in texts.iter().enumerate() {
                prop_assert_eq!(group.get(place), text.as_slice());
                prop_assert_eq!(group.lower_bound(text), place);
            }
        }

        #[test]
        fn damaged_groups_never_panic(
            texts in prop::collection::btree_set("[ab]{0,8}", 1..60),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            count in 0u32..100,
            is_compressed in any::<bool>(),
        ) {
            let texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
            let mut bytes = encoded_as(&texts, is_compressed);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for count in [count, u32_of(texts.len()).unwrap()] {
                let outcome = TextGroup::decode(&bytes, count);
                prop_assert!(outcome.is_err() || outcome.is_ok_and(|group| group.len() == usize_of(count)));
            }
        }
    }

    #[test]
    fn one_long_text_is_a_group_and_many_are_not() {
        let long: Vec<u8> = (0u32..1 << 20).flat_map(u32::to_le_bytes).collect();
        assert_eq!(group_len([long.as_slice(), b"z"].into_iter()), 1);
        let bytes = encoded(std::slice::from_ref(&long));
        assert_eq!(TextGroup::decode(&bytes, 1).unwrap().get(0), long.as_slice());
        let two = encoded(&[long.clone(), [long.as_slice(), b"z"].concat()]);
        let error = TextGroup::decode(&two, 2).unwrap_err().to_string();
        assert!(error.contains("at most") || error.contains("in a group"), "{error}");
    }

    #[test]
    fn long_texts_are_compressed_whatever_is_wished() {
        let texts = [vec![b'a'; LONG_TEXT_MIN * 2], vec![b'b'; LONG_TEXT_MIN * 2]];
        let bytes = encoded_as(&texts, false);
        assert_eq!(bytes.first(), Some(&GROUP_ZSTD));
        assert_eq!(TextGroup::decode(&bytes, 2).unwrap().get(1), texts[1]);
    }

    /// A few bytes could claim that each of many texts begins with the whole one before it.
    #[test]
    fn texts_that_grow_beyond_a_group_are_refused_before_they_are_made() {
        let mut bytes = vec![GROUP_PLAIN];
        (0..9000u64).for_each(|number| put_varint(&mut bytes, number));
        (0..9000).for_each(|_| put_varint(&mut bytes, 1));
        bytes.resize(bytes.len() + 9000, b'a');
        let error = TextGroup::decode(&bytes, 9000).unwrap_err().to_string();
        assert!(error.contains("in a group of 9000"), "{error}");
    }
}
