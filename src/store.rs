//! The handle that users hold.

use std::path::Path;

use crate::error::Error;
use crate::id::TraceId;
use crate::model::{Span, Trace};
use crate::options::Options;
use crate::otlp::Rejection;
use crate::query::SearchResult;
use crate::time::Timestamp;

/// A trace store in one file. Cheap to clone; clones share the store.
#[derive(Debug, Clone)]
pub struct Store {}

/// Spans to be stored together, durably and at once.
#[derive(Debug, Default)]
pub struct Batch {}

/// What an ingest stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Ingested {
    /// Spans stored that were not there before.
    pub spans: u64,
    /// Traces that the batch had spans of.
    pub traces: u64,
    /// Spans that were there already, equal in every field.
    pub duplicates: u64,
    /// Spans that were there already with other content.
    pub replaced: u64,
}

/// What a search should look at and give back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchOptions {
    /// Only traces that end at or after this time. Default none.
    pub start: Option<Timestamp>,
    /// Only traces that start at or before this time. Default none.
    pub end: Option<Timestamp>,
    /// Most traces to return, newest first; `None` for all. Default 20.
    pub limit: Option<usize>,
    /// Most spans to return of a spanset; `None` for all. Default 3.
    pub spans_per_spanset: Option<usize>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { start: None, end: None, limit: Some(20), spans_per_spanset: Some(3) }
    }
}

/// How a search runs; `Display` is the text for people.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The plan and its figures, one step a line.
    pub text: String,
}

/// Figures about a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Spans stored.
    pub spans: u64,
    /// Traces stored.
    pub traces: u64,
    /// Blocks.
    pub blocks: u64,
    /// Length of the file in bytes; parts of it may be sparse.
    pub file_bytes: u64,
    /// Bytes the file takes on disk.
    pub allocated_bytes: u64,
    /// Bytes stored, by kind of section.
    pub section_bytes: Vec<(String, u64)>,
    /// Earliest start and latest end of the stored spans.
    pub time_range: Option<(Timestamp, Timestamp)>,
    /// Spans that came again with other content, so far.
    pub replaced_spans: u64,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a span.
    ///
    /// # Errors
    /// If the span has an all-zero id or is beyond a limit.
    pub fn push(&mut self, _span: &Span) -> Result<(), Rejection> {
        Ok(())
    }

    /// Adds the spans of an OTLP protobuf request; gives back what was left out.
    ///
    /// # Errors
    /// If the request cannot be read as a whole; what was read before stays in the batch.
    pub fn push_protobuf(&mut self, _request: &[u8]) -> Result<Vec<Rejection>, Error> {
        Err(Error::Unsupported("ingest"))
    }

    /// Adds the spans of an OTLP/JSON request; gives back what was left out.
    ///
    /// # Errors
    /// If the request cannot be read as a whole; what was read before stays in the batch.
    #[cfg(feature = "json")]
    pub fn push_json(&mut self, _request: &[u8]) -> Result<Vec<Rejection>, Error> {
        Err(Error::Unsupported("ingest"))
    }

    /// Spans in the batch.
    pub fn len(&self) -> usize {
        0
    }

    /// True without spans.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store {
    /// Opens the store at `path`, or makes it.
    ///
    /// # Errors
    /// If the file cannot be read or written, is open elsewhere, or is no Treering store.
    pub fn open(_path: impl AsRef<Path>, _options: Options) -> Result<Self, Error> {
        Err(Error::Unsupported("open"))
    }

    /// Stores the spans of `batch`: when this returns they are durable, and the next search sees them.
    ///
    /// # Errors
    /// If the file cannot be written; then nothing of the batch is stored.
    pub fn ingest(&self, _batch: Batch) -> Result<Ingested, Error> {
        Err(Error::Unsupported("ingest"))
    }

    /// The traces in which `query` finds spans.
    ///
    /// # Errors
    /// If the query is wrong, or the file cannot be read.
    pub fn search(&self, _query: &str, _options: &SearchOptions) -> Result<SearchResult, Error> {
        Err(Error::Unsupported("search"))
    }

    /// How `query` would run, and what running it took.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn explain(&self, _query: &str, _options: &SearchOptions) -> Result<Explanation, Error> {
        Err(Error::Unsupported("explain"))
    }

    /// The whole trace with this id.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn trace(&self, _id: TraceId) -> Result<Option<Trace>, Error> {
        Err(Error::Unsupported("trace"))
    }

    /// Figures about the store.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn stats(&self) -> Result<Stats, Error> {
        Err(Error::Unsupported("stats"))
    }
}
