//! What becomes of a store whose upkeep fails. Invariant: what is acknowledged is kept, and it ends with
//! a clear refusal, not with memory or the file growing for ever.

use std::sync::{Arc, Mutex};

use redb::{Database, ReadableTable, TableDefinition};
use treering::{Error, Event, Options, SearchOptions, Store, Work};

use crate::making::{Content, Place, add, by_hand, ingest, place, span, time, trace_id};

/// Breaks every chunk of every block of a closed store.
fn break_blocks(place: &Place) {
    break_chunks(place, |_| true);
}

/// Breaks some chunks of a closed store.
fn break_chunks(place: &Place, which: impl Fn((u64, u32)) -> bool) {
    const CHUNKS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("chunks");
    let database = Database::open(&place.path).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut table = write.open_table(CHUNKS).unwrap();
        let keys: Vec<(u64, u32)> =
            table.iter().unwrap().map(|entry| entry.unwrap().0.value()).collect();
        for key in keys.into_iter().filter(|key| which(*key)) {
            let mut value = table.get(key).unwrap().unwrap().value().to_vec();
            value[5] ^= 1;
            table.insert(key, value.as_slice()).unwrap();
        }
    }
    write.commit().unwrap();
}

#[test]
fn spans_are_taken_until_too_many_wait() {
    let place = place();
    let store = Store::open(&place.path, by_hand(100)).unwrap();
    ingest(&store, &[span(1, 0, 10)]);
    store.close().unwrap();
    break_blocks(&place);
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let tell = move |event: &Event<'_>| {
        telling.lock().unwrap().push(match event {
            Event::Began(work) => format!("began {work:?}"),
            Event::Ended(work) => format!("ended {work:?}"),
            Event::Failed(work, error) => format!("failed {work:?}: {error}"),
            _ => String::new(),
        });
    };
    let store = Store::open_with(&place.path, by_hand(100), tell).unwrap();
    // A late span of a trace that cannot be read: it is durable, but the trace cannot be made whole.
    ingest(&store, &[span(1, 1, 11)]);
    let refused = store.search("{ }", &SearchOptions::all()).unwrap_err();
    assert!(matches!(refused, Error::Block(_)), "{refused:?}");
    // And who asks for another time is answered.
    let mut later = SearchOptions::all();
    later.start = Some(time(1000));
    assert_eq!(store.count("{ }", &later).unwrap().traces, 0);
    let mut taken = 1;
    let full = loop {
        let mut batch = treering::Batch::new();
        for number in 0..20 {
            batch.push(&span(100 + taken, number, 10)).unwrap();
        }
        match store.ingest(batch) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 100, "no end is put to it");
    };
    assert!(matches!(full, Error::JournalFull { .. }), "{full:?}");
    assert!(full.to_string().contains("too much waits"), "{full}");
    // Four times as many spans as a block has.
    assert!((20..=22).contains(&taken), "{taken} batches were taken");
    let failed = format!("failed {:?}: a block of the store cannot be read", Work::Seal);
    assert!(told.lock().unwrap().contains(&failed), "{told:?}");
    assert!(store.close().is_err());
}

#[test]
fn a_late_span_for_a_damaged_block_does_not_stop_other_searches() {
    let place = place();
    let mut options = by_hand(8);
    options.chunk_bytes = 64;
    let store = Store::open(&place.path, options.clone()).unwrap();
    // Three blocks: traces 0 to 3, 10 to 13 and 20 to 23, a thousand nanoseconds apart.
    let mut kept = Content::new();
    for block in 0..3 {
        let one = |trace| {
            [span(block * 10 + trace, 0, block * 1000), span(block * 10 + trace, 1, block * 1000)]
        };
        let spans: Vec<_> = (0..4).flat_map(one).collect();
        ingest(&store, &spans);
        store.maintain().unwrap();
        if block != 1 {
            add(&mut kept, &spans);
        }
    }
    assert_eq!(store.stats().unwrap().blocks, 3);
    drop(store);
    // Only the last chunks of the block in the middle: its traces can be found, not be read.
    break_chunks(&place, |(block, chunk)| block == 1 && chunk > 12);

    let store = Store::open(&place.path, options).unwrap();
    // A late span of a trace there, with one of a trace of the last block and a new trace; then a
    // batch that shares none of them, and one that shares the new one.
    let first = [span(10, 2, 5000), span(23, 2, 5000), span(50, 0, 5000)];
    let free = [span(60, 0, 7000), span(3, 2, 7000)];
    let bound = [span(50, 1, 9000)];
    ingest(&store, &first);
    ingest(&store, &free);
    ingest(&store, &bound);
    add(&mut kept, &free);

    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    for store in [&store, &reader] {
        let asked = |from: u64, to: u64| {
            let mut options = SearchOptions::all();
            (options.start, options.end) = (Some(time(from)), Some(time(to)));
            let found = store.search("{ }", &options)?;
            let counts = store.count("{ }", &options)?;
            assert_eq!(u64::try_from(found.traces.len()).unwrap(), counts.traces);
            Ok::<u64, Error>(counts.spans)
        };
        // The first block, with the trace that went on; and what is new and whole.
        assert_eq!(asked(0, 900).unwrap(), 9);
        assert_eq!(asked(6000, 8000).unwrap(), 4);
        // The damaged block, the block of a trace that is not joined, and what is not joined.
        for (from, to) in [(900, 1500), (1900, 2500), (4900, 5100), (8900, 9100), (0, 9999)] {
            let error = asked(from, to).unwrap_err();
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            assert!(text.contains("block 1"), "{from} to {to}: {text}");
        }
        // Traces by id: those that are whole, and nothing of the others.
        for trace in [0, 3, 60] {
            let found = store.trace(trace_id(trace)).unwrap().unwrap();
            assert_eq!(found.spans().len(), kept[&trace_id(trace)].len());
        }
        assert!(store.trace(trace_id(99)).unwrap().is_none());
        for trace in [10, 20, 23, 50] {
            assert!(store.trace(trace_id(trace)).is_err(), "trace {trace}");
        }
    }
    assert!(store.maintain().is_err());
}
