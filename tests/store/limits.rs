//! Options, limits, time ranges and the order of results. Invariant: a limit cuts the list of all
//! results and changes nothing else.

use std::sync::Arc;

use treering::model::{Attribute, Event, InstrumentationScope, Link, Resource, Span, Value};
use treering::{Batch, Error, Options, SearchOptions, Store, TraceId};

use crate::making::{blocks_of, ingest, place, span, time, trace_id};

fn found(store: &Store, options: &SearchOptions) -> Vec<TraceId> {
    let result = store.search("{ }", options).unwrap();
    result.traces.iter().map(|trace| trace.trace_id).collect()
}

#[test]
fn options_out_of_range_are_errors() {
    let place = place();
    let with = |change: &dyn Fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        Store::open(&place.path, options).map(drop)
    };
    for (name, wrong) in [
        ("block_rows_max", with(&|options| options.block_rows_max = 0)),
        ("chunk_bytes", with(&|options| options.chunk_bytes = 0)),
        ("query_threads", with(&|options| options.query_threads = 0)),
        ("query_threads", with(&|options| options.query_threads = 1025)),
        ("chunk_bytes", with(&|options| options.chunk_bytes = 63)),
        ("chunk_bytes", with(&|options| options.chunk_bytes = 65_001)),
    ] {
        let Err(Error::Options(text)) = wrong else { panic!("{name}: {wrong:?}") };
        assert!(text.contains(name) && text.contains("expected"), "{text}");
    }
    assert!(!place.path.exists(), "a refused store leaves a file");
    with(&|options| options.chunk_bytes = 64).unwrap();
    with(&|options| (options.chunk_bytes, options.block_rows_max) = (65_000, u32::MAX)).unwrap();
    with(&|options| (options.cache_bytes, options.page_cache_bytes) = (0, 0)).unwrap();
}

#[test]
fn a_store_without_caches_and_with_tiny_chunks_works() {
    let place = place();
    let mut options = blocks_of(3);
    (options.chunk_bytes, options.cache_bytes, options.page_cache_bytes) = (64, 0, 0);
    let spans: Vec<Span> = (0..40).map(|number| span(number % 11, number, number)).collect();
    let store = Store::open(&place.path, options).unwrap();
    for part in spans.chunks(13) {
        ingest(&store, part);
    }
    drop(store);
    let store = Store::open(&place.path, Options::default()).unwrap();
    let mut content = crate::making::Content::new();
    crate::making::add(&mut content, &spans);
    crate::making::assert_holds(&store, &content, "chunks of another size");
}

#[test]
fn ties_go_by_trace_id_and_limits_cut() {
    for rows_max in [1, 3, 1000] {
        let place = place();
        let store = Store::open(&place.path, blocks_of(rows_max)).unwrap();
        // 40 traces of few starts, in an order that is neither that of ids nor of starts.
        let start = |trace: u64| 100 + trace % 3;
        let spans: Vec<Span> =
            (0..40).map(|at| at * 17 % 40).map(|trace| span(trace, 0, start(trace))).collect();
        for part in spans.chunks(7) {
            ingest(&store, part);
        }
        let mut expected: Vec<u64> = (0..40).collect();
        expected.sort_by_key(|trace| (std::cmp::Reverse(start(*trace)), *trace));
        let expected: Vec<TraceId> = expected.into_iter().map(trace_id).collect();
        for limit in [0, 1, 2, 7, 13, 14, 20, 39, 40, 41, usize::MAX] {
            let mut options = SearchOptions::default();
            options.limit = Some(limit);
            let traces = found(&store, &options);
            assert_eq!(traces, expected[..limit.min(40)], "limit {limit}, {rows_max} rows");
        }
        assert_eq!(found(&store, &SearchOptions::default()), expected[..20]);
        assert_eq!(found(&store, &SearchOptions::all()), expected);
    }
}

#[test]
fn spans_shown_are_limited_and_all_are_counted() {
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let spans: Vec<Span> = (0..6).map(|number| span(1, number, 50 - number)).collect();
    ingest(&store, &spans);
    for shown in [Some(0), Some(1), Some(3), Some(6), Some(7), Some(usize::MAX), None] {
        let mut options = SearchOptions::all();
        options.spans_per_spanset = shown;
        let result = store.search("{ }", &options).unwrap();
        let set = &result.traces[0].spansets[0];
        let names: Vec<&str> = set.spans.iter().map(|span| span.name.as_str()).collect();
        let all = ["span 5", "span 4", "span 3", "span 2", "span 1", "span 0"];
        assert_eq!(names, all[..shown.unwrap_or(6).min(6)], "{shown:?}");
        assert_eq!(set.matched, 6);
    }
}

#[test]
fn time_ranges_include_both_ends() {
    for rows_max in [1, 1000] {
        let place = place();
        let store = Store::open(&place.path, blocks_of(rows_max)).unwrap();
        let lasting = |trace: u64, start, end| Span { end: time(end), ..span(trace, 0, start) };
        // The last one ends before it starts: it takes place at its start.
        let spans = [
            lasting(0, 100, 200),
            lasting(1, 150, 150),
            lasting(2, 300, 400),
            lasting(3, 500, 450),
        ];
        for one in &spans {
            ingest(&store, [one]);
        }
        let within = |start: Option<u64>, end: Option<u64>| {
            let mut options = SearchOptions::all();
            (options.start, options.end) = (start.map(time), end.map(time));
            let mut traces = found(&store, &options);
            let counted = store.count("{ }", &options).unwrap().traces;
            assert_eq!(counted, u64::try_from(traces.len()).unwrap(), "{start:?} to {end:?}");
            traces.sort_unstable();
            traces
        };
        let ids = |numbers: &[u64]| numbers.iter().map(|n| trace_id(*n)).collect::<Vec<_>>();
        for (start, end, expected) in [
            (None, None, &[0, 1, 2, 3][..]),
            (Some(200), None, &[0, 2, 3]),
            (Some(201), None, &[2, 3]),
            (None, Some(99), &[]),
            (None, Some(100), &[0]),
            (None, Some(149), &[0]),
            (Some(150), Some(150), &[0, 1]),
            (Some(151), Some(299), &[0]),
            (Some(201), Some(299), &[]),
            (Some(350), Some(360), &[2]),
            (Some(400), Some(400), &[2]),
            (Some(401), Some(499), &[]),
            (Some(470), Some(600), &[3]),
            (Some(500), None, &[3]),
            (Some(500), Some(500), &[3]),
            (Some(501), None, &[]),
            (Some(400), Some(300), &[2]),
            (Some(0), Some(u64::MAX), &[0, 1, 2, 3]),
        ] {
            assert_eq!(within(start, end), ids(expected), "{start:?} to {end:?}, {rows_max} rows");
        }
    }
}

#[test]
fn explained_plans_are_the_same_but_for_time() {
    let explain = |query: &str| {
        let place = place();
        let store = Store::open(&place.path, blocks_of(10)).unwrap();
        let spans: Vec<Span> = (0..30).map(|number| span(number % 5, number / 5, number)).collect();
        ingest(&store, &spans);
        let explain = || {
            let text = store.explain(query, &SearchOptions::all()).unwrap().text;
            let (stable, time) = text.trim_end().rsplit_once(" in ").unwrap();
            assert!(time.ends_with('s'), "{time}");
            stable.to_owned()
        };
        let (first, second) = (explain(), explain());
        assert_eq!(first, second, "{query}, asked again");
        first
    };
    for query in ["{ }", "{ name = \"span 2\" } >> { }", "{ } | by(name) | count() > 1"] {
        let text = explain(query);
        assert_eq!(text, explain(query), "{query}, in another store");
        assert!(text.contains("rows considered") && text.contains("traces"), "{text}");
    }
    let text = explain("{ name =~ \"span [12]\" }");
    assert!(text.ends_with("5 traces, 10 spans"), "{text}");
}

/// Deeper values could not be read back, and with them no span of their trace.
#[test]
fn values_as_deep_as_the_limit_come_back_and_deeper_ones_are_refused_wherever_they_stand() {
    let list = |depth: u32, leaf: Value| {
        let deepen = |value, level| match level % 2 {
            0 => Value::Array(vec![value]),
            _ => Value::KeyValues(vec![Attribute::new("k", value)]),
        };
        let value = (0..depth).fold(leaf, deepen);
        // Twice, so that the second is stored among the repeated ones.
        vec![Attribute::new("a", value.clone()), Attribute::new("a", value)]
    };
    let places: [fn(&mut Span, Vec<Attribute>); 5] = [
        |span, list| span.attributes = list,
        |span, list| span.events = vec![Event { attributes: list, ..Event::default() }],
        |span, list| span.links = vec![Link { attributes: list, ..Link::default() }],
        |span, list| {
            span.resource = Arc::new(Resource { attributes: list, ..Resource::default() });
        },
        |span, list| {
            let scope = InstrumentationScope { attributes: list, ..Default::default() };
            span.scope = Arc::new(scope);
        },
    ];
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let mut content = crate::making::Content::new();
    for (number, put) in (0..).zip(places) {
        let mut spans = [span(number, 0, 1), span(number, 1, 2), span(number, 2, 3)];
        put(&mut spans[0], list(Value::DEPTH_MAX, Value::Int(1)));
        put(&mut spans[1], list(Value::DEPTH_MAX - 1, Value::Array(Vec::new())));
        ingest(&store, &spans);
        crate::making::add(&mut content, &spans);
        let mut batch = Batch::new();
        for leaf in [Value::Int(1), Value::Array(Vec::new())] {
            let mut deep = span(number, 9, 9);
            put(&mut deep, list(Value::DEPTH_MAX + 1, leaf));
            let refusal = batch.push(&deep).unwrap_err();
            assert!(refusal.field.ends_with("[0].value"), "{refusal}");
            assert!(refusal.reason.contains("64 levels"), "{refusal}");
        }
        batch.push(&spans[0]).unwrap();
        assert_eq!(batch.len(), 1);
    }
    crate::making::assert_holds(&store, &content, "deep values");
}
