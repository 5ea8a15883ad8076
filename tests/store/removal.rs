//! Deleting and purging. Invariant: what was deleted is gone from every answer at once, and after a
//! purge from the file; what was not is there as before.

use std::collections::BTreeSet;
use std::path::Path;

use treering::model::{Attribute, Event, Link, Resource, Span};
use treering::{
    Batch, Durability, Error, SearchOptions, SpanId, Store, TagOptions, TagScope, TraceId,
};

use crate::making::{
    Content, Place, add, assert_holds, by_hand, ingest, place, span, span_id, time, trace_id,
};

/// A text that stands in one trace only, at every place where a span has text.
fn secret_span(word: &str, trace: u64, number: u64, start: u64) -> Span {
    let attribute = |place: &str| Attribute::new(format!("{place}-{word}"), format!("v-{word}"));
    let bytes = Attribute::new("bytes", format!("bytes of {word}").into_bytes());
    Span {
        name: format!("name {word}"),
        trace_state: format!("state={word}"),
        attributes: vec![attribute("span"), bytes],
        events: vec![Event {
            name: format!("event {word}"),
            attributes: vec![attribute("event")],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: TraceId::from_bytes([0xb7; 16]),
            span_id: SpanId::from_bytes([0xb7; 8]),
            attributes: vec![attribute("link")],
            ..Link::default()
        }],
        resource: Resource {
            attributes: vec![attribute("resource"), Attribute::new("service.name", word)],
            ..Resource::default()
        }
        .into(),
        trace_id: TraceId::from_bytes([0xa0 | u8::try_from(trace).unwrap(); 16]),
        span_id: SpanId::from_bytes([0xc0 | u8::try_from(number).unwrap(); 8]),
        start: time(start),
        end: time(start + 5),
        ..span(trace, number, start)
    }
}

fn holds(path: &Path, needle: &[u8]) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(needle.len()).any(|window| window == needle)
}

const WORD: &str = "xq-secret-7391";

/// What a purge must leave nothing of.
fn traces_of_secret() -> [Vec<u8>; 5] {
    [WORD.as_bytes().to_vec(), vec![0xa1; 16], vec![0xa2; 16], vec![0xc1; 8], vec![0xb7; 16]]
}

/// Other traces, in several blocks, and the journal.
fn others(store: &Store, content: &mut Content) {
    for trace in 0..6 {
        let spans: Vec<Span> = (0..4).map(|n| span(trace, n, 1_000 + trace * 10)).collect();
        ingest(store, &spans);
        add(content, &spans);
        if trace % 2 == 1 {
            store.maintain().unwrap();
        }
    }
}

fn assert_gone(store: &Store, content: &Content, when: &str) {
    assert_holds(store, content, when);
    let all = SearchOptions::all();
    for query in [
        format!("{{ span.span-{WORD} != nil }}"),
        format!("{{ resource.service.name = `{WORD}` }}"),
        format!("{{ name = `name {WORD}` }}"),
        format!("{{ event:name = `event {WORD}` }}"),
        format!("{{ rootServiceName = `{WORD}` }}"),
    ] {
        assert_eq!(store.count(&query, &all).unwrap().traces, 0, "{when}: {query}");
    }
    let names = store.tag_names(None, None, &TagOptions::default()).unwrap();
    for scope in &names.scopes {
        for tag in &scope.tags {
            assert!(!tag.name.contains(WORD), "{when}: {:?} {}", scope.scope, tag.name);
        }
    }
    let attributes = names.scopes.iter().filter(|scope| scope.scope != TagScope::Intrinsic);
    assert_eq!(attributes.map(|scope| scope.tags.len()).sum::<usize>(), 0, "{when}");
    for field in ["resource.service.name", "name", "event:name", "rootName", "span.bytes"] {
        let values = store.tag_values(field, None, &TagOptions::default()).unwrap();
        let found = format!("{:?}", values.values);
        assert!(!found.contains(WORD), "{when}: {field}: {found}");
    }
    assert_eq!(store.trace(TraceId::from_bytes([0xa1; 16])).unwrap(), None, "{when}");
}

fn secrets() -> Vec<Span> {
    // Earlier and later than all others, so that the bounds too would tell.
    vec![secret_span(WORD, 1, 1, 10), secret_span(WORD, 1, 2, 20), secret_span(WORD, 2, 1, 900_000)]
}

/// Where the traces lie that are deleted, and what follows.
#[derive(Debug, Clone, Copy)]
enum Where {
    Journal,
    Folded,
    File,
    /// In the file, with a late span in memory.
    Both,
}

fn filled(place: &Place, at: Where) -> (Store, Content) {
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    let mut content = Content::new();
    let spans = secrets();
    match at {
        Where::Journal => {
            others(&store, &mut content);
            ingest(&store, &spans);
        }
        Where::Folded => {
            others(&store, &mut content);
            ingest(&store, &spans[..1]);
            ingest(&store, &spans[1..]);
            store.count("{ }", &SearchOptions::all()).unwrap();
        }
        Where::File => {
            ingest(&store, &spans);
            others(&store, &mut content);
            store.maintain().unwrap();
        }
        Where::Both => {
            ingest(&store, &spans[..1]);
            others(&store, &mut content);
            store.maintain().unwrap();
            ingest(&store, &spans[1..]);
        }
    }
    (store, content)
}

#[test]
fn what_was_deleted_is_gone_at_once_and_after_a_purge_from_the_file() {
    for at in [Where::Journal, Where::Folded, Where::File, Where::Both] {
        for reopen in [false, true] {
            let place = place();
            let (mut store, content) = filled(&place, at);
            let query = format!("{{ resource.service.name = `{WORD}` }}");
            assert_eq!(store.delete_where(&query, &SearchOptions::default()).unwrap(), 2);
            assert_gone(&store, &content, &format!("{at:?}, deleted"));
            if reopen {
                drop(store);
                store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
                assert_gone(&store, &content, &format!("{at:?}, opened again"));
            }
            for needle in traces_of_secret() {
                assert!(holds(&place.path, &needle), "{at:?}: {needle:?} was never there");
            }
            store.purge().unwrap();
            for needle in traces_of_secret() {
                assert!(!holds(&place.path, &needle), "{at:?}, {reopen}: {needle:?}");
            }
            assert_gone(&store, &content, &format!("{at:?}, purged"));
            drop(store);
            store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
            assert_gone(&store, &content, &format!("{at:?}, purged and opened again"));
            for needle in traces_of_secret() {
                assert!(!holds(&place.path, &needle), "{at:?}, {reopen}, opened: {needle:?}");
            }
        }
    }
}

#[test]
fn late_spans_of_a_deleted_trace_start_a_new_one() {
    let place = place();
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    let mut content = Content::new();
    for round in 0..6_u64 {
        ingest(&store, &[span(1, round * 2, 50), span(2, round, 60 + round)]);
        if round % 3 == 1 {
            store.maintain().unwrap();
        }
        assert_eq!(store.delete(&[trace_id(1), trace_id(7), trace_id(1)]).unwrap(), 1);
        let late = span(1, round * 2 + 1, 55);
        ingest(&store, std::slice::from_ref(&late));
        content.remove(&trace_id(1));
        add(&mut content, &[late, span(2, round, 60 + round)]);
        assert_holds(&store, &content, &format!("round {round}"));
        if round % 3 == 2 {
            store.purge().unwrap();
            assert_holds(&store, &content, &format!("round {round}, purged"));
        }
    }
    drop(store);
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    assert_holds(&store, &content, "opened again");
}

#[test]
fn deleting_by_query_keeps_to_its_time_range_and_to_nothing_else() {
    let place = place();
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    let mut content = Content::new();
    let spans: Vec<Span> = (0..60).map(|trace| span(trace, 0, trace * 100)).collect();
    ingest(&store, &spans);
    add(&mut content, &spans);
    let mut options = SearchOptions::default();
    options.limit = Some(1);
    options.start = Some(time(2_000));
    options.end = Some(time(4_950));
    assert_eq!(store.delete_where("{ }", &options).unwrap(), 30);
    content
        .retain(|_, spans| spans.iter().all(|s| !(2_000..=4_950).contains(&s.start.unix_nanos())));
    assert_holds(&store, &content, "within a time range");
    assert_eq!(store.delete_where("{ name = `none` }", &SearchOptions::default()).unwrap(), 0);
    assert!(matches!(store.delete_where("{ name = ", &options), Err(Error::Query(_))));
    assert_holds(&store, &content, "after queries that find nothing");
    let token = treering::CancelToken::new();
    token.cancel();
    let mut stopped = SearchOptions::default();
    stopped.cancel = Some(token);
    assert!(matches!(store.delete_where("{ }", &stopped), Err(Error::Stopped)));
    assert_holds(&store, &content, "after a search that was stopped");
    assert_eq!(store.delete_where("{ }", &SearchOptions::default()).unwrap(), 30);
    assert_holds(&store, &Content::new(), "all deleted");
    store.purge().unwrap();
    assert_holds(&store, &Content::new(), "all purged");
}

#[test]
fn a_search_under_way_goes_on_through_a_purge() {
    let place = place();
    let mut options = by_hand(8);
    // Nothing is kept in memory, so that each look is one into the file.
    (options.cache_bytes, options.query_threads) = (0, 1);
    let store = Store::open(&place.path, options).unwrap();
    let spans: Vec<Span> = (0..40).map(|trace| span(trace, 0, trace * 100)).collect();
    ingest(&store, &spans);
    store.maintain().unwrap();
    let mut seen = BTreeSet::new();
    let result = store.search_each("{ }", &SearchOptions::all(), |found| {
        if seen.is_empty() {
            for step in 0..3 {
                assert_eq!(store.delete(&[trace_id(step), trace_id(30 + step)]).unwrap(), 2);
                store.purge().unwrap();
            }
        }
        seen.insert(found.trace_id);
        std::ops::ControlFlow::Continue(())
    });
    result.unwrap();
    assert_eq!(seen.len(), 40, "the search keeps what it saw");
    assert_eq!(store.count("{ }", &SearchOptions::all()).unwrap().traces, 34);
}

#[test]
fn writers_and_readers_go_on_beside_purges() {
    let place = place();
    let mut options = by_hand(64);
    options.durability = Durability::Within(std::time::Duration::from_millis(50));
    let store = Store::open(&place.path, options).unwrap();
    let mut content = Content::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2_u64)
            .map(|writer| {
                let store = store.clone();
                scope.spawn(move || {
                    for number in 0..60 {
                        ingest(&store, &[span(writer, number, 100), span(9, number, 100)]);
                    }
                })
            })
            .collect();
        let purger = scope.spawn(|| {
            for _ in 0..6 {
                store.purge().unwrap();
                store.count("{ }", &SearchOptions::all()).unwrap();
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        purger.join().unwrap();
    });
    for number in 0..60 {
        add(&mut content, &[span(0, number, 100), span(1, number, 100), span(9, number, 100)]);
    }
    assert_holds(&store, &content, "after purges");
    drop(store);
    assert_holds(&Store::open(&place.path, by_hand(64)).unwrap(), &content, "opened again");
}

#[cfg(unix)]
#[test]
fn a_purge_keeps_permissions_and_follows_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = place();
    let link = place.path.with_file_name("link");
    drop(Store::open(&place.path, by_hand(64)).unwrap());
    symlink(&place.path, &link).unwrap();
    std::fs::set_permissions(&place.path, PermissionsExt::from_mode(0o640)).unwrap();
    let store = Store::open(&link, by_hand(64)).unwrap();
    ingest(&store, &[span(1, 0, 5), secret_span(WORD, 1, 1, 5)]);
    store.delete_where(&format!("{{ name = `name {WORD}` }}"), &SearchOptions::all()).unwrap();
    store.purge().unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(place.path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert!(!holds(&place.path, WORD.as_bytes()));
    // And the new file has one handle too.
    assert!(Store::open(&place.path, by_hand(64)).is_err());
    drop(store);
    let mut content = Content::new();
    add(&mut content, &[span(1, 0, 5)]);
    assert_holds(&Store::open(&link, by_hand(64)).unwrap(), &content, "opened again");
}

#[test]
fn a_leftover_is_removed_and_a_purge_that_fails_changes_nothing() {
    let place = place();
    let leftover = place.path.with_file_name("traces.redb.treering-purge");
    std::fs::write(&leftover, b"half a file").unwrap();
    let store = Store::open(&place.path, by_hand(64)).unwrap();
    assert!(!leftover.exists());
    let mut content = Content::new();
    ingest(&store, &[span(1, 0, 5), span(2, 0, 5)]);
    add(&mut content, &[span(1, 0, 5)]);
    assert_eq!(store.delete(&[trace_id(2)]).unwrap(), 1);
    // A folder in its way, which is no file that could be removed.
    std::fs::create_dir(&leftover).unwrap();
    store.purge().unwrap_err();
    assert_holds(&store, &content, "after a purge that failed");
    ingest(&store, &[span(1, 1, 6)]);
    add(&mut content, &[span(1, 1, 6)]);
    std::fs::remove_dir(&leftover).unwrap();
    store.purge().unwrap();
    assert_holds(&store, &content, "after a purge");
    assert!(!leftover.exists());
    let mut batch = Batch::new();
    batch.push(&span(4, 0, 9)).unwrap();
    store.ingest(batch).unwrap();
    assert!(store.trace(trace_id(4)).unwrap().is_some());
    assert_eq!(store.trace(trace_id(4)).unwrap().unwrap().spans()[0].span_id, span_id(0));
}
