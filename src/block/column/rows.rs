//! The rows of a column that have one of some values: the value numbers are scanned, as far as the
//! postings say. Invariant: exactly the rows whose value number is one of those asked for.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::postings::{self, Zones};
use super::reader::ColumnReader;
use super::row_bits::{Filling, RowBits, for_each_row};
use crate::block::cache::{Cached, Slot};
use crate::block::error::BlockError;
use crate::block::format::{Part, Section};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, u64_of, usize_of};
use crate::codec::packed::GROUP_LEN;

/// Of at least one in so many rows that match, all rows with a value are passed; of fewer, each is
/// looked up.
const MANY_SHARE: usize = 256;

/// The values looked for.
enum Wanted {
    One(u32),
    Some(Vec<bool>),
}

impl Wanted {
    fn new(numbers: &[u32], values: u32) -> Self {
        if let [number] = numbers {
            return Self::One(*number);
        }
        let mut wanted = vec![false; usize_of(values)];
        for number in numbers {
            if let Some(wanted) = wanted.get_mut(usize_of(*number)) {
                *wanted = true;
            }
        }
        Self::Some(wanted)
    }
}

impl ColumnReader<'_> {
    /// The rows that have value `number`.
    pub(crate) fn posting(&self, number: u32) -> Result<Arc<RoaringBitmap>, BlockError> {
        if self.values() == 1 {
            return self.presence();
        }
        let place = self.run(|entry| entry.numbers).offset;
        self.cached_rows(Part::Postings, place, number, || self.rows_with(&[number]))
    }

    /// The rows that have one of these values: a union that is kept, because questions come again.
    pub(crate) fn union(&self, numbers: &[u32]) -> Result<Arc<RoaringBitmap>, BlockError> {
        match numbers {
            [] => return Ok(Arc::default()),
            [number] => return self.posting(*number),
            _ if self.values() == 1 => return self.presence(),
            _ => {}
        }
        let image = self.image();
        let code = Section::Table(self.place().0, Part::Postings).code();
        let slot = Slot::Union(code, self.run(|entry| entry.numbers).offset, numbers.into());
        if let Some(Cached::Rows(rows)) = image.cache.get(image.block, &slot) {
            return Ok(rows);
        }
        let rows = Arc::new(self.rows_with(numbers)?);
        image.cache.put(image.block, slot, Cached::Rows(Arc::clone(&rows)));
        Ok(rows)
    }

    /// What is kept of the texts that match a pattern; `None` where it was never kept, or had to go.
    pub(crate) fn known_matches<T: Any + Send + Sync>(&self, pattern: &Arc<str>) -> Option<Arc<T>> {
        self.block().kept(&self.matches_slot(pattern))
    }

    /// Keeps what was found of the texts that match a pattern, because questions come again.
    pub(crate) fn keep_matches<T: Any + Send + Sync>(
        &self,
        pattern: &Arc<str>,
        found: &Arc<T>,
        bytes: usize,
    ) {
        self.block().keep(self.matches_slot(pattern), found, bytes);
    }

    fn matches_slot(&self, pattern: &Arc<str>) -> Slot {
        let code = Section::Table(self.place().0, Part::Dictionary).code();
        Slot::Matches(code, self.run(|entry| entry.dictionary).offset, Arc::clone(pattern))
    }

    /// At most so many rows have one of these values. Cost: where the column has postings, only those
    /// are read; else its rows are few, and looked at.
    pub(crate) fn rows_max(&self, numbers: &[u32]) -> Result<u64, BlockError> {
        if self.values() > 1 && self.run(|entry| entry.postings).len == 0 {
            return Ok(self.union(numbers)?.len());
        }
        let mut sum = 0;
        for number in numbers {
            sum += match self.values() {
                1 => u64::from(self.rows()),
                _ => self.zones(*number)?.rows_max(),
            };
        }
        Ok(sum.min(self.rows().into()))
    }

    /// Where to look for a value.
    pub(super) fn zones(&self, number: u32) -> Result<Zones, BlockError> {
        let run = self.run(|entry| entry.postings);
        if run.len == 0 {
            return Ok(Zones::Everywhere(self.rows().into()));
        }
        let malformed = |cause: Malformed| self.corrupt(Part::Postings, cause.to_string());
        let first = self.bytes(Part::Postings, run.offset, 1)?.first().copied();
        let offsets = self.packed(Part::Postings, run, 1)?;
        let stride = postings::stride(first, self.values(), offsets.count()).map_err(malformed)?;
        let lists = run.offset + 1 + offsets.encoded_len()?;
        let (list, skip) = (usize_of(number / stride), usize_of(number % stride));
        let mut offsets = offsets.cursor();
        let (start, end) = (offsets.get(list)?, offsets.get(list + 1)?);
        let len = end.checked_sub(start);
        let len = len.ok_or_else(|| self.corrupt(Part::Postings, "offsets descend"))?;
        let bytes = self.bytes(Part::Postings, lists.saturating_add(start), len)?;
        postings::decode(&bytes, skip, self.rows()).map_err(malformed)
    }

    fn rows_with(&self, numbers: &[u32]) -> Result<RoaringBitmap, BlockError> {
        let mut ranks = Vec::new();
        for number in numbers {
            match self.zones(*number)? {
                Zones::Everywhere(_) => return self.rows_with_everywhere(numbers),
                Zones::Ranks(ranges) => ranks.extend(ranges),
            }
        }
        let found = self.ranks_with(numbers, &postings::merged(ranks))?;
        if self.is_full() {
            return Ok(RoaringBitmap::from_sorted_iter(found).unwrap_or_default());
        }
        let presence = self.presence()?;
        if found.len() >= usize_of(self.rows()) / MANY_SHARE {
            let mut bits = RowBits::new(self.rows());
            for rank in &found {
                bits.or(*rank, true);
            }
            return Ok(self.rows_of_ranks(&bits, &presence));
        }
        let rows = found.into_iter().filter_map(|rank| presence.select(rank));
        Ok(RoaringBitmap::from_sorted_iter(rows).unwrap_or_default())
    }

    /// The ranks within some ranges whose value is one of `numbers`.
    fn ranks_with(&self, numbers: &[u32], ranges: &[Range<u32>]) -> Result<Vec<u32>, BlockError> {
        let wanted = Wanted::new(numbers, self.values());
        let mut found = Vec::new();
        let mut test = |rank: u32, number: u32| match &wanted {
            Wanted::One(one) if *one == number => found.push(rank),
            Wanted::Some(some) if some.get(usize_of(number)) == Some(&true) => found.push(rank),
            _ => {}
        };
        if let Some(known) = self.known_numbers() {
            for range in ranges {
                let part = known.get(usize_of(range.start)..usize_of(range.end));
                let part = part.unwrap_or_default();
                range.clone().zip(part).for_each(|(rank, number)| test(rank, *number));
            }
            return Ok(found);
        }
        let packed = self.packed(Part::Numbers, self.run(|entry| entry.numbers), 0)?;
        let mut group = Vec::with_capacity(GROUP_LEN);
        let mut decoded = None;
        for range in ranges {
            let (mut at, end) = (usize_of(range.start), usize_of(range.end).min(packed.count()));
            while at < end {
                let number = at / GROUP_LEN;
                if decoded.replace(number) != Some(number) {
                    group.clear();
                    packed.group_values(number, &mut group)?;
                }
                let next = ((number + 1) * GROUP_LEN).min(end);
                let part = group.get(at % GROUP_LEN..).unwrap_or_default();
                for (value, at) in part.iter().zip(at..next) {
                    test(low_u32(u64_of(at)), low_u32(*value));
                }
                at = next;
            }
        }
        Ok(found)
    }

    /// The same where all ranks are looked at.
    fn rows_with_everywhere(&self, numbers: &[u32]) -> Result<RoaringBitmap, BlockError> {
        let mut bits = Filling::new(usize_of(self.rows()));
        match Wanted::new(numbers, self.values()) {
            Wanted::One(one) => self.each_number(|number| bits.push(u64::from(number == one)))?,
            Wanted::Some(some) => self.each_number(|number| {
                bits.push(u64::from(some.get(usize_of(number)) == Some(&true)));
            })?,
        }
        let bits = bits.finish();
        if self.is_full() {
            return Ok(bits.into_rows());
        }
        Ok(self.rows_of_ranks(&bits, &*self.presence()?))
    }

    /// The rows whose ranks are set.
    fn rows_of_ranks(&self, ranks: &RowBits, presence: &RoaringBitmap) -> RoaringBitmap {
        let mut bits = RowBits::new(self.table_rows());
        let mut rank = 0;
        for_each_row(presence, |row| {
            bits.or(row, ranks.has(rank));
            rank += 1;
        });
        bits.into_rows()
    }
}
