//! Few rows, as ascending lists. Invariant: lists ascend and hold no row twice; nothing here looks at
//! more than the rows in them.

use std::ops::Range;

use crate::query::cursor::gallop;

/// The first row and the row after the last; an empty range where there are none.
pub(super) fn bounds(rows: &[u32]) -> Range<u32> {
    match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => *first..last.saturating_add(1),
        _ => 0..0,
    }
}

/// Those that lie in a range.
pub(super) fn within<'a>(list: &'a [u32], range: &Range<u32>) -> &'a [u32] {
    let start = list.partition_point(|row| *row < range.start);
    let end = list.partition_point(|row| *row < range.end);
    list.get(start..end).unwrap_or_default()
}

/// Those for which `holds`, which is asked for all of them: no branch a row.
pub(crate) fn select(list: &[u32], mut holds: impl FnMut(u32) -> bool) -> Vec<u32> {
    let mut kept = list.to_vec();
    let mut count = 0;
    for row in list {
        if let Some(slot) = kept.get_mut(count) {
            *slot = *row;
        }
        count += usize::from(holds(*row));
    }
    kept.truncate(count);
    kept
}

/// The rows of the first list that are in the other, or those that are not.
pub(super) fn part(list: &[u32], others: &[u32], wanted: bool) -> Vec<u32> {
    let mut at = 0;
    select(list, |row| {
        at = gallop(others, at, row);
        (others.get(at) == Some(&row)) == wanted
    })
}

/// The rows of either list.
pub(super) fn either(one: &[u32], other: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let mut rest = one;
    for row in other {
        let (before, after) = rest.split_at(gallop(rest, 0, *row));
        all.extend_from_slice(before);
        all.push(*row);
        rest = match after {
            [first, after @ ..] if first == row => after,
            after => after,
        };
    }
    all.extend_from_slice(rest);
    all
}
