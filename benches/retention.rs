//! A cap on bytes while 20 times as much is taken in as it holds, at caps of 70, 100, 140 and 200 MB:
//! prints the most bytes that the file took on disk, looked at after every batch, as a part of the
//! cap. Readers come and go meanwhile: one in four holds its answer for longer than a block lives. A
//! program that prints figures: `cargo bench --bench retention [-- --scale N] [--times N]`; `--scale 4`
//! divides the caps by four, `--times 5` takes in five times what a cap holds.
//!
//! Batches of generated spans have all sizes: 100 spans, 2,000 and now and then 60,000.

#![expect(
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a program that prints figures"
)]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use treering::{Batch, Options, Order, SearchOptions, Store};
use treering_generator::Generator;

const CAPS: [u64; 4] = [70_000_000, 100_000_000, 140_000_000, 200_000_000];
const QUERY: &str = "{ duration > 1ms }";

/// What readers met.
#[derive(Debug, Default)]
struct Readers {
    answers: u64,
    expired: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let scale: u64 = argument("--scale")?.unwrap_or(1);
    let times: u64 = argument("--times")?.unwrap_or(20);
    for cap in CAPS {
        run(cap / scale.max(1), times)?;
    }
    Ok(())
}

/// The number after `name`.
fn argument(name: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    let mut rest = std::env::args().skip_while(|argument| argument != name).skip(1);
    rest.next().map(|number| number.parse()).transpose()
}

fn run(cap: u64, times: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("retention.redb");
    let mut options = Options::default();
    options.bytes_max = Some(cap);
    let store = Store::open(&path, options)?;
    let is_over = AtomicBool::new(false);
    let started = Instant::now();
    let (taken, readers) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&store, &is_over).map_err(|error| error.to_string()));
        let taken = take_in(&store, &path, times);
        is_over.store(true, Ordering::Relaxed);
        (taken, reader.join())
    });
    let (most, batches) = taken?;
    let readers = readers.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let seconds = started.elapsed().as_secs_f64();
    let stats = store.stats()?;
    let spans = stats.spans + stats.dropped_spans;
    println!(
        "cap {cap}: at most {most} bytes on disk, {:.3} of the cap; the file's length {}",
        most as f64 / cap as f64,
        stats.file_bytes
    );
    println!(
        "  {spans} spans in {batches} batches, {:.0} spans/s; {} kept in {} blocks, {:.0} B/span of the cap",
        spans as f64 / seconds,
        stats.spans,
        stats.blocks,
        cap as f64 / stats.spans as f64
    );
    println!(
        "  {} blocks dropped, {} seals, {} compactions; readers: {} answers, {} expired",
        stats.dropped_blocks,
        stats.maintenance.seals,
        stats.maintenance.compactions,
        readers.answers,
        readers.expired
    );
    if let Some(failed) = stats.maintenance_error {
        println!("  maintenance failed: {failed}");
    }
    Ok(())
}

/// Takes in until so many times what is kept was taken in; the most bytes that the file took.
fn take_in(store: &Store, path: &Path, times: u64) -> Result<(u64, u64), Box<dyn Error>> {
    let mut traces = Generator::new(1);
    let (mut most, mut batches) = (0, 0);
    loop {
        batches += 1;
        let spans = match batches % 200 {
            0 => 60_000,
            number if number % 8 == 0 => 2_000,
            _ => 100,
        };
        let mut batch = Batch::new();
        while batch.len() < spans {
            for span in traces.next().unwrap_or_default() {
                batch.push(&span)?;
            }
        }
        store.ingest(batch)?;
        most = allocated(path)?.max(most);
        if batches % 100 == 0 {
            let stats = store.stats()?;
            if stats.dropped_spans >= stats.spans * (times - 1) && stats.dropped_spans > 0 {
                return Ok((most, batches));
            }
        }
    }
}

fn allocated(path: &Path) -> std::io::Result<u64> {
    let file = std::fs::metadata(path)?;
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::blocks(&file) * 512);
    #[cfg(not(unix))]
    return Ok(file.len());
}

/// Asks now and then, and holds some answers for a while.
fn read(store: &Store, is_over: &AtomicBool) -> Result<Readers, Box<dyn Error>> {
    let mut readers = Readers::default();
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        let is_held = number % 4 == 0;
        let mut options = SearchOptions::default();
        if is_held {
            // What is oldest is what goes.
            (options.order, options.limit) = (Order::OldestFirst, Some(2000));
        }
        let mut found = 0;
        let outcome = store.search_each(QUERY, &options, |_| {
            found += 1;
            if found == 10 && is_held {
                std::thread::sleep(Duration::from_secs(3));
            }
            ControlFlow::Continue(())
        });
        match outcome {
            Ok(_) => readers.answers += 1,
            Err(treering::Error::SnapshotExpired) => readers.expired += 1,
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(readers)
}
