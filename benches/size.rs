//! Bytes that stored spans take, indexes included, after sealing and compaction, by section, and the
//! ratio to `zstd -3` of the same spans as OTLP protobuf: of 1,000,000 generated spans, and of the real
//! traces that lie beside the repository. A program that prints figures:
//! `cargo bench --bench size [-- --spans N] [--only TEXT]`. Invariant: what is compressed to compare
//! with is what was taken in, byte for byte.

#![expect(
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::expect_used,
    reason = "a program that prints figures"
)]

#[path = "../tests/support/collect.rs"]
#[expect(dead_code, clippy::indexing_slicing, reason = "tests use all of it, and may panic")]
mod collect;
#[path = "../tests/support/data.rs"]
mod data;
#[path = "common/timing.rs"]
#[expect(dead_code, clippy::indexing_slicing, reason = "other programs use all of it")]
mod timing;

use std::error::Error;
use std::io::Write;

use treering::otlp::write_protobuf;
use treering::{Batch, Options, Store};
use treering_generator::Generator;

use timing::argument;

const BATCH_SPANS: usize = 1 << 18;
/// The level of `zstd -3`, which is the default of the program of that name.
const LEVEL: i32 = 3;
/// Sections that take less are added up.
const SHOWN_MIN: f64 = 0.05;

fn main() -> Result<(), Box<dyn Error>> {
    let spans: usize = argument("--spans")?.unwrap_or(1_000_000);
    let only: String = argument("--only")?.unwrap_or_default();
    if "generated".contains(&only) {
        measure("generated", Generator::new(1).requests(spans))?;
    }
    for name in ["nezha-tt", "otel-demo", "zipkin-edge"] {
        if name.contains(&only)
            && let Some(lines) = data::lines(name)
        {
            let requests = lines.map(|line| {
                let (spans, _) = collect::from_json(line).expect("the data is OTLP");
                write_protobuf(&spans)
            });
            measure(name, requests)?;
        }
    }
    Ok(())
}

fn measure(name: &str, requests: impl Iterator<Item = Vec<u8>>) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("size.redb"), Options::default())?;
    let mut compressed = zstd::Encoder::new(Vec::new(), LEVEL)?;
    let (mut plain, mut batch) = (0, Batch::new());
    for request in requests {
        compressed.write_all(&request)?;
        plain += request.len();
        batch.push_protobuf(&request)?;
        if batch.len() >= BATCH_SPANS {
            store.ingest(std::mem::take(&mut batch))?;
        }
    }
    store.ingest(batch)?;
    store.maintain()?;
    let stats = store.stats()?;
    let compressed = compressed.finish()?.len();
    let stored: u64 = stats.section_bytes.iter().map(|(_, bytes)| bytes).sum();

    let of_span = |bytes: f64| bytes / stats.spans as f64;
    println!("{name}: {} spans, {} blocks", stats.spans, stats.blocks);
    println!("{:>8.2} B/span  as OTLP protobuf", of_span(plain as f64));
    println!("{:>8.2} B/span  of it by zstd -{LEVEL}", of_span(compressed as f64));
    println!("{:>8.2} B/span  allocated to the file", of_span(stats.allocated_bytes as f64));
    println!(
        "{:>8.2} B/span  in sections, {:.3} times zstd -{LEVEL}",
        of_span(stored as f64),
        stored as f64 / compressed as f64
    );
    let mut rest = 0.0;
    for (section, bytes) in stats.section_bytes {
        let bytes = of_span(bytes as f64);
        if bytes < SHOWN_MIN {
            rest += bytes;
        } else {
            println!("{bytes:>12.2}  {section}");
        }
    }
    println!("{rest:>12.2}  all others");
    Ok(())
}
