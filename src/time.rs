//! Points in time and lengths of time, both in nanoseconds. Invariant: a `Timestamp` is the number
//! OTLP sends, unchanged; nothing here reads a clock except `Timestamp::now`.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::codec::{rfc3339, serde_text};

/// Nanoseconds since the Unix epoch, as in OTLP's `start_time_unix_nano`.
///
/// Serde writes it as a text of digits, as OTLP's JSON does, where a format is for people; it reads a
/// number, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

/// As RFC 3339 has it, in UTC: `2024-05-01T12:00:00.000000001Z`. A precision says how many digits there are after
/// the second, nine if there is none; further ones are cut off.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rfc3339::write(f, self.0, f.precision().unwrap_or(9))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_text::write_u64(self.0, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_text::read_u64(deserializer).map(Self)
    }
}

/// Before the epoch the epoch, after the latest point the latest.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The epoch where the system has no such time; those of Unix and Windows have all.
impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        UNIX_EPOCH.checked_add(Duration::from_nanos(time.0)).unwrap_or(UNIX_EPOCH)
    }
}

impl Timestamp {
    /// The latest point in time there is.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the Unix epoch.
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> u64 {
        self.0
    }

    /// The system clock's time; the epoch if the clock is set before it.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The nanoseconds from `earlier` to `self`; 0 where `earlier` is later.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time from `earlier` to `self`; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }
}
