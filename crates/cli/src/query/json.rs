//! The answer in the shape of Tempo's search response
//! (<https://grafana.com/docs/tempo/latest/api_docs/#search>). Invariant: 64-bit numbers are strings,
//! and ids have their full length.

use std::io::Write;

use serde::Serialize;
use treering::Cursor;
use treering::query::{FieldValue, SearchMetrics, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::any_value;
use crate::failure::Failure;

/// The whole response.
#[derive(Debug, Serialize)]
pub(super) struct Response<'r> {
    traces: Vec<Trace<'r>>,
    #[serde(flatten)]
    rest: Rest<'r>,
}

/// What follows the traces. All but `metrics` is Treering's own, and absent where there is nothing
/// to say.
#[derive(Debug, Serialize)]
struct Rest<'r> {
    metrics: Metrics,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'r [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'r> {
    #[serde(rename = "traceID")]
    id: String,
    root_service_name: &'r str,
    root_trace_name: &'r str,
    start_time_unix_nano: String,
    duration_ms: u64,
    span_sets: Vec<SpanSet<'r>>,
}

#[derive(Debug, Serialize)]
struct SpanSet<'r> {
    spans: Vec<Span<'r>>,
    matched: u64,
    attributes: Vec<Attribute<'r>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'r> {
    #[serde(rename = "spanID")]
    id: String,
    name: &'r str,
    start_time_unix_nano: String,
    duration_nanos: String,
    attributes: Vec<Attribute<'r>>,
}

#[derive(Debug, Serialize)]
struct Attribute<'r> {
    key: &'r str,
    value: serde_json::Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    blocks: u64,
    blocks_skipped: u64,
    rows_considered: u64,
    spans_matched: u64,
}

impl<'r> Response<'r> {
    /// The response with `result`; the next page begins at `next`.
    pub(super) fn new(result: &'r SearchResult, next: Option<Cursor>) -> Self {
        let traces = result.traces.iter().map(Trace::from).collect();
        Self { traces, rest: Rest::new(result, next) }
    }
}

impl<'r> Rest<'r> {
    fn new(result: &'r SearchResult, next: Option<Cursor>) -> Self {
        Self {
            metrics: result.metrics.into(),
            partial: result.partial,
            next: next.map(|next| next.to_string()),
            warnings: &result.warnings,
        }
    }
}

/// Writes `trace` as a line.
pub(super) fn write_trace(trace: &TraceMatch, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, &Trace::from(trace))?;
    Ok(writeln!(out)?)
}

/// A [`Response`] that is written trace by trace. Nothing is written before there is a trace or the
/// end, so a search that fails at once leaves stdout empty.
pub(super) struct Stream<W> {
    out: W,
    begun: bool,
}

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, begun: false }
    }

    pub(super) fn push(&mut self, trace: &TraceMatch) -> Result<(), Failure> {
        let before = if self.begun { "," } else { r#"{"traces":["# };
        self.begun = true;
        self.out.write_all(before.as_bytes())?;
        Ok(serde_json::to_writer(&mut self.out, &Trace::from(trace))?)
    }

    /// Writes what follows the traces, of which `result` has none.
    pub(super) fn finish(mut self, result: &SearchResult) -> Result<(), Failure> {
        let before = if self.begun { "]," } else { r#"{"traces":[],"# };
        let rest = serde_json::to_string(&Rest::new(result, None))?;
        let rest = rest.strip_prefix('{').unwrap_or(&rest);
        Ok(writeln!(self.out, "{before}{rest}")?)
    }
}

impl<'r> From<&'r TraceMatch> for Trace<'r> {
    fn from(trace: &'r TraceMatch) -> Self {
        Self {
            id: trace.trace_id.to_string(),
            root_service_name: &trace.root_service,
            root_trace_name: &trace.root_name,
            start_time_unix_nano: trace.start.unix_nanos().to_string(),
            duration_ms: trace.duration_nanos / 1_000_000,
            span_sets: trace.spansets.iter().map(SpanSet::from).collect(),
        }
    }
}

impl<'r> From<&'r Spanset> for SpanSet<'r> {
    fn from(spanset: &'r Spanset) -> Self {
        let spans = spanset.spans.iter().map(Span::from).collect();
        Self { spans, matched: spanset.matched, attributes: attributes(&spanset.attributes) }
    }
}

impl<'r> From<&'r SpanMatch> for Span<'r> {
    fn from(span: &'r SpanMatch) -> Self {
        Self {
            id: span.span_id.to_string(),
            name: &span.name,
            start_time_unix_nano: span.start.unix_nanos().to_string(),
            duration_nanos: span.duration_nanos.to_string(),
            attributes: attributes(&span.attributes),
        }
    }
}

impl From<SearchMetrics> for Metrics {
    fn from(metrics: SearchMetrics) -> Self {
        Self {
            blocks: metrics.blocks,
            blocks_skipped: metrics.blocks_skipped,
            rows_considered: metrics.rows_considered,
            spans_matched: metrics.spans_matched,
        }
    }
}

fn attributes(attributes: &[(String, FieldValue)]) -> Vec<Attribute<'_>> {
    attributes.iter().map(|(key, value)| Attribute { key, value: any_value(value) }).collect()
}
