//! What can go wrong with the file.

use std::path::PathBuf;

use crate::codec::bytes::Malformed;

/// Why the file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// Another handle has the file open for writing.
    #[error("{} is open already, in this process or another; a store has one writer", path.display())]
    AlreadyOpen { path: PathBuf },
    /// The file could not be opened or made.
    #[error("{} cannot be opened", path.display())]
    Open {
        path: PathBuf,
        #[source]
        cause: Box<redb::Error>,
    },
    /// There is no store in the file yet.
    #[error("{} has no store in it", path.display())]
    Empty { path: PathBuf },
    /// A write to a store that was opened to be read.
    #[error("the store was opened to be read only")]
    ReadOnly,
    /// The file system refused.
    #[error("{} cannot be used", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// The file is of another version.
    #[error("the store has format {found}, this build reads {expected}; use a matching release")]
    Version { found: u32, expected: u32 },
    /// A read or a write failed.
    #[error("{action} failed")]
    Redb {
        action: &'static str,
        #[source]
        cause: Box<redb::Error>,
    },
    /// A stored record is not what it should be.
    #[error("the store is damaged: {place}: {cause}")]
    Corrupt { place: String, cause: Malformed },
    /// The block was dropped while it was read, and its bytes were needed.
    #[error(
        "what was being read has been dropped from the store, and readers may hold no more of that"
    )]
    SnapshotExpired,
    /// An earlier write failed.
    #[error(
        "an earlier write failed, so the store takes no more until it is resumed or opened anew"
    )]
    WritesRefused(#[source] EarlierFailure),
}

/// What the earlier write failed with, its causes included.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct EarlierFailure(String);

impl EarlierFailure {
    pub(super) fn new(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }
}
