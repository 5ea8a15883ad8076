//! Rules that hold for spans whatever they were written in.

use super::error::{Checked, Fault};
use crate::codec::hex;
use crate::model::Value;

/// Most bytes of a sender's text that a message repeats.
pub(super) const QUOTE_MAX: usize = 80;

/// Fails where arrays and lists nest deeper than a value may.
#[inline]
pub(super) fn depth(depth: u32) -> Checked<()> {
    if depth <= Value::DEPTH_MAX {
        return Ok(());
    }
    let max = Value::DEPTH_MAX;
    Err(Fault::new("", format_args!("expected arrays and lists nested at most {max} deep")))
}

/// The fault of an id that must not be all zeros.
#[cold]
pub(super) fn zero_id(field: &str) -> Fault {
    Fault::new(field, "expected an id that is not all zeros")
}

/// Bytes as hex digits, cut where they are more than an id has.
pub(super) fn hex_digits(bytes: &[u8]) -> String {
    struct Digits<'a>(&'a [u8]);
    impl std::fmt::Display for Digits<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            hex::write(f, self.0)
        }
    }
    Digits(bytes.get(..QUOTE_MAX / 2).unwrap_or(bytes)).to_string()
}
