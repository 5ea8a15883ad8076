//! What a store takes in memory: generated spans are taken in with default options, requests made on
//! the way, then questions are asked; prints the peak (`VmHWM`) and what is resident (`VmRSS`) after
//! each. A program that prints figures: `cargo bench --bench memory [-- --spans N] [--batch N]`, by
//! default 1,000,000 spans in batches of up to 262,144, a block's worth. The figures are those of Linux.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::time::Instant;

use treering::{Batch, Options, SearchOptions, Store};
use treering_generator::{Generator, REQUEST_SPANS};

const QUERIES: [&str; 5] = [
    r#"{ .service.name = "service-a.default" } >> { .service.name = "istio-ingressgateway.istio-system" }"#,
    "{ status = error } !< { status = error }",
    "{ kind = server && duration > 50ms } | by(resource.service.name) | count() > 2",
    r#"{ .db.statement =~ ".*WHERE.*" }"#,
    r#"{ name =~ "GET.*" } >> { kind = client }"#,
];

fn main() -> Result<(), Box<dyn Error>> {
    let (spans, batch_spans) = (argument("--spans", 1_000_000)?, argument("--batch", 1 << 18)?);
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("memory.redb"), Options::default())?;
    report("to begin with");
    let started = Instant::now();
    let mut batch = Batch::new();
    for request in Generator::new(1).requests(spans) {
        batch.push_protobuf(&request)?;
        if batch.len() + REQUEST_SPANS > batch_spans {
            store.ingest(std::mem::take(&mut batch))?;
        }
    }
    store.ingest(batch)?;
    println!("{spans} spans made and taken in, {:.1} s", started.elapsed().as_secs_f64());
    report("taken in");
    for query in QUERIES {
        let started = Instant::now();
        let found = store.count(query, &SearchOptions::all())?;
        println!("{:.3} s, {found:?} for {query}", started.elapsed().as_secs_f64());
    }
    let options = SearchOptions::default();
    let shown = QUERIES.iter().map(|query| store.search(query, &options));
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    println!("{} traces shown", shown.iter().map(|found| found.traces.len()).sum::<usize>());
    report("asked");
    let stats = store.stats()?;
    println!("{} blocks, {} spans, {} bytes", stats.blocks, stats.spans, stats.allocated_bytes);
    Ok(())
}

/// A number of the command line.
fn argument(name: &str, otherwise: usize) -> Result<usize, std::num::ParseIntError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(Ok(otherwise), |number| number.parse())
}

fn report(when: &str) {
    match (memory("VmHWM"), memory("VmRSS")) {
        (Some(peak), Some(now)) => println!("{when}: at most {peak} MiB, now {now} MiB"),
        _ => println!("{when}: this system does not say"),
    }
}

/// A figure of `/proc/self/status` in MiB; none where there is no such file.
fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}
