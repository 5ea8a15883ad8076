//! Why a command ends early, and the exit status that says so. Invariant: 1 means that something
//! failed or was left out, 2 that the command line or the query is wrong, 130 that Ctrl-C stopped it.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use treering::ErrorKind as Kind;
use treering::query::QueryError;

use crate::interrupt;

/// What to do without the right to a file,
const DENIED: &str = "ask for the right to it, or name another place";
/// and without room for it.
const OUT_OF_SPACE: &str = "make room on the disk, or name another place";

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// The query is wrong; the text is beside the error.
    #[error("the query is wrong")]
    Query(#[source] QueryError, String),
    /// There is no such thing.
    #[error("{what}")]
    Missing {
        /// What there is not.
        what: String,
        /// What to do about it.
        next: String,
    },
    /// What the program made itself is wrong.
    #[error("{0}")]
    Internal(String),
    /// A file or stream cannot be read or written.
    #[error("cannot {doing}")]
    Io {
        /// What was tried: `read x.json`.
        doing: String,
        #[source]
        source: io::Error,
    },
    /// The store cannot do what was asked.
    #[error("the store at {} cannot {doing}", path.display())]
    Store {
        /// Where it is.
        path: PathBuf,
        /// What was tried: `be opened`.
        doing: &'static str,
        #[source]
        source: treering::Error,
    },
    /// Output went nowhere.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
    /// A table of results cannot be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    /// Faults were reported already, one by one.
    #[error("something was left out")]
    Reported,
    /// Ctrl-C stopped it; what it had found is shown.
    #[error("stopped")]
    Interrupted,
    /// Something failed with this status and was reported; what came after it was done.
    #[error("something failed")]
    Earlier(u8),
}

impl Failure {
    /// The failure of searching for `text`.
    pub(crate) fn search(error: treering::Error, text: &str, path: PathBuf) -> Self {
        match error {
            treering::Error::Query(error) => Self::Query(error, text.to_owned()),
            source => Self::Store { path, doing: "answer", source },
        }
    }

    /// The exit status that says so. A reader that went away is no failure.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Query(..) => 2,
            Self::Earlier(status) => *status,
            Self::Interrupted => interrupt::STATUS,
            other if other.is_closed_pipe() => 0,
            _ => 1,
        }
    }

    /// True where whoever read the output has gone.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let kind = match self {
            Self::Output(error) => Some(error.kind()),
            Self::Json(error) => error.io_error_kind(),
            _ => None,
        };
        kind == Some(ErrorKind::BrokenPipe)
    }

    /// Says on stderr what failed, and what to do next.
    pub(crate) fn report(&self) {
        let mut err = anstream::stderr().lock();
        let written = match self {
            Self::Reported | Self::Earlier(_) | Self::Interrupted => Ok(()),
            other if other.is_closed_pipe() => Ok(()),
            Self::Query(error, text) => writeln!(err, "{}", error.report(text)),
            other => write_chain(&mut err, other).and_then(|()| match other.next() {
                Some(next) => writeln!(err, "  = {next}"),
                None => Ok(()),
            }),
        };
        // Where stderr is closed too, the exit status is all that can be said.
        drop(written);
    }

    /// What to do next, where that is known.
    fn next(&self) -> Option<String> {
        match self {
            Self::Missing { next, .. } => Some(next.clone()),
            Self::Store { path, source, .. } => next_for(path, source.kind()),
            Self::Io { source, .. } => {
                let next = match source.kind() {
                    ErrorKind::PermissionDenied => DENIED,
                    ErrorKind::StorageFull => OUT_OF_SPACE,
                    _ => return None,
                };
                Some(next.to_owned())
            }
            _ => None,
        }
    }
}

/// What to do where the store at `path` fails so.
fn next_for(path: &Path, kind: Kind) -> Option<String> {
    let next = match kind {
        Kind::Exists => "name a new file, or remove that one",
        Kind::InUse => {
            "stop what has it open, or name another store; commands that only ask work meanwhile, \
             unless what has it open defers durability"
        }
        Kind::NotAStore => "it is no store of Treering's; --store names another file",
        Kind::Denied => DENIED,
        Kind::OutOfSpace => OUT_OF_SPACE,
        Kind::Damaged => {
            let path = shell_word(path);
            return Some(format!(
                "`treering verify --store {path}` says what is broken, `treering salvage NEW \
                 --store {path}` copies what is whole"
            ));
        }
        _ => return None,
    };
    Some(next.to_owned())
}

/// The path as a shell reads it.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// `error:` with `error`, then each of its sources on a line of its own.
pub(crate) fn write_chain(out: &mut impl Write, error: &dyn Error) -> io::Result<()> {
    writeln!(out, "error: {error}")?;
    let mut next = error.source();
    while let Some(source) = next {
        writeln!(out, "  because: {source}")?;
        next = source.source();
    }
    Ok(())
}
