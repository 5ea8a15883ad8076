//! Writing again after a failed write, without closing the store. Invariant: writes stay refused until the
//! file was opened anew, its pages checked as when it is opened first, and what never counted removed.

use std::sync::PoisonError;

use super::error::StorageError;
use super::file::{Opened, Storage};
use super::gate::gate;
use super::{header, pages};

impl Storage {
    /// Takes up writing after a failed write and gives what the file holds; `None` where none failed.
    /// Nobody else may write meanwhile.
    pub(crate) fn resume(&self) -> Result<Option<Opened>, StorageError> {
        if self.is_read_only() {
            return Err(StorageError::ReadOnly);
        }
        if self.failure().is_none() {
            return Ok(None);
        }
        // The file that a purge put in its place is that of after a loss of power, too.
        gate("syncing the folder", || Ok(self.beside.settle()?))?;
        self.open_checked()?;
        let opened = self.snapshot()?.load(0)?;
        *self.failure() = None;
        // Where one of these fails, writes are refused again. The first makes the newest commit that with
        // the greatest number.
        self.sync()?;
        self.remove_strays(&opened)?;
        self.remove_stray_entries()?;
        let _left = self.beside.discard();
        Ok(Some(opened))
    }

    /// Opens the file anew. What the failed write left may be anything.
    fn open_checked(&self) -> Result<(), StorageError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(failed) = database.take() {
            let _closed = gate("closing the file", || Ok(failed.close()?));
        }
        let open_file = self.open_file.lock().unwrap_or_else(PoisonError::into_inner);
        // The backends of tests are no files. One that is gone must not be made anew, and empty.
        if open_file.identity.is_some() {
            let path = || self.path.clone();
            std::fs::metadata(&self.path)
                .map_err(|cause| StorageError::File { path: path(), cause })?;
            header::check(&self.path)?;
            pages::check(&self.path)?;
        }
        *database = Some(gate("opening the file again", || Ok((self.open_again.0)()?))?);
        Ok(())
    }
}
