//! The structural relations as passes over sets of rows. Invariant: intervals `[row, end]` and parents
//! never leave a trace, so neither do pairs; where traces end is only used to leave out rows that cannot
//! be one of a pair.
//!
//! Sets are flat words of bits. Whatever is below a row comes after it in the same trace, so each pass
//! first drops, 64 rows at once, the rows of the lower side with no row of the upper side before them in
//! their trace. Only what is left is looked at one by one, where its parent or end is. Of a set that has a
//! list, which is no more than two rows a word, parents are looked up at once.

use crate::codec::cast;
use crate::query::bits::Bits;
use crate::query::close::{Close, Counted, Moved};
use crate::query::few;
use crate::query::marking::Marking;
use crate::query::near::{Ends, Parents};
use crate::query::rows::{BATCH, Rows};

/// One side counts as sparse where the other has so many times its rows.
const SPARSE: u64 = 16;

/// Climbing is tried where so many times the rows to climb from are fewer than those to sweep over.
const CLIMB_SHARE: u64 = 4;

/// Subtrees that are gone over for each row below them, in the middle, before climbing is tried.
const SWEEP_SHARE: usize = 4;

/// Where there are at most so many rows for each word, looking up the parent of each costs less than going
/// over the words to drop some of them.
const LOOKUPS_A_WORD: u64 = 4;

/// Words that are gone over in about the time in which a parent is looked up.
const WORDS_A_LOOKUP: u32 = 2;

/// Parents that are looked up in about the time that it takes to come to the next trace.
const LOOKUPS_A_TRACE: u32 = 4;

/// The rows of `low` that come after a row of `high` in the same trace; of few rows all, as looking at each
/// of them costs less than a pass over words.
pub(crate) fn after(high: &Rows, low: &Rows, lasts: &Bits) -> Rows {
    if low.few().is_some() {
        return low.clone();
    }
    let (high, low) = (high.bits(), low.bits());
    let start = high.span().start;
    let span = start..low.span().end.max(start);
    let (above, below, lasts_of) = (high.words(&span), low.words(&span), lasts.words(&span));
    let before = low_row(start).and_then(|row| row.checked_sub(1));
    let mut starts = u64::from(before.is_some_and(|row| lasts.get(row)));
    let mut begins = 0;
    let mut fill = Fill::default();
    let words = above.iter().zip(below.iter()).zip(lasts_of.iter());
    // What goes from word to word is the closure's own, so that it stays in registers.
    let words = words.map(move |((above, below), last)| {
        // After the last row of a trace there is nothing of it.
        let begin = above & !last;
        let found = fill.next(begin << 1 | begins, last << 1 | starts) & below;
        (begins, starts) = (begin >> 63, last >> 63);
        found
    });
    Bits::of_words(span.start, words.collect()).into_rows()
}

/// Fills from each bit that begins something to the next one that ends it, word after word: what is
/// subtracted from an end borrows from it down to where it began.
#[derive(Debug, Default)]
struct Fill {
    borrow: u64,
}

impl Fill {
    /// The next word. No bit begins and ends something.
    #[inline]
    fn next(&mut self, begins: u64, ends: u64) -> u64 {
        let (filled, first) = ends.overflowing_sub(begins);
        let (filled, second) = filled.overflowing_sub(self.borrow);
        self.borrow = u64::from(first | second);
        (filled | begins) & !ends
    }
}

fn low_row(word: usize) -> Option<u32> {
    u32::try_from(word).ok()?.checked_mul(64)
}

/// The rows of `right` that have an ancestor in `left`, climbing from each of them: `None` where that is
/// more work than a sweep over `left`. The rows are those that [`after`] leaves.
pub(crate) fn descendants_by_climbing(
    left: &Rows,
    right: &Rows,
    parents: &Parents,
) -> Option<Rows> {
    if right.len().saturating_mul(CLIMB_SHARE) > left.len() {
        return None;
    }
    let mut budget = usize::try_from(left.len()).ok()?;
    let above = left.bits();
    let mut found = Bits::over(right.bounds());
    // Rows, each with how far up it is; all go up at once, so that no step waits for the one before.
    let mut climbing: Vec<(u32, u32)> = match right.few() {
        Some(few) => few.iter().map(|row| (*row, *row)).collect(),
        None => Vec::with_capacity(cast::usize_of_u64(right.len())),
    };
    if right.few().is_none() {
        right.bits().for_each_apart(|row| climbing.push((row, row)));
    }
    while !climbing.is_empty() {
        budget = budget.checked_sub(climbing.len())?;
        let mut left = 0;
        for at in 0..climbing.len() {
            let Some((row, low)) = climbing.get(at).copied() else { break };
            let high = parents.of(low);
            let is_found = above.get(high);
            found.or(row, is_found);
            if let Some(slot) = climbing.get_mut(left) {
                *slot = (row, high);
            }
            // Rows only descend, whatever the column says.
            left += usize::from(!is_found) & usize::from(high < low);
        }
        climbing.truncate(left);
    }
    Some(match right.few() {
        Some(few) => Rows::from_list(few::select(few, |row| found.get(row))),
        None => found.into_rows(),
    })
}

/// The rows of a list `low` below a row of `high`, going over those subtrees only that begin before one of
/// them in its trace: `None` where these are many for each. A row inside a subtree adds nothing, so from one
/// root to the next beside its subtree.
pub(crate) fn descendants_by_sweeping(
    high: &Rows,
    low: &[u32],
    (ends, lasts): (&Ends, &Bits),
) -> Option<Rows> {
    let roots = high.bits();
    let from = |row: u32| roots.next_set(row).unwrap_or(u32::MAX);
    let mut budget = low.len().saturating_mul(SWEEP_SHARE);
    let mut found = Vec::with_capacity(low.len());
    // The first root that may be above what comes next; rows before `covered` are below the one before.
    let (mut root, mut covered, mut trace) = (from(0), 0, 0..0);
    for row in low {
        if *row >= covered && root < *row {
            if *row >= trace.end {
                let first = lasts.last_before(*row).map_or(0, |last| last.saturating_add(1));
                trace = first..lasts.next_set(*row).map_or(u32::MAX, |last| last.saturating_add(1));
            }
            if root < trace.start {
                root = from(trace.start);
            }
            while root < *row && covered <= *row {
                budget = budget.checked_sub(1)?;
                // Rows only ascend, whatever the column says.
                covered = ends.of(root).max(root).saturating_add(1);
                root = from(covered);
            }
        }
        if *row < covered {
            found.push(*row);
        }
    }
    Some(Rows::from_list(found))
}

/// The rows of `low` below a row of `high`. A row inside a subtree adds nothing: from one root to the
/// next beside its subtree.
pub(crate) fn subtrees(high: &Rows, low: &Rows, ends: &Ends) -> Rows {
    let (roots, low) = (high.bits(), low.bits());
    let start = roots.span().start;
    let span = start..low.span().end.max(start);
    let mut begins = Bits::of_words(span.start, vec![0; span.len()]);
    let mut stops = Bits::of_words(span.start, vec![0; span.len()]);
    let mut next = roots.next_set(0).filter(|_| !span.is_empty());
    while let Some(row) = next {
        // Rows only ascend, whatever the column says.
        let end = ends.of(row).max(row);
        begins.or(row.saturating_add(1), end > row);
        stops.or(end.saturating_add(1), end > row);
        next = roots.next_set(end.saturating_add(1)).filter(|next| *next > end);
    }
    let (begins, stops, below) = (begins.words(&span), stops.words(&span), low.words(&span));
    let mut fill = Fill::default();
    let words = begins.iter().zip(stops.iter()).zip(below.iter());
    let words = words.map(move |((begin, stop), below)| fill.next(*begin, *stop) & below).collect();
    Bits::of_words(span.start, words).into_rows()
}

fn is_sparse(few: &Rows, many: &Rows) -> bool {
    few.len().saturating_mul(SPARSE) < many.len()
}

/// True where climbing from each of `left` costs less than a pass over words: a row takes about as long as a word.
pub(crate) fn climbing_pays(left: &Rows) -> bool {
    left.len() < cast::u64_of(left.bits().span().len())
}

/// The rows of `right` that have a descendant in `left`, for a small `left`: each row is climbed to
/// once at most.
pub(crate) fn ancestors_by_climbing(left: &Rows, right: &Rows, parents: &Parents) -> Rows {
    let first = right.bounds().start;
    let mut marks = Bits::over(first..left.bounds().end.max(first));
    left.for_each_batch(|batch| {
        for row in batch {
            let (mut low, mut high) = (*row, parents.of(*row));
            while high < low && high >= first && !marks.mark(high) {
                (low, high) = (high, parents.of(high));
            }
        }
    });
    marks.into_rows().and(right)
}

/// The rows of `right` that have a descendant in `left`.
pub(crate) fn ancestors(left: &Rows, right: &Rows, (parents, close): (&Parents, &Close)) -> Rows {
    close.ancestors(left.bits(), parents).into_rows().and(right)
}

/// Where rows have their parents, their ends and the last rows of their traces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) parents: &'a Parents,
    pub(crate) close: &'a Close,
    /// Wanted where [`needs_ends`] says so.
    pub(crate) ends: Option<&'a Ends>,
    pub(crate) lasts: &'a Bits,
}

impl Around<'_> {
    /// The rows of `low` that may be below a row of `high`: fewer where dropping others pays. The rows
    /// of `low` are at most `low_max`.
    fn near(&self, high: &Rows, low: Rows, low_max: u64) -> Rows {
        let words = cast::u64_of(low.bits().span().len());
        if low_max < words.saturating_mul(LOOKUPS_A_WORD) {
            return low;
        }
        let low = after(high, &low, self.lasts);
        match self.ends {
            Some(ends) if high.len().saturating_mul(SPARSE) < low_max && is_sparse(high, &low) => {
                subtrees(high, &low, ends)
            }
            _ => low,
        }
    }
}

/// True where one side has so many more rows than the other that it pays to know where subtrees end.
pub(crate) fn needs_ends(left: &Rows, right: &Rows) -> bool {
    let (few, many) = (left.len().min(right.len()), left.len().max(right.len()));
    few.saturating_mul(SPARSE) < many
}

/// The rows of `right` whose parent is in `left`.
pub(crate) fn children(left: &Rows, right: &Rows, around: Around<'_>) -> Rows {
    let marks = left.bits();
    if let Some(few) = right.few() {
        let holds = |row| marks.get(around.parents.of(row));
        return Rows::from_list(few::select(few, holds));
    }
    if let Some(found) = children_of_sparse(left, right, around) {
        return found;
    }
    if let Some((mut found, distant)) = around.close.next_children(marks, right, around.parents) {
        let mut marking = found.marking();
        distant.for_each_apart(around.parents, |row, parent| marking.or(row, marks.get(parent)));
        return found.into_rows();
    }
    let Moved { mut found, rest } = around.close.children(marks, right);
    let rest = around.near(left, rest.into_rows(), right.len());
    rest.bits().for_each_apart(|row| found.or(row, marks.get(around.parents.of(row))));
    found.into_rows()
}

/// The rows of `low` whose parent is in `high`, which has far fewer: those only are looked up that come
/// after one of these in its trace. `None` where that is more work than a pass over words.
fn children_of_sparse(high: &Rows, low: &Rows, around: Around<'_>) -> Option<Rows> {
    if !is_sparse(high, low) {
        return None;
    }
    let (marks, rows) = (high.bits(), low.bits());
    let mut budget = cast::u32_of(rows.span().len())? / WORDS_A_LOOKUP;
    let mut found = Vec::new();
    let mut next = marks.next_set(0);
    while let Some(first) = next {
        let end = around.lasts.next_set(first).unwrap_or(u32::MAX).saturating_add(1);
        let after = first.saturating_add(1)..end;
        budget = budget.checked_sub(LOOKUPS_A_TRACE + rows.count_in(after.clone()))?;
        rows.for_each_in(after, |row| {
            if marks.get(around.parents.of(row)) {
                found.push(row);
            }
        });
        next = marks.next_set(end);
    }
    Some(Rows::from_list(found))
}

/// The rows that are a parent of a row of `left`; where some are asked for, those of these at least.
pub(crate) fn parents_of(left: &Rows, asked: Option<&Rows>, around: Around<'_>) -> Rows {
    if let Some(few) = left.few() {
        let mut marks = Bits::over(0..left.bounds().end);
        let mut marking = marks.marking();
        around.parents.for_each_apart(few, |_, parent| marking.set(parent));
        return marks.into_rows();
    }
    if let Some((mut marks, distant)) = around.close.next_parents(left, around.parents) {
        let mut marking = marks.marking();
        distant.for_each_apart(around.parents, |_, parent| marking.set(parent));
        return marks.into_rows();
    }
    let Moved { found: mut marks, rest } = around.close.parents(left);
    let mut rest = rest.into_rows();
    if let Some(asked) = asked {
        rest = around.near(asked, rest, left.len());
    }
    rest.bits().for_each_apart(|row| marks.set(around.parents.of(row)));
    marks.into_rows()
}

/// The rows that are the parent of several rows of `left`.
fn parents_of_several(left: &Rows, around: Around<'_>) -> Rows {
    if let Some(few) = left.few() {
        let mut once = Bits::over(0..left.bounds().end);
        let mut twice = Twice::new(&mut once);
        around.parents.for_each_apart(few, |_, parent| twice.add(parent));
        return twice.finish();
    }
    if let Some((mut once, distant)) = around.close.next_parents(left, around.parents) {
        let mut twice = Twice::new(&mut once);
        distant.for_each_apart(around.parents, |_, parent| twice.add(parent));
        return twice.finish();
    }
    let Counted { mut once, mut twice, rest } = around.close.counted_parents(left);
    rest.for_each_apart(|row| {
        let above = around.parents.of(row);
        let before = once.mark(above);
        twice.or(above, before);
    });
    twice.into_rows()
}

/// Rows that are added more than once.
struct Twice<'a> {
    once: Marking<'a>,
    all: Vec<u32>,
    /// Each row is put in the next place; the next one comes there too unless the row was marked before.
    kept: [u32; BATCH],
    count: usize,
}

impl<'a> Twice<'a> {
    /// Of rows of which some were added already.
    fn new(once: &'a mut Bits) -> Self {
        Self { once: once.marking(), all: Vec::new(), kept: [0; BATCH], count: 0 }
    }

    #[inline]
    fn add(&mut self, row: u32) {
        if let Some(slot) = self.kept.get_mut(self.count) {
            *slot = row;
        }
        self.count += usize::from(self.once.mark(row));
        if self.count == BATCH {
            self.all.extend_from_slice(&self.kept);
            self.count = 0;
        }
    }

    fn finish(mut self) -> Rows {
        self.all.extend_from_slice(self.kept.get(..self.count).unwrap_or_default());
        Rows::from_unsorted(self.all)
    }
}

/// The rows of `right` that share their stored parent with another row of `left`.
pub(crate) fn siblings(left: &Rows, right: &Rows, around: Around<'_>) -> Rows {
    // What has no parent in common with the smaller side cannot matter.
    let asked = is_sparse(right, left).then(|| parents_of(right, None, around));
    let both = left.and(right);
    let others = right.minus(&both);
    let mut found = Rows::empty();
    if !others.is_empty() {
        found = children(&parents_of(left, asked.as_ref(), around), &others, around);
    }
    if !both.is_empty() {
        found = found.or(&children(&parents_of_several(left, around), &both, around));
    }
    found
}

/// The rows for which `holds`, which is asked for all of them: no branch a row.
pub(crate) fn select(rows: &Rows, mut holds: impl FnMut(u32) -> bool) -> Rows {
    let mut all = Vec::new();
    let mut kept = [0; BATCH];
    rows.for_each_batch(|batch| {
        let mut count = 0;
        for row in batch {
            if let Some(slot) = kept.get_mut(count) {
                *slot = *row;
            }
            count += usize::from(holds(*row));
        }
        all.extend_from_slice(kept.get(..count).unwrap_or_default());
    });
    Rows::from_sorted(&all)
}

/// The column's value of a row; beyond the column no row at all.
#[inline]
pub(crate) fn value(column: &[u32], row: u32) -> u32 {
    column.get(cast::usize_of(row)).copied().unwrap_or(u32::MAX)
}
