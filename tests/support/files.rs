//! Real traces, read from the shared folder beside the repository. Invariant: where the folder is
//! absent, whoever asks is told so and skips.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::GzDecoder;
use treering::model::{
    Attribute, AttributeRef, Event, InstrumentationScope, Link, Refusal, Resource, Span, SpanRef,
    SpanSink, Status, Value, ValueRef,
};

/// Where the files are.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data")
}

/// The requests of a file, one JSON text each; `None`, loudly, where there is no such file.
pub(crate) fn requests(name: &str) -> Option<Vec<String>> {
    let path = folder().join(format!("{name}.otlp.jsonl.gz"));
    let Ok(file) = std::fs::File::open(&path) else {
        println!("SKIPPED: there is no {}", path.display());
        return None;
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(Result::unwrap).filter(|line| !line.is_empty()).collect())
}

/// The spans of a request; none of them may be left out.
pub(crate) fn spans(request: &str) -> Vec<Span> {
    let mut collector = Collector::default();
    let rejections = treering::otlp::read_json(request.as_bytes(), &mut collector).unwrap();
    assert_eq!(rejections, [], "spans left out");
    collector.spans
}

/// Keeps each span as it comes.
#[derive(Debug, Default)]
struct Collector {
    resource: Arc<Resource>,
    scope: Arc<InstrumentationScope>,
    spans: Vec<Span>,
}

impl SpanSink for Collector {
    fn resource(&mut self, resource: &Resource) {
        self.resource = Arc::new(resource.clone());
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        self.scope = Arc::new(scope.clone());
    }

    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal> {
        let children = |run: &std::ops::Range<usize>| owned(&span.child_attributes[run.clone()]);
        let events = span.events.iter().map(|event| Event {
            time: event.time,
            name: event.name.to_owned(),
            attributes: children(&event.attributes),
            dropped_attributes_count: event.dropped_attributes_count,
        });
        let links = span.links.iter().map(|link| Link {
            trace_id: link.trace_id,
            span_id: link.span_id,
            trace_state: link.trace_state.to_owned(),
            attributes: children(&link.attributes),
            dropped_attributes_count: link.dropped_attributes_count,
            flags: link.flags,
        });
        self.spans.push(Span {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            trace_state: span.trace_state.to_owned(),
            flags: span.flags,
            name: span.name.to_owned(),
            kind: span.kind,
            start: span.start,
            end: span.end,
            attributes: owned(&span.attributes),
            dropped_attributes_count: span.dropped_attributes_count,
            events: events.collect(),
            dropped_events_count: span.dropped_events_count,
            links: links.collect(),
            dropped_links_count: span.dropped_links_count,
            status: Status { code: span.status_code, message: span.status_message.to_owned() },
            resource: Arc::clone(&self.resource),
            scope: Arc::clone(&self.scope),
        });
        Ok(())
    }
}

fn owned(attributes: &[AttributeRef<'_>]) -> Vec<Attribute> {
    let value = |value: &ValueRef<'_>| match value {
        ValueRef::Empty => Value::Empty,
        ValueRef::String(text) => Value::String((*text).to_owned()),
        ValueRef::Bool(value) => Value::Bool(*value),
        ValueRef::Int(value) => Value::Int(*value),
        ValueRef::Double(bits) => Value::Double(f64::from_bits(*bits)),
        ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Nested(value) => Value::clone(value),
    };
    attributes.iter().map(|a| Attribute::new(a.key, value(&a.value))).collect()
}
