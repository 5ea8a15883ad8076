//! What grows with a store and what does not: generated stores of 1,000,000 and of 10,000,000 spans,
//! each filled in batches of a block, compacted and closed. Of each: opening it and the first answers to
//! questions, with the bytes read from the file; then, warm, the same questions on both,
//! every match counted and the newest 20 traces; and a search whose time range holds no block, for each
//! block passed over. A program that prints figures:
//! `cargo bench --bench scale [-- --spans N] [--runs N]`; `--spans` leaves out the smaller store.
//!
//! Bytes read are those of read calls (`rchar` of `/proc/self/io`), whether the medium or the system's
//! page cache gave them; where there is no such file they are 0.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a program that prints figures"
)]

#[path = "common/timing.rs"]
mod timing;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use treering::model::Value;
use treering::{Batch, Options, SearchOptions, Store, Timestamp};
use treering_generator::{Generator, REQUEST_SPANS};

use timing::{Times, argument, best_and_median, shown, times};

const SIZES: [usize; 2] = [1_000_000, 10_000_000];
/// Spans of a batch: as many as a block takes.
const BATCH_SPANS: usize = 1 << 18;
const QUERIES: [&str; 6] = [
    r#"{ .service.name = "service-a.default" } >> { .service.name = "istio-ingressgateway.istio-system" }"#,
    r#"{ .service.name = "service-a.default" } >> { .net.peer.name = "db.example.com" && .db.operation = "CONNECT" && duration > 50ms }"#,
    "{ status = error } !< { status = error }",
    r#"{ span.http.route = "/api/v1/stock/:sku" }"#,
    "{ duration > 1s }",
    "{ status = error } | by(resource.service.name) | count() > 2",
];

/// What a store just opened is asked, beside a question for one span.
const FIRST_QUERIES: [&str; 7] = [
    r#"{ span.http.route = "/api/v1/stock/:sku" }"#,
    r#"{ span.http.method = "GET" }"#,
    r#"{ .service.name = "service-a.default" }"#,
    "{ span.http.route != nil }",
    r#"{ span.http.url =~ ".*variant=a[0-9]f.*" }"#,
    "{ duration > 1s }",
    "{ duration > 1ms }",
];

fn main() -> Result<(), Box<dyn Error>> {
    let runs = argument("--runs")?.unwrap_or(15);
    match argument("--spans")? {
        Some(spans) => measure(spans, runs),
        None => SIZES.into_iter().try_for_each(|spans| measure(spans, runs)),
    }
}

fn measure(spans: usize, runs: usize) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("scale.redb");
    let request = fill(&path, spans)?;
    let (mut opened, mut first) = (Vec::new(), Vec::new());
    let query = format!("{{ span.http.request_id = \"{request}\" }}");
    let (mut to_open, mut to_answer) = (0, 0);
    for _ in 0..runs.max(1) {
        let (before, started) = (bytes_read(), Instant::now());
        let store = Store::open(&path, Options::default())?;
        opened.push(started.elapsed());
        to_open = bytes_read() - before;
        let (before, started) = (bytes_read(), Instant::now());
        let found = store.count(&query, &SearchOptions::default())?;
        first.push(started.elapsed());
        to_answer = bytes_read() - before;
        assert_eq!(found.spans, 1, "one span has this request id");
        store.close()?;
    }
    let store = Store::open(&path, Options::default())?;
    let stats = store.stats()?;
    println!(
        "{} spans, {} blocks, {:.1} B/span on disk; times in ms, best / median of {runs}",
        stats.spans,
        stats.blocks,
        stats.allocated_bytes as f64 / stats.spans as f64
    );
    println!("{:>19}  opening, {to_open} bytes read", shown(best_and_median(opened)));
    println!(
        "{:>19}  first answer, {to_answer} bytes read: {query}",
        shown(best_and_median(first))
    );
    store.close()?;
    for query in FIRST_QUERIES {
        let (times, bytes) = first_answer(&path, runs, query)?;
        println!("{:>19}  first answer, {bytes} bytes read: {query}", shown(times));
    }
    let store = Store::open(&path, Options::default())?;
    pass_over(&store, runs, stats.blocks)?;
    println!(
        "{:>19} {:>19} {:>10} {:>9}  query",
        "all, counted", "newest 20", "considered", "found"
    );
    for query in QUERIES.into_iter().chain([query.as_str()]) {
        let options = SearchOptions::default();
        let counts = store.count(query, &options)?;
        let all = times(runs, || store.count(query, &options))?;
        let newest = times(runs, || store.search(query, &options))?;
        let (considered, found) = (counts.rows_considered, counts.spans);
        println!("{:>19} {:>19} {considered:>10} {found:>9}  {query}", shown(all), shown(newest));
    }
    Ok(())
}

/// How long a store just opened takes to count what a query finds, and the bytes that it reads for that.
fn first_answer(path: &Path, runs: usize, query: &str) -> Result<(Times, u64), Box<dyn Error>> {
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..runs.max(1) {
        let store = Store::open(path, Options::default())?;
        let (before, started) = (bytes_read(), Instant::now());
        let found = store.count(query, &SearchOptions::default())?;
        times.push(started.elapsed());
        bytes = bytes_read() - before;
        assert!(found.spans > 0, "{query} finds spans");
        store.close()?;
    }
    Ok((best_and_median(times), bytes))
}

/// Fills a store, and gives the request id of a span in its middle.
fn fill(path: &Path, spans: usize) -> Result<String, Box<dyn Error>> {
    let store = Store::open(path, Options::default())?;
    let (mut batch, mut taken) = (Batch::new(), 0);
    let mut request = String::new();
    for span in Generator::new(1).spans(spans) {
        if request.is_empty() && taken >= spans / 2 {
            let mut attributes = span.attributes.iter();
            if let Some(attribute) = attributes.find(|attribute| attribute.key == "http.request_id")
                && let Value::String(text) = &attribute.value
            {
                request.clone_from(text);
            }
        }
        batch.push(&span).map_err(|rejection| rejection.to_string())?;
        taken += 1;
        if batch.len() + REQUEST_SPANS > BATCH_SPANS {
            store.ingest(std::mem::take(&mut batch))?;
        }
    }
    store.ingest(batch)?;
    store.maintain()?;
    store.close()?;
    Ok(request)
}

/// A search from the year 2000, so that it passes over every block.
fn pass_over(store: &Store, runs: usize, blocks: u64) -> Result<(), Box<dyn Error>> {
    let mut options = SearchOptions::default();
    options.end = Some(Timestamp::from_unix_nanos(946_684_800_000_000_000));
    assert_eq!(store.count("{ }", &options)?.spans, 0, "nothing is that old");
    let passed = times(runs.max(100), || store.count("{ }", &options))?;
    let each = Duration::div_f64(passed.1, blocks as f64).as_secs_f64() * 1e6;
    println!("{:>19}  passing over all blocks, {each:.2} us a block", shown(passed));
    Ok(())
}

/// Bytes that this process has had from read calls.
fn bytes_read() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|value| value.parse().ok()).unwrap_or(0)
}
