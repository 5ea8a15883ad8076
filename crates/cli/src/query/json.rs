//! The answer in the shape of Tempo's search response
//! (<https://grafana.com/docs/tempo/latest/api_docs/#search>). Invariant: 64-bit numbers are strings,
//! and ids have their full length.

use serde_json::{Map, Value, json};
use treering::query::{FieldValue, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::any_value;

/// The whole response.
pub(super) fn response(result: &SearchResult) -> Value {
    let metrics = result.metrics;
    let mut response = Map::new();
    response.insert("traces".to_owned(), result.traces.iter().map(trace).collect());
    let metrics = json!({
        "blocks": metrics.blocks,
        "blocksSkipped": metrics.blocks_skipped,
        "rowsConsidered": metrics.rows_considered,
        "spansMatched": metrics.spans_matched,
    });
    response.insert("metrics".to_owned(), metrics);
    if !result.warnings.is_empty() {
        response.insert("warnings".to_owned(), json!(result.warnings));
    }
    Value::Object(response)
}

fn trace(trace: &TraceMatch) -> Value {
    json!({
        "traceID": trace.trace_id.to_string(),
        "rootServiceName": trace.root_service,
        "rootTraceName": trace.root_name,
        "startTimeUnixNano": trace.start.unix_nanos().to_string(),
        "durationMs": trace.duration_nanos / 1_000_000,
        "spanSets": trace.spansets.iter().map(spanset).collect::<Value>(),
    })
}

fn spanset(spanset: &Spanset) -> Value {
    json!({
        "spans": spanset.spans.iter().map(span).collect::<Value>(),
        "matched": spanset.matched,
        "attributes": attributes(&spanset.attributes),
    })
}

fn span(span: &SpanMatch) -> Value {
    json!({
        "spanID": span.span_id.to_string(),
        "name": span.name,
        "startTimeUnixNano": span.start.unix_nanos().to_string(),
        "durationNanos": span.duration_nanos.to_string(),
        "attributes": attributes(&span.attributes),
    })
}

fn attributes(attributes: &[(String, FieldValue)]) -> Value {
    let one =
        |(key, value): &(String, FieldValue)| json!({ "key": key, "value": any_value(value) });
    attributes.iter().map(one).collect()
}
