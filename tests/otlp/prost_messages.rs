//! Model spans as prost's messages and back: an independent reader and writer to compare with.

use std::sync::Arc;

pub(crate) use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use treering::model::{
    Attribute, EntityRef, Event, InstrumentationScope, Link, Resource, Span, SpanKind, Status,
    StatusCode, Value,
};
use treering::{SpanId, Timestamp, TraceId};

/// A request with a part of its own for each span, so that their order is kept.
pub(crate) fn to_prost(spans: &[Span]) -> Request {
    let part = |span: &Span| trace::ResourceSpans {
        resource: Some(resource::Resource {
            attributes: to_attributes(&span.resource.attributes),
            dropped_attributes_count: span.resource.dropped_attributes_count,
            entity_refs: span.resource.entity_refs.iter().map(to_entity).collect(),
        }),
        scope_spans: vec![trace::ScopeSpans {
            scope: Some(common::InstrumentationScope {
                name: span.scope.name.clone(),
                version: span.scope.version.clone(),
                attributes: to_attributes(&span.scope.attributes),
                dropped_attributes_count: span.scope.dropped_attributes_count,
            }),
            spans: vec![to_span(span)],
            schema_url: span.scope.schema_url.clone(),
        }],
        schema_url: span.resource.schema_url.clone(),
    };
    Request { resource_spans: spans.iter().map(part).collect() }
}

fn to_entity(entity: &EntityRef) -> common::EntityRef {
    common::EntityRef {
        schema_url: entity.schema_url.clone(),
        r#type: entity.entity_type.clone(),
        id_keys: entity.id_keys.clone(),
        description_keys: entity.description_keys.clone(),
    }
}

fn to_span(span: &Span) -> trace::Span {
    let event = |event: &Event| trace::span::Event {
        time_unix_nano: event.time.unix_nanos(),
        name: event.name.clone(),
        attributes: to_attributes(&event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    };
    let link = |link: &Link| trace::span::Link {
        trace_id: link.trace_id.to_bytes().to_vec(),
        span_id: link.span_id.to_bytes().to_vec(),
        trace_state: link.trace_state.clone(),
        attributes: to_attributes(&link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
        flags: link.flags,
    };
    trace::Span {
        trace_id: span.trace_id.to_bytes().to_vec(),
        span_id: span.span_id.to_bytes().to_vec(),
        trace_state: span.trace_state.clone(),
        parent_span_id: span.parent_span_id.map_or(vec![0; 8], |id| id.to_bytes().to_vec()),
        flags: span.flags,
        name: span.name.clone(),
        kind: span.kind.0,
        start_time_unix_nano: span.start.unix_nanos(),
        end_time_unix_nano: span.end.unix_nanos(),
        attributes: to_attributes(&span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.dropped_links_count,
        status: Some(trace::Status {
            message: span.status.message.clone(),
            code: span.status.code.0,
        }),
    }
}

fn to_attributes(attributes: &[Attribute]) -> Vec<common::KeyValue> {
    let pair = |attribute: &Attribute| common::KeyValue {
        key: attribute.key.clone(),
        value: Some(to_value(&attribute.value)),
        ..common::KeyValue::default()
    };
    attributes.iter().map(pair).collect()
}

fn to_value(value: &Value) -> common::AnyValue {
    let value = match value {
        Value::Empty => None,
        Value::String(text) => Some(AnyValue::StringValue(text.clone())),
        Value::Bool(value) => Some(AnyValue::BoolValue(*value)),
        Value::Int(value) => Some(AnyValue::IntValue(*value)),
        Value::Double(value) => Some(AnyValue::DoubleValue(*value)),
        Value::Bytes(bytes) => Some(AnyValue::BytesValue(bytes.clone())),
        Value::Array(array) => Some(AnyValue::ArrayValue(common::ArrayValue {
            values: array.iter().map(to_value).collect(),
        })),
        Value::KeyValues(list) => {
            Some(AnyValue::KvlistValue(common::KeyValueList { values: to_attributes(list) }))
        }
    };
    common::AnyValue { value }
}

/// The spans of a request that a reader should keep, in order.
pub(crate) fn from_prost(request: &Request) -> Vec<Span> {
    let mut spans = Vec::new();
    for part in &request.resource_spans {
        let resource = Arc::new(from_resource(part));
        for part in &part.scope_spans {
            let scope = Arc::new(from_scope(part));
            spans.extend(part.spans.iter().filter_map(|span| {
                let (resource, scope) = (Arc::clone(&resource), Arc::clone(&scope));
                Some(Span { resource, scope, ..from_span(span)? })
            }));
        }
    }
    spans
}

fn from_resource(part: &trace::ResourceSpans) -> Resource {
    let resource = part.resource.clone().unwrap_or_default();
    let entity = |entity: &common::EntityRef| EntityRef {
        schema_url: entity.schema_url.clone(),
        entity_type: entity.r#type.clone(),
        id_keys: entity.id_keys.clone(),
        description_keys: entity.description_keys.clone(),
    };
    Resource {
        attributes: from_attributes(&resource.attributes),
        dropped_attributes_count: resource.dropped_attributes_count,
        entity_refs: resource.entity_refs.iter().map(entity).collect(),
        schema_url: part.schema_url.clone(),
    }
}

fn from_scope(part: &trace::ScopeSpans) -> InstrumentationScope {
    let scope = part.scope.clone().unwrap_or_default();
    InstrumentationScope {
        name: scope.name,
        version: scope.version,
        attributes: from_attributes(&scope.attributes),
        dropped_attributes_count: scope.dropped_attributes_count,
        schema_url: part.schema_url.clone(),
    }
}

fn from_span(span: &trace::Span) -> Option<Span> {
    let trace_id = TraceId::from_slice(&span.trace_id).ok().filter(|id| !id.is_zero())?;
    let span_id = SpanId::from_slice(&span.span_id).ok().filter(|id| !id.is_zero())?;
    let parent = optional(&span.parent_span_id, SpanId::from_slice)?;
    let event = |event: &trace::span::Event| Event {
        time: Timestamp::from_unix_nanos(event.time_unix_nano),
        name: event.name.clone(),
        attributes: from_attributes(&event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    };
    let link = |link: &trace::span::Link| {
        Some(Link {
            trace_id: optional(&link.trace_id, TraceId::from_slice)?,
            span_id: optional(&link.span_id, SpanId::from_slice)?,
            trace_state: link.trace_state.clone(),
            attributes: from_attributes(&link.attributes),
            dropped_attributes_count: link.dropped_attributes_count,
            flags: link.flags,
        })
    };
    let status = span.status.clone().unwrap_or_default();
    Some(Span {
        trace_id,
        span_id,
        parent_span_id: Some(parent).filter(|id| !id.is_zero()),
        trace_state: span.trace_state.clone(),
        flags: span.flags,
        name: span.name.clone(),
        kind: SpanKind(span.kind),
        start: Timestamp::from_unix_nanos(span.start_time_unix_nano),
        end: Timestamp::from_unix_nanos(span.end_time_unix_nano),
        attributes: from_attributes(&span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.iter().map(link).collect::<Option<_>>()?,
        dropped_links_count: span.dropped_links_count,
        status: Status { code: StatusCode(status.code), message: status.message },
        ..Span::default()
    })
}

/// An id that may be left out: then all zeros.
fn optional<T: Default, E>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T, E>) -> Option<T> {
    if bytes.is_empty() { Some(T::default()) } else { read(bytes).ok() }
}

fn from_attributes(attributes: &[common::KeyValue]) -> Vec<Attribute> {
    let pair = |pair: &common::KeyValue| Attribute {
        key: pair.key.clone(),
        value: pair.value.as_ref().map_or(Value::Empty, from_value),
    };
    attributes.iter().map(pair).collect()
}

fn from_value(value: &common::AnyValue) -> Value {
    match &value.value {
        None | Some(AnyValue::StringValueStrindex(_)) => Value::Empty,
        Some(AnyValue::StringValue(text)) => Value::String(text.clone()),
        Some(AnyValue::BoolValue(value)) => Value::Bool(*value),
        Some(AnyValue::IntValue(value)) => Value::Int(*value),
        Some(AnyValue::DoubleValue(value)) => Value::Double(*value),
        Some(AnyValue::BytesValue(bytes)) => Value::Bytes(bytes.clone()),
        Some(AnyValue::ArrayValue(array)) => {
            Value::Array(array.values.iter().map(from_value).collect())
        }
        Some(AnyValue::KvlistValue(list)) => Value::KeyValues(from_attributes(&list.values)),
    }
}
