//! Spans for requests, and their way into the store. Invariant: a request that names a parent in its
//! headers continues that trace.

use std::io;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, TracerProviderBuilder};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use treering::Store;
use treering_opentelemetry::{ExporterHandle, ExporterOptions, StoreProcessor};

/// What the service keeps of its telemetry.
pub(crate) struct Telemetry {
    pub(crate) provider: SdkTracerProvider,
    pub(crate) handle: ExporterHandle,
}

/// Sends the spans of `tracing` to `store`.
pub(crate) fn start(store: &Store) -> io::Result<Telemetry> {
    let complain = |notice: &treering_opentelemetry::Notice<'_>| {
        use std::io::Write;
        // There is nobody left to tell that this failed.
        let _written = writeln!(io::stderr(), "traces: {notice}");
    };
    let options = ExporterOptions::default();
    let processor = StoreProcessor::with_options(store.clone(), options, complain)?;
    let handle = processor.handle();
    let provider = provider().with_span_processor(processor).build();
    install(&provider)?;
    Ok(Telemetry { provider, handle })
}

/// Makes spans and keeps none.
pub(crate) fn make_only() -> io::Result<SdkTracerProvider> {
    let provider = provider().build();
    install(&provider)?;
    Ok(provider)
}

fn provider() -> TracerProviderBuilder {
    let resource = Resource::builder().with_service_name("shop").build();
    SdkTracerProvider::builder().with_resource(resource)
}

/// Sends the spans of `tracing` to `provider`.
fn install(provider: &SdkTracerProvider) -> io::Result<()> {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(())
}

/// Runs a request in a span of its own.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = %request.method(),
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = field::Empty,
    );
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&Headers(request.headers()))
    });
    // It fails for spans that are not recorded, which have no use for a parent.
    let _set = span.set_parent(parent);
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", i64::from(response.status().as_u16()));
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// Writes the current span into the headers of a request, so that its receiver continues the trace.
pub(crate) fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeadersMut(headers));
    });
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
