//! Names and values of tags are what counting over all stored spans gives.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use treering::model::{Attribute, Event, Span, Value};
use treering::query::FieldValue;
use treering::query::syntax::{Query, Stage};
use treering::{Error, SpanId, TagOptions, TagScope, Timestamp, TraceId};

use crate::answers::{config, filled};
use crate::asking::parse;
use crate::forest::{BASE, arrival};
use crate::oracle::{Oracle, stored};

type Counts = BTreeMap<String, u64>;

/// Whether the span counts.
type Wanted<'a> = &'a dyn Fn(&Span) -> bool;

const QUERIES: [&str; 4] =
    ["{ kind = server }", "{ } | count() > 2", "{ kind = server } | by(name)", "{ false }"];

fn wanted(query: Option<&str>, trace_spans: usize) -> impl Fn(&Span) -> bool {
    let query = query.map(str::to_owned);
    move |span| match query.as_deref() {
        None => true,
        Some("{ } | count() > 2") => trace_spans > 2,
        Some("{ false }") => false,
        Some(_) => span.kind.0 == 2,
    }
}

fn single(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => format!("string {text:?}"),
        Value::Bool(flag) => format!("bool {flag}"),
        Value::Int(number) => format!("int {number}"),
        Value::Double(number) => format!("float {:016x}", number.to_bits()),
        _ => return None,
    })
}

/// The distinct values that an attribute counts for.
fn elements(value: &Value) -> BTreeSet<String> {
    let Value::Array(values) = value else { return single(value).into_iter().collect() };
    let alike = values
        .windows(2)
        .all(|pair| std::mem::discriminant(&pair[0]) == std::mem::discriminant(&pair[1]));
    let all: Option<BTreeSet<String>> = values.iter().map(single).collect();
    all.filter(|_| alike).unwrap_or_default()
}

fn find<'a>(list: &'a [Attribute], key: &str) -> Option<&'a Value> {
    list.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

/// What each value of `field` counts on one span.
fn on_span(span: &Span, field: &str) -> Vec<BTreeSet<String>> {
    let of = |value: Option<&Value>| vec![value.map(elements).unwrap_or_default()];
    let text = |text: &str| vec![BTreeSet::from([format!("string {text:?}")])];
    let service = |key: &str, value: Option<&Value>| match value {
        None if key == "service.name" => text(""),
        value => of(value),
    };
    match field {
        "name" => text(&span.name),
        "statusMessage" => text(&span.status.message),
        "status" => vec![BTreeSet::from([format!("status {}", span.status.code.0)])],
        "kind" => vec![BTreeSet::from([format!("kind {}", span.kind.0)])],
        "instrumentation:name" => text(&span.scope.name),
        "duration" => {
            vec![BTreeSet::from([format!("duration {}", span.end.nanos_since(span.start))])]
        }
        "trace:id" => text(&span.trace_id.to_string()),
        "event:timeSinceStart" => {
            let after = |event: &Event| {
                i128::from(event.time.unix_nanos()) - i128::from(span.start.unix_nanos())
            };
            let after = |event| BTreeSet::from([format!("duration {}", after(event))]);
            span.events.iter().map(after).collect()
        }
        "link:traceID" => {
            span.links.iter().flat_map(|link| text(&link.trace_id.to_string())).collect()
        }
        "event:name" => span.events.iter().flat_map(|event| text(&event.name)).collect(),
        "link:spanID" => {
            span.links.iter().flat_map(|link| text(&link.span_id.to_string())).collect()
        }
        _ => match field.split_once('.').unwrap() {
            ("", key) => match find(&span.attributes, key) {
                None => service(key, find(&span.resource.attributes, key)),
                value => of(value),
            },
            ("span", key) => of(find(&span.attributes, key)),
            ("resource", key) => service(key, find(&span.resource.attributes, key)),
            ("instrumentation", key) => of(find(&span.scope.attributes, key)),
            ("event", key) => {
                span.events.iter().flat_map(|event| of(find(&event.attributes, key))).collect()
            }
            ("link", key) => {
                span.links.iter().flat_map(|link| of(find(&link.attributes, key))).collect()
            }
            other => panic!("{other:?}"),
        },
    }
}

const FIELDS: [&str; 24] = [
    "name",
    "statusMessage",
    "status",
    "kind",
    "instrumentation:name",
    "duration",
    "trace:id",
    "event:name",
    "event:timeSinceStart",
    "link:spanID",
    "link:traceID",
    ".a",
    ".b",
    ".n",
    ".service.name",
    ".arr",
    "span.a",
    "span.flag",
    "resource.a",
    "resource.service.name",
    "instrumentation.b",
    "event.a",
    "event.arr",
    "link.b",
];

/// Fields that are no column of the span: of its parent, of its trace, or of its place there.
const COMPUTED: [&str; 37] = [
    "parent.a",
    "parent.arr",
    "parent.span.b",
    "parent.resource.a",
    "parent.service.name",
    "parent.resource.service.name",
    "parent.name",
    "parent.statusMessage",
    "parent.kind",
    "parent.status",
    "parent.duration",
    "parent.span:id",
    "parent.span:parentID",
    "parent.span:childCount",
    "parent.span:depth",
    "parent.span:selfDuration",
    "parent.span:startTime",
    "parent.nestedSetLeft",
    "parent.instrumentation:name",
    "parent.rootName",
    "parent.traceDuration",
    "rootName",
    "rootServiceName",
    "traceDuration",
    "span:id",
    "span:parentID",
    "span:childCount",
    "span:selfDuration",
    "span:depth",
    "span:startTime",
    "span:endTime",
    "nestedSetLeft",
    "nestedSetParent",
    "trace:spanCount",
    "trace:serviceCount",
    "trace:errorCount",
    "trace:startTime",
];

/// What counting the oracle's values of a field gives.
fn count_computed(
    oracle: &Oracle,
    field: &str,
    query: Option<&str>,
    times: (Option<u64>, Option<u64>),
) -> Counts {
    let Query::Search(pipeline, _) = parse(&format!("select({field})")) else { panic!("{field}") };
    let [Stage::Select(fields)] = pipeline.stages.as_slice() else { panic!("{field}") };
    let mut counts = Counts::new();
    for spans in oracle.values(&fields[0]) {
        if !within(spans.iter().map(|(span, _)| *span), times) {
            continue;
        }
        let wanted = wanted(query, spans.len());
        for (_, value) in spans.iter().filter(|(span, _)| wanted(span)) {
            let elements = match value {
                FieldValue::Nil => BTreeSet::new(),
                FieldValue::Array(values) => values.iter().map(shown).collect(),
                single => BTreeSet::from([shown(single)]),
            };
            for element in elements {
                *counts.entry(element).or_default() += 1;
            }
        }
    }
    counts
}

/// Whether a trace of these spans meets the range.
fn within<'a>(
    spans: impl Iterator<Item = &'a Span> + Clone,
    (from, to): (Option<u64>, Option<u64>),
) -> bool {
    let start = spans.clone().map(|span| span.start.unix_nanos()).min().unwrap();
    let end = spans.map(|span| span.end.unix_nanos()).max().unwrap().max(start);
    from.is_none_or(|from| end >= from) && to.is_none_or(|to| start <= to)
}

fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::String(text) => format!("string {text:?}"),
        FieldValue::Bool(flag) => format!("bool {flag}"),
        FieldValue::Int(number) => format!("int {number}"),
        FieldValue::Float(number) => format!("float {:016x}", number.to_bits()),
        FieldValue::Duration(nanos) => format!("duration {nanos}"),
        FieldValue::Status(number) => format!("status {number}"),
        FieldValue::Kind(number) => format!("kind {number}"),
        FieldValue::Time(time) => format!("time {}", time.unix_nanos()),
        other => panic!("{other:?}"),
    }
}

/// The keys in a list, each once.
fn keys(list: &[Attribute]) -> BTreeSet<String> {
    list.iter().map(|attribute| attribute.key.clone()).collect()
}

fn lists(span: &Span, scope: TagScope) -> Vec<BTreeSet<String>> {
    match scope {
        TagScope::Span => vec![keys(&span.attributes)],
        TagScope::Resource => vec![keys(&span.resource.attributes)],
        TagScope::Instrumentation => vec![keys(&span.scope.attributes)],
        TagScope::Event => span.events.iter().map(|event| keys(&event.attributes)).collect(),
        TagScope::Link => span.links.iter().map(|link| keys(&link.attributes)).collect(),
        _ => Vec::new(),
    }
}

fn count(
    traces: &BTreeMap<TraceId, Vec<Span>>,
    query: Option<&str>,
    times: (Option<u64>, Option<u64>),
    of: impl Fn(&Span) -> Vec<BTreeSet<String>>,
) -> Counts {
    let mut counts = Counts::new();
    for spans in traces.values() {
        if !within(spans.iter(), times) {
            continue;
        }
        let wanted = wanted(query, spans.len());
        let wanted: Wanted<'_> = &wanted;
        for value in spans.iter().filter(|span| wanted(span)).flat_map(&of).flatten() {
            *counts.entry(value).or_default() += 1;
        }
    }
    counts
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn tags_are_what_counting_gives(
        arrival in arrival(), chunk_bytes in 64..200_u32,
        asks in vec((proptest::option::of(select(&QUERIES[..])), proptest::option::of(0..130_u64), proptest::option::of(0..130_u64)), 2),
    ) {
        let filled = filled(&arrival, chunk_bytes);
        let traces = stored(&arrival.spans());
        for (query, from, to) in asks.into_iter().chain([(None, None, None)]) {
            let times = (from.map(|t| BASE + t), to.map(|t| BASE + t));
            let mut options = TagOptions::default();
            options.start = times.0.map(Timestamp::from_unix_nanos);
            options.end = times.1.map(Timestamp::from_unix_nanos);
            for field in FIELDS {
                let found = filled.store.tag_values(field, query, &options).unwrap();
                prop_assert!(!found.truncated);
                let order: Vec<_> = found.values.iter().map(|value| Reverse(value.count)).collect();
                prop_assert!(order.is_sorted());
                let counts: Counts = found.values.iter().map(|value| (shown(&value.value), value.count)).collect();
                prop_assert_eq!(counts.len(), found.values.len());
                let expected = count(&traces, query, times, |span| on_span(span, field));
                prop_assert_eq!(counts, expected, "{} of {:?} {:?}", field, query, times);
            }
            for field in COMPUTED {
                let found = filled.store.tag_values(field, query, &options).unwrap();
                let counts: Counts = found.values.iter().map(|value| (shown(&value.value), value.count)).collect();
                prop_assert_eq!(counts.len(), found.values.len());
                let expected = count_computed(&filled.oracle, field, query, times);
                prop_assert_eq!(counts, expected, "{} of {:?} {:?}", field, query, times);
            }
            let found = filled.store.tag_names(None, query, &options).unwrap();
            for scope in TagScope::ALL.into_iter().filter(|scope| *scope != TagScope::Intrinsic) {
                let tags = found.scopes.iter().filter(|tags| tags.scope == scope).flat_map(|tags| &tags.tags);
                let counts: Counts = tags.map(|tag| (tag.name.clone(), tag.count)).collect();
                let expected = count(&traces, query, times, |span| lists(span, scope));
                prop_assert_eq!(counts, expected, "names of {:?} {:?} {:?}", scope, query, times);
                let alone = filled.store.tag_names(Some(scope), query, &options).unwrap();
                prop_assert!(alone.scopes.iter().all(|tags| tags.scope == scope && found.scopes.contains(tags)));
            }
        }
    }
}

#[test]
fn limits_cut_and_wrong_questions_are_refused() {
    let span = |id: u8, value: Value| Span {
        trace_id: TraceId::from_bytes([1; 16]),
        span_id: SpanId::from_bytes([id; 8]),
        attributes: vec![Attribute::new("x", value), Attribute::new("y", 1_i64)],
        ..Span::default()
    };
    let array = Value::from(["b", "b", "a"]);
    let spans = vec![
        span(1, "a".into()),
        span(2, array),
        span(3, 1_i64.into()),
        span(4, vec![0_u8].into()),
    ];
    let filled = filled(&crate::forest::Arrival { batches: vec![spans] }, 64);
    let mut options = TagOptions::default();
    options.limit = Some(2);
    let found = filled.store.tag_values(".x", None, &options).unwrap();
    let pairs: Vec<_> =
        found.values.iter().map(|value| (shown(&value.value), value.count)).collect();
    assert_eq!(pairs, [("string \"a\"".to_owned(), 2), ("string \"b\"".to_owned(), 1)]);
    assert!(found.truncated);
    let names = filled.store.tag_names(Some(TagScope::Span), None, &options).unwrap();
    assert_eq!(
        names.scopes[0].tags.iter().map(|tag| (&*tag.name, tag.count)).collect::<Vec<_>>(),
        [("x", 4), ("y", 4)]
    );
    assert!(!names.truncated);
    options.limit = Some(1);
    assert!(filled.store.tag_names(Some(TagScope::Span), None, &options).unwrap().truncated);
    for (field, query) in [("x", None), (".x", Some("{ } | rate()")), (".x", Some("{"))] {
        let refused = filled.store.tag_values(field, query, &options);
        assert!(matches!(refused, Err(Error::Query(_))), "{field} {query:?}");
    }
}
