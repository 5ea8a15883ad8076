//! The structural relations as linear passes over sets of rows. Invariant: a pass never looks at a
//! trace's limits: intervals `[row, end]` and parents never leave a trace, so neither do pairs.
//!
//! Each pass marks rows in a flat bit array (an eighth of a byte a row of the window) and meets the
//! other side either as a whole bitmap or in batches without a branch a row. Where one side is much
//! smaller, the other is first cut down to the few subtrees that matter.

use crate::codec::cast;
use crate::query::bits::Bits;
use crate::query::rows::{BATCH, Rows};

/// One side counts as sparse where the other has so many times its rows.
const SPARSE: u64 = 16;

/// For fewer rows than this, the first parent is looked for before bits are made.
const FEW: u64 = 1024;

/// The rows of `right` that have an ancestor in `left`.
pub(crate) fn descendants(left: &Rows, right: &Rows, ends: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    subtrees(left, right, ends).and(right)
}

/// The same for a small `right`, climbing from each of its rows: `None` where that is no less work
/// than the pass over `left`.
pub(crate) fn descendants_by_climbing(left: &Rows, right: &Rows, parents: &[u32]) -> Option<Rows> {
    let mut budget = left.len() / 4;
    let mut kept = Vec::new();
    for row in right.to_vec() {
        let mut ancestor = parent(parents, row);
        while let Some(above) = ancestor {
            budget = budget.checked_sub(1)?;
            if left.contains(above) {
                kept.push(row);
                break;
            }
            ancestor = parent(parents, above);
        }
    }
    Some(Rows::from_sorted(&kept))
}

/// True where climbing from each row of `low` is worth a try.
pub(crate) fn climbing_pays(high: &Rows, low: &Rows) -> bool {
    low.len().saturating_mul(SPARSE) < high.len()
}

/// True where marking what is above `left` is cheaper than counting `left` below each of `right`:
/// measured, a step up takes three to four times as long as a count.
pub(crate) fn marking_pays(left: &Rows, right: &Rows) -> bool {
    left.len().saturating_mul(4) < right.len()
}

/// The rows of `right` that have a descendant in `left`, for a small `left`: each row is climbed to
/// once at most.
pub(crate) fn ancestors_by_climbing(left: &Rows, right: &Rows, parents: &[u32]) -> Rows {
    let mut marks = Bits::over(right.bounds().start..left.bounds().end);
    let first = right.bounds().start;
    left.for_each_batch(|batch| {
        for row in batch {
            let mut ancestor = parent(parents, *row);
            while let Some(above) = ancestor.filter(|above| *above >= first) {
                if marks.mark(above, true) {
                    break;
                }
                ancestor = parent(parents, above);
            }
        }
    });
    marks.into_rows().and(right)
}

/// The rows of `right` that have a descendant in `left`.
pub(crate) fn ancestors(left: &Rows, right: &Rows, ends: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    let near = near_subtrees(left, right, ends);
    if near.is_empty() {
        return near;
    }
    let marks = Bits::of(&near);
    let (ranks, bounds) = (marks.ranks(), near.bounds());
    let last = bounds.end.saturating_sub(1);
    let rank = |row: u32| {
        if row < bounds.start { 0 } else { marks.rank(&ranks, row.min(last)) }
    };
    select(right, |row| rank(row) < rank(value(ends, row)))
}

/// The rows of `right` whose parent is in `left`.
pub(crate) fn children(left: &Rows, right: &Rows, parents: &[u32], ends: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    let near = near_subtrees(right, left, ends);
    let marks = Bits::of(left);
    select(&near, |row| marks.get(value(parents, row)))
}

/// The rows of `right` that are a parent of a row of `left`.
pub(crate) fn parents_of(left: &Rows, right: &Rows, parents: &[u32], ends: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    let near = near_subtrees(left, right, ends);
    let mut marks = Bits::over(right.bounds());
    near.for_each_batch(|batch| batch.iter().for_each(|row| marks.set(value(parents, *row))));
    marks.into_rows().and(right)
}

/// The rows of `right` that share their stored parent with another row of `left`.
pub(crate) fn siblings(left: &Rows, right: &Rows, parents: &[u32], ends: &[u32]) -> Rows {
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    let near = |rows: &Rows, others: &Rows| {
        if !climbing_pays(rows, others) {
            return rows.clone();
        }
        let mut marks = Bits::over(0..others.bounds().end);
        others.for_each_batch(|batch| batch.iter().for_each(|row| marks.set(value(parents, *row))));
        near_subtrees(rows, &marks.into_rows(), ends)
    };
    let (left, right) = (&near(left, right), &near(right, left));
    if left.is_empty() || right.is_empty() {
        return Rows::empty();
    }
    // A parent comes before its child, and few rows are not worth a bit for each row before them.
    let first = if left.len() < FEW { first_parent(left, parents) } else { 0 };
    let window = first..left.bounds().end;
    let (mut once, mut twice) = (Bits::over(window.clone()), Bits::over(window));
    let mut marks = Bits::over(left.bounds());
    left.for_each_batch(|batch| {
        for row in batch {
            let above = value(parents, *row);
            let before = once.mark(above, true);
            twice.mark(above, before);
            marks.set(*row);
        }
    });
    select(right, |row| {
        let above = value(parents, row);
        twice.get(above) | (once.get(above) & !marks.get(row))
    })
}

fn first_parent(rows: &Rows, parents: &[u32]) -> u32 {
    let mut first = u32::MAX;
    rows.for_each_batch(|batch| {
        first = batch.iter().fold(first, |first, row| first.min(value(parents, *row)));
    });
    first
}

/// The proper descendants of the rows of `roots`, as far as they lie between the first and the last
/// row of `within`.
fn subtrees(roots: &Rows, within: &Rows, ends: &[u32]) -> Rows {
    let window = within.bounds();
    let last = window.end.saturating_sub(1);
    let mut marks = Bits::over(window.clone());
    let mut mark = |row: u32| {
        let end = value(ends, row);
        marks.set_through(row.saturating_add(1).max(window.start), end.min(last));
        // Rows only ascend, whatever the column says.
        end.max(row).saturating_add(1)
    };
    // A row inside a subtree that is marked adds nothing: from one root to the next beside its subtree.
    if is_dense(roots) {
        let bits = Bits::of(roots);
        let mut next = bits.next_set(0);
        while let Some(row) = next {
            next = bits.next_set(mark(row)).filter(|next| *next > row);
        }
    } else {
        let mut next_free = 0;
        roots.for_each_batch(|batch| {
            for row in batch {
                if *row >= next_free {
                    next_free = mark(*row);
                }
            }
        });
    }
    marks.into_rows()
}

/// True where a row in 128 or more is there, so that words of bits cost less than a step a row.
fn is_dense(rows: &Rows) -> bool {
    let bounds = rows.bounds();
    rows.len().saturating_mul(128) > u64::from(bounds.end - bounds.start)
}

/// `rows`, or where `roots` are far fewer only those of them below one of `roots`.
fn near_subtrees(rows: &Rows, roots: &Rows, ends: &[u32]) -> Rows {
    if roots.len().saturating_mul(SPARSE) < rows.len() {
        return subtrees(roots, rows, ends).and(rows);
    }
    rows.clone()
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

fn parent(parents: &[u32], row: u32) -> Option<u32> {
    Some(value(parents, row)).filter(|above| *above < row)
}
