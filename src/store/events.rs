//! What a store does beside what it is asked: told to whoever wants to know. Invariant: each piece of
//! work that begins ends or fails, unless the process does.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use crate::error::Error;

/// Work that a store does beside what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Work {
    /// Reading the journal while opening.
    Recovery,
    /// Moving what is in memory to blocks of the file.
    Seal,
    /// Making larger blocks of small ones.
    Compaction,
    /// Dropping the oldest blocks, because of age or of the cap on bytes, or the oldest traces of a
    /// service that has more than its share.
    Retention,
    /// Taking note of deleted traces.
    Deletion,
    /// Making new spans' traces whole ahead of readers.
    Folding,
    /// Writing the file anew without what counts no more, sealing included.
    Purge,
}

/// What is told of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It begins.
    Began(Work),
    /// It is done.
    Ended(Work),
    /// It failed. Nothing that was acknowledged is lost; [`Stats`](crate::Stats) shows the error too.
    Failed(Work, &'a Error),
}

/// What a user wants to be called.
type Tell = dyn Fn(&Event<'_>) + Send + Sync;

/// Whom to tell; see [`Store::open_with`](crate::Store::open_with).
#[derive(Clone, Default)]
pub(super) struct Handler(Option<Arc<Tell>>);

impl Handler {
    /// A handler that calls `tell`.
    pub(super) fn new(tell: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(tell) = &self.0 {
            tell(event);
        }
    }

    /// Runs a piece of work, and tells of it.
    pub(super) fn during<T>(
        &self,
        work: Work,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.tell(&Event::Began(work));
        let outcome = run();
        self.tell(&match &outcome {
            Ok(_) => Event::Ended(work),
            Err(error) => Event::Failed(work, error),
        });
        outcome
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Handler" } else { "no handler" })
    }
}

impl Shared {
    /// Runs a piece of work, and tells of it.
    pub(super) fn during<T>(
        &self,
        work: Work,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.handler.during(work, run)
    }
}
