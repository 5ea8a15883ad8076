//! The orders of results: each is the whole answer sorted, pages joined are the whole answer, and a
//! stopped search gives a beginning of it.

use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use treering::query::TraceMatch;
use treering::{CancelToken, Cursor, Error, Order, SearchOptions};

use crate::answers::{config, filled};
use crate::forest::arrival;
use crate::questions::{filter, pipeline, spanset};

const ORDERS: [Order; 4] =
    [Order::NewestFirst, Order::OldestFirst, Order::LongestFirst, Order::MostSpansFirst];

fn all(order: Order) -> SearchOptions {
    let mut options = SearchOptions::all();
    options.order = order;
    options
}

/// As text, because NaN differs from itself.
fn shown(traces: &[TraceMatch]) -> Vec<String> {
    traces.iter().map(|found| format!("{found:?}")).collect()
}

fn matched(found: &TraceMatch) -> u64 {
    found.spansets.iter().map(|set| set.matched).sum()
}

fn sorted(traces: &[TraceMatch], order: Order) -> Vec<TraceMatch> {
    let mut sorted = traces.to_vec();
    let newest = |found: &TraceMatch| Reverse(found.start);
    match order {
        Order::OldestFirst => sorted.sort_by_key(|found| (found.start, found.trace_id)),
        Order::LongestFirst => sorted
            .sort_by_key(|found| (Reverse(found.duration_nanos), newest(found), found.trace_id)),
        Order::MostSpansFirst => {
            sorted.sort_by_key(|found| (Reverse(matched(found)), newest(found), found.trace_id));
        }
        _ => sorted.sort_by_key(|found| (newest(found), found.trace_id)),
    }
    sorted
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn each_order_is_the_answer_sorted_and_a_limit_cuts_it(
        arrival in arrival(), queries in vec(prop_oneof![filter(), spanset()], 4), limit in 0..6_usize,
    ) {
        let filled = filled(&arrival, 64);
        for query in &queries {
            let whole = filled.store().search(query, &SearchOptions::all()).unwrap().traces;
            for order in ORDERS {
                let expected = sorted(&whole, order);
                let mut options = all(order);
                let found = filled.store().search(query, &options).unwrap().traces;
                prop_assert_eq!(shown(&found), shown(&expected));
                options.limit = Some(limit);
                let cut = filled.store().search(query, &options).unwrap();
                prop_assert!(!cut.partial);
                let wanted = &expected[..limit.min(expected.len())];
                prop_assert_eq!(shown(&cut.traces), shown(wanted), "{} {:?}", query, order);
            }
        }
    }

    #[test]
    fn pages_joined_are_the_whole_answer(
        arrival in arrival(), query in prop_oneof![Just("{ }".to_owned()), filter()], limit in 1..4_usize,
    ) {
        let filled = filled(&arrival, 64);
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let mut options = all(order);
            let whole = filled.store().search(&query, &options).unwrap().traces;
            options.limit = Some(limit);
            let mut pages = Vec::new();
            loop {
                let page = filled.store().search(&query, &options).unwrap().traces;
                let Some(last) = page.last() else { break };
                options.after = Some(Cursor::after(last).to_string().parse().unwrap());
                pages.extend(page);
            }
            prop_assert_eq!(shown(&pages), shown(&whole), "{} {:?}", query, order);
        }
    }

    #[test]
    fn a_stopped_search_gives_a_beginning_and_says_so(
        arrival in arrival(), query in filter(), bytes in 0..3000_usize,
    ) {
        let filled = filled(&arrival, 64);
        let whole = filled.store().search(&query, &SearchOptions::all()).unwrap();
        let mut options = SearchOptions::all();
        options.result_bytes_max = Some(bytes);
        let cut = filled.store().search(&query, &options).unwrap();
        prop_assert_eq!(cut.partial, cut.traces.len() < whole.traces.len());
        prop_assert_eq!(shown(&cut.traces), shown(&whole.traces[..cut.traces.len()]));

        let mut options = SearchOptions::all();
        let token = CancelToken::new();
        options.cancel = Some(token.clone());
        options.deadline = Some(Instant::now() + Duration::from_secs(3600));
        let found = filled.store().search(&query, &options).unwrap();
        prop_assert!(!found.partial);
        prop_assert_eq!(shown(&found.traces), shown(&whole.traces));
        token.cancel();
        let stopped = filled.store().search(&query, &options).unwrap();
        prop_assert!(stopped.traces.is_empty());
        prop_assert_eq!(stopped.partial, whole.metrics.blocks > 0);
        options.cancel = None;
        options.deadline = Some(Instant::now());
        prop_assert!(filled.store().search(&query, &options).unwrap().traces.is_empty());

        let mut handed = Vec::new();
        let all = SearchOptions::all();
        let rest = filled.store().search_each(&query, &all, |found| {
            handed.push(found);
            if handed.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }).unwrap();
        prop_assert!(rest.traces.is_empty());
        prop_assert_eq!(shown(&handed), shown(&whole.traces[..whole.traces.len().min(2)]));
    }

    #[test]
    fn counts_are_those_of_the_answer(arrival in arrival(), query in spanset()) {
        let filled = filled(&arrival, 64);
        let whole = filled.store().search(&query, &SearchOptions::all()).unwrap().traces;
        let counts = filled.store().count(&query, &SearchOptions::default()).unwrap();
        prop_assert_eq!(counts.traces, u64::try_from(whole.len()).unwrap());
        prop_assert_eq!(counts.spans, whole.iter().map(matched).sum::<u64>());
    }

    #[test]
    fn counts_of_pipelines_are_those_of_the_answer(
        arrival in arrival(), query in pipeline(), first in filter(), last in 0..LAST.len(),
    ) {
        let filled = filled(&arrival, 64);
        let first = ["{ }", &first][usize::from(last % 3 == 0)].to_owned();
        for query in [query, format!("{first} | {}", LAST[last])] {
            let whole = filled.store().search(&query, &SearchOptions::all()).unwrap().traces;
            let counts = filled.store().count(&query, &SearchOptions::default()).unwrap();
            prop_assert_eq!(counts.traces, u64::try_from(whole.len()).unwrap(), "{}", &query);
            prop_assert_eq!(counts.spans, whole.iter().map(matched).sum::<u64>(), "{}", &query);
        }
    }
}

/// What a count makes no spansets for, and much like it.
const LAST: [&str; 16] = [
    "by(kind) | count() > 1",
    "by(resource.service.name) | 1 = count()",
    "by(.service.name) | count() != 2 | select(name)",
    "by(status) | count() < 3 | coalesce()",
    "by(name)",
    "by(span.a) | count() >= 2",
    "by(.a) | count() = 1",
    "by(statusMessage) | count() > 1",
    "by(parent.name) | count() > 1",
    "count() > 2",
    "min(duration) > 1ms",
    "max(duration) <= 2ms",
    "1.5 < avg(span.n)",
    "sum(span.n) != 3",
    "sum(duration) > 3ms",
    "avg(duration) < 4ms",
];

#[test]
fn a_cursor_goes_with_an_order_by_start_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.redb");
    let store = treering::Store::open(path, treering::Options::default()).unwrap();
    let mut options = all(Order::LongestFirst);
    options.after = Some("1-0af7651916cd43dd8448eb211c80319c".parse().unwrap());
    let error = store.search("{ }", &options).unwrap_err();
    assert!(matches!(&error, Error::Options(text) if text.contains("by start")), "{error}");
}
