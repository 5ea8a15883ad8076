//! Blocks made of traces: of a batch's, and of whole traces of other blocks. Invariant: of a block only
//! those traces are taken that no mask hides.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::block::{
    Block, BlockError, BlockId, Built, MergedTrace, OrderedTrace, Pulled, Settled, Staging, build,
    merged,
};
use crate::foreground::may_rest;
use crate::time::Timestamp;

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
    let make = |traces: &[OrderedTrace]| {
        let built = build(staging, traces).map_err(|cause| BlockError::Corrupt {
            block: BlockId::NEW,
            section: "new block".to_owned(),
            cause,
        })?;
        Ok(made(built, traces.iter(), arrived))
    };
    cut(traces, rows_max, |trace| trace).into_iter().map(make).collect()
}

/// The same of traces of blocks.
pub(super) fn make_of(
    pulled: &Pulled<'_>,
    traces: &mut [MergedTrace],
    rows_max: usize,
    arrived: Timestamp,
) -> Result<Vec<Made>, BlockError> {
    traces.sort_by_key(|trace| (trace.trace.start, trace.trace.id));
    let make = |traces: &[MergedTrace]| {
        let built = merged(pulled, traces)?;
        Ok(made(built, traces.iter().map(|trace| &trace.trace), arrived))
    };
    cut(traces, rows_max, |trace| &trace.trace).into_iter().map(make).collect()
}

/// All traces of some blocks that count, in new blocks; no trace is in two of them.
pub(crate) fn merge(places: &[Place<'_>], rows_max: usize) -> Result<Vec<Made>, BlockError> {
    let mut pulled = Pulled::default();
    let mut traces = Vec::new();
    for place in places {
        may_rest();
        let all = 0..place.block.header()?.traces;
        let numbers: Vec<u32> = all.filter(|number| !place.masked.contains(*number)).collect();
        traces.extend(pulled.take_whole(place.block, &numbers)?);
    }
    // When each trace arrived is not kept; none did later than its block says, or it ended then.
    let arrived = places.iter().map(|place| place.retention).max();
    make_of(&pulled, &mut traces, rows_max, arrived.unwrap_or_default())
}

/// Runs of traces that fit a block.
fn cut<T>(traces: &[T], rows_max: usize, of: impl Fn(&T) -> &OrderedTrace) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let mut rest = traces;
    while !rest.is_empty() {
        let mut rows = 0;
        let fitting = rest.iter().take_while(|trace| {
            rows += of(trace).spans.len();
            rows <= rows_max
        });
        let (part, after) = rest.split_at(fitting.count().max(1));
        parts.push(part);
        rest = after;
    }
    parts
}

fn made<'t>(
    built: Built,
    traces: impl Iterator<Item = &'t OrderedTrace>,
    arrived: Timestamp,
) -> Made {
    let times: Vec<(Timestamp, Timestamp)> = traces.map(|trace| (trace.start, trace.end)).collect();
    let starts = || times.iter().map(|(start, _)| *start);
    let ends = times.iter().map(|(start, end)| *end.max(start));
    Made {
        image: built.image.into(),
        rows: built.header.rows,
        traces: built.header.traces,
        events: built.header.events,
        links: built.header.links,
        start: starts().min().unwrap_or_default(),
        newest: starts().max().unwrap_or_default(),
        end: times.iter().map(|(_, end)| *end).max().unwrap_or_default(),
        retention: ends.max().unwrap_or_default().min(arrived),
        settled: Settled::default(),
    }
}
