//! OTLP in and out: protobuf and JSON to model and back.
//!
//! Readers hand spans to a [`SpanSink`](crate::model::SpanSink) one at a time. A span that cannot
//! be kept as it was sent is left out whole and reported as a [`Rejection`]; nothing is mended, and
//! no span suffers for another. Where a resource or a scope is at fault, each of its spans is
//! rejected and the rejection names the field there (`resource.attributes[2].key`). Where the bytes
//! of a `ResourceSpans` or `ScopeSpans` do not even say where its spans begin and end, that part is
//! rejected as one. Only a request whose own structure is broken is an [`OtlpError`].

mod check;
mod error;
mod group;
#[cfg(feature = "json")]
mod json;
mod protobuf;

pub use error::{OtlpError, Rejection};
#[cfg(feature = "json")]
pub use json::{read_json, write_json};
pub use protobuf::{read_protobuf, write_protobuf};
