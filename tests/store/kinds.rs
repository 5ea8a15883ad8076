//! What a program can act on where something fails. Invariant: an error has the kind of what happened,
//! whichever part of the store noticed it. What a full disk gives is in `tests/full`.

use redb::{Database, TableDefinition, WriteTransaction};
use treering::model::Span;
use treering::{
    Batch, CancelToken, Durability, Error, ErrorKind, Options, SearchOptions, Store, TraceId,
};

use crate::making::{Place, by_hand, ingest, place, span};

/// A closed store with one block.
fn closed() -> Place {
    let place = place();
    let store = Store::open(&place.path, by_hand(100)).unwrap();
    ingest(&store, &[span(1, 0, 10), span(1, 1, 11)]);
    store.close().unwrap();
    place
}

fn opening(place: &Place) -> ErrorKind {
    Store::open(&place.path, Options::default()).unwrap_err().kind()
}

fn reading(place: &Place) -> ErrorKind {
    Store::open_read_only(&place.path, Options::default()).unwrap_err().kind()
}

/// Writes to the file without Treering.
fn write(place: &Place, change: impl FnOnce(&WriteTransaction)) {
    let database = Database::create(&place.path).unwrap();
    let write = database.begin_write().unwrap();
    change(&write);
    write.commit().unwrap();
}

#[test]
fn files_that_cannot_be_opened_have_a_kind() {
    let missing = place();
    assert_eq!(reading(&missing), ErrorKind::NotFound);
    let no_folder = Store::open(missing.path.join("no folder"), Options::default()).unwrap_err();
    assert_eq!(no_folder.kind(), ErrorKind::NotFound);
    drop(Database::create(&missing.path).unwrap());
    assert_eq!(reading(&missing), ErrorKind::NotFound, "a file without a store");

    let text = place();
    std::fs::write(&text.path, "this is no store".repeat(1000)).unwrap();
    assert_eq!((opening(&text), reading(&text)), (ErrorKind::NotAStore, ErrorKind::NotAStore));
    let other = place();
    write(&other, |write| {
        let table: TableDefinition<'_, &str, u64> = TableDefinition::new("pears");
        write.open_table(table).unwrap().insert("plum", 3).unwrap();
    });
    assert_eq!((opening(&other), reading(&other)), (ErrorKind::NotAStore, ErrorKind::NotAStore));

    let later = closed();
    write(&later, |write| {
        let table: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
        write.open_table(table).unwrap().insert("version", [0xff, 0, 0, 0].as_slice()).unwrap();
    });
    assert_eq!(
        (opening(&later), reading(&later)),
        (ErrorKind::OtherVersion, ErrorKind::OtherVersion)
    );

    let cut = closed();
    let bytes = std::fs::read(&cut.path).unwrap();
    std::fs::write(&cut.path, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!((opening(&cut), reading(&cut)), (ErrorKind::Damaged, ErrorKind::Damaged));
}

#[test]
fn a_file_that_is_open_is_in_use() {
    let place = closed();
    let mut options = Options::default();
    options.durability = Durability::Within(std::time::Duration::from_secs(1));
    let store = Store::open(&place.path, options).unwrap();
    assert_eq!((opening(&place), reading(&place)), (ErrorKind::InUse, ErrorKind::InUse));
    drop(store);
    assert!(Store::open(&place.path, Options::default()).is_ok());
}

#[test]
fn damage_that_shows_when_it_is_read_is_damage() {
    const CHUNKS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("chunks");
    let place = closed();
    write(&place, |write| {
        let mut table = write.open_table(CHUNKS).unwrap();
        let (key, mut bytes) = {
            let (key, value) = table.pop_first().unwrap().unwrap();
            (key.value(), value.value().to_vec())
        };
        bytes[5] ^= 1;
        table.insert(key, bytes.as_slice()).unwrap();
    });
    let store = Store::open(&place.path, by_hand(100)).unwrap();
    let error = store.search("{ }", &SearchOptions::all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}");
    let error = store.backup(place.path.with_extension("copy")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}");
    // What waits because of it is refused for the same reason.
    let full = Error::JournalFull { cause: Box::new(error) };
    assert_eq!(full.kind(), ErrorKind::Damaged);
}

#[test]
fn what_is_asked_wrongly_has_a_kind() {
    let place = place();
    let mut options = by_hand(100);
    options.limits.batch_spans_max = 1;
    let store = Store::open(&place.path, options.clone()).unwrap();
    let all = SearchOptions::all();
    assert_eq!(store.search("{", &all).unwrap_err().kind(), ErrorKind::Query);
    let mut batch = Batch::new();
    let request = batch.push_protobuf(&[0xff; 20]).unwrap_err();
    assert_eq!(request.kind(), ErrorKind::Request);
    options.block_rows_max = 0;
    let refused = Store::open(&place.path, options).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Options);
    for number in 0..2 {
        batch.push(&span(1, number, 10)).unwrap();
    }
    assert_eq!(store.ingest(batch).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(store.backup(&place.path).unwrap_err().kind(), ErrorKind::Exists);
    ingest(&store, &[Span { trace_id: TraceId::from_bytes([9; 16]), ..span(1, 0, 10) }]);
    let mut cancelled = SearchOptions::all();
    let token = CancelToken::new();
    token.cancel();
    cancelled.cancel = Some(token);
    assert_eq!(store.delete_where("{ }", &cancelled).unwrap_err().kind(), ErrorKind::Stopped);
    drop(store);
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    assert_eq!(reader.maintain().unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(reader.stats().unwrap().spans, 1);
}

#[test]
fn what_the_system_refuses_has_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(folder.path(), Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "a folder: {error:?}");
    let cause = std::io::Error::from(std::io::ErrorKind::WouldBlock);
    assert_eq!(Error::Thread { cause }.kind(), ErrorKind::Io);
    assert_eq!(Error::Maintenance("a seal failed".to_owned()).kind(), ErrorKind::Maintenance);
}
