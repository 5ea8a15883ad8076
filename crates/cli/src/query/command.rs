//! The command: one search, one answer. Invariant: stdout holds the answer alone; warnings go to
//! stderr.

use std::io::Write;
use std::path::Path;

use treering::SearchOptions;

use super::json::Response;
use super::table;
use crate::args::{QueryArgs, QueryOutput};
use crate::failure::Failure;
use crate::store::Opened;

/// Runs `treering query`.
pub(crate) fn run(store: &Path, args: &QueryArgs, out: &mut impl Write) -> Result<(), Failure> {
    if let (Some(start), Some(end)) = (args.start, args.end)
        && start > end
    {
        return Err(Failure::Usage("--start is after --end".to_owned()));
    }
    // A wrong query is said to be wrong even where there is no store yet.
    treering::query::check(&args.query)
        .map_err(|error| Failure::Query(error, args.query.clone()))?;
    let opened = Opened::existing(store)?;
    let failure = |error| Failure::search(error, &args.query, opened.path.clone());
    let mut options = SearchOptions::default();
    options.start = args.start;
    options.end = args.end;
    options.limit = args.limit.0;
    options.spans_per_spanset = args.spans.0;
    if args.explain {
        let explanation = opened.store.explain(&args.query, &options).map_err(failure)?;
        let text = explanation.text.trim_end();
        match args.output {
            QueryOutput::Table => writeln!(out, "{text}")?,
            QueryOutput::Json => writeln!(out, "{}", serde_json::json!({ "explain": text }))?,
        }
        return Ok(());
    }
    let result = opened.store.search(&args.query, &options).map_err(failure)?;
    for warning in &result.warnings {
        writeln!(anstream::stderr().lock(), "warning: {warning}")?;
    }
    match args.output {
        QueryOutput::Table => table::write_table(&result, out)?,
        QueryOutput::Json => {
            serde_json::to_writer(&mut *out, &Response::from(&result))?;
            writeln!(out)?;
        }
    }
    Ok(())
}
