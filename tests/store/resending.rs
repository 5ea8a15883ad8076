//! Spans that come again. Invariant: equal ones change nothing; of different ones the same stays,
//! whatever the order.

use treering::model::{Span, SpanKind};
use treering::{Batch, Maintained, Options, Store};

use crate::making::{Content, add, assert_holds, by_hand, ingest, place, span, time, trace_id};

#[test]
fn equal_spans_change_nothing() {
    let place = place();
    let store = Store::open(&place.path, by_hand(8)).unwrap();
    let spans: Vec<Span> = (0..30).map(|number| span(number % 7, number, number)).collect();
    ingest(&store, &spans[..20]);
    ingest(&store, &spans[20..]);
    store.maintain().unwrap();
    let mut before = store.stats().unwrap();
    for part in [&spans[..], &spans[5..6], &spans[..20]] {
        let again = ingest(&store, part);
        let sent = u64::try_from(part.len()).unwrap();
        assert_eq!((again.spans, again.duplicates, again.replaced), (sent, 0, 0));
        before.duplicate_spans += sent;
        // Whether they wait in the journal or have gone to blocks: these stay as they are.
        for _ in 0..2 {
            let after = store.stats().unwrap();
            assert_eq!(after.duplicate_spans, before.duplicate_spans);
            assert_eq!((after.spans, after.traces), (before.spans, before.traces));
            assert_eq!(after.section_bytes, before.section_bytes);
            assert_eq!(store.maintain().unwrap(), Maintained::default());
        }
    }
    let twice = ingest(&store, spans.iter().chain(&spans));
    assert_eq!((twice.spans, twice.traces, twice.duplicates), (30, 7, 30));
    assert_eq!(store.stats().unwrap().duplicate_spans, before.duplicate_spans + 60);
    let nothing = store.ingest(Batch::new()).unwrap();
    assert_eq!(nothing, treering::Ingested::default());
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "resent");
}

#[test]
fn a_resent_span_in_a_batch_with_new_ones_moves_only_its_trace() {
    let place = place();
    let store = Store::open(&place.path, by_hand(8)).unwrap();
    let old: Vec<Span> = (0..4).map(|number| span(number, 0, number)).collect();
    ingest(&store, &old);
    store.maintain().unwrap();
    let mixed = [span(0, 0, 0), span(1, 1, 5), span(9, 0, 3)];
    let ingested = ingest(&store, &mixed);
    assert_eq!((ingested.spans, ingested.traces, ingested.duplicates), (3, 3, 0));
    assert_eq!(store.stats().unwrap().duplicate_spans, 1);
    let mut content = Content::new();
    add(&mut content, old.iter().chain(&mixed));
    assert_holds(&store, &content, "mixed");
}

/// The same span four times; the last one stays.
fn versions() -> [Span; 4] {
    let base = span(1, 3, 10);
    let early = Span { name: "z".to_owned(), end: time(11), ..base.clone() };
    let a = Span { name: "a".to_owned(), end: time(20), ..base.clone() };
    let b = Span { name: "b".to_owned(), end: time(20), ..base.clone() };
    let late = Span { name: String::new(), end: time(21), ..base };
    [early, a, b, late]
}

/// All orders of four.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for a in 0..4usize {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| ![a, b].contains(c)) {
                orders.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    assert_eq!(orders.len(), 24);
    orders
}

#[test]
fn what_waits_together_is_settled_as_what_came_one_by_one() {
    let versions = versions();
    for order in orders() {
        for known in 0..4 {
            let place = place();
            let store = Store::open(&place.path, by_hand(8)).unwrap();
            let mut content = Content::new();
            for (number, at) in order.iter().zip(0..) {
                // From here on nobody asks, and each batch has a trace of its own beside.
                if at == known {
                    store.stats().unwrap();
                }
                let other = span(10 + at, 0, 5);
                ingest(&store, [&other, &versions[*number]]);
                add(&mut content, [&other]);
            }
            let stats = store.stats().unwrap();
            assert_eq!((stats.replaced_spans, stats.duplicate_spans), (3, 0), "{order:?}, {known}");
            add(&mut content, [&versions[3]]);
            assert_holds(&store, &content, &format!("{order:?}, {known}"));
        }
    }
}

#[test]
fn what_waits_together_leaves_what_was_resent_where_it_lies() {
    let place = place();
    let store = Store::open(&place.path, by_hand(8)).unwrap();
    let [old, other, new] = [span(1, 0, 10), span(2, 0, 20), span(3, 0, 30)];
    ingest(&store, [&old, &other]);
    store.maintain().unwrap();
    for part in [[&old, &new], [&old, &old]] {
        ingest(&store, part);
    }
    let stats = store.stats().unwrap();
    assert_eq!((stats.replaced_spans, stats.duplicate_spans), (0, 3));
    assert_eq!(stats.head_spans, 1, "only what is new has moved");
    let mut content = Content::new();
    add(&mut content, [&old, &other, &new]);
    assert_holds(&store, &content, "resent");
}

#[test]
fn the_same_content_stays_in_any_order() {
    let versions = versions();
    for order in orders() {
        // All in one batch, one by one, and two by two.
        for size in [4, 1, 2] {
            let place = place();
            let store = Store::open(&place.path, Options::default()).unwrap();
            for (part, at) in order.chunks(size).zip(0u64..) {
                let ingested = ingest(&store, part.iter().map(|number| &versions[*number]));
                assert_eq!(ingested.duplicates, 0);
                let size = u64::try_from(size).unwrap();
                assert_eq!(ingested.replaced, size - 1);
                let stats = store.stats().unwrap();
                let replaced = (at + 1) * size - 1;
                assert_eq!(stats.replaced_spans, replaced, "{order:?}, {size}");
                assert_eq!(stats.duplicate_spans, 0, "{order:?}, {size}");
            }
            let found = store.trace(trace_id(1)).unwrap().unwrap().into_spans();
            assert_eq!(found, [versions[3].clone()], "{order:?} by {size}");
            drop(store);
            let store = Store::open(&place.path, Options::default()).unwrap();
            assert_eq!(store.stats().unwrap().replaced_spans, 3, "{order:?} by {size}, reopened");
        }
    }
}

#[test]
fn spans_that_share_only_an_id_all_stay() {
    let base = span(1, 3, 10);
    let spans = [
        base.clone(),
        Span { kind: SpanKind::SERVER, ..base.clone() },
        Span { start: time(9), ..base.clone() },
        Span { trace_id: trace_id(5), ..base },
    ];
    let place = place();
    let store = Store::open(&place.path, Options::default()).unwrap();
    for one in &spans {
        assert_eq!(ingest(&store, [one]).spans, 1);
    }
    let mut content = Content::new();
    add(&mut content, &spans);
    assert_holds(&store, &content, "shared ids");
}

/// A batch as large as those whose known traces are built apart, of which one span is kept.
#[test]
fn what_is_left_of_a_large_batch_is_seen_with_what_waits_beside_it() {
    let place = place();
    let store = Store::open(&place.path, by_hand(8)).unwrap();
    let [many, other] = [span(1, 0, 10), span(2, 0, 20)];
    let ingested = ingest(&store, std::iter::repeat_n(&many, 1 << 15));
    assert_eq!((ingested.spans, ingested.duplicates), (1, (1 << 15) - 1));
    ingest(&store, [&other]);
    let mut content = Content::new();
    add(&mut content, [&many, &other]);
    assert_holds(&store, &content, "one of many and another");
    store.maintain().unwrap();
    assert_holds(&store, &content, "maintained");
}
