//! What is above rows: their parents, the parents of these and so on, in one pass over words from the last
//! row to the first. Whatever is below a row comes after it, so of each word all that is marked from below is
//! known when its turn comes. Invariant: what is found is what climbing from each row finds.

use super::bits::Bits;
use super::close::{Close, FAR, by_distance};
use super::near::Parents;
use crate::codec::cast;

impl Close {
    /// The rows with one of `rows` below them, over all rows from the first on. Cost: a look at each word, as
    /// many more as there are levels in it, and a look at the parent of each row above or among `rows`
    /// that is far from it.
    pub(crate) fn ancestors(&self, rows: &Bits, parents: &Parents) -> Bits {
        let (start, low) = rows.placed_words();
        let mut found = vec![0; start + low.len()];
        for place in (0..found.len()).rev() {
            let own = place.checked_sub(start).and_then(|at| low.get(at)).copied().unwrap_or(0);
            let mut above = found.get(place).copied().unwrap_or(0);
            let mut climbed = own | above;
            if climbed == 0 {
                continue;
            }
            let (word, others) = self.word(place);
            let steps = by_distance::<FAR>(u64::MAX, word);
            let mut next = climbed;
            while next != 0 {
                let moved = steps.iter().zip(1_u32..);
                let mut up = moved.fold(0, |up, (step, by)| up | (next & step) >> by);
                let mut far = next & others;
                while far != 0 {
                    let row = cast::u32_of(place * 64).unwrap_or(0) + far.trailing_zeros();
                    let parent = parents.of(row);
                    let (to, bit) = (cast::usize_of(parent / 64), 1 << (parent % 64));
                    if to == place {
                        up |= bit;
                    } else if let Some(word) = found.get_mut(to) {
                        *word |= bit;
                    }
                    far &= far - 1;
                }
                above |= up;
                next = up & !climbed;
                climbed |= next;
            }
            if let Some(slot) = found.get_mut(place) {
                *slot = above;
            }
            if let Some(before) = place.checked_sub(1).and_then(|before| found.get_mut(before)) {
                let moved = steps.iter().zip(1_u32..);
                *before |= moved.fold(0, |up, (step, by)| up | (climbed & step) << (64 - by));
            }
        }
        Bits::of_words(0, found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::source::NO_ROW;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn what_is_above_is_what_climbing_finds(
            // How far parents are: next to their children, within a word, beyond it, beyond a byte.
            steps in proptest::collection::vec(
                prop_oneof![6 => 0u32..4, 3 => 0u32..12, 1 => 0u32..90, 1 => 0u32..600], 1..1500,
            ),
            picked in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
            all in any::<bool>(),
        ) {
            let parent = |(step, row): (&u32, u32)| match step {
                0 => NO_ROW,
                step => row.checked_sub(*step).unwrap_or(NO_ROW),
            };
            let whole: Vec<u32> = steps.iter().zip(0..).map(parent).collect();
            let parents = Parents::of_whole(&whole);
            let close = Close::new(parents.steps());
            let mut rows: Vec<u32> = picked.iter().map(|at| cast::u32_of(at.index(whole.len())).unwrap()).collect();
            if all {
                rows = (0..cast::u32_of(whole.len()).unwrap()).collect();
            }
            rows.sort_unstable();
            rows.dedup();
            let above = |row: &u32| Some(whole[cast::usize_of(*row)]).filter(|row| *row != NO_ROW);
            let expected: std::collections::BTreeSet<u32> =
                rows.iter().flat_map(|row| std::iter::successors(above(row), above)).collect();
            let found = close.ancestors(&Bits::of_list(&rows), &parents).into_rows();
            prop_assert_eq!(found.to_vec(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
