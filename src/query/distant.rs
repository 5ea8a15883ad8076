//! Rows that do not come right after their parents, each with how far above it its parent is: what is left
//! to look up of a set that is asked again and again, read in order. Invariant: the parents are those that
//! the block says.

use super::bits::Bits;
use super::near::{Parents, for_each_apart};
use crate::codec::cast;

/// Bits of a number that say by how much the parent comes before the row, 0 where that takes more.
const STEP_BITS: u32 = 12;

/// With at most so many of them for each word, to read them costs less than to move words.
const ROWS_A_WORD: usize = 4;

/// Such rows, in four bytes each.
#[derive(Debug)]
pub(crate) struct Distant {
    packed: Vec<u32>,
}

impl Distant {
    /// Of the rows that are set, each with its parent; `None` where they are too many.
    pub(crate) fn new(rows: &Bits, parents: &Parents) -> Option<Self> {
        let end = rows.bounds().end;
        let count = cast::usize_of_u64(rows.count());
        if count > rows.span().len() * ROWS_A_WORD || end > 1 << (u32::BITS - STEP_BITS) {
            return None;
        }
        let mut packed = Vec::with_capacity(count);
        rows.for_each_in(0..end, |row| {
            let step = row.checked_sub(parents.of(row)).filter(|step| *step < 1 << STEP_BITS);
            packed.push(row << STEP_BITS | step.unwrap_or(0));
        });
        Some(Self { packed })
    }

    /// Calls `visit` with each row and its parent, [in no order](for_each_apart).
    #[inline]
    pub(crate) fn for_each_apart(&self, parents: &Parents, mut visit: impl FnMut(u32, u32)) {
        for_each_apart(
            &self.packed,
            #[inline(always)]
            |packed| {
                let row = packed >> STEP_BITS;
                match packed & ((1 << STEP_BITS) - 1) {
                    0 => visit(row, parents.of(row)),
                    step => visit(row, row - step),
                }
            },
        );
    }

    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        size_of_val::<[u32]>(&self.packed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::source::NO_ROW;

    proptest! {
        #[test]
        fn rows_come_once_with_their_parents(
            rows in prop::collection::btree_map(
                0u32..100_000,
                prop_oneof![0u32..20_000, 254u32..257, 4094u32..4099],
                0..300,
            ),
        ) {
            let mut parents = vec![NO_ROW; 100_000];
            for (row, step) in &rows {
                parents[cast::usize_of(*row)] = row.checked_sub(*step).filter(|_| *step > 0).unwrap_or(NO_ROW);
            }
            let parents = Parents::of_whole(&parents);
            let list: Vec<u32> = rows.keys().copied().collect();
            let distant = Distant::new(&Bits::of_list(&list), &parents).unwrap();
            prop_assert_eq!(distant.bytes_len(), list.len() * 4);
            let mut visited = Vec::new();
            distant.for_each_apart(&parents, |row, parent| visited.push((row, parent)));
            visited.sort_unstable();
            let expected: Vec<(u32, u32)> = list.iter().map(|row| (*row, parents.of(*row))).collect();
            prop_assert_eq!(visited, expected);
        }
    }

    #[test]
    fn too_many_rows_are_not_listed() {
        let parents = Parents::of_whole(&[]);
        let of = |list: &[u32]| Distant::new(&Bits::of_list(list), &parents);
        assert!(of(&[0, 1, 2, 3]).is_some() && of(&[0, 1, 2, 3, 4]).is_none());
        assert!(of(&[(1 << 20) - 1]).is_some() && of(&[1 << 20]).is_none());
        assert!(of(&[]).is_some());
    }
}
