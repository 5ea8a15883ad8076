//! Stores batches on a thread of its own, so that the next one is read meanwhile. Invariant: at most
//! one batch is being stored while another is gathered, and `finish` tells of all that were given.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use indicatif::ProgressBar;
use treering::{Batch, Error, Ingested, Store};

use crate::terminal;

/// What was stored, and why not more.
pub(super) type Written = (Ingested, Result<(), Error>);

/// Stores batches in order.
#[derive(Debug)]
pub(super) struct Writer {
    batches: SyncSender<Batch>,
    thread: JoinHandle<Written>,
}

impl Writer {
    /// A writer into `store` that shows its count on `bar`.
    pub(super) fn new(store: Store, bar: ProgressBar) -> Self {
        // Without room, a batch is handed over only when the one before it is stored.
        let (batches, waiting) = mpsc::sync_channel(0);
        Self { batches, thread: std::thread::spawn(move || write_all(&store, &waiting, &bar)) }
    }

    /// Stores `batch` when those before it are stored; false where one of them could not be, and
    /// [`Writer::finish`] says why.
    pub(super) fn send(&self, batch: Batch) -> bool {
        self.batches.send(batch).is_ok()
    }

    /// Waits until all batches are stored.
    pub(super) fn finish(self) -> Written {
        drop(self.batches);
        match self.thread.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn write_all(store: &Store, batches: &Receiver<Batch>, bar: &ProgressBar) -> Written {
    let mut total = Ingested::default();
    for batch in batches {
        match store.ingest(batch) {
            Ok(done) => {
                total.spans += done.spans;
                total.duplicates += done.duplicates;
                total.replaced += done.replaced;
            }
            Err(error) => return (total, Err(error)),
        }
        bar.set_message(terminal::plural(total.spans, "span"));
    }
    (total, Ok(()))
}
