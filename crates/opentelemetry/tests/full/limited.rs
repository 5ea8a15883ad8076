//! The process whose files may not grow.

use std::borrow::Cow;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use treering::{Options, SearchOptions, Store};
use treering_opentelemetry::{ExporterOptions, Notice, StoreExporter};

use crate::file_limit::limit;

/// The file may have so many bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Spans of a batch.
const BATCH: u64 = 100;

/// Attempts after which an exporter that has not noticed is taken for stuck.
const ATTEMPTS_MAX: u64 = 2_000;

/// Fills the file, makes room, and sees that the exporter finds out by itself.
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
        assert!(brought <= BATCH * ATTEMPTS_MAX, "stuck: {:?}", handle.stats());
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
