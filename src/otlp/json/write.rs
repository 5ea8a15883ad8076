//! Spans as a request in JSON, on one line. Invariant: names in camelCase, 64-bit integers as text,
//! ids as hex digits, enums as numbers, defaults left out except within an `AnyValue`.

use std::fmt::Display;

use crate::codec::base64;
use crate::model::{
    Attribute, EntityRef, Event, InstrumentationScope, Link, Resource, Span, Status, Value,
};
use crate::otlp::group::{ResourceGroup, ScopeGroup, group};

/// The `ExportTraceServiceRequest` with these spans, in OTLP/JSON on one line. A NaN is written as
/// `"NaN"`, whatever its bits; protobuf keeps those.
pub fn write_json(spans: &[Span]) -> String {
    let mut out = Object::open(String::new());
    out.list("resourceSpans", &group(spans), resource_spans);
    out.close()
}

/// An object that is being written.
struct Object {
    out: String,
    empty: bool,
}

impl Object {
    fn open(mut out: String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    fn close(mut self) -> String {
        self.out.push('}');
        self.out
    }

    /// Begins the member `name`.
    fn name(&mut self, name: &str) -> &mut String {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        &mut self.out
    }

    /// Text, left out if empty.
    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            quote(self.name(name), text);
        }
    }

    /// A number, left out if zero.
    fn number<T: Copy + Display + Default + PartialEq>(&mut self, name: &str, number: T) {
        if number != T::default() {
            self.name(name).push_str(&number.to_string());
        }
    }

    /// Something that needs no escapes, between quotes.
    fn quoted(&mut self, name: &str, value: impl Display) {
        let out = self.name(name);
        out.push('"');
        out.push_str(&value.to_string());
        out.push('"');
    }

    /// A 64-bit integer, left out if zero.
    fn time(&mut self, name: &str, nanos: u64) {
        if nanos != 0 {
            self.quoted(name, nanos);
        }
    }

    fn object(&mut self, name: &str, members: impl FnOnce(&mut Self)) {
        self.name(name);
        self.within(members);
    }

    /// Writes an object in place, with the members that `members` writes.
    fn within(&mut self, members: impl FnOnce(&mut Self)) {
        let mut inner = Self::open(std::mem::take(&mut self.out));
        members(&mut inner);
        self.out = inner.close();
    }

    /// A list of objects.
    fn list<T>(&mut self, name: &str, list: &[T], mut members: impl FnMut(&mut Self, &T)) {
        self.name(name).push('[');
        for (position, element) in list.iter().enumerate() {
            if position > 0 {
                self.out.push(',');
            }
            self.within(|out| members(out, element));
        }
        self.out.push(']');
    }

    /// A list of objects, left out if empty.
    fn objects<T>(&mut self, name: &str, list: &[T], members: impl FnMut(&mut Self, &T)) {
        if !list.is_empty() {
            self.list(name, list, members);
        }
    }

    /// A list of texts, left out if empty.
    fn texts(&mut self, name: &str, texts: &[String]) {
        if texts.is_empty() {
            return;
        }
        let out = self.name(name);
        for (position, text) in texts.iter().enumerate() {
            out.push(if position == 0 { '[' } else { ',' });
            quote(out, text);
        }
        out.push(']');
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for piece in text.split_inclusive(|c: char| c < ' ' || c == '"' || c == '\\') {
        let escaped = piece.chars().next_back().filter(|c| *c < ' ' || *c == '"' || *c == '\\');
        match escaped {
            None => out.push_str(piece),
            Some(last) => {
                out.push_str(piece.strip_suffix(last).unwrap_or(piece));
                match last {
                    '"' | '\\' => out.extend(['\\', last]),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\t' => out.push_str("\\t"),
                    control => {
                        let code = format!("{:04x}", u32::from(control));
                        out.push_str("\\u");
                        out.push_str(&code);
                    }
                }
            }
        }
    }
    out.push('"');
}

fn resource_spans(out: &mut Object, group: &ResourceGroup<'_>) {
    out.object("resource", |out| resource(out, group.resource));
    out.objects("scopeSpans", &group.scopes, scope_spans);
    out.text("schemaUrl", &group.resource.schema_url);
}

fn resource(out: &mut Object, resource: &Resource) {
    out.objects("attributes", &resource.attributes, attribute);
    out.number("droppedAttributesCount", resource.dropped_attributes_count);
    out.objects("entityRefs", &resource.entity_refs, entity_ref);
}

fn entity_ref(out: &mut Object, entity: &EntityRef) {
    out.text("schemaUrl", &entity.schema_url);
    out.text("type", &entity.entity_type);
    out.texts("idKeys", &entity.id_keys);
    out.texts("descriptionKeys", &entity.description_keys);
}

fn scope_spans(out: &mut Object, group: &ScopeGroup<'_>) {
    out.object("scope", |out| scope(out, group.scope));
    out.objects("spans", &group.spans, |out, model| span(out, model));
    out.text("schemaUrl", &group.scope.schema_url);
}

fn scope(out: &mut Object, scope: &InstrumentationScope) {
    out.text("name", &scope.name);
    out.text("version", &scope.version);
    out.objects("attributes", &scope.attributes, attribute);
    out.number("droppedAttributesCount", scope.dropped_attributes_count);
}

fn span(out: &mut Object, span: &Span) {
    out.quoted("traceId", span.trace_id);
    out.quoted("spanId", span.span_id);
    out.text("traceState", &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        out.quoted("parentSpanId", parent);
    }
    out.number("flags", span.flags);
    out.text("name", &span.name);
    out.number("kind", span.kind.0);
    out.time("startTimeUnixNano", span.start.unix_nanos());
    out.time("endTimeUnixNano", span.end.unix_nanos());
    out.objects("attributes", &span.attributes, attribute);
    out.number("droppedAttributesCount", span.dropped_attributes_count);
    out.objects("events", &span.events, event);
    out.number("droppedEventsCount", span.dropped_events_count);
    out.objects("links", &span.links, link);
    out.number("droppedLinksCount", span.dropped_links_count);
    if span.status != Status::default() {
        out.object("status", |out| {
            out.text("message", &span.status.message);
            out.number("code", span.status.code.0);
        });
    }
}

fn event(out: &mut Object, event: &Event) {
    out.time("timeUnixNano", event.time.unix_nanos());
    out.text("name", &event.name);
    out.objects("attributes", &event.attributes, attribute);
    out.number("droppedAttributesCount", event.dropped_attributes_count);
}

fn link(out: &mut Object, link: &Link) {
    // All-zero ids stand for ids that were left out.
    if !link.trace_id.is_zero() {
        out.quoted("traceId", link.trace_id);
    }
    if !link.span_id.is_zero() {
        out.quoted("spanId", link.span_id);
    }
    out.text("traceState", &link.trace_state);
    out.objects("attributes", &link.attributes, attribute);
    out.number("droppedAttributesCount", link.dropped_attributes_count);
    out.number("flags", link.flags);
}

fn attribute(out: &mut Object, attribute: &Attribute) {
    quote(out.name("key"), &attribute.key);
    out.object("value", |out| value(out, &attribute.value));
}

fn value(out: &mut Object, model: &Value) {
    match model {
        Value::Empty => {}
        Value::String(text) => quote(out.name("stringValue"), text),
        Value::Bool(value) => out.name("boolValue").push_str(&value.to_string()),
        Value::Int(value) => out.quoted("intValue", value),
        Value::Double(value) => double(out.name("doubleValue"), *value),
        Value::Bytes(bytes) => {
            let out = out.name("bytesValue");
            out.push('"');
            base64::encode(bytes, out);
            out.push('"');
        }
        Value::Array(array) => {
            out.object("arrayValue", |out| out.list("values", array, value));
        }
        Value::KeyValues(list) => {
            out.object("kvlistValue", |out| out.list("values", list, attribute));
        }
    }
}

fn double(out: &mut String, value: f64) {
    if value.is_finite() {
        // The shortest text that reads back as the same float.
        let shortest = format!("{value:?}");
        out.push_str(&shortest);
    } else if value.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
}
