//! Copying what counts into a new file, which takes the place of the old one. Invariants: chunks of
//! blocks never change, so they are copied while others write; the rest is copied while nobody does.
//! Whoever still reads a block that counts no more reads it from the file that was replaced.

use std::sync::{Arc, PoisonError, Weak};

use redb::{
    Database, Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction,
};

use super::beside::identity;
use super::error::StorageError;
use super::file::Storage;
use super::gate::gate;
use super::handle::{self, Handle};
use super::header;
use super::records::BlockRecord;
use super::tables::{BLOCKS, CHUNKS, JOURNAL, MASKS, META, TRANSACTION_BYTES_MAX};
use crate::codec::bytes::Malformed;
use crate::codec::cast::usize_of;

/// Which file is open, for who follows another process.
#[derive(Debug, Default)]
pub(super) struct OpenFile {
    pub(super) identity: Option<(u64, u64)>,
    /// Held by whoever has a snapshot of it.
    pub(super) token: Arc<()>,
    /// Files whose place another one took, as long as somebody has a snapshot of them.
    pub(super) left: Vec<(Handle, Weak<()>)>,
}

impl Storage {
    /// Replaces the file by a new one that holds `blocks`, all there are, their masks and the
    /// journal, and no byte of anything else. No block may be committed meanwhile; journal entries
    /// may be written, and wait while the last of it is copied.
    ///
    /// Where it fails before the new file is in its place, nothing has changed.
    pub(crate) fn replace(&self, blocks: &[BlockRecord]) -> Result<(), StorageError> {
        let made = gate("making a new file", || {
            self.beside.create(&handle::builder(&self.options, self.mode))
        });
        let outcome = made.and_then(|new| self.fill(new, blocks));
        if outcome.is_err() {
            // What cannot be removed now is removed when the store is opened again.
            let _left = self.beside.discard();
        }
        outcome
    }

    fn fill(&self, new: Database, blocks: &[BlockRecord]) -> Result<(), StorageError> {
        for block in blocks {
            self.copy_chunks(&new, block)?;
        }
        // From here on nobody writes.
        let _writing = self.writing();
        self.refuse_if_failed()?;
        gate("copying the tables", || {
            let read = self.begin_read()?;
            let mut write = new.begin_write()?;
            write.set_quick_repair(true);
            copy_table(&read, &write, META)?;
            copy_table(&read, &write, BLOCKS)?;
            copy_table(&read, &write, MASKS)?;
            copy_table(&read, &write, JOURNAL)?;
            // Where there is no block there is no chunk, but the table.
            write.open_table(CHUNKS)?;
            Ok(write.commit()?)
        })?;
        gate("renaming the new file", || Ok(self.beside.take_place()?))?;
        {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            let mut replaced = self.replaced.write().unwrap_or_else(PoisonError::into_inner);
            replaced.extend(database.replace(Handle::Writer(new)));
        }
        let settled = gate("syncing the folder", || Ok(self.beside.settle()?));
        if let Err(error) = &settled {
            // A loss of power could bring back the old file, without what is written from now on.
            self.refuse_writes(error);
        }
        settled
    }

    fn copy_chunks(&self, new: &Database, block: &BlockRecord) -> Result<(), StorageError> {
        let chunk_len = usize_of(block.chunk_len).max(1);
        let per_transaction = (TRANSACTION_BYTES_MAX / chunk_len).max(1);
        let copied = gate("copying chunks", || {
            let read = self.begin_read()?.open_table(CHUNKS)?;
            let mut chunks = read.range((block.id.0, 0)..=(block.id.0, u32::MAX))?.peekable();
            let mut copied = 0;
            while chunks.peek().is_some() {
                let write = new.begin_write()?;
                {
                    let mut table = write.open_table(CHUNKS)?;
                    for entry in chunks.by_ref().take(per_transaction) {
                        let (key, bytes) = entry?;
                        table.insert(key.value(), bytes.value())?;
                        copied += 1;
                    }
                }
                write.commit()?;
            }
            Ok(copied)
        })?;
        if copied != block.chunks() {
            let what = format!("{copied} chunks found, {} expected", block.chunks());
            let place = format!("block {}", block.id);
            return Err(StorageError::Corrupt { place, cause: Malformed::new(0, what) });
        }
        Ok(())
    }

    /// Closes the files that were replaced. Nobody may read a block that only they hold.
    pub(crate) fn forget_replaced(&self) {
        let mut replaced = self.replaced.write().unwrap_or_else(PoisonError::into_inner);
        for old in replaced.drain(..) {
            // It is no longer anybody's file.
            let _closed = gate("closing a replaced file", || Ok(old.close()?));
        }
    }

    /// For who only reads: opens the file that took the place of the one that is open, if one did. True
    /// if it is another one now.
    pub(crate) fn follow_place(&self) -> Result<bool, StorageError> {
        let mut open = self.open_file.lock().unwrap_or_else(PoisonError::into_inner);
        open.left.retain(|(_, readers)| readers.strong_count() > 0);
        let now = identity(&self.path);
        // One that is gone can still be read.
        if now.is_none() || now == open.identity {
            return Ok(false);
        }
        header::check(&self.path)?;
        let new = gate("opening the new file", || Ok((self.open_again.0)()?))?;
        let old = self.database.write().unwrap_or_else(PoisonError::into_inner).replace(new);
        let readers = Arc::downgrade(&std::mem::take(&mut open.token));
        open.left.extend(old.map(|old| (old, readers)));
        open.identity = now;
        Ok(true)
    }

    /// A chunk's bytes from a file that was replaced.
    pub(super) fn replaced_chunk(&self, key: (u64, u32)) -> Result<Option<Vec<u8>>, redb::Error> {
        let replaced = self.replaced.read().unwrap_or_else(PoisonError::into_inner);
        for old in replaced.iter() {
            if let Some(found) = old.begin_read()?.open_table(CHUNKS)?.get(key)? {
                return Ok(Some(found.value().to_vec()));
            }
        }
        Ok(None)
    }
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), redb::Error> {
    let (from, mut to) = (read.open_table(table)?, write.open_table(table)?);
    for entry in from.iter()? {
        let (key, value) = entry?;
        to.insert(key.value(), value.value())?;
    }
    Ok(())
}
