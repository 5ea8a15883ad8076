//! The life of spans: taken in, resent, late, deleted, sealed, compacted, reopened, in any order.
//! Invariant: at every instant the store holds what a plain map holds that went through the same.

use std::collections::BTreeSet;

use treering::model::Span;
use treering::{Batch, Maintenance, Options, SearchOptions, Store, TraceId};

use crate::making::{Content, Numbers, Place, add, assert_holds, ingest, place, span, trace_id};

/// So many lives are lived; more with `TREERING_LIVES`.
const LIVES: u64 = 40;
const STEPS: u64 = 60;

/// Options that make everything happen early.
fn options(numbers: &mut Numbers) -> Options {
    let mut options = Options::default();
    options.block_rows_max = [3, 9, 40, 1 << 18][usize::try_from(numbers.below(4)).unwrap()];
    options.chunk_bytes = [64, 700, 65_000][usize::try_from(numbers.below(3)).unwrap()];
    options.head_bytes_max = [2_000, 20_000, 16 << 20][usize::try_from(numbers.below(3)).unwrap()];
    if numbers.below(3) > 0 {
        options.maintenance = Maintenance::ByHand;
    }
    if numbers.below(4) == 0 {
        options.durability =
            treering::Durability::Within(std::time::Duration::from_millis(1 + numbers.below(50)));
    }
    options
}

fn some_spans(numbers: &mut Numbers) -> Vec<Span> {
    let most = if numbers.below(6) == 0 { 80 } else { 6 };
    let count = 1 + numbers.below(most);
    let one = |_| {
        let (trace, number) = (numbers.below(14), numbers.below(25));
        // The same trace and number always make the same span.
        span(trace, number, 100 + trace % 5 + number * 3)
    };
    (0..count).map(one).collect()
}

/// One random life.
fn live(seed: u64) {
    let mut numbers = Numbers(0x51f1_5eed_0000_0001 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let place: Place = place();
    let mut content = Content::new();
    let mut store = Store::open(&place.path, options(&mut numbers)).unwrap();
    let mut said = Vec::new();
    for step in 0..STEPS {
        let what = numbers.below(22);
        said.push(what);
        match what {
            0..12 => {
                let spans = some_spans(&mut numbers);
                ingest(&store, &spans);
                add(&mut content, &spans);
            }
            12 | 13 => {
                let ids: BTreeSet<TraceId> =
                    (0..numbers.below(4)).map(|_| trace_id(numbers.below(16))).collect();
                let there = ids.iter().filter(|id| content.remove(id).is_some()).count();
                let ids: Vec<TraceId> = ids.into_iter().collect();
                assert_eq!(store.delete(&ids).unwrap(), u64::try_from(there).unwrap());
            }
            14 | 15 => drop(store.maintain().unwrap()),
            16 => {
                drop(store);
                store = Store::open(&place.path, options(&mut numbers)).unwrap();
            }
            17 => {
                store.close().unwrap();
                store = Store::open(&place.path, options(&mut numbers)).unwrap();
            }
            18 => drop(store.purge().unwrap()),
            19 => {
                let name = format!("span {}", numbers.below(40));
                let has = |spans: &BTreeSet<Span>| spans.iter().any(|span| span.name == name);
                let before = content.len();
                content.retain(|_, spans| !has(spans));
                let query = format!("{{ name = `{name}` }}");
                let deleted = store.delete_where(&query, &SearchOptions::default()).unwrap();
                assert_eq!(deleted, u64::try_from(before - content.len()).unwrap());
            }
            // A question between two writes.
            _ => {
                let counts = store.count("{ }", &SearchOptions::all()).unwrap();
                let spans: usize = content.values().map(BTreeSet::len).sum();
                assert_eq!(counts.spans, u64::try_from(spans).unwrap(), "seed {seed}: {said:?}");
            }
        }
        if step % 7 == 6 {
            assert_holds(&store, &content, &format!("seed {seed}, step {step}: {said:?}"));
        }
    }
    store.maintain().unwrap();
    assert_holds(&store, &content, &format!("seed {seed}, maintained: {said:?}"));
    drop(store);
    let store = Store::open(&place.path, Options::default()).unwrap();
    assert_holds(&store, &content, &format!("seed {seed}, opened again: {said:?}"));
}

#[test]
fn any_life_is_that_of_a_plain_map() {
    let lives = std::env::var("TREERING_LIVES").map_or(LIVES, |text| text.parse().unwrap());
    for seed in 0..lives {
        live(seed);
    }
}

#[test]
fn deleted_traces_start_anew() {
    let place = place();
    let mut options = Options::default();
    options.maintenance = Maintenance::ByHand;
    let store = Store::open(&place.path, options.clone()).unwrap();
    let old: Vec<Span> = (0..4).map(|number| span(1, number, 10 + number)).collect();
    let new = [span(1, 9, 50)];
    ingest(&store, &old);
    store.maintain().unwrap();
    assert_eq!(store.delete(&[trace_id(1), trace_id(1), trace_id(2)]).unwrap(), 1);
    assert_eq!(store.delete(&[trace_id(1)]).unwrap(), 0);
    assert!(store.trace(trace_id(1)).unwrap().is_none());
    ingest(&store, &new);
    let mut content = Content::new();
    add(&mut content, &new);
    assert_holds(&store, &content, "after the deletion");
    drop(store);
    let store = Store::open(&place.path, options).unwrap();
    assert_holds(&store, &content, "from the journal");
    store.maintain().unwrap();
    assert_holds(&store, &content, "sealed");
}

#[test]
fn threads_take_in_late_spans_while_all_is_sealed() {
    const THREADS: u64 = 4;
    let place = place();
    let mut options = Options::default();
    (options.block_rows_max, options.head_bytes_max) = (60, 30_000);
    let store = Store::open(&place.path, options).unwrap();
    let spans_of = |thread: u64, round: u64| -> Vec<Span> {
        let numbers = (0..6).map(|number| (thread * 6 + number, round));
        numbers.map(|(number, round)| span((number + round) % 9, thread * 100 + round, 5)).collect()
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = store.clone();
            scope.spawn(move || {
                for round in 0..30 {
                    if round % 10 == 9 {
                        // One that is too large for the journal.
                        let mut batch = Batch::new();
                        for span in (0..70).map(|n| span(n % 9, 1000 + thread * 100 + n, 5)) {
                            batch.push(&span).unwrap();
                        }
                        store.ingest(batch).unwrap();
                    }
                    ingest(&store, &spans_of(thread, round));
                }
            });
        }
        let store = store.clone();
        scope.spawn(move || {
            for _ in 0..15 {
                store.maintain().unwrap();
                store.count("{ }", &SearchOptions::all()).unwrap();
            }
        });
    });
    let mut content = Content::new();
    for thread in 0..THREADS {
        for round in 0..30 {
            add(&mut content, &spans_of(thread, round));
        }
        let large: Vec<Span> = (0..70).map(|n| span(n % 9, 1000 + thread * 100 + n, 5)).collect();
        add(&mut content, &large);
    }
    assert_holds(&store, &content, "all threads done");
    drop(store);
    let store = Store::open(&place.path, Options::default()).unwrap();
    assert_holds(&store, &content, "opened again");
}

#[test]
fn a_trace_is_made_whole_however_large_the_part_that_is_known() {
    for known in [1, 100, 127, 128, 129, 400] {
        let place = place();
        let mut options = Options::default();
        options.maintenance = Maintenance::ByHand;
        let store = Store::open(&place.path, options).unwrap();
        let spans: Vec<Span> = (0..known + 40).map(|at| span(at % 2, at / 2, 10 + at)).collect();
        let (old, new) = spans.split_at(usize::try_from(known).unwrap());
        ingest(&store, old);
        store.maintain().unwrap();
        for part in new.chunks(10) {
            ingest(&store, part);
        }
        let mut content = Content::new();
        add(&mut content, &spans);
        assert_holds(&store, &content, &format!("{known} known"));
    }
}

#[test]
fn traces_are_made_whole_however_many_grow() {
    let place = place();
    let mut options = Options::default();
    options.maintenance = Maintenance::ByHand;
    let store = Store::open(&place.path, options).unwrap();
    let spans = |numbers: std::ops::Range<u64>| -> Vec<Span> {
        let of_trace = |trace| numbers.clone().map(move |at| span(trace, at, 10 + at));
        (0..100).flat_map(of_trace).collect()
    };
    let (old, new) = (spans(0..60), spans(60..64));
    ingest(&store, &old);
    store.maintain().unwrap();
    for part in new.chunks(30) {
        ingest(&store, part);
    }
    let mut content = Content::new();
    add(&mut content, old.iter().chain(&new));
    assert_holds(&store, &content, "6,000 rows that grow");
}
