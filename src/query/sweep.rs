//! Going over the rows of bits where their order does not matter, and counting them. Invariant: each row is
//! visited once.

#![expect(clippy::inline_always, reason = "what is compiled for wide processors has to be inlined")]

use std::cell::Cell;

use super::bits::Bits;
use crate::codec::{cast, wide};

/// Words that are gone over together.
const TOGETHER: usize = 256;

/// With fewer words left than this, each is gone over by itself.
const APART_MIN: usize = 8;

/// Words that are counted together, side by side.
const LANES: usize = 4;
type Lanes = [u64; LANES];

impl Bits {
    /// Calls `visit` with all rows set, in no order: the first one of each of many words, then the second
    /// one of those that have one, and so on. How many rows a word has cannot be guessed, so that going
    /// over it by itself mostly ends with a branch that was guessed wrong; and what is done for a row need
    /// not wait for what was done for the row beside it.
    #[inline]
    pub(crate) fn for_each_apart(&self, mut visit: impl FnMut(u32)) {
        let left: Words = std::array::from_fn(|_| Cell::default());
        let (first, words) = self.placed_words();
        let first = cast::u32_of(first).unwrap_or(0);
        for (words, first) in words.chunks(TOGETHER).zip((first..).step_by(TOGETHER)) {
            let mut count = 0;
            for (word, at) in words.iter().zip(first..) {
                count += keep(&left, count, (*word, at * 64));
            }
            while count >= APART_MIN {
                let mut kept = 0;
                for at in 0..count {
                    let (word, first) = place(&left, at).get();
                    visit(first + first_of(word));
                    kept += keep(&left, kept, (word & word.wrapping_sub(1), first));
                }
                count = kept;
            }
            for slot in left.iter().take(count) {
                let (mut word, first) = slot.get();
                while word != 0 {
                    visit(first + first_of(word));
                    word &= word - 1;
                }
            }
        }
    }

    /// Calls `visit` with all words that have rows, ascending, each with the first row that it could have.
    /// Which words have rows cannot be guessed, so that is found out for many at once.
    #[inline]
    pub(super) fn try_for_each_word<E>(
        &self,
        mut visit: impl FnMut(u64, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let (first, words) = self.placed_words();
        let first = cast::u32_of(first).unwrap_or(0);
        for (words, first) in words.chunks(64).zip((first..).step_by(64)) {
            let mut left = with_rows(words);
            while left != 0 {
                let at = left.trailing_zeros();
                left &= left - 1;
                let word = words.get(cast::usize_of(at)).copied().unwrap_or(0);
                visit(word, (first + at) * 64)?;
            }
        }
        Ok(())
    }
}

/// A bit for each of up to 64 words that is not zero.
fn with_rows(words: &[u64]) -> u64 {
    let mut padded = [0; 64];
    let words = words.first_chunk().unwrap_or_else(|| {
        padded.iter_mut().zip(words).for_each(|(to, word)| *to = *word);
        &padded
    });
    wide::widest(
        #[inline(always)]
        || {
            let mut found = 0;
            for (word, at) in words.iter().zip(0..) {
                found |= u64::from(*word != 0) << at;
            }
            found
        },
    )
}

/// Words, each with the first of its rows.
type Words = [Cell<(u64, u32)>; TOGETHER];

/// A place of those there are; the compiler sees that there is one.
#[inline]
fn place(words: &Words, at: usize) -> &Cell<(u64, u32)> {
    let [first, ..] = words;
    words.get(at % TOGETHER).unwrap_or(first)
}

/// Puts a word in a place, and says whether there is a bit in it: 0 or 1.
#[inline]
fn keep(words: &Words, at: usize, word: (u64, u32)) -> usize {
    place(words, at).set(word);
    usize::from(word.0 != 0)
}

/// The first bit that is set; one is.
#[inline]
fn first_of(word: u64) -> u32 {
    // With a bit that is known to be set, nothing has to be done for words without.
    (word | 1 << 63).trailing_zeros()
}

/// How many bits are set. Words are added up bit by bit, with carries to words of twos, fours and eights,
/// so that only one word in eight is counted ([Harley and Seal]).
///
/// [Harley and Seal]: https://en.wikipedia.org/wiki/Hamming_weight
pub(crate) fn count(words: &[u64]) -> u64 {
    wide::widest(
        #[inline(always)]
        || together(words),
    )
}

#[inline(always)]
fn together(words: &[u64]) -> u64 {
    let (groups, rest) = words.as_chunks::<LANES>();
    let (eights, others) = groups.as_chunks::<8>();
    let (mut ones, mut twos, mut fours) = ([0; LANES], [0; LANES], [0; LANES]);
    let mut total = 0;
    for [a, b, c, d, e, f, g, h] in eights {
        let two = add(&mut ones, a, b);
        let other = add(&mut ones, c, d);
        let four = add(&mut twos, &two, &other);
        let two = add(&mut ones, e, f);
        let another = add(&mut ones, g, h);
        let other = add(&mut twos, &two, &another);
        total += 8 * each(&add(&mut fours, &four, &other));
    }
    total += 4 * each(&fours) + 2 * each(&twos) + each(&ones);
    total + each(rest) + others.iter().map(|words| each(words)).sum::<u64>()
}

/// Adds two words to one, bit by bit; gives the carries.
#[inline(always)]
fn add(sum: &mut Lanes, one: &Lanes, other: &Lanes) -> Lanes {
    let mut carries = [0; LANES];
    for (((sum, one), other), carry) in sum.iter_mut().zip(one).zip(other).zip(&mut carries) {
        let half = *sum ^ one;
        *carry = *sum & one | half & other;
        *sum = half ^ other;
    }
    carries
}

#[inline(always)]
pub(crate) fn each(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_row_is_visited_once_and_counted(
            first in 0usize..5,
            (sparse, more) in (0u32..60, any::<bool>()),
            seeds in prop::collection::vec(any::<(u64, u64)>(), 0..700),
        ) {
            let word = |(one, other): (u64, u64)| {
                let low = one.checked_shr(sparse).unwrap_or(0);
                if more { low } else { low & other }
            };
            let bits = Bits::of_words(first, seeds.into_iter().map(word).collect());
            let mut all = Vec::new();
            bits.for_each_apart(|row| all.push(row));
            all.sort_unstable();
            let mut expected = Vec::new();
            bits.for_each_batch(bits.count(), |batch| expected.extend_from_slice(batch));
            prop_assert_eq!(count(bits.placed_words().1), cast::u64_of(expected.len()));
            prop_assert_eq!(all, expected);
        }
    }
}
