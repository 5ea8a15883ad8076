//! A flat bit per row over a range of rows. Invariant: rows outside the range are never set and
//! read as unset, so nobody has to check bounds first.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::codec::cast;
use crate::query::rows::Rows;
use crate::query::words;

/// Bits for the rows of a range: an eighth of a byte a row.
#[derive(Debug)]
pub(crate) struct Bits {
    /// A multiple of 64.
    base: u32,
    words: Vec<u64>,
}

impl Bits {
    /// No row of `range` set.
    pub(crate) fn over(range: Range<u32>) -> Self {
        let base = range.start & !63;
        let words = range.end.saturating_sub(base).div_ceil(64);
        Self { base, words: vec![0; cast::usize_of(words)] }
    }

    /// The rows from `first` on for whose value `holds`: one step a value, whatever the answer.
    pub(crate) fn of_values<T: Copy>(first: u32, values: &[T], holds: impl Fn(T) -> bool) -> Self {
        let base = first & !63;
        let (head, rest) =
            values.split_at(values.len().min(cast::usize_of((64 - first % 64) % 64)));
        let word = |values: &[T]| {
            let bits = values.iter().zip(0u32..);
            bits.fold(0u64, |word, (value, at)| word | u64::from(holds(*value)) << at)
        };
        let mut words = Vec::with_capacity(rest.len() / 64 + 2);
        if !head.is_empty() {
            words.push(word(head) << (first % 64));
        }
        let (whole, tail) = rest.as_chunks::<64>();
        words.extend(whole.iter().map(|values| word(values)));
        if !tail.is_empty() {
            words.push(word(tail));
        }
        Self { base, words }
    }

    /// The rows that words say from `first` on, a multiple of 64.
    pub(crate) fn from_words(first: u32, words: Vec<u64>) -> Self {
        Self { base: first & !63, words }
    }

    /// How many rows are set.
    pub(crate) fn len(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The rows of `rows` set, over their own bounds.
    pub(crate) fn of(rows: &Rows) -> Self {
        let mut bits = Self::over(rows.bounds());
        if words::fill(rows.bitmap(), &mut bits).is_none() {
            rows.for_each_batch(|batch| batch.iter().for_each(|row| bits.set(*row)));
        }
        bits
    }

    /// Sets the rows that are set in bytes, of which the first has the bits of `first` and the seven
    /// rows after it; `first` is a multiple of 64. What is beyond the range is left out.
    pub(super) fn set_words(&mut self, first: u32, bytes: &[u8]) {
        let (whole, _) = bytes.as_chunks::<8>();
        let skipped = self.base.saturating_sub(first) / 64;
        let at = first.saturating_sub(self.base) / 64;
        let words = self.words.iter_mut().skip(cast::usize_of(at));
        for (word, bytes) in words.zip(whole.iter().skip(cast::usize_of(skipped))) {
            *word |= u64::from_le_bytes(*bytes);
        }
    }

    /// The first row set that is not before `row`.
    #[inline]
    pub(crate) fn next_set(&self, row: u32) -> Option<u32> {
        let offset = row.saturating_sub(self.base);
        let mut at = cast::usize_of(offset / 64);
        let mut word = self.words.get(at)? & u64::MAX << (offset % 64);
        while word == 0 {
            at += 1;
            word = *self.words.get(at)?;
        }
        let first = u32::try_from(at * 64).ok()?;
        Some(self.base + first + word.trailing_zeros())
    }

    /// Sets `row`.
    #[inline]
    pub(crate) fn set(&mut self, row: u32) {
        let offset = row.wrapping_sub(self.base);
        if let Some(word) = self.words.get_mut(cast::usize_of(offset / 64)) {
            *word |= 1 << (offset % 64);
        }
    }

    /// True where `row` is set.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> bool {
        let offset = row.wrapping_sub(self.base);
        let word = self.words.get(cast::usize_of(offset / 64)).copied().unwrap_or_default();
        word >> (offset % 64) & 1 != 0
    }

    /// Sets `row` where `wanted`, and says whether it was set before; false outside the range.
    #[inline]
    pub(crate) fn mark(&mut self, row: u32, wanted: bool) -> bool {
        let offset = row.wrapping_sub(self.base);
        let Some(word) = self.words.get_mut(cast::usize_of(offset / 64)) else { return false };
        let before = *word >> (offset % 64) & 1 != 0;
        *word |= u64::from(wanted) << (offset % 64);
        before
    }

    /// Sets all rows from `first` to `last`, both within the range.
    #[inline]
    pub(crate) fn set_through(&mut self, first: u32, last: u32) {
        if first > last {
            return;
        }
        let (first, last) = (first.wrapping_sub(self.base), last.wrapping_sub(self.base));
        let (low, high) = (u64::MAX << (first % 64), u64::MAX >> (63 - last % 64));
        let (start, end) = (cast::usize_of(first / 64), cast::usize_of(last / 64));
        if start == end {
            if let Some(word) = self.words.get_mut(start) {
                *word |= low & high;
            }
        } else if let Some([head, middle @ .., tail]) = self.words.get_mut(start..=end) {
            *head |= low;
            middle.fill(u64::MAX);
            *tail |= high;
        }
    }

    /// For each word, how many rows are set in the words before it.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut total = 0;
        let mut before = |word: &u64| {
            let before = total;
            total += word.count_ones();
            before
        };
        self.words.iter().map(&mut before).collect()
    }

    /// The words, and the place among the words of all rows of the first.
    pub(crate) fn words(&self) -> (usize, &[u64]) {
        (cast::usize_of(self.base / 64), &self.words)
    }

    /// How many rows of `range`, which lies within the range of the bits, are set.
    pub(crate) fn count_in(&self, range: Range<u32>) -> u32 {
        let mut count = 0;
        self.each_word(range, |_, word| count += word.count_ones());
        count
    }

    /// Calls `visit` with the rows of `range` that are set, ascending.
    #[inline]
    pub(crate) fn for_each_in(&self, range: Range<u32>, mut visit: impl FnMut(u32)) {
        self.each_word(range, |first, mut word| {
            while word != 0 {
                visit(first + word.trailing_zeros());
                word &= word - 1;
            }
        });
    }

    /// Calls `visit` with the words that have rows of `range`, and the first row of each; rows beyond it
    /// are not set there.
    #[inline]
    fn each_word(&self, range: Range<u32>, mut visit: impl FnMut(u32, u64)) {
        let start = range.start.max(self.base);
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= start) else { return };
        let places = cast::usize_of((start - self.base) / 64)..;
        let mut low = u64::MAX << (start % 64);
        let firsts = (start & !63..=last).step_by(64);
        for (word, first) in self.words.get(places).unwrap_or_default().iter().zip(firsts) {
            let high = if last - first < 64 { u64::MAX >> (63 - last % 64) } else { u64::MAX };
            visit(first, word & low & high);
            low = u64::MAX;
        }
    }

    /// How many rows at most `row` are set, for a `row` within the range.
    #[inline]
    pub(crate) fn rank(&self, ranks: &[u32], row: u32) -> u32 {
        let offset = row.wrapping_sub(self.base);
        let at = cast::usize_of(offset / 64);
        let (Some(before), Some(word)) = (ranks.get(at), self.words.get(at)) else { return 0 };
        before + (word & u64::MAX >> (63 - offset % 64)).count_ones()
    }

    /// The rows set.
    pub(crate) fn into_rows(self) -> Rows {
        // roaring takes the bits of a word from its lowest byte on.
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let width = bytes.len().saturating_mul(8);
        let last = u32::try_from(width).ok().and_then(|width| self.base.checked_add(width));
        if last.is_some() {
            return Rows::new(RoaringBitmap::from_lsb0_bytes(self.base, &bytes));
        }
        // Only a set that reaches the end of the 32-bit space comes here.
        let ones = |(word, bits): (usize, &u64)| {
            let (bits, first) = (*bits, cast::u64_of(word) * 64 + u64::from(self.base));
            (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| first + bit)
        };
        let rows = self.words.iter().enumerate().flat_map(ones);
        rows.filter_map(|row| u32::try_from(row).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_of_values_are_those_that_hold(
            first in 0u32..200, values in proptest::collection::vec(0u8..4, 0..300),
        ) {
            let rows = Bits::of_values(first, &values, |value| value == 1).into_rows();
            let expected: Vec<u32> =
                values.iter().zip(first..).filter(|(value, _)| **value == 1).map(|(_, row)| row).collect();
            prop_assert_eq!(rows.to_vec(), expected);
        }

        #[test]
        fn bits_are_a_set(
            start in 0u32..70_000, width in 1u32..3000,
            runs in proptest::collection::vec((0u32..3000, 0u32..200), 0..20),
        ) {
            let range = start..start + width;
            let mut bits = Bits::over(range.clone());
            let mut rows = std::collections::BTreeSet::new();
            for (first, length) in runs {
                let first = start + first.min(width - 1);
                let last = (first + length).min(range.end - 1);
                bits.set_through(first, last);
                rows.extend(first..=last);
            }
            let ranks = bits.ranks();
            for row in range.clone() {
                prop_assert_eq!(bits.get(row), rows.contains(&row));
                prop_assert_eq!(cast::usize_of(bits.rank(&ranks, row)), rows.range(..=row).count());
            }
            let (first, last) = (range.start + width / 3, range.start + width / 2);
            for part in [range.clone(), first..last, first..range.end + 500, 0..last, 0..0, first..first] {
                let mut found = Vec::new();
                bits.for_each_in(part.clone(), |row| found.push(row));
                prop_assert_eq!(bits.count_in(part.clone()), u32::try_from(found.len()).unwrap());
                let expected: Vec<u32> =
                    rows.iter().copied().filter(|row| part.contains(row)).collect();
                prop_assert_eq!(found, expected);
            }
            prop_assert!(!bits.get(range.end + 64) && !bits.get(start.wrapping_sub(64)));
            prop_assert_eq!(bits.into_rows().to_vec(), rows.into_iter().collect::<Vec<_>>());
        }
    }
}
