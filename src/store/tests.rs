//! What cannot be seen from outside: chunks of dropped blocks. Invariant: they stay as long as a
//! reader holds the block, and are removed by the next write after that.

use crate::block::{BlockId, Chunks};
use crate::codec::cast::low_u32;
use crate::id::{SpanId, TraceId};
use crate::model::Span;
use crate::options::{Maintenance, Options};
use crate::search::{self, SearchOptions};
use crate::store::{Batch, Store};

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
    let plan = search::prepare(&crate::query::check("{ }").unwrap()).unwrap().into();
    let pool = &store.shared.pool;
    for span in 2..5 {
        ingest(&store, 1, span);
        assert!(has_chunks(&store, 0), "after span {span}");
        let found = search::search(pool, &reader.newest_first(), &plan, &SearchOptions::all());
        let found = found.unwrap();
        assert_eq!(found.traces[0].spansets[0].matched, 1);
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
fn readers_do_not_wait_for_maintenance() {
    let (_folder, store) = store();
    ingest(&store, 1, 1);
    let _sealing = store.shared.maintainer();
    let (send, receive) = std::sync::mpsc::channel();
    let other = store.clone();
    std::thread::spawn(move || send.send(other.stats().map(|stats| low_u32(stats.spans))));
    let stats = receive.recv_timeout(std::time::Duration::from_secs(10));
    assert_eq!(stats.expect("stats waits").unwrap(), 1);
}
