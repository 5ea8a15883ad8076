//! A span with everything OTLP says about it. Invariant: no field is interpreted here; ends before
//! starts, unknown kinds and repeated keys are kept as sent.

#![expect(
    clippy::exhaustive_structs,
    reason = "these are what OTLP has, and users write them out with `..default()`"
)]

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Attribute, InstrumentationScope, Resource};
use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;

/// One span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// The trace it belongs to; never all-zero in a store.
    pub trace_id: TraceId,
    /// Its id within the trace; never all-zero in a store.
    pub span_id: SpanId,
    /// The id of its parent; `None` for a root. (An all-zero id on the wire is `None`.)
    pub parent_span_id: Option<SpanId>,
    /// W3C `tracestate`.
    pub trace_state: String,
    /// W3C trace flags and OTLP's `is_remote` bits.
    pub flags: u32,
    /// What the span is called.
    pub name: String,
    /// Its role in a call.
    pub kind: SpanKind,
    /// When it started.
    pub start: Timestamp,
    /// When it ended; may be before `start` if clocks moved.
    pub end: Timestamp,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// Its events, in the order sent.
    pub events: Vec<Event>,
    /// How many events the sender dropped.
    pub dropped_events_count: u32,
    /// Its links, in the order sent.
    pub links: Vec<Link>,
    /// How many links the sender dropped.
    pub dropped_links_count: u32,
    /// Its status.
    pub status: Status,
    /// Where it comes from.
    pub resource: Arc<Resource>,
    /// The library that made it.
    pub scope: Arc<InstrumentationScope>,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// What it is called.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
}

/// A pointer from a span to another, in this trace or another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Link {
    /// The trace pointed to; all-zero if the sender left it out.
    pub trace_id: TraceId,
    /// The span pointed to; all-zero if the sender left it out.
    pub span_id: SpanId,
    /// W3C `tracestate`.
    pub trace_state: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// Flags, as on a span.
    pub flags: u32,
}

/// How a span ended: OTLP's `Status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Status {
    /// Unset, ok or error.
    pub code: StatusCode,
    /// The developer's words for an error.
    pub message: String,
}

/// A span's role in a call. Numbers that OTLP does not define are kept.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct SpanKind(pub i32);

impl SpanKind {
    /// Not said.
    pub const UNSPECIFIED: Self = Self(0);
    /// Work within an application.
    pub const INTERNAL: Self = Self(1);
    /// Handling of a remote request.
    pub const SERVER: Self = Self(2);
    /// A request to a remote service.
    pub const CLIENT: Self = Self(3);
    /// A message sent to a broker.
    pub const PRODUCER: Self = Self(4);
    /// A message taken from a broker.
    pub const CONSUMER: Self = Self(5);
}

/// The outcome of a span. Numbers that OTLP does not define are kept.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct StatusCode(pub i32);

impl StatusCode {
    /// Not said.
    pub const UNSET: Self = Self(0);
    /// Declared a success.
    pub const OK: Self = Self(1);
    /// An error.
    pub const ERROR: Self = Self(2);
}

impl Span {
    /// The span's duration in nanoseconds: end - start, 0 where it ends before it starts.
    pub fn duration_nanos(&self) -> u64 {
        self.end.nanos_since(self.start)
    }

    /// The resource's `service.name`; empty where it has none or it is no string.
    pub fn service_name(&self) -> &str {
        self.resource.service_name()
    }
}

impl Resource {
    /// The string under `service.name`; empty where there is none or it is no string.
    pub fn service_name(&self) -> &str {
        let attribute = self.attributes.iter().find(|attribute| attribute.key == "service.name");
        match attribute.map(|attribute| &attribute.value) {
            Some(super::Value::String(name)) => name,
            _ => "",
        }
    }
}
