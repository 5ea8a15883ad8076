//! The largest share of one service: where the store is so full that room has to be made before long,
//! the oldest traces of a service that has more go first. Invariants: a trace goes whole or stays; none
//! that the journal has spans of goes; what goes is masked in the file as deleting would.

use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::events::Work;
use super::maintain::Maintainer;
use super::seal::sealed;
use super::shared::Shared;
use super::state::{Base, Stored};
use super::surplus::{Chosen, Wanted, chosen, weighed};
use crate::block::Section;
use crate::codec::cast::usize_of;
use crate::error::Error;
use crate::id::TraceId;
use crate::storage::{Change, Dropped};
use crate::time::Timestamp;

/// A block is written anew once one in so many of its rows count no more because of a share.
const DEAD_SHARE: u64 = 8;

impl Shared {
    /// Drops the oldest traces of services that have more than their share, where the store is full
    /// enough for that.
    pub(super) fn retain_shares(&self, maintainer: &mut Maintainer) -> Result<(), Error> {
        let Some((percent, filled)) = self.retention.share() else { return Ok(()) };
        let base = Arc::clone(&self.state().base);
        let taken: u64 = base.stored.values().map(|stored| stored.record.stored_bytes()).sum();
        let state = base.stored.values().map(|stored| (stored.record.id, stored.view.masked.len()));
        if taken <= filled || state.clone().eq(maintainer.charges.settled.iter().copied()) {
            return Ok(());
        }
        let wanted = Wanted {
            percent: u64::from(percent),
            over: taken - filled,
            block_bytes: self.retention.block_bytes_max(),
        };
        if !self.drop_over(maintainer, &base, wanted)? {
            maintainer.charges.settled = state.collect();
        }
        Ok(())
    }

    /// Drops what is over the shares; false where there is nothing to drop.
    pub(super) fn drop_over(
        &self,
        maintainer: &mut Maintainer,
        base: &Base,
        wanted: Wanted,
    ) -> Result<bool, Error> {
        let chosen = chosen(&weighed(base, &mut maintainer.charges), wanted);
        if chosen.is_empty() {
            return Ok(false);
        }
        self.drop_traces(maintainer, chosen)?;
        Ok(true)
    }

    /// Drops traces of blocks of the file, and gets back the room where that is worth it.
    fn drop_traces(&self, maintainer: &mut Maintainer, chosen: Chosen) -> Result<(), Error> {
        let (gone, after) = self.hide(chosen)?;
        if gone.is_empty() {
            return Ok(());
        }
        self.during(Work::Retention, || self.mask_durably(maintainer, &gone, &after))?;
        for id in gone.keys() {
            let is_worth = self.state().base.stored.get(id).is_some_and(is_much_dead);
            if is_worth {
                let outcome = self.during(Work::Compaction, || self.rewrite(maintainer, &[*id]));
                // One that cannot be read is not to keep the others from being written.
                self.note(outcome.map(drop));
                self.remove_retired(maintainer)?;
            }
        }
        Ok(())
    }

    /// Has readers see the traces no more, those apart that moved or came again, from before they are
    /// masked in the file: what comes in meanwhile is not joined with what goes.
    fn hide(&self, chosen: Chosen) -> Result<(Chosen, Base), Error> {
        let folding = self.folding();
        let base = self.fold_only(&folding)?;
        let mut after = Base::clone(&base);
        let mut gone = Chosen::new();
        let resent: BTreeSet<TraceId> =
            base.resent.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        for (id, traces) in chosen {
            let Some(stored) = base.stored.get(&id) else { continue };
            let mut traces = traces - &stored.view.masked;
            for id in &resent {
                if let Some(number) = stored.view.block.find_trace(*id)? {
                    traces.remove(number);
                }
            }
            if !traces.is_empty() {
                after.mask(id, &traces);
                gone.insert(id, traces);
            }
        }
        if !gone.is_empty() {
            self.publish(&folding, after.clone());
        }
        Ok((gone, after))
    }

    /// Masks in the file what readers see no more; `after` is what is left.
    fn mask_durably(
        &self,
        maintainer: &mut Maintainer,
        gone: &Chosen,
        after: &Base,
    ) -> Result<(), Error> {
        let mut masks = Chosen::new();
        let mut empty = Vec::new();
        for (id, traces) in gone {
            let Some(stored) = after.stored.get(id) else { continue };
            count(&mut maintainer.counters.over_share, stored, traces);
            let mask = &stored.durable_mask | traces;
            if mask.len() >= u64::from(stored.record.traces) {
                empty.push(*id);
            } else {
                masks.insert(*id, mask);
            }
        }
        let left = sealed(after, &[], &masks, &empty);
        self.storage.commit(&Change {
            added: &[],
            dropped: &empty,
            masks: &masks,
            blocks_after: left.blocks,
            masked_after: left.masked,
            counters: maintainer.counters,
            journal_first: None,
        })?;
        self.figures().over_share = maintainer.counters.over_share;
        let folding = self.folding();
        let mut now = Base::clone(&self.state().base);
        for (id, mask) in masks {
            if let Some(stored) = now.stored.get_mut(&id) {
                stored.durable_mask = mask;
            }
        }
        for id in &empty {
            if let Some(stored) = now.stored.remove(id) {
                maintainer.retire(&stored);
            }
        }
        self.publish(&folding, now);
        Ok(())
    }

    /// Seals, and drops every trace that is charged to a service.
    #[cfg(test)]
    pub(super) fn drop_service(&self, service: &str) -> Result<(), Error> {
        let mut maintainer = self.maintainer();
        self.seal(&mut maintainer, Vec::new())?;
        let base = Arc::clone(&self.state().base);
        let blocks = weighed(&base, &mut maintainer.charges);
        let all =
            blocks.iter().map(|block| (block.stored.record.id, block.traces_of(service, None)));
        self.drop_traces(&mut maintainer, all.collect())
    }
}

fn is_much_dead(stored: &Stored) -> bool {
    let dead = stored.view.masked_len().unwrap_or(0);
    dead * DEAD_SHARE >= u64::from(stored.record.rows)
}

/// Takes note of traces that go.
fn count(dropped: &mut Dropped, stored: &Stored, traces: &RoaringBitmap) {
    let (view, block) = (&stored.view, &stored.view.block);
    let time = Timestamp::from_unix_nanos;
    let (starts, ends) = (block.wide(Section::TraceStarts), block.wide(Section::TraceEnds));
    let firsts = block.trace_first_rows().unwrap_or_default();
    let (mut start, mut end) = (view.end, view.start);
    let mut spans = 0;
    for trace in traces {
        let at = usize_of(trace);
        // A trace whose clocks ran backwards still takes place at its start.
        let from = starts.iter().find_map(|starts| starts.get(at).copied());
        let to = ends.iter().find_map(|ends| ends.get(at).copied());
        let from = from.map_or(view.start, time);
        start = start.min(from);
        end = end.max(to.map_or(view.end, time)).max(from);
        let bounds = firsts.get(at).zip(firsts.get(at + 1));
        spans += bounds.map_or(0, |(first, next)| u64::from(next.saturating_sub(*first)));
    }
    dropped.add((traces.len(), spans), start, end);
}
