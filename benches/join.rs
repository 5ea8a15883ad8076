//! Structural searches over 1,000,000 generated spans, every match counted, one thread, warm and on
//! disk. For each query: the best and the median time, the candidate rows it considered, what it
//! found, and the time that merely reading both sides' candidate bitmaps takes in the same run, as
//! roaring's `iter` and as its `next_many` read them. A program that prints figures:
//! `cargo bench --bench join [-- --spans N] [--runs N] [--only QUERY]`; the last two are for profiles.

#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a program that prints figures")]

#[path = "common/timing.rs"]
mod timing;

use std::error::Error;

use roaring::RoaringBitmap;
use treering::model::Span;
use treering::{Batch, Options, SearchOptions, Store};
use treering_generator::{GATEWAY, Generator};

use timing::{argument, shown, times};

/// A query, and which spans its two sides select.
struct Question {
    text: &'static str,
    left: fn(&Span) -> bool,
    right: fn(&Span) -> bool,
}

fn is_service_a(span: &Span) -> bool {
    span.service_name() == "service-a.default"
}

fn is_gateway(span: &Span) -> bool {
    span.service_name() == GATEWAY
}

fn is_slow_connect(span: &Span) -> bool {
    let has = |key: &str, value: &str| {
        let mut attributes = span.attributes.iter();
        attributes.any(|attribute| attribute.key == key && attribute.value == value.into())
    };
    span.duration_nanos() > 50_000_000
        && has("net.peer.name", "db.example.com")
        && has("db.operation", "CONNECT")
}

fn is_error(span: &Span) -> bool {
    span.status.code == treering::model::StatusCode::ERROR
}

fn is_any(_: &Span) -> bool {
    true
}

const A: &str = r#"{ .service.name = "service-a.default" }"#;
const QUESTIONS: [Question; 7] = [
    Question {
        text: r#"{ .service.name = "service-a.default" } >> { .service.name = "istio-ingressgateway.istio-system" }"#,
        left: is_service_a,
        right: is_gateway,
    },
    Question {
        text: r#"{ .service.name = "service-a.default" } >> { .net.peer.name = "db.example.com" && .db.operation = "CONNECT" && duration > 50ms }"#,
        left: is_service_a,
        right: is_slow_connect,
    },
    Question { text: "{ status = error } !< { status = error }", left: is_error, right: is_error },
    Question {
        text: r#"{ .service.name = "service-a.default" } > { .service.name = "istio-ingressgateway.istio-system" }"#,
        left: is_service_a,
        right: is_gateway,
    },
    Question {
        text: r#"{ .service.name = "service-a.default" } ~ { .service.name = "istio-ingressgateway.istio-system" }"#,
        left: is_service_a,
        right: is_gateway,
    },
    Question {
        text: r#"{ .service.name = "service-a.default" } !< { .service.name = "istio-ingressgateway.istio-system" }"#,
        left: is_service_a,
        right: is_gateway,
    },
    Question { text: "{ } >> { }", left: is_any, right: is_any },
];

fn main() -> Result<(), Box<dyn Error>> {
    let spans = argument("--spans")?.unwrap_or(1_000_000);
    let runs = argument("--runs")?.unwrap_or(30);
    let only: Option<usize> = argument("--only")?;
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("join.redb"), Options::default())?;
    let mut candidates = vec![(RoaringBitmap::new(), RoaringBitmap::new()); QUESTIONS.len()];
    let mut batch = Batch::new();
    let mut row = 0;
    for span in Generator::new(1).spans(spans) {
        batch.push(&span).map_err(|rejection| rejection.to_string())?;
        for (question, (left, right)) in QUESTIONS.iter().zip(&mut candidates) {
            if (question.left)(&span) {
                left.insert(row);
            }
            if (question.right)(&span) {
                right.insert(row);
            }
        }
        row += 1;
    }
    store.ingest(batch)?;
    println!("{row} spans, {} blocks; times in ms, best / median of {runs}", store.stats()?.blocks);
    println!(
        "{:>14} {:>10} {:>10} {:>14} {:>14} {:>7}  query",
        "search", "considered", "found", "iter", "next_many", "ratio"
    );
    for (at, (question, (left, right))) in QUESTIONS.iter().zip(&candidates).enumerate() {
        if only.is_some_and(|only| only != at) {
            continue;
        }
        let counts = store.count(question.text, &SearchOptions::default())?;
        let search =
            times(runs, || store.count(question.text, &SearchOptions::default()).map(|c| c.spans))?;
        let by_row =
            times(runs, || Ok::<u64, treering::Error>(sum_by_row(left) + sum_by_row(right)))?;
        let in_batches = times(runs, || {
            Ok::<u64, treering::Error>(sum_in_batches(left) + sum_in_batches(right))
        })?;
        println!(
            "{:>14} {:>10} {:>10} {:>14} {:>14} {:>7.1}  {}",
            shown(search),
            counts.rows_considered,
            counts.spans,
            shown(by_row),
            shown(in_batches),
            search.0.as_secs_f64() / in_batches.0.as_secs_f64(),
            question
                .text
                .replace(A, "A")
                .replace(r#"{ .service.name = "istio-ingressgateway.istio-system" }"#, "gateway"),
        );
    }
    println!("ratio: best search to best next_many over both sides' candidates");
    Ok(())
}

fn sum_by_row(rows: &RoaringBitmap) -> u64 {
    rows.iter().map(u64::from).sum()
}

fn sum_in_batches(rows: &RoaringBitmap) -> u64 {
    let mut batch = [0; 512];
    let mut iter = rows.iter();
    let mut sum = 0;
    loop {
        let filled = iter.next_many(&mut batch);
        if filled.is_empty() {
            return sum;
        }
        sum += filled.iter().copied().map(u64::from).sum::<u64>();
    }
}
