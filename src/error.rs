//! The error type of the public interface. Invariant: `Display` says what failed; `source` has the
//! cause, and neither repeats the other.

use std::sync::Arc;

use crate::block::BlockError;
use crate::kind::ErrorKind;
use crate::query::QueryError;
use crate::storage::StorageError;

/// Why a store could not do what was asked. [`Error::kind`] is for programs, `Display` and the chain of
/// sources for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The query is wrong; the error has the place and what would be right.
    #[error("the query cannot be run")]
    Query(#[from] QueryError),
    /// A request could not be read at all.
    #[error("the request cannot be read")]
    Otlp(#[from] crate::otlp::OtlpError),
    /// The store was opened by [`Store::open_read_only`](crate::Store::open_read_only).
    #[error("the store was opened to be read only, so nothing can be stored or removed through it")]
    ReadOnly,
    /// A copy was to be written where there is something already.
    #[error("{} is there already, and is not overwritten", .0.display())]
    Exists(std::path::PathBuf),
    /// An option is out of its range.
    #[error("an option is out of its range: {0}")]
    Options(String),
    /// A batch is beyond a limit of the store; nothing of it is stored.
    #[error(
        "the batch is too large: {spans} spans of {bytes} bytes, at most {spans_max} spans of \
         {bytes_max} bytes expected"
    )]
    BatchTooLarge {
        /// Spans of the batch.
        spans: u64,
        /// Most spans, [`Limits::batch_spans_max`](crate::Limits::batch_spans_max).
        spans_max: u64,
        /// Bytes of the batch in memory.
        bytes: u64,
        /// Most bytes, [`Limits::batch_bytes_max`](crate::Limits::batch_bytes_max).
        bytes_max: u64,
    },
    /// The file cannot be read or written; the source says what was tried and why it failed.
    #[error("the store's file cannot be used")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was taken in could not be moved to blocks of the file for so long that no more is taken;
    /// the source says why. What is stored can be read.
    #[error("too much waits to be moved to blocks of the file, so no more spans are taken")]
    JournalFull {
        /// Why it could not be moved.
        #[source]
        cause: Box<Error>,
    },
    /// A search for what to delete was stopped before it had seen everything; nothing was deleted.
    #[error("the search for what to delete was stopped, so nothing was deleted")]
    Stopped,
    /// Sealing or compaction failed in the background; nothing of what was acknowledged is lost.
    #[error("the store could not be maintained: {0}")]
    Maintenance(String),
    /// What a search was reading was dropped or rewritten meanwhile, and a store with
    /// [`Options::bytes_max`](crate::Options::bytes_max) keeps such bytes for ten seconds at most,
    /// and no more of them than a tenth of its cap. The search has no answer; a new one has.
    #[error("what was being read has been dropped from the store since; ask again")]
    SnapshotExpired,
    /// A thread of the store could not be started.
    #[error("a thread of the store cannot be started")]
    Thread {
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A block of the store is damaged; the source names block, section and place.
    #[error("a block of the store cannot be read")]
    Block(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// What can be done about it.
    ///
    /// ```
    /// use treering::{Error, ErrorKind, Options, Store};
    ///
    /// /// Opens a store; where the file is damaged, one that holds what is whole of it.
    /// fn open(path: &std::path::Path) -> Result<Store, Error> {
    ///     match Store::open(path, Options::default()) {
    ///         Err(error) if error.kind() == ErrorKind::Damaged => {
    ///             let whole = path.with_extension("salvaged");
    ///             Store::salvage(path, &whole, Options::default())?;
    ///             Store::open(&whole, Options::default())
    ///         }
    ///         opened => opened,
    ///     }
    /// }
    /// # let folder = tempfile::tempdir().unwrap();
    /// # open(&folder.path().join("traces.redb")).unwrap();
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Query(_) => ErrorKind::Query,
            Self::Otlp(_) => ErrorKind::Request,
            Self::ReadOnly => ErrorKind::ReadOnly,
            Self::Exists(_) => ErrorKind::Exists,
            Self::Options(_) => ErrorKind::Options,
            Self::BatchTooLarge { .. } => ErrorKind::Limit,
            Self::JournalFull { cause } => cause.kind(),
            Self::Stopped => ErrorKind::Stopped,
            Self::Maintenance(_) => ErrorKind::Maintenance,
            Self::SnapshotExpired => ErrorKind::SnapshotExpired,
            Self::Thread { cause } => ErrorKind::of_io(cause),
            Self::Storage(cause) => kind_of(cause.as_ref()).unwrap_or(ErrorKind::Io),
            Self::Block(cause) => match cause.downcast_ref() {
                Some(BlockError::Chunk { cause, .. }) => kind_of(cause.as_ref()),
                _ => None,
            }
            .unwrap_or(ErrorKind::Damaged),
        }
    }
}

/// The kind of an error of the file, whether or not threads share it.
fn kind_of(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<ErrorKind> {
    let shared = || cause.downcast_ref::<Arc<StorageError>>().map(|error| error.kind());
    cause.downcast_ref().map(StorageError::kind).or_else(shared)
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<BlockError> for Error {
    fn from(error: BlockError) -> Self {
        if let BlockError::Chunk { cause, .. } = &error
            && matches!(cause.downcast_ref(), Some(StorageError::SnapshotExpired))
        {
            return Self::SnapshotExpired;
        }
        Self::Block(error.into())
    }
}
