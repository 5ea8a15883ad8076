//! The answer for people: a heading for each trace, below it a row for each of its spans. Invariant:
//! ids are shown whole, so that they can be copied, and a row is one line.

use std::io::{self, IsTerminal, Write};

use treering::query::{FieldValue, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::words;
use crate::{terminal, time};

/// Widest text of one cell, and of one value.
const TEXT_COLUMNS: usize = 60;

/// Widest values of one row.
const VALUES_COLUMNS: usize = 400;

/// Columns that ids, times and the blanks around cells take.
const FIXED_COLUMNS: usize = 48;

/// Lines above the first row.
const HEADER_LINES: usize = 2;

/// Writes the traces of `result`, or that there are none.
pub(crate) fn write_table(result: &SearchResult, out: &mut impl Write) -> io::Result<()> {
    if result.traces.is_empty() {
        return writeln!(out, "no trace matches");
    }
    let mut sheet = Sheet::default();
    for trace in &result.traces {
        sheet.add_trace(trace);
    }
    sheet.write(out)?;
    let matched = result.traces.iter().flat_map(|trace| &trace.spansets).map(|set| set.matched);
    let traces = terminal::plural(u64::try_from(result.traces.len()).unwrap_or(u64::MAX), "trace");
    writeln!(out, "{traces}, {} matched", terminal::plural(matched.sum(), "span"))
}

/// Rows of spans, and headings between them.
#[derive(Default)]
struct Sheet {
    rows: Vec<[String; 6]>,
    /// Headings, each with the row that it stands before.
    headings: Vec<(usize, String)>,
}

impl Sheet {
    fn add_trace(&mut self, trace: &TraceMatch) {
        let heading = format!(
            "{} {} {} {} {}",
            trace.trace_id,
            time::rfc3339(trace.start, 3),
            time::short(trace.duration_nanos),
            terminal::fit(&trace.root_service, TEXT_COLUMNS),
            terminal::fit(&trace.root_name, TEXT_COLUMNS),
        );
        self.headings.push((self.rows.len(), heading));
        for spanset in &trace.spansets {
            self.add_spanset(trace, spanset);
        }
    }

    fn add_spanset(&mut self, trace: &TraceMatch, spanset: &Spanset) {
        if !spanset.attributes.is_empty() {
            let values = values(&spanset.attributes);
            let [start, duration, service, name] = [const { String::new() }; 4];
            self.rows.push(["spanset".to_owned(), start, duration, service, name, values]);
        }
        for span in &spanset.spans {
            self.add_span(trace, span);
        }
        let shown = u64::try_from(spanset.spans.len()).unwrap_or(u64::MAX);
        let hidden = spanset.matched.saturating_sub(shown);
        if hidden > 0 {
            let mut row = [const { String::new() }; 6];
            if let Some(first) = row.first_mut() {
                *first = format!("… {} more", terminal::count(hidden));
            }
            self.rows.push(row);
        }
    }

    fn add_span(&mut self, trace: &TraceMatch, span: &SpanMatch) {
        self.rows.push([
            span.span_id.to_string(),
            format!("+{}", time::short(span.start.nanos_since(trace.start))),
            time::short(span.duration_nanos),
            terminal::fit(&span.service, TEXT_COLUMNS),
            terminal::fit(&span.name, TEXT_COLUMNS),
            values(&span.attributes),
        ]);
    }

    /// The columns of services, names and values. On a terminal the widest give way until a row
    /// fits.
    fn widths(&self) -> [usize; 3] {
        let mut widths = [8, 8, 8];
        for [.., service, name, values] in &self.rows {
            for (width, text) in widths.iter_mut().zip([service, name, values]) {
                *width = terminal::width(text).max(*width);
            }
        }
        if io::stdout().is_terminal() {
            let room = terminal::columns().saturating_sub(FIXED_COLUMNS).max(24);
            while widths.iter().sum::<usize>() > room {
                if let Some(widest) = widths.iter_mut().max() {
                    *widest -= 1;
                }
            }
        }
        widths
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut table =
            terminal::table(&["SPAN", "START", "DURATION", "SERVICE", "NAME", "VALUES"]);
        let widths = self.widths();
        for [id, start, duration, texts @ ..] in &self.rows {
            let texts = texts.iter().zip(widths).map(|(text, width)| terminal::fit(text, width));
            let times = [id, start, duration].map(String::clone);
            table.add_row(times.into_iter().chain(texts).collect::<Vec<_>>());
        }
        let strong = terminal::STRONG;
        let heading_columns =
            if io::stdout().is_terminal() { terminal::columns() } else { VALUES_COLUMNS };
        let mut headings = self.headings.iter().peekable();
        for (line, text) in table.lines().enumerate() {
            while let Some((_, heading)) = headings.next_if(|(row, _)| row + HEADER_LINES <= line) {
                let heading = terminal::fit(heading, heading_columns);
                writeln!(out, "{strong}{heading}{strong:#}")?;
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// Values that are not in the row anyway.
fn values(attributes: &[(String, FieldValue)]) -> String {
    let shown = attributes.iter().filter(|(key, _)| key != "duration" && key != "name");
    let one = |(key, value): &(String, FieldValue)| {
        format!("{key}={}", terminal::fit(&words(value), TEXT_COLUMNS))
    };
    terminal::fit(&shown.map(one).collect::<Vec<_>>().join(" "), VALUES_COLUMNS)
}
