//! OTLP in and out: protobuf and JSON to model and back.

use crate::model::{Span, SpanSink};

/// A request that cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OtlpError(String);

/// A span, or another part of a request, that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// Where in the request: `resourceSpans[0].scopeSpans[1].spans[5]`.
    pub path: String,
    /// The span's id as sent, as far as it could be read; hex digits.
    pub span_id: String,
    /// The field at fault: `traceId`, `attributes[3].value`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// Reads an `ExportTraceServiceRequest` in protobuf.
///
/// # Errors
/// If the outermost structure of the request is broken; what was read before was given to `sink`.
pub fn read_protobuf(
    _request: &[u8],
    _sink: &mut impl SpanSink,
) -> Result<Vec<Rejection>, OtlpError> {
    Err(OtlpError("not yet".to_owned()))
}

/// Reads an `ExportTraceServiceRequest` in OTLP/JSON.
///
/// # Errors
/// If the text is no JSON object.
#[cfg(feature = "json")]
pub fn read_json(_request: &[u8], _sink: &mut impl SpanSink) -> Result<Vec<Rejection>, OtlpError> {
    Err(OtlpError("not yet".to_owned()))
}

/// The `ExportTraceServiceRequest` with these spans, in protobuf. Spans are grouped by resource and
/// scope; groups come in order of their first span.
pub fn write_protobuf(_spans: &[Span]) -> Vec<u8> {
    Vec::new()
}

/// The `ExportTraceServiceRequest` with these spans, in OTLP/JSON on one line.
#[cfg(feature = "json")]
pub fn write_json(_spans: &[Span]) -> String {
    String::new()
}
