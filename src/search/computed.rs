//! Intrinsics that no column holds as such: computed from structure, times and ids. Invariant: what
//! `values` gives for a row is what a test of that row sees.

use std::ops::Range;
use std::sync::Arc;

use super::structure::{SentParents, child_counts, depths, self_durations};
use super::traces::{self, TraceCursor};
use super::{durations, ids, table};
use crate::block::{Block, BlockError, NONE, Section, Table, field};
use crate::codec::cast::{bits_of_i64, u64_of, usize_of};
use crate::codec::order;
use crate::model::Value;
use crate::query::bits::Bits;
use crate::query::rows::Rows;
use crate::query::source::Kin;
use crate::query::syntax::Intrinsic;
use crate::query::value::{NumberRange, Scalar, Test};
use crate::time::Timestamp;

/// Of fewer rows than one in so many, single durations are read; of more, the whole section.
const FEW_ROWS_SHARE: u64 = 64;

/// The value that a number stands for. Values ascend with numbers.
pub(super) type OfNumber = fn(u64) -> Scalar;

/// Appends the numbers of ascending rows.
type Make<'a> = Box<dyn FnMut(&[u32], &mut Vec<u64>) -> Result<(), BlockError> + 'a>;

/// Where the numbers of an intrinsic come from.
enum Numbers<'a> {
    /// One for each row.
    Wide(Arc<[u64]>),
    /// One for each row.
    Narrow(Arc<[u32]>),
    /// They are made for the rows asked for.
    Made(Make<'a>),
}

/// An intrinsic that is a number for each row.
struct Reader<'a> {
    numbers: Numbers<'a>,
    value: OfNumber,
}

/// The rows of the window for which the test holds.
pub(super) fn find(
    block: &Block,
    which: Intrinsic,
    test: &Test,
    window: Range<u32>,
) -> Result<Rows, BlockError> {
    // All of these are always there.
    if *test == Test::Present {
        return Ok(Rows::range(window));
    }
    if let Some(rows) = ids::look_up(block, which, test, &window)? {
        return Ok(rows);
    }
    if let Some(facts) = traces::facts(block, which)? {
        return facts.find(block, test, window);
    }
    if let Test::Compare(op, constant) = test
        && let Some((first, last, value)) = bounds(block, which)?
    {
        let range = NumberRange::new(*op, constant, value);
        if !range.may_hold(first, last) {
            return Ok(Rows::empty());
        }
        if which == Intrinsic::Duration
            && let Some(found) = durations::find(block, &range, &window)?
        {
            return Ok(found);
        }
    }
    let rows = u64::from(window.end.saturating_sub(window.start));
    match (reader(block, which, rows)?, test) {
        (Some(reader), Test::Compare(op, constant)) => {
            let range = NumberRange::new(*op, constant, reader.value);
            reader.numbers.find(&range, window)
        }
        _ => check(block, which, test, &Rows::range(window)),
    }
}

/// Those of the rows for which the test holds.
pub(super) fn check(
    block: &Block,
    which: Intrinsic,
    test: &Test,
    rows: &Rows,
) -> Result<Rows, BlockError> {
    if *test == Test::Present {
        return Ok(rows.clone());
    }
    if which == Intrinsic::Duration
        && rows.len() >= u64::from(block.header()?.rows) / FEW_ROWS_SHARE
        && let Some(found) = durations::check(block, test, rows)?
    {
        return Ok(found);
    }
    let mut passed = Vec::new();
    if let Some(mut reader) = reader(block, which, rows.len())? {
        let mut numbers = Vec::new();
        let range = match test {
            Test::Compare(op, constant) => Some(NumberRange::new(*op, constant, reader.value)),
            _ => None,
        };
        rows.try_for_each_batch(|batch| {
            numbers.clear();
            reader.numbers.read(batch, &mut numbers)?;
            let holds = |number: u64| match &range {
                Some(range) => range.contains(number),
                None => test.holds(&(reader.value)(number)),
            };
            let pairs = batch.iter().zip(&numbers);
            passed.extend(pairs.filter(|(_, number)| holds(**number)).map(|(row, _)| *row));
            Ok(())
        })?;
        return Ok(Rows::from_sorted(&passed));
    }
    let mut scalars = Vec::new();
    rows.try_for_each_batch(|batch| {
        scalars.clear();
        ids::values(block, which, batch, &mut scalars)?;
        let pairs = batch.iter().zip(&scalars);
        passed.extend(pairs.filter(|(_, value)| test.holds(value)).map(|(row, _)| *row));
        Ok(())
    })?;
    Ok(Rows::from_sorted(&passed))
}

/// Appends the values of ascending rows.
pub(super) fn values(
    block: &Block,
    which: Intrinsic,
    rows: &[u32],
    out: &mut Vec<Scalar>,
) -> Result<(), BlockError> {
    let Some(mut reader) = reader(block, which, u64_of(rows.len()))? else {
        return ids::values(block, which, rows, out);
    };
    let mut numbers = Vec::with_capacity(rows.len());
    reader.numbers.read(rows, &mut numbers)?;
    out.extend(numbers.iter().map(|number| (reader.value)(*number)));
    Ok(())
}

impl Numbers<'_> {
    /// Appends the numbers of ascending rows.
    fn read(&mut self, rows: &[u32], out: &mut Vec<u64>) -> Result<(), BlockError> {
        match self {
            Self::Wide(numbers) => out.extend(rows.iter().map(|row| wide(numbers, *row))),
            Self::Narrow(numbers) => out.extend(rows.iter().map(|row| narrow(numbers, *row))),
            Self::Made(make) => make(rows, out)?,
        }
        Ok(())
    }

    /// The rows of the window whose number is in the range.
    fn find(self, range: &NumberRange, window: Range<u32>) -> Result<Rows, BlockError> {
        let (first, span) = (window.start, usize_of(window.start)..usize_of(window.end));
        let bits = match self {
            Self::Wide(numbers) => {
                let numbers = numbers.get(span).unwrap_or_default();
                Bits::of_values(first, numbers, |number| range.contains(number))
            }
            Self::Narrow(numbers) => {
                let numbers = numbers.get(span).unwrap_or_default();
                Bits::of_values(first, numbers, |number| range.contains(u64::from(number)))
            }
            Self::Made(mut make) => {
                let rows: Vec<u32> = window.collect();
                let mut numbers = Vec::with_capacity(rows.len());
                make(&rows, &mut numbers)?;
                Bits::of_values(first, &numbers, |number| range.contains(number))
            }
        };
        Ok(bits.into_rows())
    }
}

/// No row's number is outside these two, with the value that numbers stand for; `None` where that
/// cannot be said without looking at rows.
fn bounds(block: &Block, which: Intrinsic) -> Result<Option<(u64, u64, OfNumber)>, BlockError> {
    let of = |section| block.bounds(section);
    let (of_nanos, of_time): (OfNumber, OfNumber) = (nanos, time);
    Ok(match which {
        Intrinsic::Duration => of(Section::Durations)?.map(|(first, last)| (first, last, of_nanos)),
        Intrinsic::StartTime => match (of(Section::TraceStarts)?, of(Section::Starts)?) {
            (Some((first, last)), Some((_, later))) => {
                Some((first, last.saturating_add(later), of_time))
            }
            _ => None,
        },
        _ => None,
    })
}

/// A reader of an intrinsic for about so many rows; `None` where it is no number.
fn reader(block: &Block, which: Intrinsic, rows: u64) -> Result<Option<Reader<'_>>, BlockError> {
    let (numbers, value): (Numbers<'_>, OfNumber) = match which {
        Intrinsic::Duration => (durations(block, rows)?, nanos),
        Intrinsic::SelfDuration => (Numbers::Wide(self_durations(block)?), nanos),
        Intrinsic::StartTime => (starts(block)?, time),
        Intrinsic::EndTime => (ends(block)?, time),
        Intrinsic::ChildCount => (Numbers::Narrow(child_counts(block)?), int),
        Intrinsic::Depth => (Numbers::Narrow(depths(block)?), int),
        Intrinsic::NestedSetLeft | Intrinsic::NestedSetRight | Intrinsic::NestedSetParent => {
            (nested_set(block, which)?, |number| Scalar::Int(order::to_i64(number)))
        }
        Intrinsic::EventTimeSinceStart => {
            let times = block.wide(Section::EventTimes)?;
            let (owners, mut start) = (block.event_owners()?, start_of(block)?);
            let of = move |event: u32| {
                let start = start(at(&owners, event).unwrap_or(0));
                order::of_i64(since(start, order::unzigzag(wide(&times, event))))
            };
            (each(of), |number| Scalar::Duration(order::to_i64(number)))
        }
        which => {
            let Some(facts) = traces::facts(block, which)? else { return Ok(None) };
            let mut cursor = TraceCursor::new(block)?;
            let of = move |row| (facts.number)(usize_of(cursor.trace_of(row)));
            (each(of), facts.value)
        }
    };
    Ok(Some(Reader { numbers, value }))
}

/// How long after `start` an event was, as a duration. Stored is the difference within 64 bits; the true
/// one may not fit.
fn since(start: u64, stored: i64) -> i64 {
    let time = start.wrapping_add(bits_of_i64(stored));
    match time.checked_sub(start) {
        Some(after) => i64::try_from(after).unwrap_or(i64::MAX),
        None => 0_i64.saturating_sub_unsigned(start - time),
    }
}

fn each<'a>(mut of: impl FnMut(u32) -> u64 + 'a) -> Numbers<'a> {
    Numbers::Made(Box::new(move |rows, out| {
        out.extend(rows.iter().map(|row| of(*row)));
        Ok(())
    }))
}

fn at<T: Copy>(values: &[T], row: u32) -> Option<T> {
    values.get(usize_of(row)).copied()
}

fn wide(values: &[u64], row: u32) -> u64 {
    at(values, row).unwrap_or(0)
}

fn narrow(values: &[u32], row: u32) -> u64 {
    at(values, row).map_or(0, u64::from)
}

pub(super) fn nanos(number: u64) -> Scalar {
    Scalar::of_nanos(number)
}

pub(super) fn time(number: u64) -> Scalar {
    Scalar::Time(Timestamp::from_unix_nanos(number))
}

pub(super) fn int(number: u64) -> Scalar {
    Scalar::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn durations(block: &Block, rows: u64) -> Result<Numbers<'_>, BlockError> {
    if rows >= u64::from(block.header()?.rows) / FEW_ROWS_SHARE {
        return Ok(Numbers::Wide(block.wide(Section::Durations)?));
    }
    let mut durations = block.cursor(Section::Durations)?;
    Ok(Numbers::Made(Box::new(move |rows, out| {
        rows.iter().try_for_each(|row| {
            out.push(durations.get(usize_of(*row))?);
            Ok(())
        })
    })))
}

/// Appends the durations of ascending rows, in nanoseconds; the longest there is where one is longer.
pub(super) fn durations_of(
    block: &Block,
    rows: &[u32],
    out: &mut Vec<i64>,
) -> Result<(), BlockError> {
    if rows.is_empty() {
        return Ok(());
    }
    let nanos = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match durations(block, u64_of(rows.len()))? {
        Numbers::Wide(numbers) => out.extend(rows.iter().map(|row| nanos(wide(&numbers, *row)))),
        mut other => {
            let mut numbers = Vec::with_capacity(rows.len());
            other.read(rows, &mut numbers)?;
            out.extend(numbers.into_iter().map(nanos));
        }
    }
    Ok(())
}

fn start_of(block: &Block) -> Result<impl FnMut(u32) -> u64 + use<>, BlockError> {
    let mut cursor = TraceCursor::new(block)?;
    let (trace_starts, starts) = (block.wide(Section::TraceStarts)?, block.wide(Section::Starts)?);
    Ok(move |row| wide(&trace_starts, cursor.trace_of(row)).saturating_add(wide(&starts, row)))
}

fn starts(block: &Block) -> Result<Numbers<'_>, BlockError> {
    Ok(each(start_of(block)?))
}

fn ends(block: &Block) -> Result<Numbers<'_>, BlockError> {
    let mut start = start_of(block)?;
    let durations = block.wide(Section::Durations)?;
    // Spans that end before they start, and by how much.
    let mut backward = Vec::new();
    for column in table::Field::stored(block, Table::Spans, field::BACKWARD)?.columns {
        let mut values = column.value_cursor()?;
        for (row, rank) in column.presence()?.iter().zip(0u32..) {
            if let Value::Int(bits) = values.at_rank(rank)? {
                backward.push((row, bits_of_i64(bits)));
            }
        }
    }
    Ok(each(move |row| match backward.binary_search_by_key(&row, |(row, _)| *row) {
        Ok(found) => {
            let earlier = backward.get(found).map_or(0, |(_, nanos)| *nanos);
            start(row).saturating_sub(earlier)
        }
        Err(_) => start(row).saturating_add(wide(&durations, row)),
    }))
}

/// A depth-first walk counts entering and leaving: at pre-order position p and depth d, p + 1 spans
/// have been entered and p - d left.
fn nested_set(block: &Block, which: Intrinsic) -> Result<Numbers<'_>, BlockError> {
    let (depths, ends, parents) = (depths(block)?, block.ends()?, block.parents()?);
    let mut cursor = TraceCursor::new(block)?;
    let mut left = move |row: u32| {
        let position = i64::from(row.saturating_sub(cursor.first_row_of(row)));
        2 * position - i64::from(at(&depths, row).unwrap_or(0)) + 1
    };
    Ok(match which {
        Intrinsic::NestedSetLeft => each(move |row| order::of_i64(left(row))),
        Intrinsic::NestedSetRight => each(move |row| {
            let size = at(&ends, row).unwrap_or(row).saturating_sub(row);
            order::of_i64(left(row) + 2 * i64::from(size) + 1)
        }),
        _ => {
            let sent = SentParents::new(block)?;
            each(move |row| {
                let parent = at(&parents, row).unwrap_or(NONE);
                order::of_i64(match parent {
                    NONE if sent.kin(row) == Kin::NoParentId => -1,
                    NONE => 0,
                    parent => left(parent),
                })
            })
        }
    })
}
