//! Reading a set of rows in order, with steps over many of them. Invariant: rows ascend, and the one that is
//! peeked at stays the next one.

use roaring::RoaringBitmap;

use crate::query::bits::Bits;
use crate::query::rows::BATCH;

/// Reads a set in ascending order, a batch at a time, and skips ahead.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    rows: Reading<'a>,
    batch: [u32; BATCH],
    next: usize,
    filled: usize,
}

/// What is left of a set.
#[derive(Clone)]
enum Reading<'a> {
    Bitmap(roaring::bitmap::Iter<'a>),
    /// From this row on.
    Bits(&'a Bits, u32),
    List(&'a [u32]),
}

impl<'a> Cursor<'a> {
    /// A reader of a bitmap.
    pub(super) fn of_bitmap(bitmap: &'a RoaringBitmap) -> Self {
        Self::new(Reading::Bitmap(bitmap.iter()))
    }

    /// A reader of bits.
    pub(super) fn of_bits(bits: &'a Bits) -> Self {
        Self::new(Reading::Bits(bits, 0))
    }

    /// A reader of an ascending list.
    pub(super) fn of_list(list: &'a [u32]) -> Self {
        Self::new(Reading::List(list))
    }

    fn new(rows: Reading<'a>) -> Self {
        Self { rows, batch: [0; BATCH], next: 0, filled: 0 }
    }

    /// Reads the next rows: of bits one, because whoever has a cursor skips most of them.
    fn fill(&mut self) {
        self.next = 0;
        self.filled = match &mut self.rows {
            Reading::Bitmap(rows) => rows.next_many(&mut self.batch).len(),
            Reading::Bits(bits, from) => match (bits.next_set(*from), self.batch.first_mut()) {
                (Some(row), Some(slot)) => {
                    *slot = row;
                    *from = row.saturating_add(1);
                    1
                }
                _ => 0,
            },
            Reading::List(list) => {
                let (next, rest) = list.split_at(list.len().min(BATCH));
                *list = rest;
                self.batch.iter_mut().zip(next).for_each(|(slot, row)| *slot = *row);
                next.len()
            }
        };
    }

    /// The next row, which stays the next one.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u32> {
        if self.next == self.filled {
            self.fill();
        }
        self.batch.get(self.next..self.filled)?.first().copied()
    }

    /// Moves to the first row that is `row` or later.
    pub(crate) fn advance_to(&mut self, row: u32) {
        let waiting = self.batch.get(self.next..self.filled).unwrap_or_default();
        if waiting.last().is_some_and(|last| *last >= row) {
            self.next += gallop(waiting, 0, row);
        } else {
            self.next = self.filled;
            match &mut self.rows {
                Reading::Bitmap(rows) => rows.advance_to(row),
                Reading::Bits(_, from) => *from = row.max(*from),
                Reading::List(list) => {
                    *list = list.get(gallop(list, 0, row)..).unwrap_or_default();
                }
            }
        }
    }
}

impl std::fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("next", &self.next).finish_non_exhaustive()
    }
}

/// The first place from `from` on whose value is at least `value`, in steps that double.
pub(crate) fn gallop(sorted: &[u32], from: usize, value: u32) -> usize {
    let mut low = from;
    let mut step = 1;
    while sorted.get(low + step - 1).is_some_and(|at| *at < value) {
        low += step;
        step *= 2;
    }
    let near = sorted.get(low..sorted.len().min(low + step)).unwrap_or_default();
    low + near.partition_point(|at| *at < value)
}
