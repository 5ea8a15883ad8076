//! One query's jobs on several threads, their results in order. Invariants: the calling thread waits
//! only for jobs that a thread is working on, so it goes on however busy the pool is; and when it
//! returns no thread is working for it any more.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::patience::Patience;
use super::pool::Pool;

/// Who works on a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crew<'a> {
    pool: &'a Pool,
    /// Threads of the pool, beside the caller's.
    helpers: usize,
}

/// Does the job of a number; is told when nobody wants its result any more.
type Job<T> = dyn Fn(usize, &Arc<AtomicBool>) -> T + Send + Sync;

/// What the threads share: the job, and who is how far.
struct Work<T> {
    job: Box<Job<T>>,
    /// Set when no more results are wanted.
    closed: Arc<AtomicBool>,
    progress: Mutex<Progress<T>>,
    changed: Condvar,
}

struct Progress<T> {
    /// The first job that nobody has begun.
    next: usize,
    /// Jobs before this one may be begun.
    end: usize,
    /// Tickets that are not used up.
    tickets: usize,
    /// Jobs that threads of the pool are working on.
    running: usize,
    /// Results not asked for yet; what a panic threw in place of one.
    done: BTreeMap<usize, Result<T, Box<dyn Any + Send>>>,
}

impl<'a> Crew<'a> {
    /// At most `threads` of the pool's threads, the caller's among them; `None` where the caller is
    /// alone.
    pub(super) fn of(pool: &'a Pool, threads: Option<usize>) -> Option<Self> {
        let threads = threads.map_or(pool.threads(), |threads| threads.min(pool.threads()));
        let helpers = threads.checked_sub(1).filter(|helpers| *helpers > 0)?;
        Some(Self { pool, helpers })
    }

    /// How many threads there are, the caller's among them.
    pub(super) fn threads(&self) -> usize {
        self.helpers + 1
    }

    /// Does the jobs `0..count` and hands their results to `each`, in order, until that breaks. At most
    /// `ahead` jobs are begun beyond the one whose result is waited for. A job is told when its result
    /// is not wanted any more. Where a job panics, so does this when its result is due.
    pub(super) fn in_order<T: Send + 'static>(
        &self,
        (count, ahead): (usize, usize),
        job: impl Fn(usize, &Arc<AtomicBool>) -> T + Send + Sync + 'static,
        mut each: impl FnMut(T) -> ControlFlow<()>,
    ) {
        let work = Arc::new(Work {
            job: Box::new(job),
            closed: Arc::default(),
            progress: Mutex::new(Progress {
                next: 0,
                end: 0,
                tickets: 0,
                running: 0,
                done: BTreeMap::new(),
            }),
            changed: Condvar::new(),
        });
        let _closing = Closing(&work);
        for at in 0..count {
            self.ask_for_help(&work, count.min(at.saturating_add(1).saturating_add(ahead)));
            match work.result(at) {
                Ok(result) => {
                    if each(result).is_break() {
                        return;
                    }
                }
                Err(panic) => resume_unwind(panic),
            }
        }
    }

    /// Lets jobs before `end` be begun, by as many threads as there are jobs for.
    fn ask_for_help<T: Send + 'static>(&self, work: &Arc<Work<T>>, end: usize) {
        let mut progress = work.progress();
        progress.end = end;
        // The caller takes one itself.
        let open = end.saturating_sub(progress.next).saturating_sub(1);
        let more = self.helpers.saturating_sub(progress.tickets).min(open);
        progress.tickets += more;
        drop(progress);
        for _ in 0..more {
            // A ticket that waits in the queue keeps no block, and so no file, open.
            let work = Arc::downgrade(work);
            self.pool.give(Box::new(move || {
                if let Some(work) = work.upgrade() {
                    work.help();
                }
            }));
        }
    }
}

impl<T> Work<T> {
    fn progress(&self) -> MutexGuard<'_, Progress<T>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, at: usize) -> Result<T, Box<dyn Any + Send>> {
        catch_unwind(AssertUnwindSafe(|| (self.job)(at, &self.closed)))
    }

    /// Works on jobs for as long as there are any; on a thread of the pool.
    fn help(&self) {
        let mut progress = self.progress();
        while !self.closed.load(Ordering::Relaxed)
            && let Some(at) = progress.begin()
        {
            progress.running += 1;
            drop(progress);
            let result = self.run(at);
            progress = self.progress();
            progress.running -= 1;
            progress.done.insert(at, result);
            self.changed.notify_all();
        }
        progress.tickets -= 1;
    }

    /// The result of a job; works on others while a thread of the pool works on it.
    fn result(&self, at: usize) -> Result<T, Box<dyn Any + Send>> {
        let mut progress = self.progress();
        let mut patience = Patience::new();
        loop {
            if let Some(result) = progress.done.remove(&at) {
                return result;
            }
            if let Some(own) = progress.begin() {
                drop(progress);
                let result = self.run(own);
                progress = self.progress();
                progress.done.insert(own, result);
            } else if patience.spend() {
                drop(progress);
                Patience::pause();
                progress = self.progress();
            } else {
                progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl<T> Progress<T> {
    fn begin(&mut self) -> Option<usize> {
        let at = Some(self.next).filter(|next| *next < self.end)?;
        self.next += 1;
        Some(at)
    }
}

/// Ends the work, however the caller leaves.
struct Closing<'a, T>(&'a Work<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Relaxed);
        let mut progress = self.0.progress();
        while progress.running > 0 {
            progress = self.0.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Weak;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// The results of jobs that give their numbers.
    fn numbers(pool: &Pool, count: usize, ahead: usize, until: usize) -> Vec<usize> {
        let mut seen = Vec::new();
        let crew = Crew::of(pool, None).unwrap();
        crew.in_order(
            (count, ahead),
            |at, _| at,
            |at| {
                seen.push(at);
                if at == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        seen
    }

    #[test]
    fn results_come_in_order_and_end_where_the_caller_says() {
        for threads in [2, 3, 8] {
            let pool = Pool::new(threads);
            for (count, ahead) in [(0, 0), (1, 5), (7, 0), (100, 1), (1000, 3), (1000, usize::MAX)]
            {
                let all: Vec<usize> = (0..count).collect();
                assert_eq!(numbers(&pool, count, ahead, usize::MAX), all);
                let some: Vec<usize> = (0..count.min(6)).collect();
                assert_eq!(numbers(&pool, count, ahead, 5), some);
            }
        }
    }

    #[test]
    fn no_job_is_begun_beyond_the_look_ahead_and_none_runs_after() {
        let pool = Pool::new(4);
        let crew = Crew::of(&pool, None).unwrap();
        for ahead in [0, 1, 5] {
            let begun = Arc::new(AtomicUsize::new(0));
            let running = Arc::new(AtomicUsize::new(0));
            let (first, runs) = (Arc::clone(&begun), Arc::clone(&running));
            let job = move |at: usize, _: &Arc<AtomicBool>| {
                runs.fetch_add(1, Ordering::SeqCst);
                first.fetch_max(at + 1, Ordering::SeqCst);
                std::thread::yield_now();
                runs.fetch_sub(1, Ordering::SeqCst);
                at
            };
            crew.in_order((1000, ahead), job, |at| {
                assert!(begun.load(Ordering::SeqCst) <= at + 1 + ahead);
                if at == 200 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(running.load(Ordering::SeqCst), 0);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(3);
        let crew = Crew::of(&pool, None).unwrap();
        let job = |at: usize, _: &Arc<AtomicBool>| {
            assert!(at != 17, "job 17 fails");
            at
        };
        let mut seen = 0;
        let run = AssertUnwindSafe(|| {
            crew.in_order((50, usize::MAX), job, |_| {
                seen += 1;
                ControlFlow::Continue(())
            });
        });
        let panic = catch_unwind(run).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"job 17 fails"));
        assert_eq!(seen, 17);
        for _ in 0..20 {
            assert_eq!(numbers(&pool, 50, usize::MAX, usize::MAX).len(), 50);
        }
    }

    #[test]
    fn threads_end_with_the_pool() {
        thread_local! {
            /// What a thread keeps for as long as it lives.
            static KEPT: RefCell<Option<Arc<()>>> = const { RefCell::new(None) };
        }
        let held: Weak<()> = {
            let pool = Pool::new(3);
            assert!(format!("{pool:?}").contains("started: 0"), "a thread before any query");
            let held = Arc::new(());
            for _ in 0..20 {
                let kept = Arc::clone(&held);
                pool.give(Box::new(move || drop(KEPT.replace(Some(kept)))));
            }
            assert!(format!("{pool:?}").contains("started: 2"));
            Arc::downgrade(&held)
        };
        assert!(held.upgrade().is_none(), "a thread outlives its pool");
    }

    #[test]
    fn one_thread_makes_no_crew() {
        let (one, four) = (Pool::new(1), Pool::new(4));
        assert!(Crew::of(&one, None).is_none() && Crew::of(&one, Some(8)).is_none());
        assert!(Crew::of(&four, Some(0)).is_none() && Crew::of(&four, Some(1)).is_none());
        assert_eq!(Crew::of(&four, Some(8)).unwrap().threads(), 4);
        assert_eq!(Crew::of(&four, Some(2)).unwrap().threads(), 2);
    }
}
