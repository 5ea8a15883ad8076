//! The error type of the public interface. Invariant: `Display` says what failed; `source` has the
//! cause, and neither repeats the other.

use crate::block::BlockError;
use crate::query::QueryError;
use crate::storage::StorageError;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The query is wrong; the error has the place and what would be right.
    #[error("the query cannot be run")]
    Query(#[from] QueryError),
    /// A request could not be read at all.
    #[error("the request cannot be read")]
    Otlp(#[from] crate::otlp::OtlpError),
    /// An option is out of its range.
    #[error("an option is out of its range: {0}")]
    Options(String),
    /// A batch holds more spans than can be stored at once.
    #[error("the batch is too large: at most 4,294,967,295 spans can be stored at once")]
    BatchTooLarge,
    /// The file cannot be read or written; the source says what was tried and why it failed.
    #[error("the store's file cannot be used")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A block of the store is damaged; the source names block, section and place.
    #[error("a block of the store cannot be read")]
    Block(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Storage(error.into())
    }
}

impl From<BlockError> for Error {
    fn from(error: BlockError) -> Self {
        Self::Block(error.into())
    }
}
