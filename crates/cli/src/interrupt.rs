//! Ctrl-C while a query runs. Invariants: it ends the query, not the shell; a command shows what it has
//! found until then, and what is pressed once more ends it at once.

use std::sync::{Arc, Mutex, PoisonError};

use treering::CancelToken;

/// The exit status of what Ctrl-C stopped: that of a program which the signal itself ends.
pub(crate) const STATUS: u8 = 130;

/// Takes Ctrl-C over from the system for a command: the token of what it runs. Where that fails, it ends
/// the command as it would have.
pub(crate) fn token() -> CancelToken {
    let token = CancelToken::new();
    let pressed = token.clone();
    drop(ctrlc::set_handler(move || {
        if pressed.is_cancelled() {
            end();
        }
        pressed.cancel();
    }));
    token
}

#[expect(clippy::exit, reason = "who presses it again wants to wait for nothing")]
fn end() -> ! {
    std::process::exit(i32::from(STATUS))
}

/// What Ctrl-C ends in a shell: whatever runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    running: Arc<Mutex<CancelToken>>,
}

impl Interrupt {
    /// Takes Ctrl-C over from the system. Where that fails, it ends the shell as it would have.
    pub(crate) fn catch() -> Self {
        let interrupt = Self::default();
        let caught = interrupt.clone();
        drop(ctrlc::set_handler(move || caught.stop()));
        interrupt
    }

    /// The token of what begins to run now.
    pub(crate) fn begin(&self) -> CancelToken {
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
