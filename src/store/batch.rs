//! Spans gathered for one ingest.

use std::sync::Arc;

use crate::block::Staging;
use crate::error::Error;
use crate::model::{InstrumentationScope, Refusal, Resource, Span, SpanRef, SpanSink};
use crate::options::Limits;
use crate::otlp::{self, Rejection};

/// Spans to be stored together, durably and at once.
///
/// A batch is staged as it is filled: text is interned, so what repeats is held once; each span and
/// each of its attributes takes some fixed memory beside it. Larger batches make fewer, larger blocks.
///
/// ```
/// use treering::{Batch, SpanId, TraceId, model::Span};
///
/// let mut batch = Batch::new();
/// batch.push(&Span {
///     trace_id: TraceId::from_bytes([1; 16]),
///     span_id: SpanId::from_bytes([2; 8]),
///     name: "GET /cart".to_owned(),
///     ..Span::default()
/// })?;
/// assert_eq!(batch.len(), 1);
/// # Ok::<(), treering::otlp::Rejection>(())
/// ```
#[derive(Debug)]
pub struct Batch {
    pub(super) staging: Staging,
    /// Where the last pushed span came from, so that runs of spans share one look-up.
    origin: Option<(Arc<Resource>, Arc<InstrumentationScope>)>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::within(Limits::default())
    }
}

impl Batch {
    /// An empty batch, within the default [`Limits`] of values and lists.
    /// [`Store::batch`](crate::Store::batch) makes one within those of the store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch within `limits` of values and lists; the others are looked at by `ingest`.
    pub(super) fn within(limits: Limits) -> Self {
        Self { staging: Staging::within(limits), origin: None }
    }

    /// Adds a span, as far as it is within the limits.
    ///
    /// # Errors
    /// If the span has an all-zero id, or a value nested deeper than
    /// [`Value::DEPTH_MAX`](crate::model::Value::DEPTH_MAX).
    pub fn push(&mut self, span: &Span) -> Result<(), Rejection> {
        let same = self.origin.as_ref().is_some_and(|(resource, scope)| {
            Arc::ptr_eq(resource, &span.resource) && Arc::ptr_eq(scope, &span.scope)
        });
        if !same {
            self.staging.resource(&span.resource);
            self.staging.scope(&span.scope);
            self.origin = Some((Arc::clone(&span.resource), Arc::clone(&span.scope)));
        }
        let mut view = SpanRef::default();
        view.fill(span);
        self.staging.span(&view).map_err(|refusal| Rejection {
            path: String::new(),
            span_id: span.span_id.to_string(),
            field: refusal.field,
            reason: refusal.reason,
        })
    }

    /// Adds the spans of an OTLP protobuf request (`ExportTraceServiceRequest`); gives back what was
    /// left out, and why.
    ///
    /// # Errors
    /// If the request cannot be read as a whole; what was read before stays in the batch.
    pub fn push_protobuf(&mut self, request: &[u8]) -> Result<Vec<Rejection>, Error> {
        self.origin = None;
        Ok(otlp::read_protobuf(request, &mut self.staging)?)
    }

    /// Adds the spans of an OTLP/JSON request; gives back what was left out, and why.
    ///
    /// # Errors
    /// If the request cannot be read as a whole; what was read before stays in the batch.
    #[cfg(feature = "json")]
    pub fn push_json(&mut self, request: &[u8]) -> Result<Vec<Rejection>, Error> {
        self.origin = None;
        Ok(otlp::read_json(request, &mut self.staging)?)
    }

    /// Spans in the batch.
    pub fn len(&self) -> usize {
        self.staging.spans.len()
    }

    /// True without spans.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the batch takes in memory, roughly: its text once, spans, attributes, events, links,
    /// resources and scopes.
    pub fn memory_bytes(&self) -> usize {
        self.staging.bytes_len()
    }
}

/// For what has spans in a form of its own and fills one [`SpanRef`] after another: nothing is
/// copied on the way into the batch. A span belongs to the resource and the scope that were said
/// last, to empty ones before any was. [`Batch::push`] and OTLP requests say their own.
impl SpanSink for Batch {
    fn resource(&mut self, resource: &Resource) {
        self.origin = None;
        self.staging.resource(resource);
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        self.origin = None;
        self.staging.scope(scope);
    }

    /// As [`Batch::push`].
    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal> {
        self.staging.span(span)
    }
}
