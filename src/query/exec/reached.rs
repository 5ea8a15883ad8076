//! How many traces have a row. Adding ones to the rows of a trace but its last carries into the last where
//! any of them is set, and never beyond it: one addition does for all traces in a word. Invariant:
//! a carry is 1 where a trace that goes on in the next word was reached, 0 where not.

#![expect(clippy::inline_always, reason = "what is compiled for wide processors has to be inlined")]

use crate::codec::wide;
use crate::query::bits::Bits;
use crate::query::sweep;

/// Words that are added at once.
const AT_ONCE: usize = 64;
type Words = [u64; AT_ONCE];

/// How many traces have a row that is set; `lasts` has the last rows of all traces.
pub(super) fn count_traces(bits: &Bits, lasts: &Bits) -> u64 {
    let span = bits.span();
    let (words, lasts) = (bits.words(&span), lasts.words(&span));
    let (words, lasts) = (&*words, &*lasts);
    wide::if_wide(
        #[inline(always)]
        || side_by_side(words, lasts),
    )
    .unwrap_or_else(|| in_turn(words, lasts))
}

/// The same, many words at once.
#[inline(always)]
fn side_by_side(words: &[u64], lasts: &[u64]) -> u64 {
    let ((groups, rest), (of_groups, of_rest)) = (words.as_chunks(), lasts.as_chunks());
    let (mut total, mut carry) = (0, 0);
    let mut reach = |words: &Words, lasts: &Words| {
        let (reached, carries) = reached(words, lasts, carry);
        carry = carries;
        total += sweep::each(&reached);
    };
    for (words, lasts) in groups.iter().zip(of_groups) {
        reach(words, lasts);
    }
    // Words beyond the last have no rows that are set, and each of their rows is a last one: what is left carries
    // into the first of them.
    let (mut last_words, mut last_lasts) = ([0; AT_ONCE], [u64::MAX; AT_ONCE]);
    last_words.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    last_lasts.iter_mut().zip(of_rest).for_each(|(to, from)| *to = *from);
    reach(&last_words, &last_lasts);
    total
}

/// The last rows of traces that are reached, and the carry. Each word is added by itself, and gets the carry of those
/// before it afterwards: which words generate one, and which propagate it, is [looked ahead] by one more addition.
///
/// [looked ahead]: https://en.wikipedia.org/wiki/Carry-lookahead_adder
#[inline(always)]
fn reached(words: &Words, lasts: &Words, carry: u64) -> (Words, u64) {
    let mut sums = [0; AT_ONCE];
    let (mut generate, mut propagate) = (0, 0);
    for (((sum, word), last), at) in sums.iter_mut().zip(words).zip(lasts).zip(0..) {
        let (row, ones) = (word & !last, !last);
        *sum = row.wrapping_add(ones);
        generate |= (row | ones & !*sum) >> 63 << at;
        propagate |= u64::from(word | last == 0) << at;
    }
    let (added, beyond) = (generate << 1 | carry).overflowing_add(propagate);
    let carried = added ^ propagate;
    for (((sum, word), last), at) in sums.iter_mut().zip(words).zip(lasts).zip(0..) {
        *sum = (sum.wrapping_add(carried >> at & 1) | word) & last;
    }
    (sums, generate >> 63 | u64::from(beyond))
}

/// The same, one word after another.
fn in_turn(words: &[u64], lasts: &[u64]) -> u64 {
    /// Words whose bits are counted together.
    const TOGETHER: usize = 512;
    let mut carry = 0;
    let mut reach = |words: &[u64], lasts: &[u64], reached: &mut [u64]| {
        for ((word, last), reached) in words.iter().zip(lasts).zip(reached) {
            let (sum, first) = (word & !last).overflowing_add(!last);
            let (sum, second) = sum.overflowing_add(carry);
            carry = u64::from(first | second);
            *reached = (sum | word) & last;
        }
    };
    let mut reached = [0; TOGETHER];
    let (chunks, rest) = words.as_chunks::<TOGETHER>();
    let (of_chunks, of_rest) = lasts.as_chunks::<TOGETHER>();
    let mut total = 0;
    for (words, lasts) in chunks.iter().zip(of_chunks) {
        reach(words, lasts, &mut reached);
        total += sweep::count(&reached);
    }
    reach(rest, of_rest, &mut reached);
    let of_rest = reached.get(..rest.len().min(of_rest.len())).unwrap_or_default();
    // A trace that was reached may end behind the last word.
    total + sweep::count(of_rest) + carry
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn traces_are_counted_alike_side_by_side_and_in_turn(
            // Words that are empty hand on what comes into them.
            words in prop::collection::vec(
                (prop_oneof![3 => Just(0u64), 1 => any::<u64>(), 1 => (0u32..64).prop_map(|bit| 1 << bit)],
                 prop_oneof![3 => Just(0u64), 1 => any::<u64>(), 1 => (0u32..64).prop_map(|bit| 1 << bit)]),
                0..300,
            ),
        ) {
            let (words, lasts): (Vec<u64>, Vec<u64>) = words.into_iter().unzip();
            let (mut traces, mut is_reached) = (0, false);
            for (word, last) in words.iter().zip(&lasts) {
                for bit in 0..64 {
                    is_reached |= word >> bit & 1 != 0;
                    if last >> bit & 1 != 0 {
                        traces += u64::from(is_reached);
                        is_reached = false;
                    }
                }
            }
            traces += u64::from(is_reached);
            prop_assert_eq!(side_by_side(&words, &lasts), traces);
            prop_assert_eq!(in_turn(&words, &lasts), traces);
        }
    }
}
