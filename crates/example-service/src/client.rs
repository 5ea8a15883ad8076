//! Calls from one route to another, over HTTP like between services. Invariant: each call is a span of
//! kind client, and what it calls continues the trace.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tracing::{Instrument, Span, field};

use crate::telemetry::inject;

/// A client of the service at one address.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pool: Pool<HttpConnector, Body>,
    address: SocketAddr,
}

/// Why there is no answer, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { pool: Pool::builder(TokioExecutor::new()).build_http(), address }
    }

    /// What is answered to `GET path`, if it is a success.
    pub(crate) async fn get(&self, path: &str) -> Result<String, Failure> {
        let span = tracing::info_span!(
            "call",
            otel.name = "GET",
            otel.kind = "client",
            http.request.method = "GET",
            url.path = path,
            server.port = i64::from(self.address.port()),
            http.response.status_code = field::Empty,
        );
        let call = async {
            let answer = self.send(path).await;
            if let Err(failure) = &answer {
                // An event of this level makes its span an error.
                tracing::error!("{failure}");
            }
            answer
        };
        call.instrument(span).await
    }

    async fn send(&self, path: &str) -> Result<String, Failure> {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::get(uri).body(Body::empty())?;
        inject(request.headers_mut());
        let response = self.pool.request(request).await?;
        let status = response.status();
        Span::current().record("http.response.status_code", i64::from(status.as_u16()));
        let body = response.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        if status == StatusCode::OK { Ok(text) } else { Err(format!("{status}: {text}").into()) }
    }
}
