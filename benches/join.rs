//! Structural searches, and a pipeline, over 1,000,000 generated spans, every match counted, warm and
//! on disk, on one thread and on several. For each query: the best and the median time, the candidate
//! rows it considered, what it found, and the time that merely reading both sides' candidate bitmaps
//! takes in the same run, as roaring's `iter` and as its `next_many` read them. Runs on one thread and
//! on several take turns, so that their ratio means something on a busy machine. A program that prints
//! figures: `cargo bench --bench join [-- --spans N] [--runs N] [--only QUERY] [--threads N]`, by
//! default with 2 threads next to 1; runs and query are for profiles, and so is `--threads 1`.

#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a program that prints figures")]

#[path = "common/timing.rs"]
mod timing;

use std::error::Error;

use roaring::RoaringBitmap;
use treering::model::Span;
use treering::{Batch, Options, SearchOptions, Store};
use treering_generator::{GATEWAY, Generator};

use timing::{Times, argument, best_and_median, shown, time, times};

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

fn is_none(_: &Span) -> bool {
    false
}

const A: &str = r#"{ .service.name = "service-a.default" }"#;
const QUESTIONS: [Question; 8] = [
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
    Question {
        text: "{ } | by(resource.service.name) | count() > 2",
        left: is_any,
        right: is_none,
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    let spans = argument("--spans")?.unwrap_or(1_000_000);
    let runs = argument("--runs")?.unwrap_or(30);
    let only: Option<usize> = argument("--only")?;
    let threads = argument("--threads")?.unwrap_or(2).max(1);
    let folder = tempfile::tempdir()?;
    let mut options = Options::default();
    options.query_threads = threads;
    let store = Store::open(folder.path().join("join.redb"), options)?;
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
        "{:>14} {:>16} {:>7} {:>10} {:>10} {:>14} {:>14} {:>7}  query",
        "1 thread",
        format!("{threads} threads"),
        "gain",
        "considered",
        "found",
        "iter",
        "next_many",
        "ratio"
    );
    for (at, (question, (left, right))) in QUESTIONS.iter().zip(&candidates).enumerate() {
        if only.is_some_and(|only| only != at) {
            continue;
        }
        let counts = store.count(question.text, &on_threads(1))?;
        let (search, more) = searches(&store, question.text, runs, threads)?;
        let by_row =
            times(runs, || Ok::<u64, treering::Error>(sum_by_row(left) + sum_by_row(right)))?;
        let in_batches = times(runs, || {
            Ok::<u64, treering::Error>(sum_in_batches(left) + sum_in_batches(right))
        })?;
        println!(
            "{:>14} {:>16} {:>7.2} {:>10} {:>10} {:>14} {:>14} {:>7.1}  {}",
            shown(search),
            shown(more),
            search.0.as_secs_f64() / more.0.as_secs_f64(),
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
    println!("gain: best on 1 thread to best on {threads}");
    println!("ratio: best search on 1 thread to best next_many over both sides' candidates");
    Ok(())
}

fn on_threads(threads: usize) -> SearchOptions {
    let mut options = SearchOptions::default();
    options.threads = Some(threads);
    options
}

/// The times of a search on one thread and on several, in turns.
fn searches(
    store: &Store,
    query: &str,
    runs: usize,
    threads: usize,
) -> Result<(Times, Times), treering::Error> {
    let (mut on_one, mut on_more) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        on_one.push(time(|| store.count(query, &on_threads(1)))?);
        if threads > 1 {
            on_more.push(time(|| store.count(query, &on_threads(threads)))?);
        }
    }
    let one = best_and_median(on_one);
    Ok((one, if threads > 1 { best_and_median(on_more) } else { one }))
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
