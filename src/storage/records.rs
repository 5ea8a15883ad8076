//! What is stored beside chunks, and its bytes. Invariant: a record says all that a search needs to pass a block over.

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::error::StorageError;
use crate::block::BlockId;
use crate::codec::bytes::Malformed;
use crate::codec::{checksum, record};
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
    /// Spans that came again, equal in every field.
    pub(crate) duplicate_spans: u64,
}

/// Which journal entries count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct JournalRecord {
    /// The first; those before it are in blocks.
    pub(super) first: u64,
    /// The number that the next one gets.
    pub(super) next: u64,
}

/// The record of the whole store, written with every commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StoreRecord {
    pub(super) counters: Counters,
    /// Every block with its number of chunks, by id.
    pub(super) blocks: Vec<(BlockId, u32)>,
    /// Blocks that have a mask, by id, with the number of traces in it: masks only grow, so that an
    /// older one is noticed.
    pub(super) masked: Vec<(BlockId, u64)>,
}

impl BlockRecord {
    /// How many chunks the image takes.
    pub(crate) fn chunks(&self) -> u32 {
        let chunks = self.image_len.div_ceil(u64::from(self.chunk_len.max(1)));
        u32::try_from(chunks).unwrap_or(u32::MAX)
    }
}

/// What a chunk's checksum covers beside its bytes, so that swapped chunks are noticed.
pub(super) fn context(block: BlockId, chunk: u32) -> [u8; 12] {
    let mut context = [0; 12];
    let bytes = block.0.to_le_bytes().into_iter().chain(chunk.to_le_bytes());
    context.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    context
}

/// The bytes of a record, with a checksum.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StorageError> {
    record::encode(value)
        .map_err(|cause| StorageError::Corrupt { place: "a new record".to_owned(), cause })
}

/// The record in `bytes`; an error names `place`.
pub(super) fn decode<T: serde::de::DeserializeOwned>(
    place: &str,
    bytes: &[u8],
) -> Result<T, StorageError> {
    record::decode(bytes).map_err(|cause| StorageError::Corrupt { place: place.to_owned(), cause })
}

/// The bytes of a mask, with a checksum that covers the block's id too.
pub(super) fn encode_mask(block: BlockId, mask: &RoaringBitmap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(mask.serialized_size() + 4);
    if mask.serialize_into(&mut bytes).is_err() {
        // Writing to memory cannot fail; a cut mask would be noticed when it is read.
        bytes.clear();
    }
    let sum = checksum::of(&[&block.0.to_le_bytes(), &bytes]);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// The mask of `block` in `bytes`.
pub(super) fn decode_mask(block: u64, bytes: &[u8]) -> Result<RoaringBitmap, StorageError> {
    let corrupt = |cause| StorageError::Corrupt { place: format!("mask of block {block}"), cause };
    let body = checksum::verified(bytes, &block.to_le_bytes()).map_err(corrupt)?;
    RoaringBitmap::deserialize_from(body)
        .map_err(|error| corrupt(Malformed::new(0, error.to_string())))
}
