//! Reading a file that must not change: redb on a file whose writes stay in memory. Invariant: no
//! byte of the file is written, and its locks are those that redb takes on the file itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::header::{GOD_BYTE, RECOVERY_REQUIRED};
use crate::codec::cast::{u64_of, usize_of_u64};

/// Bytes that are kept together once one of them is written.
const PAGE_LEN: u64 = 4096;

/// A file, and what was written beside it.
#[derive(Debug)]
pub(super) struct Shadow {
    file: FileBackend,
    shows: Shows,
    written: Mutex<Written>,
}

/// What a reader is shown of a file whose writer was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// That it has to be recovered.
    All,
    /// The last commit: it is whole, because the store's commits are of two phases.
    LastCommit,
}

#[derive(Debug)]
struct Written {
    len: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Shadow {
    /// On the file at `path`, which must be there.
    pub(super) fn open(path: &Path, shows: Shows) -> io::Result<Self> {
        let file = std::fs::File::open(path)?;
        let written = Written { len: file.metadata()?.len(), pages: BTreeMap::new() };
        Ok(Self {
            file: FileBackend::new(file).map_err(io::Error::other)?,
            shows,
            written: Mutex::new(written),
        })
    }

    /// The same, which may be locked for itself alone; the file is not written to either.
    pub(super) fn open_alone(path: &Path) -> io::Result<Self> {
        // A lock for oneself needs a file that may be written to.
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
        let written = Written { len: file.metadata()?.len(), pages: BTreeMap::new() };
        let file = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Self { file, shows: Shows::All, written: Mutex::new(written) })
    }

    /// Changes the byte of flags, beside the file.
    pub(super) fn change_flags(&self, change: impl FnMut(u8) -> u8) -> io::Result<()> {
        let mut flags = [0];
        self.read(GOD_BYTE, &mut flags)?;
        self.write(GOD_BYTE, &flags.map(change))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page as the file has it.
    fn page_of_file(&self, page: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize_of_u64(PAGE_LEN)];
        let rest = self.file.len()?.saturating_sub(page * PAGE_LEN).min(PAGE_LEN);
        if let Some(part) = bytes.get_mut(..usize_of_u64(rest))
            && rest > 0
        {
            self.file.read(page * PAGE_LEN, part)?;
        }
        Ok(bytes)
    }
}

impl StorageBackend for Shadow {
    fn len(&self) -> io::Result<u64> {
        match self.shows {
            // The file may grow while it is read.
            Shows::LastCommit => self.file.len(),
            Shows::All => Ok(self.written().len),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.shows == Shows::LastCommit {
            self.file.read(offset, out)?;
            let god = GOD_BYTE.checked_sub(offset).and_then(|at| out.get_mut(usize_of_u64(at)));
            if let Some(god) = god {
                *god &= !RECOVERY_REQUIRED;
            }
            return Ok(());
        }
        let written = self.written();
        let mut at = offset;
        let mut rest = out;
        while !rest.is_empty() {
            let page = at / PAGE_LEN;
            let within = usize_of_u64(at - page * PAGE_LEN);
            let len = rest.len().min(usize_of_u64(PAGE_LEN) - within);
            let (part, after) = rest.split_at_mut(len);
            let of_file;
            let bytes = if let Some(bytes) = written.pages.get(&page) {
                bytes
            } else {
                of_file = self.page_of_file(page)?;
                &of_file
            };
            part.copy_from_slice(bytes.get(within..within + len).unwrap_or_default());
            at += u64_of(len);
            rest = after;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.written().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written();
        let (mut at, mut rest) = (offset, data);
        while !rest.is_empty() {
            let page = at / PAGE_LEN;
            let within = usize_of_u64(at - page * PAGE_LEN);
            let (part, after) =
                rest.split_at(rest.len().min(usize_of_u64(PAGE_LEN).saturating_sub(within)));
            let bytes = match written.pages.entry(page) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.page_of_file(page)?),
            };
            if let Some(slot) = bytes.get_mut(within..within + part.len()) {
                slot.copy_from_slice(part);
            }
            at += u64_of(part.len());
            rest = after;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
