//! Blocks beyond 65,536 and 131,072 rows, where row sets change their containers: made of seeded
//! traces, so that a failure comes again.

use std::sync::Arc;

use treering::model::{Attribute, Resource, Span, SpanKind};
use treering::{Options, SearchOptions, SpanId, Store, Timestamp, TraceId};

use crate::asking::{ingest, parse, search};
use crate::forest::BASE;
use crate::oracle::{Ask, Oracle};

const SPANS: usize = 140_000;

/// Xorshift: the next of a row of numbers that look random, below `below`.
fn next(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

fn spans() -> Vec<Span> {
    let mut state = 0x5eed;
    let services = ["web", "cart", "db"].map(|name| {
        Arc::new(Resource {
            attributes: vec![Attribute::new("service.name", name)],
            ..Resource::default()
        })
    });
    let mut spans = Vec::new();
    let mut number = 0_u64;
    while spans.len() < SPANS {
        number += 1;
        let mut trace = [0; 16];
        trace[8..].copy_from_slice(&number.to_le_bytes());
        for own in 1..=(1 + next(&mut state, 40)) {
            let parent = if own == 1 { 0 } else { 1 + next(&mut state, own) };
            let start = BASE + number * 10_000 + own * 10 + next(&mut state, 30);
            let name =
                ["get", "put", "scan", "send"][usize::try_from(next(&mut state, 4)).unwrap()];
            spans.push(Span {
                trace_id: TraceId::from_bytes(trace),
                span_id: SpanId::from_bytes((own << 32).to_le_bytes()),
                // Now and then its own id, which is a cycle.
                parent_span_id: (parent > 0)
                    .then(|| SpanId::from_bytes((parent << 32).to_le_bytes())),
                name: name.to_owned(),
                kind: SpanKind(i32::try_from(next(&mut state, 6)).unwrap()),
                start: Timestamp::from_unix_nanos(start),
                end: Timestamp::from_unix_nanos(start + next(&mut state, 100_000)),
                attributes: vec![
                    Attribute::new("n", i64::try_from(next(&mut state, 50_000)).unwrap()),
                    Attribute::new("few", i64::try_from(next(&mut state, 5)).unwrap()),
                    Attribute::new("text", format!("{:05}", next(&mut state, 90_000))),
                ],
                resource: Arc::clone(&services[usize::try_from(next(&mut state, 3)).unwrap()]),
                ..Span::default()
            });
        }
    }
    spans
}

#[test]
fn operators_cross_the_borders_of_containers() {
    let spans = spans();
    let oracle = Oracle::new(&spans);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    ingest(&store, &spans);
    let all = u64::try_from(oracle.spans()).unwrap();
    let (left, right) = ("{ span.few = 1 && kind = server }", "{ resource.service.name = \"db\" }");
    let mut queries: Vec<String> =
        crate::questions::STRUCTURAL.iter().map(|op| format!("{left} {op} {right}")).collect();
    queries.extend(
        [
            "{ span.n < 20000 && name != \"get\" }",
            "{ duration > 50us } >> { span.n > 49000 } && { span.few = 3 }",
            // Durations of many spans are compared together, those of few one by one.
            "{ span.few = 1 && duration > 50us }",
            "{ kind = server && (duration != 777ns && duration <= 99990ns) }",
            "{ span.few = 3 } >> { span.n < 9000 && duration < 20us && duration > 300ns }",
            "{ span.n < 200 && duration > 50us }",
            "{ span.few * 10000 > span.n } || { name =~ \"s.*\" && kind = client }",
            "{ span.n = 4711 || span.text = \"00815\" }",
            "{ span.text =~ \"1[0-3]77.|.*99\" && span.few != 2 }",
            "{ span.text < \"01\" || span.n = 3 } < { span.few = 0 }",
            "{ nestedSetParent = 1 } ~ { }",
            // Groups and aggregates take other ways for few values than for many.
            "{ kind = server } | by(span.n) | count() < 2",
            "{ } | by(span.n) | count() > 1",
            "{ kind != server } | by(span.few) | count() >= 4",
            "{ } | by(resource.service.name) | 12 < count()",
            "{ } | by(kind) | max(span.n) > 49900",
            "{ kind = client } | avg(duration) > 80us",
            "{ span.few = 2 } | sum(span.n) > 150000",
            "{ } | min(span.n) < 100",
            "{ } | max(duration) - min(duration) < 99us",
        ]
        .map(str::to_owned),
    );
    for query in &queries {
        let expected = oracle.search(&parse(query), &Ask::default()).unwrap();
        assert!((1..all).contains(&expected.spans()), "{query}");
        let found = search(&store, query, &Ask::default());
        assert!(found.is_some_and(|found| found == expected), "{query}");
    }
}

/// From the second time on durations come from lists that are kept, whatever they are compared with, and
/// spans that come late take some traces of a block away.
#[test]
fn what_is_asked_again_is_found_again() {
    let mut spans = spans();
    spans.truncate(40_000);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    ingest(&store, &spans);
    store.maintain().unwrap();
    let conditions = ["> 50us", "> 99us", "<= 10us", "!= 777ns", "= 50us", "> 1h"];
    for late in [None, Some(12_345), Some(20_000)] {
        if let Some(of) = late {
            let id = SpanId::from_bytes((1_u64 << 60).to_le_bytes());
            let span = Span { span_id: id, ..Span::clone(&spans[of]) };
            ingest(&store, std::slice::from_ref(&span));
            spans.push(span);
            store.maintain().unwrap();
        }
        let oracle = Oracle::new(&spans);
        let ends = ["> 0s", ">= 99990ns", "< 20us", "<= 0s", "< 0s", "> 100us"];
        for condition in conditions.iter().chain(&ends) {
            let query = format!("{{ duration {condition} }}");
            let expected = oracle.search(&parse(&query), &Ask::default()).unwrap();
            let expected = (u64::try_from(expected.traces.len()).unwrap(), expected.spans());
            for _ in 0..3 {
                let found = store.count(&query, &SearchOptions::default()).unwrap();
                assert_eq!((found.traces, found.spans), expected, "{query}");
            }
        }
        for before in
            ["span.few = 1 && kind = server", "name = \"get\"", "span.few = 2 && span.n = 4711"]
        {
            for condition in conditions {
                let query = format!("{{ {before} && duration {condition} }} ~ {{ span.few = 1 }}");
                let expected = oracle.search(&parse(&query), &Ask::default()).unwrap();
                let counted = || store.count(&query, &SearchOptions::default()).unwrap();
                let first = counted();
                for _ in 0..3 {
                    let found = search(&store, &query, &Ask::default());
                    assert!(found.is_some_and(|found| found == expected), "{query}");
                    let again = counted();
                    assert_eq!(again.spans, expected.spans(), "{query}");
                    assert_eq!(again.rows_considered, first.rows_considered, "{query}");
                }
            }
        }
    }
}

/// Most values are small and most traces short: what passes has one large value, or many small ones.
#[test]
fn sums_pass_by_a_large_value_or_by_many_small_ones() {
    let mut state = 0x5a3;
    let mut spans = Vec::new();
    for number in 1..=2000_u64 {
        let mut trace = [0; 16];
        trace[8..].copy_from_slice(&number.to_le_bytes());
        let width = if next(&mut state, 40) == 0 { 60 } else { 1 + next(&mut state, 5) };
        for own in 1..=width {
            let value = match next(&mut state, 60) {
                0 => 4000 + next(&mut state, 2000),
                _ => next(&mut state, 100),
            };
            let value = i64::try_from(value).unwrap() - i64::from(next(&mut state, 9) == 0) * 200;
            let start = BASE + number * 10_000 + own;
            let nanos = [50, 9000][usize::from(next(&mut state, 80) == 0)];
            let mut span = Span {
                trace_id: TraceId::from_bytes(trace),
                span_id: SpanId::from_bytes(own.to_le_bytes()),
                kind: SpanKind(i32::try_from(next(&mut state, 3)).unwrap()),
                start: Timestamp::from_unix_nanos(start),
                end: Timestamp::from_unix_nanos(start + nanos),
                ..Span::default()
            };
            if next(&mut state, 5) > 0 {
                span.attributes.push(Attribute::new("n", value));
            }
            spans.push(span);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    ingest(&store, &spans);
    let mut found = std::collections::BTreeSet::new();
    for first in ["{ }", "{ kind = server }", "{ span.n > 10 }"] {
        for constant in [1, 90, 400, 1000, 2500, 4900, 6000, 9000] {
            for of in ["sum(span.n)", "sum(duration)", "avg(span.n)", "avg(duration)"] {
                for op in [">", ">=", "<"] {
                    let query = format!("{first} | {of} {op} {constant}");
                    let whole = store.search(&query, &SearchOptions::all()).unwrap().traces;
                    let sets = whole.iter().flat_map(|found| &found.spansets);
                    let matched: u64 = sets.map(|set| set.matched).sum();
                    let counts = store.count(&query, &SearchOptions::default()).unwrap();
                    let traces = u64::try_from(whole.len()).unwrap();
                    assert_eq!((counts.traces, counts.spans), (traces, matched), "{query}");
                    found.insert(matched);
                }
            }
        }
    }
    assert!(found.len() > 100, "{} different answers", found.len());
}
