//! Counting the spans of each group of a trace, of one trace after another. Invariant: what is found are
//! the spans of the groups that are kept for their counts, however these were counted.

use std::ops::RangeInclusive;

use super::groups::Kept;
use super::tally::{Tally, TraceRows};
use crate::codec::cast;
use crate::codec::narrow::Width;

/// Counts of spans for which it is known beforehand what one span more does.
const KNOWN_COUNTS: u64 = 64;

/// Counts the spans of each group of a trace.
pub(super) struct Counter<'a> {
    kept: &'a Kept,
    /// The group of each number; where it is empty, each number is a group.
    groups: Vec<u32>,
    /// For each group, the trace in which it was seen last, and how many spans of that trace it has.
    seen: Vec<u64>,
    /// How many traces were added, and so the number of the last: what nobody wrote is of none.
    traces: u64,
    /// How many spans more are found when a group of so many spans gets one more.
    gains: Vec<i64>,
    few: Option<Few>,
    pub(super) tally: Tally,
}

/// Where there are few groups and kept counts follow one another, the groups of a trace of few rows are
/// counted in bytes, which are looked at together.
struct Few {
    /// The group of each number.
    groups: Vec<u8>,
    /// How many groups there may be.
    end: usize,
    kept: RangeInclusive<u8>,
}

impl<'a> Counter<'a> {
    /// A counter of numbers below `end`, which stand for `groups` below it, or for themselves where
    /// there are none.
    pub(super) fn new(kept: &'a Kept, groups: Vec<u32>, end: u32) -> Self {
        let seen = vec![0; cast::usize_of(end)];
        let gains = (0..KNOWN_COUNTS).map(|count| gain(kept, count)).collect();
        let few = Few::new(kept, &groups, end);
        Self { kept, groups, seen, traces: 0, gains, few, tally: Tally::default() }
    }

    /// Adds a trace: its rows, of which each has a number.
    pub(super) fn add<T: Width>(&mut self, rows: &TraceRows<'_>, numbers: &[T]) {
        let found = match &self.few {
            Some(few) if u8::try_from(rows.len_max()).is_ok() => few.count(rows, numbers),
            _ => self.count(rows, numbers),
        };
        self.tally.add(found);
    }

    fn count<T: Width>(&mut self, rows: &TraceRows<'_>, numbers: &[T]) -> u64 {
        self.traces += 1;
        let none = self.traces << 32;
        let mut found = 0;
        let (seen, gains, groups) = (self.seen.as_mut_slice(), &*self.gains, &*self.groups);
        rows.each_of(numbers, |number| {
            let number = number.number();
            let group = groups.get(cast::usize_of(number)).copied().unwrap_or(number);
            let Some(seen) = seen.get_mut(cast::usize_of(group)) else { return };
            let now = (*seen).max(none);
            *seen = now + 1;
            let count = now - none;
            let known = gains.get(cast::usize_of_u64(count)).copied();
            found += known.unwrap_or_else(|| gain(self.kept, count));
        });
        u64::try_from(found).unwrap_or(0)
    }
}

fn gain(kept: &Kept, count: u64) -> i64 {
    let found = |count: u64| {
        let is_kept = kept.has(cast::usize_of_u64(count));
        if is_kept { i64::try_from(count).unwrap_or(i64::MAX) } else { 0 }
    };
    found(count + 1) - found(count)
}

impl Few {
    fn new(kept: &Kept, groups: &[u32], end: u32) -> Option<Self> {
        let kept = kept.range(u8::MAX)?;
        let groups: Vec<u8> = if groups.is_empty() {
            (0..end).map(u8::try_from).collect::<Result<_, _>>().ok()?
        } else {
            groups.iter().map(|group| u8::try_from(*group)).collect::<Result<_, _>>().ok()?
        };
        let end = groups.iter().max().map_or(0, |last| usize::from(*last) + 1);
        Some(Self { groups, end, kept })
    }

    /// How many rows, of at most 255, are in groups that are kept.
    #[inline]
    fn count<T: Width>(&self, rows: &TraceRows<'_>, numbers: &[T]) -> u64 {
        if rows.len_max() < usize::from(*self.kept.start()) {
            return 0;
        }
        match self.end {
            0..=16 => self.count_in::<16, T>(rows, numbers),
            17..=64 => self.count_in::<64, T>(rows, numbers),
            _ => self.count_in::<256, T>(rows, numbers),
        }
    }

    /// The same with `N` groups, a power of two. Rows take turns at two counts of each group: neighbours
    /// are often of one group, and to add to a count is to wait for what was added before.
    fn count_in<const N: usize, T: Width>(&self, rows: &TraceRows<'_>, numbers: &[T]) -> u64 {
        let (mut counts, mut others) = ([0_u8; N], [0_u8; N]);
        let group = |number: T| {
            let group = self.groups.get(cast::usize_of(number.number())).copied().unwrap_or(0);
            usize::from(group) & (N - 1)
        };
        let add = |counts: &mut [u8; N], number| {
            if let Some(count) = counts.get_mut(group(number)) {
                *count = count.wrapping_add(1);
            }
        };
        if let TraceRows::All(range) = rows {
            let range = cast::usize_of(range.start)..cast::usize_of(range.end);
            let (pairs, rest) = numbers.get(range).unwrap_or_default().as_chunks::<2>();
            for [one, other] in pairs {
                add(&mut counts, *one);
                add(&mut others, *other);
            }
            if let [last] = rest {
                add(&mut counts, *last);
            }
        } else {
            rows.each_of(numbers, |number| add(&mut counts, number));
        }
        let (first, width) = (*self.kept.start(), self.kept.end() - self.kept.start());
        // No sum is above the number of rows, which fits.
        let found = counts.iter().zip(&others).fold(0_u8, |found, (one, other)| {
            let count = one.wrapping_add(*other);
            let is_kept = count.wrapping_sub(first) <= width;
            found.wrapping_add(if is_kept { count } else { 0 })
        });
        u64::from(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::query::exec::row_counter::RowCounter;
    use crate::query::plan::pipeline::Number;
    use crate::query::rows::Rows;
    use crate::query::source::last_rows;
    use crate::query::syntax::CompareOp;
    use crate::query::value::Scalar;

    proptest! {
        #[test]
        fn groups_are_counted_as_one_by_one(
            traces in prop::collection::vec(
                prop_oneof![4 => 1usize..12, 1 => 200usize..300, 1 => 600usize..800], 1..12,
            ),
            (end, spread) in (1u32..300, 1u32..300),
            mapped in any::<bool>(),
            picked in 1u32..6,
            op in prop::sample::select(vec![
                CompareOp::Greater, CompareOp::GreaterEqual, CompareOp::Less, CompareOp::LessEqual,
                CompareOp::Equal, CompareOp::NotEqual,
            ]),
            constant in prop_oneof![0i64..6, 100i64..700],
            seed in any::<u32>(),
        ) {
            let kept =
                Kept::counted(&Number::Count, op, &Number::Literal(Scalar::Int(constant))).unwrap();
            let rows = u32::try_from(traces.iter().sum::<usize>()).unwrap();
            let number = |row: u32| row.wrapping_mul(seed | 1) >> 7 & 0xffff;
            let numbers: Vec<u32> = (0..rows).map(|row| number(row) % spread.min(end)).collect();
            let groups: Vec<u32> = (0..end).filter(|_| mapped).map(|number| number / 3).collect();
            let set: Rows = (0..rows).filter(|row| row % picked == 0).collect();
            let bits = set.bits();
            let mut counters = [(); 3].map(|()| Counter::new(&kept, groups.clone(), end));
            let mut expected = [Tally::default(); 2];
            let (mut start, mut ends) = (0, Vec::new());
            for width in &traces {
                let range = start..start + u32::try_from(*width).unwrap();
                start = range.end;
                ends.push(start);
                let list: Vec<u32> = range.clone().filter(|row| row % picked == 0).collect();
                let of = [
                    TraceRows::All(range.clone()),
                    TraceRows::Some(&list),
                    TraceRows::Set(bits, range.clone()),
                ];
                for (counter, rows) in counters.iter_mut().zip(&of) {
                    counter.add(rows, &numbers);
                }
                for (expected, rows) in expected.iter_mut().zip([range.collect(), list]) {
                    let mut counts = BTreeMap::new();
                    for row in rows {
                        let number = numbers[cast::usize_of(row)];
                        let group = if mapped { number / 3 } else { number };
                        *counts.entry(group).or_insert(0_usize) += 1;
                    }
                    let found = counts.values().filter(|count| kept.has(**count)).sum::<usize>();
                    expected.add(cast::u64_of(found));
                }
            }
            prop_assert_eq!(counters[0].tally, expected[0]);
            prop_assert_eq!(counters[1].tally, expected[1]);
            prop_assert_eq!(counters[2].tally, expected[1]);
            // Row by row, a few at a time.
            if let Some(least) = kept.least() {
                let starts: Vec<u32> = std::iter::once(0).chain(ends).collect();
                let lasts = last_rows(&starts);
                let mut counter = RowCounter::new(least, &groups, end, &lasts);
                set.to_vec().chunks(7).for_each(|rows| counter.add(rows, &numbers));
                prop_assert_eq!(counter.tally, expected[1]);
            } else {
                prop_assert!(op == CompareOp::NotEqual || !kept.has(1 << 40), "all from some count on");
            }
        }
    }
}
