//! The command: files in order, one progress bar, one summary. Invariant: the exit status is 0 only
//! where everything read was stored, or was older than is kept.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use treering::Stats;

use super::input;
use super::json_requests;
use super::loader::Loader;
use super::pb_requests::{self, FrameError};
use crate::args::{Format, IngestArgs};
use crate::failure::{Failure, write_chain};
use crate::store::Opened;
use crate::terminal;

/// Runs `treering ingest`.
pub(crate) fn run(store: &Path, args: &IngestArgs, out: &mut impl Write) -> Result<(), Failure> {
    let formats = args.files.iter().map(|path| input::format(path, args.format));
    let formats = formats.collect::<Result<Vec<_>, _>>()?;
    let opened = Opened::make_bounded(store, args)?;
    let count = || opened.store.stats().map_err(|source| opened.failure("count traces", source));
    let before = count()?;
    let started = Instant::now();
    let bar = progress(&args.files);
    let mut loader = Loader::new(opened.store.clone(), &bar, args.strict);
    let mut read = Ok(());
    for (path, format) in args.files.iter().zip(formats) {
        read = load(&mut loader, path, format, &bar);
        if read.is_err() {
            break;
        }
    }
    let done = loader.finish();
    bar.finish_and_clear();
    let took = started.elapsed();
    done.written.map_err(|source| opened.failure("store spans", source))?;
    let tidied = opened.tidy();
    let after = count()?;
    let refused = after.refused_spans.saturating_sub(before.refused_spans);
    summary(&before, &after, took, out)?;
    tidied?;
    if done.faults > 0 {
        let faults = terminal::plural(done.faults, "fault");
        writeln!(anstream::stderr().lock(), "something was left out: {faults}, named above")?;
        return Err(Failure::Reported);
    }
    if refused > 0 {
        let spans = terminal::plural(refused, "span");
        writeln!(anstream::stderr().lock(), "{spans} left out: a trace has as many as it may")?;
        return Err(Failure::Reported);
    }
    read
}

fn summary(
    before: &Stats,
    after: &Stats,
    took: Duration,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let dropped = after.dropped_spans.saturating_sub(before.dropped_spans);
    let dropped_traces = after.dropped_traces.saturating_sub(before.dropped_traces);
    let spans = (after.spans + dropped).saturating_sub(before.spans);
    let traces = (after.traces + dropped_traces).saturating_sub(before.traces);
    let rate = terminal::per_second(spans, took);
    writeln!(
        out,
        "stored {} of {} in {:.2} s ({} spans/s)",
        terminal::plural(spans, "span"),
        terminal::plural(traces, "new trace"),
        took.as_secs_f64(),
        terminal::count(rate)
    )?;
    let duplicates = after.duplicate_spans.saturating_sub(before.duplicate_spans);
    if duplicates > 0 {
        writeln!(out, "{} there already", terminal::plural(duplicates, "span"))?;
    }
    let replaced = after.replaced_spans.saturating_sub(before.replaced_spans);
    if replaced > 0 {
        writeln!(out, "{} with other content replaced", terminal::plural(replaced, "span"))?;
    }
    let too_old = after.too_old_spans.saturating_sub(before.too_old_spans);
    if too_old > 0 {
        writeln!(out, "{} too old", terminal::plural(too_old, "span"))?;
    }
    if dropped > 0 {
        let traces = terminal::plural(dropped_traces, "trace");
        writeln!(out, "{} of {traces} dropped, the oldest", terminal::plural(dropped, "span"))?;
    }
    Ok(out.flush()?)
}

fn load(
    loader: &mut Loader,
    path: &Path,
    format: Format,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let shown = if input::is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() };
    let opened = input::open(path, bar);
    let read = match opened {
        Ok(input) => match format {
            Format::Json => load_json(loader, input, &shown),
            Format::Pb => load_pb(loader, input, &shown),
        },
        Err(source) => Err(Failure::Io { doing: format!("read {shown}"), source }),
    };
    match read {
        // What cannot be read ends the file, not the command.
        Err(failure @ Failure::Io { .. }) => {
            let mut text = Vec::new();
            write_chain(&mut text, &failure)?;
            loader.fault(String::from_utf8_lossy(&text).trim_end())?;
        }
        other => other?,
    }
    loader.end_file(&shown)
}

fn load_json(loader: &mut Loader, input: impl BufRead, name: &str) -> Result<(), Failure> {
    let mut requests = json_requests::Requests::new(input);
    loop {
        let next = requests.next();
        let next = next.map_err(|source| Failure::Io { doing: format!("read {name}"), source })?;
        let Some(request) = next else { return Ok(()) };
        let place = format!("{name}:{}", request.line);
        match request.text {
            Some(text) => loader.push(Format::Json, &text, &place)?,
            None => loader.fault(&format!(
                "{place}: the request is longer than {} bytes",
                json_requests::REQUEST_BYTES_MAX
            ))?,
        }
    }
}

fn load_pb(loader: &mut Loader, mut input: impl BufRead, name: &str) -> Result<(), Failure> {
    let mut number = 0_u64;
    loop {
        number += 1;
        let place = format!("{name}: request {number}");
        match pb_requests::next(&mut input) {
            Ok(Some(request)) => loader.push(Format::Pb, &request, &place)?,
            Ok(None) => return Ok(()),
            Err(FrameError::Read(source)) => {
                return Err(Failure::Io { doing: format!("read {name}"), source });
            }
            Err(error) => return loader.fault(&format!("{place}: {error}; the rest is left out")),
        }
    }
}

/// A bar over the bytes of `files` where stderr is a terminal; over nothing where stdin is one of them.
fn progress(files: &[PathBuf]) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let lengths = files.iter().map(|path| std::fs::metadata(path).map_or(0, |file| file.len()));
    let (bar, template) = if files.iter().any(|path| input::is_stdin(path)) {
        (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec} {msg}")
    } else {
        let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}";
        (ProgressBar::new(lengths.sum()), template)
    };
    // A template that does not parse would leave the default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
