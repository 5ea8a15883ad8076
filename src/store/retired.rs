//! Blocks that count no more. Invariant: their chunks stay as long as somebody reads them; where the
//! store has a cap, only for a while and only so many, and then who reads them is told.

use std::sync::Weak;
use std::time::{Duration, Instant};

use super::maintain::Maintainer;
use super::shared::Shared;
use super::state::Stored;
use crate::block::{Block, BlockId};
use crate::error::Error;

/// Blocks that are still read take at most one part in so many of the cap,
const HELD_SHARE: u64 = 10;
/// and none of them is kept longer.
const HELD_TIME_MAX: Duration = Duration::from_secs(10);

/// A block that counts no more.
#[derive(Debug)]
pub(super) struct Retired {
    id: BlockId,
    block: Weak<Block>,
    /// Bytes that its chunks take in the file.
    bytes: u64,
    since: Instant,
    /// True if its chunks were removed although it is read.
    is_expired: bool,
}

impl Retired {
    fn is_read(&self) -> bool {
        self.block.strong_count() > 0
    }
}

impl Maintainer {
    /// Takes note of a block that counts no more.
    pub(super) fn retire(&mut self, stored: &Stored) {
        self.retired.push(Retired {
            id: stored.record.id,
            block: std::sync::Arc::downgrade(&stored.view.block),
            bytes: stored.record.stored_bytes(),
            since: Instant::now(),
            is_expired: false,
        });
    }
}

impl Shared {
    /// Removes the chunks of retired blocks that nobody reads, and where there is a cap of those that
    /// are read for too long or are too many, the longest retired first.
    pub(super) fn remove_retired(&self, maintainer: &mut Maintainer) -> Result<(), Error> {
        let retired = std::mem::take(&mut maintainer.retired);
        let kept = retired.iter().filter(|retired| !retired.is_expired && retired.is_read());
        let mut bytes: u64 = kept.map(|retired| retired.bytes).sum();
        for mut retired in retired {
            // A reader may leave at any moment: it is asked for once.
            let is_read = retired.is_read();
            let is_over = self.retention.bytes_max.is_some_and(|max| {
                bytes > max / HELD_SHARE || retired.since.elapsed() >= HELD_TIME_MAX
            });
            if !retired.is_expired && (!is_read || is_over) {
                if is_read {
                    bytes = bytes.saturating_sub(retired.bytes);
                    self.storage.expire(retired.id);
                    retired.is_expired = true;
                }
                self.storage.remove_chunks(retired.id)?;
                maintainer.unsettled = true;
            }
            if is_read {
                maintainer.retired.push(retired);
            } else {
                self.storage.forget_expired(retired.id);
                self.cache.forget_block(retired.id);
            }
        }
        if maintainer.retired.is_empty() {
            self.storage.forget_replaced();
        }
        self.settle(maintainer)
    }

    /// Takes note that the chunks of all retired blocks are removed.
    pub(super) fn expire_retired(&self, maintainer: &mut Maintainer) {
        for retired in &mut maintainer.retired {
            self.storage.expire(retired.id);
            retired.is_expired = true;
        }
    }

    /// Where there is a cap: has redb use again what was given up.
    fn settle(&self, maintainer: &mut Maintainer) -> Result<(), Error> {
        if self.retention.bytes_max.is_none() || !maintainer.unsettled {
            return Ok(());
        }
        // The first commit ends what was not durable, the second frees the pages of before.
        self.storage.sync()?;
        self.storage.sync()?;
        maintainer.unsettled = false;
        Ok(())
    }
}
