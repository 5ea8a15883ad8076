//! When a search is to stop. Invariant: once a brake has said stop it says so for good, so whoever
//! returns early because of it knows that the others will too.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::options::{CancelToken, SearchOptions};

/// Looks at the clock, at the caller's token, and at whether the answer is still wanted. One for each
/// block that is read, so that what it has said is known to the thread that heard it.
#[derive(Debug, Default)]
pub(super) struct Brake {
    deadline: Option<Instant>,
    cancel: Option<CancelToken>,
    closed: Option<Arc<AtomicBool>>,
    stopped: Cell<bool>,
}

impl Brake {
    /// A brake for a search with these options.
    pub(super) fn new(options: &SearchOptions) -> Self {
        Self { deadline: options.deadline, cancel: options.cancel.clone(), ..Self::default() }
    }

    /// The same, for work ahead of the search, which is for nothing once `closed` is set.
    pub(super) fn ahead(options: &SearchOptions, closed: &Arc<AtomicBool>) -> Self {
        Self { closed: Some(Arc::clone(closed)), ..Self::new(options) }
    }

    /// Looks; some 50 ns where there is a deadline.
    pub(super) fn stops(&self) -> bool {
        let says = self.stopped.get()
            || self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
            || self.closed.as_ref().is_some_and(|closed| closed.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.stopped.set(says);
        says
    }

    /// True once a look said stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }
}
