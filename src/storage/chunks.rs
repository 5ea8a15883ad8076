//! Chunks of images: written ahead of the commit that makes their block count, read one by one,
//! removed when their block counts no more. Invariant: a chunk is handed out only if it is the one
//! that was written under its key.

use std::ops::RangeBounds;
use std::sync::{Arc, PoisonError};

use redb::{ReadableTable, ReadableTableMetadata};

use super::error::StorageError;
use super::file::{Opened, Storage};
use super::gate::gate;
use super::journal::Flush;
use super::records::context;
use super::snapshot::{payload, read_chunk};
use super::tables::{CHUNKS, Pieces, TRANSACTION_BYTES_MAX};
use crate::block::{BlockId, Chunks};
use crate::codec::cast::usize_of;
use crate::codec::checksum;

/// Chunks removed in one transaction: as many as fill it when they are of the default size.
const REMOVED_AT_ONCE: usize = TRANSACTION_BYTES_MAX >> 16;

impl Storage {
    /// Writes the chunks of a block ahead of its commit, in transactions of bounded size.
    pub(crate) fn write_chunks(&self, block: BlockId, image: &[u8]) -> Result<(), StorageError> {
        let chunk_len = usize_of(self.chunk_len());
        let per_transaction = (TRANSACTION_BYTES_MAX / (chunk_len + 4)).max(1);
        let mut chunks = image.chunks(chunk_len).zip(0u32..).peekable();
        while chunks.peek().is_some() {
            self.write("writing chunks", Flush::Later, |write| {
                let mut table = write.open_table(CHUNKS)?;
                for (payload, number) in chunks.by_ref().take(per_transaction) {
                    let mut value = table.insert_reserve((block.0, number), payload.len() + 4)?;
                    let sum = checksum::of(&[&context(block, number), payload]);
                    let value = value.as_mut();
                    if let Some((body, tail)) = value.split_last_chunk_mut::<4>() {
                        body.copy_from_slice(payload);
                        *tail = sum.to_le_bytes();
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Removes all chunks of a block that does not count.
    pub(crate) fn remove_chunks(&self, block: BlockId) -> Result<(), StorageError> {
        let range = (block.0, 0)..=(block.0, u32::MAX);
        self.remove_range("removing chunks", CHUNKS, range, REMOVED_AT_ONCE)
    }

    /// Removes what a table has in a range, in transactions of at most so many keys.
    pub(super) fn remove_range(
        &self,
        action: &'static str,
        table: Pieces,
        range: impl RangeBounds<(u64, u32)> + Clone,
        at_once: usize,
    ) -> Result<(), StorageError> {
        let mut left = true;
        while left {
            self.write(action, Flush::Later, |write| {
                let mut table = write.open_table(table)?;
                let mut keys = Vec::new();
                for entry in table.range(range.clone())?.take(at_once) {
                    keys.push(entry?.0.value());
                }
                left = keys.len() == at_once;
                for key in keys {
                    table.remove(key)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// From now on, who reads a chunk of the block that is no more there is told that it was dropped.
    pub(crate) fn expire(&self, block: BlockId) {
        self.expired.lock().unwrap_or_else(PoisonError::into_inner).insert(block);
    }

    /// Nobody reads the block any more.
    pub(crate) fn forget_expired(&self, block: BlockId) {
        self.expired.lock().unwrap_or_else(PoisonError::into_inner).remove(&block);
    }

    /// Removes chunks of blocks that were never committed, or dropped while a search still read them. Where
    /// there are as many as the blocks say, none is looked at: each has a page of the file for itself.
    pub(super) fn remove_strays(&self, opened: &Opened) -> Result<(), StorageError> {
        let expected: u64 = opened.blocks.iter().map(|block| u64::from(block.chunks())).sum();
        let strays = gate("looking for stray chunks", || {
            let chunks = self.begin_read()?.open_table(CHUNKS)?;
            let mut strays = Vec::new();
            if chunks.len()? == expected {
                return Ok(strays);
            }
            let mut from = 0u64;
            while let Some(first) = chunks.range((from, 0)..)?.next() {
                let (id, _) = first?.0.value();
                if opened.blocks.binary_search_by_key(&id, |block| block.id.0).is_err() {
                    strays.push(BlockId(id));
                }
                let Some(next) = id.checked_add(1) else { break };
                from = next;
            }
            Ok(strays)
        })?;
        strays.into_iter().try_for_each(|block| self.remove_chunks(block))
    }
}

impl Chunks for Storage {
    fn chunk(
        &self,
        block: BlockId,
        chunk: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
        let found = gate("reading a chunk", || {
            let database = self.database();
            let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
            let found = read_chunk(&database.begin_read()?, block, chunk)?;
            if found.is_err()
                && let Some(bytes) = self.replaced_chunk((block.0, chunk))?
            {
                return Ok(payload(&bytes, block, chunk));
            }
            Ok(found)
        })?;
        let expired = || self.expired.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Err(_) if expired().contains(&block) => Err(StorageError::SnapshotExpired.into()),
            other => Ok(other?),
        }
    }
}
