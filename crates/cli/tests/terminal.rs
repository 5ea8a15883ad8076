//! The command as people meet it: on a terminal, in the shell that it has, and by its help. Invariant:
//! what is compared is what would be seen, with times and sizes masked.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

#[path = "terminal/help.rs"]
mod help;
#[path = "terminal/home.rs"]
mod home;
#[path = "terminal/pty.rs"]
mod pty;
#[path = "terminal/shell.rs"]
mod shell;
#[path = "terminal/status.rs"]
mod status;
#[path = "terminal/stopping.rs"]
mod stopping;
#[path = "terminal/transcript.rs"]
mod transcript;
