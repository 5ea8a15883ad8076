//! Searches that are stopped, and many at once. Invariants: what a stopped search returns is a
//! beginning of the whole answer and marked partial; nothing of a search goes on after it returned.

use std::time::{Duration, Instant};

use treering::model::Span;
use treering::query::SearchResult;
use treering::{CancelToken, Options, Order, SearchOptions, Store, TagOptions};

use crate::making::{Place, blocks_of, ingest, place, span};

/// A store of many small blocks whose queries have so many threads.
fn many_blocks(query_threads: usize) -> (Place, Store) {
    let place = place();
    let mut options = blocks_of(3);
    options.query_threads = query_threads;
    let store = Store::open(&place.path, options).unwrap();
    let spans = (0..80).flat_map(|trace| (0..3).map(move |number| span(trace, number, trace / 2)));
    ingest(&store, &spans.collect::<Vec<Span>>());
    assert!(store.stats().unwrap().blocks >= 80);
    (place, store)
}

/// Hundreds of stages, each of which looks at every span. Legal, and far longer than any test.
fn endless() -> String {
    let stages =
        (0..800).map(|at| format!(" | by(duration + {at}ns)")).collect::<Vec<_>>().concat();
    format!("{{ }}{stages}")
}

fn ids(result: &SearchResult) -> Vec<String> {
    result.traces.iter().map(|trace| trace.trace_id.to_string()).collect()
}

/// A store of one block, all of which is one window.
fn one_window() -> (Place, Store) {
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    let spans = (0..4000).flat_map(|trace| (0..5).map(move |number| span(trace, number, trace)));
    ingest(&store, &spans.collect::<Vec<Span>>());
    (place, store)
}

#[test]
fn another_thread_cancels_within_a_window() {
    let (_place, store) = one_window();
    let whole = store.count("{ }", &SearchOptions::all()).unwrap();
    assert!(!whole.partial);
    let token = CancelToken::new();
    let mut options = SearchOptions::all();
    options.cancel = Some(token.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            token.cancel();
        });
        // Were the token looked at between windows only, this would run to the end and not be partial.
        let found = store.search(&endless(), &options).unwrap();
        assert!(found.partial && found.traces.is_empty());
        assert_eq!(found.metrics.spans_matched, 0, "half an answer is none");
        let counts = store.count(&endless(), &options).unwrap();
        assert_eq!((counts.partial, counts.traces, counts.rows_considered), (true, 0, 0));
    });
}

#[test]
fn a_deadline_ends_a_search_within_a_window() {
    let (_place, store) = one_window();
    for order in [Order::NewestFirst, Order::MostSpansFirst] {
        let mut options = SearchOptions::default();
        options.order = order;
        options.deadline = Some(Instant::now() + Duration::from_millis(20));
        let found = store.search(&endless(), &options).unwrap();
        assert!(found.partial && found.traces.is_empty(), "{order:?}");
    }
    // A long pipeline that nobody stops is legal.
    let stages = (0..20).map(|at| format!(" | by(duration + {at}ns)")).collect::<Vec<_>>().concat();
    let mut options = SearchOptions::default();
    options.deadline = Some(Instant::now() + Duration::from_secs(3600));
    let found = store.search(&format!("{{ }}{stages}"), &options).unwrap();
    assert_eq!((found.partial, found.traces.len()), (false, 20));
}

#[test]
fn a_search_that_is_stopped_before_it_starts_is_empty_and_partial() {
    let (_place, store) = many_blocks(3);
    let token = CancelToken::new();
    token.cancel();
    for threads in [Some(1), Some(2), None] {
        for order in [Order::NewestFirst, Order::OldestFirst, Order::LongestFirst] {
            for limit in [Some(20), None] {
                let mut cancelled = SearchOptions::all();
                (cancelled.threads, cancelled.order, cancelled.limit) = (threads, order, limit);
                let mut late = cancelled.clone();
                cancelled.cancel = Some(token.clone());
                late.deadline = Some(Instant::now());
                for options in [cancelled, late] {
                    let found = store.search("{ }", &options).unwrap();
                    assert!(found.partial && found.traces.is_empty(), "{options:?}");
                    assert_eq!(found.metrics.rows_considered, 0);
                    let counts = store.count("{ }", &options).unwrap();
                    assert_eq!((counts.partial, counts.traces), (true, 0));
                }
            }
        }
    }
}

#[test]
fn what_is_certain_is_a_beginning_of_the_answer() {
    let (_place, store) = many_blocks(4);
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut options = SearchOptions::all();
        options.order = order;
        let whole = ids(&store.search("{ }", &options).unwrap());
        assert_eq!(whole.len(), 80);
        for threads in [1, 2, 4] {
            options.threads = Some(threads);
            for micros in (0..3000).step_by(150) {
                options.deadline = Some(Instant::now() + Duration::from_micros(micros));
                let found = store.search("{ } | by(name) | count() > 0", &options).unwrap();
                let traces = ids(&found);
                assert!(whole.starts_with(&traces), "{order:?}, {threads} threads");
                assert!(found.partial || traces.len() == whole.len());
                let counts = store.count("{ }", &options).unwrap();
                assert!(counts.partial || counts.traces == 80, "{counts:?}");
            }
        }
    }
}

#[test]
fn a_token_used_while_results_are_handed_out_ends_them() {
    let (_place, store) = many_blocks(2);
    let token = CancelToken::new();
    let mut options = SearchOptions::all();
    options.cancel = Some(token.clone());
    let mut handed = 0;
    let result = store.search_each("{ }", &options, |_| {
        handed += 1;
        if handed == 7 {
            token.cancel();
        }
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!((result.unwrap().partial, handed), (true, 7));
}

#[test]
fn many_queries_share_a_pool_of_two_and_all_are_answered() {
    let (_place, store) = many_blocks(3);
    let whole = ids(&store.search("{ }", &SearchOptions::all()).unwrap());
    std::thread::scope(|scope| {
        for user in 0..16 {
            let (store, whole) = (store.clone(), &whole);
            scope.spawn(move || {
                for round in 0..15 {
                    let mut options = SearchOptions::all();
                    if round % 3 == 1 {
                        options.limit = Some(user + 5);
                    }
                    if round % 5 == 4 {
                        options.deadline = Some(Instant::now() + Duration::from_micros(300));
                    }
                    let found = store.search("{ } >> { } || { }", &options).unwrap();
                    let traces = ids(&found);
                    let limit = options.limit.unwrap_or(whole.len());
                    assert!(whole[..limit].starts_with(&traces));
                    assert!(found.partial || traces.len() == limit, "user {user}");
                    let counts = store.count("{ }", &SearchOptions::all()).unwrap();
                    assert_eq!(counts.spans, 240);
                }
            });
        }
    });
}

#[test]
fn a_store_that_is_dropped_leaves_nothing_that_keeps_its_file_open() {
    let place = place();
    for round in 0..20_u64 {
        let mut options = blocks_of(1);
        options.query_threads = 4;
        let store = Store::open(&place.path, options).unwrap();
        ingest(&store, &(0..40).map(|at| span(round * 40 + at, 0, at)).collect::<Vec<Span>>());
        // Both end with jobs begun ahead that nobody wants any more.
        let mut options = SearchOptions::default();
        options.limit = Some(1);
        assert_eq!(store.search("{ name != \"x\" }", &options).unwrap().traces.len(), 1);
        options.deadline = Some(Instant::now() + Duration::from_micros(500));
        store.search("{ } | by(name)", &options).unwrap();
        let other = store.clone();
        drop(store);
        let counts = other.count("{ }", &SearchOptions::all()).unwrap();
        assert_eq!(counts.spans, (round + 1) * 40);
    }
}

#[test]
fn tags_are_stopped_and_say_so() {
    let (_place, store) = one_window();
    let fields = ["name", "parent.name", "trace:id", "duration", ".none"];
    let mut long = TagOptions::default();
    long.deadline = Some(Instant::now() + Duration::from_secs(3600));
    long.cancel = Some(CancelToken::new());
    let names = store.tag_names(None, None, &long).unwrap();
    assert!(!names.partial && !names.scopes.is_empty());
    for field in fields {
        let whole = store.tag_values(field, None, &TagOptions::default()).unwrap();
        assert_eq!(store.tag_values(field, None, &long).unwrap(), whole, "{field}");
        assert!(!whole.partial, "{field}");
    }
    let (mut late, mut cancelled) = (TagOptions::default(), TagOptions::default());
    late.deadline = Some(Instant::now());
    let token = CancelToken::new();
    token.cancel();
    cancelled.cancel = Some(token);
    for stopped in [&late, &cancelled] {
        for query in [None, Some("{ name = \"span 1\" }")] {
            let names = store.tag_names(None, query, stopped).unwrap();
            assert!(names.partial && names.scopes.is_empty(), "{names:?}");
            for field in fields {
                let found = store.tag_values(field, query, stopped).unwrap();
                assert!(found.partial && found.values.is_empty(), "{field}: {found:?}");
            }
        }
    }
    // Within a block: where the query is stopped, nothing of the block counts.
    let mut soon = TagOptions::default();
    soon.deadline = Some(Instant::now() + Duration::from_millis(30));
    let found = store.tag_values("name", Some(&endless()), &soon).unwrap();
    assert!(found.partial && found.values.is_empty(), "{found:?}");
}
