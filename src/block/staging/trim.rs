//! Cutting a span to the limits. Invariant: what is cut or left out raises the count of what was
//! dropped; text is cut between characters; a span within the limits is not touched.

use std::ops::Range;

use crate::codec::cast::{u32_of, u64_of, usize_of_u64};
use crate::model::{
    Attribute, AttributeRef, EventRef, LinkRef, Resource, SpanRef, Value, ValueRef,
};
use crate::options::Limits;

/// The largest of what there is of each kind that has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Largest {
    value_bytes: u64,
    attributes: u64,
    events: u64,
    links: u64,
}

impl Largest {
    /// True if nothing is beyond a limit.
    pub(crate) fn is_within(&self, limits: &Limits) -> bool {
        self.value_bytes <= limits.value_bytes_max
            && self.attributes <= u64::from(limits.attributes_max)
            && self.events <= u64::from(limits.events_max)
            && self.links <= u64::from(limits.links_max)
    }

    /// The larger of each.
    pub(super) fn join(&mut self, other: Self) {
        self.value_bytes = self.value_bytes.max(other.value_bytes);
        self.attributes = self.attributes.max(other.attributes);
        self.events = self.events.max(other.events);
        self.links = self.links.max(other.links);
    }

    /// Counts a list of attributes.
    #[inline]
    pub(super) fn count_attributes(&mut self, len: usize) {
        self.attributes = self.attributes.max(u64_of(len));
    }

    /// Counts the bytes of a value or a key.
    #[inline]
    pub(super) fn count_bytes(&mut self, bytes: u64) {
        self.value_bytes = self.value_bytes.max(bytes);
    }

    /// Counts the events and the links of a span.
    #[inline]
    pub(super) fn count_children(&mut self, events: usize, links: usize) {
        self.events = self.events.max(u64_of(events));
        self.links = self.links.max(u64_of(links));
    }

    /// Those of a resource or a scope.
    pub(super) fn of_origin(list: &[Attribute]) -> Self {
        let bytes = |one: &Attribute| value_bytes(&ValueRef::from(&one.value)).max(one.key.len());
        Self {
            value_bytes: u64_of(list.iter().map(bytes).max().unwrap_or(0)),
            attributes: u64_of(list.len()),
            ..Self::default()
        }
    }
}

/// Bytes of a value: of text and bytes their length, of others about what they take.
#[inline]
pub(super) fn value_bytes(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::String(text) => text.len(),
        ValueRef::Bytes(bytes) => bytes.len(),
        ValueRef::Nested(value) => nested_bytes(value),
        ValueRef::Empty | ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Double(_) => 0,
    }
}

/// Bytes of a value with all that is in it, roughly. Values nest as deep as they may at most.
pub(super) fn nested_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 1,
        Value::Bytes(bytes) => bytes.len() + 1,
        Value::Array(values) => 1 + values.iter().map(nested_bytes).sum::<usize>(),
        Value::KeyValues(list) => 1 + attributes_bytes(list),
        Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Double(_) => 9,
    }
}

/// Bytes of a list of attributes, roughly.
pub(super) fn attributes_bytes(list: &[Attribute]) -> usize {
    list.iter().map(|one| one.key.len() + 1 + nested_bytes(&one.value)).sum()
}

/// Bytes of a resource beside its attributes, roughly.
pub(super) fn resource_bytes(resource: &Resource) -> usize {
    let texts = |list: &[String]| list.iter().map(|text| text.len() + 24).sum::<usize>();
    let entities = resource.entity_refs.iter().map(|entity| {
        let lists = texts(&entity.id_keys) + texts(&entity.description_keys);
        lists + entity.schema_url.len() + entity.entity_type.len() + 96
    });
    attributes_bytes(&resource.attributes) + resource.schema_url.len() + entities.sum::<usize>()
}

/// A value as far as it is within the limit; `None` where it has no shorter form.
fn trim_value<'a>(value: &ValueRef<'a>, bytes_max: usize) -> Option<ValueRef<'a>> {
    match value {
        ValueRef::String(text) => {
            let cut = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.get(..cut).map(ValueRef::String)
        }
        ValueRef::Bytes(bytes) => bytes.get(..bytes_max).map(ValueRef::Bytes),
        _ => None,
    }
}

/// A list as far as it is within the limits, with the number of attributes cut or left out.
fn trim_list<'a>(list: &[AttributeRef<'a>], limits: &Limits) -> (Vec<AttributeRef<'a>>, u32) {
    let bytes_max = usize_of_u64(limits.value_bytes_max);
    let mut kept = Vec::new();
    let count = usize_of_u64(u64::from(limits.attributes_max));
    let mut dropped = list.len().saturating_sub(count);
    for attribute in list.iter().take(count) {
        if attribute.key.len().max(value_bytes(&attribute.value)) <= bytes_max {
            kept.push(attribute.clone());
            continue;
        }
        dropped += 1;
        let value = trim_value(&attribute.value, bytes_max);
        if let Some(value) = value.filter(|_| attribute.key.len() <= bytes_max) {
            kept.push(AttributeRef { key: attribute.key, value });
        }
    }
    (kept, u32_of(dropped).unwrap_or(u32::MAX))
}

/// The first so many, and how many more there are.
fn first<T>(list: &[T], count: u32) -> (&[T], u32) {
    let count = usize_of_u64(u64::from(count)).min(list.len());
    let (kept, rest) = list.split_at(count);
    (kept, u32_of(rest.len()).unwrap_or(u32::MAX))
}

/// A span as far as it is within the limits.
pub(super) fn trim_span<'a>(span: &SpanRef<'a>, limits: &Limits) -> SpanRef<'a> {
    let mut trimmed = span.clone();
    let dropped;
    (trimmed.attributes, dropped) = trim_list(&span.attributes, limits);
    trimmed.dropped_attributes_count = span.dropped_attributes_count.saturating_add(dropped);
    let (events, dropped) = first(&span.events, limits.events_max);
    trimmed.dropped_events_count = span.dropped_events_count.saturating_add(dropped);
    let (links, dropped) = first(&span.links, limits.links_max);
    trimmed.dropped_links_count = span.dropped_links_count.saturating_add(dropped);
    let mut children = Vec::new();
    let mut trim_run = |run: &Range<usize>, dropped_before: u32| {
        let list = span.child_attributes.get(run.clone()).unwrap_or_default();
        let (list, dropped) = trim_list(list, limits);
        let first = children.len();
        children.extend(list);
        (first..children.len(), dropped_before.saturating_add(dropped))
    };
    let event = |event: &EventRef<'a>| {
        let (attributes, dropped_attributes_count) =
            trim_run(&event.attributes, event.dropped_attributes_count);
        EventRef { attributes, dropped_attributes_count, ..event.clone() }
    };
    trimmed.events = events.iter().map(event).collect();
    let link = |link: &LinkRef<'a>| {
        let (attributes, dropped_attributes_count) =
            trim_run(&link.attributes, link.dropped_attributes_count);
        LinkRef { attributes, dropped_attributes_count, ..link.clone() }
    };
    trimmed.links = links.iter().map(link).collect();
    trimmed.child_attributes = children;
    trimmed
}

/// Cuts the attributes of a resource or a scope to the limits.
pub(super) fn trim_origin(list: &mut Vec<Attribute>, dropped: &mut u32, limits: &Limits) {
    let borrowed: Vec<AttributeRef<'_>> = list.iter().map(AttributeRef::from).collect();
    let (kept, more) = trim_list(&borrowed, limits);
    let kept = kept.iter().map(Attribute::from).collect();
    *list = kept;
    *dropped = dropped.saturating_add(more);
}
