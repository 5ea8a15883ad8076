//! Verifying, salvaging and copying stores. Invariants: a sound store is said to be sound, a damaged
//! one never; what is salvaged is right, and what is not is named; the source never changes.

use std::path::Path;
use std::time::Duration;

use treering::model::{Attribute, Span};
use treering::otlp::write_protobuf;
use treering::{Batch, Error, ErrorKind, Options, Place, SearchOptions, Store, Verification};

use crate::damage::{damages, make};
use crate::making::{Content, add, assert_holds, by_hand, ingest, place, span, trace_id};

/// All that a store holds.
fn content_of(store: &Store) -> Content {
    let mut content = Content::new();
    for trace in store.search("{ }", &SearchOptions::all()).unwrap().traces {
        add(&mut content, store.trace(trace.trace_id).unwrap().unwrap().spans());
    }
    content
}

fn copy(path: &Path, name: &str) -> std::path::PathBuf {
    let copy = path.with_extension(name);
    std::fs::copy(path, &copy).unwrap();
    copy
}

#[test]
fn a_sound_store_is_sound_open_closed_killed_and_read_beside() {
    let place = place();
    let store = make(&place.path);
    let open = store.verify().unwrap();
    assert_eq!(open.faults, []);
    assert_eq!(open.pages_unchecked, None);
    assert!(open.blocks > 0 && open.traces > 0 && open.journal_entries > 0, "{open:?}");
    // It goes on after redb looked at it.
    ingest(&store, &[span(70, 0, 5)]);
    let content = content_of(&store);
    assert_holds(&store, &content, "after verifying");

    let beside = Store::verify_file(&place.path).unwrap();
    assert_eq!(beside.faults, []);
    assert!(beside.pages_unchecked.is_some());
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    assert!(reader.verify().unwrap().is_sound());
    drop(reader);

    let killed = copy(&place.path, "killed");
    let before = std::fs::read(&killed).unwrap();
    let found = Store::verify_file(&killed).unwrap();
    assert_eq!((&found.faults[..], found.pages_unchecked), (&[][..], None));
    assert!(std::fs::read(&killed).unwrap() == before, "the file changed");

    drop(store);
    let found = Store::verify_file(&place.path).unwrap();
    assert_eq!((&found.faults[..], found.pages_unchecked), (&[][..], None));
}

#[test]
fn what_is_damaged_is_found_and_what_is_salvaged_is_right() {
    let place = place();
    let store = make(&place.path);
    let expected = content_of(&store);
    let killed = std::fs::read(&place.path).unwrap();
    drop(store);
    let closed = std::fs::read(&place.path).unwrap();
    let (mut whole, mut partly, mut refused, mut unseen) = (0, 0, 0, 0);
    for (sound, seed) in [(&killed, 0x7361_6c76), (&closed, 0x6167_6564)] {
        for (what, bytes) in damages(sound, seed, 60) {
            std::fs::write(&place.path, &bytes).unwrap();
            let found = Store::verify_file(&place.path);
            let out = place.path.with_extension("out");
            let salvaged = Store::salvage(&place.path, &out, by_hand(40));
            assert!(std::fs::read(&place.path).unwrap() == bytes, "{what}: the file changed");
            let Ok(salvaged) = salvaged else {
                assert!(found.is_err() || !found.unwrap().is_sound(), "{what}");
                assert!(!out.exists(), "{what}");
                refused += 1;
                continue;
            };
            let got = content_of(&Store::open(&out, by_hand(1000)).unwrap());
            std::fs::remove_file(&out).unwrap();
            for (id, spans) in &got {
                // A lost journal entry or block leaves an earlier state of a trace.
                let known = expected.get(id);
                assert!(known.is_some_and(|known| spans.is_subset(known)), "{what}: {id}");
            }
            if got == expected {
                whole += 1;
                // What does not count any more may be damaged.
                unseen += u32::from(found.is_ok_and(|found| found.is_sound()));
            } else {
                partly += 1;
                assert!(!found.unwrap().is_sound(), "{what} is not found");
                assert!(!salvaged.notes.is_empty(), "{what}: nothing is said of what is missing");
            }
        }
    }
    println!("{whole} whole ({unseen} not noticed), {partly} partly, {refused} refused");
    assert!(whole > 0 && partly > 0);
}

#[test]
fn a_fault_names_its_place_and_the_traces() {
    let place = place();
    let mut options = by_hand(1000);
    options.chunk_bytes = 200;
    let store = Store::open(&place.path, options).unwrap();
    let spans: Vec<Span> =
        (0..40).flat_map(|trace| (0..3).map(move |n| span(trace, n, 100 + trace))).collect();
    ingest(&store, &spans);
    store.maintain().unwrap();
    drop(store);
    let sound = std::fs::read(&place.path).unwrap();
    // Span ids lie one after another; those of a trace in the middle are damaged.
    let ids: Vec<u8> = (0..3).flat_map(|n| span(20, n, 0).span_id.to_bytes()).collect();
    let mut bytes = sound.clone();
    let places: Vec<usize> =
        (0..bytes.len() - ids.len()).filter(|at| bytes[*at..*at + ids.len()] == ids[..]).collect();
    let named = |found: &Verification| found.faults.iter().flat_map(|fault| &fault.traces).count();
    // Some of them are in pages that count no more, where nobody finds them, or share a chunk with what
    // all traces need.
    let found = places.iter().filter_map(|middle| {
        bytes.clone_from(&sound);
        bytes[middle + 3] ^= 1;
        std::fs::write(&place.path, &bytes).unwrap();
        let found = Store::verify_file(&place.path).unwrap();
        (!found.faults.is_empty()).then_some((*middle, found))
    });
    let found = found.min_by_key(|(_, found)| named(found));
    let (middle, found) = found.expect("a place that counts");
    bytes.clone_from(&sound);
    bytes[middle + 3] ^= 1;
    std::fs::write(&place.path, &bytes).unwrap();
    assert!(named(&found) > 0 && named(&found) < 40, "{found:?}");
    assert!(found.faults.iter().all(|fault| matches!(fault.place, Place::Block { block: 0, .. })));
    let out = place.path.with_extension("out");
    let salvaged = Store::salvage(&place.path, &out, by_hand(40)).unwrap();
    let store = Store::open(&out, by_hand(1000)).unwrap();
    for trace in 0..40 {
        let kept = store.trace(trace_id(trace)).unwrap().map(|trace| trace.into_spans().len());
        let is_lost = salvaged.lost_traces.contains(&trace_id(trace));
        assert_eq!(kept, (!is_lost).then_some(3), "trace {trace}");
    }
    assert_eq!(salvaged.traces + u64::try_from(salvaged.lost_traces.len()).unwrap(), 40);
    assert!(salvaged.traces > 20, "{salvaged:?}");
}

/// A store that takes more than stores do by default, and a service that has become stricter since.
#[test]
fn salvaging_cuts_and_drops_nothing() {
    let place = place();
    let mut generous = by_hand(1000);
    generous.limits.value_bytes_max = 64 << 20;
    generous.limits.attributes_max = 1 << 20;
    let mut large = span(1, 0, 9);
    large.attributes = vec![Attribute::new("text", "x".repeat((16 << 20) + 1))];
    let mut wide = span(1, 1, 9);
    wide.attributes = (0..=1 << 16).map(|n| Attribute::new(format!("k{n:06}"), n)).collect();
    let store = Store::open(&place.path, generous.clone()).unwrap();
    let mut batch = store.batch();
    for span in [&large, &wide, &span(2, 0, 9)] {
        batch.push(span).unwrap();
    }
    store.ingest(batch).unwrap();
    drop(store);
    let mut strict = by_hand(1000);
    strict.chunk_bytes = 1000;
    strict.limits.value_bytes_max = 10;
    strict.limits.trace_spans_max = 1;
    strict.limits.batch_spans_max = 1;
    strict.retention_age = Some(Duration::from_secs(1));
    strict.bytes_max = Some(16 << 20);
    let out = place.path.with_extension("out");
    let mut wrong = strict.clone();
    wrong.chunk_bytes = 1;
    let error = Store::salvage(&place.path, &out, wrong).unwrap_err();
    assert_eq!((error.kind(), out.exists()), (ErrorKind::Options, false), "{error}");
    let salvaged = Store::salvage(&place.path, &out, strict).unwrap();
    assert_eq!((salvaged.traces, salvaged.spans, &salvaged.notes[..]), (2, 3, &[][..]));
    let store = Store::open(&out, generous).unwrap();
    let trace = store.trace(trace_id(1)).unwrap().unwrap();
    let kept: Vec<_> = trace.spans().iter().map(|span| &span.attributes).collect();
    assert!(kept == [&large.attributes, &wide.attributes]);
    assert!(trace.spans().iter().all(|span| span.dropped_attributes_count == 0));
}

#[test]
fn a_backup_is_the_store_as_of_one_instant() {
    let place = place();
    let store = make(&place.path);
    store.delete(&[trace_id(3)]).unwrap();
    let content = content_of(&store);
    let out = place.path.with_extension("copy");
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for round in 0..20 {
                ingest(&store, &[span(500 + round, 0, 9)]);
                if round % 5 == 0 {
                    store.maintain().unwrap();
                }
            }
        });
        store.backup(&out).unwrap();
        writing.join().unwrap();
    });
    let copied = Store::open(&out, by_hand(40)).unwrap();
    assert_eq!(copied.verify().unwrap().faults, []);
    let got = content_of(&copied);
    assert_holds(&copied, &got, "the copy");
    // What was there before is there, what came later is there whole or not at all.
    let before = got.iter().filter(|(id, _)| **id < trace_id(500));
    assert!(before.eq(content.iter()));
    assert!(!place.path.with_extension("copy.part").exists());
    let again = store.backup(&out).unwrap_err();
    assert!(matches!(again, Error::Exists(_)), "{again:?}");

    // From beside, too.
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    let second = place.path.with_extension("second");
    reader.backup(&second).unwrap();
    let content = content_of(&store);
    assert_holds(&Store::open(&second, by_hand(40)).unwrap(), &content, "from beside");
}

#[test]
fn what_is_exported_can_be_taken_in_again() {
    let place = place();
    let store = make(&place.path);
    let content = content_of(&store);
    let take = |form: &str, push: &dyn Fn(&mut Batch, &[Span])| {
        let again = Store::open(place.path.with_extension(form), by_hand(40)).unwrap();
        for spans in content.values() {
            let spans: Vec<Span> = spans.iter().cloned().collect();
            let mut batch = Batch::new();
            push(&mut batch, &spans);
            again.ingest(batch).unwrap();
        }
        assert_holds(&again, &content, form);
    };
    take("protobuf", &|batch, spans| {
        assert!(batch.push_protobuf(&write_protobuf(spans)).unwrap().is_empty());
    });
    #[cfg(feature = "json")]
    take("json", &|batch, spans| {
        let text = treering::otlp::write_json(spans);
        assert!(batch.push_json(text.as_bytes()).unwrap().is_empty());
    });
}
