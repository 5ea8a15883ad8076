//! Maintenance gives way to searches. Where threads are more than processors, a search that has to wait
//! until the system takes one away from a thread that writes blocks waits for several milliseconds, a
//! multiple of what it takes itself. So long work in the background comes by here every now and then: where
//! searches run it rests until they end, for no longer than it has worked since it rested last, and
//! otherwise lets another thread run that wants to. Who stores spans lets searches end before it begins,
//! for an eighth of the time at most. Invariant: who holds a lock that searches take does not rest.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A thread rests no longer than this at once.
const REST_MAX: Duration = Duration::from_millis(10);
/// It works for so long before it looks whether others want the processor.
const WORK_MIN: Duration = Duration::from_micros(100);
/// Writers wait for searches in so much of each such time.
const WRITERS_REST: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(32));
/// Who searched so long ago may search again.
const LATELY: Duration = Duration::from_secs(5);

thread_local! {
    /// True where this thread gives way.
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
    static BEHIND: RefCell<Option<Behind>> = const { RefCell::new(None) };
}

/// The searches that run on a store.
#[derive(Debug)]
pub(crate) struct Foreground {
    opened: Instant,
    /// When the last search began: milliseconds since the store was opened, and one more; 0 for never.
    last: AtomicU64,
    running: AtomicUsize,
    /// When writers last began to wait, if they ever did.
    writers_rested: Mutex<Option<Instant>>,
    resting: Mutex<usize>,
    ended: Condvar,
}

/// A thread that works behind searches.
#[derive(Debug)]
struct Behind {
    foreground: Arc<Foreground>,
    /// When it last rested, or let others run, and for how long.
    rested: Instant,
    rest: Duration,
}

/// While it lives, a search runs.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a Foreground);

/// While it lives, this thread does not rest.
#[derive(Debug)]
pub(crate) struct Urgent {
    gave_way: bool,
}

impl Default for Foreground {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            last: AtomicU64::default(),
            running: AtomicUsize::default(),
            writers_rested: Mutex::default(),
            resting: Mutex::default(),
            ended: Condvar::default(),
        }
    }
}

impl Foreground {
    /// Others are to give way until this is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        self.last.store(self.now(), Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// True where a search began within the last seconds: another may come soon.
    pub(crate) fn was_lately(&self) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        last > 0 && u128::from(self.now().saturating_sub(last)) < LATELY.as_millis()
    }

    /// Does `work`, which gives way to searches.
    pub(crate) fn give_way<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        let (foreground, rested) = (Arc::clone(self), Instant::now());
        BEHIND.set(Some(Behind { foreground, rested, rest: Duration::ZERO }));
        let _ending = Ending;
        GIVES_WAY.set(true);
        work()
    }

    /// Waits until no search runs, or for as long as writers may still wait.
    pub(crate) fn let_by(&self) {
        if self.running.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut rested = self.writers_rested.lock().unwrap_or_else(PoisonError::into_inner);
        let left = writers_may_rest(&mut rested, Instant::now());
        drop(rested);
        if !left.is_zero() {
            self.rest(left);
        }
    }

    /// Waits until no search runs, or for so long.
    fn rest(&self, most: Duration) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        *resting += 1;
        let is_running = |_: &mut usize| self.running.load(Ordering::Relaxed) > 0;
        let rested = self.ended.wait_timeout_while(resting, most, is_running);
        let (mut resting, _) = rested.unwrap_or_else(PoisonError::into_inner);
        *resting -= 1;
    }
}

/// How long writers may wait from now on, where `rested` says when they began to; it says so afterwards too.
fn writers_may_rest(rested: &mut Option<Instant>, now: Instant) -> Duration {
    let (most, every) = WRITERS_REST;
    let since = |began: Instant| now.saturating_duration_since(began);
    let began = match *rested {
        Some(began) if since(began) < every => began,
        _ => *rested.insert(now),
    };
    most.saturating_sub(since(began))
}

/// Ends the giving way of this thread, however the work is left.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        GIVES_WAY.set(false);
        BEHIND.set(None);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Self(foreground) = self;
        if foreground.running.fetch_sub(1, Ordering::Relaxed) == 1
            && *foreground.resting.lock().unwrap_or_else(PoisonError::into_inner) > 0
        {
            foreground.ended.notify_all();
        }
    }
}

impl Urgent {
    /// From now on.
    pub(crate) fn new() -> Self {
        Self { gave_way: GIVES_WAY.replace(false) }
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        GIVES_WAY.set(self.gave_way);
    }
}

/// Gives way where this thread does that. Long work calls it wherever it begins a part that may take tens
/// of microseconds; on other threads that is a look at one flag.
#[inline]
pub(crate) fn may_rest() {
    if GIVES_WAY.get() {
        BEHIND.with_borrow_mut(|behind| behind.as_mut().map(Behind::may_rest));
    }
}

impl Behind {
    fn may_rest(&mut self) {
        let worked = self.rested.elapsed();
        if worked < WORK_MIN {
            return;
        }
        if self.foreground.running.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        } else if worked >= self.rest {
            let began = Instant::now();
            self.foreground.rest(REST_MAX);
            self.rest = began.elapsed();
        } else {
            return;
        }
        self.rested = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::*;

    /// Works on another thread that gives way, until told to end; gives what it did.
    fn working(foreground: &Arc<Foreground>, is_urgent: bool) -> Arc<AtomicUsize> {
        let done = Arc::new(AtomicUsize::new(0));
        let (foreground, counted) = (Arc::clone(foreground), Arc::clone(&done));
        thread::spawn(move || {
            foreground.give_way(|| {
                let _urgent = is_urgent.then(Urgent::new);
                while Arc::strong_count(&counted) > 1 {
                    let began = Instant::now();
                    while began.elapsed() < WORK_MIN {
                        std::hint::spin_loop();
                    }
                    may_rest();
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        done
    }

    /// Waits until so much is done, and looks meanwhile.
    fn wait_until(done: &AtomicUsize, count: usize, look: impl Fn()) {
        while done.load(Ordering::Relaxed) < count {
            look();
            thread::yield_now();
        }
    }

    fn is_resting(foreground: &Foreground) -> bool {
        *foreground.resting.lock().unwrap() > 0
    }

    #[test]
    fn work_rests_while_searches_run_and_goes_on_when_they_end() {
        let foreground = Arc::new(Foreground::default());
        assert!(!foreground.was_lately());
        let done = working(&foreground, false);
        for _ in 0..5 {
            let (first, second) = (foreground.run(), foreground.run());
            while !is_resting(&foreground) {
                thread::yield_now();
            }
            drop(first);
            drop(second);
            assert!(foreground.was_lately());
            let so_far = done.load(Ordering::Relaxed);
            wait_until(&done, so_far + 3, || ());
        }
    }

    #[test]
    fn searches_without_end_do_not_stop_work() {
        let foreground = Arc::new(Foreground::default());
        let _running = foreground.run();
        wait_until(&working(&foreground, false), 200, || ());
    }

    #[test]
    fn nobody_rests_longer_than_it_works() {
        let foreground = Arc::new(Foreground::default());
        let _running = foreground.run();
        let worked = Duration::from_secs(1);
        let rested = Instant::now().checked_sub(worked).unwrap();
        let behind = |rest| Behind { foreground: Arc::clone(&foreground), rested, rest };
        let [mut lately, mut long_ago] = [behind(worked * 60), behind(worked)];
        lately.may_rest();
        assert_eq!((lately.rested, lately.rest), (rested, worked * 60));
        long_ago.may_rest();
        assert!(long_ago.rested > rested && long_ago.rest >= REST_MAX);
    }

    #[test]
    fn writers_wait_for_an_eighth_of_the_time_at_most() {
        let (began, mut rested) = (Instant::now(), None);
        for (later, left) in [(0, 4), (1, 3), (4, 0), (31, 0), (32, 4), (33, 3), (90, 4)] {
            let now = began + Duration::from_millis(later);
            assert_eq!(writers_may_rest(&mut rested, now).as_millis(), left, "{later}");
        }
    }

    #[test]
    fn writers_let_searches_end() {
        let foreground = Arc::new(Foreground::default());
        foreground.let_by();
        assert!(foreground.writers_rested.lock().unwrap().is_none(), "waited for nobody");
        let running = foreground.run();
        let began = Instant::now();
        foreground.let_by();
        assert!(began.elapsed() >= WRITERS_REST.0, "a search runs");
        let waiting = Arc::clone(&foreground);
        let writer = thread::spawn(move || waiting.rest(Duration::from_secs(600)));
        while !is_resting(&foreground) {
            thread::yield_now();
        }
        drop(running);
        writer.join().unwrap();
    }

    #[test]
    fn who_is_urgent_or_works_for_itself_does_not_rest() {
        let foreground = Arc::new(Foreground::default());
        let _running = foreground.run();
        let done = working(&foreground, true);
        wait_until(&done, 100, || assert!(!is_resting(&foreground)));
        drop(done);
        foreground.give_way(|| {
            drop(Urgent::new());
            assert!(GIVES_WAY.get(), "urgent no more");
        });
        may_rest();
        assert!(!GIVES_WAY.get() && BEHIND.with_borrow(Option::is_none));
    }

    #[test]
    fn a_panic_ends_the_giving_way() {
        let foreground = Arc::new(Foreground::default());
        let (send, panicked) = sync_channel(1);
        let thread = thread::spawn(move || {
            let work = || foreground.give_way(|| panic!("work fails"));
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            send.send(outcome.is_err() && !GIVES_WAY.get()).unwrap();
        });
        assert!(panicked.recv().unwrap());
        thread.join().unwrap();
    }
}
