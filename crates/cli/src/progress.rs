//! Signs of life of what takes long. Invariant: they are drawn on stderr where that is a terminal, are
//! gone when the work is done, and nothing is drawn of work that is done at once.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long work takes before it is shown.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often it moves.
const TICK: Duration = Duration::from_millis(120);

/// Work that tells nothing of its progress.
#[derive(Debug)]
pub(crate) struct Spinner {
    bar: ProgressBar,
    /// Dropped when the work is done.
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Spinner {
    /// Shows from a moment later on that `doing` is being done.
    pub(crate) fn start(doing: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !std::io::stderr().is_terminal() {
            return Self { bar, done: None, thread: None };
        }
        let (done, wait) = channel::<()>();
        let shown = bar.clone();
        let thread = std::thread::Builder::new().spawn(move || {
            if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_style(style("{spinner} {msg}, {elapsed}"));
                shown.set_message(doing);
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        // Work goes on without a sign of it where there is no thread to be had.
        Self { bar, done: Some(done), thread: thread.ok() }
    }

    /// Takes away what is shown.
    pub(crate) fn stop(mut self) {
        self.done = None;
        if let Some(thread) = self.thread.take() {
            // It does nothing that panics, and what it shows is no matter of the work.
            drop(thread.join());
        }
        self.bar.finish_and_clear();
    }
}

/// A bar over `length` traces.
pub(crate) fn bar(length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    bar.set_style(style("{bar:30} {pos}/{len} traces, {eta}"));
    bar
}

/// The style of `template`; the usual one should it not parse.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
