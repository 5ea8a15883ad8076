//! Results and traces through serde. Invariant: what is written as JSON is read back as it was, whatever
//! numbers, times and values a span has.

use std::sync::Arc;

use proptest::prelude::*;
use treering::model::{Attribute, Event, Link, Resource, Span, SpanKind, Status, Trace, Value};
use treering::query::{FieldValue, SearchResult};
use treering::{
    Cursor, Options, Order, SearchOptions, SpanId, Stats, Store, TagNames, TagOptions, TagValues,
    Timestamp, TraceId,
};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        ".{0,8}".prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(|float| Value::Double(if float.is_nan() { f64::NAN } else { float })),
        prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::NAN), Just(-0.0)]
            .prop_map(Value::Double),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let list = prop::collection::vec((".{0,4}", inner.clone()), 0..3);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            list.prop_map(|list| {
                Value::KeyValues(list.into_iter().map(|(key, v)| Attribute::new(key, v)).collect())
            }),
        ]
    })
}

fn span(number: u8, values: Vec<Value>) -> Span {
    let keys = ["a", "b", "c", "d"];
    let attributes = keys.iter().zip(values).map(|(key, v)| Attribute::new(*key, v)).collect();
    Span {
        trace_id: TraceId::from_bytes([7; 16]),
        span_id: SpanId::from_bytes([number + 1; 8]),
        parent_span_id: (number > 0).then(|| SpanId::from_bytes([number; 8])),
        name: format!("span {number}"),
        kind: SpanKind(i32::from(number) - 1),
        start: Timestamp::from_unix_nanos(u64::MAX - 900 + u64::from(number)),
        end: Timestamp::from_unix_nanos(u64::MAX - 100),
        attributes,
        events: vec![Event { name: "e".into(), ..Event::default() }],
        links: vec![Link { span_id: SpanId::from_bytes([9; 8]), ..Link::default() }],
        status: Status { message: "m".into(), ..Status::default() },
        resource: Arc::new(Resource {
            attributes: vec![Attribute::new("service.name", "shop")],
            ..Resource::default()
        }),
        ..Span::default()
    }
}

fn store(spans: &[Span]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    let mut batch = store.batch();
    for span in spans {
        batch.push(span).unwrap();
    }
    store.ingest(batch).unwrap();
    (folder, store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_trace_comes_back(values in prop::collection::vec(prop::collection::vec(value(), 0..4), 1..4)) {
        let spans: Vec<Span> = (0u8..).zip(values).map(|(at, values)| span(at, values)).collect();
        let (_folder, store) = store(&spans);
        let trace = store.trace(TraceId::from_bytes([7; 16])).unwrap().unwrap();
        let text = serde_json::to_string(&trace).unwrap();
        let back: Trace = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(back, trace);
    }
}

#[test]
fn answers_come_back() {
    let values = vec![Value::Double(f64::INFINITY), "x".into(), 7.into(), [1, 2].into()];
    let (_folder, store) = store(&[span(0, values.clone()), span(1, values)]);
    let query = "{ .a > 1. && .b != nil && .c = 7 && .d = 1 && duration >= 0s && kind != server } \
                 | select(status, span:childCount, rootName) | by(name)";
    let found = store.search(query, &SearchOptions::all()).unwrap();
    let text = serde_json::to_string(&found).unwrap();
    let back: SearchResult = serde_json::from_str(&text).unwrap();
    assert_eq!(back, found);
    let shown = &found.traces[0].spansets[0].spans[0];
    assert!(shown.attributes.contains(&("a".to_owned(), FieldValue::Float(f64::INFINITY))));
    // Ids, times and values as people and other programs read them.
    assert!(text.contains(r#""trace_id":"07070707070707070707070707070707""#), "{text}");
    assert!(text.contains(r#""start":"18446744073709550715""#), "{text}");
    assert!(text.contains(r#"["a",{"float":"Infinity"}]"#), "{text}");
    // And as lines.
    let lines = found.to_string();
    let expected = "\
07070707070707070707070707070707 2554-07-21T23:34:33.709Z 800ns shop span 0
  by(span:name)=\"span 0\"
  0101010101010101 800ns shop span 0 a=inf b=\"x\" c=7 d=[1, 2] duration=800ns kind=-1 status=unset span:childCount=1 rootName=\"span 0\" name=\"span 0\"
  by(span:name)=\"span 1\"
  0202020202020202 799ns shop span 1 a=inf b=\"x\" c=7 d=[1, 2] duration=799ns kind=unspecified status=unset span:childCount=0 rootName=\"span 0\" name=\"span 1\"
1 trace, 2 spans matched
";
    assert_eq!(lines, expected);
    let cursor = Cursor::after(&found.traces[0]);
    let text = serde_json::to_string(&(cursor, Order::NewestFirst)).unwrap();
    assert_eq!(
        serde_json::from_str::<(Cursor, Order)>(&text).unwrap(),
        (cursor, Order::NewestFirst)
    );

    let stats = store.stats().unwrap();
    let text = serde_json::to_string(&stats).unwrap();
    assert_eq!(serde_json::from_str::<Stats>(&text).unwrap(), stats);
    let names = store.tag_names(None, None, &TagOptions::default()).unwrap();
    let text = serde_json::to_string(&names).unwrap();
    assert_eq!(serde_json::from_str::<TagNames>(&text).unwrap(), names);
    let values = store.tag_values(".b", None, &TagOptions::default()).unwrap();
    let text = serde_json::to_string(&values).unwrap();
    assert_eq!(serde_json::from_str::<TagValues>(&text).unwrap(), values);
}

#[test]
fn what_is_no_id_no_time_and_no_tree_is_refused_or_mended() {
    assert!(serde_json::from_str::<TraceId>("\"12\"").unwrap_err().to_string().contains("32 hex"));
    assert!(serde_json::from_str::<Timestamp>("\"-1\"").is_err());
    assert_eq!(serde_json::from_str::<Timestamp>("12").unwrap().unix_nanos(), 12);
    assert!(serde_json::from_str::<FieldValue>(r#"{"float":"ten"}"#).is_err());
    assert_eq!(
        serde_json::from_str::<FieldValue>(r#"{"float":3}"#).unwrap(),
        FieldValue::Float(3.0)
    );
    // A parent that does not come before its child is none.
    let (_folder, store) = store(&[span(0, Vec::new()), span(1, Vec::new())]);
    let trace = store.trace(TraceId::from_bytes([7; 16])).unwrap().unwrap();
    let mut json = serde_json::to_value(&trace).unwrap();
    json["parents"] = serde_json::json!([1, 0]);
    let mended: Trace = serde_json::from_value(json).unwrap();
    assert_eq!((mended.parent(0), mended.parent(1)), (None, Some(0)));
}
