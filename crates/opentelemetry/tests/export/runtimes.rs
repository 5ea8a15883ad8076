//! On tokio, without any runtime, and through `tracing`. Invariant: nothing here needs a runtime, and
//! none of it stops one.

use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::layer::SubscriberExt;
use treering::{SearchOptions, Store};
use treering_opentelemetry::{StoreExporter, StoreProcessor};

use crate::making::{open, patient, place, stored};

async fn serve(provider: SdkTracerProvider) {
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let tracer = provider.tracer("tests");
            tokio::spawn(async move {
                for _ in 0..10 {
                    let mut span = tracer.start("work");
                    tokio::task::yield_now().await;
                    span.end();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    provider.force_flush().unwrap();
}

fn run(runtime: &Runtime, store: &Store, provider: &SdkTracerProvider) {
    let before = stored(store);
    runtime.block_on(serve(provider.clone()));
    assert_eq!(stored(store), before + 200);
    runtime.block_on(async { provider.shutdown().unwrap() });
}

#[test]
fn on_tokio_with_one_thread_and_with_more() {
    for runtime in [Builder::new_current_thread().build(), Builder::new_multi_thread().build()] {
        let runtime = runtime.unwrap();
        let place = place();
        let store = open(&place);
        let processor = StoreProcessor::with_options(store.clone(), patient(), |_| ()).unwrap();
        let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
        run(&runtime, &store, &provider);
        let exporter = StoreExporter::with_options(store.clone(), patient(), |_| ()).unwrap();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
        run(&runtime, &store, &provider);
    }
}

#[test]
fn through_tracing() {
    let place = place();
    let store = open(&place);
    let processor = StoreProcessor::new(store.clone()).unwrap();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("storefront").build())
        .with_span_processor(processor)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("checkout", user = 7).in_scope(|| {
            tracing::info_span!("charge").in_scope(|| tracing::error!("card declined"));
        });
    });
    provider.force_flush().unwrap();
    let found = |query: &str| store.search(query, &SearchOptions::default()).unwrap().traces.len();
    assert_eq!(found("{ name = `checkout` && .user = 7 } > { name = `charge` }"), 1);
    assert_eq!(found("{ event:name = `card declined` && status = error }"), 1);
    assert_eq!(found("{ instrumentation:name = `shop` }"), 1);
    assert_eq!(found("{ resource.service.name = `storefront` }"), 1);
    provider.shutdown().unwrap();
}
