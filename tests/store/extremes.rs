//! Shapes and values at the edges. Invariant: they come back as they went in, and queries find them.

use std::sync::Arc;

use treering::model::{Attribute, Event, Resource, Span};
use treering::{Options, SearchOptions, Store, Timestamp};

use crate::making::{Content, add, assert_holds, ingest, place, span, span_id, time, trace_id};

fn count(store: &Store, query: &str) -> u64 {
    let counted = store.count(query, &SearchOptions::all());
    counted.unwrap_or_else(|error| panic!("{query}: {error:?}")).spans
}

#[test]
fn a_chain_of_100_000_spans() {
    const LEN: u64 = 100_000;
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let link = |number: u64| Span {
        trace_id: trace_id(1),
        span_id: span_id(number),
        parent_span_id: number.checked_sub(1).map(span_id),
        name: if number.is_multiple_of(1000) {
            format!("mile {}", number / 1000)
        } else {
            "step".to_owned()
        },
        start: time(number),
        end: time(2 * LEN - number),
        ..Span::default()
    };
    // The deep half comes first.
    let (top, bottom): (Vec<Span>, Vec<Span>) =
        (0..LEN).map(link).partition(|s| s.start < time(LEN / 2));
    ingest(&store, bottom.iter().rev());
    ingest(&store, &top);
    drop(store);
    let store = Store::open(&place.path, Options::default()).unwrap();
    for (query, expected) in [
        ("{ name = \"mile 0\" } >> { }", LEN - 1),
        ("{ name = \"mile 50\" } >> { name = \"step\" }", 49_950),
        ("{ name = \"mile 99\" } << { }", 99_000),
        ("{ name = \"mile 99\" } << { name =~ \"mile.*\" }", 99),
        ("{ } > { }", LEN - 1),
        ("{ } < { }", LEN - 1),
        ("{ } !> { }", 1),
        ("{ name = \"mile 7\" } > { }", 1),
        ("{ } ~ { }", 0),
        ("{ } &>> { }", LEN),
        ("{ span:childCount = 0 }", 1),
    ] {
        assert_eq!(count(&store, query), expected, "{query}");
    }
    let trace = store.trace(trace_id(1)).unwrap().unwrap();
    assert!(trace.depths().into_iter().eq(0..100_000));
    assert!(trace.into_spans().into_iter().eq(top.into_iter().chain(bottom)));
}

#[test]
fn twenty_thousand_keys() {
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let keyed = |number: u64| {
        let key = |at: u64| format!("key.{:05}", number * 100 + at);
        let mut attributes: Vec<Attribute> =
            (0..100).map(|at| Attribute::new(key(at), at.to_string())).collect();
        attributes.push(Attribute::new("shared", i64::try_from(number).unwrap()));
        Span { attributes, ..span(number / 10, number % 10, number) }
    };
    let spans: Vec<Span> = (0..200).map(keyed).collect();
    ingest(&store, &spans);
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "20,000 keys");
    assert_eq!(count(&store, "{ span.key.00000 = \"0\" }"), 1);
    assert_eq!(count(&store, "{ span.key.19999 = \"99\" }"), 1);
    assert_eq!(count(&store, "{ span.key.19999 = \"98\" }"), 0);
    assert_eq!(count(&store, "{ span.key.20000 != nil }"), 0);
    assert_eq!(count(&store, "{ span.key.12345 != nil && span.shared = 123 }"), 1);
}

#[test]
fn a_value_of_four_megabytes() {
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let text: String =
        (0..4 << 20).map(|at| char::from(b'a' + u8::try_from(at % 23).unwrap())).collect();
    let large = |number, text: String| Span {
        attributes: vec![
            Attribute::new("body", text),
            Attribute::new("bytes", vec![number; 4 << 20]),
        ],
        ..span(1, u64::from(number), 5)
    };
    let spans =
        [large(0, text.clone()), large(1, format!("{text}!")), large(2, "short".to_owned())];
    ingest(&store, &spans);
    ingest(&store, [&span(1, 9, 9)]);
    drop(store);
    let store = Store::open(&place.path, Options::default()).unwrap();
    assert_eq!(count(&store, "{ span.body =~ \"abc.*\" }"), 2);
    assert_eq!(count(&store, "{ span.body =~ \".*!\" }"), 1);
    assert_eq!(count(&store, "{ span.body = \"short\" }"), 1);
    assert_eq!(count(&store, "{ span.bytes != nil }"), 3);
    let mut content = Content::new();
    add(&mut content, spans.iter().chain(&[span(1, 9, 9)]));
    assert_holds(&store, &content, "4 MB");
}

#[test]
fn odd_texts() {
    let texts =
        ["", "\0", "a\0b", "a\0", "\0\0", "a", "\u{10ffff}", "\u{feff}é", "\"\\\n", "nil", " "];
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let odd = |(number, text): (u64, &&str)| {
        let own = Attribute::new(*text, number.to_string());
        let mut attributes = vec![Attribute::new("k", *text), own];
        attributes.sort();
        let service = vec![Attribute::new("service.name", *text)];
        Span {
            name: (*text).to_owned(),
            attributes,
            events: vec![Event { name: (*text).to_owned(), ..Event::default() }],
            resource: Arc::new(Resource { attributes: service, ..Resource::default() }),
            ..span(number, 0, 1)
        }
    };
    let spans: Vec<Span> = (0..).zip(&texts).map(odd).collect();
    ingest(&store, &spans);
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "odd texts");
    for text in texts {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        for field in ["name", "span.k", "resource.service.name", "event:name"] {
            let query = format!("{{ {field} = \"{quoted}\" }}");
            assert_eq!(count(&store, &query), 1, "{query:?}");
            let query = format!("{{ {field} != \"{quoted}\" }}");
            assert_eq!(count(&store, &query), u64::try_from(texts.len() - 1).unwrap(), "{query:?}");
        }
    }
    // By bytes: those that go on after an "a", nil and the two beyond ASCII.
    assert_eq!(count(&store, "{ span.k > \"a\" }"), 5);
}

#[test]
fn times_at_the_edges() {
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let lasting = |trace: u64, start: u64, end: u64| Span {
        end: time(end),
        events: vec![Event { time: time(start), ..Event::default() }, Event::default()],
        ..span(trace, 0, start)
    };
    let spans = [
        lasting(0, 0, 0),
        lasting(1, 0, u64::MAX),
        lasting(2, u64::MAX, u64::MAX),
        lasting(3, u64::MAX, 0),
        lasting(4, 500, 400),
        lasting(5, i64::MAX.cast_unsigned() + 1, u64::MAX),
    ];
    for one in &spans {
        ingest(&store, [one]);
    }
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "edges of time");
    assert_eq!(count(&store, "{ duration = 0 }"), 4);
    assert_eq!(count(&store, "{ duration > 1h }"), 2);
    assert_eq!(count(&store, "{ duration < 0 }"), 0);
    // What does not fit in 64 bits is the longest duration there is, in either direction.
    assert_eq!(count(&store, "{ duration = maxInt && span:selfDuration = maxInt }"), 2);
    assert_eq!(count(&store, "{ event:timeSinceStart = minInt }"), 3);
    assert_eq!(count(&store, "{ event:timeSinceStart > 0 }"), 0);
    let stats = store.stats().unwrap();
    assert_eq!(stats.time_range, Some((time(0), Timestamp::MAX)));
    let newest = store.search("{ }", &SearchOptions::default()).unwrap();
    let order: Vec<_> = newest.traces.iter().map(|trace| trace.trace_id).collect();
    assert_eq!(order, [2, 3, 5, 4, 0, 1].map(trace_id));
    let nanos: Vec<u64> = newest.traces.iter().map(|trace| trace.duration_nanos).collect();
    assert_eq!(nanos, [0, 0, (1 << 63) - 1, 0, 0, u64::MAX]);
    for (start, end, expected) in [
        (0, 0, vec![0, 1]),
        (u64::MAX, u64::MAX, vec![2, 3, 5, 1]),
        (450, 460, vec![1]),
        (450, 500, vec![4, 1]),
    ] {
        let mut options = SearchOptions::all();
        (options.start, options.end) = (Some(time(start)), Some(time(end)));
        let found = store.search("{ }", &options).unwrap();
        let found: Vec<_> = found.traces.iter().map(|trace| trace.trace_id).collect();
        let expected: Vec<_> = expected.into_iter().map(trace_id).collect();
        assert_eq!(found, expected, "{start} to {end}");
    }
}
