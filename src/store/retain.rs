//! Retention: whole blocks are dropped, by age and to make room, in order of their latest retention
//! time. Invariants: nothing is dropped while something older is kept in another block; a block of
//! which traces were pulled into memory, or came again in part, is dropped only after the journal has
//! nothing of them any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::events::Work;
use super::maintain::Maintainer;
use super::seal::sealed;
use super::shared::Shared;
use super::state::{Base, Stored};
use crate::block::{BlockId, OrderedTrace, Staging};
use crate::codec::cast::{u64_of, usize_of};
use crate::error::Error;
use crate::head::{Made, make};
use crate::id::TraceId;
use crate::options::Options;
use crate::storage::{BlockRecord, Change, Counters, image_bytes};
use crate::time::Timestamp;

/// A block takes at most one part in so many of the cap,
const BLOCK_SHARE: u64 = 32;
/// and what is in memory, or in the journal, one in so many.
const HEAD_SHARE: u64 = 64;
/// What is free after each step, in the parts of the line before: the journal at twice what it should
/// be, a seal, and a step of compaction.
const FREE_PARTS: u64 = 5;
/// One part in so many of the cap, and these bytes, are for all that is no chunk and no journal.
const OTHER_SHARE: u64 = 64;
const OTHER_BYTES: u64 = 1 << 20;
/// Shares of services count from so much of the cap on, in quarters: what comes in until room has to
/// be made is then that of the others.
const SHARED_QUARTERS: u64 = 3;
/// Bytes of a span, as long as none is known.
const ROW_BYTES: u64 = 256;

/// What a cap on bytes asks for, and what is counted for it.
#[derive(Debug)]
pub(super) struct Retention {
    pub(super) bytes_max: Option<u64>,
    service_share_max: Option<u8>,
    block_rows_max: u32,
    /// Rows of a block that keep it below its part of the cap, judged by the blocks so far.
    rows_max: AtomicU32,
    too_old_spans: AtomicU64,
    /// Bytes of journal entries that are in blocks of the file, since the store was opened.
    journal_ended: AtomicU64,
}

impl Retention {
    /// What `options` ask for; they are changed to what the cap leaves room for.
    pub(super) fn new(options: &mut Options, counters: Counters, blocks: &[BlockRecord]) -> Self {
        let mut rows_max = options.block_rows_max;
        if let Some(bytes) = options.bytes_max {
            options.head_bytes_max = options.head_bytes_max.min(bytes / HEAD_SHARE);
            rows_max = rows_max.min(saturated(bytes / BLOCK_SHARE / ROW_BYTES)).max(1);
        }
        let retention = Self {
            bytes_max: options.bytes_max,
            service_share_max: options.service_share_max,
            block_rows_max: options.block_rows_max,
            rows_max: AtomicU32::new(rows_max),
            too_old_spans: AtomicU64::new(counters.too_old_spans),
            journal_ended: AtomicU64::new(0),
        };
        retention.learn(blocks.iter().map(|block| (block.rows, block.image_len)));
        retention
    }

    /// Bytes of a block, unless a single trace is larger.
    pub(super) fn block_bytes_max(&self) -> u64 {
        self.bytes_max.map_or(u64::MAX, |bytes| bytes / BLOCK_SHARE)
    }

    pub(super) fn too_old_spans(&self) -> u64 {
        self.too_old_spans.load(Ordering::Relaxed)
    }

    /// What the file says of them.
    pub(super) fn set_too_old(&self, spans: u64) {
        self.too_old_spans.store(spans, Ordering::Relaxed);
    }

    /// Bytes of journal entries that are in memory, of those ever folded.
    pub(super) fn journal_bytes(&self, folded: u64) -> u64 {
        folded.saturating_sub(self.journal_ended.load(Ordering::Relaxed))
    }

    /// Journal entries up to so many bytes are in blocks.
    pub(super) fn journal_ended(&self, bytes: u64) {
        self.journal_ended.store(bytes, Ordering::Relaxed);
    }

    /// Judges by blocks how many rows one may have.
    fn learn(&self, blocks: impl Iterator<Item = (u32, u64)>) {
        let most = self.block_bytes_max();
        // In a small block what is there once takes a part that says nothing about a large one.
        let large = blocks.filter(|(_, bytes)| *bytes >= most / 8);
        let fitting =
            large.map(|(rows, bytes)| most.saturating_mul(u64::from(rows)) / bytes.max(1));
        if let Some(rows) = fitting.min().map(saturated) {
            self.rows_max.store(rows.clamp(1, self.block_rows_max), Ordering::Relaxed);
        }
    }

    /// The percent that one service may have, and the bytes of blocks from which on that counts.
    pub(super) fn share(&self) -> Option<(u8, u64)> {
        Some((self.service_share_max?, self.bytes_max? / 4 * SHARED_QUARTERS))
    }

    /// Bytes that chunks and journal may take.
    fn target(&self) -> Option<u64> {
        let bytes = self.bytes_max?;
        Some(bytes - bytes / OTHER_SHARE - OTHER_BYTES.min(bytes / 4))
    }
}

fn saturated(rows: u64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

/// What is to go: blocks older than a time, and as many as are over so many bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) oldest: Option<Timestamp>,
    pub(super) bytes: Option<u64>,
}

impl Limits {
    /// The blocks to drop, in order, as far as they may be dropped now.
    fn chosen(self, base: &Base) -> Vec<BlockId> {
        let mut blocks: Vec<&Stored> = base.stored.values().collect();
        blocks.sort_by_key(|stored| (stored.record.retention, stored.record.id));
        let mut left: u64 = blocks.iter().map(|stored| stored.record.stored_bytes()).sum();
        let goes = |stored: &&&Stored| {
            let is_old = self.oldest.is_some_and(|oldest| stored.record.retention < oldest);
            let is_over = self.bytes.is_some_and(|bytes| left > bytes);
            left -= stored.record.stored_bytes();
            (is_old || is_over) && !stored.is_pending() && !has_resent(stored, &base.resent)
        };
        blocks.iter().take_while(goes).map(|stored| stored.record.id).collect()
    }
}

/// True if the journal has spans of a trace that lies in the block.
fn has_resent(stored: &Stored, resent: &[(u64, Arc<[TraceId]>)]) -> bool {
    let counts = |id: &TraceId| {
        let number = stored.view.block.find_trace(*id).ok().flatten();
        number.is_some_and(|number| !stored.view.masked.contains(number))
    };
    resent.iter().any(|(_, ids)| ids.iter().any(counts))
}

impl Shared {
    /// Most rows of a block.
    pub(super) fn rows_max(&self) -> usize {
        usize_of(self.retention.rows_max.load(Ordering::Relaxed))
    }

    /// Blocks of traces that arrived at `arrived`.
    pub(super) fn make(
        &self,
        staging: &Staging,
        traces: &mut [OrderedTrace],
        arrived: Timestamp,
    ) -> Result<Vec<Made>, Error> {
        let rows_max = self.rows_max();
        let made = make(staging, traces, rows_max, arrived)?;
        self.learn(&made);
        // The first spans of a new kind may be much larger than those before.
        if self.rows_max() < rows_max / 2 {
            return Ok(make(staging, traces, self.rows_max(), arrived)?);
        }
        Ok(made)
    }

    fn learn(&self, made: &[Made]) {
        self.retention.learn(made.iter().map(|made| (made.rows, u64_of(made.image.len()))));
    }

    /// The earliest end that is taken in at `now`.
    pub(super) fn oldest(&self, now: Timestamp) -> Option<Timestamp> {
        let age = u64::try_from(self.options.retention_age?.as_nanos()).unwrap_or(u64::MAX);
        Some(Timestamp::from_unix_nanos(now.unix_nanos().saturating_sub(age)))
    }

    /// Leaves out spans that ended before `oldest`; gives how many.
    pub(super) fn refuse_old(
        &self,
        staging: &Staging,
        numbers: &mut Vec<u32>,
        oldest: Option<Timestamp>,
    ) -> u64 {
        let Some(oldest) = oldest else { return 0 };
        let before = numbers.len();
        // A span that ends before it starts, or not at all, took place at its start.
        let end = |number: &u32| {
            staging.spans.get(usize_of(*number)).map(|span| span.end.max(span.start))
        };
        numbers.retain(|number| end(number) >= Some(oldest));
        let refused = u64_of(before - numbers.len());
        self.retention.too_old_spans.fetch_add(refused, Ordering::Relaxed);
        refused
    }

    /// Blocks of a batch that are sealed together: all, or where there is a cap what one block takes.
    pub(super) fn groups(&self, made: Vec<Made>) -> Vec<Vec<Made>> {
        let most = self.retention.block_bytes_max();
        let mut groups: Vec<Vec<Made>> = Vec::new();
        let mut bytes = 0;
        for made in made {
            let len = u64_of(made.image.len());
            match groups.last_mut() {
                Some(group) if bytes + len <= most => {
                    bytes += len;
                    group.push(made);
                }
                _ => {
                    bytes = len;
                    groups.push(vec![made]);
                }
            }
        }
        groups
    }

    /// Drops what is too old, and the oldest until there is room for what comes before the next step.
    pub(super) fn retain(&self, maintainer: &mut Maintainer) -> Result<(), Error> {
        let free = self.retention.bytes_max.map_or(0, |bytes| bytes / HEAD_SHARE * FREE_PARTS);
        self.retain_with(maintainer, free)
    }

    /// Makes room for a seal of what is in memory and `extra` bytes.
    pub(super) fn retain_for_seal(
        &self,
        maintainer: &mut Maintainer,
        extra: u64,
    ) -> Result<(), Error> {
        if self.retention.bytes_max.is_none() {
            return Ok(());
        }
        let size = self.memory_size();
        self.retain_with(maintainer, size.journal_bytes + size.bytes + extra)
    }

    /// Seals, drops all blocks and makes the file small.
    #[cfg(test)]
    pub(super) fn drop_all(&self) -> Result<(), Error> {
        let mut maintainer = self.maintainer();
        self.seal(&mut maintainer, Vec::new())?;
        let limits = Limits { oldest: Some(Timestamp::MAX), bytes: None };
        self.drop_beyond(&mut maintainer, limits)?;
        self.remove_retired(&mut maintainer)?;
        Ok(self.storage.compact()?)
    }

    fn retain_with(&self, maintainer: &mut Maintainer, free: u64) -> Result<(), Error> {
        self.retain_shares(maintainer)?;
        let limits = Limits {
            oldest: self.oldest(Timestamp::now()),
            bytes: self.retention.target().map(|target| target.saturating_sub(free)),
        };
        self.drop_beyond(maintainer, limits)?;
        self.remove_retired(maintainer)
    }

    /// Drops blocks. Readers see none of them from the first moment on, so that no trace is pulled out
    /// of a block that goes; where the file cannot be written, they are back when it is opened again.
    pub(super) fn drop_beyond(
        &self,
        maintainer: &mut Maintainer,
        limits: Limits,
    ) -> Result<(), Error> {
        if limits.chosen(&self.state().base).is_empty() {
            return Ok(());
        }
        let (gone, after) = {
            let folding = self.folding();
            let base = self.fold_only(&folding)?;
            let chosen = limits.chosen(&base);
            let mut after = Base::clone(&base);
            let gone: Vec<Stored> =
                chosen.iter().filter_map(|id| after.stored.remove(id)).collect();
            if !gone.is_empty() {
                self.publish(&folding, after.clone());
            }
            (gone, after)
        };
        if gone.is_empty() {
            return Ok(());
        }
        self.during(Work::Retention, || self.drop_blocks(maintainer, &gone, &after))
    }

    /// Drops blocks that readers see no more; `after` is what is left.
    fn drop_blocks(
        &self,
        maintainer: &mut Maintainer,
        gone: &[Stored],
        after: &Base,
    ) -> Result<(), Error> {
        for stored in gone {
            maintainer.counters.dropped.add(counted(stored), stored.view.start, stored.view.end);
        }
        let ids: Vec<BlockId> = gone.iter().map(|stored| stored.record.id).collect();
        let none = std::collections::BTreeMap::new();
        let left = sealed(after, &[], &none, &ids);
        self.storage.commit(&Change {
            added: &[],
            dropped: &ids,
            masks: &none,
            blocks_after: left.blocks,
            masked_after: left.masked,
            counters: maintainer.counters,
            journal_first: None,
        })?;
        self.figures().dropped = maintainer.counters.dropped;
        for stored in gone {
            maintainer.retire(stored);
        }
        Ok(())
    }

    /// What of the blocks about to be written fits below the cap; the oldest go.
    pub(super) fn fitting(&self, maintainer: &mut Maintainer, images: Vec<Made>) -> Vec<Made> {
        self.learn(&images);
        let Some(target) = self.retention.target() else { return images };
        let most = target / 4 * 3;
        let len = |made: &Made| image_bytes(u64_of(made.image.len()), self.storage.chunk_len());
        let mut bytes: u64 = images.iter().map(len).sum();
        let mut order: Vec<&Made> = images.iter().collect();
        order.sort_by_key(|made| (made.retention, made.start));
        let mut dropped = Vec::new();
        for made in order {
            if bytes <= most {
                break;
            }
            bytes -= len(made);
            let counts = (u64::from(made.traces), u64::from(made.rows));
            maintainer.counters.dropped.add(counts, made.start, made.end.max(made.newest));
            dropped.push(Arc::clone(&made.image));
        }
        let stays = |made: &Made| !dropped.iter().any(|image| Arc::ptr_eq(image, &made.image));
        images.into_iter().filter(stays).collect()
    }

    /// Brings down a file that takes more than its cap when it is opened.
    pub(super) fn come_down(&self) -> Result<(), Error> {
        if !self.is_too_large() {
            return Ok(());
        }
        let mut maintainer = self.maintainer();
        // A seal first: of blocks with pulled traces nothing is dropped.
        self.seal(&mut maintainer, Vec::new())?;
        self.retain(&mut maintainer)?;
        self.shrink_file()
    }

    /// Gives back to the file system what is over the cap and not used. Readers wait meanwhile.
    pub(super) fn shrink_file(&self) -> Result<(), Error> {
        if self.is_too_large() {
            self.storage.compact()?;
        }
        Ok(())
    }

    fn is_too_large(&self) -> bool {
        let allocated = self.storage.file_bytes().map_or(0, |(_, allocated)| allocated);
        self.retention.bytes_max.is_some_and(|most| allocated > most)
    }
}

/// Traces and spans of a block that count. One that cannot be read counts whole: it is dropped, too.
fn counted(stored: &Stored) -> (u64, u64) {
    let masked = stored.view.masked_len().unwrap_or(0);
    let traces = u64::from(stored.record.traces).saturating_sub(stored.view.masked.len());
    (traces, u64::from(stored.record.rows).saturating_sub(masked))
}
