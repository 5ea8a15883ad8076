//! The answer for people: a heading for each trace, below it a row for each of its spans. Invariant:
//! ids are shown whole, so that they can be copied, and a row is one line.

use std::io::{self, IsTerminal, Write};

use comfy_table::Table;
use treering::query::{FieldValue, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::words;
use crate::{terminal, time};

/// Widest service, name and single value where stdout is no terminal.
const TEXT_COLUMNS: usize = 60;

/// Widest values of a row where stdout is no terminal.
const VALUES_COLUMNS: usize = 400;

/// Columns that ids, times and the blanks around cells take on a terminal.
const FIXED_COLUMNS: usize = 48;

/// Lines above the first row.
const HEADER_LINES: usize = 2;

/// Writes the traces of `result`, or that there are none.
pub(crate) fn write_table(result: &SearchResult, out: &mut impl Write) -> io::Result<()> {
    if result.traces.is_empty() {
        return writeln!(out, "no trace matches");
    }
    let mut sheet = Sheet::new();
    for trace in &result.traces {
        sheet.add_trace(trace);
    }
    sheet.write(out)?;
    let matched = result.traces.iter().flat_map(|trace| &trace.spansets).map(|set| set.matched);
    let traces = terminal::plural(u64::try_from(result.traces.len()).unwrap_or(u64::MAX), "trace");
    writeln!(out, "{traces}, {} matched", terminal::plural(matched.sum(), "span"))
}

/// Rows of spans, and headings between them.
struct Sheet {
    table: Table,
    /// Headings, each with the row that it stands before.
    headings: Vec<(usize, String)>,
    service_columns: usize,
    name_columns: usize,
    values_columns: usize,
}

impl Sheet {
    fn new() -> Self {
        let table = terminal::table(&["SPAN", "START", "DURATION", "SERVICE", "NAME", "VALUES"]);
        let (service_columns, name_columns, values_columns) = if io::stdout().is_terminal() {
            let text = terminal::columns().saturating_sub(FIXED_COLUMNS).max(30);
            (text / 4, text / 3, text - text / 4 - text / 3)
        } else {
            (TEXT_COLUMNS, TEXT_COLUMNS, VALUES_COLUMNS)
        };
        Self { table, headings: Vec::new(), service_columns, name_columns, values_columns }
    }

    fn add_trace(&mut self, trace: &TraceMatch) {
        let heading = format!(
            "{} {} {} {} {}",
            trace.trace_id,
            time::rfc3339(trace.start, 3),
            time::short(trace.duration_nanos),
            terminal::fit(&trace.root_service, TEXT_COLUMNS),
            terminal::fit(&trace.root_name, TEXT_COLUMNS),
        );
        self.headings.push((self.table.row_count(), heading));
        for spanset in &trace.spansets {
            self.add_spanset(trace, spanset);
        }
    }

    fn add_spanset(&mut self, trace: &TraceMatch, spanset: &Spanset) {
        if !spanset.attributes.is_empty() {
            let values = self.values(&spanset.attributes);
            let blank = String::new;
            self.table.add_row(["spanset".to_owned(), blank(), blank(), blank(), blank(), values]);
        }
        for span in &spanset.spans {
            self.add_span(trace, span);
        }
        let shown = u64::try_from(spanset.spans.len()).unwrap_or(u64::MAX);
        let hidden = spanset.matched.saturating_sub(shown);
        if hidden > 0 {
            self.table.add_row([format!("… {} more", terminal::count(hidden))]);
        }
    }

    fn add_span(&mut self, trace: &TraceMatch, span: &SpanMatch) {
        let values = self.values(&span.attributes);
        self.table.add_row([
            span.span_id.to_string(),
            format!("+{}", time::short(span.start.nanos_since(trace.start))),
            time::short(span.duration_nanos),
            terminal::fit(&span.service, self.service_columns),
            terminal::fit(&span.name, self.name_columns),
            values,
        ]);
    }

    /// Values that are not in the row anyway.
    fn values(&self, attributes: &[(String, FieldValue)]) -> String {
        let shown = attributes.iter().filter(|(key, _)| key != "duration" && key != "name");
        let one = |(key, value): &(String, FieldValue)| {
            format!("{key}={}", terminal::fit(&words(value), TEXT_COLUMNS))
        };
        terminal::fit(&shown.map(one).collect::<Vec<_>>().join(" "), self.values_columns)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let strong = terminal::STRONG;
        let mut headings = self.headings.iter().peekable();
        for (line, text) in self.table.lines().enumerate() {
            while let Some((_, heading)) =
                headings.next_if(|(row, _)| line >= HEADER_LINES && row + HEADER_LINES <= line)
            {
                writeln!(out, "{strong}{heading}{strong:#}")?;
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        headings.try_for_each(|(_, heading)| writeln!(out, "{strong}{heading}{strong:#}"))
    }
}
