//! Deterministic, realistic microservice traces: a shop of 24 services behind an Istio gateway.
//! Invariant: a seed gives the same spans for ever, on every machine; `tests/data.rs` pins them.
//!
//! ```
//! let mut traces = treering_generator::Generator::new(1);
//! let first = traces.next().unwrap_or_default();
//! assert!(!first.is_empty());
//! assert!(treering_generator::Generator::new(1).spans(1000).count() >= 1000);
//! ```
//!
//! Requests enter by the gateway, fan out by HTTP and gRPC, partly through sidecars, query databases
//! and caches, and send messages; some fail, and most failures travel up to the caller. About one
//! trace in a hundred lacks its root or another span.

mod catalogue;
mod describe;
mod generator;
mod leaves;
mod rng;
mod weaver;
mod words;

pub use catalogue::GATEWAY;
pub use generator::{END, Generator, KEYS, REQUEST_SPANS, Requests, Traces};

/// The example of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
