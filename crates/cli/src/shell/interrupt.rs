//! Ctrl-C while a query runs. Invariant: it ends the query, not the shell.

use std::sync::{Arc, Mutex, PoisonError};

use treering::CancelToken;

/// What Ctrl-C ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt {
    running: Arc<Mutex<CancelToken>>,
}

impl Interrupt {
    /// Takes Ctrl-C over from the system. Where that fails, it ends the shell as it would have.
    pub(super) fn catch() -> Self {
        let interrupt = Self::default();
        let caught = interrupt.clone();
        drop(ctrlc::set_handler(move || caught.stop()));
        interrupt
    }

    /// The token of what begins to run now.
    pub(super) fn begin(&self) -> CancelToken {
        let token = CancelToken::new();
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }

    /// Ends what runs.
    fn stop(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_is_ended() {
        let interrupt = Interrupt::default();
        let first = interrupt.begin();
        interrupt.stop();
        let second = interrupt.begin();
        assert!(first.is_cancelled() && !second.is_cancelled());
    }
}
