//! Stores that are read beside the one that writes them. Invariant: a reader sees what was
//! acknowledged, whole and once, whatever the writer does meanwhile, and changes nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use treering::model::Span;
use treering::{Batch, Durability, Error, Options, SearchOptions, Store};

use crate::making::{Content, Numbers, add, assert_holds, by_hand, ingest, place, span, trace_id};

#[test]
fn a_reader_sees_each_commit_of_the_writer() {
    let place = place();
    let mut options = by_hand(20);
    options.chunk_bytes = 300;
    let writer = Store::open(&place.path, options).unwrap();
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    let mut content = Content::new();
    let mut numbers = Numbers(0x666f_6c6c_6f77);
    for step in 0..60 {
        match numbers.below(8) {
            0 => drop(writer.maintain().unwrap()),
            1 => {
                let gone = trace_id(numbers.below(12));
                writer.delete(&[gone]).unwrap();
                content.remove(&gone);
            }
            _ => {
                let trace = numbers.below(12);
                let spans: Vec<Span> =
                    (0..3).map(|_| span(trace, numbers.below(40), 100)).collect();
                ingest(&writer, &spans);
                add(&mut content, &spans);
            }
        }
        assert_holds(&reader, &content, &format!("step {step}"));
    }
    drop(writer);
    assert_holds(&reader, &content, "after the writer closed");
    // And the next writer.
    let writer = Store::open(&place.path, by_hand(20)).unwrap();
    let spans = [span(50, 0, 7)];
    ingest(&writer, &spans);
    add(&mut content, &spans);
    assert_holds(&reader, &content, "the next writer");
}

#[test]
fn a_reader_finds_whole_traces_while_the_writer_rewrites_all() {
    let place = place();
    let mut options = by_hand(30);
    (options.chunk_bytes, options.cache_bytes) = (300, 0);
    let writer = Store::open(&place.path, options.clone()).unwrap();
    let spans: Vec<Span> = (0..8).flat_map(|t| (0..10).map(move |n| span(t, n, 100))).collect();
    ingest(&writer, &spans);
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let reader = Store::open_read_only(&place.path, options.clone()).unwrap();
            let mut asked = 0;
            while !ends.load(Ordering::Relaxed) || asked == 0 {
                let found = reader.search("{ name = \"span 3\" }", &SearchOptions::all()).unwrap();
                assert_eq!(found.traces.len(), 8);
                for trace in 0..8 {
                    let found = reader.trace(trace_id(trace)).unwrap().unwrap();
                    assert!(found.spans().len() >= 10);
                }
                asked += 1;
            }
            asked
        });
        for round in 0..60 {
            let more: Vec<Span> = (0..8).map(|trace| span(trace, 100 + round, 100)).collect();
            ingest(&writer, &more);
            writer.maintain().unwrap();
        }
        ends.store(true, Ordering::Relaxed);
        assert!(reading.join().unwrap() > 0);
    });
}

#[test]
fn a_reader_refuses_to_write_and_leaves_the_file_as_it_is() {
    let place = place();
    let missing = Store::open_read_only(&place.path, Options::default()).unwrap_err();
    assert!(matches!(missing, Error::Storage(_)), "{missing:?}");
    assert!(!place.path.exists());
    let mut content = Content::new();
    let spans = [span(1, 0, 5), span(1, 1, 6)];
    add(&mut content, &spans);
    let writer = Store::open(&place.path, by_hand(20)).unwrap();
    ingest(&writer, &spans);
    drop(writer);
    let before = std::fs::read(&place.path).unwrap();
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    let mut batch = Batch::new();
    batch.push(&span(2, 0, 5)).unwrap();
    assert!(matches!(reader.ingest(batch), Err(Error::ReadOnly)));
    assert!(matches!(reader.delete(&[trace_id(1)]), Err(Error::ReadOnly)));
    assert!(matches!(reader.maintain(), Err(Error::ReadOnly)));
    assert_holds(&reader, &content, "read only");
    let second = Store::open_read_only(&place.path, Options::default()).unwrap();
    assert_holds(&second, &content, "a second reader");
    reader.close().unwrap();
    drop(second);
    assert!(std::fs::read(&place.path).unwrap() == before, "the file changed");
}

#[test]
fn a_file_of_a_killed_writer_can_be_read_as_it_is() {
    let place = place();
    let writer = Store::open(&place.path, by_hand(20)).unwrap();
    let spans = [span(1, 0, 5)];
    ingest(&writer, &spans);
    let killed = place.path.with_extension("killed");
    std::fs::copy(&place.path, &killed).unwrap();
    drop(writer);
    let before = std::fs::read(&killed).unwrap();
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&Store::open_read_only(&killed, Options::default()).unwrap(), &content, "killed");
    assert!(std::fs::read(&killed).unwrap() == before, "the file changed");
    // And a writer after that, while it is read.
    let reader = Store::open_read_only(&killed, Options::default()).unwrap();
    let writer = Store::open(&killed, by_hand(20)).unwrap();
    let more = [span(2, 0, 5)];
    ingest(&writer, &more);
    add(&mut content, &more);
    assert_holds(&reader, &content, "the next writer");
}

#[test]
fn a_store_that_is_flushed_late_is_not_shared() {
    let place = place();
    let mut options = by_hand(20);
    options.durability = Durability::Within(Duration::from_secs(1));
    let writer = Store::open(&place.path, options).unwrap();
    let error = Store::open_read_only(&place.path, Options::default()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("is open already"), "{cause}");
    drop(writer);
    assert!(Store::open_read_only(&place.path, Options::default()).is_ok());
}

#[test]
fn a_reader_follows_a_purge() {
    let place = place();
    let mut options = by_hand(20);
    options.chunk_bytes = 300;
    let writer = Store::open(&place.path, options).unwrap();
    let mut content = Content::new();
    let spans: Vec<Span> = (0..9).flat_map(|t| (0..6).map(move |n| span(t, n, 100))).collect();
    ingest(&writer, &spans);
    add(&mut content, &spans);
    let reader = Store::open_read_only(&place.path, Options::default()).unwrap();
    assert_holds(&reader, &content, "before");
    for round in 0..4 {
        writer.delete(&[trace_id(round)]).unwrap();
        let mut found = 0;
        // A search that is under way goes on with what it saw.
        let all = SearchOptions::all();
        reader
            .search_each("{ name = \"span 3\" }", &all, |_| {
                if found == 0 {
                    writer.purge().unwrap();
                    assert!(reader.trace(trace_id(round)).unwrap().is_none(), "round {round}");
                }
                found += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        content.remove(&trace_id(round));
        assert_eq!(found, 8 - round);
        assert_holds(&reader, &content, &format!("round {round}, purged"));
        let more = [span(20 + round, 0, 200), span(8, 50 + round, 200)];
        ingest(&writer, &more);
        add(&mut content, &more);
        assert_holds(&reader, &content, &format!("round {round}, and more came"));
    }
    drop(writer);
    assert_holds(&reader, &content, "after the writer closed");
}
