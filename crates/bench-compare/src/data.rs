//! The spans that both are asked about, in a new store: generated ones, or real ones from a folder.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use treering::{Batch, Options, Store};
use treering_generator::Generator;

/// The real data set, as OTLP/JSON requests, one a line.
const REAL: &str = "nezha-tt.otlp.jsonl.gz";

/// Requests of real data in one batch.
const REQUESTS: usize = 2000;

/// A store of generated spans: `spans` of them, up to the end of a trace.
pub(crate) fn generated(
    path: &Path,
    options: Options,
    spans: usize,
) -> Result<Store, Box<dyn Error>> {
    let store = Store::open(path, options)?;
    let mut batch = Batch::new();
    for span in Generator::new(1).spans(spans) {
        batch.push(&span).map_err(|rejection| rejection.to_string())?;
    }
    store.ingest(batch)?;
    Ok(store)
}

/// A store of the real data set in `folder`.
pub(crate) fn real(path: &Path, options: Options, folder: &Path) -> Result<Store, Box<dyn Error>> {
    let store = Store::open(path, options)?;
    let data = folder.join(REAL);
    let file = File::open(&data);
    let file = file.map_err(|error| format!("cannot read {}: {error}", data.display()))?;
    let mut batch = Batch::new();
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
    for (line, at) in lines.zip(1..) {
        batch.push_json(line?.as_bytes())?;
        if at % REQUESTS == 0 {
            store.ingest(std::mem::take(&mut batch))?;
        }
    }
    store.ingest(batch)?;
    Ok(store)
}
