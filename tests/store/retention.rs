//! Retention, by age and by bytes. Invariant: what is left is whole and what is newest; what went is
//! counted; a reader has the right answer or is told that its blocks were dropped.

use std::ops::ControlFlow;
use std::time::Duration;

use treering::model::{Attribute, Span};
use treering::{Error, ErrorKind, Maintenance, Options, SearchOptions, Store, Timestamp};

use crate::making::{Content, Numbers, add, assert_holds, ingest, place, span, trace_id};

const HOUR: u64 = 3_600_000_000_000;
const CAP: u64 = 16 << 20;

fn hours_ago(hours: u64) -> u64 {
    Timestamp::now().unix_nanos() - hours * HOUR
}

fn aged(hours: u64) -> Options {
    let mut options = Options::default();
    options.maintenance = Maintenance::ByHand;
    options.retention_age = Some(Duration::from_secs(hours * 3600));
    options
}

fn by_hand() -> Options {
    let mut options = Options::default();
    options.maintenance = Maintenance::ByHand;
    options
}

fn capped() -> Options {
    let mut options = by_hand();
    (options.cache_bytes, options.page_cache_bytes) = (0, 0);
    options.bytes_max = Some(CAP);
    options
}

/// What the docs promise of a cap.
fn assert_below_cap(store: &Store, when: &str) {
    let stats = store.stats().unwrap();
    let most = CAP + CAP / 10 + (4 << 20);
    assert!(stats.allocated_bytes <= most, "{when}: {} bytes", stats.allocated_bytes);
}

#[test]
fn old_traces_go_and_old_spans_are_refused() {
    let place = place();
    let (old, new) = (hours_ago(30), hours_ago(2));
    let store = Store::open(&place.path, by_hand()).unwrap();
    let spans: Vec<Span> =
        (0..5).flat_map(|t| [span(t, 0, old + t), span(t, 1, old + 9)]).collect();
    ingest(&store, &spans);
    store.maintain().unwrap();
    let kept = [span(7, 0, new), span(7, 1, new + 5)];
    ingest(&store, &kept);
    store.close().unwrap();

    let store = Store::open(&place.path, aged(24)).unwrap();
    store.maintain().unwrap();
    let mut content = Content::new();
    add(&mut content, &kept);
    assert_holds(&store, &content, "what is old is gone");
    let stats = store.stats().unwrap();
    assert_eq!((stats.dropped_blocks, stats.dropped_traces, stats.dropped_spans), (1, 5, 10));
    let (start, end) = stats.dropped_time_range.unwrap();
    assert_eq!((start.unix_nanos(), end.unix_nanos()), (old, old + 10));

    // Of one batch the old spans are refused, and a late span of a dropped trace starts a fragment.
    let late = [span(7, 2, new), span(3, 2, new), span(3, 3, old), span(9, 0, old)];
    let taken = ingest(&store, &late);
    assert_eq!((taken.spans, taken.too_old, taken.traces), (2, 2, 2));
    add(&mut content, &late[..2]);
    assert_holds(&store, &content, "late spans");
    let taken = ingest(&store, &[span(9, 1, old)]);
    assert_eq!((taken.spans, taken.too_old, taken.traces), (0, 1, 0));
    store.close().unwrap();

    let store = Store::open(&place.path, aged(24)).unwrap();
    assert_holds(&store, &content, "opened again");
    let stats = store.stats().unwrap();
    assert_eq!((stats.dropped_spans, stats.too_old_spans), (10, 3));
    assert_eq!(stats.dropped_time_range, Some((start, end)));
}

#[test]
fn a_block_stays_while_one_of_its_traces_is_young() {
    let place = place();
    let store = Store::open(&place.path, by_hand()).unwrap();
    let spans = [span(1, 0, hours_ago(30)), span(2, 0, hours_ago(2)), span(3, 0, hours_ago(40))];
    ingest(&store, &spans);
    store.close().unwrap();
    let store = Store::open(&place.path, aged(24)).unwrap();
    store.maintain().unwrap();
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "one block");
    store.close().unwrap();
    let store = Store::open(&place.path, aged(1)).unwrap();
    store.maintain().unwrap();
    assert_holds(&store, &Content::new(), "all of it is old");
}

/// A trace of four spans and some 16 KB that nothing makes smaller: twice as many digits, of four bits.
fn large(numbers: &mut Numbers, trace: u64) -> Vec<Span> {
    let text = |numbers: &mut Numbers| -> String {
        let word = |_| format!("{:016x}", numbers.below(u64::MAX));
        (0..512).map(word).collect()
    };
    let one = |number| {
        let mut span = span(trace, number, 1_000_000 + trace * 1000 + number);
        span.attributes.push(Attribute::new("text", text(numbers)));
        span
    };
    (0..4).map(one).collect()
}

/// Fails unless a store holds the newest of `content`, each trace whole, and counted the others.
fn assert_newest(store: &Store, content: &Content, least: usize, when: &str) {
    let found = store.search("{ }", &SearchOptions::all()).unwrap().traces;
    for trace in &found {
        let spans = store.trace(trace.trace_id).unwrap().unwrap().into_spans();
        assert_eq!(spans.len(), content[&trace.trace_id].len(), "{when}");
        assert!(spans.iter().all(|span| content[&trace.trace_id].contains(span)), "{when}");
    }
    let newest = content.keys().rev().take(least);
    for id in newest {
        assert!(found.iter().any(|found| found.trace_id == *id), "{when}: {id} is gone");
    }
    let stats = store.stats().unwrap();
    assert_eq!(stats.traces, u64::try_from(found.len()).unwrap(), "{when}");
    let all = u64::try_from(content.len()).unwrap();
    assert_eq!(stats.traces + stats.dropped_traces, all, "{when}");
}

#[test]
fn a_cap_holds_whatever_the_sizes_of_batches() {
    let place = place();
    let mut numbers = Numbers(0x0dd0_1dea_5eed_0001);
    let mut store = Store::open(&place.path, capped()).unwrap();
    let mut content = Content::new();
    let mut trace = 0;
    let mut step = 0;
    while trace < 2200 {
        step += 1;
        let count = [1, 3, 20, 150][usize::try_from(numbers.below(4)).unwrap()];
        let mut batch = Vec::new();
        for _ in 0..count {
            batch.extend(large(&mut numbers, trace));
            trace += 1;
        }
        add(&mut content, &batch);
        ingest(&store, &batch);
        let when = format!("step {step}, trace {trace}");
        assert_below_cap(&store, &when);
        if step % 23 == 0 {
            drop(store);
            store = Store::open(&place.path, capped()).unwrap();
            assert_below_cap(&store, &when);
        }
        if step % 17 == 0 {
            store.maintain().unwrap();
        }
    }
    store.maintain().unwrap();
    // Half of the cap is full of the newest at least.
    assert_newest(&store, &content, 400, "in the end");
    let stats = store.stats().unwrap();
    // None takes more than a 32nd of the cap.
    assert!(stats.dropped_blocks > 10 && stats.blocks >= 24, "{stats:?}");
    let (start, end) = stats.dropped_time_range.unwrap();
    assert!(start.unix_nanos() == 1_000_000 && end > start);
}

#[test]
fn a_file_opened_with_a_smaller_cap_comes_down() {
    let place = place();
    let mut numbers = Numbers(0x0dd0_1dea_5eed_0002);
    let store = Store::open(&place.path, by_hand()).unwrap();
    let mut content = Content::new();
    for first in (0..2200).step_by(100) {
        let spans: Vec<Span> =
            (first..first + 100).flat_map(|trace| large(&mut numbers, trace)).collect();
        add(&mut content, &spans);
        ingest(&store, &spans);
        store.maintain().unwrap();
    }
    assert!(store.stats().unwrap().allocated_bytes > 2 * CAP);
    store.close().unwrap();
    let store = Store::open(&place.path, capped()).unwrap();
    assert!(store.stats().unwrap().allocated_bytes <= CAP);
    assert_newest(&store, &content, 100, "brought down");
}

/// Fills a store, then asks it; with the first answer in hand takes in `more` traces.
fn asked_meanwhile(more: u64) -> (Result<usize, Error>, u64) {
    let place = place();
    let mut numbers = Numbers(0x0dd0_1dea_5eed_0003);
    let mut options = capped();
    options.query_threads = 1;
    let store = Store::open(&place.path, options).unwrap();
    let mut take_in = |traces: std::ops::Range<u64>| {
        for trace in traces {
            ingest(&store, &large(&mut numbers, trace));
        }
    };
    take_in(0..800);
    let there = store.count("{ }", &SearchOptions::all()).unwrap().traces;
    let mut found = 0;
    let outcome = store.search_each("{ .text =~ `.*` }", &SearchOptions::all(), |_| {
        if found == 0 {
            take_in(800..800 + more);
        }
        found += 1;
        ControlFlow::Continue(())
    });
    // Whoever asks anew has an answer.
    let count = store.count("{ }", &SearchOptions::all()).unwrap();
    assert_eq!(count.traces, store.stats().unwrap().traces);
    assert!(store.trace(trace_id(800 + more - 1)).unwrap().is_some());
    assert_below_cap(&store, "with a reader");
    (outcome.map(|_| found), there)
}

#[test]
fn a_reader_of_dropped_blocks_has_its_answer_or_is_told() {
    let (found, there) = asked_meanwhile(40);
    assert_eq!(u64::try_from(found.unwrap()).unwrap(), there, "few blocks were dropped");
    let (found, _) = asked_meanwhile(900);
    let error = found.expect_err("all blocks were dropped");
    assert!(matches!(error, Error::SnapshotExpired), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::SnapshotExpired);
    assert!(error.to_string().contains("ask again"));
}

#[test]
fn limits_have_a_range() {
    let place = place();
    for (age, bytes) in [(None, Some((16 << 20) - 1)), (Some(Duration::from_millis(999)), None)] {
        let mut options = Options::default();
        (options.retention_age, options.bytes_max) = (age, bytes);
        let error = Store::open(&place.path, options).unwrap_err();
        assert!(matches!(error, Error::Options(_)), "{error:?}");
    }
}
