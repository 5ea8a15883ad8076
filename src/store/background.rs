//! The threads that maintain a store. Invariant: they hold the store only while they work, and end
//! when the last handle is dropped.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
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
/// Between two foldings,
const FOLDING_PAUSE: Duration = Duration::from_millis(8);
/// and where searches come, each of which folds what it finds.
const FOLDING_PAUSE_SEARCHED: Duration = Duration::from_millis(3);
/// Where the last folding took longer because traces are large, a reader folds better for itself.
const FOLDING_MAX: Duration = Duration::from_millis(20);
/// After such a folding the thread pauses for so many times as long as it took.
const FOLDING_SHARE: u32 = 8;

/// Running threads; dropping it ends them.
#[derive(Debug)]
pub(super) struct Background {
    threads: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    wake: Option<SyncSender<()>>,
    /// False for a thread that goes by the clock alone.
    is_woken: bool,
    thread: Option<JoinHandle<()>>,
}

/// What a thread does when it is woken or its time has come; gives when that is next.
type Turn = Box<dyn FnMut(&Shared) -> Pause + Send>;

/// How long a thread does nothing.
#[derive(Debug, Clone, Copy)]
enum Pause {
    /// So long, or until it is woken.
    Wakeable(Duration),
    /// For so long: to be woken by each batch would cost more than it is worth.
    Folding(Duration),
}

impl Background {
    /// Starts the threads, if the options want them: one seals and compacts, which may take long, one
    /// folds meanwhile, what readers would wait for, one merges what was folded, and one makes durable
    /// what each commit does not.
    pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<Option<Self>> {
        if shared.options.maintenance == Maintenance::ByHand {
            return Ok(None);
        }
        let mut threads = vec![
            Running::start("treering", shared, PAUSE_IDLE, maintaining())?,
            Running::start("treering-fold", shared, PAUSE_IDLE, folding())?,
            Running::start("treering-merge", shared, PAUSE_IDLE, merging())?,
        ];
        if let Durability::Within(limit) = shared.options.durability {
            let pause = limit / 2;
            let mut syncing = Running::start("treering-sync", shared, pause, syncing(pause))?;
            syncing.is_woken = false;
            threads.push(syncing);
        }
        Ok(Some(Self { threads }))
    }

    /// Asks the threads to look at the store soon.
    pub(super) fn wake(&self) {
        let woken = self.threads.iter().filter(|running| running.is_woken);
        for wake in woken.filter_map(|running| running.wake.as_ref()) {
            // Where a wish waits already, one more changes nothing.
            let _full = wake.try_send(());
        }
    }
}

impl Running {
    /// Starts a thread that takes its first turn when it is woken, after `pause` at the latest.
    fn start(
        name: &str,
        shared: &Arc<Shared>,
        pause: Duration,
        turn: Turn,
    ) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let weak = Arc::downgrade(shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&weak, &woken, pause, turn))?;
        Ok(Self { wake: Some(wake), is_woken: true, thread: Some(thread) })
    }
}

impl Drop for Running {
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

fn run(weak: &Weak<Shared>, woken: &Receiver<()>, pause: Duration, mut turn: Turn) {
    let mut pause = Pause::Wakeable(pause);
    loop {
        let is_over = match pause {
            Pause::Wakeable(pause) => {
                woken.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected)
            }
            Pause::Folding(pause) => {
                std::thread::sleep(pause);
                woken.try_recv() == Err(TryRecvError::Disconnected)
            }
        };
        if is_over {
            return;
        }
        let Some(shared) = weak.upgrade() else { return };
        pause = turn(&shared);
    }
}

fn maintaining() -> Turn {
    Box::new(|shared| {
        let is_busy = !shared.state().fresh.is_empty();
        let maintained = shared.foreground.give_way(|| shared.maintain_if_due());
        shared.note(maintained.map(drop));
        Pause::Wakeable(if is_busy { PAUSE } else { PAUSE_IDLE })
    })
}

/// Makes durable what came in, each time after `pause`: on a thread of its own, for the others may be at
/// work for longer than that.
fn syncing(pause: Duration) -> Turn {
    Box::new(move |shared| {
        if shared.is_unsynced.swap(false, Ordering::AcqRel) {
            shared.note(shared.storage.sync().map_err(Into::into));
        }
        Pause::Wakeable(pause)
    })
}

fn folding_pause(shared: &Shared) -> Pause {
    let is_searched = shared.foreground.was_lately();
    Pause::Folding(if is_searched { FOLDING_PAUSE_SEARCHED } else { FOLDING_PAUSE })
}

fn folding() -> Turn {
    let mut fold_at = Instant::now();
    Box::new(move |shared| {
        let begin = Instant::now();
        shared.drop_spent();
        if begin < fold_at {
            return folding_pause(shared);
        }
        let is_busy = !shared.state().fresh.is_empty();
        if is_busy {
            let before = Arc::clone(&shared.state().base);
            let folded = shared.during(Work::Folding, || shared.base());
            let took = begin.elapsed();
            let is_tedious = shared.state().is_tedious;
            if is_tedious && took > FOLDING_MAX {
                fold_at = begin + took * FOLDING_SHARE;
            }
            if let (Ok(folded), false) = (&folded, is_tedious) {
                shared.warm_new(&before, folded);
            }
            shared.note(folded.map(drop));
        }
        if is_busy { folding_pause(shared) } else { Pause::Wakeable(PAUSE_IDLE) }
    })
}

fn merging() -> Turn {
    Box::new(move |shared| {
        let is_busy = !shared.state().fresh.is_empty();
        let merged = shared.foreground.give_way(|| shared.merge_aside());
        let is_more = matches!(merged, Ok(true));
        shared.note(merged.map(drop));
        if is_busy || is_more { folding_pause(shared) } else { Pause::Wakeable(PAUSE_IDLE) }
    })
}
