//! Ids of spans, of their parents, of traces and of links. Invariant: equality is looked up or scanned
//! for as bytes, and ids are read page by page for the rows asked for.

use std::ops::Range;

use super::structure::SentParents;
use super::traces::TraceCursor;
use crate::block::{Block, BlockError, NONE, Section};
use crate::codec::cast::{low_u64, usize_of};
use crate::id::{SpanId, TraceId};
use crate::query::bits::Bits;
use crate::query::rows::Rows;
use crate::query::syntax::{CompareOp, Intrinsic};
use crate::query::value::{Id, Scalar, Test};

/// Ids read at once where many are read.
const PAGE_ROWS: u32 = 8192;

/// For fewer rows than this, ids are read one by one.
const PAGED_ROWS_MIN: usize = 64;

/// The rows of the window for which an equality of ids holds; `None` for tests that have to look at
/// the value of each row.
pub(super) fn look_up(
    block: &Block,
    which: Intrinsic,
    test: &Test,
    window: &Range<u32>,
) -> Result<Option<Rows>, BlockError> {
    let Test::Compare(CompareOp::Equal, Scalar::Id(id)) = test else { return Ok(None) };
    Ok(match which {
        Intrinsic::TraceId => Some(trace_rows(block, *id)?.within(window.clone())),
        Intrinsic::SpanId => Some(span_rows(block, *id, window)?),
        Intrinsic::ParentId if id.number() != 0 => Some(child_rows(block, *id, window)?),
        _ => None,
    })
}

/// The rows of the trace with this id: a look-up.
fn trace_rows(block: &Block, id: Id) -> Result<Rows, BlockError> {
    let id = TraceId::from_bytes(id.number().swap_bytes().to_le_bytes());
    let Some(number) = block.find_trace(id)? else { return Ok(Rows::empty()) };
    let entry = block.trace_entry(number)?;
    Ok(Rows::range(entry.first_row..entry.first_row + entry.rows))
}

/// A span's id from the number that its digits spell; `None` where it is too long for one.
fn span_id(id: Id) -> Option<SpanId> {
    let number = low_u64(id.number());
    let fits = u128::from(number) == id.number();
    fits.then(|| SpanId::from_bytes(number.swap_bytes().to_le_bytes()))
}

/// The rows of the window whose span has this id: a scan of bytes.
fn span_rows(block: &Block, id: Id, window: &Range<u32>) -> Result<Rows, BlockError> {
    let Some(wanted) = span_id(id) else { return Ok(Rows::empty()) };
    let wanted = wanted.to_bytes();
    let mut found = Vec::new();
    let mut first = window.start;
    while first < window.end {
        let count = PAGE_ROWS.min(window.end - first);
        let page = block.records(Section::SpanIds, 8, first, count)?;
        let (records, _) = page.as_chunks::<8>();
        let bits = Bits::of_values(first, records, |record| record == wanted);
        found.extend(bits.into_rows().to_vec());
        first += count;
    }
    Ok(Rows::from_sorted(&found))
}

/// The rows of the window whose span names this parent id, which is not zero.
fn child_rows(block: &Block, id: Id, window: &Range<u32>) -> Result<Rows, BlockError> {
    let Some(wanted) = span_id(id) else { return Ok(Rows::empty()) };
    let (parents, ends, sent) = (block.parents()?, block.ends()?, SentParents::new(block)?);
    let mut found = Vec::new();
    // Windows hold whole traces, so a child in the window has its parent there.
    for parent in span_rows(block, id, window)?.to_vec() {
        let last = ends.get(usize_of(parent)).copied().unwrap_or(parent);
        let is_child = |row: &u32| parents.get(usize_of(*row)) == Some(&parent);
        let below = (parent.saturating_add(1)..=last).filter(is_child);
        found.extend(below.filter(|row| sent.get(*row).is_none()));
    }
    let sent = sent.all().iter().filter(|(row, id)| *id == wanted && window.contains(row));
    found.extend(sent.map(|(row, _)| *row));
    Ok(found.into_iter().collect())
}

/// Appends the ids of ascending rows (links); nil where there is none.
pub(super) fn values(
    block: &Block,
    which: Intrinsic,
    rows: &[u32],
    out: &mut Vec<Scalar>,
) -> Result<(), BlockError> {
    match which {
        Intrinsic::SpanId => {
            let mut ids = SpanIds::new(block, rows.len())?;
            rows.iter().try_for_each(|row| {
                out.push(Scalar::Id(Id::from(ids.get(*row)?)));
                Ok(())
            })
        }
        Intrinsic::ParentId => parent_ids(block, rows, out),
        Intrinsic::TraceId => {
            let mut traces = TraceCursor::new(block)?;
            let mut last: Option<(u32, Scalar)> = None;
            rows.iter().try_for_each(|row| {
                let trace = traces.trace_of(*row);
                let id = match &last {
                    Some((other, id)) if *other == trace => id.clone(),
                    _ => Scalar::Id(Id::from(block.trace_id(trace)?)),
                };
                last = Some((trace, id.clone()));
                out.push(id);
                Ok(())
            })
        }
        Intrinsic::LinkTraceId | Intrinsic::LinkSpanId => link_ids(block, which, rows, out),
        _ => {
            out.resize(out.len() + rows.len(), Scalar::Nil);
            Ok(())
        }
    }
}

fn parent_ids(block: &Block, rows: &[u32], out: &mut Vec<Scalar>) -> Result<(), BlockError> {
    let (parents, sent) = (block.parents()?, SentParents::new(block)?);
    let mut ids = SpanIds::new(block, rows.len())?;
    rows.iter().try_for_each(|row| {
        let id = match (sent.get(*row), parents.get(usize_of(*row)).copied()) {
            (Some(sent), _) => Some(sent),
            (None, None | Some(NONE)) => None,
            (None, Some(parent)) => Some(ids.get(parent)?),
        };
        let id = id.filter(|id| !id.is_zero());
        out.push(Scalar::Id(id.map_or(Id::NONE, Id::from)));
        Ok(())
    })
}

fn link_ids(
    block: &Block,
    which: Intrinsic,
    rows: &[u32],
    out: &mut Vec<Scalar>,
) -> Result<(), BlockError> {
    for link in rows {
        let id = if which == Intrinsic::LinkTraceId {
            let bytes = block.records(Section::LinkTraceIds, 16, *link, 1)?;
            Id::from(TraceId::from_slice(&bytes).unwrap_or_default())
        } else {
            let bytes = block.records(Section::LinkSpanIds, 8, *link, 1)?;
            Id::from(SpanId::from_slice(&bytes).unwrap_or_default())
        };
        out.push(Scalar::Id(id));
    }
    Ok(())
}

/// Reads the span ids of single rows; fast where they stay close.
struct SpanIds<'a> {
    block: &'a Block,
    rows: u32,
    page_rows: u32,
    first: u32,
    page: Vec<u8>,
}

impl<'a> SpanIds<'a> {
    /// A reader for about so many rows.
    fn new(block: &'a Block, count: usize) -> Result<Self, BlockError> {
        let page_rows = if count < PAGED_ROWS_MIN { 1 } else { PAGE_ROWS };
        Ok(Self { block, rows: block.header()?.rows, page_rows, first: 0, page: Vec::new() })
    }

    fn get(&mut self, row: u32) -> Result<SpanId, BlockError> {
        if row < self.first || usize_of(row - self.first) >= self.page.len() / 8 {
            self.first = row - row % self.page_rows;
            let count = self.page_rows.min(self.rows.saturating_sub(self.first));
            self.page = self.block.records(Section::SpanIds, 8, self.first, count)?.to_vec();
        }
        let start = usize_of(row - self.first) * 8;
        let bytes = self.page.get(start..start + 8).unwrap_or_default();
        Ok(SpanId::from_slice(bytes).unwrap_or_default())
    }
}
