//! The staged form of spans and how they get there. Invariant: a cell list holds a key at most once;
//! attributes whose key stands earlier in the same list are kept in one cell under `field::REPEATED`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Interner;
use super::check::{check, too_deep};
use super::trim::{Largest, attributes_bytes, resource_bytes, trim_origin, trim_span};
use crate::block::format::field;
use crate::block::values;
use crate::codec::cast::{i64_of_bits, u32_of};
use crate::codec::order;
use crate::id::{SpanId, TraceId};
use crate::model::{
    Attribute, AttributeRef, InstrumentationScope, Refusal, Resource, SpanKind, SpanRef, SpanSink,
    StatusCode, Value, ValueRef,
};
use crate::options::Limits;
use crate::time::Timestamp;

/// The type of a column's values. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum ValueKind {
    /// Text; the payload is its number in the interner.
    String,
    /// An integer; the payload sorts as it does.
    Int,
    /// A float; the payload sorts as its total order.
    Double,
    /// 0 or 1.
    Bool,
    /// Anything else, as bytes; the payload is their number in the interner.
    Other,
}

impl ValueKind {
    pub(crate) const COUNT: usize = 5;

    /// A dense number of this kind, below [`ValueKind::COUNT`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::String => 0,
            Self::Int => 1,
            Self::Double => 2,
            Self::Bool => 3,
            Self::Other => 4,
        }
    }

    /// True if payloads are numbers in the interner.
    pub(crate) fn is_interned(self) -> bool {
        matches!(self, Self::String | Self::Other)
    }
}

/// One attribute value of one span, event or link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The key's number in `Staging::keys`; or, from `FIELD_KEYS` up, a field's.
    pub(crate) key: u32,
    pub(crate) kind: ValueKind,
    pub(crate) payload: u64,
}

/// Keys from here up are fields: `FIELD_KEYS + field`.
pub(crate) const FIELD_KEYS: u32 = u32::MAX - 255;

/// A span in staging; text by number.
#[derive(Debug, Clone)]
pub(crate) struct StagedSpan {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) kind: SpanKind,
    pub(crate) status: StatusCode,
    pub(crate) name: u32,
    pub(crate) status_message: u32,
    pub(crate) trace_state: u32,
    pub(crate) flags: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
    pub(crate) resource: u32,
    pub(crate) scope: u32,
    pub(crate) attributes: Range<usize>,
    pub(crate) events: Range<usize>,
    pub(crate) links: Range<usize>,
}

/// An event in staging.
#[derive(Debug, Clone)]
pub(crate) struct StagedEvent {
    pub(crate) time: Timestamp,
    pub(crate) name: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) attributes: Range<usize>,
}

/// A link in staging.
#[derive(Debug, Clone)]
pub(crate) struct StagedLink {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_state: u32,
    pub(crate) flags: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) attributes: Range<usize>,
}

/// Spans in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    pub(crate) keys: Interner,
    pub(crate) strings: Interner,
    pub(crate) spans: Vec<StagedSpan>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) events: Vec<StagedEvent>,
    pub(crate) links: Vec<StagedLink>,
    pub(crate) resources: Vec<Arc<Resource>>,
    pub(crate) scopes: Vec<Arc<InstrumentationScope>>,
    resource_numbers: HashMap<Arc<Resource>, u32>,
    scope_numbers: HashMap<Arc<InstrumentationScope>, u32>,
    resource: Option<u32>,
    scope: Option<u32>,
    /// Why spans of the current resource or scope cannot be stored.
    origin_faults: [Option<Refusal>; 2],
    /// For each key, the list in which it was last seen.
    seen_in: Vec<u64>,
    lists: u64,
    scratch: Vec<u8>,
    /// `None` for what was stored before, which keeps everything.
    limits: Option<Limits>,
    largest: Largest,
    /// Bytes of resources and scopes, roughly.
    origin_bytes: usize,
}

impl Staging {
    /// A staging that cuts spans to `limits`.
    pub(crate) fn within(limits: Limits) -> Self {
        Self { limits: Some(limits), ..Self::default() }
    }

    /// The largest of what was staged.
    pub(crate) fn largest(&self) -> Largest {
        self.largest
    }

    /// True if `largest` is beyond the limits; else takes note of it.
    fn is_beyond(&mut self, largest: Largest) -> bool {
        let beyond = self.limits.as_ref().is_some_and(|limits| !largest.is_within(limits));
        if !beyond {
            self.largest.join(largest);
        }
        beyond
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes_len(&self) -> usize {
        self.strings.bytes_len()
            + self.keys.bytes_len()
            + self.origin_bytes
            + self.links.len() * size_of::<StagedLink>()
            + self.cells.len() * size_of::<Cell>()
            + self.spans.len() * size_of::<StagedSpan>()
            + self.events.len() * size_of::<StagedEvent>()
    }

    /// Stages a list of attributes; `sorted` keys are not needed.
    pub(crate) fn stage_list(&mut self, list: &[AttributeRef<'_>]) -> Range<usize> {
        let first = self.cells.len();
        self.lists += 1;
        let mut repeated = Vec::new();
        for attribute in list {
            let key = self.keys.intern(attribute.key.as_bytes());
            if self.is_repeated(key) {
                repeated.push(Attribute::from(attribute));
                continue;
            }
            let (kind, payload) = self.stage_value(&attribute.value);
            self.cells.push(Cell { key, kind, payload });
        }
        if !repeated.is_empty() {
            let value = Value::KeyValues(repeated);
            let (kind, payload) = self.stage_value(&ValueRef::from(&value));
            let key = FIELD_KEYS + u32::from(field::REPEATED);
            self.cells.push(Cell { key, kind, payload });
        }
        first..self.cells.len()
    }

    fn is_repeated(&mut self, key: u32) -> bool {
        let at = crate::codec::cast::usize_of(key);
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

    /// A cell's value.
    pub(crate) fn value(&self, cell: &Cell) -> Value {
        let interned = || self.strings.get(u32::try_from(cell.payload).unwrap_or(0));
        match cell.kind {
            ValueKind::String => Value::String(String::from_utf8_lossy(interned()).into_owned()),
            ValueKind::Int => Value::Int(order::to_i64(cell.payload)),
            ValueKind::Double => Value::Double(f64::from_bits(order::to_f64_bits(cell.payload))),
            ValueKind::Bool => Value::Bool(cell.payload != 0),
            ValueKind::Other => values::decode(interned()).unwrap_or_default(),
        }
    }

    fn stage_children(&mut self, span: &SpanRef<'_>) -> (Range<usize>, Range<usize>) {
        let (first_event, first_link) = (self.events.len(), self.links.len());
        for event in &span.events {
            let list = span.child_attributes.get(event.attributes.clone()).unwrap_or_default();
            let attributes = self.stage_list(list);
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
            let attributes = self.stage_list(list);
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
        (first_event..self.events.len(), first_link..self.links.len())
    }
}

impl SpanSink for Staging {
    fn resource(&mut self, resource: &Resource) {
        let [fault, _] = &mut self.origin_faults;
        *fault = too_deep("resource.attributes", &resource.attributes);
        if fault.is_some() {
            return;
        }
        let mut resource = resource.clone();
        if self.is_beyond(Largest::of_origin(&resource.attributes))
            && let Some(limits) = &self.limits
        {
            let dropped = &mut resource.dropped_attributes_count;
            trim_origin(&mut resource.attributes, dropped, limits);
        }
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let bytes = size_of::<Resource>() + resource_bytes(&resource);
        let before = self.resources.len();
        let number = number_of(&mut self.resource_numbers, &mut self.resources, resource);
        self.origin_bytes += if self.resources.len() > before { bytes } else { 0 };
        self.resource = Some(number);
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        let [_, fault] = &mut self.origin_faults;
        *fault = too_deep("scope.attributes", &scope.attributes);
        if fault.is_some() {
            return;
        }
        let mut scope = scope.clone();
        if self.is_beyond(Largest::of_origin(&scope.attributes))
            && let Some(limits) = &self.limits
        {
            trim_origin(&mut scope.attributes, &mut scope.dropped_attributes_count, limits);
        }
        scope.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let texts = scope.name.len() + scope.version.len() + scope.schema_url.len();
        let bytes = size_of::<InstrumentationScope>() + texts + attributes_bytes(&scope.attributes);
        let before = self.scopes.len();
        self.scope = Some(number_of(&mut self.scope_numbers, &mut self.scopes, scope));
        self.origin_bytes += if self.scopes.len() > before { bytes } else { 0 };
    }

    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal> {
        check(span)?;
        if self.is_beyond(Largest::of(span))
            && let Some(limits) = &self.limits
        {
            let trimmed = trim_span(span, limits);
            return self.span(&trimmed);
        }
        if let Some(fault) = self.origin_faults.iter().flatten().next() {
            return Err(fault.clone());
        }
        if self.resource.is_none() {
            self.resource(&Resource::default());
        }
        if self.scope.is_none() {
            self.scope(&InstrumentationScope::default());
        }
        let attributes = self.stage_list(&span.attributes);
        let (events, links) = self.stage_children(span);
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
            resource: self.resource.unwrap_or(0),
            scope: self.scope.unwrap_or(0),
            attributes,
            events,
            links,
        };
        self.spans.push(staged);
        Ok(())
    }
}

fn number_of<T: Clone + Eq + std::hash::Hash>(
    numbers: &mut HashMap<Arc<T>, u32>,
    list: &mut Vec<Arc<T>>,
    value: T,
) -> u32 {
    if let Some(number) = numbers.get(&value) {
        return *number;
    }
    let number = u32_of(list.len()).unwrap_or(u32::MAX);
    let value = Arc::new(value);
    list.push(Arc::clone(&value));
    numbers.insert(value, number);
    number
}

/// A `u64` as the payload of an `Int` cell, by its bits.
pub(crate) const fn payload_of_bits(bits: u64) -> u64 {
    order::of_i64(i64_of_bits(bits))
}
