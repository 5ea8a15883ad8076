//! What the language has and the oracle has not. Invariant: it fails a test, rather than agree with
//! the engine by not looking.

use std::fmt::Debug;

/// Says that `what` is a part of the language that the oracle was not told of.
pub(super) fn unknown(what: impl Debug) -> ! {
    panic!("the oracle does not know {what:?}")
}
