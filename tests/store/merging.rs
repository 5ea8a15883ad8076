//! Small batches, split traces and the merging of small blocks. Invariant: nothing is lost or doubled,
//! and the number of blocks grows with the logarithm of the spans until blocks are full.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use treering::model::Span;
use treering::{Options, Store};

use crate::making::{
    Content, Numbers, Place, add, assert_holds, blocks_of, by_hand, ingest, place, span,
};

/// What the tables of the file name: blocks with a record, with chunks, with a mask.
fn blocks_named(place: &Place) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
    const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
    const CHUNKS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("chunks");
    const MASKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("masks");
    let database = Database::open(&place.path).unwrap();
    let read = database.begin_read().unwrap();
    let ids = |table| {
        let table = read.open_table::<u64, &[u8]>(table).unwrap();
        table.iter().unwrap().map(|entry| entry.unwrap().0.value()).collect::<Vec<u64>>()
    };
    let chunks = read.open_table(CHUNKS).unwrap();
    let mut chunked: Vec<u64> =
        chunks.iter().unwrap().map(|entry| entry.unwrap().0.value().0).collect();
    chunked.dedup();
    (ids(BLOCKS), chunked, ids(MASKS))
}

#[test]
fn a_trace_in_many_batches_is_whole_at_once() {
    for parts in [2, 3, 10] {
        for rows_max in [1, 7, 1 << 18] {
            let place = place();
            let store = Store::open(&place.path, blocks_of(rows_max)).unwrap();
            let mut content = Content::new();
            for part in 0..parts {
                // The root comes last, and each batch has a trace of its own as well.
                let numbers = (0..4).map(|number| (parts - 1 - part) * 4 + number);
                let mut spans: Vec<Span> = numbers.map(|number| span(7, number, number)).collect();
                spans.push(span(100 + part, 0, part));
                let ingested = ingest(&store, &spans);
                assert_eq!((ingested.spans, ingested.traces, ingested.duplicates), (5, 2, 0));
                add(&mut content, &spans);
                assert_holds(&store, &content, &format!("part {part} of {parts}, {rows_max} rows"));
            }
            drop(store);
            let store = Store::open(&place.path, Options::default()).unwrap();
            assert_holds(&store, &content, "opened again");
        }
    }
}

#[test]
fn single_spans_leave_few_blocks() {
    let place = place();
    let store = Store::open(&place.path, by_hand(1 << 18)).unwrap();
    let mut content = Content::new();
    for number in 0..150u64 {
        let one = [span(number, 0, number * 31 % 17)];
        ingest(&store, &one);
        store.maintain().unwrap();
        add(&mut content, &one);
        let blocks = store.stats().unwrap().blocks;
        let most = 3 * (u64::from((number + 1).ilog(4)) + 1);
        assert!(blocks <= most, "{blocks} blocks after {} spans", number + 1);
    }
    assert_holds(&store, &content, "150 batches");
    drop(store);
    let store = Store::open(&place.path, Options::default()).unwrap();
    assert_holds(&store, &content, "opened again");
    drop(store);
    let (blocks, chunked, masked) = blocks_named(&place);
    assert_eq!((blocks, masked.as_slice()), (chunked, &[][..]));
}

#[test]
fn any_arrival_is_kept_whole() {
    for (seed, rows_max) in [(1, 9), (2, 40), (3, 1000)] {
        let place = place();
        let mut store = Store::open(&place.path, blocks_of(rows_max)).unwrap();
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut content = Content::new();
        for batch in 0..70 {
            let count = 1 + numbers.below(if batch % 9 == 0 { 60 } else { 6 });
            let mut spans: Vec<Span> = Vec::new();
            for _ in 0..count {
                let (trace, number) = (numbers.below(40), numbers.below(30));
                spans.push(span(trace, number, 100 + trace % 5 + number));
            }
            ingest(&store, &spans);
            add(&mut content, &spans);
            if batch % 10 == 0 {
                assert_holds(&store, &content, &format!("seed {seed}, batch {batch}"));
            }
            if batch % 23 == 22 {
                drop(store);
                store = Store::open(&place.path, blocks_of(rows_max)).unwrap();
            }
        }
        assert_holds(&store, &content, &format!("seed {seed}"));
        drop(store);
        // Opening removes the chunks of blocks that were dropped last.
        drop(Store::open(&place.path, Options::default()).unwrap());
        let (blocks, chunked, masked) = blocks_named(&place);
        assert_eq!(blocks, chunked);
        assert!(masked.iter().all(|block| blocks.contains(block)), "{masked:?} of {blocks:?}");
    }
}

#[test]
fn masks_go_with_their_blocks() {
    let place = place();
    let store = Store::open(&place.path, by_hand(4)).unwrap();
    let first: Vec<Span> = (0..4).map(|trace| span(trace, 0, trace)).collect();
    ingest(&store, &first);
    store.maintain().unwrap();
    ingest(&store, &[span(0, 1, 9)]);
    store.maintain().unwrap();
    drop(store);
    assert_eq!(blocks_named(&place), (vec![0, 1], vec![0, 1], vec![0]));
    let store = Store::open(&place.path, by_hand(4)).unwrap();
    let rest: Vec<Span> = (1..4).map(|trace| span(trace, 1, 9)).collect();
    ingest(&store, &rest);
    store.maintain().unwrap();
    drop(store);
    drop(Store::open(&place.path, Options::default()).unwrap());
    let (blocks, chunked, masked) = blocks_named(&place);
    assert!(!blocks.contains(&0), "{blocks:?}");
    assert_eq!((blocks, masked), (chunked, vec![]));
}

#[test]
fn large_batches_are_split_and_large_traces_are_not() {
    let place = place();
    let store = Store::open(&place.path, blocks_of(10)).unwrap();
    let mut spans: Vec<Span> = (0..35).map(|trace| span(trace, 0, trace)).collect();
    spans.extend((0..50).map(|number| span(17, number, 17)));
    let ingested = ingest(&store, &spans);
    // Span 0 of trace 17 is there twice.
    assert_eq!((ingested.spans, ingested.traces, ingested.duplicates), (84, 35, 1));
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "split");
    // 17 traces before the large one, it alone, 17 after it.
    assert_eq!(store.stats().unwrap().blocks, 5);
}

#[test]
fn large_batches_that_split_traces_are_written_once_and_leave_few_blocks() {
    const SPANS: u64 = 33_000;
    let place = place();
    let mut options = Options::default();
    options.head_bytes_max = 1 << 20;
    // Four of the blocks do not fit into one, so that they are not merged.
    options.block_rows_max = 100_000;
    let store = Store::open(&place.path, options).unwrap();
    let mut content = Content::new();
    let batches = 6;
    for batch in 0..batches {
        // Traces of 700 spans, of which each batch but the first has the rest of one.
        let numbers = batch * SPANS..(batch + 1) * SPANS;
        let spans: Vec<Span> =
            numbers.map(|number| span(number / 700, number % 700, number)).collect();
        ingest(&store, &spans);
        add(&mut content, &spans);
    }
    let stats = store.stats().unwrap();
    assert!(stats.blocks < batches + 4, "{} blocks", stats.blocks);
    let stored: u64 = stats.section_bytes.iter().map(|(_, bytes)| bytes).sum();
    let written = stats.maintenance.written_bytes;
    assert!(written < stored + stored / 10, "{written} bytes written, {stored} stored");
    assert_holds(&store, &content, "taken in");
}
