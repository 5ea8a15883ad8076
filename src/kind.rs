//! What a caller can do about an error. Invariant: a kind says what to do next, not where in the store
//! it came from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of failure an [`Error`](crate::Error) is, by what can be done about it; from
/// [`Error::kind`](crate::Error::kind).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The query is wrong: [`QueryError::report`](crate::query::QueryError::report) shows where.
    Query,
    /// A request is no OTLP.
    Request,
    /// An option is out of its range, or does not go with another.
    Options,
    /// The store was opened to be read only.
    ReadOnly,
    /// There is something where a new file was to be written; name another place.
    Exists,
    /// There is no file or no folder of that name, or no store in the file yet.
    NotFound,
    /// The file is not one of Treering's; name another.
    NotAStore,
    /// Another process, or another handle of this one, has the file, and it cannot be shared with this
    /// one; try again when it is closed.
    InUse,
    /// The file is of another version; use a release that reads it.
    OtherVersion,
    /// The file is damaged: [`Store::verify`](crate::Store::verify) says what, and
    /// [`Store::salvage`](crate::Store::salvage) copies what is whole.
    Damaged,
    /// There is no room: on the disk, within a quota, or below the largest size that a file may have.
    /// Once there is, [`Store::resume`](crate::Store::resume) has the store go on.
    OutOfSpace,
    /// An earlier write failed, and the store takes no more until
    /// [`Store::resume`](crate::Store::resume).
    WritesRefused,
    /// The system does not let this process at the file.
    Denied,
    /// Something is beyond a limit of the store; bring less.
    Limit,
    /// A deadline or a token stopped it before it had an answer.
    Stopped,
    /// What was being read has been dropped since; ask again.
    SnapshotExpired,
    /// Work in the background failed; nothing of what was acknowledged is lost.
    Maintenance,
    /// The system failed otherwise; the sources of the error say how.
    Io,
}

/// A word for programs, such as the label of a metric: `out_of_space`, as serde writes it.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Query => "query",
            Self::Request => "request",
            Self::Options => "options",
            Self::ReadOnly => "read_only",
            Self::Exists => "exists",
            Self::NotFound => "not_found",
            Self::NotAStore => "not_a_store",
            Self::InUse => "in_use",
            Self::OtherVersion => "other_version",
            Self::Damaged => "damaged",
            Self::OutOfSpace => "out_of_space",
            Self::WritesRefused => "writes_refused",
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Stopped => "stopped",
            Self::SnapshotExpired => "snapshot_expired",
            Self::Maintenance => "maintenance",
            Self::Io => "io",
        })
    }
}

impl ErrorKind {
    /// The kind of what the system says.
    pub(crate) fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Of;
        match error.kind() {
            Of::NotFound => Self::NotFound,
            Of::PermissionDenied | Of::ReadOnlyFilesystem => Self::Denied,
            Of::StorageFull | Of::QuotaExceeded | Of::FileTooLarge => Self::OutOfSpace,
            // Files end where their header says that there is more, or hold what no file holds.
            Of::UnexpectedEof | Of::InvalidData => Self::Damaged,
            _ => Self::Io,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::ErrorKind;

    #[test]
    fn what_the_system_says_has_a_kind() {
        let kinds = [
            (io::ErrorKind::NotFound, ErrorKind::NotFound),
            (io::ErrorKind::PermissionDenied, ErrorKind::Denied),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::Denied),
            (io::ErrorKind::StorageFull, ErrorKind::OutOfSpace),
            (io::ErrorKind::QuotaExceeded, ErrorKind::OutOfSpace),
            (io::ErrorKind::FileTooLarge, ErrorKind::OutOfSpace),
            (io::ErrorKind::UnexpectedEof, ErrorKind::Damaged),
            (io::ErrorKind::IsADirectory, ErrorKind::Io),
        ];
        for (said, kind) in kinds {
            assert_eq!(ErrorKind::of_io(&said.into()), kind, "{said:?}");
        }
    }
}
