//! What a caller says beside the query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::order::{Cursor, Order};
use crate::time::Timestamp;

/// What a search should look at and give back, and how far it may go.
///
/// ```
/// use std::time::{Duration, Instant};
/// use treering::SearchOptions;
///
/// let mut options = SearchOptions::all(); // or `default()`: 20 traces, 3 spans of each spanset
/// options.spans_per_spanset = Some(10);
/// options.deadline = Some(Instant::now() + Duration::from_secs(2));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SearchOptions {
    /// Only traces that end at or after this time. Default none.
    pub start: Option<Timestamp>,
    /// Only traces that start at or before this time. Default none.
    pub end: Option<Timestamp>,
    /// Most traces to return; `None` for all. Default 20.
    pub limit: Option<usize>,
    /// Most spans to return of a spanset; `None` for all. Default 3.
    pub spans_per_spanset: Option<usize>,
    /// The order of the traces. Default newest first.
    pub order: Order,
    /// Only traces that come after this one in the order: the next page. For [`Order::NewestFirst`]
    /// and [`Order::OldestFirst`] only. Default none.
    pub after: Option<Cursor>,
    /// When to stop, whatever has been found. A search looks at the clock at each stage and operator,
    /// and between some thousand computed values, so it goes on for some milliseconds: what one
    /// column takes to read, or one operator on a window of 65,536 spans or one trace; and then for
    /// making results of what was found until then. A stopped search returns the traces that are
    /// certain to come first in the order, marked partial. By duration or number of spans nothing is
    /// certain: there it returns the best that it has found. [`crate::Store::count`] leaves out the
    /// blocks that it has not seen whole. Default none.
    pub deadline: Option<Instant>,
    /// Stops the search as the deadline does, and the making of results too. Default none.
    pub cancel: Option<CancelToken>,
    /// Most threads that work on the search, that of the caller among them; 0 is taken for 1. `None`
    /// for as many as the store has, [`crate::Options::query_threads`]. Answers and figures do not
    /// depend on it. Blocks go to different threads, never parts of one, and only a search that
    /// looks like taking more than about 0.5 ms asks for help at all. Default none.
    pub threads: Option<usize>,
    /// Most bytes, roughly, that the traces returned may take in memory. Default none.
    pub result_bytes_max: Option<usize>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            start: None,
            end: None,
            limit: Some(20),
            spans_per_spanset: Some(3),
            order: Order::default(),
            after: None,
            deadline: None,
            cancel: None,
            threads: None,
            result_bytes_max: None,
        }
    }
}

impl SearchOptions {
    /// Everything that matches: no limit of traces or of spans.
    pub fn all() -> Self {
        Self { limit: None, spans_per_spanset: None, ..Self::default() }
    }

    /// True if the search may be stopped at all.
    pub(super) fn may_be_stopped(&self) -> bool {
        self.cancel.is_some() || self.deadline.is_some()
    }
}

/// Stops a search from another thread. Clones stop the same searches.
///
/// ```
/// use treering::{CancelToken, SearchOptions};
///
/// let token = CancelToken::new();
/// let mut options = SearchOptions::default();
/// options.cancel = Some(token.clone());
/// // ... on another thread, when the client has gone:
/// token.cancel();
/// assert!(token.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that has not been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every search that has this token or a clone of it, now and later.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// True once [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How much a query finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Traces with a spanset.
    pub traces: u64,
    /// Spans in spansets.
    pub spans: u64,
    /// Candidate rows that operators and checks looked at.
    pub rows_considered: u64,
    /// True if the search was stopped before it had seen everything.
    pub partial: bool,
}
