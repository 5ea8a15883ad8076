//! What becomes of a store whose upkeep fails. Invariant: what is acknowledged is kept, and it ends with
//! a clear refusal, not with memory or the file growing for ever.

use std::sync::{Arc, Mutex};

use redb::{Database, ReadableTable, TableDefinition};
use treering::{Error, Event, SearchOptions, Store, Work};

use crate::making::{Place, by_hand, ingest, place, span};

/// Breaks every chunk of every block of a closed store.
fn break_blocks(place: &Place) {
    const CHUNKS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("chunks");
    let database = Database::open(&place.path).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut table = write.open_table(CHUNKS).unwrap();
        let keys: Vec<(u64, u32)> =
            table.iter().unwrap().map(|entry| entry.unwrap().0.value()).collect();
        for key in keys {
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
