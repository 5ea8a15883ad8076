//! What a store holds at one instant: stored blocks, blocks in memory, and what was taken in since
//! these were last made whole. Invariant: in a base every trace lies whole in exactly one block,
//! masks considered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::maintain::MemorySize;
use crate::block::{BlockId, Cache};
use crate::codec::cast::u64_of;
use crate::head::{Made, Place, Staged, in_memory};
use crate::id::TraceId;
use crate::search::{BlockTimes, BlockView};
use crate::storage::{BlockRecord, Counters, value_bytes};

/// Bytes of a trace id in the journal.
const ID_LEN: u64 = 16;
/// Of so many batches that wait to be folded is kept how they were staged: that takes more memory than
/// their blocks.
const STAGED_MAX: usize = 64;
/// An entry is written in pieces of so many bytes at most.
const PIECE_BYTES: u64 = 65_000;

/// A block of the file.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) record: BlockRecord,
    /// The block and all of its traces that count no more.
    pub(super) view: Arc<BlockView>,
    /// Those of them that the file says count no more. The others are pending: the journal says so.
    pub(super) durable_mask: RoaringBitmap,
}

/// A block in memory.
#[derive(Debug, Clone)]
pub(super) struct HeadBlock {
    pub(super) made: Made,
    pub(super) view: Arc<BlockView>,
}

/// What was taken in and is not yet folded.
#[derive(Debug, Clone)]
pub(super) enum Fresh {
    /// Spans; a trace of theirs may have other spans elsewhere. Of a small batch also as they were
    /// staged, as long as not many wait.
    Spans(BlockId, HeadBlock, Option<Arc<Staged>>),
    /// Traces that count no more, as far as they came before.
    Deleted(Arc<[TraceId]>),
}

/// What readers see.
#[derive(Debug, Clone, Default)]
pub(super) struct Base {
    /// Blocks of the file.
    pub(super) stored: BTreeMap<BlockId, Stored>,
    /// Blocks in memory.
    pub(super) head: BTreeMap<BlockId, HeadBlock>,
    /// Of them those that are being written to the file: they are not merged meanwhile.
    pub(super) sealing: BTreeSet<BlockId>,
    /// How many times blocks in memory were merged or sealed: what was made of some of them aside counts
    /// only where this is as it was.
    pub(super) reshaped: u64,
    /// How many rows folding has put into new blocks, since the store was opened.
    pub(super) refolded_rows: u64,
    /// How many journal entries are in here, since the store was made.
    pub(super) journal_next: u64,
    /// Bytes that journal entries in here take in the file, since the store was opened.
    pub(super) journal_bytes: u64,
    /// Traces of which the journal has spans that came again, with the number of the entry from which on
    /// it has none any more: were they dropped from their blocks, a crash would bring these spans back.
    pub(super) resent: Vec<(u64, Arc<[TraceId]>)>,
    /// Spans that came again, since the store was made.
    pub(super) replaced_spans: u64,
    pub(super) duplicate_spans: u64,
}

/// The newest base, and what came after it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) base: Arc<Base>,
    /// What readers see where the first so many of what came after cannot be folded.
    pub(super) aside: Option<(usize, Arc<Base>)>,
    /// In order; each is one journal entry.
    pub(super) fresh: Vec<Fresh>,
    /// How much of it is in memory.
    pub(super) fresh_size: MemorySize,
    /// Dropped by threads in the background.
    pub(super) spent: Vec<Spent>,
    /// True if the last folding had many rows to put into new blocks for each that came.
    pub(super) is_tedious: bool,
}

/// What a folding put something else in the place of. To give its memory back, which other threads took,
/// takes a reader as long as a part of its search.
#[derive(Debug)]
pub(super) struct Spent {
    _base: Arc<Base>,
    _fresh: Vec<Fresh>,
}

impl State {
    /// Adds what was taken in.
    pub(super) fn push(&mut self, mut fresh: Fresh) {
        if let Fresh::Spans(_, _, staged) = &mut fresh
            && self.fresh.len() >= STAGED_MAX
        {
            *staged = None;
        }
        let size = fresh.size();
        self.fresh_size.bytes += size.bytes;
        self.fresh_size.rows += size.rows;
        self.fresh_size.journal_bytes += size.journal_bytes;
        self.fresh.push(fresh);
    }

    /// The number that the next journal entry gets.
    pub(super) fn journal_next(&self) -> u64 {
        self.base.journal_next + u64_of(self.fresh.len())
    }

    /// Takes `base`, which the first `count` entries have gone into; gives what it was before, and these.
    pub(super) fn folded(&mut self, base: Arc<Base>, count: usize) -> Spent {
        let before = std::mem::replace(&mut self.base, base);
        self.aside = None;
        let folded: Vec<Fresh> = self.fresh.drain(..count.min(self.fresh.len())).collect();
        for fresh in &folded {
            let size = fresh.size();
            self.fresh_size.bytes = self.fresh_size.bytes.saturating_sub(size.bytes);
            self.fresh_size.rows = self.fresh_size.rows.saturating_sub(size.rows);
            let journal = &mut self.fresh_size.journal_bytes;
            *journal = journal.saturating_sub(size.journal_bytes);
        }
        Spent { _base: before, _fresh: folded }
    }
}

impl Fresh {
    pub(super) fn size(&self) -> MemorySize {
        match self {
            Self::Spans(_, block, _) => {
                let bytes = u64_of(block.made.image.len());
                let rows = u64::from(block.made.rows);
                MemorySize { bytes, rows, journal_bytes: journal_bytes(bytes) }
            }
            Self::Deleted(ids) => {
                let bytes = u64_of(ids.len()).saturating_mul(ID_LEN);
                MemorySize { journal_bytes: journal_bytes(bytes), ..MemorySize::default() }
            }
        }
    }
}

impl Stored {
    pub(super) fn new(record: BlockRecord, view: BlockView, durable_mask: RoaringBitmap) -> Self {
        Self { record, view: Arc::new(view), durable_mask }
    }

    /// True if the journal masks traces that the file does not.
    pub(super) fn is_pending(&self) -> bool {
        self.view.masked.len() > self.durable_mask.len()
    }

    /// The same block with other traces masked.
    pub(super) fn masked(&self, masked: RoaringBitmap) -> Self {
        Self { view: Arc::new(self.view.with_mask(masked)), ..self.clone() }
    }
}

impl HeadBlock {
    /// A block on `made`.
    pub(super) fn new(id: BlockId, made: Made, cache: &Arc<Cache>) -> Self {
        let block = in_memory(id, &made.image, cache);
        // A trace whose clocks ran backwards still takes place at its start.
        let times = BlockTimes {
            start: made.start,
            newest: made.newest,
            end: made.end.max(made.newest),
            retention: made.retention,
        };
        let view = Arc::new(BlockView::new(block, RoaringBitmap::new(), times));
        Self { made, view }
    }

    /// The same block with other traces masked.
    pub(super) fn masked(&self, masked: RoaringBitmap) -> Self {
        Self { made: self.made.clone(), view: Arc::new(self.view.with_mask(masked)) }
    }

    /// True if none of its traces counts.
    pub(super) fn is_empty(&self) -> bool {
        self.view.masked.len() >= u64::from(self.made.traces)
    }
}

/// About as many bytes as a journal entry takes in the file.
fn journal_bytes(len: u64) -> u64 {
    value_bytes(PIECE_BYTES) * (len / PIECE_BYTES) + value_bytes(len % PIECE_BYTES)
}

/// A view as a place of traces.
pub(super) fn place(view: &BlockView) -> Place<'_> {
    Place { block: &view.block, masked: &view.masked, retention: view.retention }
}

impl Base {
    /// The views, in order of their newest trace, newest first.
    pub(super) fn newest_first(&self) -> Vec<Arc<BlockView>> {
        let mut views: Vec<(BlockId, &Arc<BlockView>)> = self.views().collect();
        views.sort_by_key(|(id, view)| std::cmp::Reverse((view.newest, *id)));
        views.into_iter().map(|(_, view)| Arc::clone(view)).collect()
    }

    /// All views with the numbers of their blocks.
    pub(super) fn views(&self) -> impl Iterator<Item = (BlockId, &Arc<BlockView>)> {
        let stored = self.stored.iter().map(|(id, block)| (*id, &block.view));
        stored.chain(self.head.iter().map(|(id, block)| (*id, &block.view)))
    }

    /// Adds traces to the mask of a block; a block in memory without any left is dropped.
    pub(super) fn mask(&mut self, id: BlockId, traces: &RoaringBitmap) {
        if let Some(block) = self.stored.get_mut(&id) {
            *block = block.masked(&block.view.masked | traces);
        }
        if let Some(block) = self.head.get_mut(&id) {
            *block = block.masked(&block.view.masked | traces);
            if block.is_empty() {
                self.head.remove(&id);
            }
        }
    }

    /// Bytes and spans of the blocks in memory.
    pub(super) fn head_size(&self) -> (u64, u64) {
        let sizes = self.head.values().map(|block| &block.made);
        sizes.fold((0, 0), |(bytes, rows), made| {
            (bytes + u64_of(made.image.len()), rows + u64::from(made.rows))
        })
    }

    /// The counters as a commit stores them.
    pub(super) fn counters(&self, others: Counters) -> Counters {
        Counters {
            replaced_spans: self.replaced_spans,
            duplicate_spans: self.duplicate_spans,
            ..others
        }
    }
}
