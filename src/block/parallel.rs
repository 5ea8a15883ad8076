//! Work of one caller on two threads. Invariant: what comes out is the same on one thread; where no
//! thread can be started, the caller does all of it.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Work on fewer rows than this is done before another thread has begun.
const SHARED_ROWS_MIN: usize = 1 << 15;
/// A store is a guest in its process: it takes no more threads than this to take in a batch.
const THREADS_MAX: usize = 2;

/// How many threads to use for work on so many rows.
pub(super) fn threads_for(rows: usize) -> usize {
    if rows < SHARED_ROWS_MIN {
        return 1;
    }
    thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS_MAX))
}

/// What `a` and `b` give, which run at one time if there are threads for it.
pub(super) fn both<A: Send, B>(
    threads: usize,
    a: impl Fn() -> A + Sync,
    b: impl FnOnce() -> B,
) -> (A, B) {
    if threads < 2 {
        return (a(), b());
    }
    thread::scope(|scope| {
        let Ok(running) = thread::Builder::new().spawn_scoped(scope, &a) else { return (a(), b()) };
        let of_b = b();
        (running.join().unwrap_or_else(|panic| resume_unwind(panic)), of_b)
    })
}

/// What `work` makes of each job, in order of the jobs. They are begun in order of `weight`, the
/// heaviest first; each thread has a scratch of its own, made by `scratch`.
pub(super) fn spread<T: Send, S, R: Send>(
    threads: usize,
    jobs: Vec<T>,
    weight: impl Fn(&T) -> usize,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> R + Sync,
) -> Vec<R> {
    if threads < 2 {
        let mut scratch = scratch();
        return jobs.into_iter().map(|job| work(&mut scratch, job)).collect();
    }
    let mut numbered: Vec<(usize, T)> = jobs.into_iter().enumerate().collect();
    // The lightest first, for they are taken from the end.
    numbered.sort_by_key(|(_, job)| weight(job));
    let waiting = Mutex::new(numbered);
    let run = || {
        let mut scratch = scratch();
        let mut done = Vec::new();
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((number, job)) = next else { return done };
            done.push((number, work(&mut scratch, job)));
        }
    };
    let (mut done, others) = both(threads, run, run);
    done.extend(others);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_on_any_number_of_threads() {
        let jobs: Vec<usize> = (0..100).map(|job| job * 37 % 101).collect();
        let doubled: Vec<usize> = jobs.iter().map(|job| job * 2).collect();
        for threads in [1, 2] {
            let work = |seen: &mut usize, job: usize| {
                *seen += 1;
                job * 2
            };
            assert_eq!(spread(threads, jobs.clone(), |job| *job, || 0, work), doubled);
        }
    }

    #[test]
    fn a_panic_on_the_other_thread_reaches_the_caller() {
        let outcome = std::panic::catch_unwind(|| both(2, || panic!("there"), || ()));
        assert!(outcome.is_err());
    }
}
