//! The command: one search, one answer. Invariant: stdout holds the answer alone; warnings go to
//! stderr.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use treering::query::SearchResult;
use treering::{Cursor, SearchOptions};

use super::json::{Response, Stream};
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
    if args.after.is_some() && !args.order.is_by_start() {
        return Err(Failure::Usage("--after goes with --order newest or oldest".to_owned()));
    }
    // A wrong query is said to be wrong even where there is no store yet.
    treering::query::check(&args.query)
        .map_err(|error| Failure::Query(error, args.query.clone()))?;
    let opened = Opened::existing(store)?;
    let failure = |error| Failure::search(error, &args.query, opened.path.clone());
    let options = options(args);
    if args.explain {
        let explanation = opened.store.explain(&args.query, &options).map_err(failure)?;
        let text = explanation.text.trim_end();
        match args.output {
            QueryOutput::Table => writeln!(out, "{text}")?,
            QueryOutput::Json => writeln!(out, "{}", serde_json::json!({ "explain": text }))?,
        }
        return Ok(());
    }
    if args.output == QueryOutput::Json && args.limit.0.is_none() {
        return stream(&opened, args, &options, out);
    }
    let result = opened.store.search(&args.query, &options).map_err(failure)?;
    warn(&result)?;
    let next = next(args, &result);
    match args.output {
        QueryOutput::Table => table::write_answer(&result, next, out)?,
        QueryOutput::Json => {
            serde_json::to_writer(&mut *out, &Response::new(&result, next))?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn options(args: &QueryArgs) -> SearchOptions {
    let mut options = SearchOptions::default();
    options.start = args.start;
    options.end = args.end;
    options.limit = args.limit.0;
    options.spans_per_spanset = args.spans.0;
    options.order = args.order.into();
    options.after = args.after;
    // A time too far off to be named is no deadline.
    options.deadline = args.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    options
}

/// Where the next page begins, if the limit may have cut this one.
fn next(args: &QueryArgs, result: &SearchResult) -> Option<Cursor> {
    let full = args.limit.0.is_some_and(|limit| result.traces.len() >= limit);
    let last = result.traces.last().filter(|_| full && args.order.is_by_start())?;
    Some(Cursor::after(last))
}

fn warn(result: &SearchResult) -> Result<(), Failure> {
    for warning in &result.warnings {
        writeln!(anstream::stderr().lock(), "warning: {warning}")?;
    }
    Ok(())
}

/// Writes each trace when it is found, so that an answer of any size takes little memory.
fn stream(
    opened: &Opened,
    args: &QueryArgs,
    options: &SearchOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut stream = Stream::new(out);
    let mut written = Ok(());
    let result = opened.store.search_each(&args.query, options, |trace| {
        written = stream.push(&trace);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    let result =
        result.map_err(|error| Failure::search(error, &args.query, opened.path.clone()))?;
    warn(&result)?;
    stream.finish(&result)
}
