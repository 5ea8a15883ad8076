//! Each file of real traces goes in and comes back, span for span.

use treering::model::Span;
use treering::{Options, Store};

use crate::asking::ingest;
use crate::files::{requests, spans};
use crate::oracle::{normalised, stored};

/// Stores the spans in batches of `batch`, and compares every `step`th trace with what went in.
fn goes_round(name: &str, spans: &[Span], batch: usize, step: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    for part in spans.chunks(batch) {
        ingest(&store, part);
    }
    let mut compared = 0;
    let expected = stored(spans);
    for (id, mut expected) in expected.iter().step_by(step).map(|(id, spans)| (*id, spans.clone()))
    {
        let trace = store.trace(id).unwrap().unwrap_or_else(|| panic!("{name}: no trace {id}"));
        let mut found: Vec<Span> = trace.spans().iter().map(normalised).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name}: trace {id}");
        compared += 1;
    }
    println!("{name}: {} spans in, {compared} of {} traces compared", spans.len(), expected.len());
}

#[test]
fn the_demo_shop_comes_back() {
    let Some(requests) = requests("otel-demo") else { return };
    let spans: Vec<Span> = requests.iter().flat_map(|request| spans(request)).collect();
    assert_eq!(spans.len(), 4743);
    goes_round("otel-demo", &spans, 500, 1);
}

#[test]
fn the_edge_cases_come_back() {
    let Some(requests) = requests("zipkin-edge") else { return };
    let spans: Vec<Span> = requests.iter().flat_map(|request| spans(request)).collect();
    assert_eq!(spans.len(), 1209);
    goes_round("zipkin-edge", &spans, 100, 1);
}

/// All of it in release; in debug, which is slow, the first tenth.
#[test]
fn the_train_tickets_come_back() {
    let Some(requests) = requests("nezha-tt") else { return };
    let part = if cfg!(debug_assertions) { requests.len() / 10 } else { requests.len() };
    let spans: Vec<Span> = requests[..part].iter().flat_map(|request| spans(request)).collect();
    println!("nezha-tt: {part} of {} requests", requests.len());
    goes_round("nezha-tt", &spans, 20_000, if cfg!(debug_assertions) { 10 } else { 1 });
}
