//! The fuzz targets, a function each, and the oracle of the tests that they compare with. Invariant:
//! all that a target does but counting memory lies in the modules, so that `tests/fuzz.rs` does it too.

#[path = "../../tests/support/asking.rs"]
mod asking;
mod block;
mod bytes;
#[path = "../../tests/support/collect.rs"]
mod collect;
mod memory;
mod operations;
#[path = "../../tests/support/oracle/mod.rs"]
mod oracle;
mod otlp;
mod query;
mod questions;
mod spans;

use memory::bounded;

/// Any text as a query.
pub fn query(input: &[u8]) {
    bounded(input, query::run);
}

/// Any bytes as an OTLP request in protobuf.
pub fn otlp_protobuf(input: &[u8]) {
    bounded(input, otlp::protobuf);
}

/// Any bytes as an OTLP request in JSON.
pub fn otlp_json(input: &[u8]) {
    bounded(input, otlp::json);
}

/// A block, and damage to it.
pub fn block(input: &[u8]) {
    bounded(input, block::run);
}

/// A store under a script of operations.
pub fn operations(input: &[u8]) {
    bounded(input, operations::run);
}
