//! Bits as very many rows are set in them one by one. Invariant: rows outside the range of the bits change
//! nothing.

use crate::codec::cast;

/// Bits that are written to: where they lie stays in registers from row to row.
#[derive(Debug)]
pub(crate) struct Marking<'a> {
    base: u32,
    words: &'a mut [u64],
}

impl<'a> Marking<'a> {
    #[inline]
    pub(super) fn new(base: u32, words: &'a mut [u64]) -> Self {
        Self { base, words }
    }

    /// Sets `row`, if it is within the range.
    #[inline]
    pub(crate) fn set(&mut self, row: u32) {
        let offset = row.wrapping_sub(self.base);
        if let Some(word) = self.words.get_mut(cast::usize_of(offset / 64)) {
            *word |= 1 << (offset % 64);
        }
    }

    /// Sets `row`, if it is within the range, where `wanted`; without a branch.
    #[inline]
    pub(crate) fn or(&mut self, row: u32, wanted: bool) {
        let offset = row.wrapping_sub(self.base);
        if let Some(word) = self.words.get_mut(cast::usize_of(offset / 64)) {
            *word |= u64::from(wanted) << (offset % 64);
        }
    }

    /// Sets `row`, and says whether it was set before; false outside the range.
    #[inline]
    pub(crate) fn mark(&mut self, row: u32) -> bool {
        let offset = row.wrapping_sub(self.base);
        let Some(word) = self.words.get_mut(cast::usize_of(offset / 64)) else { return false };
        let before = *word >> (offset % 64) & 1 != 0;
        *word |= 1 << (offset % 64);
        before
    }
}
