//! The store's handle: opening, and what readers ask.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::batch::Batch;
use super::ingest::{self, Ingested, Writer};
use super::snapshot::{Snapshot, open_block};
use super::stats::{self, Stats};
use crate::block::{Cache, Chunks};
use crate::error::Error;
use crate::id::TraceId;
use crate::model::Trace;
use crate::options::Options;
use crate::query::{self, SearchResult, TraceMatch};
use crate::search::{
    self, Explanation, Order, Pool, Prepared, SearchOptions, TagNames, TagOptions, TagScope,
    TagValues,
};
use crate::storage::Storage;

/// A trace store in one file. Cheap to clone; clones share the store. The last one to be dropped ends
/// the threads that the store keeps for queries, and closes the file.
///
/// ```
/// use treering::{Batch, Options, SearchOptions, SpanId, Store, TraceId, model::Span};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("traces.redb");
/// let store = Store::open(path, Options::default())?;
/// let mut batch = Batch::new();
/// batch.push(&Span {
///     trace_id: TraceId::from_bytes([1; 16]),
///     span_id: SpanId::from_bytes([2; 8]),
///     name: "GET /cart".to_owned(),
///     ..Span::default()
/// })?;
/// store.ingest(batch)?;
/// let found = store.search("{ name =~ \"GET.*\" }", &SearchOptions::default())?;
/// assert_eq!(found.traces.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

/// What clones of a handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) storage: Arc<Storage>,
    pub(super) cache: Arc<Cache>,
    pub(super) options: Options,
    pub(super) pool: Pool,
    pub(super) snapshot: RwLock<Arc<Snapshot>>,
    pub(super) writer: Mutex<Writer>,
}

impl Shared {
    /// The newest snapshot.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes `snapshot` the one that readers get from now on.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// Checks and plans a query, and checks that the options go together.
fn prepare(query: &str, options: &SearchOptions) -> Result<Arc<Prepared>, Error> {
    if options.after.is_some() && !matches!(options.order, Order::NewestFirst | Order::OldestFirst)
    {
        let message = "`after` goes with an order by start, newest or oldest first";
        return Err(Error::Options(message.to_owned()));
    }
    prepared(query).map(Arc::new)
}

impl Store {
    /// Opens the store at `path`, or makes it, readable by its owner alone. Cost: in proportion to
    /// the number of blocks, not of spans.
    ///
    /// redb may panic on a damaged file. Here that becomes an error, as long as panics unwind, which
    /// is the default; a program built with `panic = "abort"` ends there.
    ///
    /// # Errors
    /// If the file cannot be read or written, is open already, is no Treering store or is damaged,
    /// or if an option is out of its range.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        options.check().map_err(Error::Options)?;
        let (storage, opened) = Storage::open(path.as_ref(), &options)?;
        let storage = Arc::new(storage);
        let cache = Arc::new(Cache::new(options.cache_bytes));
        let mut snapshot =
            Snapshot { replaced_spans: opened.counters.replaced_spans, ..Snapshot::default() };
        for record in opened.blocks {
            let chunks: Arc<dyn Chunks> = Arc::<Storage>::clone(&storage);
            let block = open_block(&record, chunks, Arc::clone(&cache));
            let masked = opened.masks.get(&record.id).cloned().unwrap_or_default();
            snapshot.put(record, block, masked);
        }
        let shared = Shared {
            storage,
            cache,
            pool: Pool::new(options.query_threads),
            options,
            snapshot: RwLock::new(Arc::new(snapshot)),
            writer: Mutex::new(Writer::new(opened.counters)),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Stores the spans of `batch`: when this returns they are durable, and the next search on any
    /// thread sees them, each trace whole. Writers wait for one another; readers do not wait.
    ///
    /// A span that is there already, equal in every field, is dropped. Of spans with one trace id,
    /// span id, kind and start, the one that ends later stays, then the greater in its other fields.
    ///
    /// # Errors
    /// If the file cannot be written; then nothing of the batch is stored, and the store takes no
    /// more until it is opened anew.
    pub fn ingest(&self, batch: Batch) -> Result<Ingested, Error> {
        ingest::ingest(&self.shared, batch.staging)
    }

    /// The traces in which `query` finds spans, newest first unless `options` say otherwise.
    ///
    /// # Errors
    /// If the query is wrong, the options do not go together, or the file cannot be read.
    pub fn search(&self, query: &str, options: &SearchOptions) -> Result<SearchResult, Error> {
        let plan = prepare(query, options)?;
        let views = self.shared.snapshot().newest_first();
        Ok(search::search(&self.shared.pool, &views, &plan, options)?)
    }

    /// As [`Store::search`], but hands each trace to `each` when it is made, so that an answer of any
    /// size takes little memory; `each` may end the search. What is given back has no traces.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn search_each(
        &self,
        query: &str,
        options: &SearchOptions,
        mut each: impl FnMut(TraceMatch) -> ControlFlow<()>,
    ) -> Result<SearchResult, Error> {
        let plan = prepare(query, options)?;
        let views = self.shared.snapshot().newest_first();
        Ok(search::search_each(&self.shared.pool, &views, &plan, options, &mut each)?)
    }

    /// How many traces and spans `query` finds: a search that builds no results. The limits of
    /// `options` do not apply, its time range does.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn count(&self, query: &str, options: &SearchOptions) -> Result<search::Counts, Error> {
        let plan = prepare(query, options)?;
        let views = self.shared.snapshot().newest_first();
        Ok(search::count(&self.shared.pool, &views, &plan, options)?)
    }

    /// How `query` runs, and what running it took.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn explain(&self, query: &str, options: &SearchOptions) -> Result<Explanation, Error> {
        let plan = prepare(query, options)?;
        let views = self.shared.snapshot().newest_first();
        Ok(search::explain(&self.shared.pool, &views, &plan, options)?)
    }

    /// The names of attributes and intrinsics, of one scope or of all, each with the types of its
    /// values and how often it is there; with a `query`, on the spans that it finds. Cost without
    /// one: directories of columns, and the dictionaries of those that hold arrays.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn tag_names(
        &self,
        scope: Option<TagScope>,
        query: Option<&str>,
        options: &TagOptions,
    ) -> Result<TagNames, Error> {
        let prepared = query.map(prepared).transpose()?;
        let views = self.shared.snapshot().newest_first();
        Ok(search::tag_names(&views, scope, prepared.as_ref(), options)?)
    }

    /// The values of a field, written as in a query (`.http.method`, `status`), the most frequent
    /// first; with a `query`, on the spans that it finds. Cost: the dictionaries and value numbers of the
    /// field's columns; a field that no column holds (`duration`, ids, those of parents) is computed
    /// for every span.
    ///
    /// # Errors
    /// If `field` is no field; else as [`Store::search`].
    pub fn tag_values(
        &self,
        field: &str,
        query: Option<&str>,
        options: &TagOptions,
    ) -> Result<TagValues, Error> {
        let field = query::field(field)?;
        let prepared = query.map(prepared).transpose()?;
        let views = self.shared.snapshot().newest_first();
        Ok(search::tag_values(&views, &field, prepared.as_ref(), options)?)
    }

    /// The whole trace with this id; `None` where no span of it is stored. Cost: a filter look-up a
    /// block, then one look at each column of its block that has values on both sides of its rows.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn trace(&self, id: TraceId) -> Result<Option<Trace>, Error> {
        let views = self.shared.snapshot().newest_first();
        Ok(search::trace(&views, id)?)
    }

    /// Figures about the store. Cost: one chunk a block.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn stats(&self) -> Result<Stats, Error> {
        stats::stats(&self.shared)
    }
}

fn prepared(query: &str) -> Result<Prepared, Error> {
    Ok(search::prepare(&query::check(query)?)?)
}
