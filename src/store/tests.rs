//! What cannot be seen from outside: chunks of dropped blocks, and the order in which blocks are
//! dropped. Invariant: chunks stay as long as a reader holds the block, and are removed by the next
//! write after that; what is dropped is the oldest.

use std::sync::Arc;
use std::time::Duration;

use crate::block::{BlockId, Chunks};
use crate::codec::cast::low_u32;
use crate::id::{SpanId, TraceId};
use crate::model::{Attribute, Resource, Span, Value};
use crate::options::{Durability, Maintenance, Options};
use crate::query::TraceMatch;
use crate::search::{Findings, PreparedQuery, SearchOptions};
use crate::storage::BlockRecord;
use crate::store::retain::Limits;
use crate::store::{Batch, Store};
use crate::time::Timestamp;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        cache_bytes: 0,
        chunk_bytes: 500,
        maintenance: Maintenance::ByHand,
        ..Options::default()
    };
    let store = Store::open(folder.path().join("store"), options).unwrap();
    (folder, store)
}

fn ingest(store: &Store, trace: u8, span: u8) {
    let mut batch = Batch::new();
    let (trace_id, span_id) = (TraceId::from_bytes([trace; 16]), SpanId::from_bytes([span; 8]));
    batch.push(&Span { trace_id, span_id, ..Span::default() }).unwrap();
    store.ingest(batch).unwrap();
    store.maintain().unwrap();
}

fn has_chunks(store: &Store, block: u64) -> bool {
    store.shared.storage.chunk(BlockId(block), 0).is_ok()
}

#[test]
fn chunks_of_a_dropped_block_stay_while_it_is_read() {
    let (_folder, store) = store();
    ingest(&store, 1, 1);
    let reader = store.shared.base().unwrap();
    let query = PreparedQuery::new("{ }").unwrap();
    let pool = &store.shared.pool;
    for span in 2..5 {
        ingest(&store, 1, span);
        assert!(has_chunks(&store, 0), "after span {span}");
        let views = reader.newest_first();
        let mut found = Findings::new(pool, &views, query.prepared(), &SearchOptions::all());
        let found = found.as_mut().unwrap().make_next().unwrap().unwrap();
        assert_eq!(found.spansets[0].matched, 1);
    }
    // Blocks 1 and 2 were dropped too, and nobody read them; the last is dropped by now at most.
    assert!(!has_chunks(&store, 1));
    drop(reader);
    ingest(&store, 1, 9);
    assert!(!has_chunks(&store, 0) && !has_chunks(&store, 2));
    let newest = store.shared.base().unwrap();
    assert_eq!(newest.stored.len(), 1);
    let record = &newest.stored.values().next().unwrap().record;
    for chunk in 0..record.chunks() {
        assert!(store.shared.storage.chunk(record.id, chunk).is_ok(), "chunk {chunk}");
    }
}

#[test]
fn what_was_folded_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    for (maintenance, name) in [(Maintenance::ByHand, "a"), (Maintenance::Background, "b")] {
        let options = Options { maintenance, ..Options::default() };
        let store = Store::open(folder.path().join(name), options).unwrap();
        spans(&store, 1, 1, 2, (1, 2));
        spans(&store, 1, 3, 2, (1, 2));
        let before = Arc::downgrade(&store.shared.state().base);
        let newest = store.shared.base().unwrap();
        assert_eq!(newest.journal_next, 2);
        if maintenance == Maintenance::ByHand {
            assert!(before.upgrade().is_none(), "nobody else would drop it");
        }
        // A thread of the store does it within a second. At the latest all goes when it is sealed, after a
        // minute, which would be too late.
        while before.upgrade().is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(Arc::ptr_eq(&newest, &store.shared.state().base));
    }
}

#[test]
fn results_are_the_same_made_together_and_one_by_one() {
    let (_folder, store) = store();
    for block in 0..3u8 {
        let mut batch = Batch::new();
        for trace in 1..=20u8 {
            for span in 1..=1 + trace % 5 {
                let x = Attribute { key: "x".to_owned(), value: Value::Int(i64::from(span)) };
                let service = Value::String(format!("service {}", trace % 3));
                let service = Attribute { key: "service.name".to_owned(), value: service };
                batch
                    .push(&Span {
                        trace_id: TraceId::from_bytes([block * 20 + trace; 16]),
                        span_id: SpanId::from_bytes([span; 8]),
                        name: format!("{trace} {span}"),
                        start: Timestamp::from_unix_nanos(u64::from(trace) * 10),
                        end: Timestamp::from_unix_nanos(u64::from(trace) * 10 + u64::from(span)),
                        attributes: if span % 2 == 0 { vec![x] } else { Vec::new() },
                        resource: Resource { attributes: vec![service], ..<_>::default() }.into(),
                        ..Span::default()
                    })
                    .unwrap();
            }
        }
        store.ingest(batch).unwrap();
        store.maintain().unwrap();
    }
    let options = SearchOptions { spans_per_spanset: Some(3), ..SearchOptions::all() };
    let views = store.shared.base().unwrap().newest_first();
    for text in ["{ }", "{ } | select(duration, span.x)", "{ } | by(span:id) | count() > 0"] {
        let query = PreparedQuery::new(text).unwrap();
        let found =
            || Findings::new(&store.shared.pool, &views, query.prepared(), &options).unwrap();
        let all = |mut found: Findings| -> Vec<TraceMatch> {
            std::iter::from_fn(|| found.make_next().unwrap()).collect()
        };
        let together = all(found());
        assert_eq!(together.len(), 60);
        assert_eq!(together, all(found().one_by_one()), "{text}");
    }
}

#[test]
fn what_comes_in_is_made_durable_while_maintenance_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
    let durability = Durability::Within(Duration::from_millis(4));
    let options = Options { durability, ..Options::default() };
    let store = Store::open(&path, options).unwrap();
    let _sealing = store.shared.maintainer();
    for span in 1..4 {
        let mut batch = Batch::new();
        let (trace_id, span_id) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([span; 8]));
        batch.push(&Span { trace_id, span_id, ..Span::default() }).unwrap();
        store.ingest(batch).unwrap();
        // What a crash would leave; a copy that is made during a write may not open.
        let is_durable = || {
            std::thread::sleep(Duration::from_millis(10));
            std::fs::copy(&path, &copy).unwrap();
            let left = Store::open(&copy, Options::default()).and_then(|store| store.stats());
            left.is_ok_and(|left| left.spans == u64::from(span))
        };
        assert!((0..1000).any(|_| is_durable()), "span {span} is not durable");
    }
}

#[test]
fn readers_do_not_wait_for_maintenance() {
    let (_folder, store) = store();
    ingest(&store, 1, 1);
    let _sealing = store.shared.maintainer();
    let (send, receive) = std::sync::mpsc::channel();
    let other = store.clone();
    std::thread::spawn(move || send.send(other.stats().map(|stats| low_u32(stats.spans))));
    let stats = receive.recv_timeout(Duration::from_secs(10));
    assert_eq!(stats.expect("stats waits").unwrap(), 1);
}

/// A trace of so many spans at a time.
fn spans(store: &Store, trace: u8, first: u8, count: u8, (start, end): (u64, u64)) {
    let mut batch = Batch::new();
    for number in first..first + count {
        let (trace_id, span_id) =
            (TraceId::from_bytes([trace + 1; 16]), SpanId::from_bytes([number + 1; 8]));
        let (start, end) = (Timestamp::from_unix_nanos(start), Timestamp::from_unix_nanos(end));
        let span = Span { trace_id, span_id, start, end, ..Span::default() };
        batch.push(&span).unwrap();
    }
    store.ingest(batch).unwrap();
}

fn records(store: &Store) -> Vec<BlockRecord> {
    let base = store.shared.base().unwrap();
    let mut records: Vec<BlockRecord> =
        base.stored.values().map(|stored| stored.record.clone()).collect();
    records.sort_by_key(|record| (record.retention, record.id));
    records
}

fn limits(oldest: Option<u64>, bytes: Option<u64>) -> Limits {
    Limits { oldest: oldest.map(Timestamp::from_unix_nanos), bytes }
}

#[test]
fn the_oldest_blocks_go_first_and_whole() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) % limit
    };
    let mut stopped = 0;
    for _ in 0..30 {
        let (_folder, store) = store();
        for trace in 0..10 {
            // Blocks that overlap in time, of different sizes, one seal each: too few of a size to merge.
            let start = 1000 + below(50);
            spans(
                &store,
                trace,
                0,
                1 + low_u32(below(40)).try_into().unwrap_or(1),
                (start, start + below(90)),
            );
            store.shared.seal(&mut store.shared.maintainer(), Vec::new()).unwrap();
        }
        // A late span that is still in memory, now and then.
        let late = u8::try_from(below(20)).unwrap();
        if late < 10 {
            spans(&store, late, 200, 1, (1000, 1010));
        }
        let before = records(&store);
        let pending = store.shared.base().unwrap();
        let is_pending = |record: &BlockRecord| pending.stored[&record.id].is_pending();
        let bytes: u64 = before.iter().map(BlockRecord::stored_bytes).sum();
        let limits = match below(2) {
            0 => limits(Some(1000 + below(150)), None),
            _ => limits(None, Some(below(bytes))),
        };
        let traces = store.stats().unwrap();
        store.shared.drop_beyond(&mut store.shared.maintainer(), limits).unwrap();
        let after = records(&store);
        // What is left is the end of the order, and no block stays that could go.
        let gone = before.len() - after.len();
        assert_eq!(before[gone..], after[..]);
        let left: u64 = after.iter().map(BlockRecord::stored_bytes).sum();
        if let Some(next) = after.first().filter(|next| !is_pending(next)) {
            assert!(limits.oldest.is_none_or(|oldest| next.retention >= oldest));
            assert!(limits.bytes.is_none_or(|bytes| left <= bytes));
        } else {
            stopped += 1;
        }
        if let Some(last) = before[..gone].last() {
            assert!(limits.oldest.is_none_or(|oldest| last.retention < oldest));
            assert!(limits.bytes.is_none_or(|bytes| left + last.stored_bytes() > bytes));
            assert!(!before[..gone].iter().any(is_pending));
        }
        let stats = store.stats().unwrap();
        assert_eq!(stats.dropped_blocks, u64::try_from(gone).unwrap());
        assert_eq!(stats.traces + stats.dropped_traces, traces.traces);
        assert_eq!(stats.spans + stats.dropped_spans, traces.spans);
        // A late span's trace is whole, or was dropped and starts anew.
        let id = TraceId::from_bytes([late + 1; 16]);
        let whole = store.trace(id).unwrap().map(|trace| trace.spans().len());
        spans(&store, late, 201, 1, (1000, 1010));
        let now = store.trace(id).unwrap().map(|trace| trace.spans().len());
        assert_eq!(now, Some(whole.unwrap_or(0) + 1));
    }
    assert!(stopped > 0, "no pending block was in the way");
}

#[test]
fn a_span_of_the_future_is_as_old_as_its_arrival() {
    let (_folder, store) = store();
    let before = Timestamp::now().unix_nanos();
    let future = before + 1_000_000_000_000_000;
    // From the journal after opening again, sealed, merged with others and pulled by a late span: never later.
    spans(&store, 1, 0, 2, (future, future + 9));
    spans(&store, 2, 0, 2, (5, 9));
    store.maintain().unwrap();
    spans(&store, 1, 3, 1, (future, future + 9));
    store.maintain().unwrap();
    let after = Timestamp::now().unix_nanos();
    let newest = records(&store).pop().unwrap();
    assert!((before..=after).contains(&newest.retention.unix_nanos()), "{newest:?}");
    assert!(newest.end.unix_nanos() > future);
    let now = limits(Some(after + 1), None);
    store.shared.drop_beyond(&mut store.shared.maintainer(), now).unwrap();
    assert_eq!(store.stats().unwrap().spans, 0);
    assert_eq!(store.stats().unwrap().dropped_spans, 5);
}

#[test]
fn what_the_journal_has_again_is_not_dropped_before_it_is_sealed() {
    let (folder, store) = store();
    spans(&store, 1, 0, 4, (1000, 1010));
    store.shared.seal(&mut store.shared.maintainer(), Vec::new()).unwrap();
    // One of them again, which changes nothing; only the journal has it.
    spans(&store, 1, 2, 1, (1000, 1010));
    let all = limits(Some(u64::MAX), None);
    store.shared.drop_beyond(&mut store.shared.maintainer(), all).unwrap();
    drop(store);
    let options = Options { maintenance: Maintenance::ByHand, ..Options::default() };
    let store = Store::open(folder.path().join("store"), options.clone()).unwrap();
    assert_eq!(store.stats().unwrap().spans, 4);
    store.shared.seal(&mut store.shared.maintainer(), Vec::new()).unwrap();
    store.shared.drop_beyond(&mut store.shared.maintainer(), all).unwrap();
    drop(store);
    let store = Store::open(folder.path().join("store"), options).unwrap();
    assert_eq!(store.stats().unwrap().spans, 0);
}

#[test]
fn verifying_does_not_keep_others_from_maintaining() {
    let (_folder, store) = store();
    ingest(&store, 1, 1);
    // So that redb is not asked to check its pages, which takes the file for itself.
    store.shared.storage.remove_chunks(BlockId(0)).unwrap();
    let _sealing = store.shared.maintainer();
    let (send, receive) = std::sync::mpsc::channel();
    let other = store.clone();
    std::thread::spawn(move || send.send(other.verify()));
    let found = receive.recv_timeout(Duration::from_secs(60));
    assert!(!found.expect("verifying waits").unwrap().is_sound());
}
