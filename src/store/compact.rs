//! Compaction: small and much masked blocks of the file become larger ones. Invariant: what it drops
//! is masked in the file already; a trace that only the journal masks is kept, and stays masked.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::maintain::Maintainer;
use super::seal::{numbers_of, sealed};
use super::shared::Shared;
use super::state::{Base, Stored};
use crate::block::BlockId;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::head::{Place, merge};
use crate::storage::{BlockRecord, Change};

/// So many blocks of one size class are merged into one.
const MERGE_FANOUT: usize = 4;
/// A block is rewritten alone once so many in a hundred of its traces have moved on.
const MASKED_PERCENT_MAX: u64 = 50;

/// The blocks to make one of; none where all is well.
fn chosen(base: &Base, rows_max: u64, bytes_max: u64) -> Vec<BlockId> {
    let much_masked = base.stored.values().find(|stored| {
        stored.durable_mask.len() * 100 >= u64::from(stored.record.traces) * MASKED_PERCENT_MAX
    });
    if let Some(stored) = much_masked {
        return vec![stored.record.id];
    }
    // Blocks of one size class are merged when there are enough: a span moves once a class at most.
    let class = |rows: u32| rows.max(1).ilog2() / MERGE_FANOUT.ilog2();
    let mut classes: BTreeMap<u32, Vec<&Stored>> = BTreeMap::new();
    for stored in base.stored.values() {
        classes.entry(class(stored.record.rows)).or_default().push(stored);
    }
    for mut peers in classes.into_values() {
        peers.sort_by_key(|stored| (stored.record.newest, stored.record.id));
        // Of neighbours in time those that fit, the oldest first.
        for run in peers.windows(MERGE_FANOUT) {
            let rows: u64 = run.iter().map(|stored| u64::from(stored.record.rows)).sum();
            let bytes: u64 = run.iter().map(|stored| stored.record.image_len).sum();
            if rows <= rows_max && bytes <= bytes_max {
                return run.iter().map(|stored| stored.record.id).collect();
            }
        }
    }
    Vec::new()
}

impl Shared {
    /// The blocks that the next step of compaction makes one of; none where all is well.
    pub(super) fn to_compact(&self) -> Vec<BlockId> {
        let base = std::sync::Arc::clone(&self.state().base);
        chosen(&base, u64_of(self.rows_max()), self.retention.block_bytes_max())
    }

    /// Writes the traces of some blocks that count as new ones; gives the bytes written, `None`
    /// where there is no such block.
    pub(super) fn rewrite(
        &self,
        maintainer: &mut Maintainer,
        chosen: &[BlockId],
    ) -> Result<Option<u64>, Error> {
        let base = std::sync::Arc::clone(&self.state().base);
        let blocks: Vec<&Stored> = chosen.iter().filter_map(|id| base.stored.get(id)).collect();
        if blocks.is_empty() {
            return Ok(None);
        }
        let places: Vec<Place<'_>> = blocks
            .iter()
            .map(|stored| Place {
                block: &stored.view.block,
                masked: &stored.durable_mask,
                retention: stored.record.retention,
            })
            .collect();
        let mut added: Vec<BlockRecord> = Vec::new();
        for made in merge(&places, self.rows_max())? {
            added.push(self.write_block(maintainer, &made)?);
        }
        let none = BTreeMap::new();
        let after = sealed(&base, &added, &none, chosen);
        self.storage.commit(&Change {
            added: &added,
            dropped: chosen,
            masks: &none,
            blocks_after: after.blocks,
            masked_after: after.masked,
            counters: maintainer.counters,
            journal_first: None,
        })?;
        self.warm_stored(&added);
        let shown = self.show_compacted(maintainer, chosen, &added);
        self.must_have_shown(shown)?;
        Ok(Some(added.iter().map(|record| record.image_len).sum()))
    }

    /// Lets readers see the new blocks; what the journal masked in the old ones is masked in them.
    fn show_compacted(
        &self,
        maintainer: &mut Maintainer,
        old: &[BlockId],
        added: &[BlockRecord],
    ) -> Result<(), Error> {
        let folding = self.folding();
        let mut after = Base::clone(&self.state().base);
        let mut pending = Vec::new();
        for id in old {
            let Some(stored) = after.stored.remove(id) else { continue };
            for number in &stored.view.masked - &stored.durable_mask {
                pending.push(stored.view.block.trace_id(number)?);
            }
            maintainer.retire(&stored);
        }
        for record in added {
            let block = self.stored(record.clone(), RoaringBitmap::new(), RoaringBitmap::new());
            let masked = numbers_of(&block.view, &pending)?;
            after.stored.insert(record.id, block.masked(masked));
        }
        self.publish(&folding, after);
        Ok(())
    }
}
