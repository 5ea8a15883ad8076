//! OTLP in and out: what is written is read back, prost agrees, faults stay where they are, and real
//! requests come through whole. Invariant: no test here knows how reading or writing is done.

#[path = "support/collect.rs"]
mod collect;
#[path = "support/data.rs"]
mod data;
#[path = "support/spans.rs"]
mod spans;

mod otlp {
    mod prost_messages;
    mod roundtrip;
}
