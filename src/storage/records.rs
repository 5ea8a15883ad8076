//! What is stored beside chunks. Invariant: a record says all that a search needs to pass a block over.

use serde::{Deserialize, Serialize};

use crate::block::BlockId;
use crate::time::Timestamp;

/// A block of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockRecord {
    pub(crate) id: BlockId,
    pub(crate) rows: u32,
    pub(crate) traces: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
    pub(crate) image_len: u64,
    /// Payload bytes of every chunk but the last.
    pub(crate) chunk_len: u32,
    /// Earliest start of its traces.
    pub(crate) start: Timestamp,
    /// Latest start of its traces.
    pub(crate) newest: Timestamp,
    /// Latest end of its traces.
    pub(crate) end: Timestamp,
}

/// Counts that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// The number that the next block gets.
    pub(crate) next_block: u64,
    /// Spans that came again with other content.
    pub(crate) replaced_spans: u64,
}

/// The record of the whole store, written with every commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StoreRecord {
    pub(super) counters: Counters,
    /// Every block with its number of chunks, by id.
    pub(super) blocks: Vec<(BlockId, u32)>,
    /// Blocks that have a mask, by id.
    pub(super) masked: Vec<BlockId>,
}

impl BlockRecord {
    /// How many chunks the image takes.
    pub(crate) fn chunks(&self) -> u32 {
        let chunks = self.image_len.div_ceil(u64::from(self.chunk_len.max(1)));
        u32::try_from(chunks).unwrap_or(u32::MAX)
    }
}
