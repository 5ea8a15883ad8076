//! What users give and get: spans, values, resources and traces, with every field that OTLP has.

mod borrowed;
mod resource;
mod span;
mod text;
mod trace;
mod value;
mod waterfall;

pub use borrowed::{
    AttributeRef, EventRef, LinkRef, OriginBytes, Refusal, SpanRef, SpanSink, ValueRef,
};
pub use resource::{EntityRef, InstrumentationScope, Resource};
pub use span::{Event, Link, Span, SpanKind, Status, StatusCode};
pub use text::OneLine;
pub(crate) use text::is_plain;
pub use trace::Trace;
pub use value::{Attribute, Value};
pub use waterfall::{ShortDuration, Waterfall, WaterfallLine};
