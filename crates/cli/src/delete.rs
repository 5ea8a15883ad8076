//! `treering delete`: deletes traces by id, or those that a query finds. Invariant: without `--yes`
//! nothing is changed, and what would be deleted is said; a time or a query that is wrong deletes
//! nothing.

use std::io::Write;
use std::path::Path;

use treering::model::OneLine;
use treering::{SearchOptions, Timestamp, TraceId};

use crate::args::DeleteArgs;
use crate::failure::Failure;
use crate::progress::Spinner;
use crate::store::Opened;
use crate::terminal;

/// Traces named before the rest is only counted.
const SHOWN_MAX: usize = 10;

/// Runs `treering delete`.
pub(crate) fn run(store: &Path, args: &DeleteArgs, out: &mut impl Write) -> Result<(), Failure> {
    args.times().check()?;
    if let Some(query) = &args.r#where {
        treering::query::check(query).map_err(|error| Failure::Query(error, query.clone()))?;
    }
    let opened =
        if args.yes { Opened::existing_to_write(store)? } else { Opened::existing(store)? };
    if !args.yes {
        return preview(&opened, args, out);
    }
    let deleted = match &args.r#where {
        None => opened.store.delete(&args.ids),
        Some(query) => opened.store.delete_where(query, &options(args)),
    };
    let deleted = deleted.map_err(|error| failed(error, args, &opened))?;
    writeln!(out, "deleted {}", terminal::plural(deleted, "trace"))?;
    if args.purge {
        purge(&opened, out)?;
    }
    Ok(())
}

fn purge(opened: &Opened, out: &mut impl Write) -> Result<(), Failure> {
    let bytes = || {
        let stats = opened.store.stats().map_err(|source| opened.failure("count", source))?;
        Ok::<u64, Failure>(stats.file_bytes)
    };
    let before = bytes()?;
    let spinner = Spinner::start("writing the file anew");
    let purged = opened.store.purge();
    spinner.stop();
    purged.map_err(|source| opened.failure("be purged", source))?;
    let after = bytes()?;
    let (before, after) = (terminal::count(before), terminal::count(after));
    Ok(writeln!(out, "purged the file: {before} bytes before, {after} now")?)
}

fn options(args: &DeleteArgs) -> SearchOptions {
    let mut options = SearchOptions::all();
    (options.start, options.end) = (args.from, args.to);
    options
}

fn failed(error: treering::Error, args: &DeleteArgs, opened: &Opened) -> Failure {
    match &args.r#where {
        Some(query) => Failure::search(error, query, opened.path.clone()),
        None => opened.failure("delete", error),
    }
}

/// Says what would be deleted.
fn preview(opened: &Opened, args: &DeleteArgs, out: &mut impl Write) -> Result<(), Failure> {
    let mut shown: Vec<(TraceId, Timestamp, String)> = Vec::new();
    let count = match &args.r#where {
        None => {
            let mut ids = args.ids.clone();
            ids.sort_unstable();
            ids.dedup();
            let mut count = 0;
            for id in ids {
                let trace = opened.store.trace(id);
                let trace = trace.map_err(|source| opened.failure("read a trace", source))?;
                let Some(trace) = trace else { continue };
                count += 1;
                if shown.len() < SHOWN_MAX {
                    let first = trace.spans().first();
                    let start = first.map(|span| span.start).unwrap_or_default();
                    let name = first.map(|span| span.name.clone()).unwrap_or_default();
                    shown.push((id, start, name));
                }
            }
            count
        }
        Some(query) => {
            let mut options = options(args);
            options.limit = Some(SHOWN_MAX);
            let found = opened.store.search(query, &options);
            let found = found.map_err(|error| failed(error, args, opened))?;
            let traces = found.traces.into_iter();
            shown.extend(traces.map(|found| (found.trace_id, found.start, found.root_name)));
            let counts = opened.store.count(query, &options);
            counts.map_err(|error| failed(error, args, opened))?.traces
        }
    };
    writeln!(out, "would delete {}", terminal::plural(count, "trace"))?;
    for (id, start, name) in &shown {
        writeln!(out, "  {id}  {start:.3}  {}", OneLine(name))?;
    }
    let more = count.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
    if more > 0 {
        writeln!(out, "  and {} more", terminal::count(more))?;
    }
    Ok(writeln!(out, "nothing was changed; --yes does it")?)
}
