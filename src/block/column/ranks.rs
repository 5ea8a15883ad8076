//! The rank of each row among the rows that have a value, for many rows in any order. Invariant: what
//! it says of a row is what the set it was made of says.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::reader::ColumnReader;
use crate::block::cache::Cached;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::codec::cast::usize_of;

/// Rows as bits, with the count of rows before each word: a quarter of a byte a row of the table, and
/// one memory access a look-up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RankTable {
    words: Vec<(u64, u32)>,
}

impl RankTable {
    fn new(rows: &RoaringBitmap) -> Self {
        // Reading in batches passes over whole containers that are one run.
        let mut flat = RoaringBitmap::new();
        let rows = if rows.statistics().n_run_containers > 0 {
            flat.clone_from(rows);
            flat.remove_run_compression();
            &flat
        } else {
            rows
        };
        let last = rows.max().map_or(0, usize_of);
        let mut words = vec![(0u64, 0u32); last / 64 + 1];
        let mut batch = [0; 512];
        let mut rows = rows.iter();
        loop {
            let filled = rows.next_many(&mut batch);
            if filled.is_empty() {
                break;
            }
            for row in filled {
                if let Some((word, _)) = words.get_mut(usize_of(*row / 64)) {
                    *word |= 1 << (*row % 64);
                }
            }
        }
        let mut total = 0;
        for (word, before) in &mut words {
            *before = total;
            total += word.count_ones();
        }
        Self { words }
    }

    /// The rank of `row`; `None` where it is no row of the set.
    #[inline]
    pub(crate) fn of(&self, row: u32) -> Option<u32> {
        let (word, before) = self.words.get(usize_of(row / 64))?;
        let bit = row % 64;
        let below = word & ((1 << bit) - 1);
        (word >> bit & 1 != 0).then(|| before + below.count_ones())
    }

    /// Bytes in memory.
    pub(crate) fn bytes_len(&self) -> usize {
        self.words.len() * size_of::<(u64, u32)>()
    }
}

impl ColumnReader<'_> {
    /// The ranks of the rows that have a value, of a column that not every row has: of one that every
    /// row has, each row is its own rank.
    pub(crate) fn ranks(&self) -> Result<Arc<RankTable>, BlockError> {
        let place = self.run(|entry| entry.presence).offset;
        let (image, slot) = (self.image(), self.slot(Part::Presence, place, 1));
        if let Some(Cached::Ranks(ranks)) = image.cache.get(image.block, &slot) {
            return Ok(ranks);
        }
        let ranks = Arc::new(RankTable::new(&*self.presence()?));
        image.cache.put(image.block, slot, Cached::Ranks(Arc::clone(&ranks)));
        Ok(ranks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_are_those_of_the_set(
            rows in prop::collection::btree_set(0u32..150_000, 0..3000),
            full in prop::option::of(0u32..2),
        ) {
            let mut set: RoaringBitmap = rows.into_iter().collect();
            if let Some(container) = full {
                set.insert_range(container << 16..(container + 1) << 16);
                set.optimize();
            }
            let table = RankTable::new(&set);
            for row in (0..200_000).step_by(7).chain(set.iter().take(5000)) {
                let rank = u32::try_from(set.rank(row)).unwrap();
                let expected = set.contains(row).then(|| rank - 1);
                prop_assert_eq!(table.of(row), expected);
            }
            prop_assert_eq!(table.of(u32::MAX), None);
        }
    }
}
