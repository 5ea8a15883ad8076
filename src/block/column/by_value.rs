//! The rows of a column value by value, for questions about many values at once. Invariant: each row that
//! has a value is there once, with its value; rows of one value ascend.

use std::ops::Range;
use std::sync::Arc;

use super::reader::ColumnReader;
use super::row_bits::for_each_row;
use crate::block::cache::{Cached, Slot};
use crate::block::error::BlockError;
use crate::block::format::{Part, Section};
use crate::codec::cast::{low_u32, u64_of, usize_of};

/// The rows of each value, one value after another: four bytes for each row and each value.
#[derive(Debug)]
pub(crate) struct ByValue {
    /// Where the rows of each value begin among `all`, and where those of the last end; then the rows.
    all: Arc<[u32]>,
}

/// Hands on each row with its value's number, ascending by row, as often as it is asked.
type Pairs<'a> = dyn Fn(&mut dyn FnMut(u32, u32)) + 'a;

impl ByValue {
    fn new(values: usize, pairs: &Pairs<'_>) -> Self {
        let mut starts = vec![0u32; values + 2];
        pairs(&mut |_, number| {
            if let Some(count) = starts.get_mut(usize_of(number) + 2) {
                *count += 1;
            }
        });
        let heads = low_u32(u64_of(values)) + 1;
        let mut at = heads;
        for start in &mut starts {
            at = at.saturating_add(*start);
            *start = at;
        }
        let mut all = vec![0; usize_of(at)];
        // Each start moves to its end as rows are put in, which is where the next value begins.
        pairs(&mut |row, number| {
            if let Some(start) = starts.get_mut(usize_of(number) + 1) {
                if let Some(slot) = all.get_mut(usize_of(*start)) {
                    *slot = row;
                }
                *start += 1;
            }
        });
        for (slot, start) in all.iter_mut().zip(starts).take(usize_of(heads)) {
            *slot = start;
        }
        Self { all: all.into() }
    }

    /// The rows of some values that follow one another, value by value; and these with all rows of the values
    /// after them.
    #[inline]
    pub(crate) fn rows_and_more(&self, numbers: Range<u32>) -> (&[u32], &[u32]) {
        let at = |number| self.all.get(usize_of(number)).copied().map_or(0, usize_of);
        let (start, end) = (at(numbers.start), at(numbers.end));
        let more = self.all.get(start..).unwrap_or_default();
        (more.get(..end.wrapping_sub(start)).unwrap_or_default(), more)
    }
}

impl ColumnReader<'_> {
    /// The rows of each value. Cost: the first time, two looks at each row; then none, for it is kept.
    pub(crate) fn by_value(&self) -> Result<ByValue, BlockError> {
        let image = self.image();
        let slot = self.by_value_slot();
        if let Some(Cached::Numbers(all)) = image.cache.get(image.block, &slot) {
            return Ok(ByValue { all });
        }
        let (numbers, presence) = (self.numbers()?, self.presence()?);
        let is_full = self.is_full();
        let by_value = ByValue::new(usize_of(self.values()), &|each| {
            let mut numbers = numbers.iter();
            if is_full {
                numbers.zip(0..).for_each(|(number, row)| each(row, *number));
            } else {
                for_each_row(&presence, |row| {
                    if let Some(number) = numbers.next() {
                        each(row, *number);
                    }
                });
            }
        });
        image.cache.put(image.block, slot, Cached::Numbers(Arc::clone(&by_value.all)));
        Ok(by_value)
    }

    /// A dictionary is of one column, whatever else columns share.
    fn by_value_slot(&self) -> Slot {
        let code = Section::Table(self.place().0, Part::Postings).code();
        Slot::Column(code, self.run(|entry| entry.dictionary).offset, u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_those_of_their_values(
            pairs in prop::collection::btree_map(0u32..500, 0u32..20, 0..200),
            start in 0u32..22, width in 0u32..22,
        ) {
            let by_value = ByValue::new(20, &|each| {
                for (row, number) in &pairs {
                    each(*row, *number);
                }
            });
            let numbers = start.min(20)..(start + width).min(20);
            let mut expected = Vec::new();
            for wanted in numbers.clone() {
                expected.extend(pairs.iter().filter(|(_, number)| **number == wanted).map(|(row, _)| *row));
            }
            let (rows, more) = by_value.rows_and_more(numbers);
            prop_assert_eq!(rows, expected.as_slice());
            prop_assert!(more.starts_with(rows));
        }
    }
}
