//! A trace drawn as a waterfall: the library's lines in colours, as wide as a terminal. Invariant: no
//! line is wider than asked.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use treering::SpanId;
use treering::model::{ShortDuration, Trace, Waterfall, WaterfallLine};

use crate::terminal;

/// Levels drawn as tree lines; deeper spans show their depth and the innermost lines.
const LEVELS_MAX: usize = 16;

/// Narrowest drawing; on narrower terminals lines wrap.
const COLUMNS_MIN: usize = 50;

/// Columns of the duration.
const DURATION_COLUMNS: usize = 8;

/// Colours of services, in order of appearance.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightGreen,
];

/// Draws `trace`, with a sign before the spans whose ids are in `marked`.
pub(crate) fn draw(
    trace: &Trace,
    marked: &BTreeSet<SpanId>,
    columns: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let columns = columns.max(COLUMNS_MIN);
    let bar_columns = (columns / 3).min(60);
    // A sign and a blank; blanks around the bar; the duration.
    let label_columns = columns - bar_columns - 2 - 2 - DURATION_COLUMNS;
    // Where the label is narrow, fewer levels leave room for the name.
    let levels_max = LEVELS_MAX.min(label_columns / 6);
    let waterfall = trace.waterfall().bar_columns(bar_columns).levels_max(levels_max);
    let mut colours = HashMap::new();
    for span in trace.spans() {
        let next = COLOURS.get(colours.len() % COLOURS.len()).copied();
        colours.entry(span.service_name()).or_insert(next.unwrap_or(AnsiColor::Cyan));
    }
    let drawing = Drawing { colours, label_columns, bar_columns };
    drawing.draw_header(trace, &waterfall, out)?;
    for line in waterfall.lines() {
        drawing.draw_line(&line, marked.contains(&line.span.span_id), out)?;
    }
    Ok(())
}

/// What all lines share.
struct Drawing<'t> {
    colours: HashMap<&'t str, AnsiColor>,
    label_columns: usize,
    bar_columns: usize,
}

impl Drawing<'_> {
    fn draw_header(
        &self,
        trace: &Trace,
        waterfall: &Waterfall<'_>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let strong = terminal::STRONG;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let errors = waterfall.lines().filter(WaterfallLine::is_error).count();
        let spans = terminal::plural(count(trace.spans().len()), "span");
        let services = terminal::plural(count(self.colours.len()), "service");
        let errors = terminal::plural(count(errors), "error");
        writeln!(out, "{strong}trace {}{strong:#}", trace.id())?;
        let (start, duration) = (waterfall.start(), ShortDuration(waterfall.duration_nanos()));
        writeln!(out, "{start:.3}, {duration}, {spans}, {services}, {errors}")
    }

    fn draw_line(
        &self,
        line: &WaterfallLine<'_>,
        marked: bool,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let (found, faint) = (terminal::FOUND, terminal::FAINT);
        let sign = if marked { "▶ " } else { "  " };
        let tree = &line.tree;
        let mut left = self.label_columns.saturating_sub(terminal::width(tree));
        let service = match line.span.service_name() {
            "" => "-".to_owned(),
            service => terminal::fit(service, left / 2),
        };
        let colour = self.colours.get(line.span.service_name());
        let service_style = colour.map(|colour| colour.on_default()).unwrap_or_default();
        left = left.saturating_sub(terminal::width(&service));
        let note = line.note();
        let name = terminal::fit(&line.span.name, left.saturating_sub(1 + terminal::width(note)));
        let style = if line.is_error() { terminal::ERROR } else { Style::new() };
        let used = terminal::width(&name) + 1 + terminal::width(note);
        let note = terminal::fit(note, left.saturating_sub(1));
        let padding = " ".repeat(left.saturating_sub(used));
        let bar_style = if line.is_error() { terminal::ERROR } else { service_style };
        let before = " ".repeat(line.bar.start);
        let bar = "━".repeat(line.bar.len());
        let after = " ".repeat(self.bar_columns.saturating_sub(line.bar.end));
        let duration = ShortDuration(line.span.duration_nanos()).to_string();
        writeln!(
            out,
            "{found}{sign}{found:#}{faint}{tree}{faint:#}{service_style}{service}{service_style:#} \
             {style}{name}{note}{style:#}{padding} {before}{bar_style}{bar}{bar_style:#}{after} \
             {duration:>DURATION_COLUMNS$}"
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use treering::model::{Span, StatusCode};
    use treering::{Timestamp, TraceId};

    use super::*;

    fn span(number: u8, start: u64, end: u64, name: &str) -> Span {
        Span {
            span_id: SpanId::from_bytes([number; 8]),
            name: name.to_owned(),
            start: Timestamp::from_unix_nanos(start),
            end: Timestamp::from_unix_nanos(end),
            ..Span::default()
        }
    }

    /// The spans as a trace, each with the place of its parent; a store would make it.
    fn drawn(spans: &[Span], parents: &[Option<usize>], columns: usize) -> String {
        let parts = json!({ "id": TraceId::ZERO, "spans": spans, "parents": parents });
        let trace: Trace = serde_json::from_value(parts).unwrap();
        let mut text = Vec::new();
        let marked = BTreeSet::from([SpanId::from_bytes([2; 8])]);
        draw(&trace, &marked, columns, &mut anstream::StripStream::new(&mut text)).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_trace_is_drawn_as_a_tree_over_time() {
        let mut failed = span(3, 600_000_000, 1_000_000_000, "write\u{1b}[2J");
        failed.status.code = StatusCode::ERROR;
        let mut orphan = span(4, 900_000_000, 800_000_000, "orphan");
        orphan.parent_span_id = Some(SpanId::from_bytes([9; 8]));
        let spans =
            [span(1, 0, 1_000_000_000, "root"), span(2, 0, 500_000_000, "read"), failed, orphan];
        let text = drawn(&spans, &[None, Some(0), Some(0), None], 60);
        let expected = "\
trace 00000000000000000000000000000000
1970-01-01T00:00:00.000Z, 1s, 4 spans, 1 service, 1 error
  - root                       ━━━━━━━━━━━━━━━━━━━━       1s
▶ ├ - read                     ━━━━━━━━━━              500ms
  └ - write·[2J ✗                          ━━━━━━━━    400ms
  - orphan parent missing                        ━       0ns
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn deep_and_long_traces_stay_within_the_width() {
        let spans: Vec<Span> =
            (0..100_000).map(|n| span(1, n, u64::MAX, &"x".repeat(90))).collect();
        let parents: Vec<_> = (0..100_000_usize).map(|n| n.checked_sub(1)).collect();
        let text = drawn(&spans, &parents, 80);
        assert_eq!(text.lines().count(), 100_002);
        let widest = text.lines().skip(2).map(terminal::width).max().unwrap();
        assert!(widest <= 80, "{widest}");
        assert!(text.contains("⋯99999 "));
    }

    #[test]
    fn empty_and_narrow_drawings_are_drawn() {
        assert!(drawn(&[], &[], 0).contains("0 spans"));
        let text = drawn(&[span(1, 5, 5, "日本語")], &[None], 1);
        assert!(text.contains("日本語"), "{text}");
        assert!(text.contains("Z, 0ns, 1 span,"), "{text}");
    }
}
