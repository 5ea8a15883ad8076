//! From value numbers to rows. Invariant: exactly the rows whose value number is one of those given, or
//! all of them within a window.

use std::ops::Range;
use std::sync::Arc;

use super::ranks::Ranks;
use crate::block::{BlockError, ByValue, ColumnReader, Numbers};
use crate::codec::cast::usize_of;
use crate::query::bits::Bits;
use crate::query::exec::select;
use crate::query::rows::Rows;

/// Up to so many postings are united one by one; beyond, the value numbers are scanned.
pub(super) const UNION_MAX: usize = 32;

/// Most rows of a run of values that are taken without a branch on how many there are.
const RUN_ROWS_MAX: usize = 8;
/// Rows that are set together.
const ROWS_AT_ONCE: usize = 256;

/// The rows that have one of these values, at least those within `window`.
pub(super) fn rows_of(
    column: &ColumnReader<'_>,
    numbers: &Numbers,
    window: Range<u32>,
) -> Result<Rows, BlockError> {
    if numbers.len() == usize_of(column.values()) {
        return Ok(Rows::from_shared(column.presence()?));
    }
    match numbers.len() {
        0 => Ok(Rows::empty()),
        1..=UNION_MAX => Ok(Rows::from_shared(column.union(&numbers.to_vec())?)),
        _ if usize_of(column.values()) - numbers.len() <= UNION_MAX => {
            let others = (0..column.values()).filter(|number| !numbers.has(*number));
            let without = column.union(&others.collect::<Vec<_>>())?;
            Ok(Rows::from_shared(column.presence()?).minus(&Rows::from_shared(without)))
        }
        _ if is_most(&window, column) => {
            Ok(rows_by_value(&column.by_value()?, numbers, column.table_rows()))
        }
        _ => {
            let presence = column.presence()?;
            let present = Rows::from_shared(Arc::clone(&presence)).within(window);
            let before = presence.range_cardinality(..present.bounds().start);
            let ranks = Ranks::consecutive(u32::try_from(before).unwrap_or(u32::MAX));
            check_numbers(column, numbers, &present, ranks)
        }
    }
}

/// True for a window of at least half of the table's rows.
fn is_most(window: &Range<u32>, column: &ColumnReader<'_>) -> bool {
    window.end.saturating_sub(window.start) >= column.table_rows() / 2
}

/// The rows that have one of these values: no row with another value is looked at.
fn rows_by_value(by_value: &ByValue, numbers: &Numbers, rows: u32) -> Rows {
    let mut words = vec![0_u64; usize_of(rows).div_ceil(64)];
    let mut set = |rows: &[u32]| {
        // As a slice, for then where it lies and ends stays in registers.
        let words = words.as_mut_slice();
        for row in rows {
            if let Some(word) = words.get_mut(usize_of(row / 64)) {
                *word |= 1 << (row % 64);
            }
        }
    };
    // How many rows a run has cannot be guessed, so as many as it may have are copied, and what is not its own
    // is written over by the next run.
    let (mut some, mut count) = ([0; ROWS_AT_ONCE + RUN_ROWS_MAX], 0);
    numbers.for_each_run(|run| {
        let (rows, more) = by_value.rows_and_more(run);
        let free = some.get_mut(count..).and_then(<[u32]>::first_chunk_mut::<RUN_ROWS_MAX>);
        match (free, more.first_chunk()) {
            (Some(free), Some(more)) if rows.len() <= RUN_ROWS_MAX => {
                *free = *more;
                count += rows.len();
            }
            _ => set(rows),
        }
        if count >= ROWS_AT_ONCE {
            set(some.get(..count).unwrap_or_default());
            count = 0;
        }
    });
    set(some.get(..count).unwrap_or_default());
    Bits::of_words(0, words).into_rows()
}

/// Those of `present`, all of which have a value, whose value number is one of `numbers`.
pub(super) fn check_numbers(
    column: &ColumnReader<'_>,
    numbers: &Numbers,
    present: &Rows,
    mut ranks: Ranks,
) -> Result<Rows, BlockError> {
    if numbers.len() == usize_of(column.values()) {
        return Ok(present.clone());
    }
    let membership = match numbers {
        Numbers::Range(_) => Vec::new(),
        Numbers::List(_) | Numbers::Runs(_) => {
            let mut member = vec![false; usize_of(column.values())];
            numbers.for_each_run(|run| {
                let run = usize_of(run.start)..usize_of(run.end);
                member.get_mut(run).unwrap_or_default().fill(true);
            });
            member
        }
    };
    let passes = |number: u32| match numbers {
        Numbers::Range(range) => range.contains(&number),
        Numbers::List(_) | Numbers::Runs(_) => membership.get(usize_of(number)) == Some(&true),
    };
    let of_rank = column.numbers()?;
    Ok(select(present, |row| {
        let number = ranks.of(row).and_then(|rank| of_rank.get(usize_of(rank)));
        number.is_some_and(|number| passes(*number))
    }))
}
