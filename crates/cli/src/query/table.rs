//! The answer for people: a heading for each trace, below it a row for each of its spans. Invariant:
//! ids are shown whole, so that they can be copied, and a row is one line.

use std::io::{self, Write};

use treering::model::ShortDuration;
use treering::query::{FieldValue, SearchResult, SpanMatch, Spanset, TraceMatch};

use super::value::words;
use crate::terminal;

/// Widest text of one cell, and of one value.
const TEXT_COLUMNS: usize = 60;

/// Widest values of one row.
const VALUES_COLUMNS: usize = 400;

/// Header of the table; the last three columns can be cut.
const HEADER: [&str; 6] = ["SPAN", "START", "DURATION", "SERVICE", "NAME", "VALUES"];

/// Blanks around a cell, and between it and the next.
const BLANKS: usize = 3;

/// What a service or name keeps while there is something else to cut.
const TEXT_COLUMNS_MIN: usize = 8;

/// Lines above the first row.
const HEADER_LINES: usize = 2;

/// Writes the traces of `result`; nothing where there are none.
pub(crate) fn write_table(result: &SearchResult, out: &mut impl Write) -> io::Result<()> {
    if result.traces.is_empty() {
        return Ok(());
    }
    let mut sheet = Sheet::default();
    for trace in &result.traces {
        sheet.add_trace(trace);
    }
    sheet.write(terminal::columns_of_terminal(), out)
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
            "{} {:.3} {} {} {}",
            trace.trace_id,
            trace.start,
            ShortDuration(trace.duration_nanos),
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
            format!("+{}", ShortDuration(span.start.nanos_since(trace.start))),
            ShortDuration(span.duration_nanos).to_string(),
            terminal::fit(&span.service, TEXT_COLUMNS),
            terminal::fit(&span.name, TEXT_COLUMNS),
            values(&span.attributes),
        ]);
    }

    /// The columns of services, names and values. Where a row is wider than `columns`, values give
    /// way first, then the wider of services and names.
    fn widths(&self, columns: Option<usize>) -> [usize; 3] {
        let mut widths = HEADER.map(terminal::width);
        for row in &self.rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = terminal::width(text).max(*width);
            }
        }
        let values_min = HEADER.last().map_or(0, |header| terminal::width(header));
        let [id, start, duration, mut service, mut name, mut values] = widths;
        if let Some(columns) = columns {
            let fixed = id + start + duration + HEADER.len() * BLANKS - 1;
            let over = |texts: usize| (fixed + texts).saturating_sub(columns);
            values = values.saturating_sub(over(service + name + values)).max(values_min);
            while over(service + name + values) > 0 && service.max(name) > TEXT_COLUMNS_MIN {
                let wider = if service > name { &mut service } else { &mut name };
                *wider -= 1;
            }
        }
        [service, name, values]
    }

    /// Writes lines of at most `columns`, which are cut at their ends where nothing else helps.
    fn write(&self, columns: Option<usize>, out: &mut impl Write) -> io::Result<()> {
        let mut table = terminal::table(&HEADER);
        let widths = self.widths(columns);
        for [id, start, duration, texts @ ..] in &self.rows {
            let texts = texts.iter().zip(widths).map(|(text, width)| terminal::fit(text, width));
            let times = [id, start, duration].map(String::clone);
            table.add_row(times.into_iter().chain(texts).collect::<Vec<_>>());
        }
        let strong = terminal::STRONG;
        let columns = columns.unwrap_or(usize::MAX);
        let mut headings = self.headings.iter().peekable();
        for (line, text) in table.lines().enumerate() {
            while let Some((_, heading)) = headings.next_if(|(row, _)| row + HEADER_LINES <= line) {
                let heading = terminal::fit(heading, columns);
                writeln!(out, "{strong}{heading}{strong:#}")?;
            }
            writeln!(out, "{}", terminal::fit(text.trim_end(), columns))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(columns: Option<usize>) -> String {
        let texts = ["0000000000000001", "+250ms", "500ms", "frontend-service", "GET /buy"];
        let [id, start, duration, service, name] = texts.map(str::to_owned);
        let rows = vec![[id, start, duration, service, name, "status=error ".repeat(20)]];
        let sheet = Sheet { rows, headings: vec![(0, "a heading of a trace ".repeat(10))] };
        let mut text = Vec::new();
        sheet.write(columns, &mut anstream::StripStream::new(&mut text)).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_are_cut_first_and_ids_last() {
        for columns in [20, 40, 60, 72, 80, 120] {
            let text = written(Some(columns));
            let widest = text.lines().map(terminal::width).max();
            assert!(widest <= Some(columns), "{columns}: {text}");
            assert!(text.contains("0000000000000001"), "{text}");
            let whole = !text.contains("─…");
            assert!(whole || columns < 72, "{columns}: only values are cut: {text}");
        }
        let text = written(Some(90));
        assert!(text.contains("frontend-service") && text.contains("GET /buy"), "{text}");
        assert!(text.contains("status=err"), "{text}");
    }

    #[test]
    fn nothing_is_cut_in_a_pipe() {
        let text = written(None);
        assert!(!text.contains('…'), "{text}");
        assert_eq!(text.matches("status=error").count(), 20);
    }
}
