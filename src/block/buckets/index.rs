//! Buckets of the span durations, so that a range of durations is found without reading each. Rows are
//! put in buckets of about as many, by duration; a row's bucket number is stored a bit at a time, for 64
//! rows together, so that whole buckets are compared as words. Invariant: buckets ascend and do not
//! overlap, so that a range is whole buckets and at most two that are partly in it.

#![expect(clippy::inline_always, reason = "what is compiled for wide processors has to be inlined")]

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

#[cfg(test)]
use roaring::RoaringBitmap;

use super::encode::encode;
use crate::block::cache::{Cached, Derived, Slot};
use crate::block::error::BlockError;
use crate::block::format::Section;
use crate::block::reader::Block;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, u64_of, usize_of};
use crate::codec::packed;
use crate::codec::wide;

/// Most buckets: as many as one byte numbers.
pub(crate) const BUCKETS_MAX: usize = 256;
/// Where no more than one of so many rows of the window are in buckets that overlap with a range, they are
/// taken one by one; where more are, all bucket numbers are compared.
const FEW_ROWS_SHARE: u64 = 64;
/// Words in a row of bits: bits of one kind of so many times 64 rows lie together.
pub(crate) const RUN_WORDS: usize = 8;
pub(super) const RUN_ROWS: usize = RUN_WORDS * 64;

/// Bits of a run of rows, in as many bytes as a processor reads at once.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Run([u64; RUN_WORDS]);

/// The bucket of each row of a block.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// The smallest and the largest value of each.
    pub(super) bounds: Vec<(u64, u64)>,
    /// How many rows the buckets before each have, and all of them.
    before: Vec<u64>,
    /// For each run of rows and each bit of bucket numbers, the highest first, that bit of each row.
    runs: Vec<Run>,
    pub(super) bits: u32,
    rows: u32,
}

/// Rows that were found.
#[derive(Debug, PartialEq)]
pub(crate) enum Marked {
    /// Few, ascending.
    Few(Vec<u32>),
    /// A bit a row.
    Words {
        /// The first row that has a bit, a multiple of 64.
        first: u32,
        words: Vec<u64>,
        /// How many bits are set, where that is known without a look at them.
        count: Option<u64>,
    },
}

#[cfg(test)]
impl Marked {
    /// The rows as a set.
    pub(crate) fn into_rows(self) -> RoaringBitmap {
        match self {
            Self::Few(rows) => rows.into_iter().collect(),
            Self::Words { first, words, .. } => {
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                RoaringBitmap::from_lsb0_bytes(first, &bytes)
            }
        }
    }
}

/// The rows of one bucket, ascending, each with its value.
pub(crate) type Members = Arc<[(u32, u64)]>;

/// Bits of a bucket number.
pub(super) fn bits_for(buckets: usize) -> u32 {
    usize::BITS - buckets.saturating_sub(1).leading_zeros()
}

impl Buckets {
    pub(super) fn decode(bytes: &[u8], rows: u32) -> Result<Self, Malformed> {
        let mut flat = Vec::new();
        let count = packed::count(bytes)?;
        if count > 3 * BUCKETS_MAX || count % 3 != 0 || count == 0 {
            return Err(Malformed::new(0, format!("{count} numbers about buckets")));
        }
        packed::decode(bytes, |value| flat.push(value))?;
        let (heads, _) = flat.as_chunks::<3>();
        let bounds: Vec<(u64, u64)> =
            heads.iter().map(|[least, most, _]| (*least, *most)).collect();
        let mut before = vec![0u64];
        let mut total = 0u64;
        before.extend(heads.iter().map(|[.., rows]| {
            total = total.saturating_add(*rows);
            total
        }));
        if total != u64::from(rows) {
            return Err(Malformed::new(0, format!("buckets of {total} rows for {rows} rows")));
        }
        let apart = bounds.windows(2).all(|pair| match pair {
            [(_, most), (least, _)] => most < least,
            _ => false,
        });
        if !apart || bounds.iter().any(|(least, most)| least > most) {
            return Err(Malformed::new(0, "the bounds of buckets are not in order"));
        }
        let bits = bits_for(bounds.len());
        let runs = usize_of(rows).div_ceil(RUN_ROWS) * usize_of(bits);
        let start = bytes.len().checked_sub(runs * RUN_ROWS / 8);
        let Some(bytes) = start.and_then(|start| bytes.get(start..)) else {
            let what = format!("{} bytes for {rows} rows in {} buckets", bytes.len(), bounds.len());
            return Err(Malformed::new(0, what));
        };
        let (words, _) = bytes.as_chunks::<8>();
        let (runs, _) = words.as_chunks::<RUN_WORDS>();
        let runs = runs.iter().map(|run| Run(run.map(u64::from_le_bytes))).collect();
        Ok(Self { bounds, before, runs, bits, rows })
    }

    /// Bytes of memory.
    pub(in crate::block) fn bytes_len(&self) -> usize {
        let heads = size_of_val(self.bounds.as_slice()) + size_of_val(self.before.as_slice());
        heads + size_of_val(self.runs.as_slice())
    }

    /// How many rows some buckets have.
    pub(super) fn rows_in(&self, buckets: &Range<u32>) -> u64 {
        let before = |bucket| self.before.get(usize_of(bucket)).copied().unwrap_or(u64::MAX);
        before(buckets.end).saturating_sub(before(buckets.start))
    }

    /// The buckets that have values from `first` to `last`, and those of them that have no others.
    fn overlapping(&self, values: &RangeInclusive<u64>) -> (Range<u32>, Range<u32>) {
        let (first, last) = (*values.start(), *values.end());
        let count = |holds: &dyn Fn(&(u64, u64)) -> bool| {
            low_u32(u64_of(self.bounds.partition_point(holds)))
        };
        let some = count(&|(_, most)| *most < first)..count(&|(least, _)| *least <= last);
        let all = count(&|(least, _)| *least < first)..count(&|(_, most)| *most <= last);
        (some, all)
    }

    /// The rows of a bucket, ascending.
    pub(super) fn rows_of(&self, bucket: u32) -> impl Iterator<Item = u32> {
        let words = self.words(&(bucket..bucket + 1), &(0..self.rows));
        words.into_iter().zip((0u32..).step_by(64)).flat_map(|(word, base)| {
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| base + bit)
        })
    }

    /// The rows of some buckets, a bit a row, for the rows from `window`'s start, rounded down to whole
    /// words, on. What comes after the window's end is not set.
    fn words(&self, buckets: &Range<u32>, window: &Range<u32>) -> Vec<u64> {
        let end = window.end.min(self.rows);
        if window.start >= end {
            return Vec::new();
        }
        let (first, last) = (usize_of(window.start) / RUN_ROWS, usize_of(end).div_ceil(RUN_ROWS));
        let bits = usize_of(self.bits);
        let mut words = Vec::with_capacity((last.saturating_sub(first)) * RUN_WORDS);
        let runs = self.runs.get(first * bits..last * bits).unwrap_or_default();
        wide::widest(
            #[inline(always)]
            || match self.bits {
                0 => {
                    let all = if buckets.contains(&0) { u64::MAX } else { 0 };
                    words.resize(words.capacity(), all);
                }
                1 => self.compare::<1>(runs, buckets, &mut words),
                2 => self.compare::<2>(runs, buckets, &mut words),
                3 => self.compare::<3>(runs, buckets, &mut words),
                4 => self.compare::<4>(runs, buckets, &mut words),
                5 => self.compare::<5>(runs, buckets, &mut words),
                6 => self.compare::<6>(runs, buckets, &mut words),
                7 => self.compare::<7>(runs, buckets, &mut words),
                _ => self.compare::<8>(runs, buckets, &mut words),
            },
        );
        words.drain(..usize_of(window.start) / 64 - first * RUN_WORDS);
        let start = window.start & !63;
        words.truncate(usize_of(end.saturating_sub(start).div_ceil(64)));
        if let Some(word) = words.first_mut() {
            *word &= u64::MAX << (window.start % 64);
        }
        if let Some(word) = words.last_mut()
            && !end.is_multiple_of(64)
        {
            *word &= !(u64::MAX << (end % 64));
        }
        words
    }

    /// Appends the rows of some buckets, run by run. The number of bits is known to the compiler, so that what
    /// is found stays in registers from bit to bit.
    #[inline(always)]
    fn compare<const BITS: usize>(&self, runs: &[Run], buckets: &Range<u32>, to: &mut Vec<u64>) {
        let (runs, _) = runs.as_chunks::<BITS>();
        if usize_of(buckets.end) >= self.bounds.len() {
            // No row is in a bucket beyond the last.
            for run in runs {
                to.extend_from_slice(&at_least(run, buckets.start));
            }
            return;
        }
        for run in runs {
            let mut found = at_least(run, buckets.start);
            let beyond = at_least(run, buckets.end);
            found.iter_mut().zip(&beyond).for_each(|(found, beyond)| *found &= !beyond);
            to.extend_from_slice(&found);
        }
    }

    /// The rows of the window whose value is one of `values`; `members` gives the rows of a bucket.
    pub(super) fn find(
        &self,
        values: &RangeInclusive<u64>,
        window: &Range<u32>,
        members: impl Fn(u32) -> Result<Members, BlockError>,
    ) -> Result<Marked, BlockError> {
        let (some, whole) = self.overlapping(values);
        let passed = |(row, value): &(u32, u64)| {
            (window.contains(row) && values.contains(value)).then_some(*row)
        };
        let in_window = u64::from(window.end.saturating_sub(window.start));
        if self.rows_in(&some) <= in_window / FEW_ROWS_SHARE {
            let mut rows = Vec::new();
            for bucket in some {
                rows.extend(members(bucket)?.iter().filter_map(passed));
            }
            rows.sort_unstable();
            return Ok(Marked::Few(rows));
        }
        let first = window.start & !63;
        let mut words = self.words(&whole, window);
        let mut count = self.rows_in(&whole);
        for bucket in some.filter(|bucket| !whole.contains(bucket)) {
            for row in members(bucket)?.iter().filter_map(passed) {
                count += 1;
                let offset = row.wrapping_sub(first);
                if let Some(word) = words.get_mut(usize_of(offset / 64)) {
                    *word |= 1 << (offset % 64);
                }
            }
        }
        let is_all = window.start == 0 && window.end >= self.rows;
        Ok(Marked::Words { first, words, count: is_all.then_some(count) })
    }
}

/// The rows of a run whose bucket number is at least `number`.
#[inline(always)]
fn at_least<const BITS: usize>(run: &[Run; BITS], number: u32) -> [u64; RUN_WORDS] {
    if number >> BITS != 0 {
        return [0; RUN_WORDS];
    }
    // From the lowest bit up, of the numbers made of the bits so far: where `number` has a bit, those that
    // are at least as great need it too, and else those that have it are greater.
    // One by one, for an array would be written to memory and read again with each bit.
    let [mut f0, mut f1, mut f2, mut f3, mut f4, mut f5, mut f6, mut f7] = [u64::MAX; RUN_WORDS];
    for (Run([w0, w1, w2, w3, w4, w5, w6, w7]), bit) in run.iter().rev().zip(0..) {
        if number >> bit & 1 != 0 {
            (f0, f1, f2, f3) = (f0 & w0, f1 & w1, f2 & w2, f3 & w3);
            (f4, f5, f6, f7) = (f4 & w4, f5 & w5, f6 & w6, f7 & w7);
        } else {
            (f0, f1, f2, f3) = (f0 | w0, f1 | w1, f2 | w2, f3 | w3);
            (f4, f5, f6, f7) = (f4 | w4, f5 | w5, f6 | w6, f7 | w7);
        }
    }
    [f0, f1, f2, f3, f4, f5, f6, f7]
}

impl Block {
    /// The rows of the window whose duration is one of `values`, in nanoseconds; `None` where the block has
    /// few rows, and so no buckets. Cost: as many bits as rows for each bit of a bucket number, or, where few
    /// rows are close to the range, those rows; the first time a look at the rows of two buckets.
    pub(crate) fn with_duration(
        &self,
        values: &RangeInclusive<u64>,
        window: &Range<u32>,
    ) -> Result<Option<Marked>, BlockError> {
        let Some(buckets) = self.buckets()? else { return Ok(None) };
        buckets.find(values, window, |bucket| self.members(&buckets, bucket)).map(Some)
    }

    /// The buckets of the durations; `None` where the block has few rows.
    fn buckets(&self) -> Result<Option<Arc<Buckets>>, BlockError> {
        let section = Section::DurationBuckets;
        let Some(extent) = self.extent(section)? else { return Ok(None) };
        let (image, slot) = (self.image(), Slot::Section(section.code()));
        if let Some(Cached::Buckets(buckets)) = image.cache.get(image.block, &slot) {
            return Ok(Some(buckets));
        }
        let bytes = image.read_once(extent.offset, extent.len)?;
        let decoded = Buckets::decode(&bytes, self.header()?.rows);
        let buckets = Arc::new(decoded.map_err(|cause| image.corrupt(&section.name(), cause))?);
        image.cache.put(image.block, slot, Cached::Buckets(Arc::clone(&buckets)));
        Ok(Some(buckets))
    }

    /// The rows of one bucket with their durations. Cost: the first time, a look at each; then none.
    fn members(&self, buckets: &Buckets, bucket: u32) -> Result<Members, BlockError> {
        let (image, slot) = (self.image(), Slot::Derived(Derived::Members(bucket)));
        if let Some(Cached::Members(members)) = image.cache.get(image.block, &slot) {
            return Ok(members);
        }
        let mut durations = self.cursor(Section::Durations)?;
        let members = buckets.rows_of(bucket).map(|row| Ok((row, durations.get(usize_of(row))?)));
        let members: Members = members.collect::<Result<Vec<_>, BlockError>>()?.into();
        image.cache.put(image.block, slot, Cached::Members(Arc::clone(&members)));
        Ok(members)
    }

    /// What is wrong with the buckets: they must be those of the durations, byte for byte.
    pub(in crate::block) fn are_buckets_right(&self) -> Result<bool, BlockError> {
        let expected = encode(&self.wide(Section::Durations)?);
        let Some(extent) = self.extent(Section::DurationBuckets)? else {
            return Ok(expected.is_empty());
        };
        Ok(u64_of(expected.len()) == extent.len
            && *self.image().read_once(extent.offset, extent.len)? == *expected)
    }
}
