//! Beginning and end, in any order. Invariant: what came before a shutdown, or before an exporter was
//! dropped, is stored when that returns, and the store's file is free.

use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, SimpleSpanProcessor, SpanExporter, SpanProcessor,
};
use treering::{Options, Store};
use treering_opentelemetry::{
    Dropped, ExportWait, ExporterHandle, ExporterOptions, ExporterStats, Notice, StoreExporter,
    StoreProcessor,
};

use crate::making::{LONG, export, listener, open, patient, place, span, stats_of, stored};

#[test]
fn after_a_shutdown_all_is_stored_and_the_file_is_free() {
    let place = place();
    let store = open(&place);
    let exporter = StoreExporter::with_options(store, patient(), |_| ()).unwrap();
    let handle = exporter.handle();
    for number in 1..=100 {
        export(&exporter, vec![span(1, number)]).unwrap();
    }
    exporter.shutdown().unwrap();
    assert_eq!(stored(&open(&place)), 100);
    assert_eq!(stats_of(&handle, 100).exported, 100);
    // The exporter is still there; it takes nothing, and says so.
    let refused = export(&exporter, vec![span(1, 101), span(1, 102)]);
    assert!(matches!(refused, Err(OTelSdkError::AlreadyShutdown)), "{refused:?}");
    for outcome in [exporter.shutdown(), exporter.force_flush(), handle.flush(LONG)] {
        assert!(matches!(outcome, Err(OTelSdkError::AlreadyShutdown)), "{outcome:?}");
    }
    drop(exporter);
    assert_eq!(stats_of(&handle, 102).dropped.after_shutdown, 2);
    assert_eq!(stored(&open(&place)), 100);
}

#[test]
fn dropping_is_a_shutdown() {
    let place = place();
    let exporter = StoreExporter::with_options(open(&place), patient(), |_| ()).unwrap();
    export(&exporter, vec![span(1, 1)]).unwrap();
    drop(exporter);
    assert_eq!(stored(&open(&place)), 1);
    let processor = StoreProcessor::with_options(open(&place), patient(), |_| ()).unwrap();
    processor.on_end(span(1, 2));
    drop(processor);
    assert_eq!(stored(&open(&place)), 2);
    drop(StoreExporter::with_options(open(&place), patient(), |_| ()).unwrap());
    assert_eq!(stored(&open(&place)), 2);
}

/// Providers with each kind of processor.
fn providers(store: &Store) -> [SdkTracerProvider; 3] {
    let exporter = || StoreExporter::with_options(store.clone(), patient(), |_| ()).unwrap();
    let processor = StoreProcessor::with_options(store.clone(), patient(), |_| ()).unwrap();
    [
        SdkTracerProvider::builder().with_span_processor(processor).build(),
        SdkTracerProvider::builder().with_batch_exporter(exporter()).build(),
        SdkTracerProvider::builder()
            .with_span_processor(SimpleSpanProcessor::new(exporter()))
            .build(),
    ]
}

fn end_spans(provider: &SdkTracerProvider, count: usize) {
    let tracer = provider.tracer("tests");
    for _ in 0..count {
        tracer.start("work").end();
    }
}

#[test]
fn providers_may_be_shut_down_or_dropped_before_the_store_or_after() {
    for at in 0..3 {
        let place = place();
        let store = open(&place);
        let provider = providers(&store)[at].clone();
        end_spans(&provider, 50);
        provider.shutdown().unwrap();
        assert_eq!(stored(&store), 50, "processor {at}");
        drop((provider, store));

        let store = open(&place);
        let provider = providers(&store)[at].clone();
        // The processor's handle is the only one from here on.
        drop(store);
        end_spans(&provider, 7);
        drop(provider);
        assert_eq!(stored(&open(&place)), 57, "processor {at}");
    }
}

#[test]
fn a_flushed_provider_has_stored_all_that_ended() {
    let place = place();
    let store = open(&place);
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    let [processor, batch, simple] = providers(&store);
    let mut expected = 0;
    for provider in [&processor, &batch] {
        for _ in 0..3 {
            end_spans(provider, 20);
            expected += 20;
            provider.force_flush().unwrap();
            // What another process sees is in the file.
            assert_eq!(stored(&reader), expected);
        }
    }
    end_spans(&simple, 20);
    // The simple processor does not pass on a flush, so the spans go on to wait.
    simple.force_flush().unwrap();
    assert_eq!(stored(&reader), expected);
    simple.shutdown().unwrap();
    assert_eq!(stored(&reader), expected + 20);
}

#[test]
fn a_store_that_was_closed_takes_spans_until_the_exporter_ends() {
    let place = place();
    let store = open(&place);
    let (handler, told) = listener();
    let exporter = StoreExporter::with_options(store.clone(), patient(), handler).unwrap();
    export(&exporter, vec![span(1, 1)]).unwrap();
    store.close().unwrap();
    export(&exporter, vec![span(1, 2)]).unwrap();
    exporter.force_flush().unwrap();
    exporter.shutdown().unwrap();
    assert_eq!(stored(&open(&place)), 2);
    assert!(told.try_recv().is_err());
}

#[test]
fn only_sampled_spans_are_stored() {
    let place = place();
    let store = open(&place);
    let processor = StoreProcessor::with_options(store.clone(), patient(), |_| ()).unwrap();
    let handle = processor.handle();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_span_processor(processor)
        .build();
    end_spans(&provider, 3);
    provider.shutdown().unwrap();
    stats_of(&handle, 0);
    let processor = StoreProcessor::with_options(store.clone(), patient(), |_| ()).unwrap();
    let mut recorded = span(1, 1);
    recorded.span_context = opentelemetry::trace::SpanContext::new(
        recorded.span_context.trace_id(),
        recorded.span_context.span_id(),
        opentelemetry::TraceFlags::NOT_SAMPLED,
        false,
        opentelemetry::trace::TraceState::default(),
    );
    processor.on_end(recorded);
    processor.on_end(span(1, 2));
    processor.force_flush().unwrap();
    assert_eq!(stored(&store), 1);
}

#[test]
fn what_a_service_keeps_goes_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<(StoreExporter, StoreProcessor)>();
    shared::<(ExporterHandle, ExporterOptions, ExportWait)>();
    shared::<(ExporterStats, Dropped, Notice<'_>)>();
}
