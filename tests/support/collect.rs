//! A sink that keeps what it is given, as owned spans. Invariant: nothing is changed or left out.

use std::sync::Arc;

use treering::model::{
    Attribute, AttributeRef, Event, InstrumentationScope, Link, Refusal, Resource, Span, SpanRef,
    SpanSink, Status,
};
use treering::otlp::{OtlpError, Rejection, read_json, read_protobuf};

/// The spans it was given.
#[derive(Debug, Default)]
pub(crate) struct Collect {
    pub(crate) spans: Vec<Span>,
    resource: Arc<Resource>,
    scope: Arc<InstrumentationScope>,
}

impl SpanSink for Collect {
    fn resource(&mut self, resource: &Resource) {
        self.resource = Arc::new(resource.clone());
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        self.scope = Arc::new(scope.clone());
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

/// The spans and rejections of a protobuf request.
pub(crate) fn from_protobuf(request: &[u8]) -> Result<(Vec<Span>, Vec<Rejection>), OtlpError> {
    let mut sink = Collect::default();
    let rejections = read_protobuf(request, &mut sink)?;
    Ok((sink.spans, rejections))
}

/// The spans and rejections of a JSON request.
pub(crate) fn from_json(
    request: impl AsRef<[u8]>,
) -> Result<(Vec<Span>, Vec<Rejection>), OtlpError> {
    let mut sink = Collect::default();
    let rejections = read_json(request.as_ref(), &mut sink)?;
    Ok((sink.spans, rejections))
}
