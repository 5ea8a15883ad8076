//! `treering check`: whether a query is right, in words or as JSON lines. Invariant: with `--stdin`,
//! every line that goes in comes out as one object, in order; a wrong query alone is a failure.

use std::io::{BufRead, BufReader, Write};

use serde::Serialize;
use treering::query::{self, QueryError};

use crate::args::{CheckArgs, Output};
use crate::failure::Failure;

/// Runs `treering check`.
pub(crate) fn run(args: &CheckArgs, out: &mut impl Write) -> Result<(), Failure> {
    let Some(text) = &args.query else { return check_lines(out) };
    if args.output.output != Output::Table {
        serde_json::to_writer(&mut *out, &verdict(text))?;
        writeln!(out)?;
    }
    let checked = query::check(text).map_err(|error| Failure::Query(error, text.clone()))?;
    if args.output.output == Output::Table {
        writeln!(out, "{checked}")?;
    }
    for warning in checked.warnings() {
        writeln!(anstream::stderr().lock(), "warning: {warning}")?;
    }
    Ok(())
}

fn check_lines(out: &mut impl Write) -> Result<(), Failure> {
    let failure = |source| Failure::Io { doing: "read stdin".to_owned(), source };
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).map_err(failure)? == 0 {
            return Ok(());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // Bytes that are no UTF-8 become U+FFFD, which no query has outside of strings.
        serde_json::to_writer(&mut *out, &verdict(&String::from_utf8_lossy(text)))?;
        writeln!(out)?;
        // Whoever waits for this answer before asking on gets it; whoever asks ahead pays no flush.
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
}

/// What is said of one line.
#[derive(Debug, Serialize)]
struct Verdict<'q> {
    query: &'q str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<QueryError>,
}

fn verdict(query: &str) -> Verdict<'_> {
    match query::check(query) {
        Ok(checked) => {
            Verdict { query, ok: true, canonical: Some(checked.to_string()), error: None }
        }
        Err(error) => Verdict { query, ok: false, canonical: None, error: Some(error) },
    }
}
