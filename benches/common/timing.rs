//! What the benches that print figures share: arguments, and times of runs. Invariant: the best and the
//! median are of the same runs.

use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// The argument after `name`; none where it is not given.
pub(crate) fn argument<T: FromStr>(name: &str) -> Result<Option<T>, Box<dyn Error>>
where
    T::Err: Error + 'static,
{
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    Ok(arguments.next().map(|value| value.parse()).transpose()?)
}

/// The best and the median time of some runs.
pub(crate) type Times = (Duration, Duration);

/// The times of some runs, one at least.
pub(crate) fn times<T, E>(runs: usize, mut run: impl FnMut() -> Result<T, E>) -> Result<Times, E> {
    let mut times = Vec::new();
    for _ in 0..runs.max(1) {
        times.push(time(&mut run)?);
    }
    Ok(best_and_median(times))
}

/// The time of one run.
pub(crate) fn time<T, E>(run: impl FnOnce() -> Result<T, E>) -> Result<Duration, E> {
    let started = Instant::now();
    std::hint::black_box(run()?);
    Ok(started.elapsed())
}

/// Of some times, of which there is one at least.
pub(crate) fn best_and_median(mut times: Vec<Duration>) -> Times {
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}

/// Both times in milliseconds.
pub(crate) fn shown((best, median): Times) -> String {
    format!("{:.3} / {:.3}", best.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3)
}
