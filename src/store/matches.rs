//! The answer to a search as an iterator. Invariant: all of it is of one instant, and it ends after an
//! error.

use std::iter::FusedIterator;

use crate::error::Error;
use crate::query::{SearchResult, TraceMatch};
use crate::search::Findings;

/// The traces that a search found, made when it is their turn, some at a time, so that an answer of any
/// size takes little memory: some bytes for each span found. All are of the instant of the question, whatever is
/// stored meanwhile; of a store with a cap on bytes, what is dropped can be read for some time only
/// ([`Error::SnapshotExpired`]).
#[derive(Debug)]
pub struct Matches {
    findings: Findings,
    has_failed: bool,
}

impl Matches {
    pub(super) fn new(findings: Findings) -> Self {
        Self { findings, has_failed: false }
    }

    /// The answer but for its traces: warnings, figures, and whether it is partial, as far as is known
    /// by now.
    pub fn outcome(&self) -> &SearchResult {
        &self.findings.outcome
    }

    /// The same, by value.
    pub fn into_outcome(self) -> SearchResult {
        self.findings.outcome
    }
}

impl Iterator for Matches {
    type Item = Result<TraceMatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let made = self.findings.make_next();
        self.has_failed = made.is_err();
        made.map_err(Error::from).transpose()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.findings.remaining()))
    }
}

impl FusedIterator for Matches {}
