//! Parents that are next to their children, as bits: in pre-order the first child of a row comes right
//! after it, and the next ones not long after where subtrees are small, so most rows of most traces are
//! one to three rows below their parent. A set of rows is moved to its parents, or down from them, by
//! shifting words: 64 rows at once. Invariant: with the rows of `rest` looked up one by one, what is found
//! is what looking up each row finds.

use std::ops::Range;

use super::bits::Bits;

/// How far rows are from their parents, as far as that is close; three eighths of a byte a row.
#[derive(Debug, Clone)]
pub(crate) struct Close {
    /// The rows whose parent is one row before them, or three.
    odd: Vec<u64>,
    /// The rows whose parent is two rows before them, or three.
    more: Vec<u64>,
    /// The rows whose parent is farther off.
    others: Vec<u64>,
}

/// What shifting finds, and what it leaves.
#[derive(Debug)]
pub(crate) struct Moved {
    /// Rows that were asked for.
    pub(crate) found: Bits,
    /// Rows whose parents are to be looked up one by one.
    pub(crate) rest: Bits,
}

/// A word of a set, and of the rows that have a close parent, by its distance.
type Word = (u64, [u64; 3]);

impl Close {
    /// Of the distances of all rows to their parents, 0 where there is none.
    pub(crate) fn new(steps: &[u8]) -> Self {
        let words = || Vec::with_capacity(steps.len().div_ceil(64));
        let mut close = Self { odd: words(), more: words(), others: words() };
        let (whole, rest) = steps.as_chunks::<64>();
        let mut last = [0; 64];
        last.iter_mut().zip(rest).for_each(|(slot, step)| *slot = *step);
        for steps in whole.iter().chain((!rest.is_empty()).then_some(&last)) {
            let [odd, more, others] = word(steps);
            close.odd.push(odd);
            close.more.push(more);
            close.others.push(others);
        }
        close
    }

    /// Those of `rows` whose parent is set in `marks`.
    pub(crate) fn children(&self, marks: &Bits, rows: &Bits) -> Moved {
        let start = marks.span().start;
        let span = start..rows.span().end.max(start);
        let (marks, rows) = (marks.words(&span), rows.words(&span));
        let mut before = 0;
        let words = self.words(&marks, &span).zip(rows.iter()).map(|((marks, steps), rows)| {
            let [one, two, three] = steps;
            let found = (marks << 1 | before >> 63) & one
                | (marks << 2 | before >> 62) & two
                | (marks << 3 | before >> 61) & three;
            before = marks;
            found & rows
        });
        let found = Bits::of_words(start, words.collect());
        Moved { found, rest: self.rest(&rows, &span) }
    }

    /// The parents of `rows`, over all rows from the first on.
    pub(crate) fn parents(&self, rows: &Bits) -> Moved {
        let found = self.joined(rows, |[one, two, three]| one | two | three);
        let span = rows.span();
        Moved { found, rest: self.rest(&rows.words(&span), &span) }
    }

    /// The parents that several of `rows` have, all of them close.
    pub(crate) fn parents_of_several(&self, rows: &Bits) -> Bits {
        self.joined(rows, |[one, two, three]| one & (two | three) | two & three)
    }

    /// The parents of rows as far as they are close: `join` puts together those that are so found over
    /// each distance, in which no parent comes twice.
    fn joined(&self, rows: &Bits, join: impl Fn([u64; 3]) -> u64) -> Bits {
        let span = rows.span();
        let rows = rows.words(&span);
        let mut words = self.words(&rows, &span).map(|(rows, steps)| steps.map(|step| step & rows));
        let Some(mut held) = words.next() else { return Bits::over(0..0) };
        // A word is complete when the one after it is known.
        let mut found = Vec::with_capacity(span.end);
        if let Some(before) = span.start.checked_sub(1) {
            found.resize(before, 0);
            found.push(join(over([0; 3], held)));
        }
        found.extend(words.map(|next| {
            let word = join(over(held, next));
            held = next;
            word
        }));
        found.push(join(over(held, [0; 3])));
        Bits::of_words(0, found)
    }

    fn words<'a>(
        &'a self,
        rows: &'a [u64],
        span: &Range<usize>,
    ) -> impl Iterator<Item = Word> + 'a {
        let from = |words: &'a [u64]| words.get(span.start..).unwrap_or_default();
        let words = rows.iter().zip(from(&self.odd)).zip(from(&self.more));
        words.map(|((rows, odd), more)| (*rows, [odd & !more, more & !odd, odd & more]))
    }

    fn rest(&self, rows: &[u64], span: &Range<usize>) -> Bits {
        let others = self.others.get(span.start..).unwrap_or_default();
        let words = rows.iter().zip(others).map(|(rows, others)| rows & others);
        Bits::of_words(span.start, words.collect())
    }

    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        [&self.odd, &self.more, &self.others].map(|words| size_of_val::<[u64]>(words)).iter().sum()
    }
}

/// The words of 64 distances: those of one row and three, of two and three, and those farther.
fn word(steps: &[u8; 64]) -> [u64; 3] {
    let mut word = [0; 3];
    let (eights, _) = steps.as_chunks::<8>();
    for (eight, at) in eights.iter().zip((0..64).step_by(8)) {
        // Four stands for all that are farther.
        let eight = u64::from_le_bytes(eight.map(|step| step.min(4)));
        for (bits, bit) in word.iter_mut().zip(0..) {
            // One bit of each of eight bytes: multiplied, they come to lie side by side in the highest.
            let lowest = eight >> bit & 0x0101_0101_0101_0101;
            *bits |= lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56 << at;
        }
    }
    word
}

/// The parents in a word of rows, and of those at the beginning of the next word, by their distance.
#[inline]
fn over([one, two, three]: [u64; 3], [next_one, next_two, next_three]: [u64; 3]) -> [u64; 3] {
    [one >> 1 | next_one << 63, two >> 2 | next_two << 62, three >> 3 | next_three << 61]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::cast;

    proptest! {
        #[test]
        fn shifting_finds_what_looking_up_each_row_finds(
            steps in prop::collection::vec(prop_oneof![4 => 0u8..4, 1 => 4u8..200], 1..400),
            (first, picks) in (0u32..200, prop::collection::vec(any::<(bool, bool)>(), 400)),
        ) {
            // The first rows have no parent far before them.
            let step = |(row, step): (u32, &u8)| if u32::from(*step) > row { 0 } else { *step };
            let steps: Vec<u8> = (0..).zip(&steps).map(step).collect();
            let rows = cast::u32_of(steps.len()).unwrap();
            let picked = |which: fn(&(bool, bool)) -> bool| -> Vec<u32> {
                (0..rows).zip(&picks).filter(|(row, pick)| *row >= first && which(pick)).map(|(row, _)| row).collect()
            };
            let (marks, low) = (picked(|pick| pick.0), picked(|pick| pick.1));
            let (marked, close) = (Bits::of_list(&marks), Close::new(&steps));
            let step = |row: u32| u32::from(steps[cast::usize_of(row)]);
            let is_close = |row: &u32| (1..4).contains(&step(*row));

            let Moved { found, rest } = close.children(&marked, &Bits::of_list(&low));
            let far: Vec<u32> = low.iter().copied().filter(|row| step(*row) > 3).collect();
            let below = |row: &u32| is_close(row) && marks.contains(&(row - step(*row)));
            let expected: Vec<u32> = low.iter().copied().filter(below).collect();
            prop_assert_eq!(found.into_rows().to_vec(), expected);
            if !marks.is_empty() {
                let after: Vec<u32> = far.into_iter().filter(|row| *row >= marks[0]).collect();
                let rest: Vec<u32> = rest.into_rows().to_vec();
                prop_assert!(after.iter().all(|row| rest.contains(row)));
                prop_assert!(rest.iter().all(|row| step(*row) > 3 && low.contains(row)));
            }

            let Moved { found, rest } = close.parents(&marked);
            let far: Vec<u32> = marks.iter().copied().filter(|row| step(*row) > 3).collect();
            let mut above: Vec<u32> = marks.iter().filter(|row| is_close(row)).map(|row| row - step(*row)).collect();
            above.sort_unstable();
            let several = |pair: &[u32]| (pair[0] == pair[1]).then_some(pair[0]);
            let mut twice: Vec<u32> = above.windows(2).filter_map(several).collect();
            above.dedup();
            twice.dedup();
            prop_assert_eq!(found.into_rows().to_vec(), above);
            prop_assert_eq!(rest.into_rows().to_vec(), far);
            prop_assert_eq!(close.parents_of_several(&marked).into_rows().to_vec(), twice);
        }
    }
}
