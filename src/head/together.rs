//! Folding small batches: what waits becomes one block, made of what was staged, with the spans that its
//! traces have in other blocks. To read small blocks and join them takes several times as long.
//! Invariant: what comes out is what [`unite`](super::unite) makes of the batches' blocks.

use std::sync::Arc;

use hashbrown::HashMap;

use super::fold::{Spot, United};
use super::gather::{Place, make};
use crate::block::{
    Block, BlockError, OrderedTrace, Settled, Staging, TraceEntry, arrange, group_by_trace,
};
use crate::codec::bytes::Malformed;
use crate::codec::cast::usize_of;
use crate::id::TraceId;
use crate::model::{Span, SpanRef, SpanSink};
use crate::time::Timestamp;

/// A trace of more rows stays in its block: columns are joined faster than rows are staged again.
const STAGED_AGAIN_MAX: u32 = 1 << 7;
/// So does one with which there would be more rows than this to be staged again.
const STAGED_AGAIN_SUM_MAX: u32 = 1 << 12;

/// A batch as it was staged, and the spans that were taken in, by number.
#[derive(Debug)]
pub(crate) struct Staged {
    staging: Staging,
    spans: Vec<u32>,
}

impl Staged {
    /// A batch of which these spans were taken in.
    pub(crate) fn new(staging: Staging, spans: Vec<u32>) -> Self {
        Self { staging, spans }
    }
}

/// Makes the traces of some batches whole with what the places have of them, every trace at most once;
/// the batches arrived no later than at `arrived`. False where a trace is too large for that, or
/// there are too many: then it is left where it lies, and what came of it is in a new block, to be joined by
/// [`unite`](super::unite).
pub(crate) fn together<'s>(
    places: &[Place<'_>],
    batches: impl Iterator<Item = &'s Staged>,
    rows_max: usize,
    mut arrived: Timestamp,
) -> Result<(United, bool), BlockError> {
    let mut all = Staging::default();
    for Staged { staging, spans } in batches {
        all.append(staging, spans);
    }
    let ids: Vec<TraceId> = group_by_trace(&all).into_iter().map(|(id, _)| id).collect();
    let (mut is_whole, mut room) = (true, STAGED_AGAIN_SUM_MAX);
    let mut spots: HashMap<TraceId, (Spot, u32)> = HashMap::new();
    for (at, place) in places.iter().enumerate() {
        let mut entries = Vec::new();
        for (_, number) in place.block.find_traces(&ids)? {
            if place.masked.contains(number) {
                continue;
            }
            let entry = place.block.trace_entry(number)?;
            if entry.rows > room.min(STAGED_AGAIN_MAX) {
                is_whole = false;
                continue;
            }
            room -= entry.rows;
            spots.insert(entry.id, ((at, number), entry.rows));
            entries.push(entry);
        }
        if !entries.is_empty() {
            arrived = arrived.max(place.retention);
            stage_again(place.block, entries, &mut all)?;
        }
    }
    let mut united = United::default();
    let groups = group_by_trace(&all);
    let mut traces = Vec::with_capacity(groups.len());
    for (id, numbers) in groups {
        let (trace, settled) = arrange(&all, id, numbers);
        united.settled.duplicates += settled.duplicates;
        united.settled.replaced += settled.replaced;
        match spots.get(&id) {
            Some((_, rows)) if is_as_it_was(&trace, settled, *rows) => united.kept.push(id),
            Some(((at, number), _)) => {
                united.masks.entry(*at).or_default().insert(*number);
                traces.push(trace);
            }
            None => traces.push(trace),
        }
    }
    united.made = make(&all, &mut traces, rows_max, arrived)?;
    Ok((united, is_whole))
}

/// True if nothing came of a trace that was not among its so many rows.
fn is_as_it_was(trace: &OrderedTrace, settled: Settled, rows: u32) -> bool {
    settled.replaced == 0 && trace.spans.len() == usize_of(rows)
}

/// Stages the spans of some traces of a block.
fn stage_again(
    block: &Block,
    mut entries: Vec<TraceEntry>,
    all: &mut Staging,
) -> Result<(), BlockError> {
    entries.sort_unstable_by_key(|entry| entry.first_row);
    let (spans, _) = block.traces_spans(&entries)?;
    let mut last: Option<&Span> = None;
    for span in &spans {
        // Spans of a block share what they have in common.
        if last.is_none_or(|last| !Arc::ptr_eq(&last.resource, &span.resource)) {
            all.resource(&span.resource);
        }
        if last.is_none_or(|last| !Arc::ptr_eq(&last.scope, &span.scope)) {
            all.scope(&span.scope);
        }
        last = Some(span);
        let mut view = SpanRef::default();
        view.fill(span);
        all.span(&view).map_err(|refusal| BlockError::Corrupt {
            block: block.image().block,
            section: format!("span {} of trace {}", span.span_id, span.trace_id),
            cause: Malformed::new(0, format!("{}: {}", refusal.field, refusal.reason)),
        })?;
    }
    Ok(())
}
