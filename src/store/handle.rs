//! The store's handle: opening, and what readers ask.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::background::Background;
use super::batch::Batch;
use super::events::{Event, Handler};
use super::ingest::Ingested;
use super::maintain::Maintained;
use super::matches::Matches;
use super::salvage::{self, Salvaged};
use super::shared::Shared;
use super::stats::{self, Stats};
use super::verify::{self, Verification};
use crate::error::Error;
use crate::id::TraceId;
use crate::model::Trace;
use crate::options::Options;
use crate::query::{self, SearchResult, TraceMatch};
use crate::search::{
    self, Explanation, Findings, SearchOptions, TagNames, TagOptions, TagScope, TagValues, ToQuery,
};

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
    /// Dropped before what it works on.
    background: Arc<Option<Background>>,
    pub(super) shared: Arc<Shared>,
}

impl Store {
    /// Opens the store at `path`, or makes it, readable by its owner alone. Cost: in proportion to
    /// the number of blocks, not of spans.
    ///
    /// ```
    /// use treering::{Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("traces.redb");
    /// let mut options = Options::default();
    /// options.bytes_max = Some(500 << 20); // the oldest traces go when the file takes 500 MiB
    /// let store = Store::open(path, options)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// redb may panic on a damaged file. Here that becomes an error, as long as panics unwind, which
    /// is the default; a program built with `panic = "abort"` ends there.
    ///
    /// # Errors
    /// If the file cannot be read or written, is open already, is no Treering store or is damaged,
    /// or if an option is out of its range.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        Self::open_as(path.as_ref(), options, Handler::default())
    }

    /// As [`Store::open`], and tells `handler` what the store does beside what it is asked, opening
    /// included. It is called by the store's own threads and by threads that wait for the store, so it
    /// should return at once, and must not call the store.
    ///
    /// ```
    /// use treering::{Event, Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("traces.redb");
    /// let store = Store::open_with(path, Options::default(), |event| {
    ///     if let Event::Failed(work, error) = event {
    ///         eprintln!("{work:?} failed: {error}");
    ///     }
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        path: impl AsRef<Path>,
        options: Options,
        handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::open_as(path.as_ref(), options, Handler::new(handler))
    }

    fn open_as(path: &Path, options: Options, handler: Handler) -> Result<Self, Error> {
        let shared = Arc::new(Shared::open(path, options, handler)?);
        let background = Background::start(&shared).map_err(|cause| Error::Thread { cause })?;
        Ok(Self { background: Arc::new(background), shared })
    }

    /// Opens the store at `path` to read it, also while another process, or this one, has it open to
    /// write. Each question is answered from the newest commit there is when it is asked: what another
    /// process took in is seen from the moment its `ingest` returns. The file is never written to; what
    /// would write is [`Error::ReadOnly`].
    ///
    /// Cost: as [`Store::open`], and where the other process sealed or compacted since the last
    /// question, as much again; what only came to its journal is read alone. While a question is
    /// answered, pages that the writer frees are not used anew, so a long one lets the file grow.
    ///
    /// ```
    /// use treering::{Options, SearchOptions, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("traces.redb");
    /// # let service = Store::open(&path, Options::default())?;
    /// let beside = Store::open_read_only(&path, Options::default())?;
    /// let errors = beside.count("{ status = error }", &SearchOptions::default())?;
    /// # assert_eq!(errors.traces, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::open`]; and if there is no store, or if another process has it open to write with
    /// [`Durability::Within`](crate::Durability::Within), which does not share it. Files are shared
    /// on Linux, Apple's systems and Windows.
    pub fn open_read_only(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let shared = Arc::new(Shared::open_read_only(path.as_ref(), options)?);
        Ok(Self { background: Arc::new(None), shared })
    }

    /// A handle on a store that nobody maintains.
    #[cfg(test)]
    pub(super) fn on(shared: Arc<Shared>) -> Self {
        Self { background: Arc::new(None), shared }
    }

    /// An empty batch within the store's [`Limits`](crate::Limits) of values and lists.
    pub fn batch(&self) -> Batch {
        Batch::within(self.shared.options.limits.clone())
    }

    /// Stores the spans of `batch`: when this returns they are durable, and the next search on any
    /// thread sees them, each trace whole. Writers wait for one another, and for searches that run, 4 ms of
    /// every 32 at most; readers do not wait. A batch of 32,768 spans or more is put in order and built on two
    /// threads, one of which ends with the call.
    ///
    /// A span that is there already, equal in every field, is dropped. Of spans with one trace id,
    /// span id, kind and start, the one that ends later stays, then the greater in its other fields.
    ///
    /// ```
    /// use treering::{Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// # let request = Vec::new();
    /// let mut batch = store.batch();
    /// for rejection in batch.push_protobuf(&request)? {
    ///     eprintln!("left out: {rejection}");
    /// }
    /// let ingested = store.ingest(batch)?;
    /// println!("{} spans, {} of them refused", ingested.spans, ingested.refused);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the batch is beyond a limit ([`Error::BatchTooLarge`]). If the file cannot be written; then
    /// nothing of the batch is stored, and the store takes no more before
    /// [`Store::resume`], or until it is opened anew.
    pub fn ingest(&self, batch: Batch) -> Result<Ingested, Error> {
        self.shared.writable()?;
        self.shared.foreground.let_by();
        let ingested = self.shared.ingest(batch.staging)?;
        if let Some(background) = self.background.as_ref() {
            background.wake();
            self.shared.help_folding();
        }
        Ok(ingested)
    }

    /// Moves what is in memory to blocks of the file, makes large blocks of small ones, and removes
    /// what is read no more and what retention lets go. Where the file takes more than
    /// [`Options::bytes_max`], it is made smaller, and readers wait meanwhile. A thread of the store does the same when it is due
    /// ([`Options::maintenance`]), but for the last. Cost: what it writes, several times the time of taking it in.
    ///
    /// # Errors
    /// If the file cannot be read or written; what was acknowledged stays in the journal.
    pub fn maintain(&self) -> Result<Maintained, Error> {
        self.shared.writable()?;
        self.shared.maintain()
    }

    /// Deletes whole traces, whatever of them is stored; gives how many there were. When this returns
    /// they are gone from every answer, durably; spans of theirs that come later start new traces.
    /// Their bytes leave the file with [`Store::purge`]. Cost: a look into each block for each id; it
    /// waits for a seal or a compaction that is under way.
    ///
    /// ```
    /// use treering::{Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let deleted = store.delete(&["4bf92f3577b34da6a3ce929d0e0e4736".parse()?])?;
    /// # assert_eq!(deleted, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read or written; then nothing is deleted.
    pub fn delete(&self, ids: &[TraceId]) -> Result<u64, Error> {
        self.shared.writable()?;
        self.shared.delete(ids)
    }

    /// Has a store write again that refuses to since a write failed, as where the disk was full: the file
    /// is opened anew, and what it holds counts, as after [`Store::open`]. False where no write had
    /// failed. With [`Durability::Within`](crate::Durability::Within) what was not yet durable is gone
    /// from the answers; a search under way may end in [`Error::SnapshotExpired`]. Cost: as
    /// [`Store::open`]; writers wait meanwhile.
    ///
    /// # Errors
    /// If the file still cannot be read or written, or is damaged; then the store goes on to refuse
    /// writes, and this may be called again.
    pub fn resume(&self) -> Result<bool, Error> {
        self.shared.writable()?;
        self.shared.resume()
    }

    /// Moves what is in memory to blocks of the file and gives what maintenance failed with, if it
    /// did. Without it nothing is lost, but opening reads more.
    ///
    /// # Errors
    /// If the file cannot be read or written, now or the last time that a thread of the store tried.
    pub fn close(self) -> Result<(), Error> {
        let Self { background, shared } = self;
        drop(background);
        if shared.storage.is_read_only() {
            return Ok(());
        }
        shared.close()
    }

    /// The traces in which `query` finds spans, newest first unless `options` say otherwise. `query` is
    /// a text, or a [`PreparedQuery`](crate::PreparedQuery).
    ///
    /// ```
    /// use treering::{Options, Store, SearchOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let mut options = SearchOptions::default();
    /// options.limit = Some(100);
    /// let found = store.search("{ status = error }", &options)?;
    /// if found.partial {
    ///     // It was stopped by a deadline, a token or a limit of bytes; there is none here.
    /// }
    /// for one in &found.traces {
    ///     println!("{} {}", one.trace_id, one.root_name);
    /// }
    /// # assert!(found.traces.is_empty() && !found.partial);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the query is wrong, the options do not go together, or the file cannot be read; where the
    /// store has a cap on bytes, also if what is being read was dropped too long ago
    /// ([`Error::SnapshotExpired`]).
    pub fn search(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
    ) -> Result<SearchResult, Error> {
        let _running = self.shared.foreground.run();
        let mut found = self.matches(query, options)?;
        let traces = found.by_ref().collect::<Result<_, _>>()?;
        Ok(SearchResult { traces, ..found.into_outcome() })
    }

    /// As [`Store::search`], but makes traces when they are asked for, some at a time, so that an answer
    /// of any size takes little memory.
    ///
    /// ```
    /// # use treering::{Error, Options, SearchOptions, Store};
    /// # fn slowest(store: &Store) -> Result<(), Error> {
    /// for found in store.matches("{ status = error }", &SearchOptions::all())? {
    ///     let found = found?;
    ///     println!("{} {}", found.trace_id, found.root_name);
    /// }
    /// # Ok(())
    /// # }
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = Store::open(folder.path().join("s"), Options::default()).unwrap();
    /// # slowest(&store).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn matches(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
    ) -> Result<Matches, Error> {
        let query = self.shared.prepare(query, options)?;
        self.shared.asked.searched(&query, options);
        let _running = self.shared.foreground.run();
        let views = self.shared.base()?.newest_first();
        let found = Findings::new(&self.shared.pool, &views, query.prepared(), options)?;
        Ok(Matches::new(found))
    }

    /// As [`Store::search`], but hands each trace to `each` when it is made; `each` may end the search.
    /// What is given back has no traces.
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn search_each(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
        mut each: impl FnMut(TraceMatch) -> ControlFlow<()>,
    ) -> Result<SearchResult, Error> {
        let mut found = self.matches(query, options)?;
        for one in found.by_ref() {
            if each(one?).is_break() {
                break;
            }
        }
        Ok(found.into_outcome())
    }

    /// How many traces and spans `query` finds: a search that builds no results. The limits of
    /// `options` do not apply, its time range does.
    ///
    /// ```
    /// use treering::{Options, SearchOptions, Store, Timestamp};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let mut options = SearchOptions::default();
    /// options.start = Some(Timestamp::from_unix_nanos(1_795_334_400_000_000_000));
    /// let slow = store.count("{ kind = server && duration > 1s }", &options)?;
    /// println!("{} traces since then", slow.traces);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn count(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
    ) -> Result<search::Counts, Error> {
        let query = self.shared.prepare(query, options)?;
        self.shared.asked.counted(&query);
        let _running = self.shared.foreground.run();
        let views = self.shared.base()?.newest_first();
        Ok(search::count(&self.shared.pool, &views, query.prepared(), options)?)
    }

    /// How `query` runs, and what running it took.
    ///
    /// ```
    /// use treering::{Options, SearchOptions, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let all = SearchOptions::all();
    /// println!("{}", store.explain("{ name = `GET /cart` } >> { status = error }", &all)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn explain(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
    ) -> Result<Explanation, Error> {
        let query = self.shared.prepare(query, options)?;
        let _running = self.shared.foreground.run();
        let views = self.shared.base()?.newest_first();
        Ok(search::explain(&self.shared.pool, &views, query.prepared(), options)?)
    }

    /// The names of attributes and intrinsics, of one scope or of all, each with the types of its
    /// values and how often it is there; with a `query`, on the spans that it finds. Cost without
    /// one: directories of columns, and the dictionaries of those that hold arrays.
    ///
    /// ```
    /// use treering::{Options, Store, TagOptions, TagScope};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let errors = Some("{ status = error }");
    /// let found = store.tag_names(Some(TagScope::Span), errors, &TagOptions::default())?;
    /// for tag in found.scopes.iter().flat_map(|scope| &scope.tags) {
    ///     println!("{} on {} spans that failed", tag.name, tag.count);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Store::search`].
    pub fn tag_names(
        &self,
        scope: Option<TagScope>,
        query: Option<&str>,
        options: &TagOptions,
    ) -> Result<TagNames, Error> {
        let prepared = query.map(|query| self.shared.known.query(query)).transpose()?;
        let prepared = prepared.as_ref().map(|query| query.prepared().as_ref());
        let _running = self.shared.foreground.run();
        let views = self.shared.base()?.newest_first();
        Ok(search::tag_names(&views, scope, prepared, options)?)
    }

    /// The values of a field, written as in a query (`.http.method`, `status`), the most frequent
    /// first; with a `query`, on the spans that it finds. Cost: the dictionaries and value numbers of the
    /// field's columns; a field that no column holds (`duration`, ids, those of parents) is computed
    /// for every span.
    ///
    /// ```
    /// use treering::{Options, Store, TagOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let found = store.tag_values("resource.service.name", None, &TagOptions::default())?;
    /// for one in &found.values {
    ///     println!("{} on {} spans", one.value, one.count);
    /// }
    /// # assert!(found.values.is_empty());
    /// # Ok(())
    /// # }
    /// ```
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
        let prepared = query.map(|query| self.shared.known.query(query)).transpose()?;
        let prepared = prepared.as_ref().map(|query| query.prepared().as_ref());
        let _running = self.shared.foreground.run();
        let views = self.shared.base()?.newest_first();
        Ok(search::tag_values(&views, &field, prepared, options)?)
    }

    /// The whole trace with this id; `None` where no span of it is stored. Spans have every field that they
    /// came with, attributes in the order of their keys. Cost: a filter look-up a
    /// block, then one look at each column of its block that has values on both sides of its rows.
    ///
    /// ```
    /// use treering::{Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// match store.trace("4bf92f3577b34da6a3ce929d0e0e4736".parse()?)? {
    ///     Some(trace) => println!("{trace}"), // a waterfall
    ///     None => println!("no such trace"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn trace(&self, id: TraceId) -> Result<Option<Trace>, Error> {
        let _running = self.shared.foreground.run();
        let views = self.shared.base()?.newest_first();
        Ok(search::trace(&views, id)?)
    }

    /// Reads all of the store's file and says what of it is broken, if anything, and which traces that
    /// touches: checksums, all sections of all blocks and what they say of one another, journal, and
    /// at last redb's own pages. Cost: several times reading everything, of one instant: others go on,
    /// and what they remove meanwhile takes its place in the file until then. While redb checks its
    /// pages (some 0.7 s a GB) all others wait.
    ///
    /// ```
    /// use treering::{Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// let report = store.verify()?;
    /// for fault in &report.faults {
    ///     println!("{fault:?}");
    /// }
    /// # assert!(report.faults.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read at all. What is broken is no error, but in the report.
    pub fn verify(&self) -> Result<Verification, Error> {
        self.shared.verify()
    }

    /// The same for a file, whoever has it open, and also where [`Store::open`] refuses it. The file
    /// does not change. redb's own pages are checked where no process has it open to write.
    ///
    /// # Errors
    /// If redb cannot make out its newest commit.
    pub fn verify_file(path: impl AsRef<Path>) -> Result<Verification, Error> {
        verify::verify_file(path.as_ref())
    }

    /// Copies what is whole of a damaged store to a new one at `out`, trace by trace, also where
    /// [`Store::open`] refuses the file, which does not change. Cost: as taking everything in again.
    ///
    /// The new store is written with `options`, best those that it will be opened with: they say how
    /// large its blocks and chunks are and how much memory is used. But nothing is cut, refused or
    /// dropped of what had been stored: [`Options::limits`], [`Options::retention_age`],
    /// [`Options::bytes_max`] and [`Options::service_share_max`] begin to hold when the new store is
    /// opened with them. It is maintained by hand, whatever [`Options::maintenance`] says.
    ///
    /// # Errors
    /// If there is something at `out`, if it cannot be written, if an option is out of its range, or
    /// if redb cannot make out the newest commit of the file at `path`.
    pub fn salvage(
        path: impl AsRef<Path>,
        out: impl AsRef<Path>,
        options: Options,
    ) -> Result<Salvaged, Error> {
        salvage::salvage(path.as_ref(), out.as_ref(), options)
    }

    /// Copies the store as of now to a new file at `path`, while others go on to read and write. The
    /// copy is written beside it, as `path.part`, and gets its name when it is whole. Cost: reading
    /// and writing all bytes of blocks once, one block in memory at a time.
    ///
    /// ```
    /// use treering::{Options, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
    /// # let copy = folder.path().join("copy.redb");
    /// store.backup(&copy)?;
    /// let of_then = Store::open_read_only(&copy, Options::default())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is something at `path` or at `path.part` already, if it cannot be written, or if a
    /// block of the store cannot be read: a damaged store is for [`Store::salvage`].
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.shared.backup(path.as_ref())
    }

    /// Figures about the store. Cost: one chunk a block; of blocks with traces that have moved or were
    /// deleted, the times of their traces too.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn stats(&self) -> Result<Stats, Error> {
        stats::stats(&self.shared)
    }
}
