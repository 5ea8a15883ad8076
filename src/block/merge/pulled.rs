//! Which spans of which blocks are taken. Invariant: spans are numbered in the order in which they are
//! taken, those of one block in order of rows.

use std::ops::Range;

use crate::block::builder::OrderedTrace;
use crate::block::error::BlockError;
use crate::block::format::Section;
use crate::block::nested_set::{NONE, Ordered};
use crate::block::reader::{Block, TraceEntry};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, u32_of, usize_of};
use crate::foreground::may_rest;
use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;

/// Of so many traces on, what a block says of them is read for all at once.
const MANY_TRACES: usize = 8;

/// Spans taken out of blocks.
#[derive(Debug, Default)]
pub(crate) struct Pulled<'a> {
    pub(super) taken: Vec<Taken<'a>>,
    /// By number.
    pub(super) spans: Vec<Place>,
}

/// Traces of one block.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    pub(super) block: &'a Block,
    /// Ascending by row.
    pub(super) entries: Vec<TraceEntry>,
}

/// Where a span lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Which of the blocks.
    pub(super) taken: u32,
    pub(super) row: u32,
    /// The start of the trace that it belongs to there.
    pub(super) trace_start: Timestamp,
}

/// A trace to be put into a new block; its spans by number, in pre-order.
#[derive(Debug, Clone)]
pub(crate) struct MergedTrace {
    pub(crate) trace: OrderedTrace,
    /// Where the trace's spans come from several places: the parent id that each span was sent with.
    pub(super) sent: Option<Vec<Option<SpanId>>>,
}

impl MergedTrace {
    /// True where the spans come from several places.
    pub(super) fn is_joined(&self) -> bool {
        self.sent.is_some()
    }
}

impl<'a> Pulled<'a> {
    /// Takes traces of a block, whose numbers ascend; gives of each the numbers of its spans, in
    /// pre-order.
    pub(crate) fn take(
        &mut self,
        block: &'a Block,
        numbers: &[u32],
    ) -> Result<Vec<(TraceEntry, Range<u32>)>, BlockError> {
        let entries = entries(block, numbers)?;
        let too_many = || block.image().corrupt("spans", Malformed::new(0, "more than 2^32 spans"));
        let taken = u32_of(self.taken.len()).ok_or_else(too_many)?;
        let mut given = Vec::with_capacity(entries.len());
        for entry in &entries {
            let start = u32_of(self.spans.len()).ok_or_else(too_many)?;
            let rows = entry.first_row..entry.first_row.saturating_add(entry.rows);
            let place = |row| Place { taken, row, trace_start: entry.start };
            self.spans.extend(rows.map(place));
            let end = u32_of(self.spans.len()).ok_or_else(too_many)?;
            given.push((*entry, start..end));
        }
        self.taken.push(Taken { block, entries });
        Ok(given)
    }

    /// Takes traces of a block that lie nowhere else.
    pub(crate) fn take_whole(
        &mut self,
        block: &'a Block,
        numbers: &[u32],
    ) -> Result<Vec<MergedTrace>, BlockError> {
        let given = self.take(block, numbers)?;
        whole_traces(block, given)
    }
}

/// Traces that were taken from a block and lie nowhere else: their structure is as it was there.
pub(crate) fn whole_traces(
    block: &Block,
    given: impl IntoIterator<Item = (TraceEntry, Range<u32>)>,
) -> Result<Vec<MergedTrace>, BlockError> {
    let (ends, parents) = (block.ends()?, block.parents()?);
    let whole = |(entry, spans): (TraceEntry, Range<u32>)| {
        may_rest();
        let last = entry.rows.saturating_sub(1);
        let rows = usize_of(entry.first_row)..usize_of(entry.first_row + entry.rows);
        let own_ends = ends.get(rows.clone()).unwrap_or_default().iter().zip(0..);
        let parent = |parent: &u32| match parent.checked_sub(entry.first_row) {
            Some(position) if *parent != NONE => position,
            _ => NONE,
        };
        let order = Ordered {
            nodes: Vec::new(),
            parents: parents.get(rows).unwrap_or_default().iter().map(parent).collect(),
            ends: own_ends
                .map(|(end, at)| end.saturating_sub(entry.first_row).clamp(at, last))
                .collect(),
            cut: Vec::new(),
        };
        let TraceEntry { id, start, end, first_row, root, .. } = entry;
        let trace =
            OrderedTrace { id, start, end, spans: spans.collect(), order, root: root - first_row };
        MergedTrace { trace, sent: None }
    };
    Ok(given.into_iter().map(whole).collect())
}

/// What the trace table says of some traces.
fn entries(block: &Block, numbers: &[u32]) -> Result<Vec<TraceEntry>, BlockError> {
    if numbers.len() < MANY_TRACES {
        return numbers.iter().map(|number| block.trace_entry(*number)).collect();
    }
    let header = block.header()?;
    let firsts = block.trace_first_rows()?;
    let (starts, ends) = (block.wide(Section::TraceStarts)?, block.wide(Section::TraceEnds)?);
    let mut roots = block.cursor(Section::TraceRoots)?;
    let ids = block.records(Section::TraceIds, 16, 0, header.traces)?;
    let mut entries = Vec::with_capacity(numbers.len());
    for number in numbers {
        let at = usize_of(*number);
        let corrupt = || {
            let what = Malformed::new(at, format!("trace {number} of {}", header.traces));
            block.image().corrupt("trace table", what)
        };
        let next = firsts.get(at + 1).ok_or_else(corrupt)?;
        let first_row = *firsts.get(at).ok_or_else(corrupt)?;
        // First rows ascend, and the last of them is the number of rows.
        let rows = next - first_row;
        let root = low_u32(roots.get(at)?);
        if root >= rows {
            return Err(corrupt());
        }
        let id = ids.get(at * 16..).and_then(<[u8]>::first_chunk::<16>);
        entries.push(TraceEntry {
            id: id.map_or(TraceId::ZERO, |id| TraceId::from_bytes(*id)),
            first_row,
            rows,
            start: Timestamp::from_unix_nanos(*starts.get(at).ok_or_else(corrupt)?),
            end: Timestamp::from_unix_nanos(*ends.get(at).ok_or_else(corrupt)?),
            root: first_row + root,
        });
    }
    Ok(entries)
}
