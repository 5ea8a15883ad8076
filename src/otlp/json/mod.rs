//! OTLP in JSON: protobuf's JSON mapping, with ids as hex digits. Names are understood in camelCase
//! and `snake_case`, `null` is absence, unknown names are passed over, the last of equal names
//! wins.
//!
//! A request is read twice: once for its structure, which leaves each span as the piece of text it
//! is, then span by span, so that a fault in one stays there. JSON has one NaN: of a NaN's bits
//! only that it is one survives.

mod reader;
mod request;
mod resource;
mod scalar;
mod span;
mod value;
mod write;

pub use request::read_json;
pub use write::write_json;
