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
    /// Latest retention time of its traces: of a trace the earlier of its end and its arrival.
    pub(crate) retention: Timestamp,
}

/// What was dropped since the store was made, by retention or because of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Dropped {
    /// Blocks; those of which a share took traces, as often as it did.
    pub(crate) blocks: u64,
    pub(crate) traces: u64,
    pub(crate) spans: u64,
    /// Earliest start and latest end of what was dropped; 0 where nothing was.
    pub(crate) start: Timestamp,
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
    /// Spans that were too old to be taken in.
    pub(crate) too_old_spans: u64,
    /// What retention dropped.
    pub(crate) dropped: Dropped,
    /// What went because a service had more than its share.
    pub(crate) over_share: Dropped,
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

    /// Bytes that the image takes in the file, in whole pages.
    pub(crate) fn stored_bytes(&self) -> u64 {
        image_bytes(self.image_len, self.chunk_len)
    }
}

/// Bytes that an image of `len` bytes takes in the file, in chunks of `chunk_len`.
pub(crate) fn image_bytes(len: u64, chunk_len: u32) -> u64 {
    let chunk_len = u64::from(chunk_len.max(1));
    value_bytes(chunk_len) * (len / chunk_len) + value_bytes(len % chunk_len)
}

/// About as many bytes as a value of `len` bytes takes in the file: redb gives a power of two of pages
/// to a large one; small ones share a page, which is half full at least.
pub(crate) fn value_bytes(len: u64) -> u64 {
    const PAGE_BYTES: u64 = 4096;
    const EXTRA_BYTES: u64 = 64;
    match len + EXTRA_BYTES {
        EXTRA_BYTES => 0,
        small if small * 2 <= PAGE_BYTES => small * 2,
        large => large.next_power_of_two().max(PAGE_BYTES),
    }
}

impl Dropped {
    /// Adds a block whose traces lay between two times.
    pub(crate) fn add(&mut self, (traces, spans): (u64, u64), start: Timestamp, end: Timestamp) {
        self.start = if self.blocks == 0 { start } else { self.start.min(start) };
        self.end = self.end.max(end);
        self.blocks += 1;
        self.traces += traces;
        self.spans += spans;
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
