//! Tests of durations by the buckets of a block, which compare 64 rows at once. Invariant: what is found
//! is what a look at the duration of each row finds.

use std::ops::Range;

use crate::block::{Block, BlockError, Marked};
use crate::codec::cast::usize_of;
use crate::query::bits::Bits;
use crate::query::rows::Rows;
use crate::query::value::{NumberRange, Scalar, Test};

/// The rows of the window whose durations are of the range; `None` where there are no buckets.
pub(super) fn find(
    block: &Block,
    range: &NumberRange,
    window: &Range<u32>,
) -> Result<Option<Rows>, BlockError> {
    let (values, inside) = range.values();
    let Some(found) = block.with_duration(&values, window)? else { return Ok(None) };
    let found = rows_of(found);
    Ok(Some(if inside { found } else { found.complement(window.clone()) }))
}

/// Those of the rows whose durations compare so. Cost: that of [`find`] between the first of them and the
/// last, so it is for many rows.
pub(super) fn check(block: &Block, test: &Test, rows: &Rows) -> Result<Option<Rows>, BlockError> {
    let Test::Compare(op, constant) = test else { return Ok(None) };
    let (values, inside) = NumberRange::new(*op, constant, Scalar::of_nanos).values();
    let Some(found) = block.with_duration(&values, &rows.bounds())? else { return Ok(None) };
    let found = rows_of(found);
    Ok(Some(if inside { rows.and(&found) } else { rows.minus(&found) }))
}

/// The rows of the window whose durations compare so, as bits; `None` where they are no range of
/// durations, or where there are no buckets.
pub(super) fn marked(
    block: &Block,
    test: &Test,
    window: &Range<u32>,
) -> Result<Option<Bits>, BlockError> {
    let Test::Compare(op, constant) = test else { return Ok(None) };
    let (values, inside) = NumberRange::new(*op, constant, Scalar::of_nanos).values();
    if !inside {
        return Ok(None);
    }
    Ok(block.with_duration(&values, window)?.map(|found| match found {
        Marked::Words(first, words) => Bits::of_words(usize_of(first / 64), words),
        Marked::Few(rows) => {
            let end = rows.last().map_or(0, |last| last + 1);
            let mut bits = Bits::over(rows.first().copied().unwrap_or(0)..end);
            for row in rows {
                bits.set(row);
            }
            bits
        }
    }))
}

fn rows_of(found: Marked) -> Rows {
    match found {
        Marked::Few(rows) => Rows::from_sorted(&rows),
        Marked::Words(first, words) => Bits::of_words(usize_of(first / 64), words).into_rows(),
    }
}
