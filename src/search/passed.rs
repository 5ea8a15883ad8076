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

/// Runs of values whose rows are fetched side by side.
const RUNS_AT_ONCE: usize = 64;

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
    let mut set = |row: &u32| {
        if let Some(word) = words.get_mut(usize_of(row / 64)) {
            *word |= 1 << (row % 64);
        }
    };
    // The first row of each run is read before the others of any, so that runs are fetched side by side.
    let mut others: Vec<&[u32]> = Vec::with_capacity(RUNS_AT_ONCE);
    numbers.for_each_run(|run| {
        if let Some((first, rest)) = by_value.rows(run).split_first() {
            set(first);
            others.push(rest);
        }
        if others.len() == RUNS_AT_ONCE {
            others.drain(..).flatten().for_each(&mut set);
        }
    });
    others.into_iter().flatten().for_each(set);
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
