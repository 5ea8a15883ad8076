//! Sealing: blocks in memory become blocks of the file. Invariant: one commit adds the blocks, masks
//! what moved into them, and ends the journal entries that are in them; before it nothing changes for
//! readers, and a crash loses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::maintain::Maintainer;
use super::shared::Shared;
use super::state::{Base, HeadBlock, Stored, place};
use crate::block::BlockId;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::head::{Made, Place, merge};
use crate::id::TraceId;
use crate::search::BlockView;
use crate::storage::{BlockRecord, Change, Counters, StorageError};

/// A seal that was committed.
struct Sealed<'a> {
    /// What readers saw when it began,
    before: &'a Base,
    /// and the same with what came with it.
    base: &'a Base,
    /// True if something came with it.
    is_extra: bool,
    added: &'a [BlockRecord],
    masks: &'a BTreeMap<BlockId, RoaringBitmap>,
    dropped: &'a [BlockId],
}

impl Shared {
    /// Moves everything in memory to the file, and `extra` with it: blocks of a batch that is too
    /// large for the journal. Gives the bytes written.
    pub(super) fn seal(&self, maintainer: &mut Maintainer, extra: Vec<Made>) -> Result<u64, Error> {
        let extra_bytes: u64 = extra.iter().map(|made| u64_of(made.image.len())).sum();
        self.retain_for_seal(maintainer, extra_bytes)?;
        let before = {
            let folding = self.folding();
            let folded = self.fold_only(&folding)?;
            let sealing = folded.head.keys().copied().collect();
            let reshaped = folded.reshaped + 1;
            let before = Base { sealing, reshaped, ..Base::clone(&folded) };
            self.publish(&folding, before.clone());
            before
        };
        let outcome = self.seal_base(maintainer, &before, extra);
        if outcome.is_err() {
            let folding = self.folding();
            let mut base = Base::clone(&self.state().base);
            base.sealing.clear();
            self.publish(&folding, base);
        }
        let bytes = outcome?;
        self.retain(maintainer)?;
        Ok(bytes)
    }

    fn seal_base(
        &self,
        maintainer: &mut Maintainer,
        before: &Base,
        extra: Vec<Made>,
    ) -> Result<u64, Error> {
        let mut base = before.clone();
        let is_extra = !extra.is_empty();
        self.add_blocks(&mut base, extra.into_iter().map(|made| self.head_block(made)).collect())?;
        let journal_ends = base.journal_next > maintainer.journal_first;
        let too_old_spans = self.retention.too_old_spans();
        let is_counted =
            Counters { too_old_spans, ..base.counters(maintainer.counters) } == maintainer.counters;
        if base.head.is_empty() && !journal_ends && is_counted {
            return Ok(0);
        }
        let mut added: Vec<BlockRecord> = Vec::new();
        let images = self.fitting(maintainer, self.sealed_images(&base)?);
        for made in images {
            added.push(self.write_block(maintainer, &made)?);
        }
        let (masks, dropped) = grown_masks(&base);
        let journal_first = journal_ends.then_some(base.journal_next);
        let after = sealed(&base, &added, &masks, &dropped);
        let counters = Counters { too_old_spans, ..base.counters(maintainer.counters) };
        self.storage.commit(&Change {
            added: &added,
            dropped: &dropped,
            masks: &masks,
            blocks_after: after.blocks,
            masked_after: after.masked,
            counters,
            journal_first,
        })?;
        maintainer.counters = counters;
        self.figures().dropped = counters.dropped;
        maintainer.journal_first = base.journal_next;
        self.retention.journal_ended(base.journal_bytes);
        self.warm_stored(&added);
        let (added, masks, dropped) = (&added, &masks, &dropped);
        let sealed = Sealed { before, base: &base, is_extra, added, masks, dropped };
        let shown = self.show_sealed(maintainer, &sealed);
        self.must_have_shown(shown)?;
        self.storage.remove_journal_before(maintainer.journal_first)?;
        maintainer.unsettled = true;
        Ok(added.iter().map(|record| record.image_len).sum())
    }

    /// The images of the blocks to write: large ones as they are, the others merged.
    fn sealed_images(&self, base: &Base) -> Result<Vec<Made>, Error> {
        let all: u64 = base.head.values().map(|block| u64::from(block.made.rows)).sum();
        let is_large = |block: &&HeadBlock| {
            let rows = u64::from(block.made.rows);
            block.view.masked.is_empty()
                && (rows >= u64_of(self.rows_max() / 4).max(1) || rows * 2 >= all)
        };
        let (large, small): (Vec<&HeadBlock>, Vec<&HeadBlock>) =
            base.head.values().partition(is_large);
        let places: Vec<Place<'_>> = small.iter().map(|block| place(&block.view)).collect();
        let mut images: Vec<Made> = large.into_iter().map(|block| block.made.clone()).collect();
        images.extend(merge(&places, self.rows_max())?);
        images.sort_by_key(|made| made.start);
        Ok(images)
    }

    /// Writes the chunks of a block, which nobody reads before its record is committed.
    pub(super) fn write_block(
        &self,
        maintainer: &mut Maintainer,
        made: &Made,
    ) -> Result<BlockRecord, StorageError> {
        let id = BlockId(maintainer.counters.next_block);
        maintainer.counters.next_block += 1;
        self.storage.write_chunks(id, &made.image)?;
        Ok(BlockRecord {
            id,
            rows: made.rows,
            traces: made.traces,
            events: made.events,
            links: made.links,
            image_len: u64_of(made.image.len()),
            chunk_len: self.storage.chunk_len(),
            start: made.start,
            newest: made.newest,
            end: made.end,
            retention: made.retention,
        })
    }

    /// Lets readers see what was committed. What was taken in meanwhile may have moved traces on.
    fn show_sealed(&self, maintainer: &mut Maintainer, sealed: &Sealed<'_>) -> Result<(), Error> {
        let before = sealed.before;
        let folding = self.folding();
        let now = Arc::clone(&self.state().base);
        let mut after = Base::clone(&now);
        after.sealing.clear();
        after.reshaped += 1;
        after.resent.retain(|(end, _)| *end > sealed.base.journal_next);
        after.replaced_spans += sealed.base.replaced_spans - before.replaced_spans;
        after.duplicate_spans += sealed.base.duplicate_spans - before.duplicate_spans;
        // Where something came with the seal, what moved on meanwhile is united with it below.
        let moved = if sealed.is_extra { Vec::new() } else { moved_on(before.head.iter(), &now)? };
        for id in before.head.keys() {
            after.head.remove(id);
        }
        for (id, mask) in sealed.masks {
            if let Some(stored) = after.stored.get_mut(id) {
                stored.durable_mask.clone_from(mask);
                *stored = stored.masked(&stored.view.masked | mask);
            }
        }
        for id in sealed.dropped {
            if let Some(stored) = after.stored.remove(id) {
                maintainer.retire(&stored);
            }
        }
        for record in sealed.added {
            let block = self.stored(record.clone(), RoaringBitmap::new(), RoaringBitmap::new());
            let pending = numbers_of(&block.view, &moved)?;
            after.stored.insert(record.id, block.masked(pending));
        }
        if sealed.is_extra {
            // What came meanwhile knew nothing of these traces.
            let newer: Vec<(BlockId, HeadBlock)> =
                std::mem::take(&mut after.head).into_iter().collect();
            let counted = (after.replaced_spans, after.duplicate_spans);
            self.add_blocks(&mut after, newer)?;
            (after.replaced_spans, after.duplicate_spans) = counted;
        }
        self.publish(&folding, after);
        Ok(())
    }
}

impl Shared {
    /// Where readers could not be shown what was committed, they go on seeing what was before, and
    /// nothing more is written on top of it.
    pub(super) fn must_have_shown<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.storage.refuse_writes(error);
        }
        outcome
    }
}

/// The ids of traces that counted in some blocks in memory, and have moved on in `now`.
pub(super) fn moved_on<'a>(
    before: impl Iterator<Item = (&'a BlockId, &'a HeadBlock)>,
    now: &Base,
) -> Result<Vec<TraceId>, Error> {
    let mut moved = Vec::new();
    for (id, block) in before {
        let gone: RoaringBitmap = match now.head.get(id) {
            Some(later) => &later.view.masked - &block.view.masked,
            None => (0..block.made.traces).collect::<RoaringBitmap>() - &block.view.masked,
        };
        for number in gone {
            moved.push(block.view.block.trace_id(number)?);
        }
    }
    Ok(moved)
}

/// The numbers that traces have in a block, those that it has.
pub(super) fn numbers_of(view: &BlockView, ids: &[TraceId]) -> Result<RoaringBitmap, Error> {
    let mut numbers = RoaringBitmap::new();
    for id in ids {
        numbers.extend(view.block.find_trace(*id)?);
    }
    Ok(numbers)
}

/// The masks that the file does not have yet, and the blocks that have nothing left.
fn grown_masks(base: &Base) -> (BTreeMap<BlockId, RoaringBitmap>, Vec<BlockId>) {
    let mut masks = BTreeMap::new();
    let mut dropped = Vec::new();
    for (id, stored) in base.stored.iter().filter(|(_, stored)| stored.is_pending()) {
        if stored.view.masked.len() >= u64::from(stored.record.traces) {
            dropped.push(*id);
        } else {
            masks.insert(*id, stored.view.masked.clone());
        }
    }
    (masks, dropped)
}

/// What the store record says after a commit.
pub(super) struct After {
    pub(super) blocks: Vec<(BlockId, u32)>,
    pub(super) masked: Vec<(BlockId, u64)>,
}

/// What there is after a commit that adds blocks, gives masks and drops blocks.
pub(super) fn sealed(
    base: &Base,
    added: &[BlockRecord],
    masks: &BTreeMap<BlockId, RoaringBitmap>,
    dropped: &[BlockId],
) -> After {
    let stays = |id: &BlockId| !dropped.contains(id);
    let kept = base.stored.values().filter(|stored| stays(&stored.record.id));
    let mut blocks: Vec<(BlockId, u32)> = kept
        .clone()
        .map(|stored| &stored.record)
        .chain(added)
        .map(|record| (record.id, record.chunks()))
        .collect();
    blocks.sort_unstable();
    let mask_len = |stored: &Stored| {
        let mask = masks.get(&stored.record.id).unwrap_or(&stored.durable_mask);
        (stored.record.id, mask.len())
    };
    let masked = kept.map(mask_len).filter(|(_, len)| *len > 0).collect();
    After { blocks, masked }
}
