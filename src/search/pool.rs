//! The threads that a store keeps for its queries. Invariants: none is started before a query wants
//! one, and none outlives the pool; a ticket never waits for another, so the pool cannot block itself.

use std::fmt;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use super::patience::Patience;

/// Something to do, once, that catches its own panics.
pub(super) type Ticket = Box<dyn FnOnce() + Send>;

/// A store's query threads.
pub(crate) struct Pool {
    threads: usize,
    workers: OnceLock<Workers>,
}

struct Workers {
    tickets: Sender<Ticket>,
    handles: Vec<JoinHandle<()>>,
}

impl Pool {
    /// A pool for queries of at most `threads` threads, that of the caller among them; starts none.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, workers: OnceLock::new() }
    }

    /// Most threads that can work on a query, that of the caller among them; at least 1.
    pub(super) fn threads(&self) -> usize {
        self.threads.max(1)
    }

    /// Has a thread of the pool do it, some time. Never, where no thread could be started: a ticket is
    /// help, and the caller can do without.
    pub(super) fn give(&self, ticket: Ticket) {
        let workers = self.workers.get_or_init(|| Workers::start(self.threads().saturating_sub(1)));
        drop(workers.tickets.send(ticket));
    }
}

impl Workers {
    fn start(count: usize) -> Self {
        let (tickets, waiting) = unbounded();
        let start = |_| {
            let waiting = waiting.clone();
            Builder::new().name("treering-query".to_owned()).spawn(move || work(&waiting)).ok()
        };
        Self { tickets, handles: (0..count).map_while(start).collect() }
    }
}

fn work(waiting: &Receiver<Ticket>) {
    while let Some(ticket) = next(waiting) {
        ticket();
    }
}

/// The next ticket; `None` once there will be none. Searches often follow one another, so for a moment
/// a thread looks for another one before it sleeps.
fn next(waiting: &Receiver<Ticket>) -> Option<Ticket> {
    let mut patience = Patience::new();
    while patience.spend() {
        match waiting.try_recv() {
            Ok(ticket) => return Some(ticket),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => Patience::pause(),
        }
    }
    waiting.recv().ok()
}

impl Drop for Pool {
    fn drop(&mut self) {
        let Some(Workers { tickets, handles }) = self.workers.take() else { return };
        drop(tickets);
        // Whoever holds the store has no query under way, so what is left in the queue is for nothing
        // and ends at once.
        for handle in handles {
            drop(handle.join());
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.workers.get().map_or(0, |workers| workers.handles.len());
        f.debug_struct("Pool").field("threads", &self.threads).field("started", &started).finish()
    }
}
