//! What became of the spans. Invariant: each span that came is in exactly one count, so that exported,
//! queued and dropped ones add up to all, once no thread is within a call.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What became of the spans that were exported, of one exporter or processor. Counts start with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExporterStats {
    /// Spans that are stored, durably if the store is ([`treering::Durability`]).
    pub exported: u64,
    /// Spans that wait, those that are being written among them.
    pub queued: u64,
    /// Bytes that they count with; at most
    /// [`ExporterOptions::queue_bytes_max`](crate::ExporterOptions::queue_bytes_max).
    pub queued_bytes: usize,
    /// Spans that will not be stored.
    pub dropped: Dropped,
    /// What storing failed with first since spans were stored last; none while they are.
    pub failing: Option<String>,
}

/// Spans that will not be stored, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dropped {
    /// They found the queue full.
    pub queue_full: u64,
    /// The store failed to take them in, because of its file or a limit on batches.
    pub failed: u64,
    /// They have an all-zero id, or a value nested too deep, so no store can hold them.
    pub refused: u64,
    /// Their trace had as many spans as the store lets it have
    /// ([`treering::Limits::trace_spans_max`]).
    pub over_limit: u64,
    /// They ended longer ago than the store keeps traces ([`treering::Options::retention_age`]).
    pub too_old: u64,
    /// They came after `shutdown`.
    pub after_shutdown: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { queue_full, failed, refused, over_limit, too_old, after_shutdown } = self;
        queue_full + failed + refused + over_limit + too_old + after_shutdown
    }
}

/// What the exporter's thread got done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled {
    pub(crate) exported: u64,
    /// Without what never came to the thread.
    pub(crate) dropped: Dropped,
    pub(crate) failing: Option<String>,
}

impl Settled {
    fn spans(&self) -> u64 {
        self.exported + self.dropped.total()
    }
}

/// The counts, shared by those who bring spans and the thread that stores them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Spans that were let into the queue.
    pub(crate) accepted: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) after_shutdown: AtomicU64,
    pub(crate) queued_bytes: AtomicUsize,
    settled: Mutex<Settled>,
}

impl Counts {
    pub(crate) fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The figures; `has_ended` once nobody will settle what is queued.
    pub(crate) fn stats(&self, has_ended: bool) -> ExporterStats {
        let settled = self.settled().clone();
        // Read after what was settled, so that no span is settled before it was accepted.
        let accepted = self.accepted.load(Ordering::Acquire);
        let mut queued = accepted.saturating_sub(settled.spans());
        let mut queued_bytes = self.queued_bytes.load(Ordering::Acquire);
        let mut dropped = settled.dropped;
        dropped.queue_full += self.queue_full.load(Ordering::Relaxed);
        dropped.after_shutdown += self.after_shutdown.load(Ordering::Relaxed);
        if has_ended {
            dropped.after_shutdown += std::mem::take(&mut queued);
            queued_bytes = 0;
        }
        let Settled { exported, failing, .. } = settled;
        ExporterStats { exported, queued, queued_bytes, dropped, failing }
    }
}

/// A number of things, as a count.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
