//! The command: one search, one answer. Invariant: stdout holds the answer alone; warnings, and how
//! much was found in which time, go to stderr.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use treering::model::ShortDuration;
use treering::query::{SearchResult, TraceMatch};
use treering::{CancelToken, Cursor, SearchOptions};

use super::json::{self, Response, Stream};
use super::table;
use crate::args::{Output, QueryArgs};
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Spinner;
use crate::store::Opened;
use crate::terminal;

/// Shown while it takes long.
const SEARCHING: &str = "searching; Ctrl-C stops";

/// Runs `treering query`.
pub(crate) fn run(store: &Path, args: &QueryArgs, out: &mut impl Write) -> Result<(), Failure> {
    args.times.check()?;
    if args.after.is_some() && !args.order.is_by_start() {
        return Err(Failure::Usage("--after goes with --order newest or oldest".to_owned()));
    }
    // A wrong query is said to be wrong even where there is no store yet.
    check(&args.query)?;
    let asked = Asked::Arguments(interrupt::token());
    answer(&Opened::existing(store)?, args, &asked, out)?;
    Ok(())
}

fn check(query: &str) -> Result<(), Failure> {
    match treering::query::check(query) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Query(error, query.to_owned())),
    }
}

/// Where a query was asked, and the token by which Ctrl-C ends the search early.
#[derive(Debug)]
pub(crate) enum Asked {
    /// On the command line, of which that is the end.
    Arguments(CancelToken),
    /// In a shell, which goes on.
    Shell(CancelToken),
}

impl Asked {
    fn token(&self) -> &CancelToken {
        let (Self::Arguments(token) | Self::Shell(token)) = self;
        token
    }

    /// How a command ends whose answer is `partial`.
    fn end(&self, partial: bool) -> Result<(), Failure> {
        match self {
            Self::Arguments(token) if partial && token.is_cancelled() => Err(Failure::Interrupted),
            _ => Ok(()),
        }
    }
}

/// Puts the query to the store and shows the answer; the place where the next page begins, if the
/// limit may have cut this one.
pub(crate) fn answer(
    opened: &Opened,
    args: &QueryArgs,
    asked: &Asked,
    out: &mut impl Write,
) -> Result<Option<Cursor>, Failure> {
    let mut options = options(args);
    options.cancel = Some(asked.token().clone());
    if args.explain {
        explain(opened, args, &options, out)?;
        return asked.end(true).map(|()| None);
    }
    let failure = |error| Failure::search(error, &args.query, opened.path.clone());
    let output = args.output.output;
    let mut found = Found::default();
    let started = Instant::now();
    let result = match output {
        Output::Json if args.limit.0.is_none() => stream(opened, args, &options, &mut found, out)?,
        Output::Jsonl => lines(opened, args, &options, &mut found, out)?,
        Output::Table | Output::Json => {
            let spinner = Spinner::start(SEARCHING);
            let result = opened.store.search(&args.query, &options);
            spinner.stop();
            let result = result.map_err(failure)?;
            result.traces.iter().for_each(|trace| found.add(trace));
            result
        }
    };
    let took = started.elapsed();
    let next = found.last.filter(|_| {
        args.limit.0.is_some_and(|limit| found.traces >= limit) && args.order.is_by_start()
    });
    match output {
        Output::Table => table::write_table(&result, out)?,
        Output::Json if args.limit.0.is_some() => {
            serde_json::to_writer(&mut *out, &Response::new(&result, next))?;
            writeln!(out)?;
        }
        Output::Json | Output::Jsonl => {}
    }
    out.flush()?;
    let mut err = anstream::stderr().lock();
    for warning in &result.warnings {
        writeln!(err, "warning: {warning}")?;
    }
    let more = match (next, asked) {
        (None, _) => String::new(),
        (Some(next), Asked::Arguments(_)) => format!("; next: --after {next}"),
        (Some(_), Asked::Shell(_)) => "; :next shows more".to_owned(),
    };
    writeln!(err, "{}{more}", found.summary(result.partial, took))?;
    asked.end(result.partial).map(|()| next)
}

fn explain(
    opened: &Opened,
    args: &QueryArgs,
    options: &SearchOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let spinner = Spinner::start(SEARCHING);
    let explanation = opened.store.explain(&args.query, options);
    spinner.stop();
    let explanation =
        explanation.map_err(|error| Failure::search(error, &args.query, opened.path.clone()))?;
    let text = explanation.text.trim_end();
    match args.output.output {
        Output::Table => writeln!(out, "{text}")?,
        Output::Json | Output::Jsonl => {
            writeln!(out, "{}", serde_json::json!({ "explain": text }))?;
        }
    }
    if options.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
        out.flush()?;
        writeln!(anstream::stderr().lock(), "partial: stopped before the end")?;
    }
    Ok(())
}

fn options(args: &QueryArgs) -> SearchOptions {
    let mut options = SearchOptions::default();
    options.start = args.times.from;
    options.end = args.times.to;
    options.limit = args.limit.0;
    options.spans_per_spanset = args.spans.0;
    options.order = args.order.into();
    options.after = args.after;
    // A time too far off to be named is no deadline.
    options.deadline = args.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    options
}

/// How much was found.
#[derive(Debug, Default)]
struct Found {
    traces: usize,
    spans: u64,
    /// The place after the last trace.
    last: Option<Cursor>,
}

impl Found {
    fn add(&mut self, trace: &TraceMatch) {
        self.traces += 1;
        self.spans += trace.spansets.iter().map(|set| set.matched).sum::<u64>();
        self.last = Some(Cursor::after(trace));
    }

    fn summary(&self, partial: bool, took: Duration) -> String {
        let took = ShortDuration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        let partial_words = if partial { "; partial: stopped before the end" } else { "" };
        let found = match (self.traces, partial) {
            (0, true) => "no trace found".to_owned(),
            (0, false) => "no trace matches".to_owned(),
            (traces, _) => format!(
                "{}, {} matched",
                terminal::plural(u64::try_from(traces).unwrap_or(u64::MAX), "trace"),
                terminal::plural(self.spans, "span"),
            ),
        };
        format!("{found}, in {took}{partial_words}")
    }
}

/// Searches, and hands each trace to `write` when it is found, so that an answer of any size takes
/// little memory.
fn each(
    opened: &Opened,
    args: &QueryArgs,
    options: &SearchOptions,
    mut write: impl FnMut(&TraceMatch) -> Result<(), Failure>,
) -> Result<SearchResult, Failure> {
    let mut written = Ok(());
    let result = opened.store.search_each(&args.query, options, |trace| {
        written = write(&trace);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    result.map_err(|error| Failure::search(error, &args.query, opened.path.clone()))
}

/// Writes one document.
fn stream(
    opened: &Opened,
    args: &QueryArgs,
    options: &SearchOptions,
    found: &mut Found,
    out: &mut impl Write,
) -> Result<SearchResult, Failure> {
    let mut stream = Stream::new(out);
    let result = each(opened, args, options, |trace| {
        found.add(trace);
        stream.push(trace)
    })?;
    stream.finish(&result)?;
    Ok(result)
}

/// Writes a trace a line.
fn lines(
    opened: &Opened,
    args: &QueryArgs,
    options: &SearchOptions,
    found: &mut Found,
    out: &mut impl Write,
) -> Result<SearchResult, Failure> {
    each(opened, args, options, |trace| {
        found.add(trace);
        json::write_trace(trace, out)
    })
}
