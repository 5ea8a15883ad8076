//! What a block costs that a search passes over: a store of many small blocks, and questions that
//! none of them can answer. Invariant: every block is skipped, or the figure is refused.

use std::error::Error;
use std::path::Path;

use treering::{Options, SearchOptions, Timestamp};

use crate::data;
use crate::timing::{Times, times};

/// Spans of a block, and of the store.
const BLOCK_ROWS: u32 = 100;
const SPANS: usize = 100_000;

/// The questions, each with the time of one block.
pub(crate) struct Skipped {
    pub(crate) blocks: u64,
    /// Blocks outside the time range.
    pub(crate) by_time: Times,
    /// Blocks without the value.
    pub(crate) by_value: Times,
}

/// Measures it on a store made in `folder`.
pub(crate) fn measure(folder: &Path, runs: usize) -> Result<Skipped, Box<dyn Error>> {
    let mut options = Options::default();
    options.block_rows_max = BLOCK_ROWS;
    let store = data::generated(&folder.join("blocks.redb"), options, SPANS)?;
    let mut before = SearchOptions::default();
    before.end = Some(Timestamp::from_unix_nanos(1));
    before.threads = Some(1);
    let mut all = SearchOptions::default();
    all.threads = Some(1);
    let (everything, value) = ("{ }", r#"{ span.http.request_id = "none" }"#);
    let metrics = store.search(everything, &before)?.metrics;
    if metrics.blocks_skipped != metrics.blocks {
        return Err(format!("{metrics:?}: not all blocks were skipped").into());
    }
    let blocks = u32::try_from(metrics.blocks)?;
    let each = |(best, median): Times| (best / blocks, median / blocks);
    let by_time = each(times(runs, || store.search(everything, &before))?);
    let by_value = each(times(runs, || store.search(value, &all))?);
    Ok(Skipped { blocks: metrics.blocks, by_time, by_value })
}
