//! Intrinsics that no column holds as such: computed from structure, times and ids. Invariant: what
//! `values` gives for a row is what a test of that row sees.

use std::sync::Arc;

use super::structure::{SentParents, child_counts, depths, self_durations};
use super::traces;
use crate::block::{Block, BlockError, NONE, Section};
use crate::codec::cast::usize_of;
use crate::codec::order;
use crate::id::{SpanId, TraceId};
use crate::query::rows::Rows;
use crate::query::source::Kin;
use crate::query::syntax::Intrinsic;
use crate::query::value::{Id, Scalar, Test};
use crate::time::Timestamp;

/// Makes the value of one row.
type Make<'a> = Box<dyn Fn(u32) -> Scalar + 'a>;

/// A reader of a computed intrinsic; `None` where it is stored as a column.
pub(super) fn maker(block: &Block, which: Intrinsic) -> Result<Option<Make<'_>>, BlockError> {
    if let Some(values) = traces::values(block, which)? {
        let firsts = block.trace_first_rows()?;
        return Ok(Some(Box::new(move |row| {
            at(&values, traces::trace_of(&firsts, row)).cloned().unwrap_or_default()
        })));
    }
    Ok(Some(match which {
        Intrinsic::Duration => {
            let durations = block.wide(Section::Durations)?;
            Box::new(move |row| Scalar::of_nanos(wide(&durations, row)))
        }
        Intrinsic::SelfDuration => {
            let durations = self_durations(block)?;
            Box::new(move |row| Scalar::of_nanos(wide(&durations, row)))
        }
        Intrinsic::StartTime | Intrinsic::EndTime => times(block, which)?,
        Intrinsic::ChildCount => {
            let counts = child_counts(block)?;
            Box::new(move |row| int(at(&counts, row).copied().unwrap_or(0)))
        }
        Intrinsic::Depth => {
            let depths = depths(block)?;
            Box::new(move |row| int(at(&depths, row).copied().unwrap_or(0)))
        }
        Intrinsic::NestedSetLeft | Intrinsic::NestedSetRight | Intrinsic::NestedSetParent => {
            nested_set(block, which)?
        }
        Intrinsic::SpanId | Intrinsic::ParentId => ids(block, which)?,
        Intrinsic::EventTimeSinceStart => {
            let times = block.wide(Section::EventTimes)?;
            let (owners, start) = (block.event_owners()?, starts(block)?);
            Box::new(move |event| {
                let since = order::unzigzag(wide(&times, event));
                let start = start(at(&owners, event).copied().unwrap_or(0));
                // Stored is the difference within 64 bits; the true one may not fit.
                let time = start.wrapping_add(crate::codec::cast::bits_of_i64(since));
                Scalar::Duration(match time.checked_sub(start) {
                    Some(after) => i64::try_from(after).unwrap_or(i64::MAX),
                    None => 0_i64.saturating_sub_unsigned(start - time),
                })
            })
        }
        Intrinsic::LinkTraceId | Intrinsic::LinkSpanId => link_ids(block, which)?,
        _ => return Ok(None),
    }))
}

/// Those of the rows for which the test holds.
pub(super) fn filter(make: &Make<'_>, test: &Test, rows: &Rows) -> Rows {
    let mut passed = Vec::new();
    rows.for_each_batch(|batch| {
        passed.extend(batch.iter().copied().filter(|row| test.holds(&make(*row))));
    });
    Rows::from_sorted(&passed)
}

fn at<T>(values: &[T], row: u32) -> Option<&T> {
    values.get(usize_of(row))
}

fn wide(values: &[u64], row: u32) -> u64 {
    at(values, row).copied().unwrap_or(0)
}

fn int(value: u32) -> Scalar {
    Scalar::Int(i64::from(value))
}

/// The start of each row's span.
fn starts(block: &Block) -> Result<impl Fn(u32) -> u64 + use<>, BlockError> {
    let firsts = block.trace_first_rows()?;
    let trace_starts = block.wide(Section::TraceStarts)?;
    let starts = block.wide(Section::Starts)?;
    Ok(move |row: u32| {
        let trace = wide(&trace_starts, traces::trace_of(&firsts, row));
        trace.saturating_add(wide(&starts, row))
    })
}

fn times(block: &Block, which: Intrinsic) -> Result<Make<'_>, BlockError> {
    let start = starts(block)?;
    if which == Intrinsic::StartTime {
        return Ok(Box::new(move |row| Scalar::Time(Timestamp::from_unix_nanos(start(row)))));
    }
    let durations = block.wide(Section::Durations)?;
    let backward = super::table::Field::converted(
        block,
        crate::block::Table::Spans,
        crate::block::field::BACKWARD,
        Scalar::of,
    )?;
    Ok(Box::new(move |row| {
        let mut back = [Scalar::Nil];
        // A block that cannot be read here has been read for the rows before.
        let read = backward.values(&[row], &mut back);
        let nanos = match (read, &back) {
            (Ok(()), [Scalar::Int(bits)]) => {
                start(row).saturating_sub(crate::codec::cast::bits_of_i64(*bits))
            }
            _ => start(row).saturating_add(wide(&durations, row)),
        };
        Scalar::Time(Timestamp::from_unix_nanos(nanos))
    }))
}

/// A depth-first walk counts entering and leaving: at pre-order position p and depth d, p + 1 spans
/// have been entered and p - d left.
fn nested_set(block: &Block, which: Intrinsic) -> Result<Make<'_>, BlockError> {
    let firsts = block.trace_first_rows()?;
    let (depths, ends, parents) = (depths(block)?, block.ends()?, block.parents()?);
    let left = move |row: u32| {
        let first = at(&firsts, traces::trace_of(&firsts, row)).copied().unwrap_or(0);
        let position = i64::from(row - first.min(row));
        2 * position - i64::from(at(&depths, row).copied().unwrap_or(0)) + 1
    };
    Ok(match which {
        Intrinsic::NestedSetLeft => Box::new(move |row| Scalar::Int(left(row))),
        Intrinsic::NestedSetRight => Box::new(move |row| {
            let size = at(&ends, row).copied().unwrap_or(row).saturating_sub(row);
            Scalar::Int(left(row) + 2 * i64::from(size) + 1)
        }),
        _ => {
            let sent = SentParents::new(block)?;
            Box::new(move |row| {
                let parent = at(&parents, row).copied().unwrap_or(NONE);
                Scalar::Int(match (parent, sent.kin(row)) {
                    (NONE, Kin::NoParentId) => -1,
                    (NONE, _) => 0,
                    (parent, _) => left(parent),
                })
            })
        }
    })
}

fn ids(block: &Block, which: Intrinsic) -> Result<Make<'_>, BlockError> {
    let rows = block.header()?.rows;
    let bytes: Arc<[u8]> = block.records(Section::SpanIds, 8, 0, rows)?.to_vec().into();
    let id = move |row: u32| {
        let start = usize_of(row) * 8;
        let bytes = bytes.get(start..start + 8).unwrap_or_default();
        SpanId::from_slice(bytes).unwrap_or_default()
    };
    if which == Intrinsic::SpanId {
        return Ok(Box::new(move |row| Scalar::Id(Id::from(id(row)))));
    }
    let (parents, sent) = (block.parents()?, SentParents::new(block)?);
    Ok(Box::new(move |row| {
        let parent = at(&parents, row).copied().unwrap_or(NONE);
        let given = if parent == NONE { None } else { Some(id(parent)) };
        let found = sent.get(row).or(given).filter(|id| !id.is_zero());
        Scalar::Id(found.map_or(Id::NONE, Id::from))
    }))
}

fn link_ids(block: &Block, which: Intrinsic) -> Result<Make<'_>, BlockError> {
    let links = block.header()?.links;
    let (section, len) = match which {
        Intrinsic::LinkTraceId => (Section::LinkTraceIds, 16),
        _ => (Section::LinkSpanIds, 8),
    };
    if links == 0 {
        return Ok(Box::new(|_| Scalar::Nil));
    }
    let bytes = block.records(section, len, 0, links)?.to_vec();
    let len = crate::codec::cast::usize_of_u64(len);
    Ok(Box::new(move |link| {
        let start = usize_of(link) * len;
        let bytes = bytes.get(start..start + len).unwrap_or_default();
        Scalar::Id(match TraceId::from_slice(bytes) {
            Ok(id) => Id::from(id),
            Err(_) => Id::from(SpanId::from_slice(bytes).unwrap_or_default()),
        })
    }))
}
