//! Stores that take nothing, or not everything. Invariant: spans are dropped and counted by reason, a
//! kind of failure is told once until it is over, and nothing else happens to the service.

use std::time::{Duration, SystemTime};

use opentelemetry_sdk::trace::SpanExporter;
use redb::{Database, ReadableTable, TableDefinition};
use treering::{Maintenance, Options, Store};
use treering_opentelemetry::{Notice, StoreExporter};

use crate::making::{
    Place, all, export, heavy, listener, open, patient, place, span, stats_of, stored,
};

/// Exports a batch and waits for what becomes of it.
fn send(exporter: &StoreExporter, spans: Vec<opentelemetry_sdk::trace::SpanData>) -> String {
    export(exporter, spans).unwrap();
    exporter.force_flush().map_or_else(|error| error.to_string(), |()| "stored".to_owned())
}

#[test]
fn a_store_that_cannot_be_written_drops_everything() {
    let place = place();
    drop(open(&place));
    let store = Store::open_read_only(&place.path, Options::default()).unwrap();
    let (handler, told) = listener();
    let exporter = StoreExporter::with_options(store, patient(), handler).unwrap();
    for number in 1..=3 {
        let outcome = send(&exporter, vec![span(1, number), span(2, number)]);
        assert!(outcome.contains("2 spans dropped: the store was opened to be read"), "{outcome}");
    }
    let stats = stats_of(&exporter.handle(), 6);
    assert_eq!(stats.dropped.failed, 6);
    assert!(stats.failing.unwrap().contains("read only"));
    let told = all(&told);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("2 spans are lost, and more may follow: the store was"),
        "{told:?}"
    );
    // What it was told of before does not count for a later call.
    exporter.shutdown().unwrap();
}

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
fn a_store_that_cannot_move_its_journal_takes_until_it_is_full() {
    let place = place();
    let mut options = Options::default();
    options.block_rows_max = 100;
    options.limits.batch_bytes_max = 100_000;
    options.maintenance = Maintenance::ByHand;
    let store = Store::open(&place.path, options.clone()).unwrap();
    let exporter = StoreExporter::with_options(store.clone(), patient(), |_| ()).unwrap();
    assert_eq!(send(&exporter, vec![span(1, 1)]), "stored");
    exporter.shutdown().unwrap();
    store.close().unwrap();
    break_blocks(&place);
    let store = Store::open(&place.path, options).unwrap();
    let (handler, told) = listener();
    let exporter = StoreExporter::with_options(store, patient(), handler).unwrap();
    // A late span of a trace that cannot be read keeps the journal from being moved.
    assert_eq!(send(&exporter, vec![span(1, 2)]), "stored");
    let outcomes: Vec<String> = (0..100)
        .map(|batch| {
            let spans = (0..20).map(|number| span(100 + batch, number + 1)).collect();
            send(&exporter, spans)
        })
        .collect();
    let taken = outcomes.iter().filter(|outcome| *outcome == "stored").count();
    assert!((1..30).contains(&taken), "{outcomes:?}");
    assert!(outcomes[99].contains("20 spans dropped: too much waits to be moved"), "{outcomes:?}");
    let stats = stats_of(&exporter.handle(), 2001);
    assert_eq!(stats.exported, 1 + 20 * u64::try_from(taken).unwrap());
    // Another kind of failure is told as well, once; what was first is what the figures say.
    for _ in 0..2 {
        send(&exporter, vec![heavy(1, 1, 200_000)]);
        send(&exporter, vec![span(1, 3)]);
    }
    let failing = stats_of(&exporter.handle(), 2005).failing.unwrap();
    assert!(failing.starts_with("too much waits"), "{failing}");
    let told = all(&told);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("the batch is too large"), "{told:?}");
}

#[test]
fn one_span_too_large_is_lost_alone_and_its_end_is_told() {
    let place = place();
    let mut options = Options::default();
    options.limits.batch_bytes_max = 100_000;
    let store = Store::open(&place.path, options).unwrap();
    let (handler, told) = listener();
    let exporter = StoreExporter::with_options(store.clone(), patient(), handler).unwrap();
    let mut spans: Vec<_> = (1..=50).map(|number| span(1, number)).collect();
    spans.insert(20, heavy(1, 99, 200_000));
    let outcome = send(&exporter, spans);
    assert!(outcome.contains("1 spans dropped"), "{outcome}");
    // Of the batch that had it, spans were stored afterwards.
    assert_eq!(stats_of(&exporter.handle(), 51).failing, None);
    for _ in 0..2 {
        let outcome = send(&exporter, vec![heavy(1, 98, 200_000)]);
        assert!(outcome.contains("1 spans dropped: the batch is too large"), "{outcome}");
    }
    assert_eq!(send(&exporter, vec![span(1, 51)]), "stored");
    exporter.shutdown().unwrap();
    assert_eq!(stored(&store), 51);
    let (lost, again) = ("1 spans are lost", "spans are stored again");
    let told = all(&told);
    let expected = [lost, again, lost, "spans are stored again; 2 were lost meanwhile"];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_store_of_small_batches_gets_small_batches() {
    let place = place();
    let mut options = Options::default();
    options.limits.batch_spans_max = 10;
    let store = Store::open(&place.path, options).unwrap();
    let (handler, told) = listener();
    let exporter = StoreExporter::with_options(store.clone(), patient(), handler).unwrap();
    for from in [1, 1001] {
        let spans = (from..from + 333).map(|number| span(1, number)).collect();
        assert_eq!(send(&exporter, spans), "stored");
    }
    assert_eq!(stored(&store), 666);
    exporter.shutdown().unwrap();
    assert!(all(&told).is_empty());
}

#[test]
fn what_the_store_refuses_is_counted_by_reason() {
    let place = place();
    let mut options = Options::default();
    options.limits.trace_spans_max = 3;
    options.retention_age = Some(Duration::from_secs(3600));
    let store = Store::open(&place.path, options).unwrap();
    let (handler, told) = listener();
    let exporter = StoreExporter::with_options(store.clone(), patient(), handler).unwrap();
    let now = |trace, number| {
        let (start_time, end_time) = (SystemTime::now(), SystemTime::now());
        opentelemetry_sdk::trace::SpanData { start_time, end_time, ..span(trace, number) }
    };
    // None, none, ended in 1970, and seven of a trace that may have three.
    let mut spans = vec![now(0, 1), now(1, 0), span(2, 1)];
    spans.extend((1..=7).map(|number| now(3, number)));
    // The same span twice, and one that ends before it starts, are stored.
    let mut odd = now(4, 1);
    odd.end_time = odd.start_time - Duration::from_secs(1);
    spans.extend([odd.clone(), odd]);
    assert_eq!(send(&exporter, spans), "stored");
    assert_eq!(send(&exporter, vec![now(0, 0)]), "stored");
    let stats = stats_of(&exporter.handle(), 13);
    let dropped = stats.dropped;
    assert_eq!((dropped.refused, dropped.too_old, dropped.over_limit), (3, 1, 4));
    assert_eq!((stats.exported, stats.queued, dropped.total()), (5, 0, 8));
    assert_eq!(stored(&store), 4);
    let told = all(&told);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("traceId: is all zero"), "{told:?}");
}

#[test]
fn a_handler_that_panics_or_flushes_is_survived() {
    let place = place();
    let store = open(&place);
    let handler = |_: &Notice<'_>| panic!("by the test");
    let exporter = StoreExporter::with_options(store.clone(), patient(), handler).unwrap();
    assert_eq!(send(&exporter, vec![span(0, 1)]), "stored");
    assert_eq!(send(&exporter, vec![span(1, 1)]), "stored");

    let (give, given) = std::sync::mpsc::channel::<treering_opentelemetry::ExporterHandle>();
    let (say, said) = std::sync::mpsc::channel();
    let handler = move |_: &Notice<'_>| {
        let handle = given.recv().unwrap();
        say.send(handle.flush(patient().flush_timeout).unwrap_err().to_string()).unwrap();
    };
    let other = StoreExporter::with_options(store.clone(), patient(), handler).unwrap();
    give.send(other.handle()).unwrap();
    assert_eq!(send(&other, vec![span(0, 1)]), "stored");
    assert!(said.recv().unwrap().contains("own thread cannot wait"));
    drop((exporter, other));
    assert_eq!(stored(&store), 1);
}
