//! The same questions put to Treering and to DuckDB, over the same spans, both warm, on disk and with
//! two threads, with the numbers of matches compared. Prints a table, and draws it for the
//! documentation: `cargo run --release --package treering-bench-compare [-- --spans N] [--runs N]
//! [--data FOLDER] [--only TEXT]`. Needs `python3` with its `venv`, and fetches `duckdb` by pip the
//! first time. Works in `target/compare`; the picture of generated spans is `docs/compare.svg`.
//!
//! DuckDB gets what makes it fast: a table of few narrow columns in the order of rows, intervals laid
//! by hand, services and names as enumerations, an index on request ids, and of several forms of each
//! question the fastest. It counts the matches and adds up their row numbers, so that no time goes
//! into Python. Treering counts the matches, whose rows it has as bitmaps; making results of all of
//! them is reported beside it.

#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a program that prints figures")]

mod ask;
mod data;
mod duck;
mod layout;
mod plot;
mod questions;
mod skip;
mod sql;
mod table;
#[path = "../../../benches/common/timing.rs"]
mod timing;

use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use treering::{Options, Store};

use ask::Asking;
use duck::Duck;
use timing::{argument, shown};

/// Threads of each.
const THREADS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let spans: usize = argument("--spans")?.unwrap_or(1_000_000);
    let runs: usize = argument("--runs")?.unwrap_or(60);
    let real: Option<PathBuf> = argument("--data")?;
    let only: Option<String> = argument("--only")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let folder = root.join("target/compare");
    fs::create_dir_all(&folder)?;
    for file in ["spans.redb", "blocks.redb", "spans.duckdb", "spans.duckdb.wal"] {
        let path = folder.join(file);
        if path.exists() {
            fs::remove_file(path)?;
        }
    }
    let mut options = Options::default();
    options.query_threads = THREADS;
    let path = folder.join("spans.redb");
    let store = match &real {
        Some(real) => data::real(&path, options, real)?,
        None => data::generated(&path, options, spans)?,
    };
    let mut duck = Duck::open(&folder, &folder.join("spans.duckdb"))?;
    duck.run(&format!("pragma threads={THREADS}"))?;
    let spans = layout::load(&store, &mut duck, &folder)?;
    let stats = settled(&store)?;
    println!(
        "{spans} spans in {} blocks; {THREADS} threads each; Treering {} MB, DuckDB {} MB \
         of a part of the columns\n",
        stats.blocks,
        stats.allocated_bytes / 1_000_000,
        fs::metadata(folder.join("spans.duckdb"))?.len() / 1_000_000
    );
    let mut questions = match &real {
        Some(_) => questions::real(),
        None => questions::generated(&some_request(&mut duck, spans)?),
    };
    questions.retain(|one| only.as_ref().is_none_or(|only| one.name.contains(only)));
    let asked = Cell::default();
    let mut asking = Asking { store: &store, duck: &mut duck, folder: &folder, runs, asked };
    let mut all = Vec::new();
    for question in questions {
        all.push(asking.measure(question)?);
    }
    table::print(&all, spans, stats.blocks);
    if only.is_some() {
        return Ok(());
    }
    let skipped = skip::measure(&folder, runs)?;
    println!(
        "\n- a block outside the time range, one of {}: {} ms\n- a block without the value: {} ms",
        skipped.blocks,
        shown(skipped.by_time),
        shown(skipped.by_value)
    );
    let what = if real.is_some() { "real" } else { "generated" };
    let title = format!("{} {what} spans, warm, 2 threads each", grouped(spans));
    // The documentation shows what anyone can make up again.
    let place = if real.is_some() { folder } else { root.join("docs") };
    fs::write(place.join("compare.svg"), plot::draw(&title, &all)?)?;
    Ok(())
}

/// The figures of a store that has nothing left to do.
fn settled(store: &Store) -> Result<treering::Stats, treering::Error> {
    store.maintain()?;
    store.stats()
}

/// A request id in the midst of the spans.
fn some_request(duck: &mut Duck, spans: u64) -> Result<String, Box<dyn Error>> {
    let middle = spans / 2;
    let answer = duck.run(&format!(
        "select request from spans where row > {middle} and request is not null order by row limit 1"
    ))?;
    Ok(answer.values.into_iter().next().ok_or("no span has a request id")?)
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
