//! Parents that are next to their children, as bits: in pre-order the first child of a row comes right
//! after it, and the next ones not long after where subtrees are small, so most rows of most traces are
//! one to seven rows below their parent. A set of rows is moved to its parents, or down from them, by
//! shifting words: 64 rows at once. Invariant: with the rows of `rest` looked up one by one, what is found
//! is what looking up each row finds.

#![expect(clippy::inline_always, reason = "what is compiled for wide processors has to be inlined")]

use super::bits::Bits;
use super::distant::Distant;
use super::near::Parents;
use super::rows::Rows;
use crate::codec::{cast, wide};

/// The distance of rows that come right after their parents.
const NEXT: usize = 1;

/// Distances that few rows are moved over: what shifting by more costs would be more than to look up those
/// that are farther off.
const NEAR: usize = 3;

/// Distances that many rows are moved over.
pub(super) const FAR: usize = 7;

/// Rows are many from so many for each word on.
const MANY_A_WORD: u64 = 3;

/// How far rows are from their parents, as far as that is close; half a byte a row.
#[derive(Debug, Clone)]
pub(crate) struct Close {
    /// The bits of a distance of up to seven rows, the lowest first; none are set where there is no parent
    /// or where it is farther off.
    distances: [Vec<u64>; 3],
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

/// The parents of rows, counted as far as that is asked.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Those of one row or more.
    pub(crate) once: Bits,
    /// Those of two rows or more.
    pub(crate) twice: Bits,
    /// Rows whose parents are to be looked up one by one.
    pub(crate) rest: Bits,
}

impl Close {
    /// Of the distances of all rows to their parents, 0 where there is none.
    pub(crate) fn new(steps: &[u8]) -> Self {
        let words = || Vec::with_capacity(steps.len().div_ceil(64));
        let mut close = Self { distances: [words(), words(), words()], others: words() };
        let (whole, rest) = steps.as_chunks::<64>();
        let mut last = [0; 64];
        last.iter_mut().zip(rest).for_each(|(slot, step)| *slot = *step);
        for steps in whole.iter().chain((!rest.is_empty()).then_some(&last)) {
            let [distances @ .., others] = word(steps);
            for (words, word) in close.distances.iter_mut().zip(distances) {
                words.push(word);
            }
            close.others.push(others);
        }
        close
    }

    /// Those of `rows` whose parent is set in `marks`.
    pub(crate) fn children(&self, marks: &Bits, rows: &Rows) -> Moved {
        if are_many(rows) {
            self.moved_down::<FAR>(marks, rows.bits())
        } else {
            self.moved_down::<NEAR>(marks, rows.bits())
        }
    }

    /// The parents of `rows`, over all rows from the first on.
    pub(crate) fn parents(&self, rows: &Rows) -> Moved {
        if are_many(rows) {
            self.moved_up::<FAR>(rows.bits())
        } else {
            self.moved_up::<NEAR>(rows.bits())
        }
    }

    /// The parents of `rows`, and those of several of them, over all rows from the first on.
    pub(crate) fn counted_parents(&self, rows: &Rows) -> Counted {
        if are_many(rows) {
            wide::widest(
                #[inline(always)]
                || self.counted_up::<FAR>(rows.bits()),
            )
        } else {
            wide::widest(
                #[inline(always)]
                || self.counted_up::<NEAR>(rows.bits()),
            )
        }
    }

    /// Those of `rows` that come right after their parent, where this is set in `marks`, and the others with their
    /// parents; `None` where these are not listed.
    pub(crate) fn next_children<'a>(
        &self,
        marks: &Bits,
        rows: &'a Rows,
        parents: &Parents,
    ) -> Option<(Bits, &'a Distant)> {
        let distant = self.distant(rows, parents)?;
        let next = wide::widest(
            #[inline(always)]
            || self.shifted_down::<NEXT>(marks, rows.bits()),
        );
        Some((next, distant))
    }

    /// The parents of those of `rows` that come right after them, over all rows from the first on, and the others
    /// with their parents; `None` where these are not listed.
    pub(crate) fn next_parents<'a>(
        &self,
        rows: &'a Rows,
        parents: &Parents,
    ) -> Option<(Bits, &'a Distant)> {
        let distant = self.distant(rows, parents)?;
        Some((
            wide::widest(
                #[inline(always)]
                || self.shifted_next(rows.bits()),
            ),
            distant,
        ))
    }

    /// Those that have a parent, but not right before them.
    fn distant<'a>(&self, rows: &'a Rows, parents: &Parents) -> Option<&'a Distant> {
        rows.distant(|bits| Distant::new(&self.rest::<NEXT>(bits, 0), parents))
    }

    fn moved_down<const REACH: usize>(&self, marks: &Bits, rows: &Bits) -> Moved {
        wide::widest(
            #[inline(always)]
            || Moved {
                found: self.shifted_down::<REACH>(marks, rows),
                rest: self.rest::<REACH>(rows, marks.span().start),
            },
        )
    }

    fn moved_up<const REACH: usize>(&self, rows: &Bits) -> Moved {
        wide::widest(
            #[inline(always)]
            || Moved { found: self.shifted_up::<REACH>(rows), rest: self.rest::<REACH>(rows, 0) },
        )
    }

    #[inline(always)]
    fn shifted_down<const REACH: usize>(&self, marks: &Bits, rows: &Bits) -> Bits {
        let start = marks.span().start;
        let span = start..rows.span().end.max(start);
        let (marks, rows) = (marks.words(&span), rows.words(&span));
        let below = |(((before, marks), rows), word): (((&u64, &u64), &u64), Word)| {
            let steps = by_distance::<REACH>(*rows, word);
            let moved = steps.iter().zip(1_u32..);
            moved.fold(0, |found, (step, by)| found | step & (marks << by | before >> (64 - by)))
        };
        // Pairs of slices that are read side by side, so that several words are moved at once; an adapter that
        // collects would not be inlined.
        let (mut above, mut low, mut words) = (marks.iter(), rows.iter(), self.words(start));
        let mut found = vec![0; span.len()];
        let mut to = found.iter_mut();
        let first = to.next().zip(above.next()).zip(low.next()).zip(words.next());
        if let Some((((found, marks), rows), word)) = first {
            *found = below((((&0, marks), rows), word));
        }
        for (found, sides) in to.zip(marks.iter().zip(above).zip(low).zip(words)) {
            *found = below(sides);
        }
        Bits::of_words(start, found)
    }

    #[inline(always)]
    fn shifted_up<const REACH: usize>(&self, rows: &Bits) -> Bits {
        let (span, (start, rows)) = (rows.span(), rows.placed_words());
        let (mut found, mut high) = (vec![0; span.end], vec![0; span.len()]);
        let low = found.get_mut(start..).unwrap_or_default();
        for (((low, high), rows), word) in
            low.iter_mut().zip(&mut high).zip(rows).zip(self.words(start))
        {
            let steps = by_distance::<REACH>(*rows, word);
            let moved = steps.iter().zip(1_u32..);
            *low = moved.clone().fold(0, |low, (step, by)| low | step >> by);
            *high = moved.fold(0, |high, (step, by)| high | step << (64 - by));
        }
        for (word, high) in before(&mut found, start, &high) {
            *word |= high;
        }
        Bits::of_words(0, found)
    }

    /// The parents of those of `rows` that come right after them, over all rows from the first on.
    #[inline(always)]
    fn shifted_next(&self, rows: &Bits) -> Bits {
        let (start, rows) = rows.placed_words();
        // Of rows that there are not, nothing is known.
        let rows = rows.get(..self.others.len().saturating_sub(start)).unwrap_or(rows);
        let next = |(rows, word): (&u64, Word)| {
            let [step] = by_distance::<NEXT>(*rows, word);
            step
        };
        let mut found = vec![0; start + rows.len()];
        let (before, low) = found.split_at_mut(start);
        let these = rows.iter().zip(self.words(start));
        let after = rows.get(1..).unwrap_or_default().iter().zip(self.words(start + 1));
        for ((found, these), after) in low.iter_mut().zip(these).zip(after) {
            *found = next(these) >> 1 | next(after) << 63;
        }
        // Of the first word, what comes before it; of the last, what has nothing after it.
        if let Some((found, first)) = before.last_mut().zip(rows.first()) {
            *found = next((first, self.word(start).0)) << 63;
        }
        if let Some((found, last)) = low.last_mut().zip(rows.last()) {
            *found = next((last, self.word(start + rows.len() - 1).0)) >> 1;
        }
        Bits::of_words(0, found)
    }

    #[inline(always)]
    fn counted_up<const REACH: usize>(&self, bits: &Bits) -> Counted {
        let (span, (start, rows)) = (bits.span(), bits.placed_words());
        let (mut once, mut twice) = (vec![0; span.end], vec![0; span.end]);
        let (mut high_once, mut high_twice) = (vec![0; span.len()], vec![0; span.len()]);
        let low = once.get_mut(start..).unwrap_or_default().iter_mut();
        let low = low.zip(twice.get_mut(start..).unwrap_or_default());
        let high = high_once.iter_mut().zip(&mut high_twice);
        for (((low, high), rows), word) in low.zip(high).zip(rows).zip(self.words(start)) {
            let steps = by_distance::<REACH>(*rows, word);
            let count = |(once, twice), step| (once | step, twice | once & step);
            (*low.0, *low.1) =
                steps.iter().zip(1_u32..).map(|(step, by)| step >> by).fold((0, 0), count);
            let above = steps.iter().zip(1_u32..).map(|(step, by)| step << (64 - by));
            (*high.0, *high.1) = above.fold((0, 0), count);
        }
        let twice_too = before(&mut twice, start, &high_twice);
        for ((once, high_once), (twice, high_twice)) in
            before(&mut once, start, &high_once).zip(twice_too)
        {
            *twice |= high_twice | *once & high_once;
            *once |= high_once;
        }
        let rest = self.rest::<REACH>(bits, 0);
        Counted { once: Bits::of_words(0, once), twice: Bits::of_words(0, twice), rest }
    }

    /// The bits of the distances of 64 rows, and which of these are farther off.
    pub(super) fn word(&self, place: usize) -> (Word, u64) {
        let at = |words: &Vec<u64>| words.get(place).copied().unwrap_or(0);
        (self.distances.each_ref().map(at), at(&self.others))
    }

    /// The words of distances from one on.
    #[inline(always)]
    fn words(&self, start: usize) -> impl Iterator<Item = Word> + '_ {
        let [one, two, four] = &self.distances;
        let from = |words| <[u64]>::get(words, start..).unwrap_or_default().iter();
        let words = from(one).zip(from(two)).zip(from(four));
        words.map(|((one, two), four)| [*one, *two, *four])
    }

    /// Rows farther from their parents than rows are moved, those of the words from one on.
    #[inline(always)]
    fn rest<const REACH: usize>(&self, rows: &Bits, from: usize) -> Bits {
        let (first, words) = rows.placed_words();
        let start = first.max(from);
        let rows = words.get(start - first..).unwrap_or_default();
        let others = self.others.get(start..).unwrap_or_default();
        let mut rest = vec![0; rows.len()];
        for (((rest, rows), others), [_, two, four]) in
            rest.iter_mut().zip(rows).zip(others).zip(self.words(start))
        {
            let farther = match REACH {
                NEXT => two | four,
                NEAR => four,
                _ => 0,
            };
            *rest = rows & (others | farther);
        }
        Bits::of_words(start, rest)
    }

    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        let words = self.distances.iter().chain([&self.others]);
        words.map(|words| size_of_val::<[u64]>(words)).sum()
    }
}

/// The bits of the distances of 64 rows, the lowest first.
pub(super) type Word = [u64; 3];

fn are_many(rows: &Rows) -> bool {
    let words = cast::u64_of(rows.bits().span().len());
    rows.len() >= words.saturating_mul(MANY_A_WORD)
}

/// Those of 64 rows that are one row below their parent, two, and so on.
#[inline(always)]
pub(super) fn by_distance<const REACH: usize>(rows: u64, [one, two, four]: Word) -> [u64; REACH] {
    let (near, far) = (rows & !four, rows & four);
    let [zeroth, first, second, third] = [!one & !two, one & !two, !one & two, one & two];
    let all = [
        near & first,
        near & second,
        near & third,
        far & zeroth,
        far & first,
        far & second,
        far & third,
    ];
    all.first_chunk().copied().unwrap_or([0; REACH])
}

/// Words with what the word after each has for them, `high`, of which the first is of word `start`: what
/// would come before all words is left out.
#[inline(always)]
fn before<'a>(
    words: &'a mut [u64],
    start: usize,
    high: &'a [u64],
) -> impl Iterator<Item = (&'a mut u64, u64)> {
    let skipped = usize::from(start == 0);
    let words = words.get_mut(start.saturating_sub(1)..).unwrap_or_default();
    words.iter_mut().zip(high.get(skipped..).unwrap_or_default().iter().copied())
}

/// The words of 64 distances by their bits, and of those that are farther.
fn word(steps: &[u8; 64]) -> [u64; 4] {
    let mut word = [0; 4];
    let (eights, _) = steps.as_chunks::<8>();
    for (eight, at) in eights.iter().zip((0..64).step_by(8)) {
        // Eight stands for all that are farther.
        let eight = u64::from_le_bytes(eight.map(|step| step.min(8)));
        for (bits, bit) in word.iter_mut().zip(0..) {
            // One bit of each of eight bytes: multiplied, they come to lie side by side in the highest.
            let lowest = eight >> bit & 0x0101_0101_0101_0101;
            *bits |= lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56 << at;
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::cast;

    proptest! {
        #[test]
        fn shifting_finds_what_looking_up_each_row_finds(
            steps in prop::collection::vec(prop_oneof![4 => 0u8..4, 2 => 4u8..8, 1 => 8u8..200], 1..400),
            (first, picks) in (0u32..200, prop::collection::vec(any::<(bool, bool)>(), 400)),
            // Every row may be picked, or so few that they are moved less far.
            every in prop_oneof![Just(1), Just(29)],
        ) {
            // The first rows have no parent far before them.
            let step = |(row, step): (u32, &u8)| if u32::from(*step) > row { 0 } else { *step };
            let steps: Vec<u8> = (0..).zip(&steps).map(step).collect();
            let rows = cast::u32_of(steps.len()).unwrap();
            let picked = |which: fn(&(bool, bool)) -> bool| -> Vec<u32> {
                let picked = (0..rows).zip(&picks).filter(|(row, pick)| *row >= first && which(pick));
                picked.map(|(row, _)| row).step_by(every).collect()
            };
            let flat = |list: &[u32]| Bits::of_list(list).into_rows();
            let (marks, low) = (picked(|pick| pick.0), picked(|pick| pick.1));
            let (marked, close) = (flat(&marks), Close::new(&steps));
            let step = |row: &u32| u32::from(steps[cast::usize_of(*row)]);
            let reach = |rows: &Rows| u32::try_from(if are_many(rows) { FAR } else { NEAR }).unwrap();

            let lows = flat(&low);
            let reached = reach(&lows);
            let Moved { found, rest } = close.children(marked.bits(), &lows);
            let below = |row: &u32| {
                (1..=reached).contains(&step(row)) && marks.contains(&(row - step(row)))
            };
            let expected: Vec<u32> = low.iter().copied().filter(below).collect();
            prop_assert_eq!(found.into_rows().to_vec(), expected);
            if let Some(first) = marks.first() {
                let farther = |row: &u32| step(row) > reached && row >= first;
                let rest = rest.into_rows().to_vec();
                prop_assert!(low.iter().filter(|row| farther(row)).all(|row| rest.contains(row)));
                prop_assert!(rest.iter().all(|row| step(row) > reached && low.contains(row)));
            }

            let reached = reach(&marked);
            let farther: Vec<u32> = marks.iter().copied().filter(|row| step(row) > reached).collect();
            let is_close = |row: &&u32| (1..=reached).contains(&step(row));
            let mut above: Vec<u32> = marks.iter().filter(is_close).map(|row| row - step(row)).collect();
            above.sort_unstable();
            let several = |pair: &[u32]| (pair[0] == pair[1]).then_some(pair[0]);
            let mut twice: Vec<u32> = above.windows(2).filter_map(several).collect();
            above.dedup();
            twice.dedup();
            let Moved { found, rest } = close.parents(&marked);
            prop_assert_eq!(found.into_rows().to_vec(), above.clone());
            prop_assert_eq!(rest.into_rows().to_vec(), farther.clone());
            // Of sets that are kept, those right after their parents are moved, and the others listed.
            let parents = Parents::new(steps.iter().map(|step| u32::from(*step)).collect());
            let has_parent = |row: &&u32| step(row) > 0;
            if let Some((next, distant)) = close.next_parents(&marked.clone().settled(), &parents) {
                let mut found = next.into_rows().to_vec();
                distant.for_each_apart(&parents, |_, parent| found.push(parent));
                found.sort_unstable();
                found.dedup();
                let mut above: Vec<u32> =
                    marks.iter().filter(has_parent).map(|row| row - step(row)).collect();
                above.sort_unstable();
                above.dedup();
                prop_assert_eq!(found, above);
            }
            if let Some((next, distant)) = close.next_children(marked.bits(), &lows.settled(), &parents) {
                let mut found = next.into_rows().to_vec();
                distant.for_each_apart(&parents, |row, parent| {
                    found.extend(marks.contains(&parent).then_some(row));
                });
                found.sort_unstable();
                let below = |row: &u32| step(row) > 0 && marks.contains(&(row - step(row)));
                let below: Vec<u32> = low.iter().copied().filter(below).collect();
                prop_assert_eq!(found, below);
            }
            let Counted { once, twice: found, rest } = close.counted_parents(&marked);
            prop_assert_eq!(once.into_rows().to_vec(), above);
            prop_assert_eq!(found.into_rows().to_vec(), twice);
            prop_assert_eq!(rest.into_rows().to_vec(), farther);
        }
    }

    /// Rows from the 64th on, whose first parent is in the word before them.
    #[test]
    fn parents_of_the_first_row_of_a_word_are_in_the_one_before() {
        let close = Close::new(&[1; 256]);
        let parents = Parents::new((0..256).map(|_| 1).collect());
        let set = Bits::of_list(&[64, 66, 130, 192]).into_rows().settled();
        let (next, distant) = close.next_parents(&set, &parents).unwrap();
        assert_eq!(next.into_rows().to_vec(), [63, 65, 129, 191]);
        assert_eq!(distant.bytes_len(), 0);
    }

    #[test]
    fn rows_that_there_are_not_have_no_parents() {
        let close = Close::new(&[1; 100]);
        let mut rows = Bits::over(0..250);
        (90..100).chain(230..240).for_each(|row| rows.set(row));
        let set = rows.into_rows().settled();
        let parents = Parents::new((0..100).map(|_| 1).collect());
        let (next, _) = close.next_parents(&set, &parents).unwrap();
        assert_eq!(next.into_rows().to_vec(), (89..99).collect::<Vec<_>>());
    }
}
