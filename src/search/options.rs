//! What a caller says beside the query.

use crate::time::Timestamp;

/// What a search should look at and give back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchOptions {
    /// Only traces that end at or after this time. Default none.
    pub start: Option<Timestamp>,
    /// Only traces that start at or before this time. Default none.
    pub end: Option<Timestamp>,
    /// Most traces to return, newest first; `None` for all. Default 20.
    pub limit: Option<usize>,
    /// Most spans to return of a spanset; `None` for all. Default 3.
    pub spans_per_spanset: Option<usize>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { start: None, end: None, limit: Some(20), spans_per_spanset: Some(3) }
    }
}

impl SearchOptions {
    /// Everything that matches: no limit of traces or of spans.
    pub fn all() -> Self {
        Self { limit: None, spans_per_spanset: None, ..Self::default() }
    }
}

/// How much a query finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Traces with a spanset.
    pub traces: u64,
    /// Spans in spansets.
    pub spans: u64,
    /// Candidate rows that operators and checks looked at.
    pub rows_considered: u64,
}
