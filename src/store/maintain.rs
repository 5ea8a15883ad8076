//! What keeps a store in shape: sealing, compaction, removal of what nobody reads any more. Invariant:
//! one thread does it at a time, and a failure changes nothing that counts.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::shared::Shared;
use crate::block::{Block, BlockId};
use crate::error::Error;
use crate::head::Made;
use crate::storage::{Counters, Flush, StorageError};

/// What only the one that maintains needs.
#[derive(Debug)]
pub(super) struct Maintainer {
    /// The counters as of the last commit, but for the next block's number, which runs ahead.
    pub(super) counters: Counters,
    /// The first journal entry that is in no block of the file.
    pub(super) journal_first: u64,
    /// Blocks that count no more, whose chunks are removed when nobody reads them.
    retired: Vec<(BlockId, Weak<Block>)>,
    /// When the last seal ended.
    pub(super) sealed_at: Instant,
}

/// What maintenance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Maintained {
    /// Times that what was in memory was moved to blocks of the file.
    pub seals: u64,
    /// Steps of compaction, each of which made one block of several.
    pub compactions: u64,
    /// Bytes of the images written.
    pub written_bytes: u64,
}

/// What maintenance did since the store was opened.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) done: Maintained,
    pub(super) failed: Option<String>,
    /// Spans that were refused because their trace was full.
    pub(super) refused_spans: u64,
}

impl Maintainer {
    pub(super) fn new(counters: Counters, journal_first: u64) -> Self {
        Self { counters, journal_first, retired: Vec::new(), sealed_at: Instant::now() }
    }

    /// Takes note of a block that counts no more.
    pub(super) fn retire(&mut self, id: BlockId, block: &Arc<Block>) {
        self.retired.push((id, Arc::downgrade(block)));
    }
}

impl Shared {
    /// Seals everything and compacts until nothing is left to do.
    pub(super) fn maintain(&self) -> Result<Maintained, Error> {
        let mut maintainer = self.maintainer();
        let mut done = Maintained::default();
        self.seal_once(&mut maintainer, &mut done)?;
        self.compact_all(&mut maintainer, &mut done)?;
        self.remove_retired(&mut maintainer)?;
        Ok(done)
    }

    /// Seals, and tells what went wrong before.
    pub(super) fn close(&self) -> Result<(), Error> {
        let mut maintainer = self.maintainer();
        self.seal_once(&mut maintainer, &mut Maintained::default())?;
        self.remove_retired(&mut maintainer)?;
        if self.flush() == Flush::Later {
            self.storage.sync()?;
        }
        match self.figures().failed.take() {
            Some(failed) => Err(Error::Maintenance(failed)),
            None => Ok(()),
        }
    }

    /// Moves blocks of a large batch to the file, with all that is in memory.
    pub(super) fn seal_with(&self, made: Vec<Made>) -> Result<(), Error> {
        let mut maintainer = self.maintainer();
        let written_bytes = self.seal(&mut maintainer, made)?;
        self.add_figures(Maintained { seals: 1, written_bytes, ..Maintained::default() });
        Ok(())
    }

    /// Seals where that is due, then compacts.
    pub(super) fn maintain_if_due(&self) -> Result<Maintained, Error> {
        let mut done = Maintained::default();
        let mut maintainer = self.maintainer();
        let size = self.memory_size();
        let is_old = size.rows > 0 && maintainer.sealed_at.elapsed() >= self.options.seal_after;
        if is_old || size.is_over(self, 1) {
            self.seal_once(&mut maintainer, &mut done)?;
            self.compact_all(&mut maintainer, &mut done)?;
        }
        self.remove_retired(&mut maintainer)?;
        Ok(done)
    }

    pub(super) fn seal_once(
        &self,
        maintainer: &mut Maintainer,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let bytes = self.seal(maintainer, Vec::new())?;
        maintainer.sealed_at = Instant::now();
        let step = Maintained {
            seals: u64::from(bytes > 0),
            written_bytes: bytes,
            ..Maintained::default()
        };
        self.add_figures(step);
        done.seals += step.seals;
        done.written_bytes += bytes;
        Ok(())
    }

    fn compact_all(&self, maintainer: &mut Maintainer, done: &mut Maintained) -> Result<(), Error> {
        while let Some(bytes) = self.compact(maintainer)? {
            let step = Maintained { compactions: 1, written_bytes: bytes, ..Maintained::default() };
            self.add_figures(step);
            done.compactions += 1;
            done.written_bytes += bytes;
        }
        Ok(())
    }

    /// Removes the chunks of retired blocks that nobody reads.
    pub(super) fn remove_retired(&self, maintainer: &mut Maintainer) -> Result<(), StorageError> {
        let (free, held): (Vec<_>, Vec<_>) =
            maintainer.retired.drain(..).partition(|(_, block)| block.strong_count() == 0);
        maintainer.retired = held;
        if maintainer.retired.is_empty() {
            self.storage.forget_replaced();
        }
        free.into_iter().try_for_each(|(id, _)| self.storage.remove_chunks(id))
    }

    /// How much is in memory.
    pub(super) fn memory_size(&self) -> MemorySize {
        let (base, fresh) = {
            let state = self.state();
            (Arc::clone(&state.base), state.fresh_size)
        };
        let (bytes, rows) = base.head_size();
        MemorySize { bytes: bytes + fresh.bytes, rows: rows + fresh.rows }
    }

    /// Takes note of what background work ended with.
    pub(super) fn note(&self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            self.figures().failed = Some(text);
        }
    }

    fn add_figures(&self, done: Maintained) {
        let mut figures = self.figures();
        figures.done.seals += done.seals;
        figures.done.compactions += done.compactions;
        figures.done.written_bytes += done.written_bytes;
    }
}

/// How much is in memory, not yet in blocks of the file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MemorySize {
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

impl MemorySize {
    /// True if it is at least so many times what a seal is for.
    pub(super) fn is_over(self, shared: &Shared, times: u64) -> bool {
        let options = &shared.options;
        self.bytes >= options.head_bytes_max.saturating_mul(times)
            || self.rows >= u64::from(options.block_rows_max).saturating_mul(times)
    }
}
