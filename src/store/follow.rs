//! A store that another process writes, or nobody: its file is read and never written to. Invariant:
//! each question is answered from one commit, the newest there is when it is asked; while it is
//! answered redb keeps that commit's pages, and no longer.

use std::sync::{Arc, Mutex, PoisonError};

use super::shared::Shared;
use super::state::{Base, Fresh, Stored};
use crate::block::Chunks;
use crate::error::Error;
use crate::storage::{Marks, Opened};

/// What tells whether the file moved on since it was last read; nothing before the first time.
#[derive(Debug, Default)]
pub(super) struct Follower {
    seen: Mutex<Option<Marks>>,
}

impl Shared {
    /// An error where the store was opened to be read only.
    pub(super) fn writable(&self) -> Result<(), Error> {
        if self.storage.is_read_only() { Err(Error::ReadOnly) } else { Ok(()) }
    }

    /// What the file holds now. What was read before is kept, as far as it is the same; the chunks are
    /// read through a snapshot that ends with the last reader of what is given back.
    pub(super) fn follow(&self, follower: &Follower) -> Result<Arc<Base>, Error> {
        let mut seen = follower.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.storage.follow_place()? {
            // It may be a file of anybody's: nothing that was read of the other one counts.
            *seen = None;
            self.cache.clear();
        }
        let snapshot = Arc::new(self.storage.snapshot()?);
        let marks = snapshot.marks()?;
        let known = seen.take().filter(|known| known.has_blocks_of(&marks));
        let base = if let Some(known) = known {
            let kept = Arc::clone(&self.state().base);
            let mut base = self.bound(&kept, &snapshot);
            if known != marks {
                let opened = snapshot.load(kept.journal_next)?;
                if let Some(aside) = self.add_journal(&mut base, &opened)? {
                    return Ok(Arc::new(aside));
                }
            }
            base
        } else {
            let opened = snapshot.load(0)?;
            let mut figures = self.figures();
            figures.dropped = opened.counters.dropped;
            figures.over_share = opened.counters.over_share;
            drop(figures);
            self.retention.set_too_old(opened.counters.too_old_spans);
            let mut base = self.bound(&self.base_of(&opened), &snapshot);
            if let Some(aside) = self.add_journal(&mut base, &opened)? {
                return Ok(Arc::new(aside));
            }
            base
        };
        // What is kept must not hold the snapshot.
        self.state().base = Arc::new(self.bound(&base, &self.storage));
        *seen = Some(marks);
        Ok(Arc::new(base))
    }

    /// Joins what the journal has; gives what readers see where that cannot be done.
    fn add_journal(&self, base: &mut Base, opened: &Opened) -> Result<Option<Base>, Error> {
        let fresh = opened.journal.iter().map(|entry| self.fresh(entry));
        let fresh = fresh.collect::<Result<Vec<Fresh>, Error>>()?;
        let mut joined = base.clone();
        if let Err(error) = self.fold_into(&mut joined, &fresh) {
            return self.aside(base, &fresh, error).map(Some);
        }
        *base = joined;
        base.journal_next = opened.journal_next;
        self.merge_many(base)?;
        Ok(None)
    }

    /// The same with its blocks read through `chunks`.
    fn bound<C: Chunks + 'static>(&self, base: &Base, chunks: &Arc<C>) -> Base {
        let bound = |stored: &Stored| {
            let masks = (stored.view.masked.clone(), stored.durable_mask.clone());
            self.stored_on(stored.record.clone(), masks, Arc::<C>::clone(chunks))
        };
        let stored = base.stored.iter().map(|(id, stored)| (*id, bound(stored))).collect();
        Base { stored, ..base.clone() }
    }
}
