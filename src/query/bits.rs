//! A flat bit per row over a range of rows. Invariant: rows outside the range are never set and
//! read as unset, so nobody has to check bounds first.

use std::borrow::Cow;
use std::ops::Range;

use roaring::RoaringBitmap;

use super::marking::Marking;
use crate::codec::{cast, wide};
use crate::query::rows::{BATCH, Rows};
use crate::query::{few, sweep, words};

/// With so many rows a word on the average, most words have several.
const MANY_A_WORD: u64 = 2;

/// Rows taken from a word without a look at how many it has, where most have few and where most have many.
const FEW_AT_ONCE: usize = 2;
const MANY_AT_ONCE: usize = 8;

/// Bits for the rows of a range: an eighth of a byte a row.
#[derive(Debug, Clone)]
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

    /// The rows of an ascending list set, over their own bounds.
    pub(super) fn of_list(rows: &[u32]) -> Self {
        let mut bits = Self::over(few::bounds(rows));
        for row in rows {
            bits.set(*row);
        }
        bits
    }

    /// All rows of `range` set.
    pub(crate) fn range(range: Range<u32>) -> Self {
        let mut bits = Self::over(range.clone());
        if let Some(last) = range.end.checked_sub(1) {
            bits.set_through(range.start, last);
        }
        bits
    }

    /// Words of bits, of which the first is word number `first` of all rows.
    pub(crate) fn of_words(first: usize, words: Vec<u64>) -> Self {
        let base = cast::u32_of(first).and_then(|first| first.checked_mul(64));
        match base {
            Some(base) => Self { base, words },
            None => Self { base: 0, words: Vec::new() },
        }
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

    /// The rows of a bitmap set, over their own bounds.
    pub(super) fn of(bitmap: &RoaringBitmap) -> Self {
        let (Some(first), Some(last)) = (bitmap.min(), bitmap.max()) else {
            return Self::over(0..0);
        };
        let mut bits = Self::over(first..last.saturating_add(1));
        if words::fill(bitmap, &mut bits).is_none() {
            bitmap.iter().for_each(|row| bits.set(row));
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

    /// The last row set that is before `end`.
    pub(crate) fn last_before(&self, end: u32) -> Option<u32> {
        let offset = end.checked_sub(self.base)?;
        let (at, below) = (cast::usize_of(offset / 64), !(u64::MAX << (offset % 64)));
        let (before, word) = match self.words.get(at) {
            Some(word) => (self.words.get(..at).unwrap_or_default(), word & below),
            None => (self.words.as_slice(), 0),
        };
        let (at, word) = match word {
            0 => before.iter().enumerate().rev().find(|(_, word)| **word != 0)?,
            _ => (at, &word),
        };
        Some(self.base + u32::try_from(at * 64).ok()? + word.ilog2())
    }

    /// The bits for who sets very many rows one by one.
    #[inline]
    pub(crate) fn marking(&mut self) -> Marking<'_> {
        Marking::new(self.base, &mut self.words)
    }

    /// Sets `row`.
    #[inline]
    pub(crate) fn set(&mut self, row: u32) {
        self.marking().set(row);
    }

    /// True where `row` is set.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> bool {
        let offset = row.wrapping_sub(self.base);
        let word = self.words.get(cast::usize_of(offset / 64)).copied().unwrap_or_default();
        word >> (offset % 64) & 1 != 0
    }

    /// Sets `row` where `wanted`, and leaves it as it is where not; without a branch.
    #[inline]
    pub(crate) fn or(&mut self, row: u32, wanted: bool) {
        self.marking().or(row, wanted);
    }

    /// Sets `row`, and says whether it was set before; false outside the range.
    #[inline]
    pub(crate) fn mark(&mut self, row: u32) -> bool {
        self.marking().mark(row)
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

    /// The words, and the place among the words of all rows of the first.
    pub(crate) fn placed_words(&self) -> (usize, &[u64]) {
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

    /// The rows set.
    pub(crate) fn into_rows(self) -> Rows {
        Rows::of_bits(self)
    }

    /// The rows set, as a bitmap.
    pub(super) fn to_bitmap(&self) -> RoaringBitmap {
        // roaring takes the bits of a word from its lowest byte on.
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let width = bytes.len().saturating_mul(8);
        let last = u32::try_from(width).ok().and_then(|width| self.base.checked_add(width));
        if last.is_some() {
            return RoaringBitmap::from_lsb0_bytes(self.base, &bytes);
        }
        // Only a set that reaches the end of the 32-bit space comes here.
        let ones = |(word, bits): (usize, &u64)| {
            let (bits, first) = (*bits, cast::u64_of(word) * 64 + u64::from(self.base));
            (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| first + bit)
        };
        let rows = self.words.iter().enumerate().flat_map(ones);
        rows.filter_map(|row| u32::try_from(row).ok()).collect()
    }

    /// Bytes that the words take.
    pub(crate) fn bytes_len(&self) -> usize {
        size_of_val::<[u64]>(&self.words)
    }

    /// How many rows are set.
    pub(crate) fn count(&self) -> u64 {
        sweep::count(&self.words)
    }

    /// True where no row is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The first row set and the row after the last; an empty range where there are none.
    pub(crate) fn bounds(&self) -> Range<u32> {
        let row = |at: usize, bit: u32| {
            cast::u32_of(at * 64).map_or(u32::MAX, |first| self.base.saturating_add(first + bit))
        };
        let first = self.words.iter().position(|word| *word != 0);
        let last = self.words.iter().rposition(|word| *word != 0);
        let (Some(first), Some(last)) = (first, last) else { return 0..0 };
        let word = |at: usize| self.words.get(at).copied().unwrap_or(1);
        let end = row(last, word(last).ilog2()).saturating_add(1);
        row(first, word(first).trailing_zeros())..end
    }

    /// The numbers of the words among all rows: the first, and the one after the last.
    pub(crate) fn span(&self) -> Range<usize> {
        let first = cast::usize_of(self.base / 64);
        first..first + self.words.len()
    }

    /// The words of a range of word numbers; those outside are zero. A copy only where there are some.
    pub(crate) fn words(&self, span: &Range<usize>) -> Cow<'_, [u64]> {
        let own = self.span();
        if own.start <= span.start && span.end <= own.end {
            return Cow::Borrowed(part(
                &self.words,
                &(span.start - own.start..span.end - own.start),
            ));
        }
        let mut words = vec![0; span.len()];
        let shared = own.start.max(span.start)..own.end.min(span.end);
        if !shared.is_empty() {
            let from = part(&self.words, &(shared.start - own.start..shared.end - own.start));
            if let Some(to) = words.get_mut(shared.start - span.start..shared.end - span.start) {
                to.copy_from_slice(from);
            }
        }
        Cow::Owned(words)
    }

    /// The rows of both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        self.joined(other, &shared(&self.span(), &other.span()), |a, b| a & b)
    }

    /// The rows of either.
    pub(crate) fn with(&self, other: &Self) -> Self {
        self.joined(other, &hull(&self.span(), &other.span()), |a, b| a | b)
    }

    /// The rows that are not in `other`.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.joined(other, &self.span(), |a, b| a & !b)
    }

    /// The rows that lie in `range`.
    pub(crate) fn within(&self, range: Range<u32>) -> Self {
        self.and(&Self::range(range))
    }

    fn joined(&self, other: &Self, span: &Range<usize>, join: impl Fn(u64, u64) -> u64) -> Self {
        let (own, other) = (self.words(span), other.words(span));
        let (own, other) = (&*own, &*other);
        let words = wide::widest(
            #[inline(always)]
            || {
                let mut words = vec![0; own.len()];
                for ((word, a), b) in words.iter_mut().zip(own).zip(other) {
                    *word = join(*a, *b);
                }
                words
            },
        );
        Self::of_words(span.start, words)
    }

    /// Calls `visit` with all rows set, ascending, in batches of at most [`BATCH`]; there are `rows`.
    pub(crate) fn try_for_each_batch<E>(
        &self,
        rows: u64,
        mut visit: impl FnMut(&[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        if rows == 0 {
            return Ok(());
        }
        let mut batch = Batch { rows: [0; BATCH], filled: 0 };
        if rows < cast::u64_of(self.words.len()).saturating_mul(MANY_A_WORD) {
            self.try_for_each_word(|word, first| {
                batch.take_few(word, first);
                batch.visit_full(&mut visit)
            })?;
        } else {
            for (word, first) in self.words.iter().zip((self.base / 64..).map(|word| word * 64)) {
                if *word != 0 {
                    batch.take_many(*word, first);
                    batch.visit_full(&mut visit)?;
                }
            }
        }
        batch.visit_rest(visit)
    }

    /// Calls `visit` with all rows set, as [`Bits::try_for_each_batch`] does.
    pub(crate) fn for_each_batch(&self, rows: u64, mut visit: impl FnMut(&[u32])) {
        let done = self.try_for_each_batch(rows, |batch| {
            visit(batch);
            Ok::<(), std::convert::Infallible>(())
        });
        match done {
            Ok(()) => {}
        }
    }
}

/// Rows taken out of words.
struct Batch {
    rows: [u32; BATCH],
    filled: usize,
}

impl Batch {
    /// Takes the rows of a word that mostly has one or two. The first of them are taken whether or not
    /// there are so many, because how many there are cannot be guessed.
    #[inline]
    fn take_few(&mut self, word: u64, first: u32) {
        let (_, free) = self.rows.split_at_mut_checked(self.filled).unwrap_or_default();
        let Some((some, rest)) = free.split_first_chunk_mut::<FEW_AT_ONCE>() else { return };
        let mut left = word;
        for slot in some {
            *slot = first | left.trailing_zeros() & 63;
            self.filled += usize::from(left != 0);
            left &= left.wrapping_sub(1);
        }
        for slot in rest {
            if left == 0 {
                break;
            }
            *slot = first | left.trailing_zeros();
            self.filled += 1;
            left &= left - 1;
        }
    }

    /// The same of a word that mostly has several.
    #[inline]
    fn take_many(&mut self, word: u64, first: u32) {
        let (_, free) = self.rows.split_at_mut_checked(self.filled).unwrap_or_default();
        let Some((some, rest)) = free.split_first_chunk_mut::<MANY_AT_ONCE>() else { return };
        let mut left = word;
        for slot in some {
            *slot = first | left.trailing_zeros() & 63;
            left &= left.wrapping_sub(1);
        }
        for slot in rest {
            if left == 0 {
                break;
            }
            *slot = first | left.trailing_zeros();
            left &= left - 1;
        }
        self.filled += cast::usize_of(word.count_ones());
    }

    /// Has the rows visited where there may be no room for those of one more word.
    #[inline]
    fn visit_full<E>(&mut self, visit: impl FnMut(&[u32]) -> Result<(), E>) -> Result<(), E> {
        if self.filled > BATCH - 64 { self.visit_rest(visit) } else { Ok(()) }
    }

    fn visit_rest<E>(&mut self, mut visit: impl FnMut(&[u32]) -> Result<(), E>) -> Result<(), E> {
        let filled = std::mem::take(&mut self.filled);
        match self.rows.get(..filled) {
            Some(rows @ [_, ..]) => visit(rows),
            _ => Ok(()),
        }
    }
}

/// The word numbers of both spans.
pub(crate) fn shared(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// The word numbers from the first of either span to the last of either.
pub(crate) fn hull(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => a.start.min(b.start)..a.end.max(b.end),
    }
}

fn part<'a>(words: &'a [u64], range: &Range<usize>) -> &'a [u64] {
    words.get(range.clone()).unwrap_or_default()
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
            for row in range.clone() {
                prop_assert_eq!(bits.get(row), rows.contains(&row));
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
            let list: Vec<u32> = rows.into_iter().collect();
            prop_assert_eq!(bits.to_bitmap().iter().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(bits.count(), cast::u64_of(list.len()));
            prop_assert_eq!(bits.is_empty(), list.is_empty());
            let bounds = list.first().zip(list.last()).map_or(0..0, |(first, last)| *first..last + 1);
            prop_assert_eq!(bits.bounds(), bounds);
            prop_assert_eq!(bits.into_rows().to_vec(), list);
        }

        #[test]
        fn words_outside_are_zero(first in 0usize..5, len in 0usize..5, start in 0usize..8, end in 0usize..8) {
            let bits = Bits::of_words(first, (1..).take(len).collect());
            let words = bits.words(&(start..end.max(start)));
            let word = |at: &usize| {
                let inside = (first..first + len).contains(at);
                if inside { cast::u64_of(at - first + 1) } else { 0 }
            };
            prop_assert_eq!(words.to_vec(), (start..end.max(start)).map(|at| word(&at)).collect::<Vec<_>>());
        }
    }
}
