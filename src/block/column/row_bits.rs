//! Rows as plain bits, to be filled in any order and made a set of rows. Invariant: the set has exactly
//! the rows that were set.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::codec::cast::usize_of;

/// A bit for each row.
#[derive(Debug)]
pub(super) struct RowBits {
    words: Vec<u64>,
}

/// Bits of rows that are said row after row. A word is filled before it is stored: to store each bit is
/// to wait for the one before it.
#[derive(Debug)]
pub(super) struct Filling {
    words: Vec<u64>,
    word: u64,
    at: u32,
}

impl Filling {
    /// Nothing said yet, of about so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self { words: Vec::with_capacity(rows / 64 + 1), word: 0, at: 0 }
    }

    /// Says of the next row whether it is set: 1 or 0.
    #[inline]
    pub(super) fn push(&mut self, bit: u64) {
        self.word |= bit << self.at;
        self.at = (self.at + 1) % 64;
        if self.at == 0 {
            self.words.push(self.word);
            self.word = 0;
        }
    }

    /// The rows said to be set.
    pub(super) fn finish(mut self) -> RowBits {
        self.words.push(self.word);
        RowBits { words: self.words }
    }
}

impl RowBits {
    /// None of `rows` rows.
    pub(super) fn new(rows: u32) -> Self {
        Self { words: vec![0; usize_of(rows).div_ceil(64)] }
    }

    /// Sets a row where `is_set` holds, and leaves it as it is where not; without a branch.
    #[inline]
    pub(super) fn or(&mut self, row: u32, is_set: bool) {
        if let Some(word) = self.words.get_mut(usize_of(row / 64)) {
            *word |= u64::from(is_set) << (row % 64);
        }
    }

    /// True for a row that is set.
    #[inline]
    pub(super) fn has(&self, row: u32) -> bool {
        self.words.get(usize_of(row / 64)).is_some_and(|word| word >> (row % 64) & 1 != 0)
    }

    /// How many rows are set.
    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The rows that are set, with how many are before each.
    pub(super) fn ranks(&self) -> Ranks<'_> {
        Ranks { words: &self.words, at: 0, before: 0 }
    }

    /// The rows that are set.
    pub(super) fn into_rows(self) -> RoaringBitmap {
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut rows = RoaringBitmap::from_lsb0_bytes(0, &bytes);
        rows.optimize();
        shorten_runs(&mut rows);
        rows
    }
}

/// Rows that are set, with how many are before each, in ranges that ascend.
#[derive(Debug)]
pub(super) struct Ranks<'b> {
    words: &'b [u64],
    /// A word, and how many rows are set in those before it.
    at: usize,
    before: u32,
}

impl Ranks<'_> {
    /// Hands each row of a range that is set to `each`, with how many are before it.
    pub(super) fn in_range<E>(
        &mut self,
        rows: Range<u32>,
        mut each: impl FnMut(u32, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = usize_of(rows.start / 64);
        for word in self.words.get(self.at..first).unwrap_or_default() {
            self.before += word.count_ones();
        }
        self.at = self.at.max(first);
        let (mut at, mut before) = (rows.start, self.before);
        if let Some(word) = self.words.get(first) {
            before += (word & !(u64::MAX << (at % 64))).count_ones();
        }
        while at < rows.end {
            let Some(word) = self.words.get(usize_of(at / 64)) else { break };
            let left = word >> (at % 64);
            if left == 0 {
                at = (at / 64 + 1) * 64;
                continue;
            }
            at += left.trailing_zeros();
            if at >= rows.end {
                break;
            }
            each(at, before)?;
            before += 1;
            at += 1;
        }
        Ok(())
    }
}

/// Runs take little memory, but short ones are slow to read and to unite: where runs are short on
/// average, the set is kept without them.
fn shorten_runs(rows: &mut RoaringBitmap) {
    /// Bytes of a run in roaring's format.
    const RUN_LEN: u64 = 4;
    /// Runs longer than this on average stay.
    const SHORT_RUN_ROWS: u64 = 32;
    let statistics = rows.statistics();
    let runs = statistics.n_bytes_run_containers / RUN_LEN;
    if statistics.n_values_run_containers < runs.saturating_mul(SHORT_RUN_ROWS) {
        rows.remove_run_compression();
    }
}

/// Hands the rows of a set to `each`, in order.
pub(super) fn for_each_row(rows: &RoaringBitmap, mut each: impl FnMut(u32)) {
    let mut batch = [0; 512];
    let mut rows = rows.iter();
    loop {
        let filled = rows.next_many(&mut batch);
        if filled.is_empty() {
            break;
        }
        for row in filled.iter() {
            each(*row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
        #[test]
        fn the_set_has_the_rows_that_were_set(
            rows in prop::collection::btree_set(0u32..150_000, 0..3000),
            run in 0u32..100_000,
        ) {
            let mut rows = rows;
            rows.extend(run..run + 40_000);
            let (mut bits, mut filling) = (RowBits::new(150_000), Filling::new(150_000));
            for row in 0..150_000 {
                bits.or(row, rows.contains(&row));
                filling.push(u64::from(rows.contains(&row)));
            }
            prop_assert_eq!(filling.finish().into_rows(), RowBits { words: bits.words.clone() }.into_rows());
            prop_assert!(rows.iter().all(|row| bits.has(*row)));
            prop_assert_eq!(bits.count(), u64::try_from(rows.len()).unwrap());
            let mut ranks = bits.ranks();
            let mut ranked = Vec::new();
            for part in [0..run / 2, run / 2..run + 7, run + 7..run + 8, run + 100..200_000] {
                let each = |row, rank| -> Result<(), ()> {
                    ranked.push((row, rank));
                    Ok(())
                };
                ranks.in_range(part, each).unwrap();
            }
            let left_out = run + 8..run + 100;
            let expected = rows.iter().copied().zip(0..).filter(|(row, _)| !left_out.contains(row));
            prop_assert_eq!(ranked, expected.collect::<Vec<(u32, u32)>>());
            let set = bits.into_rows();
            let mut read = Vec::new();
            for_each_row(&set, |row| read.push(row));
            prop_assert_eq!(read, rows.into_iter().collect::<Vec<_>>());
        }
    }
}
