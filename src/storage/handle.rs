//! The open redb database, for writing or for reading only. Invariant: a handle that was opened for
//! reading never writes to the file.

use std::fmt;

use redb::{
    ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase,
    WriteTransaction,
};

use crate::codec::cast::usize_of_u64;
use crate::options::{Durability, Options};

/// An open redb database.
pub(super) enum Handle {
    /// Of the one process that writes.
    Writer(Database),
    /// Of one that follows it.
    Reader(ReadOnlyDatabase),
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writer(_) => "Writer",
            Self::Reader(_) => "Reader",
        })
    }
}

/// How processes share a file: one writes and others read, where the platform has the locks for it.
/// redb has no commits in memory where others read, so who wants them has the file alone.
pub(super) fn sharing(durability: Durability) -> ConcurrencyMode {
    let waits = durability == Durability::EachCommit;
    if waits && cfg!(any(target_os = "linux", target_vendor = "apple", windows)) {
        ConcurrencyMode::SingleWriter
    } else {
        ConcurrencyMode::ExclusiveWriter
    }
}

/// What redb is told of the options.
pub(super) fn builder(options: &Options, mode: ConcurrencyMode) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(usize_of_u64(options.page_cache_bytes));
    builder.set_concurrency_mode(mode);
    builder.set_check_integrity_on_open(options.paranoid_open);
    builder
}

impl Handle {
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        Ok(match self {
            Self::Writer(database) => database.begin_read()?,
            Self::Reader(database) => database.begin_read()?,
        })
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        match self {
            Self::Writer(database) => Ok(database.begin_write()?),
            Self::Reader(_) => Err(redb::Error::DatabaseClosed),
        }
    }

    /// Has redb check its pages. True if they were as they should be, false if they were repaired.
    pub(super) fn check_integrity(&mut self) -> Result<bool, redb::Error> {
        match self {
            Self::Writer(database) => Ok(database.check_integrity()?),
            Self::Reader(_) => Err(redb::Error::DatabaseClosed),
        }
    }

    /// Moves pages to the front of the file and cuts its end.
    pub(super) fn compact(&mut self) -> Result<bool, redb::Error> {
        match self {
            Self::Writer(database) => Ok(database.compact()?),
            Self::Reader(_) => Err(redb::Error::DatabaseClosed),
        }
    }

    pub(super) fn close(self) -> Result<(), DatabaseError> {
        match self {
            Self::Writer(database) => database.close(),
            Self::Reader(database) => database.close(),
        }
    }
}
