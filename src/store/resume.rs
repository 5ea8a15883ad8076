//! Taking up work after a failed write without closing the store. Invariant: what readers see is then
//! what the file holds, all that was durable, and the numbers of blocks and entries go on from there.

use std::sync::Arc;

use super::events::Work;
use super::maintain::Maintainer;
use super::shared::Shared;
use super::state::{Base, Fresh, State};
use crate::error::Error;
use crate::storage::{Counters, Opened};

impl Shared {
    /// Has the store write again; false where no write had failed.
    pub(super) fn resume(&self) -> Result<bool, Error> {
        let mut maintainer = self.maintainer();
        self.during(Work::Recovery, || {
            self.queue.alone(|next| {
                let Some(opened) = self.storage.resume()? else { return Ok(false) };
                self.take_up(&mut maintainer, &opened)?;
                *next = opened.journal_next;
                Ok(true)
            })
        })
    }

    /// Begins anew with what the file holds. Where its journal cannot be read, no more is written.
    fn take_up(&self, maintainer: &mut Maintainer, opened: &Opened) -> Result<(), Error> {
        let fresh = opened.journal.iter().map(|entry| self.fresh(entry));
        let fresh = self.must_have_shown(fresh.collect::<Result<Vec<Fresh>, Error>>())?;
        let _folding = self.folding();
        let before = Arc::clone(&self.state().base);
        self.let_go(maintainer, &before, opened);
        let reshaped = before.reshaped + 1;
        let base = Base { reshaped, ..self.base_of(opened) };
        let mut state = State { base: Arc::new(base), ..State::default() };
        for fresh in fresh {
            state.push(fresh);
        }
        // What was read through the file of before is read again.
        self.cache.clear();
        *self.state() = state;
        self.retention.journal_ended(0);
        let next_block = maintainer.counters.next_block.max(opened.counters.next_block);
        maintainer.counters = Counters { next_block, ..opened.counters };
        maintainer.journal_first = opened.journal_first;
        maintainer.unsettled = true;
        let mut figures = self.figures();
        figures.dropped = opened.counters.dropped;
        figures.over_share = opened.counters.over_share;
        Ok(())
    }

    /// Whoever still reads a block whose chunks are gone now is told so.
    fn let_go(&self, maintainer: &mut Maintainer, before: &Base, opened: &Opened) {
        let stays = |id| opened.blocks.iter().any(|record| record.id == id);
        for stored in before.stored.values().filter(|stored| !stays(stored.record.id)) {
            maintainer.retire(stored);
        }
        self.expire_retired(maintainer);
    }
}
