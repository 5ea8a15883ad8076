//! The process whose files may not grow.

#![expect(clippy::unwrap_used, reason = "a test without harness")]

use std::borrow::Cow;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use rustix::process::{Resource, getrlimit, setrlimit};
use treering::{Options, SearchOptions, Store};
use treering_opentelemetry::{ExporterOptions, Notice, StoreExporter};

/// The first argument of the process; then the file.
pub(crate) const ARGUMENT: &str = "--limited";
/// The file may have so many bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Spans of a batch.
const BATCH: u64 = 100;

/// Starts this program as that process, which a write beyond the limit must not end.
pub(crate) fn start() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .arg(ARGUMENT)
        .arg(folder.path().join("store.redb"))
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

pub(crate) fn run(path: &Path) {
    let store = Store::open(path, Options::default()).unwrap();
    let (tell, told) = channel();
    let handler = move |notice: &Notice<'_>| tell.send(notice.to_string()).unwrap();
    let mut options = ExporterOptions::default();
    options.flush_timeout = Duration::from_secs(120);
    let exporter = StoreExporter::with_options(store.clone(), options, handler).unwrap();
    let handle = exporter.handle();
    limit(Some(FILE_BYTES_MAX));
    let mut brought = 0;
    let mut send = || {
        let spans = (0..BATCH).map(|span| span_data(brought + span + 1)).collect();
        brought += BATCH;
        let mut export = std::pin::pin!(exporter.export(spans));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(export.as_mut().poll(&mut context).is_ready(), "export waits");
        exporter.force_flush().is_ok()
    };
    while send() {}
    while handle.stats().dropped.failed < BATCH * 5 {
        // Some fit into what a resumed store has left.
        send();
    }
    let first = told.try_recv().unwrap();
    assert!(first.contains("spans are lost, and more may follow"), "{first}");
    assert!(first.contains("File too large"), "{first}");
    limit(None);
    while !send() {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(send(), "it does not last");
    let stats = handle.stats();
    assert_eq!((stats.queued, stats.failing), (0, None));
    assert_eq!(stats.exported + stats.dropped.total(), brought);
    let stored = store.count("{ }", &SearchOptions::all()).unwrap().spans;
    // A write that failed may have reached the file, and came to light when it was read again.
    assert!((stats.exported..=brought).contains(&stored), "{stored} of {}", stats.exported);
    let last = told.try_iter().last().unwrap();
    assert!(last.starts_with("spans are stored again"), "{last}");
    exporter.shutdown().unwrap();
}

/// The soft limit; none is the hard one.
fn limit(bytes: Option<u64>) {
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = bytes.or(limit.maximum);
    setrlimit(Resource::Fsize, limit).unwrap();
}

/// A span, one of ten of its trace.
fn span_data(number: u64) -> SpanData {
    let trace_id = TraceId::from(u128::from(number / 10 + 1));
    let start_time = UNIX_EPOCH + Duration::from_millis(number);
    SpanData {
        span_context: SpanContext::new(
            trace_id,
            SpanId::from(number),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: Cow::Borrowed("work"),
        start_time,
        end_time: start_time + Duration::from_micros(number % 977),
        attributes: vec![KeyValue::new("payload", "x".repeat(1000))],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("tests").build(),
    }
}
