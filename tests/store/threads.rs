//! Many threads on one store. Invariant: every answer is that of a prefix of the batches, no shorter
//! than what was acknowledged before the question.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use treering::model::Span;
use treering::{SearchOptions, SpanId, Store, TraceId};

use crate::making::{blocks_of, ingest, place, span};

#[test]
fn handles_may_be_shared() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    fn sent<T: Send + Sync + 'static>() {}
    shared::<Store>();
    sent::<treering::Batch>();
    sent::<treering::Error>();
}

type Found = BTreeSet<(TraceId, SpanId)>;

fn all(store: &Store) -> Found {
    let found = store.search("{ }", &SearchOptions::all()).unwrap();
    let mut spans = Found::new();
    for trace in found.traces {
        for span in &trace.spansets[0].spans {
            assert!(spans.insert((trace.trace_id, span.span_id)), "a span twice");
        }
    }
    spans
}

#[test]
fn answers_are_those_of_a_prefix() {
    const BATCHES: u64 = 60;
    // Every batch has a trace of its own, and a span for each of the three before it.
    let batches: Vec<Vec<Span>> = (0..BATCHES)
        .map(|batch| {
            let own = (0..3).map(|number| span(batch, number, 1000 - batch));
            let late = (batch.saturating_sub(3)..batch).map(|t| span(t, 10 + batch, 1000 - t));
            own.chain(late).collect()
        })
        .collect();
    let mut prefixes: Vec<Found> = vec![Found::new()];
    for batch in &batches {
        let before = prefixes.last().unwrap().iter().copied();
        let now = batch.iter().map(|span| (span.trace_id, span.span_id));
        prefixes.push(before.chain(now).collect());
    }
    let place = place();
    let store = Store::open(&place.path, blocks_of(50)).unwrap();
    let acknowledged = AtomicUsize::new(0);
    let seen = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for reader in 0..3 {
            let (store, prefixes) = (store.clone(), &prefixes);
            let (acknowledged, seen) = (&acknowledged, &seen);
            scope.spawn(move || {
                let mut last = 0;
                while last < prefixes.len() - 1 {
                    let stored = acknowledged.load(Ordering::SeqCst).max(last);
                    let found = all(&store);
                    let prefix = prefixes.iter().position(|prefix| *prefix == found);
                    let prefix =
                        prefix.unwrap_or_else(|| panic!("{} spans of no prefix", found.len()));
                    assert!(prefix >= stored, "reader {reader} sees {prefix} of {stored} batches");
                    last = prefix;
                    seen.fetch_add(1, Ordering::SeqCst);
                    // A trace that is asked for is one of a prefix, too.
                    let stored = acknowledged.load(Ordering::SeqCst);
                    let id = prefixes[1].first().unwrap().0;
                    let spans = store.trace(id).unwrap().map_or(0, |trace| trace.spans().len());
                    let most = [0, 3, 4, 5, 6];
                    assert!(most.contains(&spans) && spans >= most[stored.min(4)], "{spans} spans");
                }
            });
        }
        let writers = store.clone();
        for (number, batch) in batches.iter().enumerate() {
            ingest(&writers, batch);
            acknowledged.store(number + 1, Ordering::SeqCst);
        }
    });
    assert_eq!(all(&store), *prefixes.last().unwrap());
    assert!(seen.load(Ordering::SeqCst) > 6, "readers came to no turn");
}

#[test]
fn writers_take_turns() {
    let place = place();
    let store = Store::open(&place.path, blocks_of(20)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for number in 0..10 {
                    // All write to the same ten traces.
                    let stored = ingest(&store, &[span(number, writer, 5), span(number, 9, 5)]);
                    assert!((1..=2).contains(&stored.spans));
                }
            });
        }
    });
    let stats = store.stats().unwrap();
    assert_eq!((stats.traces, stats.spans), (10, 50));
}
