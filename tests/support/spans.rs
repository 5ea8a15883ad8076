//! Arbitrary spans for properties: every field, every type of value, nested; NaN and other odd
//! floats, repeated and empty keys, ends before starts, numbers that no enum has; ids from small
//! pools, so that traces, parents and resources are shared. Invariant: every span is one that a
//! store takes.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use treering::model::{
    Attribute, EntityRef, Event, InstrumentationScope, Link, Resource, Span, SpanKind, Status,
    StatusCode, Value,
};
use treering::{SpanId, Timestamp, TraceId};

/// Up to `max` spans that share traces, parents, resources and scopes.
pub(crate) fn spans(max: usize) -> impl Strategy<Value = Vec<Span>> {
    let resources = vec(resource().prop_map(Arc::new), 1..4);
    let scopes = vec(scope().prop_map(Arc::new), 1..4);
    let placed = vec((span(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..=max);
    (resources, scopes, placed).prop_map(|(resources, scopes, placed)| {
        let place = |(span, resource, scope): (Span, prop::sample::Index, prop::sample::Index)| {
            let resource = Arc::clone(resource.get(&resources));
            Span { resource, scope: Arc::clone(scope.get(&scopes)), ..span }
        };
        placed.into_iter().map(place).collect()
    })
}

/// One span of an empty resource and scope.
pub(crate) fn span() -> impl Strategy<Value = Span> {
    let ids = (trace_id(), span_id(), prop::option::of(span_id()), text(), any::<u32>());
    let what = (text(), select(&[0, 1, 2, 3, 4, 5, 6, 99, -1, i32::MIN, i32::MAX][..]));
    let times = (time(), time());
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3));
    let status = (select(&[0, 1, 2, 3, -7][..]), text());
    (ids, what, times, lists, (count(), count(), count()), status).prop_map(
        |(ids, (name, kind), (start, end), lists, dropped, (code, message))| Span {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            trace_state: ids.3,
            flags: ids.4,
            name,
            kind: SpanKind(kind),
            start,
            end,
            attributes: lists.0,
            dropped_attributes_count: dropped.0,
            events: lists.1,
            dropped_events_count: dropped.1,
            links: lists.2,
            dropped_links_count: dropped.2,
            status: Status { code: StatusCode(code), message },
            resource: Arc::default(),
            scope: Arc::default(),
        },
    )
}

/// One of a few trace ids.
pub(crate) fn trace_id() -> impl Strategy<Value = TraceId> {
    (1_u8..6).prop_map(|low| {
        let mut bytes = [0; 16];
        bytes[if low % 2 == 0 { 0 } else { 15 }] = low;
        TraceId::from_bytes(bytes)
    })
}

/// One of a few span ids.
pub(crate) fn span_id() -> impl Strategy<Value = SpanId> {
    (1_u8..20).prop_map(|low| SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0xee, low]))
}

fn time() -> impl Strategy<Value = Timestamp> {
    let near = (0_u64..50).prop_map(|millis| 1_795_334_400_000_000_000 + millis * 1_000_001);
    prop_oneof![8 => near, 1 => Just(0), 1 => any::<u64>()].prop_map(Timestamp::from_unix_nanos)
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0), 1 => any::<u32>()]
}

fn text() -> impl Strategy<Value = String> {
    let odd = vec(any::<char>(), 0..6).prop_map(String::from_iter);
    prop_oneof![4 => select(&["", "GET", "a\"b\\c\n\u{1}", "käse"][..]).prop_map(str::to_owned), 2 => odd]
}

/// Attributes, some of which may share a key.
pub(crate) fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    vec(attribute(), 0..4)
}

fn attribute() -> impl Strategy<Value = Attribute> {
    (key(), value()).prop_map(|(key, value)| Attribute { key, value })
}

fn key() -> impl Strategy<Value = String> {
    let usual = select(&["a", "b", "http.status_code", "service.name", ""][..]);
    prop_oneof![6 => usual.prop_map(str::to_owned), 1 => text()]
}

/// A value of any type, nested or not.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Empty),
        4 => text().prop_map(Value::String),
        2 => any::<bool>().prop_map(Value::Bool),
        2 => (-3_i64..600).prop_map(Value::Int),
        1 => any::<i64>().prop_map(Value::Int),
        2 => any::<f64>().prop_map(Value::Double),
        2 => any::<u64>().prop_map(|bits| Value::Double(f64::from_bits(bits))),
        1 => select(&[0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300][..])
            .prop_map(Value::Double),
        1 => vec(any::<u8>(), 0..5).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let pair = (key(), inner.clone()).prop_map(|(key, value)| Attribute { key, value });
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::Array),
            vec(pair, 0..3).prop_map(Value::KeyValues),
        ]
    })
}

fn event() -> impl Strategy<Value = Event> {
    (time(), text(), attributes(), count()).prop_map(|(time, name, attributes, dropped)| Event {
        time,
        name,
        attributes,
        dropped_attributes_count: dropped,
    })
}

fn link() -> impl Strategy<Value = Link> {
    let trace_id = prop_oneof![trace_id(), Just(TraceId::ZERO)];
    let span_id = prop_oneof![span_id(), Just(SpanId::ZERO)];
    (trace_id, span_id, text(), attributes(), count(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count: dropped,
            flags,
        },
    )
}

/// A resource of a few attributes.
pub(crate) fn resource() -> impl Strategy<Value = Resource> {
    let entity = (text(), text(), vec(key(), 0..2), vec(key(), 0..2)).prop_map(
        |(schema_url, entity_type, id_keys, description_keys)| EntityRef {
            schema_url,
            entity_type,
            id_keys,
            description_keys,
        },
    );
    (attributes(), count(), vec(entity, 0..2), text()).prop_map(
        |(attributes, dropped, entity_refs, schema_url)| Resource {
            attributes,
            dropped_attributes_count: dropped,
            entity_refs,
            schema_url,
        },
    )
}

/// An instrumentation scope.
pub(crate) fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), text(), attributes(), count(), text()).prop_map(
        |(name, version, attributes, dropped, schema_url)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count: dropped,
            schema_url,
        },
    )
}

/// The same spans in sorted order, to compare without regard to the order of groups.
pub(crate) fn sorted(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    spans
}

/// The same spans with every NaN as JSON gives it back.
pub(crate) fn with_plain_nan(spans: &[Span]) -> Vec<Span> {
    let mut spans = spans.to_vec();
    for span in &mut spans {
        plain_attributes(&mut span.attributes);
        span.events.iter_mut().for_each(|event| plain_attributes(&mut event.attributes));
        span.links.iter_mut().for_each(|link| plain_attributes(&mut link.attributes));
        plain_attributes(&mut Arc::make_mut(&mut span.resource).attributes);
        plain_attributes(&mut Arc::make_mut(&mut span.scope).attributes);
    }
    spans
}

fn plain_attributes(attributes: &mut [Attribute]) {
    for attribute in attributes {
        plain_value(&mut attribute.value);
    }
}

fn plain_value(value: &mut Value) {
    match value {
        Value::Double(value) if value.is_nan() => *value = f64::NAN,
        Value::Array(array) => array.iter_mut().for_each(plain_value),
        Value::KeyValues(list) => plain_attributes(list),
        _ => {}
    }
}
