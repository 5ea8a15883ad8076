//! A trace drawn as a waterfall: a line a span with its place in the tree, its service and name, and
//! a bar over the trace's time. Invariant: no line is wider than asked, and no work or memory grows
//! with a trace's depth beyond a few levels a line.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use treering::model::{Span, StatusCode, Trace};
use treering::{SpanId, Timestamp, TraceId};

use crate::{terminal, time};

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
    let parents = (0..trace.spans().len()).map(|position| trace.parent(position)).collect();
    Drawing::new(trace.id(), trace.spans(), parents, columns).draw(marked, out)
}

/// What all lines share.
struct Drawing<'t> {
    id: TraceId,
    spans: &'t [Span],
    parents: Vec<Option<usize>>,
    depths: Vec<usize>,
    /// Whether a span is the last child of its parent.
    last: Vec<bool>,
    colours: HashMap<&'t str, AnsiColor>,
    start: Timestamp,
    duration: u64,
    label_columns: usize,
    bar_columns: usize,
}

impl<'t> Drawing<'t> {
    fn new(id: TraceId, spans: &'t [Span], parents: Vec<Option<usize>>, columns: usize) -> Self {
        let start = spans.iter().map(|span| span.start).min().unwrap_or_default();
        let end = spans.iter().map(|span| span.end.max(span.start)).max().unwrap_or_default();
        let mut colours = HashMap::new();
        for span in spans {
            let next = COLOURS.get(colours.len() % COLOURS.len()).copied();
            colours.entry(span.service_name()).or_insert(next.unwrap_or(AnsiColor::Cyan));
        }
        let columns = columns.max(COLUMNS_MIN);
        let bar_columns = (columns / 3).min(60);
        // A sign and a blank; blanks around the bar; the duration.
        let label_columns = columns - bar_columns - 2 - 2 - DURATION_COLUMNS;
        let (depths, last) = shape(&parents);
        let duration = end.nanos_since(start);
        Self {
            id,
            spans,
            parents,
            depths,
            last,
            colours,
            start,
            duration,
            label_columns,
            bar_columns,
        }
    }

    fn draw(&self, marked: &BTreeSet<SpanId>, out: &mut impl Write) -> io::Result<()> {
        self.draw_header(out)?;
        for (position, span) in self.spans.iter().enumerate() {
            self.draw_span(position, span, marked.contains(&span.span_id), out)?;
        }
        Ok(())
    }

    fn draw_header(&self, out: &mut impl Write) -> io::Result<()> {
        let strong = terminal::STRONG;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let errors = self.spans.iter().filter(|span| is_error(span)).count();
        let spans = terminal::plural(count(self.spans.len()), "span");
        let services = terminal::plural(count(self.colours.len()), "service");
        let errors = terminal::plural(count(errors), "error");
        writeln!(out, "{strong}trace {}{strong:#}", self.id)?;
        let start = time::rfc3339(self.start, 3);
        let duration = time::short(self.duration);
        writeln!(out, "{start}, {duration}, {spans}, {services}, {errors}")
    }

    fn draw_span(
        &self,
        position: usize,
        span: &Span,
        marked: bool,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let (found, faint) = (terminal::FOUND, terminal::FAINT);
        let sign = if marked { "▶ " } else { "  " };
        let tree = self.tree(position);
        let mut left = self.label_columns.saturating_sub(terminal::width(&tree));
        let service = match span.service_name() {
            "" => "-".to_owned(),
            service => terminal::fit(service, left / 2),
        };
        let service_style = self.colours.get(span.service_name()).map(|colour| colour.on_default());
        let service_style = service_style.unwrap_or_default();
        left = left.saturating_sub(terminal::width(&service));
        let orphan = span.parent_span_id.is_some() && self.parent(position).is_none();
        let note = match (is_error(span), orphan) {
            (true, true) => " ✗ parent missing",
            (true, false) => " ✗",
            (false, true) => " parent missing",
            (false, false) => "",
        };
        let name = terminal::fit(&span.name, left.saturating_sub(1 + terminal::width(note)));
        let style = if is_error(span) { terminal::ERROR } else { Style::new() };
        let used = terminal::width(&name) + 1 + terminal::width(note);
        let note = terminal::fit(note, left.saturating_sub(1));
        let padding = " ".repeat(left.saturating_sub(used));
        let bar_style = if is_error(span) { terminal::ERROR } else { service_style };
        let (before, bar, after) = self.bar(span);
        writeln!(
            out,
            "{found}{sign}{found:#}{faint}{tree}{faint:#}{service_style}{service}{service_style:#} \
             {style}{name}{note}{style:#}{padding} {before}{bar_style}{bar}{bar_style:#}{after} \
             {:>DURATION_COLUMNS$}",
            time::short(span.duration_nanos())
        )
    }

    fn parent(&self, position: usize) -> Option<usize> {
        self.parents.get(position).copied().flatten()
    }

    fn is_last(&self, position: usize) -> bool {
        self.last.get(position).copied().unwrap_or(true)
    }

    /// The lines that lead to a span.
    fn tree(&self, position: usize) -> String {
        let depth = self.depths.get(position).copied().unwrap_or(0);
        if depth == 0 {
            return String::new();
        }
        // Where the label is narrow, fewer levels leave room for the name.
        let levels = LEVELS_MAX.min(self.label_columns / 6).max(2);
        let drawn = if depth > levels { levels / 2 } else { depth };
        let mut parts = vec![if self.is_last(position) { "└ " } else { "├ " }];
        let mut above = self.parent(position);
        while let Some(ancestor) = above
            && parts.len() < drawn
        {
            parts.push(if self.is_last(ancestor) { "  " } else { "│ " });
            above = self.parent(ancestor);
        }
        parts.reverse();
        let tree = parts.concat();
        if depth > levels { format!("⋯{depth} {tree}") } else { tree }
    }

    /// Blanks, bar and blanks, [`Drawing::bar_columns`] wide together. A bar is never empty.
    fn bar(&self, span: &Span) -> (String, String, String) {
        let columns = u128::try_from(self.bar_columns).unwrap_or(0);
        let column = |nanos: u64| u128::from(nanos) * columns / u128::from(self.duration.max(1));
        let from = span.start.nanos_since(self.start);
        let to = from.saturating_add(span.duration_nanos());
        let first = usize::try_from(column(from)).unwrap_or(0);
        let first = first.min(self.bar_columns.saturating_sub(1));
        let end = usize::try_from(column(to)).unwrap_or(self.bar_columns);
        let end = end.clamp(first + 1, self.bar_columns.max(first + 1));
        let after = self.bar_columns.saturating_sub(end);
        (" ".repeat(first), "━".repeat(end - first), " ".repeat(after))
    }
}

fn is_error(span: &Span) -> bool {
    span.status.code == StatusCode::ERROR
}

/// Depths of all spans, and whether each is its parent's last child.
fn shape(parents: &[Option<usize>]) -> (Vec<usize>, Vec<bool>) {
    let mut depths: Vec<usize> = Vec::with_capacity(parents.len());
    for parent in parents {
        depths.push(parent.and_then(|parent| depths.get(parent)).map_or(0, |depth| depth + 1));
    }
    let mut seen = vec![false; parents.len()];
    let mut last = vec![false; parents.len()];
    for (parent, last) in parents.iter().zip(&mut last).rev() {
        if let Some(seen) = parent.and_then(|parent| seen.get_mut(parent)) {
            *last = !std::mem::replace(seen, true);
        }
    }
    (depths, last)
}

#[cfg(test)]
mod tests {
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

    fn drawn(spans: &[Span], parents: Vec<Option<usize>>, columns: usize) -> String {
        let mut text = Vec::new();
        let drawing = Drawing::new(TraceId::ZERO, spans, parents, columns);
        let marked = BTreeSet::from([SpanId::from_bytes([2; 8])]);
        drawing.draw(&marked, &mut anstream::StripStream::new(&mut text)).unwrap();
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
        let text = drawn(&spans, vec![None, Some(0), Some(0), None], 60);
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
        let parents = (0..100_000_usize).map(|n| n.checked_sub(1)).collect();
        let text = drawn(&spans, parents, 80);
        assert_eq!(text.lines().count(), 100_002);
        let widest = text.lines().skip(2).map(terminal::width).max().unwrap();
        assert!(widest <= 80, "{widest}");
        assert!(text.contains("⋯99999 "));
    }

    #[test]
    fn empty_and_narrow_drawings_are_drawn() {
        assert!(drawn(&[], vec![], 0).contains("0 spans"));
        let text = drawn(&[span(1, 5, 5, "日本語")], vec![None], 1);
        assert!(text.contains("日本語"), "{text}");
        assert!(text.contains("Z, 0ns, 1 span,"), "{text}");
    }
}
