//! What keeps a store in shape: sealing, compaction, removal of what nobody reads any more. Invariant:
//! one thread does it at a time, and a failure changes nothing that counts.

use std::sync::Arc;
use std::time::Instant;

use super::events::Work;
use super::retired::Retired;
use super::shared::Shared;
use super::surplus::ChargeTables;
use super::verify::chain;
use crate::error::Error;
use crate::head::Made;
use crate::options::Maintenance;
use crate::storage::{Counters, Dropped, Flush};

/// Merging blocks of fewer spans than this takes moments.
const SMALL_ROWS: u64 = 1 << 14;

/// What only the one that maintains needs.
#[derive(Debug)]
pub(super) struct Maintainer {
    /// The counters as of the last commit, but for the next block's number, which runs ahead.
    pub(super) counters: Counters,
    /// The first journal entry that is in no block of the file.
    pub(super) journal_first: u64,
    /// Blocks that count no more, whose chunks are removed when nobody reads them.
    pub(super) retired: Vec<Retired>,
    /// True if bytes were given up since, which redb uses again after two durable commits only.
    pub(super) unsettled: bool,
    /// Which services have how much of the blocks.
    pub(super) charges: ChargeTables,
    /// When the last seal ended.
    pub(super) sealed_at: Instant,
    /// True if a compaction of the background failed since the last seal.
    gave_up: bool,
}

/// What maintenance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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
    /// What retention dropped since the store was made.
    pub(super) dropped: Dropped,
    /// What was dropped because a service had more than its share, since the store was made.
    pub(super) over_share: Dropped,
    /// Spans that were refused because their trace was full.
    pub(super) refused_spans: u64,
}

impl Maintainer {
    pub(super) fn new(counters: Counters, journal_first: u64) -> Self {
        Self {
            counters,
            journal_first,
            retired: Vec::new(),
            unsettled: false,
            charges: ChargeTables::default(),
            sealed_at: Instant::now(),
            gave_up: false,
        }
    }
}

impl Shared {
    /// Seals everything and compacts until nothing is left to do.
    pub(super) fn maintain(&self) -> Result<Maintained, Error> {
        let mut maintainer = self.maintainer();
        let mut done = Maintained::default();
        self.seal_once(&mut maintainer, &mut done)?;
        self.compact_all(&mut maintainer, &mut done)?;
        self.retain(&mut maintainer)?;
        self.shrink_file()?;
        Ok(done)
    }

    /// Seals, and tells what went wrong before.
    pub(super) fn close(&self) -> Result<(), Error> {
        let mut maintainer = self.maintainer();
        self.seal_once(&mut maintainer, &mut Maintained::default())?;
        self.retain(&mut maintainer)?;
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
        let written_bytes = self.during(Work::Seal, || self.seal(&mut maintainer, made))?;
        self.add_figures(Maintained { seals: 1, written_bytes, ..Maintained::default() });
        if self.options.maintenance == Maintenance::Background {
            // The batch is stored, whatever becomes of this.
            self.note(self.compact_small(&mut maintainer));
        }
        Ok(())
    }

    /// Merges small blocks, of which large batches leave one each: the traces that began before them.
    fn compact_small(&self, maintainer: &mut Maintainer) -> Result<(), Error> {
        loop {
            let chosen = self.to_compact();
            let base = Arc::clone(&self.state().base);
            let rows = chosen.iter().filter_map(|id| base.stored.get(id));
            let rows: u64 = rows.map(|stored| u64::from(stored.record.rows)).sum();
            if rows >= SMALL_ROWS || !self.compact_step(maintainer, &mut Maintained::default())? {
                return Ok(());
            }
        }
    }

    /// Seals where that is due, and compacts.
    pub(super) fn maintain_if_due(&self) -> Result<Maintained, Error> {
        let mut done = Maintained::default();
        let mut maintainer = self.maintainer();
        let size = self.memory_size();
        let is_old = size.rows > 0 && maintainer.sealed_at.elapsed() >= self.options.seal_after;
        if is_old || size.is_over(self, 1) {
            self.seal_once(&mut maintainer, &mut done)?;
            maintainer.gave_up = false;
        }
        // Large batches leave blocks too, where nothing is ever in memory long enough to be sealed. What
        // failed is not tried over and over, but after the next seal.
        if !maintainer.gave_up {
            let compacted = self.compact_all(&mut maintainer, &mut done);
            maintainer.gave_up = compacted.is_err();
            compacted?;
        }
        self.retain(&mut maintainer)?;
        Ok(done)
    }

    pub(super) fn seal_once(
        &self,
        maintainer: &mut Maintainer,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let bytes = self.during(Work::Seal, || self.seal(maintainer, Vec::new()))?;
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

    fn compact_once(&self, maintainer: &mut Maintainer) -> Result<Option<u64>, Error> {
        self.retain(maintainer)?;
        let chosen = self.to_compact();
        if chosen.is_empty() {
            return Ok(None);
        }
        self.during(Work::Compaction, || self.rewrite(maintainer, &chosen))
    }

    fn compact_all(&self, maintainer: &mut Maintainer, done: &mut Maintained) -> Result<(), Error> {
        while self.compact_step(maintainer, done)? {}
        Ok(())
    }

    /// True if there was something to compact.
    fn compact_step(
        &self,
        maintainer: &mut Maintainer,
        done: &mut Maintained,
    ) -> Result<bool, Error> {
        let Some(bytes) = self.compact_once(maintainer)? else { return Ok(false) };
        let step = Maintained { compactions: 1, written_bytes: bytes, ..Maintained::default() };
        self.add_figures(step);
        done.compactions += 1;
        done.written_bytes += bytes;
        Ok(true)
    }

    /// How much is in memory.
    pub(super) fn memory_size(&self) -> MemorySize {
        let (base, fresh) = {
            let state = self.state();
            (Arc::clone(&state.base), state.fresh_size)
        };
        let (bytes, rows) = base.head_size();
        let journal_bytes = self.retention.journal_bytes(base.journal_bytes) + fresh.journal_bytes;
        MemorySize { bytes: bytes + fresh.bytes, rows: rows + fresh.rows, journal_bytes }
    }

    /// Takes note of what background work ended with.
    pub(super) fn note(&self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            self.figures().failed = Some(chain(&error));
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
    /// Bytes of the file that journal entries take.
    pub(super) journal_bytes: u64,
}

impl MemorySize {
    /// True if it is at least so many times what a seal is for.
    pub(super) fn is_over(self, shared: &Shared, times: u64) -> bool {
        let options = &shared.options;
        let bytes_max = options.head_bytes_max.saturating_mul(times);
        let is_capped = options.bytes_max.is_some();
        self.bytes >= bytes_max
            || is_capped && self.journal_bytes >= bytes_max
            || self.rows >= u64::from(options.block_rows_max).saturating_mul(times)
    }
}
