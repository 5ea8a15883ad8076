//! The process whose files may not grow. Invariant: it counts a batch only after the store said so.

use std::path::Path;

use treering::model::Span;
use treering::{
    Error, ErrorKind, Maintenance, Options, SearchOptions, SpanId, Store, Timestamp, TraceId,
};

use crate::file_limit::{self, limit};

/// Spans of a batch.
const BATCH: u64 = 100;
/// The file may have so many bytes.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Runs that process, with either way of maintenance.
pub(crate) fn start() {
    for maintenance in ["background", "by hand"] {
        file_limit::start(&[("MAINTENANCE", maintenance)]);
    }
}

/// Fills the file, asks, makes room, and goes on.
pub(crate) fn run(path: &Path) {
    let mut options = Options::default();
    options.head_bytes_max = 1 << 20;
    if std::env::var("MAINTENANCE").unwrap() == "by hand" {
        options.maintenance = Maintenance::ByHand;
    }
    let store = Store::open(path, options.clone()).unwrap();
    limit(Some(FILE_BYTES_MAX));
    let mut taken = 0;
    let error = loop {
        match ingest(&store, taken) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 100_000, "the file has grown beyond its limit");
    };
    println!("full after {taken} batches: {}", chain(&error));
    assert!(taken > 10, "too little fits into the file");
    assert!(chain(&error).contains("File too large"), "the cause is not told");
    // Where a thread of the store was the first to write in vain, what it failed with is a cause only.
    let kinds = [ErrorKind::OutOfSpace, ErrorKind::WritesRefused];
    assert!(kinds.contains(&error.kind()), "{:?}", error.kind());
    assert_eq!(count(&store), taken * BATCH);
    // It says so as long as nobody acts on it.
    let again = ingest(&store, taken).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::WritesRefused);
    let again = chain(&again);
    assert!(again.contains("an earlier write failed"), "{again}");
    assert_eq!(count(&store), taken * BATCH);
    // Resuming on a disk that is still full loses nothing, however it ends.
    for _ in 0..3 {
        let resumed = store.resume();
        println!("resumed on a full disk: {resumed:?}");
        let now = count(&store);
        assert!(now >= taken * BATCH, "{now} spans of {taken} batches");
        while ingest(&store, taken).is_ok() {
            taken += 1;
        }
        assert_eq!(count(&store), taken * BATCH);
    }
    limit(None);
    while store.resume().unwrap() {}
    for _ in 0..10 {
        ingest(&store, taken).unwrap();
        taken += 1;
    }
    store.maintain().unwrap();
    assert_eq!(count(&store), taken * BATCH);
    assert!(store.verify().unwrap().faults.is_empty());
    // What failed in the background, if it did, is told here.
    drop(store.close());
    let store = Store::open(path, options).unwrap();
    assert_eq!(count(&store), taken * BATCH);
    println!("{taken} batches in the end");
}

/// Batch `number`, which is always the same spans.
fn ingest(store: &Store, number: u64) -> Result<(), Error> {
    let mut batch = store.batch();
    for span in 0..BATCH {
        let id = number * BATCH + span + 1;
        let start = 1_700_000_000_000_000_000 + id * 1_000_003;
        let span = Span {
            trace_id: TraceId::from_bytes(u128::from(id / 10 + 1).to_le_bytes()),
            span_id: SpanId::from_bytes(id.to_le_bytes()),
            name: format!("{:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            start: Timestamp::from_unix_nanos(start),
            end: Timestamp::from_unix_nanos(start + id % 977),
            ..Span::default()
        };
        batch.push(&span).unwrap();
    }
    store.ingest(batch).map(drop)
}

fn count(store: &Store) -> u64 {
    store.count("{ }", &SearchOptions::all()).unwrap().spans
}

/// An error with its sources.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
