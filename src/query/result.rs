//! What a search gives back. Invariant: traces come in the order asked for (by default newest first,
//! ties by id), spans of a spanset by start time, span id, kind.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::cast::u64_of;
use crate::id::{SpanId, TraceId};
use crate::model::{OneLine, ShortDuration};
use crate::query::syntax::{KINDS, write_duration, write_string};
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

/// A line a trace, and below it one for each of the spans returned.
impl fmt::Display for SearchResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for found in &self.traces {
            write!(f, "{found}")?;
        }
        let sets = self.traces.iter().flat_map(|found| &found.spansets);
        let spans: u64 = sets.map(|set| set.matched).sum();
        let plural = |number: u64| if number == 1 { "" } else { "s" };
        let traces = u64_of(self.traces.len());
        let partial = if self.partial { ", partial" } else { "" };
        let (of_traces, of_spans) = (plural(traces), plural(spans));
        writeln!(f, "{traces} trace{of_traces}, {spans} span{of_spans} matched{partial}")
    }
}

/// The trace on a line: id, start, duration, root; below it a line for each span returned.
impl fmt::Display for TraceMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = ShortDuration(self.duration_nanos);
        let (service, name) = (Shown(&self.root_service), Shown(&self.root_name));
        writeln!(f, "{} {:.3} {duration} {service} {name}", self.trace_id, self.start)?;
        self.spansets.iter().try_for_each(|set| write!(f, "{set}"))
    }
}

impl fmt::Display for Spanset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.attributes.is_empty() {
            writeln!(f, "  {}", Pairs(&self.attributes))?;
        }
        self.spans.iter().try_for_each(|span| writeln!(f, "  {span}"))?;
        match self.matched.saturating_sub(u64_of(self.spans.len())) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

impl fmt::Display for SpanMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = ShortDuration(self.duration_nanos);
        let (service, name) = (Shown(&self.service), Shown(&self.name));
        write!(f, "{} {duration} {service} {name}", self.span_id)?;
        if self.attributes.is_empty() { Ok(()) } else { write!(f, " {}", Pairs(&self.attributes)) }
    }
}

/// As `TraceQL` writes it, exactly: text in quotes, `error`, `server`, `1ms500us`. What it has no words
/// for: a time as RFC 3339 has it, an array in brackets, a status or a kind that OTLP does not define as
/// its number.
impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write_string(f, text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Duration(nanos) => write_duration(f, *nanos),
            Self::Status(status) => word(f, *status, &["unset", "ok", "error"]),
            Self::Kind(kind) => word(f, *kind, &KINDS),
            Self::Time(time) => write!(f, "{time}"),
            Self::Array(values) => {
                f.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Nil => f.write_str("nil"),
        }
    }
}

fn word(f: &mut fmt::Formatter<'_>, number: i32, words: &[&str]) -> fmt::Result {
    match usize::try_from(number).ok().and_then(|at| words.get(at)) {
        Some(word) => f.write_str(word),
        None => write!(f, "{number}"),
    }
}

struct Pairs<'a>(&'a [(String, FieldValue)]);

impl fmt::Display for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{}={value}", if at > 0 { " " } else { "" }, Shown(name))?;
        }
        Ok(())
    }
}

/// Text on one line, `-` where there is none.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        write!(f, "{}", OneLine(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::syntax::{FieldExprKind, Literal, Query, SpansetExpr, Stage};
    use crate::query::{check, syntax::BinaryOp};

    /// The constant of `{ .x = ... }`, read by the language.
    fn read(text: &str) -> Literal {
        let checked = check(&format!("{{ .x = {text} }}")).unwrap();
        let Query::Search(pipeline, _) = checked.query() else { panic!("{text}") };
        let [Stage::Spanset(SpansetExpr::Filter(filter))] = pipeline.stages.as_slice() else {
            panic!("{text}")
        };
        let FieldExprKind::Chain { rest, .. } = &filter.kind else { panic!("{text}") };
        let [(BinaryOp::Compare(_), constant)] = rest.as_slice() else { panic!("{text}") };
        match &constant.kind {
            FieldExprKind::Literal(literal) => literal.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn values_are_written_as_the_language_reads_them() {
        for text in ["", "a \"b\" \\ c", "\u{1b}[2J\n\t", "\u{202e}\u{200b}\u{feff}", "é日本"] {
            let shown = FieldValue::String(text.to_owned()).to_string();
            assert_eq!(read(&shown), Literal::String(text.to_owned()), "{shown}");
            assert!(shown.chars().all(crate::model::is_plain), "{shown}");
        }
        for nanos in [0, 1, 1_234_567, 100_000_000_001, 3_600_000_000_000, i64::MAX] {
            let shown = FieldValue::Duration(nanos).to_string();
            assert_eq!(read(&shown), Literal::Duration(nanos), "{shown}");
        }
        assert_eq!(FieldValue::Duration(-1_500_000).to_string(), "-1ms500us");
        for (number, word) in (0..).zip(KINDS) {
            assert_eq!(FieldValue::Kind(number).to_string(), word);
        }
        let array = FieldValue::Array(vec![FieldValue::Status(2), FieldValue::Status(7)]);
        assert_eq!(array.to_string(), "[error, 7]");
    }
}
