//! Random lives with a largest share of one service. Invariant: at every instant the store holds what a
//! plain map holds that went through the same; what goes is the oldest of the one that has most, whole,
//! and no more than it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::{SpanId, TraceId};
use crate::model::{Attribute, Resource, Span};
use crate::options::{Maintenance, Options};
use crate::search::SearchOptions;
use crate::store::state::Base;
use crate::store::surplus::{Wanted, share};
use crate::store::{Batch, Store};
use crate::time::Timestamp;

const SERVICES: [&str; 4] = ["", "cart", "noisy", "shop"];
const TRACES: u64 = 60;

/// Spans by trace, each with the number of its service.
type Content = BTreeMap<TraceId, BTreeMap<SpanId, usize>>;

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

fn options(numbers: &mut Numbers) -> Options {
    Options {
        block_rows_max: [8, 40, 1 << 18][usize::try_from(numbers.below(3)).unwrap()],
        chunk_bytes: 500,
        maintenance: Maintenance::ByHand,
        ..Options::default()
    }
}

fn trace_id(number: u64) -> TraceId {
    TraceId::from_bytes((u128::from(number) + 1).to_le_bytes())
}

/// Takes in some spans; most of the noisy service, and the same span always of the same one.
fn ingest(store: &Store, numbers: &mut Numbers, content: &mut Content) {
    let mut batch = Batch::new();
    for _ in 0..=numbers.below(40) {
        let (trace, number) = (numbers.below(TRACES), numbers.below(6));
        let service = match (trace * 7 + number) % 9 {
            0..5 => 2,
            5 => 0,
            6 => 1,
            _ => 3,
        };
        let span_id = SpanId::from_bytes((number + 1).to_le_bytes());
        let mut resource = Resource::default();
        if service > 0 {
            resource.attributes.push(Attribute::new("service.name", SERVICES[service]));
        }
        let span = Span {
            trace_id: trace_id(trace),
            span_id,
            name: format!("span {number} of {trace}"),
            resource: Arc::new(resource),
            start: Timestamp::from_unix_nanos(1000 + trace * 10),
            end: Timestamp::from_unix_nanos(1005 + trace * 10),
            ..Span::default()
        };
        batch.push(&span).unwrap();
        content.entry(span.trace_id).or_default().insert(span_id, service);
    }
    store.ingest(batch).unwrap();
}

/// Whom a trace is charged to.
fn charged(spans: &BTreeMap<SpanId, usize>) -> usize {
    let count = |service: usize| spans.values().filter(|other| **other == service).count();
    (0..SERVICES.len()).rev().max_by_key(|service| count(*service)).unwrap()
}

fn held(store: &Store) -> BTreeMap<TraceId, BTreeSet<SpanId>> {
    let found = store.search("{ }", &SearchOptions::all()).unwrap();
    let mut held = BTreeMap::new();
    for trace in found.traces {
        let whole = store.trace(trace.trace_id).unwrap().unwrap();
        let ids: BTreeSet<SpanId> = whole.spans().iter().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), trace.spansets[0].spans.len());
        assert!(held.insert(trace.trace_id, ids).is_none());
    }
    held
}

fn assert_holds(store: &Store, content: &Content, when: &str) {
    let expected: BTreeMap<TraceId, BTreeSet<SpanId>> =
        content.iter().map(|(id, spans)| (*id, spans.keys().copied().collect())).collect();
    assert_eq!(held(store), expected, "{when}");
    for (number, service) in SERVICES.iter().enumerate() {
        let query = format!("{{ resource.service.name = `{service}` }}");
        let counts = store.count(&query, &SearchOptions::all()).unwrap();
        let spans = content.values().flat_map(BTreeMap::values).filter(|other| **other == number);
        assert_eq!(counts.spans, u64::try_from(spans.count()).unwrap(), "{when}: {query}");
    }
}

/// The traces in blocks of the file, the oldest first, with their bytes.
fn stored(base: &Base) -> Vec<(TraceId, u64)> {
    let mut traces = Vec::new();
    for stored in base.stored.values() {
        for number in (0..stored.record.traces).filter(|n| !stored.view.masked.contains(*n)) {
            let entry = stored.view.block.trace_entry(number).unwrap();
            let each = u64::from(entry.rows) * stored.record.image_len;
            traces.push((entry.start, entry.id, each / u64::from(stored.record.rows)));
        }
    }
    traces.sort_unstable();
    traces.into_iter().map(|(_, id, bytes)| (id, bytes)).collect()
}

fn largest(traces: &[(TraceId, u64)]) -> u64 {
    traces.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0)
}

/// Drops what is over a share, and fails unless it was the right thing.
fn drop_over(store: &Store, wanted: Wanted, content: &mut Content, when: &str) -> bool {
    let base = store.shared.base().unwrap();
    let before = stored(&base);
    let sum = |traces: &[(TraceId, u64)], service: usize| -> u64 {
        let of = traces.iter().filter(|(id, _)| charged(&content[id]) == service);
        of.map(|(_, bytes)| bytes).sum()
    };
    let stats = store.stats().unwrap();
    let did = store.shared.drop_over(&mut store.shared.maintainer(), &base, wanted).unwrap();
    let left = held(store);
    let after: Vec<(TraceId, u64)> =
        before.iter().filter(|(id, _)| left.contains_key(id)).copied().collect();
    let total = |traces: &[(TraceId, u64)]| traces.iter().map(|(_, bytes)| bytes).sum::<u64>();
    assert!(did || after.len() == before.len(), "{when}");
    // What the journal has spans of stays, whoever has too much.
    let resent: BTreeSet<TraceId> =
        base.resent.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    assert!(resent.iter().all(|id| left.contains_key(id) == content.contains_key(id)), "{when}");
    for service in 0..SERVICES.len() {
        let (had, has) = (sum(&before, service), sum(&after, service));
        // Bytes are rounded by trace here, and by block there.
        let slack = u64::try_from(before.len()).unwrap() + 100;
        let share = share(total(&after) - has, wanted.percent);
        let enough = total(&before) - total(&after) + slack >= wanted.over;
        let is_held = before.iter().any(|(id, _)| resent.contains(id));
        assert!(
            is_held || enough || has <= share.saturating_add(slack),
            "{when}: {service} has {has} of {share}"
        );
        let is_of = |id: &&TraceId| charged(&content[*id]) == service && !resent.contains(id);
        let of: Vec<&TraceId> = before.iter().map(|(id, _)| id).filter(is_of).collect();
        let gone = of.iter().take_while(|id| !left.contains_key(id)).count();
        assert!(of[gone..].iter().all(|id| left.contains_key(id)), "{when}: not the oldest");
        if has < had {
            let least = wanted.block_bytes + largest(&before) + slack;
            assert!(has + least >= share, "{when}: {service} has only {has} of {share}");
            assert!(
                total(&before) - total(&after) <= wanted.over.saturating_add(least * 4),
                "{when}: too much"
            );
        }
    }
    let spans: usize =
        content.iter().filter(|(id, _)| !left.contains_key(id)).map(|(_, s)| s.len()).sum();
    let traces = content.len() - left.len();
    content.retain(|id, _| left.contains_key(id));
    let now = store.stats().unwrap();
    assert_eq!(now.over_share_traces - stats.over_share_traces, u64::try_from(traces).unwrap());
    assert_eq!(now.over_share_spans - stats.over_share_spans, u64::try_from(spans).unwrap());
    assert_eq!(now.dropped_traces, 0);
    did
}

#[test]
fn any_life_with_shares_is_that_of_a_plain_map() {
    let lives = std::env::var("TREERING_LIVES").map_or(12, |text| text.parse().unwrap());
    let mut dropped = 0;
    for seed in 0..lives {
        let mut numbers = Numbers(0x5eed_0000_5a5a_0001 ^ (seed + 1_u64).wrapping_mul(0x9e37_79b9));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Store::open(&path, options(&mut numbers)).unwrap();
        let mut content = Content::new();
        for step in 0..40 {
            let when = format!("seed {seed}, step {step}");
            match numbers.below(12) {
                0..5 => ingest(&store, &mut numbers, &mut content),
                5 | 6 => drop(store.maintain().unwrap()),
                7 => {
                    let id = trace_id(numbers.below(TRACES));
                    store.delete(&[id]).unwrap();
                    content.remove(&id);
                }
                8 => {
                    drop(store);
                    store = Store::open(&path, options(&mut numbers)).unwrap();
                }
                9 => drop(store.purge().unwrap()),
                _ => {
                    let percent =
                        [1, 10, 40, 60, 99, 100][usize::try_from(numbers.below(6)).unwrap()];
                    let over = 1 + numbers.below(6000);
                    let wanted = Wanted { percent, over, block_bytes: numbers.below(2000) };
                    dropped += u32::from(drop_over(&store, wanted, &mut content, &when));
                }
            }
            if step % 3 == 2 {
                assert_holds(&store, &content, &when);
            }
        }
        assert_holds(&store, &content, &format!("seed {seed}"));
    }
    assert!(dropped > 5, "{dropped} steps dropped something");
}

#[test]
fn what_cannot_go_stays_until_it_is_sealed() {
    let mut numbers = Numbers(7);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store"), options(&mut numbers)).unwrap();
    let mut content = Content::new();
    for _ in 0..10 {
        ingest(&store, &mut numbers, &mut content);
    }
    let wanted = Wanted { percent: 1, over: u64::MAX, block_bytes: 0 };
    // All is in memory, and no block has anything.
    assert!(!drop_over(&store, wanted, &mut content, "in memory"));
    store.maintain().unwrap();
    assert!(drop_over(&store, wanted, &mut content, "sealed"));
    assert_holds(&store, &content, "at the end");
}
