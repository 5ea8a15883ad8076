//! Making small spans and stores, and reading everything back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use treering::model::Span;
use treering::{
    Batch, Ingested, Maintenance, Options, SearchOptions, SpanId, Store, Timestamp, TraceId,
};

/// Spans by trace, in order of span id.
pub(crate) type Content = BTreeMap<TraceId, BTreeSet<Span>>;

/// A path for a store, gone with the folder.
pub(crate) struct Place {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.redb");
    Place { _folder: folder, path }
}

/// Options with blocks of at most `block_rows_max` rows.
pub(crate) fn blocks_of(block_rows_max: u32) -> Options {
    let mut options = Options::default();
    options.block_rows_max = block_rows_max;
    options
}

/// The same, maintained by hand only, so that what is in which block is known.
pub(crate) fn by_hand(block_rows_max: u32) -> Options {
    let mut options = blocks_of(block_rows_max);
    options.maintenance = Maintenance::ByHand;
    options
}

pub(crate) fn trace_id(number: u64) -> TraceId {
    TraceId::from_bytes((u128::from(number) + 1).swap_bytes().to_le_bytes())
}

pub(crate) fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes((number + 1).swap_bytes().to_le_bytes())
}

pub(crate) fn time(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

/// Span `number` of trace `trace`, child of span 0, a nanosecond long at `start`.
pub(crate) fn span(trace: u64, number: u64, start: u64) -> Span {
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(number),
        parent_span_id: (number > 0).then(|| span_id(0)),
        name: format!("span {number}"),
        start: time(start),
        end: time(start.saturating_add(1)),
        ..Span::default()
    }
}

pub(crate) fn ingest<'a>(store: &Store, spans: impl IntoIterator<Item = &'a Span>) -> Ingested {
    let mut batch = Batch::new();
    for span in spans {
        batch.push(span).unwrap();
    }
    store.ingest(batch).unwrap()
}

/// Adds spans to what a store is to hold.
pub(crate) fn add<'a>(content: &mut Content, spans: impl IntoIterator<Item = &'a Span>) {
    for span in spans {
        content.entry(span.trace_id).or_default().insert(span.clone());
    }
}

/// Fails unless the store holds `content` and nothing else, each trace in one place.
pub(crate) fn assert_holds(store: &Store, content: &Content, when: &str) {
    let found = store.search("{ }", &SearchOptions::all()).unwrap();
    let mut ids: Vec<TraceId> = found.traces.iter().map(|trace| trace.trace_id).collect();
    ids.sort_unstable();
    assert!(ids.iter().eq(content.keys()), "{when}: {} of {} traces", ids.len(), content.len());
    for trace in &found.traces {
        let expected = &content[&trace.trace_id];
        assert_eq!(trace.spansets.len(), 1, "{when}");
        assert_eq!(trace.spansets[0].spans.len(), expected.len(), "{when}: {}", trace.trace_id);
        let stored = store.trace(trace.trace_id).unwrap().unwrap();
        assert_eq!(stored.spans().len(), expected.len(), "{when}: {}", trace.trace_id);
        let stored: BTreeSet<Span> = stored.into_spans().into_iter().collect();
        assert_eq!(&stored, expected, "{when}: {}", trace.trace_id);
    }
    let spans: usize = content.values().map(BTreeSet::len).sum();
    let (stats, counts) = (store.stats().unwrap(), store.count("{ }", &SearchOptions::all()));
    let counts = counts.unwrap();
    let wanted = u64::try_from(spans).unwrap();
    assert_eq!((stats.spans, counts.spans), (wanted, wanted), "{when}");
    let traces = u64::try_from(content.len()).unwrap();
    assert_eq!((stats.traces, counts.traces), (traces, traces), "{when}");
    let all = || content.values().flatten();
    let first = all().map(|span| span.start).min();
    let last = all().map(|span| span.end.max(span.start)).max();
    assert_eq!(stats.time_range, first.zip(last), "{when}");
}

/// Numbers without order that are the same every time (xorshift64, Marsaglia 2003).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}
