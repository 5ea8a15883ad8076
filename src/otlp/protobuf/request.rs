//! A request from the wire, part by part. Invariant: a sink is told resource and scope, complete
//! with what comes behind their spans, before the first span of each; one of neither without spans.

use super::fields::{request, resource_spans, scope_spans};
use super::shared::{self, Shared};
use super::span;
use super::value::Keys;
use crate::codec::wire::{Reader, WireError};
use crate::model::{InstrumentationScope, Resource, SpanRef, SpanSink};
use crate::otlp::error::{Checked, OtlpError, Place, Rejection, Rejections, Within};

/// Reads an `ExportTraceServiceRequest` in protobuf, in time proportional to its length. What is
/// allocated for a span is kept for the next one, so memory does not grow with their number.
/// Rejections beyond the first 10,000 are counted only, in one more that comes last.
///
/// # Errors
/// If the outermost structure of the request is broken; what was read before was given to `sink`.
pub fn read_protobuf(
    request: &[u8],
    sink: &mut impl SpanSink,
) -> Result<Vec<Rejection>, OtlpError> {
    let mut reader = Reader::new(request);
    let mut decoder = Decoder {
        sink,
        span: SpanRef::default(),
        keys: Keys::default(),
        place: Place::default(),
        rejections: Rejections::default(),
    };
    let outermost = |error: WireError| OtlpError(format!("no OTLP request in protobuf: {error}"));
    while let Some(key) = reader.key().map_err(outermost)? {
        match key {
            request::RESOURCE_SPANS => {
                let part = reader.message().map_err(outermost)?;
                if let Err(fault) = decoder.resource_spans(part) {
                    decoder.rejections.part(decoder.place.resource_path(), fault);
                }
                decoder.place.resource += 1;
            }
            key => reader.unknown(key, request::LAST).map_err(outermost)?,
        }
    }
    Ok(decoder.rejections.finish())
}

struct Decoder<'a, 's, S> {
    sink: &'s mut S,
    span: SpanRef<'a>,
    keys: Keys<'a>,
    place: Place,
    rejections: Rejections,
}

impl<'a, S: SpanSink> Decoder<'a, '_, S> {
    /// Fails where the part's fields cannot be told apart.
    fn resource_spans(&mut self, part: Reader<'a>) -> Checked<()> {
        let mut shared = Shared::new(shared::RESOURCE);
        let mut scopes = 0_usize;
        let mut reader = part;
        while let Some(key) = reader.key()? {
            match key {
                resource_spans::RESOURCE => shared.meet(&mut reader)?,
                resource_spans::SCOPE_SPANS => {
                    reader.bytes().within("scopeSpans")?;
                    scopes += 1;
                }
                resource_spans::SCHEMA_URL => shared.meet_url(&mut reader, key)?,
                key => reader.unknown(key, resource_spans::LAST)?,
            }
        }
        shared.complete(self.sink);
        let before = self.rejections.count();
        let mut reader = part;
        self.place.scope = 0;
        while self.place.scope < scopes
            && let Some(key) = reader.key()?
        {
            if key == resource_spans::SCOPE_SPANS {
                if let Err(fault) = self.scope_spans(reader.message()?, &mut shared) {
                    self.rejections.part(self.place.scope_path(), fault);
                }
                self.place.scope += 1;
            } else {
                reader.skip(key)?;
            }
        }
        // A fault that no span was there to suffer for.
        shared.fault.filter(|_| self.rejections.count() == before).map_or(Ok(()), Err)
    }

    /// Fails where the part's fields cannot be told apart.
    fn scope_spans(
        &mut self,
        part: Reader<'a>,
        resource: &mut Shared<'a, Resource>,
    ) -> Checked<()> {
        let mut shared = Shared::new(shared::SCOPE);
        let mut spans = 0_usize;
        let mut reader = part;
        while let Some(key) = reader.key()? {
            match key {
                scope_spans::SCOPE => shared.meet(&mut reader)?,
                scope_spans::SPANS => {
                    reader.bytes().within("spans")?;
                    spans += 1;
                }
                scope_spans::SCHEMA_URL => shared.meet_url(&mut reader, key)?,
                key => reader.unknown(key, scope_spans::LAST)?,
            }
        }
        shared.complete(self.sink);
        let before = self.rejections.count();
        let mut reader = part;
        self.place.span = 0;
        while self.place.span < spans
            && let Some(key) = reader.key()?
        {
            if key == scope_spans::SPANS {
                let message = reader.message()?;
                if let Err(fault) = self.span(message, resource, &mut shared) {
                    self.rejections.span(self.place, || span::span_id(message), fault);
                }
                self.place.span += 1;
            } else {
                reader.skip(key)?;
            }
        }
        // A fault that no span was there to suffer for.
        shared.fault.filter(|_| self.rejections.count() == before).map_or(Ok(()), Err)
    }

    fn span(
        &mut self,
        message: Reader<'a>,
        resource: &mut Shared<'a, Resource>,
        scope: &mut Shared<'a, InstrumentationScope>,
    ) -> Checked<()> {
        if let Some(fault) = resource.fault.as_ref().or(scope.fault.as_ref()) {
            return Err(fault.clone());
        }
        span::span(message, &mut self.span, &mut self.keys)?;
        resource.tell(self.sink);
        scope.tell(self.sink);
        self.sink.span(&self.span).map_err(Into::into)
    }
}
