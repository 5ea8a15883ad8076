//! The rows of a bitmap as words of bits, container by container, without a step for each row: by way of
//! the bytes that roaring writes, in the [portable format], where a dense container is its bits.
//! Invariant: what is not understood gives `None`, and the caller goes row by row.
//!
//! [portable format]: https://github.com/RoaringBitmap/RoaringFormatSpec

use roaring::RoaringBitmap;

use crate::codec::cast;
use crate::query::bits::Bits;

/// The first number where no container is a list of runs.
const NO_RUNS: u32 = 12346;
/// Its lower half where one is; the upper half has the number of containers, less one.
const WITH_RUNS: u32 = 12347;
/// With runs, fewer containers than this have no list of offsets.
const OFFSETS_MIN: usize = 4;
/// A container of more rows than this, and no run, is bits.
const LIST_MAX: usize = 4096;
/// Bytes of a container of bits.
const BITS_LEN: usize = 8192;

/// Sets the rows of `bitmap` in `bits`, which are wide enough.
pub(super) fn fill(bitmap: &RoaringBitmap, bits: &mut Bits) -> Option<()> {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap.serialize_into(&mut bytes).ok()?;
    let mut rest = bytes.as_slice();
    let first = u32_from(&mut rest)?;
    let (count, runs) = if first == NO_RUNS {
        (cast::usize_of(u32_from(&mut rest)?), &[][..])
    } else if first & 0xffff == WITH_RUNS {
        let count = cast::usize_of(first >> 16) + 1;
        (count, take(&mut rest, count.div_ceil(8))?)
    } else {
        return None;
    };
    let mut heads = take(&mut rest, count * 4)?;
    if runs.is_empty() || count >= OFFSETS_MIN {
        take(&mut rest, count * 4)?;
    }
    for at in 0..count {
        let base = u32::from(u16_from(&mut heads)?) << 16;
        let rows = usize::from(u16_from(&mut heads)?) + 1;
        let is_run = runs.get(at / 8).is_some_and(|flags| flags >> (at % 8) & 1 != 0);
        if is_run {
            for _ in 0..u16_from(&mut rest)? {
                let start = base + u32::from(u16_from(&mut rest)?);
                let last = start.checked_add(u32::from(u16_from(&mut rest)?))?;
                bits.set_through(start, last);
            }
        } else if rows > LIST_MAX {
            bits.set_words(base, take(&mut rest, BITS_LEN)?);
        } else {
            let (list, _) = take(&mut rest, rows * 2)?.as_chunks::<2>();
            for row in list {
                bits.set(base + u32::from(u16::from_le_bytes(*row)));
            }
        }
    }
    Some(())
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

fn u16_from(rest: &mut &[u8]) -> Option<u16> {
    take(rest, 2)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_from(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::rows::Rows;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn words_have_the_rows_of_every_kind_of_container(
            lists in prop::collection::vec((0u32..9, prop::collection::vec(0u32..65_536, 0..50)), 0..4),
            dense in prop::collection::vec((0u32..9, 1u32..60), 0..3),
            runs in prop::collection::vec((0u32..500_000, 1u32..90_000), 0..3),
            optimised in any::<bool>(),
        ) {
            let mut bitmap = RoaringBitmap::new();
            for (container, rows) in lists {
                bitmap.extend(rows.iter().map(|row| (container << 16) + row));
            }
            for (container, step) in dense {
                bitmap.extend((0..65_536).step_by(cast::usize_of(step)).map(|row| (container << 16) + row));
            }
            for (start, len) in runs {
                bitmap.insert_range(start..start + len);
            }
            if optimised {
                bitmap.optimize();
            }
            let end = bitmap.max().map_or(0, |last| last + 1);
            let mut bits = Bits::over(bitmap.min().unwrap_or(0)..end);
            prop_assert_eq!(fill(&bitmap, &mut bits), Some(()));
            let found = bits.into_rows();
            prop_assert_eq!(found, Rows::new(bitmap));
        }
    }
}
