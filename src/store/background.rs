//! The thread that maintains a store. Invariant: it holds the store only while it works, and ends
//! when the last handle is dropped.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::events::Work;
use super::shared::Shared;
use crate::options::{Durability, Maintenance};

/// Between two looks at a store that is written to.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at one that is not.
const PAUSE_IDLE: Duration = Duration::from_secs(1);
/// Folding takes at most one part in so many of the thread's time.
const FOLDING_SHARE: u32 = 4;
/// Where the last folding took longer, traces are large, and a reader folds better for itself.
const FOLDING_MAX: Duration = Duration::from_millis(20);

/// A running thread; dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Background {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the thread, if the options want one.
    pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<Option<Self>> {
        if shared.options.maintenance == Maintenance::ByHand {
            return Ok(None);
        }
        let (wake, woken) = sync_channel(1);
        let weak = Arc::downgrade(shared);
        let thread = std::thread::Builder::new()
            .name("treering".to_owned())
            .spawn(move || run(&weak, &woken))?;
        Ok(Some(Self { wake: Some(wake), thread: Some(thread) }))
    }

    /// Asks the thread to look at the store soon.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // Where a wish waits already, one more changes nothing.
            let _full = wake.try_send(());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A channel without sender ends the thread's loop.
        drop(self.wake.take());
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !is_own(thread)) {
            // A panic of the thread has been reported by its hook.
            let _ended = thread.join();
        }
    }
}

fn run(weak: &Weak<Shared>, woken: &Receiver<()>) {
    let mut pause = PAUSE_IDLE;
    let mut fold_at = Instant::now();
    let mut sync_at = Instant::now();
    loop {
        match woken.recv_timeout(pause) {
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        }
        let Some(shared) = weak.upgrade() else { return };
        let is_busy = !shared.state().fresh.is_empty();
        let begin = Instant::now();
        if is_busy && begin >= fold_at {
            shared.note(shared.during(Work::Folding, || shared.base().map(drop)));
            let took = begin.elapsed();
            let rest = if took > FOLDING_MAX { PAUSE_IDLE } else { took };
            fold_at = Instant::now() + rest * FOLDING_SHARE;
        }
        if let Durability::Within(limit) = shared.options.durability
            && Instant::now() >= sync_at
        {
            shared.note(shared.storage.sync().map_err(Into::into));
            sync_at = Instant::now() + limit / 2;
        }
        shared.note(shared.maintain_if_due().map(drop));
        pause = match shared.options.durability {
            _ if is_busy => PAUSE,
            Durability::Within(limit) => (limit / 2).min(PAUSE_IDLE),
            Durability::EachCommit => PAUSE_IDLE,
        };
    }
}
