//! From the SDK's spans to the store's, as OTLP would carry them. Invariant: a span that comes by
//! this way and one that comes as an OTLP request of the SDK's own transformation are equal.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use treering::model::{
    self, AttributeRef, EventRef, LinkRef, Refusal, SpanRef, SpanSink, ValueRef,
};
use treering::{Timestamp, TraceId};

/// OTLP's `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`.
const HAS_IS_REMOTE: u32 = 0x100;
/// OTLP's `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`.
const IS_REMOTE: u32 = 0x200;

/// Hands spans to `sink`, and what it refuses to `refused`. The sink has their resource already.
pub(crate) fn push_spans(
    spans: &[&SpanData],
    sink: &mut impl SpanSink,
    mut refused: impl FnMut(Refusal),
) {
    // What has to be written out is written first, for a view only borrows.
    let states: Vec<String> = spans.iter().flat_map(|span| trace_states(span)).collect();
    let mut states = states.iter().map(String::as_str);
    let mut view = SpanRef::default();
    let mut scope = None;
    for span in spans {
        if scope != Some(&span.instrumentation_scope) {
            scope = Some(&span.instrumentation_scope);
            sink.scope(&scope_of(&span.instrumentation_scope));
        }
        fill(&mut view, span, &mut states);
        if let Err(refusal) = sink.span(&view) {
            refused(refusal);
        }
    }
}

/// The trace states of a span and of its links, in that order.
fn trace_states(span: &SpanData) -> impl Iterator<Item = String> {
    let links = span.links.iter().map(|link| &link.span_context);
    std::iter::once(&span.span_context).chain(links).map(|context| context.trace_state().header())
}

/// Makes `view` a view of `span`; takes its trace states from `states`.
fn fill<'a>(
    view: &mut SpanRef<'a>,
    span: &'a SpanData,
    states: &mut impl Iterator<Item = &'a str>,
) {
    view.clear();
    let context = &span.span_context;
    view.trace_id = TraceId::from_bytes(context.trace_id().to_bytes());
    view.span_id = span_id(context.span_id());
    let parent = span.parent_span_id;
    view.parent_span_id = (parent != SpanId::INVALID).then(|| span_id(parent));
    view.trace_state = states.next().unwrap_or_default();
    view.flags = flags(context, span.parent_span_is_remote);
    view.name = &span.name;
    view.kind = match span.span_kind {
        SpanKind::Internal => model::SpanKind::INTERNAL,
        SpanKind::Server => model::SpanKind::SERVER,
        SpanKind::Client => model::SpanKind::CLIENT,
        SpanKind::Producer => model::SpanKind::PRODUCER,
        SpanKind::Consumer => model::SpanKind::CONSUMER,
    };
    view.start = time(span.start_time);
    view.end = time(span.end_time);
    view.attributes.extend(span.attributes.iter().map(attribute));
    view.dropped_attributes_count = span.dropped_attributes_count;
    for event in span.events.iter() {
        let first = view.child_attributes.len();
        view.child_attributes.extend(event.attributes.iter().map(attribute));
        view.events.push(EventRef {
            time: time(event.timestamp),
            name: &event.name,
            attributes: first..view.child_attributes.len(),
            dropped_attributes_count: event.dropped_attributes_count,
        });
    }
    view.dropped_events_count = span.events.dropped_count;
    for link in span.links.iter() {
        let first = view.child_attributes.len();
        view.child_attributes.extend(link.attributes.iter().map(attribute));
        view.links.push(LinkRef {
            trace_id: TraceId::from_bytes(link.span_context.trace_id().to_bytes()),
            span_id: span_id(link.span_context.span_id()),
            trace_state: states.next().unwrap_or_default(),
            attributes: first..view.child_attributes.len(),
            dropped_attributes_count: link.dropped_attributes_count,
            flags: flags(&link.span_context, link.span_context.is_remote()),
        });
    }
    view.dropped_links_count = span.links.dropped_count;
    (view.status_code, view.status_message) = match &span.status {
        Status::Unset => (model::StatusCode::UNSET, ""),
        Status::Ok => (model::StatusCode::OK, ""),
        Status::Error { description } => (model::StatusCode::ERROR, description.as_ref()),
    };
}

fn span_id(id: SpanId) -> treering::SpanId {
    treering::SpanId::from_bytes(id.to_bytes())
}

fn flags(context: &SpanContext, is_remote: bool) -> u32 {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(context.trace_flags().to_u8()) | HAS_IS_REMOTE | remote
}

/// Nanoseconds since the epoch; 0 before it, and the latest there is after the year 2554.
fn time(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn attribute(from: &KeyValue) -> AttributeRef<'_> {
    AttributeRef { key: from.key.as_str(), value: value(&from.value) }
}

fn value(from: &Value) -> ValueRef<'_> {
    match from {
        Value::Bool(value) => ValueRef::Bool(*value),
        Value::I64(value) => ValueRef::Int(*value),
        Value::F64(value) => ValueRef::Double(value.to_bits()),
        Value::String(value) => ValueRef::String(value.as_str()),
        Value::Array(array) => ValueRef::Nested(Cow::Owned(model::Value::Array(list(array)))),
        // The SDK may come to have more types; OTLP has a value for what cannot be said.
        _ => ValueRef::Empty,
    }
}

fn list(from: &Array) -> Vec<model::Value> {
    match from {
        Array::Bool(values) => values.iter().map(|value| (*value).into()).collect(),
        Array::I64(values) => values.iter().map(|value| (*value).into()).collect(),
        Array::F64(values) => values.iter().map(|value| (*value).into()).collect(),
        Array::String(values) => values.iter().map(|value| value.as_str().into()).collect(),
        _ => Vec::new(),
    }
}

fn owned((key, from): (&opentelemetry::Key, &Value)) -> model::Attribute {
    model::Attribute::new(key.as_str(), model::Value::from(&value(from)))
}

/// The resource, as the store has it.
pub(crate) fn resource_of(from: &Resource) -> model::Resource {
    model::Resource {
        attributes: from.iter().map(owned).collect(),
        schema_url: from.schema_url().unwrap_or_default().to_owned(),
        ..model::Resource::default()
    }
}

fn scope_of(from: &InstrumentationScope) -> model::InstrumentationScope {
    model::InstrumentationScope {
        name: from.name().to_owned(),
        version: from.version().unwrap_or_default().to_owned(),
        attributes: from.attributes().map(|pair| owned((&pair.key, &pair.value))).collect(),
        schema_url: from.schema_url().unwrap_or_default().to_owned(),
        ..model::InstrumentationScope::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_out_of_range_are_the_nearest_there_are() {
        assert_eq!(time(UNIX_EPOCH - Duration::from_secs(1)), Timestamp::default());
        let late = UNIX_EPOCH + Duration::from_secs(u64::MAX >> 30);
        assert_eq!(time(late), Timestamp::from_unix_nanos((u64::MAX >> 30) * 1_000_000_000));
        let beyond = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(time(beyond), Timestamp::MAX);
    }
}
