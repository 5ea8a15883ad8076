//! Opening, reading and committing. Invariants: chunks are written ahead in small transactions, and
//! one last transaction makes blocks, masks and the store record count together; after a failed
//! write nothing more is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use redb::{ConcurrencyMode, ReadTransaction, WriteTransaction};
use roaring::RoaringBitmap;

use super::beside::{Beside, FileBeside, identity};
use super::error::{EarlierFailure, StorageError};
use super::gate::gate;
use super::handle::{self, Handle};
use super::header::{self, Commits};
use super::journal::{Flush, JournalEntry, change_record};
use super::make::make_if_missing;
use super::pages;
use super::records::{BlockRecord, Counters, JournalRecord, StoreRecord, encode, encode_mask};
use super::replace::OpenFile;
use super::shadow::{Shadow, Shows};
use super::snapshot::Snapshot;
use super::survey::prefer_newer;
use super::tables::{
    BLOCKS, CHUNKS, JOURNAL, KEY_JOURNAL, KEY_STORE, KEY_VERSION, MASKS, META, STORE_VERSION,
};
use super::version;
use crate::block::BlockId;
use crate::options::{Durability, Options};

const CHECKSUM_LEN: u32 = 4;

/// An open store file.
#[derive(Debug)]
pub(crate) struct Storage {
    /// `None` where the file could not be opened again after a failed write.
    pub(super) database: RwLock<Option<Handle>>,
    /// Files whose place another one took, as long as somebody may read chunks that only they hold.
    pub(super) replaced: RwLock<Vec<Handle>>,
    pub(super) open_again: Opener,
    pub(super) beside: Box<dyn Beside>,
    /// Held by whoever writes, before the database is.
    writing: Mutex<()>,
    pub(super) options: Options,
    pub(super) mode: ConcurrencyMode,
    pub(super) path: PathBuf,
    pub(super) open_file: Mutex<OpenFile>,
    chunk_len: u32,
    is_read_only: bool,
    is_shared: bool,
    /// Why nothing is written any more.
    pub(super) failure: Mutex<Option<EarlierFailure>>,
    /// Blocks whose chunks were removed while somebody read them.
    pub(super) expired: Mutex<BTreeSet<BlockId>>,
}

/// Opens the database, the first time and after a failed write.
pub(super) struct Opener(
    pub(super) Box<dyn Fn() -> Result<Handle, redb::DatabaseError> + Send + Sync>,
);

impl fmt::Debug for dyn Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beside")
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) blocks: Vec<BlockRecord>,
    pub(crate) masks: BTreeMap<BlockId, RoaringBitmap>,
    pub(crate) counters: Counters,
    /// What is in no block yet, in order.
    pub(crate) journal: Vec<JournalEntry>,
    /// The numbers of the first journal entry that counts and of the next one.
    pub(crate) journal_first: u64,
    pub(crate) journal_next: u64,
}

/// What one commit changes, and the state after it.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    /// Blocks whose chunks are written, to count from now on.
    pub(crate) added: &'a [BlockRecord],
    /// Blocks to count no more; their chunks stay until [`Storage::remove_chunks`].
    pub(crate) dropped: &'a [BlockId],
    /// New masks of blocks.
    pub(crate) masks: &'a BTreeMap<BlockId, RoaringBitmap>,
    /// All blocks there are after the commit.
    pub(crate) blocks_after: Vec<(BlockId, u32)>,
    /// All blocks that have a mask after the commit, with the number of traces in it.
    pub(crate) masked_after: Vec<(BlockId, u64)>,
    /// The counters after the commit.
    pub(crate) counters: Counters,
    /// Journal entries before this one are in blocks now; they stay in the file until
    /// [`Storage::remove_journal_before`]. `None` where the journal does not change.
    pub(crate) journal_first: Option<u64>,
}

impl Storage {
    /// Opens the file, or makes it, readable by its owner alone.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<(Self, Opened), StorageError> {
        make_if_missing(path, options)?;
        version::refuse_foreign(path)?;
        let commits = header::check(path)?;
        if commits == Commits::Begun && options.paranoid_open {
            prefer_newer(path)?;
        }
        pages::check(path)?;
        let file = path.to_owned();
        let mode = handle::sharing(options.durability);
        let beside: Box<dyn Beside> = Box::new(FileBeside(path.to_owned()));
        let found = identity(path);
        let opened = Self::open_to_write(path, options, (mode, beside), move |builder| {
            builder.create(&file).map(Handle::Writer)
        })?;
        if identity(path) != found {
            // Its owner replaced it just now, and what was opened is nobody's file.
            return Err(StorageError::AlreadyOpen { path: path.to_owned() });
        }
        if commits == Commits::Begun {
            // So that from now on the newest commit has the greatest number.
            opened.0.sync()?;
        }
        Ok(opened)
    }

    /// Makes a store of the empty file at `path`.
    pub(super) fn make(path: &Path, options: &Options) -> Result<(), StorageError> {
        let file = path.to_owned();
        let mode = handle::sharing(options.durability);
        let beside: Box<dyn Beside> = Box::new(FileBeside(path.to_owned()));
        Self::open_to_write(path, options, (mode, beside), move |builder| {
            builder.create(&file).map(Handle::Writer)
        })
        .map(drop)
    }

    /// Opens the file to read it, whether or not another process has it open to write.
    pub(crate) fn open_read_only(path: &Path, options: &Options) -> Result<Self, StorageError> {
        let storage = Self::open_beside(path, options)?;
        header::check(path)?;
        Ok(storage)
    }

    /// The same, whatever the header says of the commits.
    pub(super) fn open_beside(path: &Path, options: &Options) -> Result<Self, StorageError> {
        let file = path.to_owned();
        let open = move |builder: &redb::Builder| {
            let beside = Shadow::open(&file, Shows::LastCommit)?;
            builder.open_read_only_with_backend(beside).map(Handle::Reader)
        };
        let mode = handle::sharing(Durability::EachCommit);
        let beside: Box<dyn Beside> = Box::new(FileBeside(path.to_owned()));
        let storage = Self::open_with(path, options, (mode, beside), open)?;
        let marks = gate("reading the version", || version::marks(&storage.begin_read()?))?;
        if version::is_store(&marks)? {
            return Ok(storage);
        }
        Err(StorageError::Empty { path: path.to_owned() })
    }

    /// Opens a store on what `backend` makes, once and again after a failed write.
    #[cfg(test)]
    pub(super) fn on_backend<B: redb::StorageBackend>(
        backend: impl Fn() -> B + Send + Sync + 'static,
        beside: Box<dyn Beside>,
        options: &Options,
    ) -> Result<(Self, Opened), StorageError> {
        let open = move |builder: &redb::Builder| {
            builder.create_with_backend(backend()).map(Handle::Writer)
        };
        // The backends of tests have no locks.
        let mode = ConcurrencyMode::ExclusiveWriter;
        Self::open_to_write(Path::new("backend"), options, (mode, beside), open)
    }

    fn open_to_write(
        path: &Path,
        options: &Options,
        sharing: (ConcurrencyMode, Box<dyn Beside>),
        open: impl Fn(&redb::Builder) -> Result<Handle, redb::DatabaseError> + Send + Sync + 'static,
    ) -> Result<(Self, Opened), StorageError> {
        let storage = Self::open_with(path, options, sharing, open)?;
        storage.check_version()?;
        let opened = storage.snapshot()?.load(0)?;
        storage.remove_strays(&opened)?;
        storage.remove_stray_entries()?;
        // The file is ours now, so nobody is making another one; a leftover that stays harms nobody.
        let _left = storage.beside.discard();
        Ok((storage, opened))
    }

    fn open_with(
        path: &Path,
        options: &Options,
        (mode, beside): (ConcurrencyMode, Box<dyn Beside>),
        open: impl Fn(&redb::Builder) -> Result<Handle, redb::DatabaseError> + Send + Sync + 'static,
    ) -> Result<Self, StorageError> {
        let options_kept = options.clone();
        let open_again = Opener(Box::new(move || open(&handle::builder(&options_kept, mode))));
        let open_file = OpenFile { identity: identity(path), ..OpenFile::default() };
        let opened = gate("opening the file", || Ok((open_again.0)()?));
        let path = path.to_owned();
        let database = opened.map_err(|error| match error {
            StorageError::Redb { cause, .. } => match *cause {
                redb::Error::DatabaseAlreadyOpen => {
                    StorageError::AlreadyOpen { path: path.clone() }
                }
                cause => StorageError::Open { path: path.clone(), cause: Box::new(cause) },
            },
            other => other,
        })?;
        Ok(Self {
            is_shared: mode != ConcurrencyMode::ExclusiveWriter,
            is_read_only: matches!(database, Handle::Reader(_)),
            database: RwLock::new(Some(database)),
            open_again,
            replaced: RwLock::default(),
            beside,
            writing: Mutex::default(),
            options: options.clone(),
            mode,
            path,
            open_file: Mutex::new(open_file),
            chunk_len: options.chunk_bytes.saturating_sub(CHECKSUM_LEN).max(1),
            failure: Mutex::default(),
            expired: Mutex::default(),
        })
    }

    /// Held while the database is used, so that it is not opened anew meanwhile.
    pub(super) fn database(&self) -> RwLockReadGuard<'_, Option<Handle>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        let database = self.database();
        database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()
    }

    /// What the file holds now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StorageError> {
        let open = self.open_file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = gate("beginning to read", || self.begin_read())?;
        Ok(Snapshot { read, _file: Arc::clone(&open.token) })
    }

    /// Has redb check its own pages, reading all of the file; meanwhile nothing else is read or
    /// written. True if all was well, false if redb repaired something. After an error nothing more
    /// is written.
    pub(crate) fn check_integrity(&self) -> Result<bool, StorageError> {
        let outcome = gate("checking the file", || {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            database.as_mut().ok_or(redb::Error::DatabaseClosed)?.check_integrity()
        });
        if let Err(error) = &outcome {
            self.refuse_writes(error);
            self.reopen();
        }
        outcome
    }

    /// True if the file was opened to be read only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// After a failed write redb reads no more through the handle it failed on.
    fn reopen(&self) {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(failed) = database.take() {
            let _closed = gate("closing the file", || Ok(failed.close()?));
        }
        *database = gate("opening the file again", || Ok((self.open_again.0)()?)).ok();
    }

    /// Payload bytes of a chunk written from now on.
    pub(crate) fn chunk_len(&self) -> u32 {
        self.chunk_len
    }

    /// The file's length and the bytes it takes on disk.
    pub(crate) fn file_bytes(&self) -> Result<(u64, u64), StorageError> {
        let metadata = std::fs::metadata(&self.path)
            .map_err(|cause| StorageError::File { path: self.path.clone(), cause })?;
        #[cfg(unix)]
        let allocated = std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
        #[cfg(not(unix))]
        let allocated = metadata.len();
        Ok((metadata.len(), allocated))
    }

    fn check_version(&self) -> Result<(), StorageError> {
        let marks = gate("reading the version", || version::marks(&self.begin_read()?))?;
        if version::is_store(&marks)? {
            return Ok(());
        }
        let empty = encode(&StoreRecord::default())?;
        let journal = encode(&JournalRecord::default())?;
        self.write("making the tables", Flush::Now, |write| {
            write.open_table(BLOCKS)?;
            write.open_table(CHUNKS)?;
            write.open_table(MASKS)?;
            write.open_table(JOURNAL)?;
            let mut meta = write.open_table(META)?;
            meta.insert(KEY_VERSION, STORE_VERSION.to_le_bytes().as_slice())?;
            meta.insert(KEY_STORE, empty.as_slice())?;
            meta.insert(KEY_JOURNAL, journal.as_slice())?;
            Ok(())
        })
    }

    /// Makes a change count, durably and as a whole.
    pub(crate) fn commit(&self, change: &Change<'_>) -> Result<(), StorageError> {
        let mut added = Vec::new();
        for block in change.added {
            added.push((block.id.0, encode(block)?));
        }
        let masks: Vec<(u64, Vec<u8>)> =
            change.masks.iter().map(|(block, mask)| (block.0, encode_mask(*block, mask))).collect();
        let store = encode(&StoreRecord {
            counters: change.counters,
            blocks: change.blocks_after.clone(),
            masked: change.masked_after.clone(),
        })?;
        self.write("committing", Flush::Now, |write| {
            let mut block_table = write.open_table(BLOCKS)?;
            let mut mask_table = write.open_table(MASKS)?;
            for (id, bytes) in &added {
                block_table.insert(id, bytes.as_slice())?;
            }
            for (id, bytes) in &masks {
                mask_table.insert(id, bytes.as_slice())?;
            }
            for block in change.dropped {
                block_table.remove(block.0)?;
                mask_table.remove(block.0)?;
            }
            write.open_table(META)?.insert(KEY_STORE, store.as_slice())?;
            match change.journal_first {
                Some(first) => change_record(write, |record| record.first = first),
                None => Ok(()),
            }
        })
    }

    /// Gives back to the file system what the file does not use. Readers wait meanwhile. Cost: what
    /// has to be moved within the file.
    pub(crate) fn compact(&self) -> Result<(), StorageError> {
        self.refuse_if_failed()?;
        let outcome = {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            gate("compacting the file", || {
                database.as_mut().ok_or(redb::Error::DatabaseClosed)?.compact().map(drop)
            })
        };
        if let Err(error) = &outcome {
            self.refuse_writes(error);
            self.reopen();
        }
        outcome
    }

    /// From now on nothing is written, because of `error`; the first one is what is told.
    pub(crate) fn refuse_writes(&self, error: &dyn std::error::Error) {
        self.failure().get_or_insert_with(|| EarlierFailure::new(error));
    }

    pub(super) fn refuse_if_failed(&self) -> Result<(), StorageError> {
        self.failure().clone().map_or(Ok(()), |failure| Err(StorageError::WritesRefused(failure)))
    }

    pub(super) fn failure(&self) -> MutexGuard<'_, Option<EarlierFailure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to write.
    pub(super) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(
        &self,
        action: &'static str,
        flush: Flush,
        fill: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StorageError> {
        if self.is_read_only {
            return Err(StorageError::ReadOnly);
        }
        let _writing = self.writing();
        self.refuse_if_failed()?;
        let outcome = gate(action, || {
            let database = self.database();
            let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
            let mut write = database.begin_write()?;
            match flush {
                // Where other processes read, every commit has to be in the file.
                _ if self.is_shared => write.set_quick_repair(true),
                Flush::Now => write.set_quick_repair(true),
                Flush::Later => write.set_durability(redb::Durability::None)?,
            }
            fill(&write)?;
            Ok(write.commit()?)
        });
        if let Err(error) = &outcome {
            self.refuse_writes(error);
            self.reopen();
        }
        outcome
    }
}

impl Drop for Storage {
    /// Closes the file. On a damaged one redb may panic here too; there is nobody to tell.
    fn drop(&mut self) {
        self.forget_replaced();
        let database = self.database.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = database.take() {
            let _closed = gate("closing the file", || Ok(database.close()?));
        }
    }
}

const _: () = assert!(STORE_VERSION > 0);
