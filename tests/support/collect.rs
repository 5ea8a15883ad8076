//! A sink that keeps what it is given, as owned spans. Invariant: nothing is changed or left out, and
//! what is remembered changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use treering::model::{
    Attribute, AttributeRef, Event, InstrumentationScope, Link, OriginBytes, Refusal, Resource,
    Span, SpanRef, SpanSink, Status,
};
use treering::otlp::{OtlpError, Rejection, read_json, read_protobuf};

/// The spans it was given.
#[derive(Debug, Default)]
pub(crate) struct Collect {
    pub(crate) spans: Vec<Span>,
    resource: Arc<Resource>,
    scope: Arc<InstrumentationScope>,
    /// By message and schema URL.
    resources: HashMap<(Vec<u8>, Vec<u8>), Arc<Resource>>,
    scopes: HashMap<(Vec<u8>, Vec<u8>), Arc<InstrumentationScope>>,
}

impl SpanSink for Collect {
    fn resource(&mut self, resource: &Resource) {
        self.resource = Arc::new(resource.clone());
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        self.scope = Arc::new(scope.clone());
    }

    fn recall(&mut self, origin: &OriginBytes<'_>) -> bool {
        match origin {
            OriginBytes::Resource { message, schema_url } => {
                let known = self.resources.get(&(message.to_vec(), schema_url.to_vec()));
                known.is_some_and(|known| {
                    self.resource = Arc::clone(known);
                    true
                })
            }
            OriginBytes::Scope { message, schema_url } => {
                let known = self.scopes.get(&(message.to_vec(), schema_url.to_vec()));
                known.is_some_and(|known| {
                    self.scope = Arc::clone(known);
                    true
                })
            }
        }
    }

    fn remember(&mut self, origin: &OriginBytes<'_>) {
        match origin {
            OriginBytes::Resource { message, schema_url } => {
                let bytes = (message.to_vec(), schema_url.to_vec());
                self.resources.insert(bytes, Arc::clone(&self.resource));
            }
            OriginBytes::Scope { message, schema_url } => {
                let bytes = (message.to_vec(), schema_url.to_vec());
                self.scopes.insert(bytes, Arc::clone(&self.scope));
            }
        }
    }

    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal> {
        if span.name == "refuse me" {
            return Err(Refusal {
                field: "name".to_owned(),
                reason: "expected another name".to_owned(),
            });
        }
        let children =
            |range: &std::ops::Range<usize>| attributes(&span.child_attributes[range.clone()]);
        let event = |event: &treering::model::EventRef<'_>| Event {
            time: event.time,
            name: event.name.to_owned(),
            attributes: children(&event.attributes),
            dropped_attributes_count: event.dropped_attributes_count,
        };
        let link = |link: &treering::model::LinkRef<'_>| Link {
            trace_id: link.trace_id,
            span_id: link.span_id,
            trace_state: link.trace_state.to_owned(),
            attributes: children(&link.attributes),
            dropped_attributes_count: link.dropped_attributes_count,
            flags: link.flags,
        };
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
            attributes: attributes(&span.attributes),
            dropped_attributes_count: span.dropped_attributes_count,
            events: span.events.iter().map(event).collect(),
            dropped_events_count: span.dropped_events_count,
            links: span.links.iter().map(link).collect(),
            dropped_links_count: span.dropped_links_count,
            status: Status { code: span.status_code, message: span.status_message.to_owned() },
            resource: Arc::clone(&self.resource),
            scope: Arc::clone(&self.scope),
        });
        Ok(())
    }
}

fn attributes(attributes: &[AttributeRef<'_>]) -> Vec<Attribute> {
    attributes.iter().map(Attribute::from).collect()
}

/// The spans and rejections of a protobuf request, which is read twice by one sink: what it remembers
/// of the first time changes nothing.
pub(crate) fn from_protobuf(request: &[u8]) -> Result<(Vec<Span>, Vec<Rejection>), OtlpError> {
    let mut sink = Collect::default();
    let outcome = read_protobuf(request, &mut sink);
    let spans = std::mem::take(&mut sink.spans);
    assert_eq!(read_protobuf(request, &mut sink), outcome, "read again");
    assert_eq!(sink.spans, spans, "read again");
    Ok((spans, outcome?))
}

/// The spans and rejections of a JSON request.
pub(crate) fn from_json(
    request: impl AsRef<[u8]>,
) -> Result<(Vec<Span>, Vec<Rejection>), OtlpError> {
    let mut sink = Collect::default();
    let rejections = read_json(request.as_ref(), &mut sink)?;
    Ok((sink.spans, rejections))
}
