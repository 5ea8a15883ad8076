//! Each file of real traces goes in and comes back, span for span.

use treering::model::Span;
use treering::otlp::write_protobuf;
use treering::{Options, Store};

use crate::asking::ingest;
use crate::collect::{from_json, from_protobuf};
use crate::files::lines;
use crate::oracle::{normalised, pre_order, stored};

/// The spans of a file; `None` where it is absent.
pub(crate) fn load(name: &str) -> Option<Vec<Span>> {
    load_lines(name, usize::MAX)
}

/// The spans of a file's first requests.
pub(crate) fn load_lines(name: &str, requests: usize) -> Option<Vec<Span>> {
    Some(lines(name)?.take(requests).flat_map(|line| spans(&line)).collect())
}

/// The spans of a request; none of them may be left out.
fn spans(request: &str) -> Vec<Span> {
    let (spans, rejections) = from_json(request).unwrap();
    assert_eq!(rejections, []);
    spans
}

/// Stores the spans in batches of `batch`, and compares every `step`th trace with what went in.
fn goes_round(name: &str, spans: &[Span], batch: usize, step: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    for part in spans.chunks(batch) {
        ingest(&store, part);
    }
    let mut compared = 0;
    let expected = stored(spans);
    let traces = expected.len();
    for (id, expected) in expected.into_iter().step_by(step) {
        let trace = store.trace(id).unwrap().unwrap_or_else(|| panic!("{name}: no trace {id}"));
        let found: Vec<Span> = trace.spans().iter().map(normalised).collect();
        let parents: Vec<_> = (0..found.len()).map(|at| trace.parent(at)).collect();
        assert_eq!((found, parents), pre_order(expected), "{name}: trace {id}");
        compared += 1;
    }
    println!("{name}: {} spans in, {compared} of {traces} traces compared", spans.len());
}

#[test]
fn the_demo_shop_comes_back() {
    let Some(spans) = load("otel-demo") else { return };
    assert_eq!(spans.len(), 4743);
    goes_round("otel-demo", &spans, 500, 1);
}

#[test]
fn the_edge_cases_come_back() {
    let Some(spans) = load("zipkin-edge") else { return };
    assert_eq!(spans.len(), 1209);
    goes_round("zipkin-edge", &spans, 100, 1);
}

/// All of it in release; in debug, which is slow, the first twentieth.
#[test]
fn the_train_tickets_come_back() {
    let Some(lines) = lines("nezha-tt") else { return };
    let part = if cfg!(debug_assertions) { 25_000 } else { usize::MAX };
    let mut spans: Vec<Span> = Vec::new();
    for line in lines {
        if spans.len() >= part {
            println!("nezha-tt: only the first {} spans, as this is no release build", spans.len());
            break;
        }
        spans.extend(self::spans(&line));
    }
    goes_round("nezha-tt", &spans, 20_000, if cfg!(debug_assertions) { 10 } else { 1 });
}

#[test]
fn both_encodings_say_the_same() {
    let Some(lines) = lines("zipkin-edge") else { return };
    for line in lines {
        let spans = spans(&line);
        let (again, rejections) = from_protobuf(&write_protobuf(&spans)).unwrap();
        assert_eq!(rejections, []);
        assert_eq!(stored(&again), stored(&spans));
    }
}
