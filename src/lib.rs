//! Treering is an embedded trace store: OTLP spans in, one local file, structural `TraceQL` out.
//!
//! ```
//! use treering::{Batch, Options, SearchOptions, SpanId, Store, TraceId, model::Span};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("traces.redb");
//! let store = Store::open(path, Options::default())?;
//!
//! let trace_id = TraceId::from_bytes([1; 16]);
//! let (parent, child) = (SpanId::from_bytes([1; 8]), SpanId::from_bytes([2; 8]));
//! let request = Span { trace_id, span_id: parent, name: "GET /cart".into(), ..Span::default() };
//! let mut call = Span { span_id: child, name: "SELECT".into(), ..request.clone() };
//! call.parent_span_id = Some(parent);
//!
//! let mut batch = Batch::new();
//! batch.push(&request)?; // or whole OTLP requests: `push_protobuf`, `push_json`
//! batch.push(&call)?;
//! store.ingest(batch)?; // durable, and seen by the next search
//!
//! let query = "{ name =~ `GET .*` } >> { name = `SELECT` }";
//! let found = store.search(query, &SearchOptions::default())?;
//! assert_eq!(found.traces[0].spansets[0].spans[0].span_id, child);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to read on
//!
//! The [`guide`] goes from installing to recipes for common questions; the [`language`] is the reference of
//! queries. Then, by what is to be done:
//!
//! | | |
//! |---|---|
//! | open a store | [`Store::open`] with [`Options`], [`Store::open_read_only`] beside a service |
//! | take spans in | [`Batch`], [`Store::ingest`]; [`model::Span`], [`otlp`] |
//! | ask | [`Store::search`], [`Store::matches`], [`Store::count`], with [`SearchOptions`]; [`PreparedQuery`] |
//! | go through pages, in an order | [`Order`], [`Cursor`] |
//! | stop what takes too long | [`SearchOptions::deadline`], [`CancelToken`]; likewise in [`TagOptions`] |
//! | see a whole trace | [`Store::trace`], which `Display` draws; [`model::Trace::waterfall`] |
//! | find out what there is | [`Store::tag_names`], [`Store::tag_values`], [`Store::stats`] |
//! | say what is wrong with a query | [`query::QueryError::report`], [`query::check`], [`Store::explain`] |
//! | keep it small | [`Options::bytes_max`], [`Options::retention_age`], [`Store::delete_where`], [`Store::purge`] |
//! | look after it | [`Store::verify`], [`Store::salvage`], [`Store::backup`], [`Store::resume`], [`Event`] |
//! | act on a failure | [`Error::kind`] |
//!
//! A [`Store`] can be used from any thread, and its clones are the same store; all that can be asked takes `&self`.
//! The file is described in `docs/format.md`, how it all works in `ARCHITECTURE.md`.
//!
//! # Features
//!
//! `json`, on by default, reads and writes OTLP/JSON. OTLP protobuf is always there.

mod block;
mod codec;
mod error;
mod foreground;
mod head;
mod id;
mod kind;
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
pub use kind::ErrorKind;
pub use options::{Durability, Limits, Maintenance, Options};
pub use search::{
    CancelToken, Counts, Cursor, Explanation, Order, ParseCursorError, ParseTagScopeError,
    PreparedQuery, ScopeTags, SearchOptions, TagName, TagNames, TagOptions, TagScope, TagValue,
    TagValues, ToQuery,
};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use store::fuzzing;
pub use store::{
    Batch, Event, Fault, Ingested, Maintained, Matches, Place, Purged, Salvaged, Stats, Store,
    Verification, Work,
};
pub use time::Timestamp;

#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

#[doc = include_str!("../docs/traceql.md")]
pub mod language {}

/// The examples of the README, compiled as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
