//! OTLP in and out: what is written is read back, prost agrees, faults stay where they are, and
//! real requests come through whole. Invariant: no test here knows how reading or writing is done.

#[cfg(test)]
#[path = "support/collect.rs"]
mod collect;
#[cfg(test)]
#[path = "support/data.rs"]
mod data;
#[cfg(test)]
#[path = "support/spans.rs"]
mod spans;

#[cfg(test)]
mod otlp {
    mod faults;
    mod hostile;
    mod prost_messages;
    mod real;
    mod roundtrip;
    mod rules;
}
