//! A medium for tests that fails, stops or loses power at any operation. Invariant: what was synced
//! survives; of what was written since, any part may.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::StorageError;
use super::file::{Opened, Storage};
use crate::options::Options;

/// A file in memory. Clones are the same file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Medium(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// What survives everything.
    durable: Vec<u8>,
    /// What is read: the durable bytes and every write since.
    current: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// So many operations go well.
    good: Option<u64>,
    /// True if operations go well again after the one that failed.
    forgives: bool,
    operations: u64,
}

impl Medium {
    /// Opens a store on it.
    pub(crate) fn storage(&self, options: &Options) -> Result<(Storage, Opened), StorageError> {
        let medium = self.clone();
        Storage::on_backend(move || medium.clone(), options)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// A file with the same bytes, all of them durable.
    pub(crate) fn copy(&self) -> Self {
        let durable = self.inner().durable.clone();
        let inner = Inner { current: durable.clone(), durable, ..Inner::default() };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// A file with the same bytes, of which the same are durable.
    pub(crate) fn clone_unsynced(&self) -> Self {
        let inner = self.inner();
        Self(Arc::new(Mutex::new(Inner {
            durable: inner.durable.clone(),
            current: inner.current.clone(),
            unsynced: inner.unsynced.clone(),
            ..Inner::default()
        })))
    }

    /// Lets so many operations go well; then one fails, or all.
    pub(crate) fn fail_after(&self, good: u64, forgives: bool) {
        let mut inner = self.inner();
        (inner.good, inner.forgives) = (Some(good), forgives);
    }

    /// Writes, syncs and changes of length so far.
    pub(crate) fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// Loses power: of the unsynced writes those survive for which `keeps` is true, the last of them
    /// in part. From then on all goes well.
    pub(crate) fn lose_power(&self, mut keeps: impl FnMut() -> bool) {
        let mut inner = self.inner();
        let mut unsynced = std::mem::take(&mut inner.unsynced);
        unsynced.retain(|_| keeps());
        if let Some((_, bytes)) = unsynced.last_mut() {
            bytes.truncate(bytes.len() / 2);
        }
        for (offset, bytes) in unsynced {
            write_at(&mut inner.durable, offset, &bytes);
        }
        inner.current = inner.durable.clone();
        inner.good = None;
    }
}

impl Inner {
    fn check(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.good {
            None => return Ok(()),
            Some(0) => {
                if self.forgives {
                    self.good = None;
                }
                return Err(io::Error::other("no space left"));
            }
            Some(good) => self.good = Some(good - 1),
        }
        Ok(())
    }
}

fn write_at(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

impl redb::StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.inner().current.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.inner().current[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check()?;
        let len = usize::try_from(len).unwrap();
        inner.current.resize(len, 0);
        // A length is taken as durable at once; what is written into the new part is not.
        inner.durable.resize(len, 0);
        inner.unsynced.retain(|(offset, bytes)| offset + bytes.len() <= len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check()?;
        for (offset, bytes) in std::mem::take(&mut inner.unsynced) {
            write_at(&mut inner.durable, offset, &bytes);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check()?;
        let offset = usize::try_from(offset).unwrap();
        write_at(&mut inner.current, offset, data);
        inner.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
}
