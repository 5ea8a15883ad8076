//! A service that floods a store with a cap. Invariant: with a share for one service it pushes out no
//! trace of another, and answers are the oracle's over what is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use treering::model::{Attribute, Resource, Span, SpanKind};
use treering::{Error, Maintenance, Options, SearchOptions, SpanId, Store, Timestamp, TraceId};

use crate::asking::{ingest, parse, search};
use crate::forest::BASE;
use crate::oracle::{Ask, Oracle};

const CAP: u64 = 16 << 20;
/// Traces of some 16 KB: three times the cap.
const TRACES: u64 = 3000;
/// One trace in so many is a quiet one.
const QUIET: u64 = 50;

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Four spans. Those of a quiet trace are the quiet service's, but one.
fn trace(number: u64, state: &mut u64) -> Vec<Span> {
    let is_quiet = number.is_multiple_of(QUIET);
    let start = BASE + number * 1000;
    let one = |own: u64| {
        let service = if is_quiet && own != 3 { "quiet" } else { "noisy" };
        let words: Vec<String> = (0..256).map(|_| format!("{:016x}", next(state))).collect();
        Span {
            trace_id: TraceId::from_bytes(u128::from(number + 1).swap_bytes().to_le_bytes()),
            span_id: SpanId::from_bytes((own + 1).to_le_bytes()),
            parent_span_id: (own > 0).then(|| SpanId::from_bytes(own.div_ceil(2).to_le_bytes())),
            name: ["get", "put", "scan"][usize::try_from(next(state) % 3).unwrap()].to_owned(),
            kind: SpanKind(i32::try_from(next(state) % 4).unwrap()),
            start: Timestamp::from_unix_nanos(start + own),
            end: Timestamp::from_unix_nanos(start + own + next(state) % 900),
            attributes: vec![Attribute::new("text", words.concat())],
            resource: Arc::new(Resource {
                attributes: vec![Attribute::new("service.name", service)],
                ..Resource::default()
            }),
            ..Span::default()
        }
    };
    (0..4).map(one).collect()
}

/// Floods a store; gives it with all that was ever taken in, by trace.
fn flooded(share: Option<u8>) -> (tempfile::TempDir, Store, BTreeMap<TraceId, Vec<Span>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.maintenance = Maintenance::ByHand;
    (options.bytes_max, options.service_share_max) = (Some(CAP), share);
    let store = Store::open(folder.path().join("store.redb"), options).unwrap();
    let mut numbers = 0x1bad_5eed;
    let mut taken = BTreeMap::new();
    let mut batch = Vec::new();
    for number in 0..TRACES {
        let spans = trace(number, &mut numbers);
        batch.extend(spans.iter().cloned());
        taken.insert(spans[0].trace_id, spans);
        if next(&mut numbers).is_multiple_of(12) {
            ingest(&store, &std::mem::take(&mut batch));
            let stats = store.stats().unwrap();
            let most = CAP + CAP / 10 + (4 << 20);
            assert!(stats.allocated_bytes <= most, "{} bytes", stats.allocated_bytes);
        }
        if next(&mut numbers).is_multiple_of(100) {
            store.maintain().unwrap();
        }
    }
    ingest(&store, &batch);
    store.maintain().unwrap();
    (folder, store, taken)
}

fn held(store: &Store) -> Vec<TraceId> {
    let found = store.search("{ }", &SearchOptions::all()).unwrap();
    let mut ids: Vec<TraceId> = found.traces.iter().map(|found| found.trace_id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_flood_does_not_push_out_others() {
    let (_folder, store, taken) = flooded(Some(60));
    let held = held(&store);
    let is_quiet =
        |id: &TraceId| taken[id].iter().filter(|span| span.service_name() == "quiet").count() > 2;
    let quiet: Vec<&TraceId> = taken.keys().filter(|id| is_quiet(id)).collect();
    assert_eq!(quiet.len(), usize::try_from(TRACES / QUIET).unwrap());
    assert!(quiet.iter().all(|id| held.contains(id)), "a quiet trace is gone");
    // Of the noise the newest is left, and of what there is it is most.
    let noise: Vec<&TraceId> = taken.keys().filter(|id| !is_quiet(id)).collect();
    let gone = noise.iter().take_while(|id| !held.contains(id)).count();
    assert!(noise[gone..].iter().all(|id| held.contains(id)), "not the newest noise is left");
    assert!(noise.len() - gone > 400, "{gone} of {} are gone", noise.len());
    let stats = store.stats().unwrap();
    let gone = u64::try_from(gone).unwrap();
    assert_eq!((stats.over_share_traces, stats.over_share_spans), (gone, 4 * gone));
    let (start, _) = stats.over_share_time_range.unwrap();
    assert_eq!(start.unix_nanos(), BASE + 1000);
    assert_eq!(stats.dropped_traces, 0, "whole blocks went");

    let left: Vec<Span> = held.iter().flat_map(|id| taken[id].iter().cloned()).collect();
    let oracle = Oracle::new(&left);
    for query in [
        "{ resource.service.name = \"quiet\" }",
        "{ resource.service.name = \"quiet\" } >> { resource.service.name = \"noisy\" }",
        "{ name = \"get\" && kind = server } ~ { duration > 500ns }",
        "{ } | by(resource.service.name) | count() > 2",
        "{ nestedSetParent < 0 && resource.service.name != \"noisy\" }",
    ] {
        let expected = oracle.search(&parse(query), &Ask::default()).unwrap();
        let found = search(&store, query, &Ask::default());
        assert!(found.is_some_and(|found| found == expected), "{query}");
    }

    // A late span of a trace that went starts a new one.
    let first = noise[0];
    ingest(&store, &taken[first][..1]);
    assert_eq!(store.trace(*first).unwrap().unwrap().spans().len(), 1);
}

#[test]
fn without_a_share_it_does() {
    let (_folder, store, taken) = flooded(None);
    let (first, _) = taken.first_key_value().unwrap();
    assert!(!held(&store).contains(first), "the first trace is a quiet one");
    assert_eq!(store.stats().unwrap().over_share_traces, 0);
}

#[test]
fn a_share_has_a_range_and_needs_a_cap() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, share) in [(Some(CAP), 0), (Some(CAP), 101), (None, 50)] {
        let mut options = Options::default();
        (options.bytes_max, options.service_share_max) = (bytes, Some(share));
        let error = Store::open(folder.path().join("store"), options).unwrap_err();
        assert!(matches!(&error, Error::Options(text) if text.contains("share")), "{error:?}");
    }
}
