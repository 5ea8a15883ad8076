//! What the file holds at one instant. Invariant: all that is read through a snapshot is of one
//! commit, however the file moves on; redb keeps the pages of that commit until it is dropped.

use std::fmt;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};

use super::error::StorageError;
use super::file::Opened;
use super::gate::gate;
use super::records::{BlockRecord, StoreRecord, context, decode, decode_mask};
use super::tables::{BLOCKS, CHUNKS, KEY_JOURNAL, KEY_STORE, MASKS, META};
use crate::block::{BlockId, Chunks};
use crate::codec::bytes::Malformed;
use crate::codec::checksum;

/// One instant of the file.
pub(crate) struct Snapshot {
    pub(super) read: ReadTransaction,
    /// The file that it is of: it stays open as long.
    pub(super) _file: Arc<()>,
}

/// The records that every commit which changes anything changes, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    store: Vec<u8>,
    journal: Vec<u8>,
}

impl Marks {
    /// True if blocks and masks are the same in both.
    pub(crate) fn has_blocks_of(&self, other: &Self) -> bool {
        self.store == other.store
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

impl Snapshot {
    /// What tells this instant from another.
    pub(crate) fn marks(&self) -> Result<Marks, StorageError> {
        gate("reading the store record", || {
            let meta = self.read.open_table(META)?;
            let bytes = |key: &str| -> Result<Vec<u8>, redb::Error> {
                Ok(meta.get(key)?.map(|found| found.value().to_vec()).unwrap_or_default())
            };
            Ok(Marks { store: bytes(KEY_STORE)?, journal: bytes(KEY_JOURNAL)? })
        })
    }

    /// All records, and the journal from the entry `from` on.
    pub(crate) fn load(&self, from: u64) -> Result<Opened, StorageError> {
        let mut opened = self.load_blocks()?;
        opened.journal = self.load_journal(from)?;
        (opened.journal_first, opened.journal_next) = self.journal_bounds()?;
        Ok(opened)
    }

    fn load_blocks(&self) -> Result<Opened, StorageError> {
        let (store, blocks, masks) = gate("reading the block list", || {
            let read = &self.read;
            let store = read.open_table(META)?.get(KEY_STORE)?.map(|found| found.value().to_vec());
            let mut blocks = Vec::new();
            for entry in read.open_table(BLOCKS)?.iter()? {
                let (id, bytes) = entry?;
                blocks.push((id.value(), bytes.value().to_vec()));
            }
            let mut masks = Vec::new();
            for entry in read.open_table(MASKS)?.iter()? {
                let (id, bytes) = entry?;
                masks.push((id.value(), bytes.value().to_vec()));
            }
            Ok((store.unwrap_or_default(), blocks, masks))
        })?;
        let store: StoreRecord = decode("meta, store record", &store)?;
        let mut opened = Opened { counters: store.counters, ..Opened::default() };
        for (id, bytes) in blocks {
            let found: BlockRecord = decode(&format!("record of block {id}"), &bytes)?;
            opened.blocks.push(found);
        }
        for (id, bytes) in masks {
            let mask = decode_mask(id, &bytes)?;
            opened.masks.insert(BlockId(id), mask);
        }
        let found: Vec<(BlockId, u32)> =
            opened.blocks.iter().map(|block| (block.id, block.chunks())).collect();
        let masked: Vec<(BlockId, u64)> =
            opened.masks.iter().map(|(block, mask)| (*block, mask.len())).collect();
        if found != store.blocks || masked != store.masked {
            let what = format!(
                "{} blocks and {} masks found, {} and {} expected",
                found.len(),
                masked.len(),
                store.blocks.len(),
                store.masked.len()
            );
            let cause = Malformed::new(0, what);
            return Err(StorageError::Corrupt { place: "block list".to_owned(), cause });
        }
        Ok(opened)
    }
}

/// A chunk as redb has it, with the error that names it.
pub(super) fn read_chunk(
    read: &ReadTransaction,
    block: BlockId,
    chunk: u32,
) -> Result<Result<Arc<[u8]>, StorageError>, redb::Error> {
    let table = read.open_table(CHUNKS)?;
    let found = table.get((block.0, chunk))?;
    Ok(match found {
        Some(found) => payload(found.value(), block, chunk),
        None => Err(not_so(block, chunk, Malformed::new(0, "the chunk is missing"))),
    })
}

/// What a chunk holds, if its checksum holds.
pub(super) fn payload(bytes: &[u8], block: BlockId, chunk: u32) -> Result<Arc<[u8]>, StorageError> {
    let payload = checksum::verified(bytes, &context(block, chunk));
    payload.map(Arc::<[u8]>::from).map_err(|cause| not_so(block, chunk, cause))
}

fn not_so(block: BlockId, chunk: u32, cause: Malformed) -> StorageError {
    StorageError::Corrupt { place: format!("block {block}, chunk {chunk}"), cause }
}

impl Chunks for Snapshot {
    fn chunk(
        &self,
        block: BlockId,
        chunk: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(gate("reading a chunk", || read_chunk(&self.read, block, chunk))??)
    }
}
