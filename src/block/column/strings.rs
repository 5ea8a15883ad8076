//! The dictionary of a column of strings or bytes. Invariant: strings ascend with their numbers, and
//! only those asked for are read.

use std::ops::Range;

use super::reader::ColumnReader;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::block::image::Slice;
use crate::block::packed::Cursor;
use crate::codec::cast::{u32_of, usize_of, usize_of_u64};
use crate::codec::packed::GROUP_LEN;

/// A sorted dictionary of strings.
#[derive(Debug)]
pub(crate) struct Strings<'a> {
    column: ColumnReader<'a>,
    offsets: Cursor<'a>,
    start: u64,
}

/// Strings of a dictionary that follow one another.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The number of the first.
    pub(crate) first: u32,
    bytes: Slice,
    /// Where each ends.
    ends: Vec<usize>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(column: ColumnReader<'a>, offsets: Cursor<'a>, start: u64) -> Self {
        Self { column, offsets, start }
    }

    /// String `number`.
    pub(crate) fn get(&mut self, number: u32) -> Result<Slice, BlockError> {
        let at = usize_of(number);
        let (start, end) = (self.offsets.get(at)?, self.offsets.get(at + 1)?);
        match end.checked_sub(start) {
            Some(len) => self.column.bytes(Part::Dictionary, self.start.saturating_add(start), len),
            None => Err(self.column.corrupt(Part::Dictionary, "offsets descend")),
        }
    }

    /// The first number whose string is not below `text`, and whether it is equal.
    pub(crate) fn lower_bound(&mut self, text: &[u8]) -> Result<(u32, bool), BlockError> {
        let (mut low, mut high) = (0, self.column.values());
        while low < high {
            let middle = low.midpoint(high);
            if *self.get(middle)? < *text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let equal = low < self.column.values() && *self.get(low)? == *text;
        Ok((low, equal))
    }

    /// The numbers of the strings that begin with `prefix`, which is not empty.
    pub(crate) fn with_prefix(&mut self, prefix: &[u8]) -> Result<Range<u32>, BlockError> {
        let (first, _) = self.lower_bound(prefix)?;
        // The first text beyond: the prefix with its last byte that can grow grown.
        let mut beyond = prefix.to_vec();
        while let Some(last) = beyond.pop() {
            if let Some(grown) = last.checked_add(1) {
                beyond.push(grown);
                let (end, _) = self.lower_bound(&beyond)?;
                return Ok(first..end.max(first));
            }
        }
        Ok(first..self.column.values())
    }

    /// Hands the strings of a range of numbers to `each`, in order and many at a time.
    pub(crate) fn for_each(
        &mut self,
        range: Range<u32>,
        mut each: impl FnMut(&Texts) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        let (mut at, end) = (usize_of(range.start), usize_of(range.end.min(self.column.values())));
        let mut offsets = Vec::with_capacity(GROUP_LEN + 1);
        while at < end {
            let group = at / GROUP_LEN;
            let next = ((group + 1) * GROUP_LEN).min(end);
            offsets.clear();
            self.offsets.packed().group_values(group, &mut offsets)?;
            // The last string of a group ends where the next group begins.
            if next == (group + 1) * GROUP_LEN {
                offsets.push(self.offsets.get(next)?);
            }
            let first = at - group * GROUP_LEN;
            let bounds = offsets.get(first..=next - group * GROUP_LEN).unwrap_or_default();
            let texts = self.texts(at, bounds)?;
            each(&texts)?;
            at = next;
        }
        Ok(())
    }

    fn texts(&self, first: usize, bounds: &[u64]) -> Result<Texts, BlockError> {
        let descend = || self.column.corrupt(Part::Dictionary, "offsets descend");
        let (Some(start), Some(end)) = (bounds.first(), bounds.last()) else {
            return Err(self.column.corrupt(Part::Dictionary, "offsets are missing"));
        };
        if !bounds.is_sorted() {
            return Err(descend());
        }
        let len = end.checked_sub(*start).ok_or_else(descend)?;
        let bytes = self.column.bytes(Part::Dictionary, self.start.saturating_add(*start), len)?;
        let ends = bounds.iter().skip(1).map(|end| usize_of_u64(end - start)).collect();
        Ok(Texts { first: u32_of(first).unwrap_or(u32::MAX), bytes, ends })
    }
}

impl Texts {
    /// All strings, one after another.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The place of the string that the byte at `offset` belongs to; the end beyond the last.
    pub(crate) fn place_of(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end <= offset)
    }

    /// The bytes of string `place` among these.
    pub(crate) fn range(&self, place: usize) -> Range<usize> {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before));
        start.copied().unwrap_or(0)..self.ends.get(place).copied().unwrap_or(0)
    }

    /// String `place` among these.
    pub(crate) fn get(&self, place: usize) -> &[u8] {
        self.bytes.get(self.range(place)).unwrap_or_default()
    }
}
