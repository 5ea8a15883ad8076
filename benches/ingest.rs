//! Ingest of 1,000,000 generated spans from OTLP protobuf: seconds to durable and searchable, spans/s,
//! bytes on disk, peak memory, and the ratio to the time that prost alone takes to decode the same
//! bytes. Once by one caller, and once as a service does it: one thread decodes the next batch while
//! another stores the one before. A program that prints figures:
//! `cargo bench --bench ingest [-- --spans N]`.
//!
//! Requests are made before the clock starts and gathered into batches of up to 262,144 spans, a
//! block's worth.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a program that prints figures"
)]

use std::error::Error;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use treering::{Batch, Options, Store};
use treering_generator::{Generator, REQUEST_SPANS};

const BATCH_SPANS: usize = 1 << 18;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--spans").skip(1);
    let spans: usize = arguments.next().map_or(Ok(1_000_000), |spans| spans.parse())?;
    let requests: Vec<Vec<u8>> = Generator::new(1).requests(spans).collect();
    let bytes: usize = requests.iter().map(Vec::len).sum();
    let before = memory("VmRSS");

    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("ingest.redb"), Options::default())?;
    let started = Instant::now();
    let mut decoding = 0.0;
    let mut requests_left = requests.as_slice();
    while !requests_left.is_empty() {
        let decode = Instant::now();
        let batch = next_batch(&mut requests_left)?;
        decoding += decode.elapsed().as_secs_f64();
        store.ingest(batch)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let peak = memory("VmHWM");
    let stats = store.stats()?;

    let pipelined = by_two(&requests)?;
    let started = Instant::now();
    let mut decoded = 0;
    for request in &requests {
        decoded += ExportTraceServiceRequest::decode(request.as_slice())?.resource_spans.len();
    }
    let prost = started.elapsed().as_secs_f64();
    assert!(decoded > 0, "prost reads the same requests");

    let count = stats.spans as f64;
    println!("{} spans, {:.1} B/span as OTLP protobuf", stats.spans, bytes as f64 / count);
    println!("{prost:.2} s for prost alone to decode");
    let of = |who: &str, seconds: f64| {
        let (rate, ratio) = (count / seconds, seconds / prost);
        println!("{seconds:.2} s to durable by {who}, {rate:.0} spans/s, {ratio:.2} of prost");
    };
    of("one caller", seconds);
    println!("of these {decoding:.2} s decoding and staging");
    of("two callers", pipelined);
    println!("{} blocks, {:.1} B/span on disk", stats.blocks, stats.allocated_bytes as f64 / count);
    if let (Some(before), Some(peak)) = (before, peak) {
        println!(
            "peak memory {peak} MiB, {before} MiB of it requests held before the clock started"
        );
    }
    for (section, bytes) in stats.section_bytes {
        println!("{:>8.2} B/span  {section}", bytes as f64 / count);
    }
    Ok(())
}

/// The batch that the first requests make, which it takes off the list.
fn next_batch(requests: &mut &[Vec<u8>]) -> Result<Batch, treering::Error> {
    let mut batch = Batch::new();
    while let Some((request, rest)) = requests.split_first() {
        *requests = rest;
        let rejections = batch.push_protobuf(request)?;
        assert!(rejections.is_empty(), "generated spans are right: {}", rejections[0]);
        if batch.len() + REQUEST_SPANS > BATCH_SPANS {
            break;
        }
    }
    Ok(batch)
}

/// Seconds to durable where one thread decodes while another stores.
fn by_two(requests: &[Vec<u8>]) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("ingest.redb"), Options::default())?;
    let started = Instant::now();
    std::thread::scope(|scope| -> Result<(), treering::Error> {
        // The one that is stored, and the next: no more of them are in memory.
        let (batches, next) = sync_channel(0);
        scope.spawn(move || {
            let mut left = requests;
            while !left.is_empty() {
                let batch = next_batch(&mut left);
                let ended = batch.is_err();
                if batches.send(batch).is_err() || ended {
                    break;
                }
            }
        });
        for batch in next {
            store.ingest(batch?)?;
        }
        Ok(())
    })?;
    Ok(started.elapsed().as_secs_f64())
}

/// A figure of `/proc/self/status` in MiB; none where there is no such file.
fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}
