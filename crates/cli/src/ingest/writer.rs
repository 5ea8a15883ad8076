//! Stores batches on a thread of its own, so that the next one is read meanwhile. Invariant: at most
//! one batch is being stored while another is gathered, and `finish` tells of all that were given.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use indicatif::ProgressBar;
use treering::{Batch, Error, Store};

use crate::terminal;

/// Why not everything was stored.
pub(super) type Written = Result<(), Error>;

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
    let mut spans = 0_u64;
    for batch in batches {
        spans += store.ingest(batch)?.spans;
        bar.set_message(terminal::plural(spans, "span"));
    }
    Ok(())
}
