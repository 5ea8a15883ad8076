//! The answer in the shape of Tempo's search response
//! (<https://grafana.com/docs/tempo/latest/api_docs/#search>). Invariant: 64-bit numbers are strings,
//! and ids have their full length.

use serde::Serialize;
use treering::query::{FieldValue, SearchMetrics, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::any_value;

/// The whole response. `warnings` is Treering's own, and absent where there are none.
#[derive(Debug, Serialize)]
pub(super) struct Response<'r> {
    traces: Vec<Trace<'r>>,
    metrics: Metrics,
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

impl<'r> From<&'r SearchResult> for Response<'r> {
    fn from(result: &'r SearchResult) -> Self {
        let traces = result.traces.iter().map(Trace::from).collect();
        Self { traces, metrics: result.metrics.into(), warnings: &result.warnings }
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
