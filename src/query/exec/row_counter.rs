//! Counting the spans of each group of a trace row by row, without a branch that has to be guessed: where
//! traces have a few rows each, to go from trace to trace costs more than to look at these. Invariant: what
//! is found is what [`Counter`](super::counter::Counter) finds.

#![expect(clippy::inline_always, reason = "what is compiled for wide processors has to be inlined")]

use super::tally::Tally;
use crate::codec::narrow::Width;
use crate::codec::{cast, wide};
use crate::query::bits::Bits;

/// Counts rows that come in ascending order, of which groups of so many in a trace, or more, are found.
pub(super) struct RowCounter<'a> {
    least: u64,
    /// The group of each number; where it is empty, each number is a group.
    groups: &'a [u32],
    /// For each group, the number of the trace in which it was seen last, and how many rows of that trace it has.
    seen: Vec<u64>,
    /// The last rows of all traces, and how many come before each word.
    lasts: &'a [u64],
    ranks: Vec<u32>,
    /// The trace that something was found in last.
    last_found: u64,
    pub(super) tally: Tally,
}

impl<'a> RowCounter<'a> {
    /// A counter of numbers below `end`, which stand for `groups` below it, or for themselves where
    /// there are none. `lasts` are over all rows from the first on.
    pub(super) fn new(least: u64, groups: &'a [u32], end: u32, lasts: &'a Bits) -> Self {
        let (_, lasts) = lasts.placed_words();
        let mut rank = 0;
        let ranks = lasts.iter().map(|word| {
            let before = rank;
            rank += word.count_ones();
            before
        });
        let ranks = ranks.collect();
        let seen = vec![0; cast::usize_of(end)];
        Self { least, groups, seen, lasts, ranks, last_found: 0, tally: Tally::default() }
    }

    /// Adds rows, of which each has a number.
    pub(super) fn add<T: Width>(&mut self, rows: &[u32], numbers: &[T]) {
        wide::widest(
            #[inline(always)]
            || self.add_each(rows, numbers),
        );
    }

    #[inline(always)]
    fn add_each<T: Width>(&mut self, rows: &[u32], numbers: &[T]) {
        let (least, mut last_found) = (self.least, self.last_found);
        let (mut traces, mut spans) = (0, 0);
        for row in rows {
            let at = cast::usize_of(*row / 64);
            let (Some(word), Some(rank)) = (self.lasts.get(at), self.ranks.get(at)) else { break };
            let Some(number) = numbers.get(cast::usize_of(*row)).copied().map(Width::number) else {
                break;
            };
            // The first trace is number one: what nobody wrote is of none.
            let before = word & !(u64::MAX << (row % 64));
            let trace = u64::from(rank + before.count_ones()) + 1;
            let group = self.groups.get(cast::usize_of(number)).copied().unwrap_or(number);
            let Some(seen) = self.seen.get_mut(cast::usize_of(group)) else { continue };
            let count = (*seen).max(trace << 32) + 1;
            *seen = count;
            let count = count & u64::from(u32::MAX);
            let (is_least, is_found) = (count == least, count >= least);
            spans += if is_least { least } else { u64::from(is_found) };
            traces += u64::from(is_least) & u64::from(last_found != trace);
            last_found = if is_least { trace } else { last_found };
        }
        self.last_found = last_found;
        self.tally.traces += traces;
        self.tally.spans += spans;
    }
}
