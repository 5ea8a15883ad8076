//! `treering export`: traces as OTLP, in the forms that `ingest` reads. Invariants: each trace is
//! written whole, in one request; what was written can be taken in again and is the same.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use treering::model::Span;
use treering::{Order, SearchOptions, otlp};

use crate::args::{ExportArgs, Format};
use crate::failure::Failure;
use crate::progress;
use crate::store::Opened;

/// Spans after which a request ends.
const REQUEST_SPANS: usize = 2000;

/// Runs `treering export`.
pub(crate) fn run(store: &Path, args: &ExportArgs, out: &mut impl Write) -> Result<(), Failure> {
    args.times.check()?;
    treering::query::check(&args.query)
        .map_err(|error| Failure::Query(error, args.query.clone()))?;
    let opened = Opened::existing(store)?;
    let mut options = SearchOptions::all();
    (options.start, options.end) = (args.times.from, args.times.to);
    options.spans_per_spanset = Some(1);
    options.order = Order::OldestFirst;
    let mut ids = Vec::new();
    let found = opened.store.search_each(&args.query, &options, |found| {
        ids.push(found.trace_id);
        ControlFlow::Continue(())
    });
    found.map_err(|error| Failure::search(error, &args.query, opened.path.clone()))?;
    let mut spans: Vec<Span> = Vec::new();
    let bar = progress::bar(u64::try_from(ids.len()).unwrap_or(u64::MAX));
    for id in ids {
        bar.inc(1);
        let trace = opened.store.trace(id);
        // One that was removed meanwhile is not there to be written.
        if let Some(trace) = trace.map_err(|source| opened.failure("read a trace", source))? {
            spans.extend(trace.into_spans());
        }
        if spans.len() >= REQUEST_SPANS {
            let written = write(&std::mem::take(&mut spans), args.format, out);
            // A bar that is left on the screen would stand below the error.
            written.inspect_err(|_| bar.finish_and_clear())?;
        }
    }
    bar.finish_and_clear();
    if !spans.is_empty() {
        write(&spans, args.format, out)?;
    }
    Ok(())
}

fn write(spans: &[Span], format: Format, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        Format::Json => writeln!(out, "{}", otlp::write_json(spans)),
        Format::Pb => {
            let request = otlp::write_protobuf(spans);
            let mut rest = request.len();
            while rest > 0x7f {
                out.write_all(&[u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80])?;
                rest >>= 7;
            }
            out.write_all(&[u8::try_from(rest).unwrap_or(0)])?;
            out.write_all(&request)
        }
    }
}
