//! Making spans, stores and exporters, and reading everything back.

use std::borrow::Cow;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use treering::{Options, SearchOptions, Store};
use treering_opentelemetry::{ExporterHandle, ExporterOptions, ExporterStats, Notice};

/// Long enough for whatever does end, so that a test of what does not fails in the end.
pub(crate) const LONG: Duration = Duration::from_secs(120);

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

pub(crate) fn open(place: &Place) -> Store {
    Store::open(&place.path, Options::default()).unwrap()
}

/// Spans that are found in a store.
pub(crate) fn stored(store: &Store) -> u64 {
    store.count("{ }", &SearchOptions::all()).unwrap().spans
}

/// Options under which nothing is stored before it is flushed or much.
pub(crate) fn patient() -> ExporterOptions {
    let mut options = ExporterOptions::default();
    (options.linger, options.flush_timeout) = (LONG, LONG);
    options
}

/// Span `number` of trace `trace`; a number is an id, and 0 is none.
pub(crate) fn span(trace: u128, number: u64) -> SpanData {
    SpanData {
        span_context: context(trace, number),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: Cow::Borrowed("work"),
        start_time: after_epoch(1_000),
        end_time: after_epoch(2_000),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("tests").build(),
    }
}

/// A span with an attribute of so many bytes.
pub(crate) fn heavy(trace: u128, number: u64, bytes: usize) -> SpanData {
    SpanData {
        attributes: vec![KeyValue::new("payload", "x".repeat(bytes))],
        ..span(trace, number)
    }
}

pub(crate) fn context(trace: u128, number: u64) -> SpanContext {
    let (trace, number) = (TraceId::from(trace), SpanId::from(number));
    SpanContext::new(trace, number, TraceFlags::SAMPLED, false, TraceState::default())
}

pub(crate) fn after_epoch(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// What exporting gives; it never waits by way of its future.
pub(crate) fn export(exporter: &impl SpanExporter, spans: Vec<SpanData>) -> OTelSdkResult {
    let future = pin!(exporter.export(spans));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("export is done when it returns"),
    }
}

/// The figures, of which each span is in exactly one.
#[track_caller]
pub(crate) fn stats_of(handle: &ExporterHandle, came: u64) -> ExporterStats {
    let stats = handle.stats();
    let sum = stats.exported + stats.queued + stats.dropped.total();
    assert_eq!(sum, came, "{stats:?}");
    stats
}

/// A handler, and what it was told.
pub(crate) fn listener() -> (impl Fn(&Notice<'_>) + Send + 'static, Receiver<String>) {
    let (tell, told) = channel();
    (move |notice: &Notice<'_>| tell.send(notice.to_string()).unwrap(), told)
}

pub(crate) fn all(told: &Receiver<String>) -> Vec<String> {
    told.try_iter().collect()
}

/// A handler that keeps the exporter's thread from going on, until the sender is dropped.
pub(crate) fn stopper() -> (impl Fn(&Notice<'_>) + Send + 'static, Receiver<()>, Sender<()>) {
    let (reached, is_reached) = channel();
    let (release, released) = channel::<()>();
    let handler = move |_: &Notice<'_>| {
        // The first time only; nobody listens afterwards.
        let _listened = reached.send(());
        let _released = released.recv();
    };
    (handler, is_reached, release)
}
