//! One span from the wire into a [`SpanRef`] that is filled again and again. Invariant: a span that
//! is given back complete has valid ids, UTF-8 text and values within the nesting limit.

use super::fields::{event, link, span as fields, status};
use super::value::{Keys, attribute_at, text};
use crate::codec::cast;
use crate::codec::wire::Reader;
use crate::id::{ParseIdError, SpanId, TraceId};
use crate::model::{EventRef, LinkRef, SpanKind, SpanRef, StatusCode};
use crate::otlp::check;
use crate::otlp::error::{Checked, Fault, Within};
use crate::time::Timestamp;

/// A field that `Status` once had: unknown, though its number is within those in use.
const RETIRED_STATUS_FIELD: u32 = 1;

/// Ids as sent: only the last ones count, so they are checked at the end.
#[derive(Default)]
struct Ids<'a> {
    trace: &'a [u8],
    span: &'a [u8],
    parent: &'a [u8],
}

/// Fills `span` from a `Span` message; `keys` are those of the span before.
pub(super) fn span<'a>(
    mut reader: Reader<'a>,
    span: &mut SpanRef<'a>,
    keys: &mut Keys<'a>,
) -> Checked<()> {
    span.clear();
    let mut ids = Ids::default();
    while let Some(key) = reader.key()? {
        match key {
            fields::TRACE_ID => ids.trace = reader.bytes().within("traceId")?,
            fields::SPAN_ID => ids.span = reader.bytes().within("spanId")?,
            fields::TRACE_STATE => span.trace_state = text(&mut reader, "traceState")?,
            fields::PARENT_SPAN_ID => ids.parent = reader.bytes().within("parentSpanId")?,
            fields::NAME => span.name = text(&mut reader, "name")?,
            fields::KIND => span.kind = SpanKind(cast::low_i32(reader.varint().within("kind")?)),
            fields::START_TIME_UNIX_NANO => span.start = time(&mut reader, "startTimeUnixNano")?,
            fields::END_TIME_UNIX_NANO => span.end = time(&mut reader, "endTimeUnixNano")?,
            fields::ATTRIBUTES => {
                let message = reader.message().within("attributes")?;
                let position = span.attributes.len();
                let read = attribute_at(message, position, keys);
                span.attributes.push(read.within_list("attributes", position)?);
            }
            fields::DROPPED_ATTRIBUTES_COUNT => {
                span.dropped_attributes_count = count(&mut reader, "droppedAttributesCount")?;
            }
            fields::EVENTS => {
                let message = reader.message().within("events")?;
                let position = span.events.len();
                event(message, span, keys).within_list("events", position)?;
            }
            fields::DROPPED_EVENTS_COUNT => {
                span.dropped_events_count = count(&mut reader, "droppedEventsCount")?;
            }
            fields::LINKS => {
                let message = reader.message().within("links")?;
                let position = span.links.len();
                link(message, span, keys).within_list("links", position)?;
            }
            fields::DROPPED_LINKS_COUNT => {
                span.dropped_links_count = count(&mut reader, "droppedLinksCount")?;
            }
            fields::STATUS => {
                status(reader.message().within("status")?, span).within("status")?;
            }
            fields::FLAGS => span.flags = reader.fixed32().within("flags")?,
            key => reader.unknown(key, fields::LAST)?,
        }
    }
    ids.check(span)
}

/// The span id of a `Span` message, as far as it can be read; hex digits.
#[cold]
pub(super) fn span_id(mut reader: Reader<'_>) -> String {
    let mut id: &[u8] = &[];
    while let Ok(Some(key)) = reader.key() {
        let read = match key {
            fields::SPAN_ID => reader.bytes().map(|bytes| id = bytes),
            key => reader.skip(key),
        };
        if read.is_err() {
            break;
        }
    }
    check::hex_digits(id)
}

impl Ids<'_> {
    fn check(&self, span: &mut SpanRef<'_>) -> Checked<()> {
        span.trace_id =
            TraceId::from_slice(self.trace).map_err(|error| bad_id("traceId", &error))?;
        span.span_id = SpanId::from_slice(self.span).map_err(|error| bad_id("spanId", &error))?;
        if span.trace_id.is_zero() {
            return Err(check::zero_id("traceId"));
        }
        if span.span_id.is_zero() {
            return Err(check::zero_id("spanId"));
        }
        if !self.parent.is_empty() {
            let parent = SpanId::from_slice(self.parent);
            let parent = parent.map_err(|error| bad_id("parentSpanId", &error))?;
            span.parent_span_id = (!parent.is_zero()).then_some(parent);
        }
        Ok(())
    }
}

#[cold]
fn bad_id(field: &str, error: &ParseIdError) -> Fault {
    Fault::new(field, error)
}

#[inline]
fn time(reader: &mut Reader<'_>, name: &str) -> Checked<Timestamp> {
    reader.fixed64().within(name).map(Timestamp::from_unix_nanos)
}

/// A `uint32`: protobuf keeps the low bits of a longer number.
#[inline]
fn count(reader: &mut Reader<'_>, name: &str) -> Checked<u32> {
    reader.varint().within(name).map(cast::low_u32)
}

fn status<'a>(mut reader: Reader<'a>, span: &mut SpanRef<'a>) -> Checked<()> {
    while let Some(key) = reader.key()? {
        match key {
            status::MESSAGE => span.status_message = text(&mut reader, "message")?,
            status::CODE => {
                span.status_code = StatusCode(cast::low_i32(reader.varint().within("code")?));
            }
            key if key.field() == RETIRED_STATUS_FIELD => reader.skip(key)?,
            key => reader.unknown(key, status::LAST)?,
        }
    }
    Ok(())
}

fn event<'a>(mut reader: Reader<'a>, span: &mut SpanRef<'a>, keys: &mut Keys<'a>) -> Checked<()> {
    let mut read = EventRef::default();
    let first = span.child_attributes.len();
    while let Some(key) = reader.key()? {
        match key {
            event::TIME_UNIX_NANO => read.time = time(&mut reader, "timeUnixNano")?,
            event::NAME => read.name = text(&mut reader, "name")?,
            event::ATTRIBUTES => child_attribute(&mut reader, (span, first), keys)?,
            event::DROPPED_ATTRIBUTES_COUNT => {
                read.dropped_attributes_count = count(&mut reader, "droppedAttributesCount")?;
            }
            key => reader.unknown(key, event::LAST)?,
        }
    }
    read.attributes = first..span.child_attributes.len();
    span.events.push(read);
    Ok(())
}

fn link<'a>(mut reader: Reader<'a>, span: &mut SpanRef<'a>, keys: &mut Keys<'a>) -> Checked<()> {
    let mut read = LinkRef::default();
    let mut ids = Ids::default();
    let first = span.child_attributes.len();
    while let Some(key) = reader.key()? {
        match key {
            link::TRACE_ID => ids.trace = reader.bytes().within("traceId")?,
            link::SPAN_ID => ids.span = reader.bytes().within("spanId")?,
            link::TRACE_STATE => read.trace_state = text(&mut reader, "traceState")?,
            link::ATTRIBUTES => child_attribute(&mut reader, (span, first), keys)?,
            link::DROPPED_ATTRIBUTES_COUNT => {
                read.dropped_attributes_count = count(&mut reader, "droppedAttributesCount")?;
            }
            link::FLAGS => read.flags = reader.fixed32().within("flags")?,
            key => reader.unknown(key, link::LAST)?,
        }
    }
    // A link may leave out what it points to, but not garble it.
    if !ids.trace.is_empty() {
        let id = TraceId::from_slice(ids.trace);
        read.trace_id = id.map_err(|error| bad_id("traceId", &error))?;
    }
    if !ids.span.is_empty() {
        let id = SpanId::from_slice(ids.span);
        read.span_id = id.map_err(|error| bad_id("spanId", &error))?;
    }
    read.attributes = first..span.child_attributes.len();
    span.links.push(read);
    Ok(())
}

/// The next attribute of the event or link whose attributes begin at `first`.
fn child_attribute<'a>(
    reader: &mut Reader<'a>,
    (span, first): (&mut SpanRef<'a>, usize),
    keys: &mut Keys<'a>,
) -> Checked<()> {
    let message = reader.message().within("attributes")?;
    let position = span.child_attributes.len() - first;
    let read = attribute_at(message, position, keys);
    span.child_attributes.push(read.within_list("attributes", position)?);
    Ok(())
}
