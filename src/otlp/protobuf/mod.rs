//! OTLP in protobuf, straight from wire bytes to the model and back. Reading follows the rules of
//! protobuf: fields in any order, the last of a single value wins, repeated messages of a single
//! field are merged, unknown fields are passed over. A known field of the wrong wire type is a
//! fault.

mod fields;
mod request;
mod resource;
mod shared;
mod span;
mod value;
mod write;

pub use request::read_protobuf;
pub use write::write_protobuf;
