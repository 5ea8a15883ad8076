//! Why a command ends early, and the exit status that says so. Invariant: 1 means that something
//! failed or was left out, 2 that the command line or the query is wrong.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use treering::query::QueryError;

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
    #[error("{0}")]
    Missing(String),
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
}

impl Failure {
    /// The failure of searching for `text`.
    pub(crate) fn search(error: treering::Error, text: &str, path: PathBuf) -> Self {
        match error {
            treering::Error::Query(error) => Self::Query(error, text.to_owned()),
            source => Self::Store { path, doing: "answer", source },
        }
    }

    /// Says what failed on stderr; the exit status. A reader that went away is no failure.
    pub(crate) fn report(&self) -> ExitCode {
        let mut err = anstream::stderr().lock();
        let written = match self {
            Self::Reported => Ok(()),
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Json(error) if error.io_error_kind() == Some(ErrorKind::BrokenPipe) => {
                return ExitCode::SUCCESS;
            }
            Self::Query(error, text) => writeln!(err, "{}", error.report(text)),
            other => write_chain(&mut err, other),
        };
        match (self, written) {
            (Self::Usage(_) | Self::Query(..), _) => ExitCode::from(2),
            // Where stderr is closed too, the status is all that can be said.
            (_, Ok(()) | Err(_)) => ExitCode::from(1),
        }
    }
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
