//! Group commit: of the threads that wait, one writes what all of them brought as one transaction.
//! Invariant: entries become visible in the order of their numbers, and only after they are durable.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use super::shared::Shared;
use super::state::Fresh;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::storage::{Flush, StorageError};

/// Bytes of entries written in one transaction, if there is more than one.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Entries on their way into the journal.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// True while a thread writes.
    writing: bool,
    /// The number of the next entry.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    payload: Vec<u8>,
    fresh: Fresh,
    outcome: Arc<Outcome>,
}

/// Set once the entry is durable, or cannot be.
type Outcome = OnceLock<Result<(), Arc<StorageError>>>;

impl Queue {
    /// A queue whose first entry gets the number `next`.
    pub(super) fn new(next: u64) -> Self {
        let waiting = Waiting { next, ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), written: Condvar::new() }
    }

    /// Runs `work` while nobody writes entries, and lets it set the number of the next one.
    pub(super) fn alone<T>(&self, work: impl FnOnce(&mut u64) -> T) -> T {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.writing {
            waiting = self.written.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.writing = true;
        let mut next = waiting.next;
        drop(waiting);
        let outcome = work(&mut next);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next = next;
        waiting.writing = false;
        self.written.notify_all();
        outcome
    }
}

impl Shared {
    /// Writes an entry to the journal, with those of other threads that wait, and makes it count.
    pub(super) fn append(&self, payload: Vec<u8>, fresh: Fresh) -> Result<(), Error> {
        let outcome = Arc::new(Outcome::new());
        let entry = Entry { payload, fresh, outcome: Arc::clone(&outcome) };
        let queue = &self.queue;
        let mut waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entries.push(entry);
        loop {
            if let Some(outcome) = outcome.get() {
                return outcome.clone().map_err(|cause| Error::Storage(cause.into()));
            }
            if waiting.writing {
                waiting = queue.written.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            waiting.writing = true;
            let group = waiting.next_group();
            let first = waiting.next;
            waiting.next += u64_of(group.len());
            drop(waiting);
            self.write_group(first, group);
            waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.writing = false;
            queue.written.notify_all();
        }
    }

    /// Writes entries as one transaction and makes them count.
    fn write_group(&self, first: u64, group: Vec<Entry>) {
        let payloads: Vec<&[u8]> = group.iter().map(|entry| entry.payload.as_slice()).collect();
        let written = self.storage.append_journal(first, &payloads, self.flush()).map_err(Arc::new);
        if written.is_ok() {
            self.is_unsynced.store(self.flush() == Flush::Later, Ordering::Release);
            let mut state = self.state();
            for entry in &group {
                state.push(entry.fresh.clone());
            }
        }
        for entry in group {
            // Nobody else sets it.
            let _set = entry.outcome.set(written.clone());
        }
    }
}

impl Waiting {
    /// The entries for one transaction: at least one, where there is one.
    fn next_group(&mut self) -> Vec<Entry> {
        let mut bytes = 0;
        let fitting = self.entries.iter().take_while(|entry| {
            bytes += entry.payload.len();
            bytes <= GROUP_BYTES_MAX
        });
        let count = fitting.count().max(1).min(self.entries.len());
        self.entries.drain(..count).collect()
    }
}
