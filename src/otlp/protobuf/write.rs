//! Spans as a request on the wire. Invariant: the same spans give the same bytes; fields come in
//! order of their numbers and are left out where they hold their default, except the content of an
//! `AnyValue`, where a zero is not the same as nothing.

use super::fields::{
    any_value, entity_ref, event, key_value, link, request, resource, resource_spans, scope,
    scope_spans, span as fields, status, values,
};
use crate::codec::cast;
use crate::codec::wire::{Key, Writer};
use crate::model::{Attribute, Event, InstrumentationScope, Link, Resource, Span, Value};
use crate::otlp::group::{ScopeGroup, group};

/// The `ExportTraceServiceRequest` with these spans, in protobuf. Spans are grouped by resource and
/// scope; groups come in order of their first span.
pub fn write_protobuf(spans: &[Span]) -> Vec<u8> {
    let mut writer = Writer::default();
    for of_resource in group(spans) {
        writer.message(request::RESOURCE_SPANS, |out| {
            out.message(resource_spans::RESOURCE, |out| write_resource(out, of_resource.resource));
            for of_scope in &of_resource.scopes {
                out.message(resource_spans::SCOPE_SPANS, |out| write_scope_spans(out, of_scope));
            }
            out.bytes_unless_empty(resource_spans::SCHEMA_URL, &of_resource.resource.schema_url);
        });
    }
    writer.into_bytes()
}

fn write_resource(out: &mut Writer, model: &Resource) {
    attributes(out, resource::ATTRIBUTES, &model.attributes);
    let dropped = u64::from(model.dropped_attributes_count);
    out.varint_unless_zero(resource::DROPPED_ATTRIBUTES_COUNT, dropped);
    for entity in &model.entity_refs {
        out.message(resource::ENTITY_REFS, |out| {
            out.bytes_unless_empty(entity_ref::SCHEMA_URL, &entity.schema_url);
            out.bytes_unless_empty(entity_ref::TYPE, &entity.entity_type);
            for key in &entity.id_keys {
                out.bytes(entity_ref::ID_KEYS, key);
            }
            for key in &entity.description_keys {
                out.bytes(entity_ref::DESCRIPTION_KEYS, key);
            }
        });
    }
}

fn write_scope_spans(out: &mut Writer, group: &ScopeGroup<'_>) {
    out.message(scope_spans::SCOPE, |out| write_scope(out, group.scope));
    for span in &group.spans {
        out.message(scope_spans::SPANS, |out| write_span(out, span));
    }
    out.bytes_unless_empty(scope_spans::SCHEMA_URL, &group.scope.schema_url);
}

fn write_scope(out: &mut Writer, model: &InstrumentationScope) {
    out.bytes_unless_empty(scope::NAME, &model.name);
    out.bytes_unless_empty(scope::VERSION, &model.version);
    attributes(out, scope::ATTRIBUTES, &model.attributes);
    let dropped = u64::from(model.dropped_attributes_count);
    out.varint_unless_zero(scope::DROPPED_ATTRIBUTES_COUNT, dropped);
}

fn write_span(out: &mut Writer, span: &Span) {
    out.bytes(fields::TRACE_ID, span.trace_id.to_bytes());
    out.bytes(fields::SPAN_ID, span.span_id.to_bytes());
    out.bytes_unless_empty(fields::TRACE_STATE, &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        out.bytes(fields::PARENT_SPAN_ID, parent.to_bytes());
    }
    out.bytes_unless_empty(fields::NAME, &span.name);
    out.varint_unless_zero(fields::KIND, enumeration(span.kind.0));
    out.fixed64_unless_zero(fields::START_TIME_UNIX_NANO, span.start.unix_nanos());
    out.fixed64_unless_zero(fields::END_TIME_UNIX_NANO, span.end.unix_nanos());
    attributes(out, fields::ATTRIBUTES, &span.attributes);
    let dropped = u64::from(span.dropped_attributes_count);
    out.varint_unless_zero(fields::DROPPED_ATTRIBUTES_COUNT, dropped);
    for event in &span.events {
        out.message(fields::EVENTS, |out| write_event(out, event));
    }
    out.varint_unless_zero(fields::DROPPED_EVENTS_COUNT, u64::from(span.dropped_events_count));
    for link in &span.links {
        out.message(fields::LINKS, |out| write_link(out, link));
    }
    out.varint_unless_zero(fields::DROPPED_LINKS_COUNT, u64::from(span.dropped_links_count));
    if span.status != crate::model::Status::default() {
        out.message(fields::STATUS, |out| {
            out.bytes_unless_empty(status::MESSAGE, &span.status.message);
            out.varint_unless_zero(status::CODE, enumeration(span.status.code.0));
        });
    }
    out.fixed32_unless_zero(fields::FLAGS, span.flags);
}

fn write_event(out: &mut Writer, model: &Event) {
    out.fixed64_unless_zero(event::TIME_UNIX_NANO, model.time.unix_nanos());
    out.bytes_unless_empty(event::NAME, &model.name);
    attributes(out, event::ATTRIBUTES, &model.attributes);
    let dropped = u64::from(model.dropped_attributes_count);
    out.varint_unless_zero(event::DROPPED_ATTRIBUTES_COUNT, dropped);
}

fn write_link(out: &mut Writer, model: &Link) {
    // All-zero ids stand for ids that were left out.
    if !model.trace_id.is_zero() {
        out.bytes(link::TRACE_ID, model.trace_id.to_bytes());
    }
    if !model.span_id.is_zero() {
        out.bytes(link::SPAN_ID, model.span_id.to_bytes());
    }
    out.bytes_unless_empty(link::TRACE_STATE, &model.trace_state);
    attributes(out, link::ATTRIBUTES, &model.attributes);
    let dropped = u64::from(model.dropped_attributes_count);
    out.varint_unless_zero(link::DROPPED_ATTRIBUTES_COUNT, dropped);
    out.fixed32_unless_zero(link::FLAGS, model.flags);
}

/// An enum on the wire: negative numbers are extended to 64 bits.
fn enumeration(number: i32) -> u64 {
    cast::bits_of_i64(i64::from(number))
}

fn attributes(out: &mut Writer, key: Key, attributes: &[Attribute]) {
    for attribute in attributes {
        out.message(key, |out| {
            out.bytes_unless_empty(key_value::KEY, &attribute.key);
            out.message(key_value::VALUE, |out| write_value(out, &attribute.value));
        });
    }
}

fn write_value(out: &mut Writer, value: &Value) {
    match value {
        Value::Empty => {}
        Value::String(text) => out.bytes(any_value::STRING, text),
        Value::Bool(value) => out.varint(any_value::BOOL, u64::from(*value)),
        Value::Int(value) => out.varint(any_value::INT, cast::bits_of_i64(*value)),
        Value::Double(value) => out.fixed64(any_value::DOUBLE, value.to_bits()),
        Value::Bytes(bytes) => out.bytes(any_value::BYTES, bytes),
        Value::Array(array) => out.message(any_value::ARRAY, |out| {
            for value in array {
                out.message(values::VALUES, |out| write_value(out, value));
            }
        }),
        Value::KeyValues(list) => {
            out.message(any_value::KVLIST, |out| attributes(out, values::VALUES, list));
        }
    }
}
