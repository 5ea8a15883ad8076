//! The error type of the public interface. Invariant: `Display` says what failed; `source` has the
//! cause, and neither repeats the other.

use crate::query::QueryError;

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
    /// This build does not do that yet.
    #[error("not yet: {0}")]
    Unsupported(&'static str),
}
