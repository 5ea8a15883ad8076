//! Real requests come through whole: none of their spans is rejected, their counts are those that
//! were published with them, and every encoding gives the same spans.

use std::collections::HashSet;

use treering::otlp::{write_json, write_protobuf};

use crate::collect::{from_json, from_protobuf};
use crate::data;

/// Reads every `step`th line; gives the counts of spans and traces read.
fn read(name: &str, step: usize) -> Option<(usize, usize)> {
    let mut count = 0;
    let mut traces = HashSet::new();
    for (number, line) in data::lines(name)?.enumerate().step_by(step) {
        let (spans, rejections) = from_json(&line).unwrap();
        assert!(rejections.is_empty(), "{name} line {number}: {}", rejections[0]);
        let (again, rejections) = from_protobuf(&write_protobuf(&spans)).unwrap();
        assert!(rejections.is_empty(), "{name} line {number}: {}", rejections[0]);
        let json = write_json(&again);
        let (last, rejections) = from_json(&json).unwrap();
        assert!(rejections.is_empty(), "{name} line {number}: {}", rejections[0]);
        assert!(again == last, "{name} line {number} changes on its way");
        assert!(write_json(&last) == json, "{name} line {number} is not written the same twice");
        let sorted = crate::spans::sorted;
        traces.extend(spans.iter().map(|span| span.trace_id));
        count += spans.len();
        assert!(sorted(spans) == sorted(last), "{name} line {number} changes on its way");
    }
    Some((count, traces.len()))
}

#[test]
fn the_demo_shop_comes_through() {
    if let Some(counts) = read("otel-demo", 1) {
        assert_eq!(counts, (4_743, 1_021));
    }
}

#[test]
fn the_zipkin_edge_cases_come_through() {
    if let Some(counts) = read("zipkin-edge", 1) {
        assert_eq!(counts, (1_209, 10));
    }
}

#[test]
fn the_train_tickets_come_through() {
    // All of it takes minutes without optimization; then every 20th line stands for the rest.
    let step = if cfg!(debug_assertions) { 20 } else { 1 };
    if let Some(counts) = read("nezha-tt", step)
        && step == 1
    {
        assert_eq!(counts, (508_610, 7_088));
    }
}
