//! Whole traces taken out of blocks into working memory, and blocks made of them. Invariant: of a
//! block only those traces are taken that no mask hides.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::block::{Block, BlockError, BlockId, OrderedTrace, Settled, Staging, arrange, build};
use crate::codec::bytes::Malformed;
use crate::codec::cast::u32_of;
use crate::time::Timestamp;

/// Stored spans that are rebuilt at a time: a bound on memory.
const PULL_ROWS: u32 = 1 << 14;

/// A block with what of it counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The block.
    pub(crate) block: &'a Block,
    /// The numbers of its traces that have moved on.
    pub(crate) masked: &'a RoaringBitmap,
    /// The latest of its traces' retention times.
    pub(crate) retention: Timestamp,
}

/// A block that was just built.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// Its bytes.
    pub(crate) image: Arc<[u8]>,
    /// Spans, traces, events and links in it.
    pub(crate) rows: u32,
    pub(crate) traces: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
    /// Earliest start, latest start and latest end of its traces.
    pub(crate) start: Timestamp,
    pub(crate) newest: Timestamp,
    pub(crate) end: Timestamp,
    /// The latest of its traces' retention times: of a trace the earlier of its end and its arrival.
    pub(crate) retention: Timestamp,
    /// How spans that were there more than once were settled when it was made of a batch.
    pub(crate) settled: Settled,
}

/// Blocks of at most `rows_max` rows, or of one larger trace, of `traces`, which arrived no later
/// than at `arrived`.
pub(crate) fn make(
    staging: &Staging,
    traces: &mut [OrderedTrace],
    rows_max: usize,
    arrived: Timestamp,
) -> Result<Vec<Made>, BlockError> {
    traces.sort_by_key(|trace| (trace.start, trace.id));
    cut(traces, rows_max).into_iter().map(|part| made(staging, part, arrived)).collect()
}

/// All traces of some blocks that count, in new blocks; no trace is in two of them.
pub(crate) fn merge(places: &[Place<'_>], rows_max: usize) -> Result<Vec<Made>, BlockError> {
    let mut staging = Staging::default();
    let mut traces = Vec::new();
    for place in places {
        let all = 0..place.block.header()?.traces;
        let numbers: Vec<u32> = all.filter(|number| !place.masked.contains(*number)).collect();
        let mut pulled = Vec::new();
        pull(place.block, &numbers, &mut staging, |number, staged| pulled.push((number, staged)))?;
        for (number, staged) in pulled {
            let id = place.block.trace_id(number)?;
            traces.push(arrange(&staging, id, staged.collect()).0);
        }
    }
    // When each trace arrived is not kept; none did later than its block says, or it ended then.
    let arrived = places.iter().map(|place| place.retention).max();
    make(&staging, &mut traces, rows_max, arrived.unwrap_or_default())
}

/// Stages the spans of stored traces, whose numbers ascend; hands on each trace's staged numbers.
pub(super) fn pull(
    block: &Block,
    numbers: &[u32],
    staging: &mut Staging,
    mut each: impl FnMut(u32, Range<u32>),
) -> Result<(), BlockError> {
    let mut rest = numbers;
    while !rest.is_empty() {
        let mut entries = Vec::new();
        let mut rows = 0;
        for number in rest {
            if rows >= PULL_ROWS {
                break;
            }
            let entry = block.trace_entry(*number)?;
            rows = entry.rows.saturating_add(rows);
            entries.push(entry);
        }
        let (part, after) = rest.split_at(entries.len());
        rest = after;
        let too_many = || block.image().corrupt("spans", Malformed::new(0, "more than 2^32 spans"));
        let mut first = u32_of(staging.spans.len()).ok_or_else(too_many)?;
        block.stage_traces(&entries, staging)?;
        for (number, entry) in part.iter().zip(&entries) {
            each(*number, first..first + entry.rows);
            first += entry.rows;
        }
    }
    Ok(())
}

/// Runs of traces that fit a block.
fn cut(traces: &[OrderedTrace], rows_max: usize) -> Vec<&[OrderedTrace]> {
    let mut parts = Vec::new();
    let mut rest = traces;
    while !rest.is_empty() {
        let mut rows = 0;
        let fitting = rest.iter().take_while(|trace| {
            rows += trace.spans.len();
            rows <= rows_max
        });
        let (part, after) = rest.split_at(fitting.count().max(1));
        parts.push(part);
        rest = after;
    }
    parts
}

fn made(
    staging: &Staging,
    traces: &[OrderedTrace],
    arrived: Timestamp,
) -> Result<Made, BlockError> {
    let built = build(staging, traces).map_err(|cause| BlockError::Corrupt {
        block: BlockId::NEW,
        section: "new block".to_owned(),
        cause,
    })?;
    let starts = || traces.iter().map(|trace| trace.start);
    let ends = traces.iter().map(|trace| trace.end.max(trace.start));
    Ok(Made {
        image: built.image.into(),
        rows: built.header.rows,
        traces: built.header.traces,
        events: built.header.events,
        links: built.header.links,
        start: starts().min().unwrap_or_default(),
        newest: starts().max().unwrap_or_default(),
        end: traces.iter().map(|trace| trace.end).max().unwrap_or(Timestamp::default()),
        retention: ends.max().unwrap_or_default().min(arrived),
        settled: Settled::default(),
    })
}
