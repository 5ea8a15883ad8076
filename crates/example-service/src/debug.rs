//! Questions about the service's own traces. Invariant: whoever asks sees all spans that ended before,
//! and no thread that serves requests waits for the store.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::task::spawn_blocking;
use treering::otlp::write_json;
use treering::{Error, SearchOptions, Store, TraceId};
use treering_opentelemetry::ExporterHandle;

/// So long a question waits for spans that are on their way into the store.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// What questions are put to.
#[derive(Clone)]
struct Traces {
    store: Store,
    handle: ExporterHandle,
}

type Answer = Result<Response, (StatusCode, String)>;

/// The routes for debugging.
pub(crate) fn routes(store: Store, handle: ExporterHandle) -> Router {
    Router::new()
        .route("/debug/traces", get(search))
        .route("/debug/traces/{id}", get(trace))
        .route("/debug/exporter", get(exporter))
        .with_state(Traces { store, handle })
}

/// The traces in which the query `q` finds spans, each with these spans; text for people.
async fn search(
    State(traces): State<Traces>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Answer {
    let query = parameters.get("q").cloned().unwrap_or_else(|| "{ }".to_owned());
    let text = blocking(move || {
        traces.flush();
        found(&traces.store, &query).map_err(|error| refusal(&error, &query))
    })
    .await?;
    Ok(text.into_response())
}

/// A whole trace, as OTLP/JSON.
async fn trace(State(traces): State<Traces>, Path(id): Path<String>) -> Answer {
    let id: TraceId =
        id.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
    let json = blocking(move || {
        traces.flush();
        let found = traces.store.trace(id).map_err(|error| refusal(&error, ""))?;
        let found = found.ok_or((StatusCode::NOT_FOUND, format!("there is no trace {id}\n")))?;
        Ok(write_json(found.spans()))
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// What became of the service's spans.
async fn exporter(State(traces): State<Traces>) -> String {
    format!("{:#?}\n", traces.handle.stats())
}

/// Runs what may wait for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, (StatusCode, String)> + Send + 'static,
) -> Result<T, (StatusCode, String)> {
    let ended = spawn_blocking(run).await;
    ended.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))?
}

impl Traces {
    fn flush(&self) {
        // What is stored by then is worth an answer, whether or not all is.
        let _outcome = self.handle.flush(FLUSH_TIMEOUT);
    }
}

fn found(store: &Store, query: &str) -> Result<String, Error> {
    let mut text = String::new();
    for trace in store.search(query, &SearchOptions::default())?.traces {
        // Writing to a string does not fail.
        let _trace = writeln!(text, "{} {}", trace.trace_id, trace.root_name);
        for span in trace.spansets.iter().flat_map(|spanset| &spanset.spans) {
            let duration = Duration::from_nanos(span.duration_nanos);
            let _span = writeln!(text, "  {} {duration:.1?}", span.name);
        }
    }
    Ok(text)
}

/// What is wrong with a query is shown in it.
fn refusal(error: &Error, query: &str) -> (StatusCode, String) {
    match error {
        Error::Query(error) => (StatusCode::BAD_REQUEST, format!("{}\n", error.report(query))),
        error => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
