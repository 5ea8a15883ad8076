//! A medium for tests that fails, stops or loses power at any operation. Invariant: what was synced
//! survives; of what was written since, any part may, and a file that took another's place may not
//! have.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Builder, Database};

use super::beside::Beside;
use super::error::StorageError;
use super::file::{Opened, Storage};
use crate::options::Options;

/// A folder in memory with the store's file, and at times one beside it. Clones are the same folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Medium(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// All files there ever were.
    files: Vec<File>,
    /// The store's file: as it is found now, and after a loss of power.
    named: usize,
    named_durably: usize,
    /// The file beside it.
    beside: Option<usize>,
    /// So many operations go well.
    good: Option<u64>,
    /// True if operations go well again after the one that failed.
    forgives: bool,
    operations: u64,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            files: vec![File::default()],
            named: 0,
            named_durably: 0,
            beside: None,
            good: None,
            forgives: false,
            operations: 0,
        }
    }
}

#[derive(Debug, Clone, Default)]
struct File {
    /// What survives everything.
    durable: Vec<u8>,
    /// What is read: the durable bytes and every write since.
    current: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
}

/// One file of the folder, whatever its name is by now.
#[derive(Debug)]
struct Backend {
    medium: Medium,
    file: usize,
}

impl Medium {
    /// Opens a store on it.
    pub(crate) fn storage(&self, options: &Options) -> Result<(Storage, Opened), StorageError> {
        let medium = self.clone();
        let backend = move || {
            let file = medium.inner().named;
            Backend { medium: medium.clone(), file }
        };
        Storage::on_backend(backend, Box::new(self.clone()), options)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// A folder with the same file, all that is durable of it.
    pub(crate) fn copy(&self) -> Self {
        let inner = self.inner();
        let durable = inner.files[inner.named_durably].durable.clone();
        let file = File { current: durable.clone(), durable, unsynced: Vec::new() };
        Self(Arc::new(Mutex::new(Inner { files: vec![file], ..Inner::default() })))
    }

    /// A folder with the same files, of which the same is durable.
    pub(crate) fn clone_unsynced(&self) -> Self {
        let inner = self.inner();
        Self(Arc::new(Mutex::new(Inner {
            files: inner.files.clone(),
            named: inner.named,
            named_durably: inner.named_durably,
            beside: inner.beside,
            ..Inner::default()
        })))
    }

    /// Lets so many operations go well; then one fails, or all.
    pub(crate) fn fail_after(&self, good: u64, forgives: bool) {
        let mut inner = self.inner();
        (inner.good, inner.forgives) = (Some(good), forgives);
    }

    /// Writes, syncs, changes of length and of names so far.
    pub(crate) fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// True if there is a file beside the store's.
    pub(crate) fn has_leftover(&self) -> bool {
        self.inner().beside.is_some()
    }

    /// Loses power: of the unsynced writes those survive for which `keeps` is true, the last of them
    /// in part, and likewise a change of names. From then on all goes well.
    pub(crate) fn lose_power(&self, mut keeps: impl FnMut() -> bool) {
        let mut inner = self.inner();
        for file in &mut inner.files {
            let mut unsynced = std::mem::take(&mut file.unsynced);
            unsynced.retain(|_| keeps());
            if let Some((_, bytes)) = unsynced.last_mut() {
                bytes.truncate(bytes.len() / 2);
            }
            for (offset, bytes) in unsynced {
                write_at(&mut file.durable, offset, &bytes);
            }
            file.current = file.durable.clone();
        }
        if inner.named != inner.named_durably {
            if keeps() {
                inner.named_durably = inner.named;
            } else {
                // Then the other file goes by its own name again.
                inner.beside = Some(inner.named);
                inner.named = inner.named_durably;
            }
        }
        inner.good = None;
    }
}

impl Beside for Medium {
    fn create(&self, builder: &Builder) -> Result<Database, redb::Error> {
        let file = {
            let mut inner = self.inner();
            inner.check()?;
            inner.files.push(File::default());
            inner.beside = Some(inner.files.len() - 1);
            inner.files.len() - 1
        };
        Ok(builder.create_with_backend(Backend { medium: self.clone(), file })?)
    }

    fn take_place(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check()?;
        inner.named = inner.beside.take().unwrap();
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.check()?;
        inner.named_durably = inner.named;
        Ok(())
    }

    fn discard(&self) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.beside.is_some() {
            inner.check()?;
            inner.beside = None;
        }
        Ok(())
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

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.medium.inner().files[self.file].current.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let inner = self.medium.inner();
        out.copy_from_slice(&inner.files[self.file].current[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.medium.inner();
        inner.check()?;
        let file = &mut inner.files[self.file];
        let len = usize::try_from(len).unwrap();
        file.current.resize(len, 0);
        // A length is taken as durable at once; what is written into the new part is not.
        file.durable.resize(len, 0);
        file.unsynced.retain(|(offset, bytes)| offset + bytes.len() <= len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.medium.inner();
        inner.check()?;
        let file = &mut inner.files[self.file];
        for (offset, bytes) in std::mem::take(&mut file.unsynced) {
            write_at(&mut file.durable, offset, &bytes);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.medium.inner();
        inner.check()?;
        let file = &mut inner.files[self.file];
        let offset = usize::try_from(offset).unwrap();
        write_at(&mut file.current, offset, data);
        file.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
}
