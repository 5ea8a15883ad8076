//! How many rows each value of a column has. Invariant: of few values their sets of rows are asked, of
//! many the value numbers are read once, front to back, or for the wanted rows only.

use roaring::RoaringBitmap;

use super::reader::ColumnReader;
use crate::block::error::BlockError;
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
        if within.is_none() && self.values() == self.rows() {
            return Ok(vec![1; usize_of(self.values())]);
        }
        if self.values() <= FEW_VALUES {
            let count = |number| {
                let rows = self.posting(number)?;
                Ok(within.map_or_else(|| rows.len(), |within| rows.intersection_len(within)))
            };
            return (0..self.values()).map(count).collect();
        }
        let mut counts = vec![0; usize_of(self.values())];
        let mut add = |number: Option<&u32>| {
            let count = number.and_then(|number| counts.get_mut(usize_of(*number)));
            if let Some(count) = count {
                *count += 1;
            }
        };
        let numbers = self.numbers()?;
        match within {
            None => numbers.iter().for_each(|number| add(Some(number))),
            Some(rows) if self.is_full() => {
                rows.iter().for_each(|row| add(numbers.get(usize_of(row))));
            }
            Some(rows) => {
                let ranks = self.ranks()?;
                for rank in rows.iter().filter_map(|row| ranks.of(row)) {
                    add(numbers.get(usize_of(rank)));
                }
            }
        }
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
