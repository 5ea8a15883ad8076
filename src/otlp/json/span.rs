//! One span in JSON, read into a draft that is used again and again and then viewed as a
//! [`SpanRef`]. Invariant: a view has valid ids and values within the nesting limit.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::reader::{self, Members, Slot};
use super::scalar::{self, Scalar};
use super::value::AttributeDraft;
use crate::id::{ParseIdError, SpanId};
use crate::model::{AttributeRef, EventRef, LinkRef, SpanKind, SpanRef, StatusCode, ValueRef};
use crate::otlp::check;
use crate::otlp::error::{Checked, Fault};
use crate::time::Timestamp;

/// A `Span` as read.
#[derive(Debug, Default)]
pub(super) struct SpanDraft<'de> {
    // Ids as sent: only the last ones count, so they are checked at the end.
    trace_id: Cow<'de, str>,
    span_id: Cow<'de, str>,
    parent_span_id: Cow<'de, str>,
    trace_state: Cow<'de, str>,
    flags: u32,
    name: Cow<'de, str>,
    kind: i32,
    start: u64,
    end: u64,
    attributes: Vec<AttributeDraft<'de>>,
    dropped_attributes_count: u32,
    events: Vec<EventDraft<'de>>,
    dropped_events_count: u32,
    links: Vec<LinkDraft<'de>>,
    dropped_links_count: u32,
    status: StatusDraft<'de>,
}

#[derive(Debug, Default)]
struct EventDraft<'de> {
    time: u64,
    name: Cow<'de, str>,
    attributes: Vec<AttributeDraft<'de>>,
    dropped_attributes_count: u32,
}

#[derive(Debug, Default)]
struct LinkDraft<'de> {
    trace_id: Cow<'de, str>,
    span_id: Cow<'de, str>,
    trace_state: Cow<'de, str>,
    attributes: Vec<AttributeDraft<'de>>,
    dropped_attributes_count: u32,
    flags: u32,
}

#[derive(Debug, Default)]
struct StatusDraft<'de> {
    code: i32,
    message: Cow<'de, str>,
}

impl<'de> Members<'de> for SpanDraft<'de> {
    fn reset(&mut self) {
        let mut empty = Self::default();
        std::mem::swap(&mut empty.attributes, &mut self.attributes);
        std::mem::swap(&mut empty.events, &mut self.events);
        std::mem::swap(&mut empty.links, &mut self.links);
        *self = empty;
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
    }

    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "traceId" | "trace_id" => self.trace_id = slot.scalar(scalar::text)?,
            "spanId" | "span_id" => self.span_id = slot.scalar(scalar::text)?,
            "parentSpanId" | "parent_span_id" => {
                self.parent_span_id = slot.scalar(scalar::text)?;
            }
            "name" => self.name = slot.scalar(scalar::text)?,
            "kind" => self.kind = slot.scalar(scalar::kind)?,
            "startTimeUnixNano" | "start_time_unix_nano" => {
                self.start = slot.scalar(scalar::uint64)?;
            }
            "endTimeUnixNano" | "end_time_unix_nano" => self.end = slot.scalar(scalar::uint64)?,
            "attributes" => slot.list(&mut self.attributes)?,
            "status" => slot.read(&mut self.status)?,
            "events" => slot.list(&mut self.events)?,
            "flags" => self.flags = slot.scalar(scalar::uint32)?,
            "links" => slot.list(&mut self.links)?,
            "traceState" | "trace_state" => self.trace_state = slot.scalar(scalar::text)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                self.dropped_attributes_count = slot.scalar(scalar::uint32)?;
            }
            "droppedEventsCount" | "dropped_events_count" => {
                self.dropped_events_count = slot.scalar(scalar::uint32)?;
            }
            "droppedLinksCount" | "dropped_links_count" => {
                self.dropped_links_count = slot.scalar(scalar::uint32)?;
            }
            _ => slot.ignore()?,
        }
        Ok(())
    }
}

impl<'de> Members<'de> for EventDraft<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "timeUnixNano" | "time_unix_nano" => self.time = slot.scalar(scalar::uint64)?,
            "name" => self.name = slot.scalar(scalar::text)?,
            "attributes" => slot.list(&mut self.attributes)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                self.dropped_attributes_count = slot.scalar(scalar::uint32)?;
            }
            _ => slot.ignore()?,
        }
        Ok(())
    }
}

impl<'de> Members<'de> for LinkDraft<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "traceId" | "trace_id" => self.trace_id = slot.scalar(scalar::text)?,
            "spanId" | "span_id" => self.span_id = slot.scalar(scalar::text)?,
            "traceState" | "trace_state" => self.trace_state = slot.scalar(scalar::text)?,
            "attributes" => slot.list(&mut self.attributes)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                self.dropped_attributes_count = slot.scalar(scalar::uint32)?;
            }
            "flags" => self.flags = slot.scalar(scalar::uint32)?,
            _ => slot.ignore()?,
        }
        Ok(())
    }
}

impl<'de> Members<'de> for StatusDraft<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, slot: Slot<'_, A>) -> Result<(), A::Error> {
        match name {
            "code" => self.code = slot.scalar(scalar::status_code)?,
            "message" => self.message = slot.scalar(scalar::text)?,
            _ => slot.ignore()?,
        }
        Ok(())
    }
}

impl SpanDraft<'_> {
    /// Makes `view`, which must be empty, a view of this draft.
    ///
    /// # Errors
    /// If an id is none; then the view must not be used.
    pub(super) fn view<'s>(&'s self, view: &mut SpanRef<'s>) -> Checked<()> {
        self.view_ids(view)?;
        view.trace_state = &self.trace_state;
        view.flags = self.flags;
        view.name = &self.name;
        view.kind = SpanKind(self.kind);
        view.start = Timestamp::from_unix_nanos(self.start);
        view.end = Timestamp::from_unix_nanos(self.end);
        view.attributes.extend(self.attributes.iter().map(AttributeDraft::view));
        view.dropped_attributes_count = self.dropped_attributes_count;
        for event in &self.events {
            let first = view.child_attributes.len();
            view.child_attributes.extend(event.attributes.iter().map(AttributeDraft::view));
            view.events.push(EventRef {
                time: Timestamp::from_unix_nanos(event.time),
                name: &event.name,
                attributes: first..view.child_attributes.len(),
                dropped_attributes_count: event.dropped_attributes_count,
            });
        }
        view.dropped_events_count = self.dropped_events_count;
        for (position, link) in self.links.iter().enumerate() {
            let first = view.child_attributes.len();
            view.child_attributes.extend(link.attributes.iter().map(AttributeDraft::view));
            let within = |fault: Fault| fault.within(format_args!("links[{position}]"));
            view.links.push(LinkRef {
                trace_id: id(&link.trace_id, "traceId").map_err(within)?.unwrap_or_default(),
                span_id: id(&link.span_id, "spanId").map_err(within)?.unwrap_or_default(),
                trace_state: &link.trace_state,
                attributes: first..view.child_attributes.len(),
                dropped_attributes_count: link.dropped_attributes_count,
                flags: link.flags,
            });
        }
        view.dropped_links_count = self.dropped_links_count;
        view.status_code = StatusCode(self.status.code);
        view.status_message = &self.status.message;
        Ok(())
    }

    fn view_ids(&self, view: &mut SpanRef<'_>) -> Checked<()> {
        view.trace_id = required_id(&self.trace_id, "traceId")?;
        view.span_id = required_id(&self.span_id, "spanId")?;
        if view.trace_id.is_zero() {
            return Err(check::zero_id("traceId"));
        }
        if view.span_id.is_zero() {
            return Err(check::zero_id("spanId"));
        }
        let parent: Option<SpanId> = id(&self.parent_span_id, "parentSpanId")?;
        view.parent_span_id = parent.filter(|parent| !parent.is_zero());
        Ok(())
    }
}

fn required_id<T: std::str::FromStr<Err = ParseIdError>>(text: &str, field: &str) -> Checked<T> {
    text.parse().map_err(|error| Fault::new(field, error))
}

/// An id that may be left out.
fn id<T: std::str::FromStr<Err = ParseIdError>>(text: &str, field: &str) -> Checked<Option<T>> {
    if text.is_empty() { Ok(None) } else { required_id(text, field).map(Some) }
}

/// The span id of a span that has a fault, as far as it can be read.
#[cold]
pub(super) fn span_id(json: &str, mark: Option<char>) -> String {
    #[derive(Default)]
    struct OnlyId<'de>(Cow<'de, str>);

    impl<'de> Members<'de> for OnlyId<'de> {
        fn member<A: MapAccess<'de>>(
            &mut self,
            name: &str,
            slot: Slot<'_, A>,
        ) -> Result<(), A::Error> {
            if !matches!(name, "spanId" | "span_id") {
                return slot.ignore();
            }
            self.0 = slot.scalar(|scalar| match scalar {
                Scalar::Text(text) => Ok(text),
                _ => Ok(Cow::Borrowed("")),
            })?;
            Ok(())
        }
    }

    let mut id = OnlyId::default();
    // What was read before a fault is as far as it could be read.
    drop(reader::read(json, None, &mut id));
    let shown = |c| if Some(c) == mark { char::REPLACEMENT_CHARACTER } else { c };
    id.0.chars().take(check::QUOTE_MAX).map(shown).collect()
}

/// An empty view that keeps the memory of the lists of `view`, whatever it borrowed from.
pub(super) fn recycle(mut view: SpanRef<'_>) -> SpanRef<'static> {
    view.clear();
    // Collecting from a list into one of the same layout takes over its memory; the lists are
    // empty, so no element is ever made.
    let attribute = |_: AttributeRef<'_>| AttributeRef { key: "", value: ValueRef::Empty };
    SpanRef {
        attributes: view.attributes.into_iter().map(attribute).collect(),
        child_attributes: view.child_attributes.into_iter().map(attribute).collect(),
        events: view.events.into_iter().map(|_| EventRef::default()).collect(),
        links: view.links.into_iter().map(|_| LinkRef::default()).collect(),
        ..SpanRef::default()
    }
}
