//! Every field of a span survives. Invariant: what comes through the exporter and what comes as an
//! OTLP request of the SDK's own transformation is the same.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use proptest::prelude::*;
use prost::Message;
use treering::model::{self, Trace};
use treering::{Durability, Maintenance, Options, Store};
use treering_opentelemetry::StoreExporter;

use crate::making::{after_epoch, export, place, span, stats_of};

/// The traces of a store that holds what `fill` puts there.
fn traces(ids: &BTreeSet<treering::TraceId>, fill: impl FnOnce(&Store)) -> Vec<Option<Trace>> {
    let place = place();
    let mut options = Options::default();
    options.durability = Durability::Within(Duration::from_secs(60));
    options.maintenance = Maintenance::ByHand;
    let store = Store::open(&place.path, options).unwrap();
    fill(&store);
    ids.iter().map(|id| store.trace(*id).unwrap()).collect()
}

/// The traces by way of the exporter, and by way of OTLP, which are the same.
fn both_ways(resource: &Resource, spans: &[SpanData]) -> Vec<Option<Trace>> {
    let ids = spans.iter().map(|span| span.span_context.trace_id().to_bytes());
    let ids = ids.map(treering::TraceId::from_bytes).collect();
    let (mut refused, mut rejected) = (0, 0);
    let exported = traces(&ids, |store| {
        let mut exporter = StoreExporter::new(store.clone()).unwrap();
        exporter.set_resource(resource);
        export(&exporter, spans.to_vec()).unwrap();
        exporter.force_flush().unwrap();
        let came = u64::try_from(spans.len()).unwrap();
        refused = stats_of(&exporter.handle(), came).dropped.refused;
    });
    let sent = traces(&ids, |store| {
        let resource = ResourceAttributesWithSchema::from(resource);
        let resource_spans = group_spans_by_resource_and_scope(spans.to_vec(), &resource);
        let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let mut batch = store.batch();
        rejected = u64::try_from(batch.push_protobuf(&request).unwrap().len()).unwrap();
        store.ingest(batch).unwrap();
    });
    assert_eq!(exported, sent);
    assert_eq!(refused, rejected);
    exported
}

fn texts(words: &[&str]) -> Value {
    let words = words.iter().map(|word| StringValue::from((*word).to_owned()));
    Value::Array(Array::String(words.collect()))
}

/// A span with something in each field.
fn full() -> SpanData {
    let state = TraceState::from_key_value([("vendor", "a"), ("other", "b")]).unwrap();
    let remote = |trace: u128, number: u64, flags| {
        let (trace, number) = (TraceId::from(trace), SpanId::from(number));
        SpanContext::new(trace, number, flags, true, state.clone())
    };
    let mut events = SpanEvents::default();
    let attributes = vec![KeyValue::new("attempt", 2)];
    events.events.push(Event::new("retry", after_epoch(1_500), attributes, 3));
    events.dropped_count = 4;
    let mut links = SpanLinks::default();
    let attributes = vec![KeyValue::new("why", "caused")];
    links.links.push(Link::new(remote(9, 8, TraceFlags::NOT_SAMPLED), attributes, 5));
    links.dropped_count = 6;
    let scope = InstrumentationScope::builder("library")
        .with_version("1.2")
        .with_schema_url("https://example.com/scope")
        .with_attributes([KeyValue::new("part", "http")]);
    SpanData {
        span_context: remote(1, 2, TraceFlags::SAMPLED),
        parent_span_id: SpanId::from(3),
        parent_span_is_remote: true,
        span_kind: SpanKind::Server,
        name: "GET /cart".into(),
        attributes: vec![
            KeyValue::new("bool", true),
            KeyValue::new("float", -0.0),
            KeyValue::new("floats", Value::Array(vec![f64::NAN, 1.5].into())),
            KeyValue::new("int", i64::MIN),
            KeyValue::new("ints", Value::Array(vec![1_i64, -1].into())),
            KeyValue::new("none", Value::Array(Vec::<bool>::new().into())),
            KeyValue::new("text", "é"),
            KeyValue::new("texts", texts(&["a", ""])),
        ],
        dropped_attributes_count: 7,
        events,
        links,
        status: Status::error("out of stock"),
        instrumentation_scope: scope.build(),
        ..span(1, 2)
    }
}

#[test]
fn each_field_comes_back_as_it_was_given() {
    let resource = Resource::builder_empty()
        .with_schema_url([KeyValue::new("service.name", "shop")], "https://example.com/resource")
        .build();
    let traces = both_ways(&resource, &[full()]);
    let found = &traces[0].as_ref().unwrap().spans()[0];
    assert_eq!(found.trace_id.to_string(), "00000000000000000000000000000001");
    assert_eq!(found.span_id.to_string(), "0000000000000002");
    assert_eq!(found.parent_span_id.unwrap().to_string(), "0000000000000003");
    assert_eq!((found.trace_state.as_str(), found.flags), ("vendor=a,other=b", 0x301));
    assert_eq!((found.name.as_str(), found.kind), ("GET /cart", model::SpanKind::SERVER));
    assert_eq!((found.start.unix_nanos(), found.end.unix_nanos()), (1_000, 2_000));
    let expected = [
        model::Attribute::new("bool", true),
        model::Attribute::new("float", -0.0),
        model::Attribute::new("floats", [f64::NAN, 1.5]),
        model::Attribute::new("int", i64::MIN),
        model::Attribute::new("ints", [1_i64, -1]),
        model::Attribute::new("none", model::Value::Array(Vec::new())),
        model::Attribute::new("text", "é"),
        model::Attribute::new("texts", ["a", ""]),
    ];
    assert_eq!(found.attributes, expected);
    assert_eq!(found.dropped_attributes_count, 7);
    let event = &found.events[0];
    assert_eq!((event.name.as_str(), event.time.unix_nanos()), ("retry", 1_500));
    assert_eq!(event.attributes, [model::Attribute::new("attempt", 2_i64)]);
    assert_eq!((event.dropped_attributes_count, found.dropped_events_count), (3, 4));
    let link = &found.links[0];
    assert_eq!((link.trace_state.as_str(), link.flags), ("vendor=a,other=b", 0x300));
    assert_eq!(link.span_id.to_string(), "0000000000000008");
    assert_eq!(link.attributes, [model::Attribute::new("why", "caused")]);
    assert_eq!((link.dropped_attributes_count, found.dropped_links_count), (5, 6));
    let error = (model::StatusCode::ERROR, "out of stock");
    assert_eq!((found.status.code, found.status.message.as_str()), error);
    assert_eq!(found.service_name(), "shop");
    assert_eq!(found.resource.schema_url, "https://example.com/resource");
    let scope = &found.scope;
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("library", "1.2"));
    assert_eq!(scope.schema_url, "https://example.com/scope");
    assert_eq!(scope.attributes, [model::Attribute::new("part", "http")]);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-c]{1,2}", "\\PC{1,8}"]
}

fn any_value() -> impl Strategy<Value = Value> {
    let float = proptest::num::f64::ANY;
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        float.prop_map(Value::from),
        any_text().prop_map(Value::from),
        prop::collection::vec(any::<bool>(), 0..3).prop_map(|list| Value::Array(list.into())),
        prop::collection::vec(any::<i64>(), 0..3).prop_map(|list| Value::Array(list.into())),
        prop::collection::vec(float, 0..3).prop_map(|list| Value::Array(list.into())),
        prop::collection::vec(any_text().prop_map(StringValue::from), 0..3)
            .prop_map(|list| Value::Array(list.into())),
    ]
}

/// Attributes, the same key more than once now and then.
fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (any_text(), any_value()).prop_map(|(key, value)| KeyValue::new(key, value));
    prop::collection::vec(pair, 0..4)
}

/// Contexts of few ids, none among them.
fn any_context() -> impl Strategy<Value = SpanContext> {
    let states = [("", ""), ("vendor", "a"), ("other", "b")];
    let state = prop::sample::subsequence(states[1..].to_vec(), 0..=2);
    (0..4_u128, 0..6_u64, any::<u8>(), any::<bool>(), state).prop_map(
        |(trace, number, flags, is_remote, state)| {
            let state = TraceState::from_key_value(state).unwrap();
            let (trace, number) = (TraceId::from(trace), SpanId::from(number));
            SpanContext::new(trace, number, TraceFlags::new(flags), is_remote, state)
        },
    )
}

/// Times on both sides of the epoch, some of them equal.
fn any_time() -> impl Strategy<Value = SystemTime> {
    prop_oneof![
        (0..4_u64).prop_map(after_epoch),
        any::<u64>().prop_map(after_epoch),
        any::<u32>().prop_map(|seconds| UNIX_EPOCH - Duration::from_secs(seconds.into())),
    ]
}

fn any_events() -> impl Strategy<Value = SpanEvents> {
    let event = (any_text(), any_time(), any_attributes(), any::<u32>())
        .prop_map(|(name, time, attributes, dropped)| Event::new(name, time, attributes, dropped));
    (prop::collection::vec(event, 0..3), any::<u32>()).prop_map(|(events, dropped_count)| {
        let mut all = SpanEvents::default();
        (all.events, all.dropped_count) = (events, dropped_count);
        all
    })
}

fn any_links() -> impl Strategy<Value = SpanLinks> {
    let link = (any_context(), any_attributes(), any::<u32>())
        .prop_map(|(context, attributes, dropped)| Link::new(context, attributes, dropped));
    (prop::collection::vec(link, 0..3), any::<u32>()).prop_map(|(links, dropped_count)| {
        let mut all = SpanLinks::default();
        (all.links, all.dropped_count) = (links, dropped_count);
        all
    })
}

fn any_scope() -> impl Strategy<Value = InstrumentationScope> {
    let text = || prop::option::of(any_text());
    (any_text(), text(), text(), any_attributes()).prop_map(|(name, version, url, attributes)| {
        let mut scope = InstrumentationScope::builder(name).with_attributes(attributes);
        if let Some(version) = version {
            scope = scope.with_version(version);
        }
        if let Some(url) = url {
            scope = scope.with_schema_url(url);
        }
        scope.build()
    })
}

fn any_span() -> impl Strategy<Value = SpanData> {
    let kind = prop::sample::select(vec![
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ]);
    let status =
        prop_oneof![Just(Status::Unset), Just(Status::Ok), any_text().prop_map(Status::error),];
    let ids = (any_context(), 0..6_u64, any::<bool>());
    let told = (kind, any_text(), any_time(), any_time(), status, any_scope());
    let lists = (any_attributes(), any::<u32>(), any_events(), any_links());
    (ids, told, lists).prop_map(|(ids, told, lists)| {
        let (span_context, parent, parent_span_is_remote) = ids;
        let (span_kind, name, start_time, end_time, status, instrumentation_scope) = told;
        let (attributes, dropped_attributes_count, events, links) = lists;
        SpanData {
            span_context,
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote,
            span_kind,
            name: name.into(),
            start_time,
            end_time,
            attributes,
            dropped_attributes_count,
            events,
            links,
            status,
            instrumentation_scope,
        }
    })
}

proptest! {
    // Each opens two stores.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn spans_come_as_by_otlp(
        spans in prop::collection::vec(any_span(), 0..8),
        resource in any_attributes(),
        url in any_text(),
    ) {
        both_ways(&Resource::builder_empty().with_schema_url(resource, url).build(), &spans);
    }
}
