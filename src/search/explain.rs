//! How a query runs and what running it took, as text for people.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::options::SearchOptions;
use super::pool::Pool;
use super::prepare::Prepared;
use super::run::matches;
use super::view::BlockView;
use crate::block::BlockError;
use crate::codec::cast::u64_of;
use crate::query::exec::explain as explain_plan;

/// How a query runs; `Display` is the text for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The query in canonical form, the plan with a number before each step, and the run's figures:
    /// rows into and out of each step, and how a test was answered, blocks searched and skipped, time.
    ///
    /// Of a test, `index` says that an index gave the spans, `scan` that a column was gone through,
    /// `check` that only the spans were looked at which earlier tests had left; a test that reads
    /// several columns, or runs in several blocks, may do more than one. A step of `0 of 0 rows` was
    /// not needed: something else can have no answer.
    pub text: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Runs the search and says how.
pub(crate) fn explain(
    pool: &Pool,
    views: &[Arc<BlockView>],
    prepared: &Arc<Prepared>,
    options: &SearchOptions,
) -> Result<Explanation, BlockError> {
    use std::fmt::Write as _;
    let started = Instant::now();
    let (found, run) = matches(pool, views, prepared, options)?;
    let elapsed = started.elapsed();
    let plan = explain_plan(&prepared.plan, &run.figures);
    let mut text = format!("{}\n\n{plan}", prepared.canonical);
    let rows = counted(run.figures.rows_considered, "row");
    let blocks = counted(run.blocks, "block");
    let traces = counted(u64_of(found.len()), "trace");
    let spans = counted(run.spans_matched, "span");
    // Writing to a string cannot fail.
    let _written = writeln!(
        text,
        "\n{rows} considered; {} of {blocks} skipped\n{traces}, {spans} in {elapsed:.1?}",
        run.blocks_skipped,
    );
    Ok(Explanation { text })
}

/// `1 span`, `2 spans`.
fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
