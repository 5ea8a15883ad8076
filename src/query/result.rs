//! What a search gives back. Invariant: traces come in the order asked for (by default newest first,
//! ties by id), spans of a spanset by start time, span id, kind.

use serde::{Deserialize, Serialize};

use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SearchResult {
    /// The traces found, in the order asked for.
    pub traces: Vec<TraceMatch>,
    /// True if the search was stopped, by its deadline, its token or the limit of bytes, before it had
    /// everything. In an order by start, the traces are then the first of the whole answer.
    pub partial: bool,
    /// Things in the query that are legal and probably not meant.
    pub warnings: Vec<String>,
    /// What the search had to do.
    pub metrics: SearchMetrics,
}

/// A trace that matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TraceMatch {
    /// Its id.
    pub trace_id: TraceId,
    /// `service.name` of its root span; empty where unknown.
    pub root_service: String,
    /// Name of its root span.
    pub root_name: String,
    /// Earliest start of its spans.
    pub start: Timestamp,
    /// Latest end minus earliest start, in nanoseconds.
    pub duration_nanos: u64,
    /// What was found in it: at least one spanset.
    pub spansets: Vec<Spanset>,
}

/// Spans of one trace that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spanset {
    /// The first spans, as many as were asked for.
    pub spans: Vec<SpanMatch>,
    /// How many spans match in all.
    pub matched: u64,
    /// Values of the stages, such as `count()` or `by(...)`.
    pub attributes: Vec<(String, FieldValue)>,
}

/// A span that matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpanMatch {
    /// Its id.
    pub span_id: SpanId,
    /// Its name.
    pub name: String,
    /// `service.name` of its resource; empty where unknown.
    pub service: String,
    /// Its start.
    pub start: Timestamp,
    /// Its duration in nanoseconds.
    pub duration_nanos: u64,
    /// Fields that the query names and the span has, by name: an attribute's name without its scope,
    /// an intrinsic's short name.
    pub attributes: Vec<(String, FieldValue)>,
}

/// A value of a field, in `TraceQL`'s types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldValue {
    /// Text.
    String(String),
    /// An integer.
    Int(i64),
    /// A float.
    Float(#[serde(with = "crate::codec::serde_text::float")] f64),
    /// True or false.
    Bool(bool),
    /// A length of time in nanoseconds.
    Duration(i64),
    /// A span status: OTLP's number.
    Status(i32),
    /// A span kind: OTLP's number.
    Kind(i32),
    /// A point in time.
    Time(Timestamp),
    /// Several values of one type.
    Array(Vec<FieldValue>),
    /// No value.
    Nil,
}

impl TraceMatch {
    /// Bytes that it takes in memory, roughly.
    pub fn memory_bytes(&self) -> usize {
        let values = |list: &[(String, FieldValue)]| -> usize {
            list.iter().map(|(name, value)| name.len() + value.memory_bytes() + 48).sum()
        };
        let span = |span: &SpanMatch| {
            size_of::<SpanMatch>() + span.name.len() + span.service.len() + values(&span.attributes)
        };
        let set = |set: &Spanset| {
            let spans: usize = set.spans.iter().map(span).sum();
            size_of::<Spanset>() + spans + values(&set.attributes)
        };
        let sets: usize = self.spansets.iter().map(set).sum();
        size_of::<Self>() + self.root_service.len() + self.root_name.len() + sets
    }
}

impl FieldValue {
    fn memory_bytes(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            Self::Array(values) => values.iter().map(|value| 32 + value.memory_bytes()).sum(),
            _ => 0,
        }
    }
}

/// What a search had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SearchMetrics {
    /// Blocks in the store.
    pub blocks: u64,
    /// Blocks that could not match and were passed over.
    pub blocks_skipped: u64,
    /// Candidate rows that operators and checks looked at.
    pub rows_considered: u64,
    /// Spans that matched, in the blocks searched.
    pub spans_matched: u64,
}
