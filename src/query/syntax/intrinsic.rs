//! The names and types of intrinsics: the table of the language, once. Invariant: each intrinsic has
//! exactly one row, and no name is in two rows.

use std::fmt;

use super::Intrinsic;

/// The type of a value, where the query text alone tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueType {
    /// Text.
    String,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// True or false.
    Bool,
    /// A length of time.
    Duration,
    /// A point in time.
    Time,
    /// A span status.
    Status,
    /// A span kind.
    Kind,
    /// `nil`.
    Nil,
}

struct Row {
    intrinsic: Intrinsic,
    name: &'static str,
    short: Option<&'static str>,
    value_type: ValueType,
}

const fn row(
    intrinsic: Intrinsic,
    name: &'static str,
    short: Option<&'static str>,
    value_type: ValueType,
) -> Row {
    Row { intrinsic, name, short, value_type }
}

use ValueType::{Duration, Int, Kind, Status, String, Time};

const TABLE: [Row; 29] = [
    row(Intrinsic::Duration, "span:duration", Some("duration"), Duration),
    row(Intrinsic::Name, "span:name", Some("name"), String),
    row(Intrinsic::Status, "span:status", Some("status"), Status),
    row(Intrinsic::StatusMessage, "span:statusMessage", Some("statusMessage"), String),
    row(Intrinsic::Kind, "span:kind", Some("kind"), Kind),
    row(Intrinsic::SpanId, "span:id", None, String),
    row(Intrinsic::ParentId, "span:parentID", None, String),
    row(Intrinsic::ChildCount, "span:childCount", None, Int),
    row(Intrinsic::TraceId, "trace:id", None, String),
    row(Intrinsic::TraceDuration, "trace:duration", Some("traceDuration"), Duration),
    row(Intrinsic::RootName, "trace:rootName", Some("rootName"), String),
    row(Intrinsic::RootService, "trace:rootService", Some("rootServiceName"), String),
    row(Intrinsic::EventName, "event:name", None, String),
    row(Intrinsic::EventTimeSinceStart, "event:timeSinceStart", None, Duration),
    row(Intrinsic::LinkTraceId, "link:traceID", None, String),
    row(Intrinsic::LinkSpanId, "link:spanID", None, String),
    row(Intrinsic::InstrumentationName, "instrumentation:name", None, String),
    row(Intrinsic::InstrumentationVersion, "instrumentation:version", None, String),
    row(Intrinsic::NestedSetLeft, "nestedSetLeft", None, Int),
    row(Intrinsic::NestedSetRight, "nestedSetRight", None, Int),
    row(Intrinsic::NestedSetParent, "nestedSetParent", None, Int),
    row(Intrinsic::SelfDuration, "span:selfDuration", None, Duration),
    row(Intrinsic::Depth, "span:depth", None, Int),
    row(Intrinsic::TraceSpanCount, "trace:spanCount", None, Int),
    row(Intrinsic::TraceServiceCount, "trace:serviceCount", None, Int),
    row(Intrinsic::TraceErrorCount, "trace:errorCount", None, Int),
    row(Intrinsic::StartTime, "span:startTime", None, Time),
    row(Intrinsic::EndTime, "span:endTime", None, Time),
    row(Intrinsic::TraceStartTime, "trace:startTime", None, Time),
];

/// A word: `string`, `duration`; as serde writes it.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::Status => "status",
            Self::Kind => "kind",
            Self::Nil => "nil",
        })
    }
}

impl Intrinsic {
    /// The intrinsic with this name, canonical or short.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.name == name || row.short == Some(name))
            .map(|row| row.intrinsic)
    }

    /// Its canonical name, such as `span:duration`.
    pub fn canonical_name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// Its short name, such as `duration`; the canonical name where there is none.
    pub fn short_name(self) -> &'static str {
        self.row().map_or("", |row| row.short.unwrap_or(row.name))
    }

    /// The type of its values.
    pub fn value_type(self) -> ValueType {
        self.row().map_or(ValueType::Nil, |row| row.value_type)
    }

    /// Every intrinsic, in the order of the language's table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.intrinsic)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.intrinsic == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_intrinsic() {
        for intrinsic in Intrinsic::all() {
            assert_eq!(Intrinsic::from_name(intrinsic.canonical_name()), Some(intrinsic));
            assert_eq!(Intrinsic::from_name(intrinsic.short_name()), Some(intrinsic));
        }
    }
}
