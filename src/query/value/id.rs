//! Ids as values. Invariant: equality looks at the number that the hex digits spell, so that case
//! and leading zeros do not count and an all-zero id equals no id.

use std::fmt;

use crate::id::{SpanId, TraceId};

/// A trace id or a span id, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    number: u128,
    /// How many digits it is shown with: 32, 16, or 0 for none.
    digits: usize,
}

impl Id {
    /// No id, shown as `""`.
    pub(crate) const NONE: Self = Self { number: 0, digits: 0 };

    /// The id that hex digits spell, whatever their case and number; `None` where they are none.
    /// It is only for comparison: how many digits it should be shown with is not known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        number(text).map(|number| Self { number, digits: if number == 0 { 0 } else { 16 } })
    }

    /// Its bytes as one number, the first the most significant; 0 for none.
    pub(crate) fn number(self) -> u128 {
        self.number
    }

    /// True where both spell the same number.
    pub(crate) fn same(self, other: Self) -> bool {
        self.number == other.number
    }

    /// True where `text` spells the same number.
    pub(crate) fn same_as_text(self, text: &str) -> bool {
        number(text) == Some(self.number)
    }
}

/// The number that hex digits spell, 0 for none; `None` where `text` is no hex or spells no id's.
fn number(text: &str) -> Option<u128> {
    let digits = text.trim_start_matches('0');
    // A sign would pass `from_str_radix`.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    if digits.is_empty() { Some(0) } else { u128::from_str_radix(digits, 16).ok() }
}

fn bytes_number(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

impl From<TraceId> for Id {
    fn from(id: TraceId) -> Self {
        Self { number: bytes_number(&id.to_bytes()), digits: 32 }
    }
}

impl From<SpanId> for Id {
    fn from(id: SpanId) -> Self {
        Self { number: bytes_number(&id.to_bytes()), digits: 16 }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits == 0 {
            return Ok(());
        }
        write!(f, "{:0digits$x}", self.number, digits = self.digits)
    }
}
