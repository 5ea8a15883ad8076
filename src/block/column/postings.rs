//! For each value of a column where to look for its rows: zones of the value numbers, which are scanned
//! for it. The rarer a value, the longer its zones, so that none takes more than `SCAN_MAX` numbers to
//! look at, and few bytes to store. Values that many rows have are looked for everywhere; so is any
//! value of a column of few rows, which has no postings.
//!
//! Bytes: a number of values from one to the next whose list has an offset; packed, these offsets and
//! that of the lists' end; the lists. A list is varints: twice the difference of a zone to the one before (of the first, to -1), plus 1 if it is the
//! last. Zones have 2^`ZONE_BITS` numbers, unless the list begins with a 0 and a byte: other bits, or
//! `EVERYWHERE` and how many rows have the value, as a varint. Invariant: all of a value's ranks are
//! within its zones.

use std::ops::Range;

use crate::codec::bytes::{Malformed, Reader, put_varint};
use crate::codec::cast::{low_u32, u8_of, u64_of, usize_of};
use crate::codec::packed;
use crate::foreground::may_rest;

/// Columns of fewer rows have no postings.
pub(crate) const POSTINGS_ROWS_MIN: usize = 16_384;
/// Most values from one to the next whose list has an offset.
pub(crate) const STRIDE_MAX: u8 = 64;
/// Bytes of lists that are passed to get to one, about, at most.
const PASSED_BYTES: usize = 256;
/// Numbers in a zone, as a power of two, where the list says no other.
pub(crate) const ZONE_BITS: u8 = 12;
/// The value is looked for everywhere.
pub(crate) const EVERYWHERE: u8 = 255;
/// Numbers looked at for one value that is not looked for everywhere, about; scanned in some 25
/// microseconds.
const SCAN_MAX: usize = 1 << 15;
/// A value that at least one in so many rows has is looked for everywhere.
const COMMON_SHARE: usize = 128;
/// Lists of so many values are some tens of microseconds of work.
const VALUES_BETWEEN_RESTS: usize = 1 << 10;

/// Where to look for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Zones {
    /// Everywhere, for so many rows.
    Everywhere(u64),
    /// In these ranks, for at most as many rows as they are.
    Ranks(Vec<Range<u32>>),
}

/// Appends the postings of a column whose rows have, in order, these value numbers.
pub(super) fn encode(numbers: &[u32], values: usize, out: &mut Vec<u8>) {
    if numbers.len() < POSTINGS_ROWS_MIN || values <= 1 {
        return;
    }
    let (starts, ranks) = group(numbers, values);
    let (mut offsets, mut lists) = (Vec::with_capacity(values), Vec::new());
    for bounds in starts.windows(2) {
        if offsets.len() % VALUES_BETWEEN_RESTS == 0 {
            may_rest();
        }
        offsets.push(u64_of(lists.len()));
        let (first, last) = (bounds.first().copied(), bounds.last().copied());
        let range = usize_of(first.unwrap_or(0))..usize_of(last.unwrap_or(0));
        put_list(ranks.get(range).unwrap_or_default(), numbers.len(), &mut lists);
    }
    let mut stride = STRIDE_MAX;
    while stride > 1 && lists.len() / values * usize::from(stride) > PASSED_BYTES {
        stride /= 2;
    }
    let mut offsets: Vec<u64> = offsets.into_iter().step_by(stride.into()).collect();
    offsets.push(u64_of(lists.len()));
    out.push(stride);
    packed::encode(&offsets, out);
    out.append(&mut lists);
}

/// Where each value's ranks start among all, and these, by value and ascending.
fn group(numbers: &[u32], values: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; values + 1];
    for number in numbers {
        if let Some(count) = starts.get_mut(usize_of(*number) + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut next = starts.clone();
    let mut grouped = vec![0u32; numbers.len()];
    for (rank, number) in (0u32..).zip(numbers) {
        if let Some(at) = next.get_mut(usize_of(*number)) {
            if let Some(slot) = grouped.get_mut(usize_of(*at)) {
                *slot = rank;
            }
            *at += 1;
        }
    }
    (starts, grouped)
}

/// Appends the list of a value with these ranks of `rows`.
fn put_list(ranks: &[u32], rows: usize, out: &mut Vec<u8>) {
    if ranks.len() >= rows / COMMON_SHARE {
        out.extend_from_slice(&[0, EVERYWHERE]);
        put_varint(out, u64_of(ranks.len()));
        return;
    }
    let mut bits = ZONE_BITS;
    // A value of few rows is in few zones of any length.
    if ranks.len() > SCAN_MAX >> ZONE_BITS && zones(ranks, bits).count() > SCAN_MAX >> ZONE_BITS {
        let longest = (SCAN_MAX / ranks.len()).max(1);
        bits = u8_of(longest.ilog2()).unwrap_or(0);
        out.extend_from_slice(&[0, bits]);
    }
    let mut zones = zones(ranks, bits).peekable();
    let mut before = None;
    while let Some(zone) = zones.next() {
        let delta = before.map_or_else(|| zone + 1, |before| zone - before);
        put_varint(out, u64::from(delta) << 1 | u64::from(zones.peek().is_none()));
        before = Some(zone);
    }
}

/// The zones of ascending ranks, each once.
fn zones(ranks: &[u32], bits: u8) -> impl Iterator<Item = u32> {
    let mut before = None;
    ranks
        .iter()
        .map(move |rank| rank >> bits)
        .filter(move |zone| before.replace(*zone) != Some(*zone))
}

/// Skips lists, then reads one, of a column of `rows` rows.
pub(super) fn decode(bytes: &[u8], skip: usize, rows: u32) -> Result<Zones, Malformed> {
    let mut reader = Reader::new(bytes);
    for _ in 0..skip {
        skip_list(&mut reader)?;
    }
    let (bits, first) = match head(&mut reader)? {
        Head::Everywhere(count) => return Ok(Zones::Everywhere(count.min(rows.into()))),
        Head::Zones(bits, first) => (bits, first),
    };
    let mut ranks: Vec<Range<u32>> = Vec::new();
    let (mut next, mut zone) = (first, 0u64);
    loop {
        let at = reader.offset();
        let delta = next >> 1;
        zone = zone.saturating_add(delta);
        let start = zone.checked_sub(1).and_then(|zone| zone.checked_mul(1 << bits));
        let start = start.filter(|start| delta > 0 && *start < u64::from(rows)).map(low_u32);
        let Some(start) = start else {
            return Err(Malformed::new(at, format!("zone {zone} of {bits} bits in {rows} rows")));
        };
        let end = start.saturating_add(1 << bits).min(rows);
        match ranks.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranks.push(start..end),
        }
        if next & 1 == 1 {
            return Ok(Zones::Ranks(ranks));
        }
        next = reader.varint()?;
    }
}

enum Head {
    Everywhere(u64),
    /// Bits of the zones, and the first varint.
    Zones(u8, u64),
}

fn head(reader: &mut Reader<'_>) -> Result<Head, Malformed> {
    let at = reader.offset();
    let first = reader.varint()?;
    if first != 0 {
        return Ok(Head::Zones(ZONE_BITS, first));
    }
    match reader.u8()? {
        EVERYWHERE => Ok(Head::Everywhere(reader.varint()?)),
        bits if bits < ZONE_BITS => Ok(Head::Zones(bits, reader.varint()?)),
        other => Err(Malformed::new(at, format!("zones of {other} bits"))),
    }
}

fn skip_list(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if let Head::Zones(_, mut next) = head(reader)? {
        while next & 1 == 0 {
            next = reader.varint()?;
        }
    }
    Ok(())
}

impl Zones {
    /// At most so many rows are found there.
    pub(super) fn rows_max(&self) -> u64 {
        match self {
            Self::Everywhere(count) => *count,
            Self::Ranks(ranks) => u64_of(ranks.iter().map(ExactSizeIterator::len).sum()),
        }
    }
}

/// Ranges of ranks in order, those that touch made one.
pub(super) fn merged(mut ranks: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranks.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u32>> = Vec::new();
    for range in ranks {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The number of values from one offset to the next, from the first byte of postings of `values` values
/// with so many offsets.
pub(super) fn stride(first: Option<u8>, values: u32, offsets: usize) -> Result<u32, Malformed> {
    match first {
        Some(stride @ 1..=STRIDE_MAX)
            if usize_of(values).div_ceil(stride.into()).checked_add(1) == Some(offsets) =>
        {
            Ok(stride.into())
        }
        other => {
            let what = format!("{offsets} offsets, {other:?} apart, of {values} lists");
            Err(Malformed::new(0, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cast::u32_of;
    use proptest::prelude::*;

    /// Value numbers of `rows` rows: one in two has value 0, others one of values that are ever rarer.
    fn numbers(rows: u32, seed: u64) -> (Vec<u32>, usize) {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            state >> 33
        };
        let mut numbers: Vec<u32> = (0..rows)
            .map(|_| {
                let bits = (next() % 64).trailing_ones().min(5) * 3;
                u32::try_from(next() & ((1 << bits) - 1)).unwrap() + (1 << bits) - 1
            })
            .collect();
        let mut known = numbers.clone();
        known.sort_unstable();
        known.dedup();
        for number in &mut numbers {
            *number = u32_of(known.binary_search(number).unwrap()).unwrap();
        }
        (numbers, known.len())
    }

    fn lists(bytes: &[u8]) -> (Vec<u64>, &[u8]) {
        let mut offsets = Vec::new();
        packed::decode(&bytes[1..], |offset| offsets.push(offset)).unwrap();
        let len = usize::try_from(*offsets.last().unwrap()).unwrap();
        (offsets, &bytes[bytes.len() - len..])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
        #[test]
        fn every_row_is_in_the_zones_of_its_value_and_these_are_short(
            rows in 16_384u32..60_000,
            seed in any::<u64>(),
        ) {
            let (numbers, values) = numbers(rows, seed);
            let mut bytes = Vec::new();
            encode(&numbers, values, &mut bytes);
            let (offsets, lists) = lists(&bytes);
            let stride = stride(bytes.first().copied(), u32_of(values).unwrap(), offsets.len());
            let stride = usize_of(stride.unwrap());
            let mut all = Vec::new();
            for value in 0..values {
                let from = usize::try_from(offsets[value / stride]).unwrap();
                all.push(decode(&lists[from..], value % stride, rows).unwrap());
            }
            let mut counts = vec![0u64; values];
            for number in &numbers {
                counts[usize_of(*number)] += 1;
            }
            for (rank, number) in (0u32..).zip(&numbers) {
                match &all[usize_of(*number)] {
                    Zones::Everywhere(_) => {}
                    Zones::Ranks(ranks) => {
                        prop_assert!(ranks.iter().any(|range| range.contains(&rank)));
                    }
                }
            }
            for (count, zones) in counts.into_iter().zip(&all) {
                match zones {
                    Zones::Everywhere(rows) => prop_assert_eq!(*rows, count),
                    Zones::Ranks(_) => prop_assert!(
                        (count..=u64_of(SCAN_MAX)).contains(&zones.rows_max())
                    ),
                }
            }
            prop_assert!(all.iter().any(|zones| matches!(zones, Zones::Ranks(_))));
            prop_assert!(all.iter().any(|zones| matches!(zones, Zones::Everywhere(_))));
        }

        #[test]
        fn arbitrary_lists_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), skip in 0usize..9) {
            if let Ok(Zones::Ranks(ranks)) = decode(&bytes, skip, 70_000) {
                prop_assert!(ranks.is_sorted_by_key(|range| range.start));
                prop_assert!(ranks.iter().all(|range| range.end <= 70_000));
            }
        }
    }

    #[test]
    fn few_rows_and_one_value_have_no_postings() {
        let mut bytes = Vec::new();
        encode(&vec![0; POSTINGS_ROWS_MIN], 1, &mut bytes);
        encode(&[0, 1], 2, &mut bytes);
        assert!(bytes.is_empty());
    }
}
