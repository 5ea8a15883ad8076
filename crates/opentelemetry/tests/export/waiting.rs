//! Nobody who ends a span waits. Invariant: with the exporter's thread at a stand, calls return, the
//! queue stays within its bound, and what did not fit is counted.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter, SpanProcessor};
use treering_opentelemetry::{ExportWait, ExporterOptions, StoreExporter, StoreProcessor};

use crate::making::{
    LONG, all, export, heavy, listener, open, patient, place, span, stats_of, stopper, stored,
};

/// Options that store at once.
fn hasty() -> ExporterOptions {
    let mut options = patient();
    options.linger = Duration::ZERO;
    options
}

#[test]
fn a_full_queue_drops_and_does_not_wait() {
    let place = place();
    let store = open(&place);
    let (handler, reached, release) = stopper();
    let mut options = hasty();
    options.queue_bytes_max = 1 << 20;
    let processor = StoreProcessor::with_options(store.clone(), options, handler).unwrap();
    let handle = processor.handle();
    // A span that is refused is told of, which stops the thread.
    processor.on_end(span(0, 1));
    reached.recv_timeout(LONG).unwrap();
    for number in 1..=100 {
        processor.on_end(heavy(1, number, 100_000));
    }
    let stats = stats_of(&handle, 101);
    assert!((1..=10).contains(&stats.queued), "{stats:?}");
    assert_eq!((stats.exported, stats.dropped.refused), (0, 1));
    assert!(stats.queued_bytes <= 1 << 20, "{stats:?}");
    // There is room for small ones yet, and for none that is larger than the whole queue.
    processor.on_end(span(1, 101));
    processor.on_end(heavy(1, 102, 2 << 20));
    let after = stats_of(&handle, 103);
    assert_eq!(after.queued, stats.queued + 1);
    assert_eq!(after.dropped.queue_full, stats.dropped.queue_full + 1);
    drop(release);
    processor.force_flush().unwrap();
    let stats = stats_of(&handle, 103);
    assert_eq!((stats.exported, stats.queued, stats.queued_bytes), (after.queued, 0, 0));
    assert_eq!(stored(&store), after.queued);
}

#[test]
fn a_full_queue_is_told_once_and_so_is_its_end() {
    let place = place();
    let store = open(&place);
    let (handler, told) = listener();
    let mut options = patient();
    options.queue_bytes_max = 1 << 20;
    let exporter = StoreExporter::with_options(store, options, handler).unwrap();
    for _ in 0..3 {
        // Each is larger than the queue.
        let spans = vec![heavy(1, 1, 2 << 20), span(1, 2), heavy(1, 3, 2 << 20)];
        let outcome = export(&exporter, spans).unwrap_err().to_string();
        assert!(outcome.contains("2 spans dropped: the queue is full"), "{outcome}");
        exporter.force_flush().unwrap();
    }
    for number in 4..6 {
        export(&exporter, vec![span(1, number)]).unwrap();
        exporter.force_flush().unwrap();
    }
    exporter.shutdown().unwrap();
    let told = all(&told);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("too many wait for the disk"), "{told:?}");
    assert_eq!(told[1], "spans are stored again; 6 were lost meanwhile");
}

#[test]
fn export_waits_on_threads_of_processors_only() {
    let place = place();
    let store = open(&place);
    let (handler, reached, release) = stopper();
    let mut options = hasty();
    options.flush_timeout = Duration::from_millis(10);
    let exporter = StoreExporter::with_options(store.clone(), options.clone(), handler).unwrap();
    export(&exporter, vec![span(0, 1)]).unwrap();
    reached.recv_timeout(LONG).unwrap();
    export(&exporter, vec![span(1, 1)]).unwrap();
    let suppressed = Context::enter_telemetry_suppressed_scope();
    let late = export(&exporter, vec![span(1, 2)]);
    assert!(matches!(late, Err(OTelSdkError::Timeout(_))), "{late:?}");
    options.export_wait = ExportWait::Never;
    let (handler, other_reached, other_release) = stopper();
    let never = StoreExporter::with_options(store.clone(), options, handler).unwrap();
    export(&never, vec![span(0, 1)]).unwrap();
    other_reached.recv_timeout(LONG).unwrap();
    export(&never, vec![span(1, 3)]).unwrap();
    drop((suppressed, release, other_release));
    for exporter in [exporter, never] {
        exporter.shutdown_with_timeout(LONG).unwrap();
    }
    assert_eq!(stored(&store), 3);
}

#[test]
fn a_shutdown_that_takes_too_long_goes_on() {
    let place = place();
    let store = open(&place);
    let (handler, reached, release) = stopper();
    let exporter = StoreExporter::with_options(store.clone(), hasty(), handler).unwrap();
    export(&exporter, vec![span(0, 1)]).unwrap();
    reached.recv_timeout(LONG).unwrap();
    export(&exporter, vec![span(1, 1)]).unwrap();
    let late = exporter.shutdown_with_timeout(Duration::from_millis(1));
    assert!(matches!(late, Err(OTelSdkError::Timeout(_))), "{late:?}");
    let late = exporter.handle().flush(Duration::from_millis(1));
    assert!(matches!(late, Err(OTelSdkError::Timeout(_))), "{late:?}");
    let refused = export(&exporter, vec![span(1, 2)]);
    assert!(matches!(refused, Err(OTelSdkError::AlreadyShutdown)), "{refused:?}");
    drop(release);
    exporter.shutdown_with_timeout(LONG).unwrap();
    assert_eq!(stored(&store), 1);
}

#[test]
fn many_threads_lose_nothing() {
    const THREADS: usize = 8;
    const SPANS: usize = 2_000;
    let place = place();
    let store = open(&place);
    let processor = StoreProcessor::with_options(store.clone(), hasty(), |_| ()).unwrap();
    let handle = processor.handle();
    let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let tracer = provider.tracer("tests");
                for number in 0..SPANS {
                    tracer.start("work").end();
                    if number % 500 == 0 {
                        provider.force_flush().unwrap();
                    }
                }
            });
        }
    });
    provider.shutdown().unwrap();
    let all = u64::try_from(THREADS * SPANS).unwrap();
    assert_eq!(stats_of(&handle, all).exported, all);
    assert_eq!(stored(&store), all);
}

#[test]
fn much_that_waits_is_stored_before_its_time() {
    let place = place();
    let store = open(&place);
    let mut options = patient();
    options.queue_bytes_max = 4 << 20;
    let exporter = StoreExporter::with_options(store.clone(), options, |_| ()).unwrap();
    let handle = exporter.handle();
    export(&exporter, vec![span(1, 1)]).unwrap();
    for number in 2..=12 {
        export(&exporter, vec![heavy(1, number, 100_000)]).unwrap();
    }
    // A quarter of the queue was reached, so it goes on without a flush.
    while handle.stats().exported < 11 {
        std::thread::yield_now();
    }
    exporter.shutdown().unwrap();
    assert_eq!(stored(&store), 12);
}
