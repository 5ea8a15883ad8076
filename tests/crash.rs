//! A real process that is killed (SIGKILL) while four threads store, delete and purge, again and again on
//! one file: at random moments of a piece of work that is waited for. After each kill the file is
//! opened, and every acknowledged operation must have happened, each trace whole; of the operations
//! under way each may have happened as a whole or not. A second file keeps traces for a second: there
//! old traces may be gone, each whole, and never one that is younger than what the store says it
//! dropped. Prints which work of the store the kills hit.
//!
//! Before that a process writes to damaged files, `TREERING_DAMAGES` of them; none may end it.
//!
//! `cargo test --test crash` kills a few times; `TREERING_KILLS=200 cargo test --test crash` many. The
//! program starts itself as the process that is killed.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test without harness, which prints what it found"
)]

#[cfg(test)]
#[path = "crash/aged.rs"]
mod aged;
#[cfg(test)]
#[path = "crash/child.rs"]
mod child;
#[cfg(test)]
#[path = "crash/damaged.rs"]
mod damaged;
#[cfg(all(test, unix))]
#[path = "crash/judging.rs"]
mod judging;
#[cfg(test)]
#[path = "crash/script.rs"]
mod script;

#[cfg(all(test, unix))]
#[path = "crash/parent.rs"]
mod parent;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match role.as_deref() {
        Some(child::ARGUMENT) => child::run(&rest),
        Some(damaged::ARGUMENT) => damaged::run(&rest),
        _ => {
            damaged::damage_all();
            #[cfg(unix)]
            parent::run();
        }
    }
}
