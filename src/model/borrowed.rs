//! Spans that borrow their text from the bytes they were read from, so that a decoder can hand a
//! block builder one span after another without an allocation each. Resource and scope are passed
//! beside the span, once for all the spans that share them.

#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "these are what OTLP has, and users write them out with `..default()`"
)]

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::{Attribute, InstrumentationScope, Resource, Span, SpanKind, StatusCode, Value};
use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;

/// A value whose text and bytes are borrowed; nested values, which are rare, may be owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// [`Value::Empty`].
    Empty,
    /// [`Value::String`].
    String(&'a str),
    /// [`Value::Bool`].
    Bool(bool),
    /// [`Value::Int`].
    Int(i64),
    /// [`Value::Double`], as its bits.
    Double(u64),
    /// [`Value::Bytes`].
    Bytes(&'a [u8]),
    /// [`Value::Array`] or [`Value::KeyValues`].
    Nested(Cow<'a, Value>),
}

/// An attribute whose text is borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRef<'a> {
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: ValueRef<'a>,
}

/// A span whose text is borrowed. Made to be cleared and filled again: its lists keep their memory.
/// Fields are those of [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of Span, documented there")]
pub struct SpanRef<'a> {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub trace_state: &'a str,
    pub flags: u32,
    pub name: &'a str,
    pub kind: SpanKind,
    pub start: Timestamp,
    pub end: Timestamp,
    pub attributes: Vec<AttributeRef<'a>>,
    pub dropped_attributes_count: u32,
    pub events: Vec<EventRef<'a>>,
    pub dropped_events_count: u32,
    pub links: Vec<LinkRef<'a>>,
    pub dropped_links_count: u32,
    pub status_code: StatusCode,
    pub status_message: &'a str,
    /// Attributes of all events and links, one run after another.
    pub child_attributes: Vec<AttributeRef<'a>>,
}

/// An event whose text is borrowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of Event, documented there")]
pub struct EventRef<'a> {
    pub time: Timestamp,
    pub name: &'a str,
    /// Its run within [`SpanRef::child_attributes`].
    pub attributes: Range<usize>,
    pub dropped_attributes_count: u32,
}

/// A link whose text is borrowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of Link, documented there")]
pub struct LinkRef<'a> {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub trace_state: &'a str,
    /// Its run within [`SpanRef::child_attributes`].
    pub attributes: Range<usize>,
    pub dropped_attributes_count: u32,
    pub flags: u32,
}

impl<'a> SpanRef<'a> {
    /// Makes the span as a default one, keeping the memory of its lists.
    pub fn clear(&mut self) {
        let mut empty = SpanRef::default();
        std::mem::swap(&mut empty.attributes, &mut self.attributes);
        std::mem::swap(&mut empty.events, &mut self.events);
        std::mem::swap(&mut empty.links, &mut self.links);
        std::mem::swap(&mut empty.child_attributes, &mut self.child_attributes);
        *self = empty;
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
        self.child_attributes.clear();
    }

    /// Makes this a view of `span`.
    pub fn fill(&mut self, span: &'a Span) {
        self.clear();
        self.trace_id = span.trace_id;
        self.span_id = span.span_id;
        self.parent_span_id = span.parent_span_id;
        self.trace_state = &span.trace_state;
        self.flags = span.flags;
        self.name = &span.name;
        self.kind = span.kind;
        self.start = span.start;
        self.end = span.end;
        self.attributes.extend(span.attributes.iter().map(AttributeRef::from));
        self.dropped_attributes_count = span.dropped_attributes_count;
        for event in &span.events {
            let attributes = self.push_children(&event.attributes);
            self.events.push(EventRef {
                time: event.time,
                name: &event.name,
                attributes,
                dropped_attributes_count: event.dropped_attributes_count,
            });
        }
        self.dropped_events_count = span.dropped_events_count;
        for link in &span.links {
            let attributes = self.push_children(&link.attributes);
            self.links.push(LinkRef {
                trace_id: link.trace_id,
                span_id: link.span_id,
                trace_state: &link.trace_state,
                attributes,
                dropped_attributes_count: link.dropped_attributes_count,
                flags: link.flags,
            });
        }
        self.dropped_links_count = span.dropped_links_count;
        self.status_code = span.status.code;
        self.status_message = &span.status.message;
    }

    fn push_children(&mut self, attributes: &'a [Attribute]) -> Range<usize> {
        let first = self.child_attributes.len();
        self.child_attributes.extend(attributes.iter().map(AttributeRef::from));
        first..self.child_attributes.len()
    }
}

impl<'a> From<&'a Attribute> for AttributeRef<'a> {
    fn from(attribute: &'a Attribute) -> Self {
        Self { key: &attribute.key, value: ValueRef::from(&attribute.value) }
    }
}

impl From<&AttributeRef<'_>> for Attribute {
    fn from(attribute: &AttributeRef<'_>) -> Self {
        Self { key: attribute.key.to_owned(), value: Value::from(&attribute.value) }
    }
}

impl From<&ValueRef<'_>> for Value {
    fn from(value: &ValueRef<'_>) -> Self {
        match value {
            ValueRef::Empty => Self::Empty,
            ValueRef::String(text) => Self::String((*text).to_owned()),
            ValueRef::Bool(value) => Self::Bool(*value),
            ValueRef::Int(value) => Self::Int(*value),
            ValueRef::Double(bits) => Self::Double(f64::from_bits(*bits)),
            ValueRef::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            ValueRef::Nested(value) => value.clone().into_owned(),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Empty => Self::Empty,
            Value::String(text) => Self::String(text),
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Double(value) => Self::Double(value.to_bits()),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Array(_) | Value::KeyValues(_) => Self::Nested(Cow::Borrowed(value)),
        }
    }
}

/// Takes spans one at a time, as a decoder finds them.
pub trait SpanSink {
    /// The resource of the spans that follow.
    fn resource(&mut self, resource: &Resource);

    /// The instrumentation scope of the spans that follow.
    fn scope(&mut self, scope: &InstrumentationScope);

    /// True if the resource or scope that came in these bytes was remembered, and the spans that follow
    /// have it: then it is not told. A sink that does not remember need not say so.
    fn recall(&mut self, origin: &OriginBytes<'_>) -> bool {
        let _: &OriginBytes<'_> = origin;
        false
    }

    /// The resource or scope that was told last came in these bytes.
    fn remember(&mut self, origin: &OriginBytes<'_>) {
        let _: &OriginBytes<'_> = origin;
    }

    /// The next span.
    ///
    /// # Errors
    /// If the span is beyond a limit; it is then left out as a whole.
    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal>;
}

/// A resource or an instrumentation scope as it came on the wire. Equal bytes mean equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are the message, and the URL that stands beside it")]
pub enum OriginBytes<'a> {
    /// A [`Resource`].
    Resource { message: &'a [u8], schema_url: &'a [u8] },
    /// An [`InstrumentationScope`].
    Scope { message: &'a [u8], schema_url: &'a [u8] },
}

/// Why a sink does not take a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The field at fault, such as `attributes[3].value`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.reason),
            field => write!(f, "{field}: {}", self.reason),
        }
    }
}

impl std::error::Error for Refusal {}
