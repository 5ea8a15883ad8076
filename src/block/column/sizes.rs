//! How many rows each value of a column has. Invariant: of few values their sets of rows are asked where
//! some rows are wanted; else the value numbers are read once, front to back, or for these rows only.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::reader::ColumnReader;
use crate::block::cache::Cached;
use crate::block::error::BlockError;
use crate::block::format::Part;
use crate::codec::cast::usize_of;

/// Up to so many values, their sets of rows are asked how many they are.
const FEW_VALUES: u32 = 16;

impl ColumnReader<'_> {
    /// For each value, how many rows have it; where given, of the rows `within`.
    pub(crate) fn value_counts(
        &self,
        within: Option<&RoaringBitmap>,
    ) -> Result<Vec<u64>, BlockError> {
        if self.values() <= 1 {
            return Ok(vec![self.rows_within(within)?; usize_of(self.values())]);
        }
        let Some(within) = within else {
            return Ok(self.all_counts()?.to_vec());
        };
        if self.values() <= FEW_VALUES {
            let count = |number| Ok(self.posting(number)?.intersection_len(within));
            return (0..self.values()).map(count).collect();
        }
        let mut counts = vec![0; usize_of(self.values())];
        let numbers = self.numbers()?;
        if self.is_full() {
            within.iter().for_each(|row| add(&mut counts, numbers.get(usize_of(row))));
        } else {
            let ranks = self.ranks()?;
            for rank in within.iter().filter_map(|row| ranks.of(row)) {
                add(&mut counts, numbers.get(usize_of(rank)));
            }
        }
        Ok(counts)
    }

    /// How many rows each value has, of several values. Kept, unless each has one.
    fn all_counts(&self) -> Result<Arc<[u64]>, BlockError> {
        let values = usize_of(self.values());
        if self.values() == self.rows() {
            return Ok(vec![1; values].into());
        }
        let place = self.run(|entry| entry.numbers).offset;
        let (image, slot) = (self.image(), self.slot(Part::Numbers, place, 1));
        if let Some(Cached::Wide(counts)) = image.cache.get(image.block, &slot) {
            return Ok(counts);
        }
        let mut counts = vec![0; values];
        self.each_number(|number| add(&mut counts, Some(&number)))?;
        let counts: Arc<[u64]> = counts.into();
        image.cache.put(image.block, slot, Cached::Wide(Arc::clone(&counts)));
        Ok(counts)
    }

    /// How many rows have a value; where given, of the rows `within`.
    pub(crate) fn rows_within(&self, within: Option<&RoaringBitmap>) -> Result<u64, BlockError> {
        match within {
            None => Ok(u64::from(self.rows())),
            Some(_) if self.rows() == 0 => Ok(0),
            Some(within) => Ok(self.presence()?.intersection_len(within)),
        }
    }
}

fn add(counts: &mut [u64], number: Option<&u32>) {
    if let Some(count) = number.and_then(|number| counts.get_mut(usize_of(*number))) {
        *count += 1;
    }
}
