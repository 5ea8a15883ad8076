//! How spans get into staging. Limits and nesting are looked at on the way; a span that is beyond them
//! is taken back and cut. Invariant: what is told of a span is staged as a whole or not at all.

use std::ops::Range;

use super::check::check;
use super::spans::FIELD_KEYS;
use super::trim::{Largest, trim_span, value_bytes};
use super::{Cell, StagedEvent, StagedLink, StagedSpan, Staging, ValueKind};
use crate::block::format::field;
use crate::block::values;
use crate::codec::cast::{u64_of, usize_of};
use crate::codec::order;
use crate::model::{
    Attribute, AttributeRef, InstrumentationScope, OriginBytes, Refusal, Resource, SpanRef,
    SpanSink, Value, ValueRef,
};

/// What was met in the span that is being staged.
#[derive(Debug, Default)]
struct Met {
    largest: Largest,
    /// True if a value nests deeper than can be read back.
    is_too_deep: bool,
}

/// The lengths of a staging's lists.
struct Mark {
    cells: usize,
    events: usize,
    links: usize,
}

impl Staging {
    /// Stages a list of attributes; `sorted` keys are not needed.
    pub(crate) fn stage_list(&mut self, list: &[AttributeRef<'_>]) -> Range<usize> {
        self.stage_some(list, |_| true)
    }

    /// The same, without values that are beyond the limits: then the span does not stay as it is.
    fn stage_within(&mut self, list: &[AttributeRef<'_>], met: &mut Met) -> Range<usize> {
        let bytes_max = self.limits.as_ref().map_or(u64::MAX, |limits| limits.value_bytes_max);
        met.largest.count_attributes(list.len());
        self.stage_some(list, |attribute| {
            if let ValueRef::Nested(value) = &attribute.value
                && values::is_deeper_than(value, Value::DEPTH_MAX)
            {
                met.is_too_deep = true;
                return false;
            }
            let bytes = u64_of(value_bytes(&attribute.value).max(attribute.key.len()));
            met.largest.count_bytes(bytes);
            bytes <= bytes_max
        })
    }

    #[inline]
    fn stage_some(
        &mut self,
        list: &[AttributeRef<'_>],
        mut is_kept: impl FnMut(&AttributeRef<'_>) -> bool,
    ) -> Range<usize> {
        let first = self.cells.len();
        self.lists += 1;
        let mut repeated = Vec::new();
        let mut before = 0;
        for attribute in list {
            if !is_kept(attribute) {
                continue;
            }
            let key = self.key_after(before, attribute.key.as_bytes());
            before = key;
            if self.is_repeated(key) {
                repeated.push(Attribute::from(attribute));
                continue;
            }
            let (kind, payload) = self.stage_value(&attribute.value);
            self.cells.push(Cell { key, kind, payload });
        }
        if !repeated.is_empty() {
            let (kind, payload) = self.stage_other(&Value::KeyValues(repeated));
            let field = FIELD_KEYS + u32::from(field::REPEATED);
            self.cells.push(Cell { key: field, kind, payload });
        }
        first..self.cells.len()
    }

    /// The number of a key. The keys of a list mostly come in the order in which they came before.
    fn key_after(&mut self, last: u32, key: &[u8]) -> u32 {
        let guess = self.following.get(usize_of(last)).copied().unwrap_or(0);
        let number = self.keys.intern_guessed(key, guess);
        if number != guess {
            if self.following.len() <= usize_of(last) {
                self.following.resize(usize_of(last) + 1, 0);
            }
            if let Some(following) = self.following.get_mut(usize_of(last)) {
                *following = number;
            }
        }
        number
    }

    fn is_repeated(&mut self, key: u32) -> bool {
        let at = usize_of(key);
        if self.seen_in.len() <= at {
            self.seen_in.resize(at + 1, 0);
        }
        let lists = self.lists;
        self.seen_in.get_mut(at).is_some_and(|seen| std::mem::replace(seen, lists) == lists)
    }

    fn stage_value(&mut self, value: &ValueRef<'_>) -> (ValueKind, u64) {
        match value {
            ValueRef::String(text) => {
                (ValueKind::String, u64::from(self.strings.intern(text.as_bytes())))
            }
            ValueRef::Bool(value) => (ValueKind::Bool, u64::from(*value)),
            ValueRef::Int(value) => (ValueKind::Int, order::of_i64(*value)),
            ValueRef::Double(bits) => (ValueKind::Double, order::of_f64_bits(*bits)),
            ValueRef::Empty => self.stage_other(&Value::Empty),
            ValueRef::Bytes(bytes) => self.stage_other(&Value::Bytes(bytes.to_vec())),
            ValueRef::Nested(value) => self.stage_other(value),
        }
    }

    fn stage_other(&mut self, value: &Value) -> (ValueKind, u64) {
        self.scratch.clear();
        values::encode(value, &mut self.scratch);
        (ValueKind::Other, u64::from(self.strings.intern(&self.scratch)))
    }

    fn stage_children(
        &mut self,
        span: &SpanRef<'_>,
        met: &mut Met,
    ) -> (Range<usize>, Range<usize>) {
        let (first_event, first_link) = (self.events.len(), self.links.len());
        for event in &span.events {
            let list = span.child_attributes.get(event.attributes.clone()).unwrap_or_default();
            let attributes = self.stage_within(list, met);
            let name = self.strings.intern(event.name.as_bytes());
            self.events.push(StagedEvent {
                time: event.time,
                name,
                dropped_attributes: event.dropped_attributes_count,
                attributes,
            });
        }
        for link in &span.links {
            let list = span.child_attributes.get(link.attributes.clone()).unwrap_or_default();
            let attributes = self.stage_within(list, met);
            let trace_state = self.strings.intern(link.trace_state.as_bytes());
            self.links.push(StagedLink {
                trace_id: link.trace_id,
                span_id: link.span_id,
                trace_state,
                flags: link.flags,
                dropped_attributes: link.dropped_attributes_count,
                attributes,
            });
        }
        met.largest.count_children(span.events.len(), span.links.len());
        (first_event..self.events.len(), first_link..self.links.len())
    }

    fn mark(&self) -> Mark {
        Mark { cells: self.cells.len(), events: self.events.len(), links: self.links.len() }
    }

    /// Takes back what was staged since.
    #[cold]
    fn rewind(&mut self, mark: &Mark) {
        self.cells.truncate(mark.cells);
        self.events.truncate(mark.events);
        self.links.truncate(mark.links);
    }

    fn is_within(&self, largest: &Largest) -> bool {
        self.limits.as_ref().is_none_or(|limits| largest.is_within(limits))
    }
}

impl SpanSink for Staging {
    fn resource(&mut self, resource: &Resource) {
        self.begin_resource(resource);
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        self.begin_scope(scope);
    }

    fn recall(&mut self, origin: &OriginBytes<'_>) -> bool {
        self.recall_origin(origin)
    }

    fn remember(&mut self, origin: &OriginBytes<'_>) {
        self.remember_origin(origin);
    }

    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal> {
        let fault = self.origins.faults.iter().flatten().next();
        if fault.is_some() || span.trace_id.is_zero() || span.span_id.is_zero() {
            check(span)?;
            if let Some(fault) = fault {
                return Err(fault.clone());
            }
        }
        let mark = self.mark();
        let mut met = Met::default();
        let attributes = self.stage_within(&span.attributes, &mut met);
        let (events, links) = self.stage_children(span, &mut met);
        if met.is_too_deep || !self.is_within(&met.largest) {
            self.rewind(&mark);
            check(span)?;
            if let Some(limits) = &self.limits {
                let trimmed = trim_span(span, limits);
                return self.span(&trimmed);
            }
        }
        self.largest.join(met.largest);
        if self.origins.resource.is_none() {
            self.begin_resource(&Resource::default());
        }
        if self.origins.scope.is_none() {
            self.begin_scope(&InstrumentationScope::default());
        }
        let staged = StagedSpan {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id.filter(|id| !id.is_zero()),
            start: span.start,
            end: span.end,
            kind: span.kind,
            status: span.status_code,
            name: self.strings.intern(span.name.as_bytes()),
            status_message: self.strings.intern(span.status_message.as_bytes()),
            trace_state: self.strings.intern(span.trace_state.as_bytes()),
            flags: span.flags,
            dropped_attributes: span.dropped_attributes_count,
            dropped_events: span.dropped_events_count,
            dropped_links: span.dropped_links_count,
            resource: self.origins.resource.unwrap_or(0),
            scope: self.origins.scope.unwrap_or(0),
            attributes,
            events,
            links,
        };
        self.spans.push(staged);
        Ok(())
    }
}
