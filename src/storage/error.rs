//! What can go wrong with the file.

use std::io;
use std::path::PathBuf;

use crate::codec::bytes::Malformed;
use crate::kind::ErrorKind;

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
        cause: io::Error,
    },
    /// The file is somebody else's.
    #[error("{what}, but not of Treering")]
    Foreign { what: &'static str },
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

impl StorageError {
    /// What can be done about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyOpen { .. } => ErrorKind::InUse,
            Self::Open { cause, .. } => match cause.as_ref() {
                // Of a file that it opens, redb says so only where the first bytes are not its own.
                redb::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                    ErrorKind::NotAStore
                }
                cause => kind_of_redb(cause),
            },
            Self::Redb { cause, .. } => kind_of_redb(cause),
            Self::Empty { .. } => ErrorKind::NotFound,
            Self::ReadOnly => ErrorKind::ReadOnly,
            Self::File { cause, .. } => ErrorKind::of_io(cause),
            Self::Foreign { .. } => ErrorKind::NotAStore,
            Self::Version { .. } => ErrorKind::OtherVersion,
            Self::Corrupt { .. } => ErrorKind::Damaged,
            Self::SnapshotExpired => ErrorKind::SnapshotExpired,
            Self::WritesRefused(_) => ErrorKind::WritesRefused,
        }
    }
}

fn kind_of_redb(error: &redb::Error) -> ErrorKind {
    use redb::Error as Of;
    match error {
        Of::Io(cause) => ErrorKind::of_io(cause),
        Of::DatabaseAlreadyOpen | Of::LockProtocolMismatch => ErrorKind::InUse,
        Of::UpgradeRequired(_) => ErrorKind::OtherVersion,
        Of::PreviousIo => ErrorKind::WritesRefused,
        Of::Corrupted(_)
        | Of::TableTypeMismatch { .. }
        | Of::TableIsMultimap(_)
        | Of::TableIsNotMultimap(_)
        | Of::TypeDefinitionChanged { .. }
        | Of::TableDoesNotExist(_)
        // A panic poisons, and redb panics on what it cannot make sense of.
        | Of::LockPoisoned(_)
        | Of::TransactionPoisoned => ErrorKind::Damaged,
        _ => ErrorKind::Io,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_is_told_by_the_cause() {
        let path = PathBuf::from("traces.redb");
        let open = |cause| StorageError::Open { path: path.clone(), cause: Box::new(cause) };
        let failed = |cause| StorageError::Redb { action: "writing", cause: Box::new(cause) };
        let io = |kind: io::ErrorKind| redb::Error::Io(kind.into());
        let earlier = EarlierFailure::new(&failed(io(io::ErrorKind::StorageFull)));
        let kinds = [
            (open(io(io::ErrorKind::InvalidData)), ErrorKind::NotAStore),
            (open(io(io::ErrorKind::NotFound)), ErrorKind::NotFound),
            (open(io(io::ErrorKind::UnexpectedEof)), ErrorKind::Damaged),
            (open(redb::Error::UpgradeRequired(1)), ErrorKind::OtherVersion),
            (failed(io(io::ErrorKind::InvalidData)), ErrorKind::Damaged),
            (failed(io(io::ErrorKind::StorageFull)), ErrorKind::OutOfSpace),
            (failed(redb::Error::PreviousIo), ErrorKind::WritesRefused),
            (failed(redb::Error::Corrupted("a page".to_owned())), ErrorKind::Damaged),
            (failed(redb::Error::DatabaseClosed), ErrorKind::Io),
            (StorageError::WritesRefused(earlier), ErrorKind::WritesRefused),
        ];
        for (error, kind) in kinds {
            assert_eq!(error.kind(), kind, "{error:?}");
        }
    }
}
