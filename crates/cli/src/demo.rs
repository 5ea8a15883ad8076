//! `treering demo`: makes up traces, stores them, asks three questions, and draws an answer.
//! Invariant: nothing is deleted; without `--store` the store is a new file that is kept.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use treering::model::Trace;
use treering::query::SearchResult;
use treering::{Batch, SearchOptions, SpanId, Store};
use treering_generator::Generator;

use crate::args::DemoArgs;
use crate::failure::{Failure, shell_word};
use crate::query::write_table;
use crate::store::Opened;
use crate::{terminal, waterfall};

/// The data is the same on every run.
const SEED: u64 = 1;

/// Spans after which a batch is stored.
const BATCH_SPANS: usize = 200_000;

/// Traces of each answer that are shown.
const TRACES_SHOWN: usize = 3;

/// Most spans of the trace that is drawn.
const DRAWN_SPANS_MAX: usize = 40;

/// A question in words and in `TraceQL`.
const QUESTIONS: [(&str, &str); 3] = [
    (
        "Which of service A's traces go through the ingress gateway below it?",
        "{ .service.name = \"service-a.default\" } >> \
         { .service.name = \"istio-ingressgateway.istio-system\" }",
    ),
    (
        "Which database connects below service A are slow?",
        "{ .service.name = \"service-a.default\" } >> \
         { .net.peer.name = \"db.example.com\" && .db.operation = \"CONNECT\" && duration > 50ms }",
    ),
    (
        "Which error is the last in each chain of errors?",
        "{ status = error } !< { status = error }",
    ),
];

/// The question whose answer is drawn.
const DRAWN_QUESTION: usize = 1;

/// Runs `treering demo`.
pub(crate) fn run(
    store: Option<&Path>,
    args: &DemoArgs,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let path = match store {
        Some(path) => path.to_path_buf(),
        None => temporary()?,
    };
    let opened = Opened::make(&path)?;
    writeln!(out, "store: {}", path.display())?;
    out.flush()?;
    fill(&opened, args.spans, out)?;
    for (number, (words, query)) in QUESTIONS.iter().enumerate() {
        let found = ask(&opened, words, query, out)?;
        if number == DRAWN_QUESTION {
            draw_one(&opened, &found, out)?;
        }
        out.flush()?;
    }
    let strong = terminal::STRONG;
    writeln!(out, "\nThe store is kept. Ask it more:")?;
    let path = shell_word(&path);
    writeln!(out, "  {strong}treering query --store {path} '{{ status = error }}'{strong:#}")?;
    writeln!(out, "  {strong}treering shell {path}{strong:#}")?;
    Ok(())
}

/// A path in a new folder of its own, which nobody else has made.
fn temporary() -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir();
    let process = std::process::id();
    for number in 0..1000 {
        let folder = folder.join(format!("treering-demo-{process}-{number}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder.join("demo.redb")),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => {
                let doing = format!("make the folder {}", folder.display());
                return Err(Failure::Io { doing, source });
            }
        }
    }
    let what = format!("there is no free name in {}", folder.display());
    Err(Failure::Missing { what, next: "--store names a place".to_owned() })
}

/// Stores about `spans` made-up spans.
fn fill(opened: &Opened, spans: usize, out: &mut impl Write) -> Result<(), Failure> {
    let count = || opened.store.stats().map_err(|source| opened.failure("count", source));
    let before = count()?;
    let (mut offered, mut took) = (0_u64, Duration::ZERO);
    let mut batch = Batch::new();
    let mut requests = Generator::new(SEED).requests(spans).peekable();
    while let Some(request) = requests.next() {
        let started = Instant::now();
        let rejections = batch.push_protobuf(&request);
        let rejections =
            rejections.map_err(|source| opened.failure("read made-up spans", source))?;
        if let Some(rejection) = rejections.first() {
            let reason = &rejection.reason;
            return Err(Failure::Internal(format!("a made-up span was refused: {reason}")));
        }
        if batch.len() >= BATCH_SPANS || requests.peek().is_none() {
            offered += u64::try_from(batch.len()).unwrap_or(0);
            let done = opened.store.ingest(std::mem::take(&mut batch));
            done.map_err(|source| opened.failure("store spans", source))?;
        }
        took += started.elapsed();
    }
    let after = count()?;
    let traces = after.traces.saturating_sub(before.traces);
    let stored = after.spans.saturating_sub(before.spans);
    // What was there already is no measure of storing.
    let rate = if stored == 0 {
        String::new()
    } else {
        let rate = terminal::count(terminal::per_second(offered, took));
        format!(" ({rate} spans/s, durable and searchable)")
    };
    writeln!(
        out,
        "stored {} of {} in {:.2} s{rate}",
        terminal::plural(stored, "span"),
        terminal::plural(traces, "new trace"),
        took.as_secs_f64(),
    )?;
    if stored < offered {
        writeln!(out, "{} there already", terminal::plural(offered - stored, "span"))?;
    }
    opened.tidy()?;
    Ok(out.flush()?)
}

/// Asks a question as a person would, again with its data at hand, and for all there is; shows some
/// of the answer.
fn ask(
    opened: &Opened,
    words: &str,
    query: &str,
    out: &mut impl Write,
) -> Result<SearchResult, Failure> {
    let strong = terminal::STRONG;
    writeln!(out, "\n{strong}{words}{strong:#}\n  {query}")?;
    let (first, first_took) = search(opened, query, &SearchOptions::default())?;
    let (_, again_took) = search(opened, query, &SearchOptions::default())?;
    let mut options = SearchOptions::default();
    options.limit = None;
    options.spans_per_spanset = Some(1);
    let (all, all_took) = search(opened, query, &options)?;
    let matched = all.traces.iter().flat_map(|trace| &trace.spansets).map(|set| set.matched);
    writeln!(
        out,
        "newest {} in {}, asked again {}; all {} with {} in {}\n",
        terminal::plural(u64::try_from(first.traces.len()).unwrap_or(0), "trace"),
        milliseconds(first_took),
        milliseconds(again_took),
        terminal::plural(u64::try_from(all.traces.len()).unwrap_or(0), "trace"),
        terminal::plural(matched.sum(), "span"),
        milliseconds(all_took),
    )?;
    let mut shown = first.clone();
    shown.traces.truncate(TRACES_SHOWN);
    write_table(&shown, out)?;
    Ok(first)
}

fn search(
    opened: &Opened,
    query: &str,
    options: &SearchOptions,
) -> Result<(SearchResult, Duration), Failure> {
    let store: &Store = &opened.store;
    let started = Instant::now();
    let result = store.search(query, options);
    let took = started.elapsed();
    let result = result.map_err(|error| Failure::search(error, query, opened.path.clone()))?;
    Ok((result, took))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Draws the first trace of `found` that is short enough, with what was found in it marked.
fn draw_one(opened: &Opened, found: &SearchResult, out: &mut impl Write) -> Result<(), Failure> {
    let mut fits: Option<(Trace, BTreeSet<SpanId>)> = None;
    for found in &found.traces {
        let trace = opened.store.trace(found.trace_id);
        let trace = trace.map_err(|source| opened.failure("read the trace", source))?;
        let Some(trace) = trace else { continue };
        let spans = found.spansets.iter().flat_map(|spanset| &spanset.spans);
        let marked = spans.map(|span| span.span_id).collect();
        let shorter = |(other, _): &(Trace, _)| trace.spans().len() < other.spans().len();
        if fits.as_ref().is_none_or(shorter) {
            let enough = trace.spans().len() <= DRAWN_SPANS_MAX;
            fits = Some((trace, marked));
            if enough {
                break;
            }
        }
    }
    if let Some((trace, marked)) = fits {
        writeln!(out)?;
        waterfall::draw(&trace, &marked, terminal::columns(), out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_questions() {
        let readme = include_str!("../../../README.md");
        for (words, query) in QUESTIONS {
            assert!(readme.lines().any(|line| line == query), "README.md should have {query}");
            let wrapped = readme.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(wrapped.contains(words), "README.md should have {words}");
        }
    }
}
