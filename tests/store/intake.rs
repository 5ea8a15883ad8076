//! Limits of what is taken in, and blocks that have none. Invariant: what goes beyond a limit is cut
//! or refused, and counted; what does not comes back as it was.

use std::sync::Arc;

use treering::model::{
    Attribute, Event, InstrumentationScope, Link, Resource, Span, SpanRef, SpanSink, Value,
};
use treering::{
    Batch, Error, Limits, Options, SearchOptions, Store, TagOptions, TagScope, Timestamp,
};

use crate::making::{Content, add, assert_holds, by_hand, ingest, place, span, trace_id};

fn limited(change: impl FnOnce(&mut Limits)) -> Options {
    let mut options = by_hand(1 << 18);
    change(&mut options.limits);
    options
}

/// Takes in a span by a batch of the store's, and by one that knows nothing of it; both come back.
fn stored(options: &Options, span: &Span) -> [Span; 2] {
    [true, false].map(|own| {
        let place = place();
        let store = Store::open(&place.path, options.clone()).unwrap();
        let mut batch = if own { store.batch() } else { Batch::new() };
        batch.push(span).unwrap();
        assert_eq!(store.ingest(batch).unwrap().spans, 1);
        let found = store.trace(span.trace_id).unwrap().unwrap();
        found.spans()[0].clone()
    })
}

#[test]
fn values_are_cut_between_characters_and_counted() {
    let options = limited(|limits| limits.value_bytes_max = 10);
    let list = || {
        vec![
            Attribute::new("fits", "0123456789"),
            Attribute::new("long", "012345678é and so on"),
            Attribute::new("bytes", vec![7_u8; 11]),
            Attribute::new("nested", Value::Array(vec!["0123".into(), "4567".into()])),
            Attribute::new("short", Value::Array(vec!["0123".into()])),
            Attribute::new("a key that is too long", 1),
            Attribute::new("number", 1),
        ]
    };
    let cut = vec![
        Attribute::new("bytes", vec![7_u8; 10]),
        Attribute::new("fits", "0123456789"),
        Attribute::new("long", "012345678"),
        Attribute::new("number", 1),
        Attribute::new("short", Value::Array(vec!["0123".into()])),
    ];
    let sent = Span {
        attributes: list(),
        dropped_attributes_count: u32::MAX - 1,
        events: vec![
            Event { attributes: list(), dropped_attributes_count: 1, ..Event::default() },
            Event::default(),
        ],
        links: vec![Link { attributes: list(), ..Link::default() }],
        resource: Arc::new(Resource { attributes: list(), ..Resource::default() }),
        ..span(1, 0, 5)
    };
    for mut found in stored(&options, &sent) {
        assert_eq!(found.dropped_attributes_count, u32::MAX);
        let dropped = found.events.iter().map(|event| event.dropped_attributes_count);
        assert_eq!(dropped.collect::<Vec<u32>>(), [5, 0]);
        assert_eq!(found.links[0].dropped_attributes_count, 4);
        assert_eq!(found.resource.dropped_attributes_count, 4);
        assert_eq!(found.resource.attributes, cut);
        for list in
            [&mut found.attributes, &mut found.events[0].attributes, &mut found.links[0].attributes]
        {
            list.sort_by(|a, b| a.key.cmp(&b.key));
            assert_eq!(*list, cut);
        }
    }
}

#[test]
fn lists_are_cut_after_the_first_so_many_and_counted() {
    let options = limited(|limits| {
        limits.attributes_max = 3;
        limits.events_max = 2;
        limits.links_max = 1;
    });
    let list = |count: i64| (0..count).map(|n| Attribute::new(format!("k{n}"), n)).collect();
    let event = |count| Event { attributes: list(count), ..Event::default() };
    let sent = Span {
        attributes: list(5),
        events: vec![event(4), event(0), event(1)],
        dropped_events_count: 6,
        links: vec![
            Link { attributes: list(7), flags: 1, ..Link::default() },
            Link { flags: 2, ..Link::default() },
            Link { flags: 3, ..Link::default() },
        ],
        ..span(1, 0, 5)
    };
    for found in stored(&options, &sent) {
        assert_eq!((&found.attributes, found.dropped_attributes_count), (&list(3), 2));
        assert_eq!((found.events.len(), found.dropped_events_count), (2, 7));
        assert_eq!(found.events[0].attributes, list(3));
        assert_eq!(found.events[0].dropped_attributes_count, 1);
        assert_eq!((found.links.len(), found.dropped_links_count), (1, 2));
        assert_eq!((found.links[0].flags, found.links[0].dropped_attributes_count), (1, 4));
        assert_eq!(found.links[0].attributes, list(3));
    }
    let fits = Span {
        attributes: list(3),
        events: vec![event(3), event(3)],
        links: vec![Link { attributes: list(3), ..Link::default() }],
        ..span(1, 0, 5)
    };
    for found in stored(&options, &fits) {
        assert_eq!(found, fits);
    }
}

#[test]
fn a_full_trace_takes_no_more_spans_and_says_how_many() {
    let place = place();
    let mut options = limited(|limits| limits.trace_spans_max = 10);
    options.block_rows_max = 64;
    let mut store = Store::open(&place.path, options.clone()).unwrap();
    let mut content = Content::new();
    let mut refused_in_all = 0;
    let mut take = |store: &Store, numbers: std::ops::Range<u64>, room: u64| {
        let spans: Vec<Span> = numbers.map(|number| span(1, number, 100 + number)).collect();
        let other = span(2 + u64::try_from(spans.len()).unwrap(), 0, 7);
        let ingested = ingest(store, spans.iter().chain([&other]));
        let kept = &spans[..usize::try_from(room).unwrap()];
        add(&mut content, kept.iter().chain([&other]));
        let refused = u64::try_from(spans.len()).unwrap() - room;
        assert_eq!((ingested.spans, ingested.refused), (room + 1, refused));
        assert_holds(store, &content, "as far as there is room");
        refused_in_all += refused;
        assert_eq!(store.stats().unwrap().refused_spans, refused_in_all);
    };
    take(&store, 0..4, 4);
    take(&store, 4..9, 5);
    store.maintain().unwrap();
    take(&store, 9..12, 1);
    take(&store, 12..13, 0);
    store.maintain().unwrap();
    take(&store, 0..2, 0);
    drop(store);
    store = Store::open(&place.path, options).unwrap();
    assert_eq!(store.stats().unwrap().refused_spans, 0);
    assert_eq!(ingest(&store, &[span(1, 30, 5)]).refused, 1);
    // Deleting it makes room, and one batch alone may be too much.
    store.delete(&[trace_id(1)]).unwrap();
    let many: Vec<Span> = (0..15).map(|number| span(1, number, 100 + number)).collect();
    let ingested = ingest(&store, &many);
    assert_eq!((ingested.spans, ingested.refused, ingested.traces), (10, 5, 1));
}

#[test]
fn a_batch_beyond_a_limit_is_refused_with_both_numbers() {
    let place = place();
    let options = limited(|limits| {
        limits.batch_spans_max = 3;
        limits.batch_bytes_max = 100_000;
    });
    let store = Store::open(&place.path, options).unwrap();
    let spans: Vec<Span> = (0..4).map(|number| span(1, number, 5)).collect();
    let mut batch = store.batch();
    for span in &spans {
        batch.push(span).unwrap();
    }
    let error = store.ingest(batch).unwrap_err();
    assert!(matches!(error, Error::BatchTooLarge { spans: 4, spans_max: 3, .. }), "{error}");
    assert!(error.to_string().contains("4 spans") && error.to_string().contains("at most 3"));
    let mut batch = store.batch();
    let text = "x".repeat(100_000);
    batch.push(&Span { attributes: vec![Attribute::new("a", text)], ..span(1, 0, 5) }).unwrap();
    let error = store.ingest(batch).unwrap_err();
    let is_bytes = |error: &Error| {
        matches!(error, Error::BatchTooLarge { spans: 1, bytes, bytes_max: 100_000, .. }
            if *bytes > 100_000)
    };
    assert!(is_bytes(&error), "{error}");
    assert_eq!(store.stats().unwrap().spans, 0);
    assert_eq!(ingest(&store, &spans[..3]).spans, 3);
}

#[test]
fn a_limit_of_zero_is_refused() {
    let place = place();
    let error = Store::open(&place.path, limited(|limits| limits.events_max = 0)).unwrap_err();
    assert!(error.to_string().contains("limits.events_max is 0"), "{error}");
}

#[test]
fn memory_of_a_batch_counts_everything() {
    let of = |change: &dyn Fn(&mut Span)| {
        let mut sent = span(1, 0, 5);
        change(&mut sent);
        let mut batch = Batch::new();
        batch.push(&sent).unwrap();
        batch.memory_bytes()
    };
    let text = "x".repeat(10_000);
    let plain = of(&|_| ());
    let grown = [
        of(&|sent| sent.attributes.push(Attribute::new(text.clone(), 1))),
        of(&|sent| sent.attributes.push(Attribute::new("key", text.clone()))),
        of(&|sent| sent.events = vec![Event { name: text.clone(), ..Event::default() }]),
        of(&|sent| sent.links = vec![Link::default(); 200]),
        of(&|sent| {
            sent.resource = Resource { schema_url: text.clone(), ..Resource::default() }.into();
        }),
        of(&|sent| {
            Arc::make_mut(&mut sent.scope).attributes.push(Attribute::new("k", text.clone()));
        }),
    ];
    for (at, bytes) in grown.into_iter().enumerate() {
        assert!(bytes >= plain + 10_000, "{at}: {plain}, {bytes}");
    }
    assert!(of(&|sent| sent.trace_state = "a".to_owned()) < plain + 200);
}

const MANY: u64 = 100_000;

fn batch_of(spans: impl Iterator<Item = Span>) -> Batch {
    let mut batch = Batch::new();
    spans.for_each(|span| batch.push(&span).unwrap());
    batch
}

/// The number of names or values, and whether one is there.
fn assert_all_names(store: &Store, when: &str) {
    let mut options = TagOptions::default();
    options.limit = None;
    let names = store.tag_names(Some(TagScope::Span), None, &options).unwrap();
    let tags = &names.scopes[0].tags;
    assert_eq!(u64::try_from(tags.len()).unwrap(), MANY, "{when}");
    assert!(tags.iter().all(|tag| tag.count == 1), "{when}");
}

#[test]
fn a_hundred_thousand_keys_are_kept_in_one_batch_and_in_several() {
    const EACH: u64 = 100;
    let all = SearchOptions::all();
    let one = |number: u64| {
        let key = |at: u64| Attribute::new(format!("key{at:06}"), format!("value{at}"));
        let keys = number * EACH..(number + 1) * EACH;
        Span { attributes: keys.map(key).collect(), ..span(number % 50, number, number) }
    };
    for batches in [1, 4] {
        let place = place();
        let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
        let spans = MANY / EACH;
        for batch in 0..batches {
            let part = batch * spans / batches..(batch + 1) * spans / batches;
            store.ingest(batch_of(part.map(one))).unwrap();
        }
        for when in ["taken in", "sealed"] {
            assert_all_names(&store, when);
            for key in [0, 1, 49_999, 99_999] {
                let query = format!("{{ span.key{key:06} = `value{key}` }}");
                assert_eq!(store.count(&query, &all).unwrap().spans, 1, "{when}: {query}");
                let tag = format!("span.key{key:06}");
                let values = store.tag_values(&tag, None, &TagOptions::default()).unwrap();
                assert_eq!(values.values.len(), 1, "{when}: {tag}");
            }
            assert_eq!(store.count("{ span.key100000 != nil }", &all).unwrap().spans, 0);
            let trace = store.trace(trace_id(7)).unwrap().unwrap();
            assert_eq!(trace.spans().len(), 20);
            for span in trace.spans() {
                let number = u64::from_le_bytes(span.span_id.to_bytes()).swap_bytes() - 1;
                assert_eq!(span.attributes, one(number).attributes, "{when}: {number}");
            }
            store.maintain().unwrap();
        }
    }
}

#[test]
fn a_hundred_thousand_services_are_kept() {
    let place = place();
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    let one = |number: u64| {
        let name = Attribute::new("service.name", format!("service{number}"));
        let resource = Resource { attributes: vec![name], ..Resource::default() };
        Span { resource: resource.into(), ..span(number / 10, number, number) }
    };
    store.ingest(batch_of((0..MANY).map(one))).unwrap();
    let mut options = TagOptions::default();
    options.limit = None;
    let values = store.tag_values("resource.service.name", None, &options).unwrap();
    assert_eq!(u64::try_from(values.values.len()).unwrap(), MANY);
    let all = SearchOptions::all();
    for number in [0, 54_321, 99_999] {
        let query = format!("{{ resource.service.name = `service{number}` }}");
        let found = store.search(&query, &all).unwrap();
        assert_eq!(found.traces.len(), 1, "{query}");
        assert_eq!(found.traces[0].spansets[0].spans[0].service, format!("service{number}"));
        let trace = store.trace(trace_id(number / 10)).unwrap().unwrap();
        let mut services: Vec<String> =
            trace.spans().iter().map(|span| span.service_name().to_owned()).collect();
        services.sort_unstable();
        let first = number / 10 * 10;
        let expected: Vec<String> = (first..first + 10).map(|n| format!("service{n}")).collect();
        assert_eq!(services, expected);
    }
}

#[test]
fn an_attribute_of_four_megabytes_is_kept() {
    let place = place();
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    let text = |end: char| format!("{}{end}", "0123456789abcdef".repeat(1 << 18));
    let sent = Span {
        attributes: vec![
            Attribute::new("body", text('z')),
            Attribute::new("raw", text('y').into_bytes()),
        ],
        start: Timestamp::from_unix_nanos(1),
        ..span(1, 0, 1)
    };
    let ingested = store.ingest(batch_of([sent.clone(), span(2, 0, 1)].into_iter())).unwrap();
    assert_eq!(ingested.spans, 2);
    let all = SearchOptions::all();
    for when in ["taken in", "sealed"] {
        let trace = store.trace(trace_id(1)).unwrap().unwrap();
        assert_eq!(trace.spans(), std::slice::from_ref(&sent), "{when}");
        assert_eq!(store.count("{ span.body =~ `.*f.` }", &all).unwrap().spans, 1, "{when}");
        // A query has a limit of its own length, so that the whole text cannot be asked for.
        let query = format!("{{ span.body = `{}` }}", text('z'));
        assert!(matches!(store.count(&query, &all), Err(Error::Query(_))), "{when}");
        assert_eq!(store.count("{ span.body =~ `0123.*efz` }", &all).unwrap().spans, 1, "{when}");
        let values = store.tag_values("span.body", None, &TagOptions::default()).unwrap();
        assert_eq!(values.values.len(), 1, "{when}");
        store.maintain().unwrap();
    }
}

#[test]
fn spans_pushed_as_views_belong_to_the_origin_said_last() {
    let place = place();
    let store = Store::open(&place.path, by_hand(100)).unwrap();
    let resource = |name: &str| Resource {
        attributes: vec![Attribute::new("service.name", name)],
        ..Resource::default()
    };
    let scope = |name: &str| InstrumentationScope { name: name.to_owned(), ..Default::default() };
    let mut whole = span(1, 3, 10);
    whole.resource = Arc::new(resource("whole"));
    let spans = [span(1, 0, 10), span(1, 1, 10), span(1, 2, 10), span(1, 4, 10)];
    let views = spans.each_ref().map(|span| {
        let mut view = SpanRef::default();
        view.fill(span);
        view
    });
    let mut batch = store.batch();
    batch.span(&views[0]).unwrap();
    batch.resource(&resource("a"));
    batch.scope(&scope("x"));
    batch.span(&views[1]).unwrap();
    batch.push(&whole).unwrap();
    batch.resource(&resource("b"));
    batch.span(&views[2]).unwrap();
    // What was said before stays forgotten: the same span as `push` takes gets its own origin again.
    batch.push(&whole).unwrap();
    batch.scope(&scope("y"));
    batch.span(&views[3]).unwrap();
    let refusal = batch.span(&SpanRef::default()).unwrap_err();
    assert_eq!(refusal.field, "traceId", "{refusal:?}");
    assert_eq!(batch.len(), 6);
    let ingested = store.ingest(batch).unwrap();
    assert_eq!((ingested.spans, ingested.duplicates), (5, 1));
    let trace = store.trace(trace_id(1)).unwrap().unwrap();
    let mut found: Vec<_> = trace
        .spans()
        .iter()
        .map(|span| (span.name.as_str(), span.service_name(), span.scope.name.as_str()))
        .collect();
    found.sort_unstable();
    let expected = [
        ("span 0", "", ""),
        ("span 1", "a", "x"),
        ("span 2", "b", ""),
        ("span 3", "whole", ""),
        ("span 4", "whole", "y"),
    ];
    assert_eq!(found, expected);
}
