//! The answer as a table: a row for each trace, below it rows for its spans. Invariant: ids are
//! shown whole, so that they can be copied.

use std::io::{self, Write};

use comfy_table::Table;
use treering::query::{FieldValue, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::words;
use crate::{terminal, time};

/// Columns of one value in a row; longer ones are cut.
const VALUE_COLUMNS: usize = 60;

/// Writes the traces of `result`, or that there are none.
pub(crate) fn write_table(result: &SearchResult, out: &mut impl Write) -> io::Result<()> {
    if result.traces.is_empty() {
        return writeln!(out, "no trace matches");
    }
    let mut table =
        terminal::table(&["TRACE / SPAN", "START", "DURATION", "SERVICE", "NAME", "VALUES"]);
    for trace in &result.traces {
        add_trace(&mut table, trace);
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let matched = result.traces.iter().flat_map(|trace| &trace.spansets).map(|set| set.matched);
    let traces = terminal::plural(count(result.traces.len()), "trace");
    writeln!(out, "{traces}, {} matched", terminal::plural(matched.sum(), "span"))
}

fn add_trace(table: &mut Table, trace: &TraceMatch) {
    let matched: u64 = trace.spansets.iter().map(|spanset| spanset.matched).sum();
    table.add_row([
        trace.trace_id.to_string(),
        time::rfc3339(trace.start, 3),
        time::short(trace.duration_nanos),
        terminal::fit(&trace.root_service, VALUE_COLUMNS),
        terminal::fit(&trace.root_name, VALUE_COLUMNS),
        format!("{} matched", terminal::plural(matched, "span")),
    ]);
    for spanset in &trace.spansets {
        add_spanset(table, trace, spanset);
    }
}

fn add_spanset(table: &mut Table, trace: &TraceMatch, spanset: &Spanset) {
    if !spanset.attributes.is_empty() {
        let values = values(&spanset.attributes);
        table.add_row([
            "  spanset".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            values,
        ]);
    }
    for span in &spanset.spans {
        add_span(table, trace, span);
    }
    let shown = u64::try_from(spanset.spans.len()).unwrap_or(u64::MAX);
    let hidden = spanset.matched.saturating_sub(shown);
    if hidden > 0 {
        table.add_row([format!("  … {} more", terminal::count(hidden))]);
    }
}

fn add_span(table: &mut Table, trace: &TraceMatch, span: &SpanMatch) {
    table.add_row([
        format!("  {}", span.span_id),
        format!("+{}", time::short(span.start.nanos_since(trace.start))),
        time::short(span.duration_nanos),
        terminal::fit(&span.service, VALUE_COLUMNS),
        terminal::fit(&span.name, VALUE_COLUMNS),
        values(&span.attributes),
    ]);
}

fn values(attributes: &[(String, FieldValue)]) -> String {
    let one = |(key, value): &(String, FieldValue)| {
        format!(
            "{}={}",
            terminal::fit(key, VALUE_COLUMNS),
            terminal::fit(&words(value), VALUE_COLUMNS)
        )
    };
    attributes.iter().map(one).collect::<Vec<_>>().join(" ")
}
