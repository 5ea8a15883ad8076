//! Copying what is whole out of a damaged store. Invariants: the source never changes; what cannot be
//! read whole is left out and named; what is copied goes the way of everything that is taken in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::batch::Batch;
use super::entry::{self, Entry};
use super::handle::Store;
use super::verify::{block_of, chain};
use crate::block::{Block, BlockId, Cache, Chunks, each_readable};
use crate::error::Error;
use crate::head::in_memory;
use crate::id::TraceId;
use crate::model::Span;
use crate::options::{Limits, Maintenance, Options};
use crate::storage::{BlockRecord, JournalEntry, Snapshot, StorageError, Survey, look};
use crate::time::Timestamp;

/// Spans taken in at once, unless a trace has more: a bound on memory,
const BATCH_SPANS: usize = 100_000;
/// as are the bytes that they take.
const BATCH_BYTES: usize = 64 << 20;

/// What was copied out of a damaged store, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Salvaged {
    /// Blocks of which something was copied.
    pub blocks: u64,
    /// Journal entries that were copied.
    pub journal_entries: u64,
    /// Traces in the new store.
    pub traces: u64,
    /// Spans in the new store.
    pub spans: u64,
    /// Traces that could not be read whole in some place, as far as their ids could be read. One of
    /// them is in the new store all the same where it was whole in another place.
    pub lost_traces: Vec<TraceId>,
    /// What was left out, and what may be in the new store although it was deleted, in words.
    pub notes: Vec<String>,
}

/// Options under which nothing is cut, refused or dropped of what a store has already.
fn keeping_all(mut options: Options) -> Options {
    options.maintenance = Maintenance::ByHand;
    options.retention_age = None;
    options.bytes_max = None;
    options.service_share_max = None;
    options.limits = Limits::none();
    options
}

/// Copies what is whole of the store at `path` to a new one at `out`.
pub(super) fn salvage(path: &Path, out: &Path, options: Options) -> Result<Salvaged, Error> {
    options.check().map_err(Error::Options)?;
    let look = look(path)?;
    let snapshot = &look.snapshot;
    super::backup::must_be_new(out)?;
    let store = Store::open(out, keeping_all(options))?;
    let batch = store.batch();
    let mut work = Work { store, batch, salvaged: Salvaged::default(), lost: BTreeSet::new() };
    if let Some(doubt) = &look.doubt {
        work.note(format!("{doubt}; what was stored last may be missing"));
    }
    let survey = snapshot.survey();
    work.blocks(snapshot, &survey)?;
    work.journal(&survey)?;
    work.flush()?;
    work.store.maintain()?;
    let stats = work.store.stats()?;
    let mut salvaged = work.salvaged;
    (salvaged.traces, salvaged.spans) = (stats.traces, stats.spans);
    salvaged.lost_traces = work.lost.into_iter().collect();
    work.store.close()?;
    Ok(salvaged)
}

struct Work {
    store: Store,
    batch: Batch,
    salvaged: Salvaged,
    lost: BTreeSet<TraceId>,
}

impl Work {
    fn note(&mut self, text: impl Into<String>) {
        self.salvaged.notes.push(text.into());
    }

    fn blocks(&mut self, snapshot: &Arc<Snapshot>, survey: &Survey) -> Result<(), Error> {
        for error in &survey.lost {
            self.note(chain(error));
        }
        let mut records: BTreeMap<BlockId, Option<BlockRecord>> = BTreeMap::new();
        for (id, record) in &survey.blocks {
            match record {
                Ok(record) => {
                    records.insert(*id, Some(record.clone()));
                }
                Err(error) => {
                    self.note(format!("{}; its block is read without it", chain(error)));
                    records.insert(*id, None);
                }
            }
        }
        match &survey.listed {
            Ok(listed) => records.retain(|id, _| listed.blocks.contains_key(id)),
            Err(error) => self.note(format!(
                "{}; masks may be missing, so that what was deleted may have come back",
                chain(error)
            )),
        }
        if records.is_empty() && survey.listed.is_err() {
            self.note("no block record could be read: all blocks that have chunks are taken");
            records = snapshot.blocks_with_chunks().into_iter().map(|id| (id, None)).collect();
        }
        for (id, record) in records {
            let Some(record) = record.or_else(|| guessed(snapshot, id)) else {
                self.note(format!("block {id} is left out: its first chunk cannot be read"));
                continue;
            };
            let mask = match survey.masks.get(&id) {
                None => RoaringBitmap::new(),
                Some(Ok(mask)) => mask.clone(),
                Some(Err(error)) => {
                    let text = chain(error);
                    self.note(format!("{text}; what was deleted from it may have come back"));
                    RoaringBitmap::new()
                }
            };
            let block = block_of(snapshot, &record);
            let copied = self.block(&block, &mask, &format!("block {id}"))?;
            self.salvaged.blocks += u64::from(copied);
        }
        Ok(())
    }

    /// Copies the traces of a block that can be read; false where there is none.
    fn block(&mut self, block: &Block, mask: &RoaringBitmap, name: &str) -> Result<bool, Error> {
        let traces = match block.header() {
            Ok(header) => header.traces,
            Err(error) => {
                self.note(format!("{name} is left out: {}", chain(&error)));
                return Ok(false);
            }
        };
        let numbers: Vec<u32> = (0..traces).filter(|number| !mask.contains(*number)).collect();
        let mut failed = None;
        let mut copied = false;
        let bad = each_readable(block, &numbers, &mut |spans| {
            copied |= !spans.is_empty();
            if failed.is_none() {
                failed = self.take(&spans).err();
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        for (number, error) in &bad {
            *reasons.entry(chain(error)).or_default() += 1;
            self.lost.extend(block.trace_id(*number).ok());
        }
        for (reason, count) in reasons {
            self.note(format!("{name}: {count} traces are left out: {reason}"));
        }
        Ok(copied)
    }

    fn take(&mut self, spans: &[Span]) -> Result<(), Error> {
        for span in spans {
            if let Err(rejection) = self.batch.push(span) {
                self.lost.insert(span.trace_id);
                self.note(format!("a span of trace {} is left out: {rejection}", span.trace_id));
            }
        }
        let is_full = self.batch.len() >= BATCH_SPANS || self.batch.memory_bytes() >= BATCH_BYTES;
        if is_full { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::replace(&mut self.batch, self.store.batch());
        if batch.is_empty() { Ok(()) } else { self.store.ingest(batch).map(drop) }
    }

    fn journal(&mut self, survey: &Survey) -> Result<(), Error> {
        let counts = survey.journal_bounds.is_ok();
        if let Err(error) = &survey.journal_bounds {
            let text = chain(error);
            self.note(format!(
                "{text}; spans of all journal entries are taken, deletions of none, so that what was \
                 deleted may have come back"
            ));
        }
        for (number, entry) in &survey.journal {
            let copied = match entry {
                Err(error) => {
                    self.note(format!("left out: {}", chain(error)));
                    false
                }
                Ok(entry) => self.entry(*number, entry, counts)?,
            };
            self.salvaged.journal_entries += u64::from(copied);
        }
        Ok(())
    }

    fn entry(&mut self, number: u64, entry: &JournalEntry, counts: bool) -> Result<bool, Error> {
        match entry::decode(&entry.payload) {
            Ok(Entry::Spans(image, ..)) => {
                let cache = Arc::new(Cache::new(1 << 20));
                let block = in_memory(BlockId::in_memory(number), &image, &cache);
                self.block(&block, &RoaringBitmap::new(), &format!("journal entry {number}"))
            }
            Ok(Entry::Deleted(ids)) if counts => {
                self.flush()?;
                self.store.delete(&ids)?;
                Ok(true)
            }
            Ok(Entry::Deleted(_)) => Ok(false),
            Err(cause) => {
                let place = format!("journal entry {number}");
                let error = StorageError::Corrupt { place, cause };
                self.note(format!("left out: {}", chain(&error)));
                Ok(false)
            }
        }
    }
}

/// What the record of a block has to say, from its first chunk.
fn guessed(snapshot: &Arc<Snapshot>, id: BlockId) -> Option<BlockRecord> {
    let chunk = snapshot.chunk(id, 0).ok()?;
    let len = crate::block::image_len(&chunk)?;
    Some(BlockRecord {
        id,
        rows: 0,
        traces: 0,
        events: 0,
        links: 0,
        image_len: len,
        chunk_len: u32::try_from(chunk.len()).ok()?,
        start: Timestamp::default(),
        newest: Timestamp::default(),
        end: Timestamp::default(),
        retention: Timestamp::default(),
    })
}
