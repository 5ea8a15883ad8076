//! Treering is an embedded trace store: OTLP spans in, one local file, structural `TraceQL` out.

mod block;
mod codec;
mod error;
mod id;
pub mod model;
mod options;
pub mod otlp;
pub mod query;
mod search;
mod storage;
mod store;
mod time;

pub use error::Error;
pub use id::{ParseIdError, SpanId, TraceId};
pub use options::Options;
pub use search::{Counts, Explanation, SearchOptions};
pub use store::{Batch, Ingested, Stats, Store};
pub use time::Timestamp;
