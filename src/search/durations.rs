//! Tests of durations by the buckets of a block, which compare 64 rows at once, and by short lists of those
//! of the rows that other tests leave. Invariant: what is found is what a look at the duration of each row
//! finds.

use std::ops::Range;
use std::sync::Arc;

use super::extremes;
use crate::block::{Block, BlockError, Marked, Section, Slot};
use crate::codec::cast::{u64_of, usize_of};
use crate::query::bits::Bits;
use crate::query::rows::Rows;
use crate::query::source::{Answer, MarkedRows};
use crate::query::value::{NumberRange, Scalar, Test};

/// Of at most one row in so many the durations are kept: they take less memory then than buckets of all.
const KEPT_ROWS_SHARE: u64 = 16;

/// The durations of the rows that some tests leave.
#[derive(Debug)]
enum Kept {
    /// They were asked for once: who asks again may go on to.
    Asked,
    /// They are more than is kept.
    TooMany,
    /// Ascending rows, and their durations.
    Listed(Vec<u32>, Vec<u64>),
}

impl Kept {
    fn bytes_len(&self) -> usize {
        match self {
            Self::Asked | Self::TooMany => 0,
            Self::Listed(rows, nanos) => {
                size_of_val(rows.as_slice()) + size_of_val(nanos.as_slice())
            }
        }
    }
}

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

/// Those of the rows whose durations compare so, where all of these are in the answers that are kept under
/// some names: by the durations of the rows that are in all answers, which are kept from the second time on
/// that somebody asks. `None` where they are not. Cost: a look at each that is kept; where they are to be
/// kept, one at all durations of the block.
pub(super) fn check_kept(
    block: &Block,
    (names, answer): (&[Arc<str>], impl Fn(&Arc<str>) -> Option<Arc<Answer>>),
    test: &Test,
    rows: &Rows,
) -> Result<Option<Rows>, BlockError> {
    let (Test::Compare(op, constant), false) = (test, names.is_empty()) else { return Ok(None) };
    let name: Arc<str> = format!("durations of {}", names.join(" && ")).into();
    let slot = Slot::Named(Arc::clone(&name));
    let known = block.kept::<Kept>(&slot);
    let made = match known.as_deref() {
        Some(Kept::Listed(..) | Kept::TooMany) => None,
        Some(Kept::Asked) => durations_of(block, names.iter().map(answer))?.map(Arc::new),
        None => Some(Arc::new(Kept::Asked)),
    };
    if let Some(made) = &made {
        block.keep(slot, made, made.bytes_len() + name.len());
    }
    let kept = made.or(known);
    let Some(Kept::Listed(all, nanos)) = kept.as_deref() else { return Ok(None) };
    let range = NumberRange::new(*op, constant, Scalar::of_nanos);
    let passed = all.iter().zip(nanos).filter(|(_, nanos)| range.contains(**nanos));
    let passed = Rows::from_list(passed.map(|(row, _)| *row).collect());
    let is_all = rows.len() == u64_of(all.len());
    Ok(Some(if is_all { passed } else { passed.and(rows) }))
}

/// The durations of the rows that are in all answers; `None` where one is not there.
fn durations_of(
    block: &Block,
    answers: impl Iterator<Item = Option<Arc<Answer>>>,
) -> Result<Option<Kept>, BlockError> {
    let mut left: Option<Rows> = None;
    for answer in answers {
        let Some(answer) = answer else { return Ok(None) };
        left = Some(match left {
            Some(left) => left.and(&answer.rows),
            None => answer.rows.clone(),
        });
    }
    let left = left.unwrap_or_default();
    if left.len().saturating_mul(KEPT_ROWS_SHARE) > u64::from(block.header()?.rows) {
        return Ok(Some(Kept::TooMany));
    }
    let rows = left.to_vec();
    let mut nanos = Vec::with_capacity(rows.len());
    let mut next = rows.iter().map(|row| usize_of(*row)).peekable();
    if let Some(packed) = block.packed(Section::Durations)? {
        let mut at = 0;
        packed.decode(|value| {
            if next.next_if_eq(&at).is_some() {
                nanos.push(value);
            }
            at += 1;
        })?;
    }
    nanos.resize(rows.len(), 0);
    Ok(Some(Kept::Listed(rows, nanos)))
}

/// The rows of the window whose durations compare so, as bits, with how many they are and of how many traces
/// where that is known; `None` where they are no range of durations, or where there are no buckets.
pub(super) fn marked(
    block: &Block,
    test: &Test,
    window: &Range<u32>,
) -> Result<Option<MarkedRows>, BlockError> {
    let Test::Compare(op, constant) = test else { return Ok(None) };
    let (values, inside) = NumberRange::new(*op, constant, Scalar::of_nanos).values();
    if !inside {
        return Ok(None);
    }
    let Some(found) = block.with_duration(&values, window)? else { return Ok(None) };
    let traces = extremes::traces_with(block, &values, window)?;
    Ok(Some(match found {
        Marked::Words { first, words, count } => {
            let bits = Bits::of_words(usize_of(first / 64), words);
            MarkedRows { bits, spans: count, traces }
        }
        Marked::Few(rows) => {
            let end = rows.last().map_or(0, |last| last + 1);
            let mut bits = Bits::over(rows.first().copied().unwrap_or(0)..end);
            for row in &rows {
                bits.set(*row);
            }
            MarkedRows { bits, spans: Some(u64_of(rows.len())), traces }
        }
    }))
}

fn rows_of(found: Marked) -> Rows {
    match found {
        Marked::Few(rows) => Rows::from_sorted(&rows),
        Marked::Words { first, words, .. } => {
            Bits::of_words(usize_of(first / 64), words).into_rows()
        }
    }
}
