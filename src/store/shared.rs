//! What clones of a handle share, and how it comes about. Invariant: the locks are taken in this
//! order: maintainer, folding, queue, state; whoever holds one of the last three waits for no
//! medium, the leader of the queue apart.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;

use super::entry::{self, Entry};
use super::events::{Handler, Work};
use super::follow::Follower;
use super::known::Known;
use super::maintain::{Figures, Maintainer};
use super::queue::Queue;
use super::retain::Retention;
use super::state::{Base, Fresh, HeadBlock, State, Stored};
use super::warm::Asked;
use crate::block::{Block, BlockId, Cache, Chunks, Image};
use crate::error::Error;
use crate::foreground::Foreground;
use crate::head::{Made, in_memory};
use crate::options::{Durability, Options};
use crate::search::{BlockTimes, BlockView, Pool};
use crate::storage::{BlockRecord, Flush, JournalEntry, Opened, Storage, StorageError};

/// What clones of a handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) storage: Arc<Storage>,
    pub(super) cache: Arc<Cache>,
    pub(super) options: Options,
    pub(super) pool: Pool,
    pub(super) state: Mutex<State>,
    pub(super) folding: Mutex<()>,
    /// True where what the journal took in may not be durable yet.
    pub(super) is_unsynced: AtomicBool,
    /// Searches, which maintenance gives way to.
    pub(super) foreground: Arc<Foreground>,
    pub(super) queue: Queue,
    maintainer: Mutex<Maintainer>,
    pub(super) handler: Handler,
    figures: Mutex<Figures>,
    /// What a cap on bytes asks for, and spans that were too old.
    pub(super) retention: Retention,
    /// Where another process may write the file, and this one does not.
    pub(super) follower: Option<Follower>,
    /// How many blocks in memory there have been.
    memory_blocks: AtomicU64,
    /// What was asked lately.
    pub(super) asked: Asked,
    /// Queries of late, by their texts.
    pub(super) known: Known,
}

impl Shared {
    /// Opens the file at `path`, or makes it, and reads its journal.
    pub(super) fn open(path: &Path, options: Options, handler: Handler) -> Result<Self, Error> {
        options.check().map_err(Error::Options)?;
        let telling = handler.clone();
        telling.during(Work::Recovery, || {
            let (storage, opened) = Storage::open(path, &options)?;
            let mut shared = Self::on(storage, &opened, options)?;
            shared.handler = handler;
            Ok(shared)
        })
    }

    /// Opens the file at `path` to read it.
    pub(super) fn open_read_only(path: &Path, options: Options) -> Result<Self, Error> {
        options.check().map_err(Error::Options)?;
        let storage = Storage::open_read_only(path, &options)?;
        let shared = Self::on(storage, &Opened::default(), options)?;
        shared.base()?;
        Ok(shared)
    }

    /// Reads what `storage` holds.
    pub(super) fn on(
        storage: Storage,
        opened: &Opened,
        mut options: Options,
    ) -> Result<Self, Error> {
        let (journal_first, journal_next) = (opened.journal_first, opened.journal_next);
        let counters = opened.counters;
        let retention = Retention::new(&mut options, counters, &opened.blocks);
        let follower = storage.is_read_only().then(Follower::default);
        let shared = Self {
            storage: Arc::new(storage),
            cache: Arc::new(Cache::new(options.cache_bytes)),
            pool: Pool::new(options.query_threads),
            options,
            state: Mutex::default(),
            folding: Mutex::default(),
            is_unsynced: AtomicBool::default(),
            foreground: Arc::default(),
            queue: Queue::new(journal_next),
            maintainer: Mutex::new(Maintainer::new(counters, journal_first)),
            handler: Handler::default(),
            figures: Mutex::new(Figures {
                dropped: counters.dropped,
                over_share: counters.over_share,
                ..Figures::default()
            }),
            retention,
            follower,
            memory_blocks: AtomicU64::new(0),
            asked: Asked::default(),
            known: Known::default(),
        };
        let base = shared.base_of(opened);
        let fresh = opened.journal.iter().map(|entry| shared.fresh(entry));
        let fresh = fresh.collect::<Result<Vec<_>, _>>()?;
        {
            let mut state = shared.state();
            state.base = Arc::new(base);
            for fresh in fresh {
                state.push(fresh);
            }
        }
        shared.come_down()?;
        Ok(shared)
    }

    /// The blocks of a file, without its journal.
    pub(super) fn base_of(&self, opened: &Opened) -> Base {
        let counters = opened.counters;
        let mut base = Base {
            journal_next: opened.journal_first,
            replaced_spans: counters.replaced_spans,
            duplicate_spans: counters.duplicate_spans,
            ..Base::default()
        };
        for record in &opened.blocks {
            let masked = opened.masks.get(&record.id).cloned().unwrap_or_default();
            base.stored.insert(record.id, self.stored(record.clone(), masked.clone(), masked));
        }
        base
    }

    /// What a journal entry says.
    pub(super) fn fresh(&self, journal: &JournalEntry) -> Result<Fresh, Error> {
        let corrupt = |cause| StorageError::Corrupt {
            place: format!("journal entry {}", journal.number),
            cause,
        };
        match entry::decode(&journal.payload).map_err(corrupt)? {
            Entry::Deleted(ids) => Ok(Fresh::Deleted(ids)),
            Entry::Spans(image, settled, retention) => {
                let block = in_memory(self.memory_id(), &image, &self.cache);
                let made = entry::made(&block, image, settled, retention)?;
                let (id, block) = self.head_block(made);
                Ok(Fresh::Spans(id, block, None))
            }
        }
    }

    fn memory_id(&self) -> BlockId {
        BlockId::in_memory(self.memory_blocks.fetch_add(1, Ordering::Relaxed))
    }

    /// A new block in memory.
    pub(super) fn head_block(&self, made: Made) -> (BlockId, HeadBlock) {
        let id = self.memory_id();
        (id, HeadBlock::new(id, made, &self.cache))
    }

    /// A block of the file, nothing of it read yet.
    pub(super) fn stored(
        &self,
        record: BlockRecord,
        masked: RoaringBitmap,
        durable_mask: RoaringBitmap,
    ) -> Stored {
        self.stored_on(record, (masked, durable_mask), Arc::<Storage>::clone(&self.storage))
    }

    /// The same, read through `chunks`; of the masks the second is the file's.
    pub(super) fn stored_on(
        &self,
        record: BlockRecord,
        (masked, durable_mask): (RoaringBitmap, RoaringBitmap),
        chunks: Arc<dyn Chunks>,
    ) -> Stored {
        let block = Arc::new(Block::new(Image {
            block: record.id,
            len: record.image_len,
            chunk_len: u64::from(record.chunk_len.max(1)),
            chunks,
            cache: Arc::clone(&self.cache),
        }));
        // A trace whose clocks ran backwards still takes place at its start.
        let times = BlockTimes {
            start: record.start,
            newest: record.newest,
            end: record.end.max(record.newest),
            retention: record.retention,
        };
        Stored::new(record, BlockView::new(block, masked, times), durable_mask)
    }

    /// The right to change the file's blocks.
    pub(super) fn maintainer(&self) -> MutexGuard<'_, Maintainer> {
        self.maintainer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What maintenance did. Held for moments only.
    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a journal entry waits for the medium.
    pub(super) fn flush(&self) -> Flush {
        match self.options.durability {
            Durability::EachCommit => Flush::Now,
            Durability::Within(_) => Flush::Later,
        }
    }
}

impl Drop for Shared {
    /// What was acknowledged is made durable; there is nobody to tell if that fails.
    fn drop(&mut self) {
        if self.flush() == Flush::Later {
            let _closed = self.storage.sync();
        }
    }
}
