//! Writing: a batch becomes blocks. Invariants: a trace that lives in an older block moves whole into
//! the new one, and its mask there is part of the same commit; nothing changes for readers before the
//! commit, and everything at once after it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, Weak};

use roaring::RoaringBitmap;

use super::handle::Shared;
use super::snapshot::{Snapshot, open_block};
use crate::block::{
    Block, BlockError, BlockId, Chunks, OrderedTrace, Staging, arrange, build, group_by_trace,
};
use crate::codec::cast::{u32_of, u64_of, usize_of};
use crate::error::Error;
use crate::id::TraceId;
use crate::model::{Span, SpanRef, SpanSink};
use crate::search::BlockView;
use crate::storage::{BlockRecord, Change, Counters, Storage, StorageError};
use crate::time::Timestamp;

/// Stored spans that are rebuilt at a time: a bound on memory.
const PULL_ROWS: u32 = 1 << 14;
/// So many blocks of one size class are merged into one.
const MERGE_FANOUT: usize = 4;

/// What an ingest stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Ingested {
    /// Spans stored that were not there before.
    pub spans: u64,
    /// Traces that the batch had spans of.
    pub traces: u64,
    /// Spans that were there already, equal in every field.
    pub duplicates: u64,
    /// Spans of which another content, sent before or in the same batch, was kept or replaced.
    pub replaced: u64,
}

/// What only the one writer needs.
#[derive(Debug)]
pub(super) struct Writer {
    counters: Counters,
    /// Blocks that count no more, whose chunks are removed when nobody reads them.
    retired: Vec<(BlockId, Weak<Block>)>,
}

impl Writer {
    pub(super) fn new(counters: Counters) -> Self {
        Self { counters, retired: Vec::new() }
    }
}

/// What one ingest moves out of older blocks.
struct Moves {
    /// Traces to mask, by block.
    masks: BTreeMap<BlockId, RoaringBitmap>,
    /// Staged spans from here on were stored before.
    first_stored: u32,
}

pub(super) fn ingest(shared: &Shared, mut staging: Staging) -> Result<Ingested, Error> {
    let mut writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
    let snapshot = shared.snapshot();
    let first_stored = u32_of(staging.spans.len()).ok_or(Error::BatchTooLarge)?;
    let mut moves = Moves { masks: BTreeMap::new(), first_stored };
    let mut groups: BTreeMap<TraceId, Vec<u32>> = group_by_trace(&staging).into_iter().collect();
    let mut ingested = Ingested { traces: u64_of(groups.len()), ..Ingested::default() };
    pull_traces(&snapshot, &mut staging, &mut groups, &mut moves)?;
    let mut traces = settle(&staging, groups, &mut moves, &mut ingested, &snapshot)?;
    if traces.is_empty() && ingested.replaced == 0 {
        return Ok(ingested);
    }
    let rows = traces.iter().map(|trace| trace.spans.len()).sum();
    if rows > 0 {
        traces.extend(pull_small(shared, &snapshot, rows, &mut staging, &mut moves)?);
    }
    traces.sort_by_key(|trace| (trace.start, trace.id));
    store(shared, &mut writer, &snapshot, &staging, &traces, (moves, ingested.replaced))?;
    Ok(ingested)
}

/// Adds the stored spans of traces that the batch has spans of.
fn pull_traces(
    snapshot: &Snapshot,
    staging: &mut Staging,
    groups: &mut BTreeMap<TraceId, Vec<u32>>,
    moves: &mut Moves,
) -> Result<(), Error> {
    let mut left: Vec<TraceId> = groups.keys().copied().collect();
    for (block, (_, view)) in &snapshot.blocks {
        let mut found: BTreeMap<u32, TraceId> = BTreeMap::new();
        let mut elsewhere = Vec::new();
        for id in left {
            match view.block.find_trace(id)?.filter(|number| !view.masked.contains(*number)) {
                Some(number) => drop(found.insert(number, id)),
                None => elsewhere.push(id),
            }
        }
        left = elsewhere;
        let numbers: Vec<u32> = found.keys().copied().collect();
        pull(view, &numbers, staging, |number, staged| {
            if let Some(group) = found.get(&number).and_then(|id| groups.get_mut(id)) {
                group.extend(staged);
            }
        })?;
        if !numbers.is_empty() {
            moves.masks.entry(*block).or_default().extend(numbers);
        }
    }
    Ok(())
}

/// Stages the spans of stored traces, whose numbers ascend; hands on each trace's staged numbers.
fn pull(
    view: &BlockView,
    numbers: &[u32],
    staging: &mut Staging,
    mut each: impl FnMut(u32, Range<u32>),
) -> Result<(), Error> {
    let mut rest = numbers;
    while !rest.is_empty() {
        let mut entries = Vec::new();
        let mut rows = 0;
        for number in rest {
            if rows >= PULL_ROWS {
                break;
            }
            let entry = view.block.trace_entry(*number)?;
            rows = entry.rows.saturating_add(rows);
            entries.push(entry);
        }
        let (part, after) = rest.split_at(entries.len());
        rest = after;
        let (spans, _) = view.block.traces_spans(&entries)?;
        let mut first = u32_of(staging.spans.len()).ok_or(Error::BatchTooLarge)?;
        restage(&spans, staging)?;
        for (number, entry) in part.iter().zip(&entries) {
            each(*number, first..first + entry.rows);
            first += entry.rows;
        }
    }
    Ok(())
}

/// Stages spans that were stored before.
fn restage(spans: &[Span], staging: &mut Staging) -> Result<(), Error> {
    let mut last: Option<&Span> = None;
    for span in spans {
        let same = last.is_some_and(|last| {
            Arc::ptr_eq(&last.resource, &span.resource) && Arc::ptr_eq(&last.scope, &span.scope)
        });
        if !same {
            staging.resource(&span.resource);
            staging.scope(&span.scope);
        }
        last = Some(span);
        let mut staged = SpanRef::default();
        staged.fill(span);
        // What was stored once is within all limits.
        if staging.span(&staged).is_err() {
            return Err(Error::BatchTooLarge);
        }
    }
    u32_of(staging.spans.len()).map(drop).ok_or(Error::BatchTooLarge)
}

/// Orders the traces; leaves those where they are to which the batch adds nothing.
fn settle(
    staging: &Staging,
    groups: BTreeMap<TraceId, Vec<u32>>,
    moves: &mut Moves,
    ingested: &mut Ingested,
    snapshot: &Snapshot,
) -> Result<Vec<OrderedTrace>, Error> {
    let mut traces = Vec::new();
    for (id, numbers) in groups {
        let (trace, settled) = arrange(staging, id, numbers);
        ingested.duplicates += settled.duplicates;
        ingested.replaced += settled.replaced;
        let new = trace.spans.iter().filter(|number| **number < moves.first_stored).count();
        if new == 0 {
            unmask(id, moves, snapshot)?;
            continue;
        }
        ingested.spans += u64_of(new);
        traces.push(trace);
    }
    Ok(traces)
}

fn unmask(id: TraceId, moves: &mut Moves, snapshot: &Snapshot) -> Result<(), Error> {
    for (block, mask) in &mut moves.masks {
        let Some((_, view)) = snapshot.blocks.get(block) else { continue };
        if let Some(number) = view.block.find_trace(id)? {
            mask.remove(number);
        }
    }
    moves.masks.retain(|_, mask| !mask.is_empty());
    Ok(())
}

/// Takes in small blocks, so that many small batches do not leave many small blocks: blocks of one
/// size class are merged when there are [`MERGE_FANOUT`] of them, the new one included. A span is so
/// rewritten at most once a size class.
fn pull_small(
    shared: &Shared,
    snapshot: &Snapshot,
    rows: usize,
    staging: &mut Staging,
    moves: &mut Moves,
) -> Result<Vec<OrderedTrace>, Error> {
    let class = |rows: usize| rows.max(1).ilog(MERGE_FANOUT);
    let mut rows = rows;
    let mut merged: Vec<BlockId> = Vec::new();
    loop {
        let peers: Vec<(BlockId, usize)> = snapshot
            .blocks
            .values()
            .map(|(record, _)| (record.id, usize_of(record.rows)))
            .filter(|(id, peer)| class(*peer) <= class(rows) && !merged.contains(id))
            .collect();
        let sum: usize = peers.iter().map(|(_, rows)| rows).sum();
        let fits = rows + sum <= usize_of(shared.options.block_rows_max);
        if peers.len() + 1 < MERGE_FANOUT || !fits {
            break;
        }
        rows += sum;
        merged.extend(peers.into_iter().map(|(id, _)| id));
    }
    let mut traces = Vec::new();
    for id in merged {
        let Some((_, view)) = snapshot.blocks.get(&id) else { continue };
        let mask = moves.masks.entry(id).or_default();
        let all = 0..view.block.header()?.traces;
        let numbers: Vec<u32> = all
            .filter(|number| !view.masked.contains(*number) && !mask.contains(*number))
            .collect();
        let mut pulled = Vec::new();
        pull(view, &numbers, staging, |number, staged| pulled.push((number, staged)))?;
        for (number, staged) in pulled {
            let trace = view.block.trace_id(number)?;
            traces.push(arrange(staging, trace, staged.collect()).0);
        }
        mask.extend(numbers);
    }
    Ok(traces)
}

/// Builds and writes the blocks, commits them with the masks, and shows them to readers.
fn store(
    shared: &Shared,
    writer: &mut Writer,
    snapshot: &Snapshot,
    staging: &Staging,
    traces: &[OrderedTrace],
    (moves, replaced): (Moves, u64),
) -> Result<(), Error> {
    remove_retired(&shared.storage, writer)?;
    let mut counters = writer.counters;
    counters.replaced_spans += replaced;
    let mut added = Vec::new();
    for part in cut(traces, usize_of(shared.options.block_rows_max)) {
        let id = BlockId(counters.next_block);
        counters.next_block += 1;
        added.push(write_block(&shared.storage, id, staging, part)?);
    }
    let mut masks = BTreeMap::new();
    let mut dropped = Vec::new();
    let mut after = snapshot.clone();
    after.replaced_spans = counters.replaced_spans;
    for (id, moved) in moves.masks {
        let Some((record, view)) = snapshot.blocks.get(&id) else { continue };
        let mask = &view.masked | &moved;
        if mask.len() >= u64::from(record.traces) {
            after.blocks.remove(&id);
            dropped.push(id);
        } else {
            after.put(record.clone(), Arc::clone(&view.block), mask.clone());
            masks.insert(id, mask);
        }
    }
    for record in &added {
        let chunks: Arc<dyn Chunks> = Arc::<Storage>::clone(&shared.storage);
        let block = open_block(record, chunks, Arc::clone(&shared.cache));
        after.put(record.clone(), block, RoaringBitmap::new());
    }
    let masked = |(_, view): &&(BlockRecord, Arc<BlockView>)| !view.masked.is_empty();
    let mask_len = |(record, view): &(BlockRecord, Arc<BlockView>)| (record.id, view.masked.len());
    shared.storage.commit(&Change {
        added: &added,
        dropped: &dropped,
        masks: &masks,
        blocks_after: after.blocks.values().map(|(r, _)| (r.id, r.chunks())).collect(),
        masked_after: after.blocks.values().filter(masked).map(mask_len).collect(),
        counters,
    })?;
    writer.counters = counters;
    for id in dropped {
        if let Some((_, view)) = snapshot.blocks.get(&id) {
            writer.retired.push((id, Arc::downgrade(&view.block)));
        }
    }
    shared.publish(after);
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

fn write_block(
    storage: &Storage,
    id: BlockId,
    staging: &Staging,
    traces: &[OrderedTrace],
) -> Result<BlockRecord, Error> {
    let built = build(staging, traces).map_err(|cause| {
        Error::from(BlockError::Corrupt { block: id, section: "new block".to_owned(), cause })
    })?;
    storage.write_chunks(id, &built.image)?;
    let starts = || traces.iter().map(|trace| trace.start);
    Ok(BlockRecord {
        id,
        rows: built.header.rows,
        traces: built.header.traces,
        events: built.header.events,
        links: built.header.links,
        image_len: built.header.image_len,
        chunk_len: storage.chunk_len(),
        start: starts().min().unwrap_or_default(),
        newest: starts().max().unwrap_or_default(),
        end: traces.iter().map(|trace| trace.end).max().unwrap_or(Timestamp::default()),
    })
}

fn remove_retired(storage: &Storage, writer: &mut Writer) -> Result<(), StorageError> {
    let (free, held): (Vec<_>, Vec<_>) =
        writer.retired.drain(..).partition(|(_, block)| block.strong_count() == 0);
    writer.retired = held;
    free.into_iter().try_for_each(|(id, _)| storage.remove_chunks(id))
}
