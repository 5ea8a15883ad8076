//! Spans that may still match. Invariant: all of a window is never written out as a set until
//! somebody needs it as one.

use std::ops::Range;

use crate::query::rows::Rows;

/// Spans that may still match.
#[derive(Debug, Clone)]
pub(crate) enum Candidates {
    /// Every row of the window.
    All(Range<u32>),
    /// These.
    Rows(Rows),
}

impl Candidates {
    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::All(window) => u64::from(window.end.saturating_sub(window.start)),
            Self::Rows(rows) => rows.len(),
        }
    }

    /// True where there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub(crate) fn rows(&self) -> Rows {
        match self {
            Self::All(window) => Rows::range(window.clone()),
            Self::Rows(rows) => rows.clone(),
        }
    }

    /// Those that are in `rows`, which lie in the window.
    pub(crate) fn keep(&self, rows: &Rows) -> Rows {
        match self {
            Self::All(_) => rows.clone(),
            Self::Rows(candidates) => candidates.and(rows),
        }
    }

    /// Those that are not in `rows`.
    pub(crate) fn without(&self, rows: &Rows) -> Rows {
        match self {
            Self::All(window) => rows.complement(window.clone()),
            Self::Rows(candidates) => candidates.minus(rows),
        }
    }
}
