//! Ids of spans, of their parents, of traces and of links. Invariant: equality is looked up or scanned
//! for as bytes, and ids are read page by page for the rows asked for.

use std::ops::Range;

use super::structure::SentParents;
use super::traces::TraceCursor;
use crate::block::{Block, BlockError, NONE, Section};
use crate::codec::cast::{low_u64, u64_of, usize_of};
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
        Intrinsic::SpanId => Some(rows_with(block, Section::SpanIds, span_id(*id), window)?),
        Intrinsic::LinkSpanId => {
            Some(rows_with(block, Section::LinkSpanIds, span_id(*id), window)?)
        }
        Intrinsic::LinkTraceId => {
            let wanted = id.number().swap_bytes().to_le_bytes();
            Some(rows_with(block, Section::LinkTraceIds, Some(wanted), window)?)
        }
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
fn span_id(id: Id) -> Option<[u8; 8]> {
    let number = low_u64(id.number());
    let fits = u128::from(number) == id.number();
    fits.then(|| number.swap_bytes().to_le_bytes())
}

/// The rows (links) of the window whose id is this one: a scan of bytes.
fn rows_with<const LEN: usize>(
    block: &Block,
    section: Section,
    wanted: Option<[u8; LEN]>,
    window: &Range<u32>,
) -> Result<Rows, BlockError> {
    let Some(wanted) = wanted else { return Ok(Rows::empty()) };
    let mut found = Vec::new();
    let mut first = window.start;
    while first < window.end {
        let count = PAGE_ROWS.min(window.end - first);
        let page = block.records(section, u64_of(LEN), first, count)?;
        let (records, _) = page.as_chunks::<LEN>();
        let bits = Bits::of_values(first, records, |record| record == wanted);
        found.extend(bits.into_rows().to_vec());
        first += count;
    }
    Ok(Rows::from_sorted(&found))
}

/// The rows of the window whose span names this parent id, which is not zero.
fn child_rows(block: &Block, id: Id, window: &Range<u32>) -> Result<Rows, BlockError> {
    let Some(wanted) = span_id(id) else { return Ok(Rows::empty()) };
    let named = SpanId::from_bytes(wanted);
    let (parents, ends, sent) = (block.parents()?, block.ends()?, SentParents::new(block)?);
    let mut found = Vec::new();
    // Windows hold whole traces, so a child in the window has its parent there.
    for parent in rows_with(block, Section::SpanIds, Some(wanted), window)?.to_vec() {
        let last = ends.get(usize_of(parent)).copied().unwrap_or(parent);
        let is_child = |row: &u32| parents.get(usize_of(*row)) == Some(&parent);
        let below = (parent.saturating_add(1)..=last).filter(is_child);
        found.extend(below.filter(|row| sent.get(*row).is_none()));
    }
    let sent = sent.all().iter().filter(|(row, id)| *id == named && window.contains(row));
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
    let is_trace = which == Intrinsic::LinkTraceId;
    let section = if is_trace { Section::LinkTraceIds } else { Section::LinkSpanIds };
    let all = block.header()?.links;
    let mut ids = Records::new(block, section, if is_trace { 16 } else { 8 }, (all, rows.len()));
    rows.iter().try_for_each(|link| {
        let bytes = ids.get(*link)?;
        out.push(Scalar::Id(if is_trace {
            Id::from(TraceId::from_slice(bytes).unwrap_or_default())
        } else {
            Id::from(SpanId::from_slice(bytes).unwrap_or_default())
        }));
        Ok(())
    })
}

/// Reads the records of single rows (links); fast where they stay close.
struct Records<'a> {
    block: &'a Block,
    section: Section,
    record_len: usize,
    rows: u32,
    page_rows: u32,
    first: u32,
    page: Vec<u8>,
}

impl<'a> Records<'a> {
    /// A reader of about so many rows of all.
    fn new(
        block: &'a Block,
        section: Section,
        record_len: usize,
        (rows, count): (u32, usize),
    ) -> Self {
        let page_rows = if count < PAGED_ROWS_MIN { 1 } else { PAGE_ROWS };
        Self { block, section, record_len, rows, page_rows, first: 0, page: Vec::new() }
    }

    fn get(&mut self, row: u32) -> Result<&[u8], BlockError> {
        if row < self.first || usize_of(row - self.first) >= self.page.len() / self.record_len {
            self.first = row - row % self.page_rows;
            let count = self.page_rows.min(self.rows.saturating_sub(self.first));
            let len = u64_of(self.record_len);
            self.page = self.block.records(self.section, len, self.first, count)?.to_vec();
        }
        let start = usize_of(row - self.first) * self.record_len;
        Ok(self.page.get(start..start + self.record_len).unwrap_or_default())
    }
}

/// Reads the span ids of single rows; fast where they stay close.
struct SpanIds<'a>(Records<'a>);

impl<'a> SpanIds<'a> {
    /// A reader for about so many rows.
    fn new(block: &'a Block, count: usize) -> Result<Self, BlockError> {
        Ok(Self(Records::new(block, Section::SpanIds, 8, (block.header()?.rows, count))))
    }

    fn get(&mut self, row: u32) -> Result<SpanId, BlockError> {
        Ok(SpanId::from_slice(self.0.get(row)?).unwrap_or_default())
    }
}
