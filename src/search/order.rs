//! The order of results, and places in it. Invariant: the order is total (ties go by start, newest
//! first, then by trace id), so that the same question gives the same answer however blocks lie.

use std::fmt;
use std::str::FromStr;

use crate::codec::serde_text;
use crate::id::TraceId;
use crate::query::TraceMatch;
use crate::time::Timestamp;

/// The order of the traces in a result.
///
/// ```
/// use treering::{Order, SearchOptions};
///
/// let mut slowest = SearchOptions::default();
/// slowest.order = Order::LongestFirst;
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Order {
    /// By start, newest first. A limited search stops early, as only the newest blocks matter.
    #[default]
    NewestFirst,
    /// By start, oldest first. A limited search stops early too.
    OldestFirst,
    /// By duration of the trace, longest first. Every match is looked at.
    LongestFirst,
    /// By number of spans that match, most first. Every match is looked at.
    MostSpansFirst,
}

/// A place in the results that are ordered by start: after this trace. It stays right while more is
/// stored, as it names no position but a trace's start and id.
///
/// As text: the start in nanoseconds since the Unix epoch, `-`, the trace id.
///
/// ```
/// use treering::query::TraceMatch;
/// use treering::{Cursor, Error, SearchOptions, Store};
///
/// /// The page after `last`, the last trace of the page before.
/// fn page(store: &Store, last: Option<&TraceMatch>) -> Result<Vec<TraceMatch>, Error> {
///     let mut options = SearchOptions::default();
///     options.limit = Some(20);
///     options.after = last.map(Cursor::after);
///     Ok(store.search("{ status = error }", &options)?.traces)
/// }
/// # let folder = tempfile::tempdir().unwrap();
/// # let store = Store::open(folder.path().join("s"), treering::Options::default()).unwrap();
/// # assert!(page(&store, None).unwrap().is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    start: Timestamp,
    trace_id: TraceId,
}

impl Cursor {
    /// The place after `found`.
    pub fn after(found: &TraceMatch) -> Self {
        Self { start: found.start, trace_id: found.trace_id }
    }

    pub(super) fn start(self) -> Timestamp {
        self.start
    }

    pub(super) fn key(self, order: Order) -> Key {
        Key::new(order, self.start, self.trace_id, 0, 0)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start.unix_nanos(), self.trace_id)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cursor: nanoseconds, `-` and a trace id of 32 hex digits expected")]
pub struct ParseCursorError(String);

/// As its text.
impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_text::parsed(deserializer)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let parsed = text.split_once('-').and_then(|(start, trace_id)| {
            let start = Timestamp::from_unix_nanos(start.parse().ok()?);
            Some(Self { start, trace_id: trace_id.parse().ok()? })
        });
        parsed.ok_or_else(|| ParseCursorError(text.chars().take(80).collect()))
    }
}

/// Where a trace stands: results come in ascending order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64, u64, TraceId);

impl Key {
    pub(super) fn new(
        order: Order,
        start: Timestamp,
        id: TraceId,
        duration_nanos: u64,
        matched: u64,
    ) -> Self {
        let newest = !start.unix_nanos();
        match order {
            Order::NewestFirst => Self(newest, 0, id),
            Order::OldestFirst => Self(start.unix_nanos(), 0, id),
            Order::LongestFirst => Self(!duration_nanos, newest, id),
            Order::MostSpansFirst => Self(!matched, newest, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let text = "1795334400000000000-0af7651916cd43dd8448eb211c80319c";
        assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        for wrong in ["", "1795334400000000000", "x-0af7651916cd43dd8448eb211c80319c", "1-2"] {
            let error = wrong.parse::<Cursor>().unwrap_err().to_string();
            assert!(error.contains("nanoseconds"), "{error}");
        }
    }
}
