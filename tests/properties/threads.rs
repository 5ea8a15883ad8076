//! Searches on several threads. Invariant: answers and figures are those of one thread, whatever the
//! order, the limit, the page, the time range, and however blocks lie.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use treering::model::Span;
use treering::query::{SearchMetrics, SearchResult};
use treering::{Cursor, Options, Order, SearchOptions, Store, Timestamp, TraceId};

use crate::answers::config;
use crate::asking::ingest;
use crate::forest::{Arrival, BASE, arrival};
use crate::questions::{filter, pipeline, spanset};

/// Enough blocks for a search to be worth a second thread, though each is tiny.
const COPIES: u8 = 16;

/// The same traces again and again, each time with other ids and a little later.
fn copies(arrival: &Arrival) -> Vec<Span> {
    let spans = arrival.spans();
    let copy = |number: u8| {
        spans.iter().map(move |span| {
            let mut bytes = span.trace_id.to_bytes();
            bytes[7] = number;
            let later = |time: Timestamp| {
                Timestamp::from_unix_nanos(time.unix_nanos() + u64::from(number % 5) * 10)
            };
            Span {
                trace_id: TraceId::from_bytes(bytes),
                start: later(span.start),
                end: later(span.end),
                ..span.clone()
            }
        })
    };
    (0..COPIES).flat_map(copy).collect()
}

fn store(arrival: &Arrival, rows_max: u32) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.block_rows_max = rows_max;
    options.query_threads = 4;
    let store = Store::open(folder.path().join("store.redb"), options).unwrap();
    ingest(&store, &copies(arrival));
    (folder, store)
}

/// As text, because NaN differs from itself.
fn shown(result: &SearchResult) -> (Vec<String>, bool, SearchMetrics) {
    let traces = result.traces.iter().map(|found| format!("{found:?}"));
    (traces.collect(), result.partial, result.metrics)
}

fn orders() -> impl Strategy<Value = Order> {
    select(vec![Order::NewestFirst, Order::OldestFirst, Order::LongestFirst, Order::MostSpansFirst])
}

prop_compose! {
    fn options()(
        order in orders(),
        limit in prop_oneof![Just(None), (0..30_usize).prop_map(Some)],
        start in prop_oneof![3 => Just(None), 1 => (0..130_u64).prop_map(Some)],
        end in prop_oneof![3 => Just(None), 1 => (0..130_u64).prop_map(Some)],
    ) -> SearchOptions {
        let mut options = SearchOptions::all();
        let time = |time: u64| Timestamp::from_unix_nanos(BASE + time);
        (options.order, options.limit) = (order, limit);
        (options.start, options.end) = (start.map(time), end.map(time));
        options
    }
}

fn with_threads(options: &SearchOptions, threads: Option<usize>) -> SearchOptions {
    let mut options = options.clone();
    options.threads = threads;
    options
}

proptest! {
    #![proptest_config(config(16))]

    #[test]
    fn answers_and_figures_are_those_of_one_thread(
        arrival in arrival(), rows_max in 1..5_u32,
        questions in vec((prop_oneof![filter(), spanset(), pipeline()], options()), 6),
    ) {
        let (_folder, store) = store(&arrival, rows_max);
        for (query, options) in &questions {
            let alone = with_threads(options, Some(1));
            let Ok(expected) = store.search(query, &alone) else { continue };
            let counted = store.count(query, &alone).unwrap();
            for threads in [Some(2), Some(4), Some(9), None] {
                let options = with_threads(options, threads);
                let found = store.search(query, &options).unwrap();
                prop_assert_eq!(shown(&found), shown(&expected), "{} {:?}", query, options);
                prop_assert_eq!(store.count(query, &options).unwrap(), counted, "{}", query);
            }
        }
        // Were searches of so many blocks never worth a thread, all this would show nothing.
        store.count("{ }", &SearchOptions::all()).unwrap();
        let blocks = store.stats().unwrap().blocks;
        prop_assert!(blocks < 60 || format!("{store:?}").contains("started: 3"), "{} blocks", blocks);
    }

    #[test]
    fn pages_are_those_of_one_thread(
        arrival in arrival(), query in prop_oneof![Just("{ }".to_owned()), filter()],
        limit in 3..12_usize, oldest_first in any::<bool>(),
    ) {
        let (_folder, store) = store(&arrival, 1);
        let mut options = SearchOptions::default();
        options.order = if oldest_first { Order::OldestFirst } else { Order::NewestFirst };
        options.limit = Some(limit);
        loop {
            let expected = store.search(&query, &with_threads(&options, Some(1))).unwrap();
            for threads in [Some(2), Some(4)] {
                let found = store.search(&query, &with_threads(&options, threads)).unwrap();
                prop_assert_eq!(shown(&found), shown(&expected), "{} {:?}", query, options);
            }
            let Some(last) = expected.traces.last() else { break };
            options.after = Some(Cursor::after(last));
        }
    }
}
