//! A trace laid out for people: a line a span with its place in the tree, and a bar over the trace's
//! time. Invariant: neither work nor memory grows with a trace's depth beyond a few levels a line, and
//! no character of a span is written as a control character.

use std::fmt;
use std::ops::Range;

use super::{OneLine, Span, StatusCode, Trace};
use crate::codec::cast::u64_of;
use crate::time::Timestamp;

/// Columns of the text that `Display` writes: what there is of service and name,
const LABEL_COLUMNS: usize = 58;
/// and the bar.
const BAR_COLUMNS: usize = 30;
/// Levels drawn as lines of the tree; of deeper spans half as many, and the depth.
const LEVELS_MAX: usize = 12;

/// A trace laid out as lines, from [`Trace::waterfall`]. `Display` draws it.
///
/// ```
/// # use treering::model::Trace;
/// fn draw(trace: &Trace) {
///     let waterfall = trace.waterfall().bar_columns(40);
///     for line in waterfall.lines() {
///         let bar = " ".repeat(line.bar.start) + &"=".repeat(line.bar.len());
///         println!("{bar:<40} {}{}{}", line.tree, line.span.name, line.note());
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Waterfall<'t> {
    trace: &'t Trace,
    depths: Vec<usize>,
    /// Whether a span is the last child of its parent.
    is_last: Vec<bool>,
    start: Timestamp,
    duration_nanos: u64,
    bar_columns: usize,
    levels_max: usize,
}

/// A line of a [`Waterfall`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaterfallLine<'t> {
    /// The span.
    pub span: &'t Span,
    /// What leads to it from its ancestors: `│ ├ `; for deep spans the depth and the innermost levels.
    pub tree: String,
    /// True if it has a parent that is not stored.
    pub is_orphan: bool,
    /// The columns of its bar, of as many as were asked for; never empty.
    pub bar: Range<usize>,
}

impl WaterfallLine<'_> {
    /// True if the span's status says that it failed.
    pub fn is_error(&self) -> bool {
        self.span.status.code == StatusCode::ERROR
    }

    /// What to say after the name: ` ✗` where the span failed, ` parent missing` where it is an
    /// orphan; empty where there is nothing to say.
    pub fn note(&self) -> &'static str {
        match (self.is_error(), self.is_orphan) {
            (true, true) => " ✗ parent missing",
            (true, false) => " ✗",
            (false, true) => " parent missing",
            (false, false) => "",
        }
    }
}

impl Trace {
    /// The trace laid out as lines. `Display` writes it so.
    pub fn waterfall(&self) -> Waterfall<'_> {
        let spans = self.spans();
        let start = spans.iter().map(|span| span.start).min().unwrap_or_default();
        let end = spans.iter().map(|span| span.end.max(span.start)).max().unwrap_or_default();
        let mut has_later = vec![false; spans.len()];
        let mut is_last = vec![false; spans.len()];
        for (position, is_last) in is_last.iter_mut().enumerate().rev() {
            let later = self.parent(position).and_then(|parent| has_later.get_mut(parent));
            *is_last = later.is_some_and(|later| !std::mem::replace(later, true));
        }
        Waterfall {
            trace: self,
            depths: self.depths(),
            is_last,
            start,
            duration_nanos: end.nanos_since(start),
            bar_columns: BAR_COLUMNS,
            levels_max: LEVELS_MAX,
        }
    }
}

impl<'t> Waterfall<'t> {
    /// The same with bars of at most so many columns, at least 1; 30 unless said.
    #[must_use]
    pub fn bar_columns(self, columns: usize) -> Self {
        Self { bar_columns: columns.max(1), ..self }
    }

    /// The same with trees of at most so many levels, at least 2; 12 unless said. Of a deeper span half
    /// as many are drawn, after its depth.
    #[must_use]
    pub fn levels_max(self, levels: usize) -> Self {
        Self { levels_max: levels.max(2), ..self }
    }

    /// Earliest start of the spans.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Latest end minus earliest start, in nanoseconds.
    pub fn duration_nanos(&self) -> u64 {
        self.duration_nanos
    }

    /// A line for each span, in the trace's order.
    pub fn lines(&self) -> impl Iterator<Item = WaterfallLine<'t>> {
        self.trace.spans().iter().enumerate().map(|(position, span)| WaterfallLine {
            span,
            tree: self.tree(position),
            is_orphan: span.parent_span_id.is_some() && self.trace.parent(position).is_none(),
            bar: self.bar(span),
        })
    }

    fn tree(&self, position: usize) -> String {
        let depth = self.depths.get(position).copied().unwrap_or(0);
        if depth == 0 {
            return String::new();
        }
        let is_last = |position: usize| self.is_last.get(position).copied().unwrap_or(true);
        let drawn = if depth > self.levels_max { self.levels_max / 2 } else { depth };
        let mut parts = vec![if is_last(position) { "└ " } else { "├ " }];
        let mut above = self.trace.parent(position);
        while let Some(ancestor) = above
            && parts.len() < drawn
        {
            parts.push(if is_last(ancestor) { "  " } else { "│ " });
            above = self.trace.parent(ancestor);
        }
        parts.reverse();
        let tree = parts.concat();
        if depth > self.levels_max { format!("⋯{depth} {tree}") } else { tree }
    }

    fn bar(&self, span: &Span) -> Range<usize> {
        let columns = u128::from(u64_of(self.bar_columns));
        let column = |nanos: u64| {
            let column = u128::from(nanos) * columns / u128::from(self.duration_nanos.max(1));
            usize::try_from(column).unwrap_or(self.bar_columns)
        };
        let from = span.start.nanos_since(self.start);
        let first = column(from).min(self.bar_columns - 1);
        let end = column(from.saturating_add(span.duration_nanos()));
        first..end.clamp(first + 1, self.bar_columns)
    }
}

/// A waterfall, as of a trace: id, start, duration, and of each span a line.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.waterfall())
    }
}

impl fmt::Display for Waterfall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "trace {}", self.trace.id())?;
        let spans = self.trace.spans();
        let plural = if spans.len() == 1 { "" } else { "s" };
        let duration = ShortDuration(self.duration_nanos);
        writeln!(f, "{:.3}, {duration}, {} span{plural}", self.start, spans.len())?;
        for line in self.lines() {
            self.write_line(&line, f)?;
        }
        Ok(())
    }
}

impl Waterfall<'_> {
    fn write_line(&self, line: &WaterfallLine<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = match line.span.service_name() {
            "" => "-",
            service => service,
        };
        let note = line.note();
        let room = LABEL_COLUMNS.saturating_sub(line.tree.chars().count() + note.chars().count());
        let service = fitting(service, room / 2);
        let name = fitting(&line.span.name, room.saturating_sub(service.chars().count() + 1));
        let label = format!("{}{service} {name}{note}", line.tree);
        let bar = line.bar.clone();
        let (before, after) = (bar.start, self.bar_columns.saturating_sub(bar.end));
        let drawn = "━".repeat(bar.len());
        let duration = ShortDuration(line.span.duration_nanos()).to_string();
        writeln!(f, "{label:<LABEL_COLUMNS$} {:before$}{drawn}{:after$} {duration:>8}", "", "")
    }
}

/// `text` on one line, cut to so many characters.
fn fitting(text: &str, chars_max: usize) -> String {
    let clean = OneLine(text).to_string();
    if clean.chars().nth(chars_max).is_none() {
        return clean;
    }
    clean.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

/// Nanoseconds as people write a length of time: with three digits, the others cut off, so that nothing
/// seems longer than it was. `12.3µs`, `1.5s`, `1m40s`, `2h02m`, `17d03h`.
///
/// ```
/// use treering::model::ShortDuration;
///
/// assert_eq!(ShortDuration(1_234_567).to_string(), "1.23ms");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "it only says how the number is shown")]
pub struct ShortDuration(pub u64);

impl fmt::Display for ShortDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        let nanos = self.0;
        if nanos >= 100 * SECOND {
            let seconds = nanos / SECOND;
            return match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
                (0, minutes, seconds) => write!(f, "{minutes}m{seconds:02}s"),
                (hours, minutes, _) if hours < 100 => write!(f, "{hours}h{minutes:02}m"),
                (hours, ..) if hours < 2400 => write!(f, "{}d{:02}h", hours / 24, hours % 24),
                (hours, ..) => write!(f, "{}d", hours / 24),
            };
        }
        let (unit, places) = match nanos {
            0..1_000 => return write!(f, "{nanos}ns"),
            1_000..1_000_000 => ("µs", 3_u8),
            1_000_000..SECOND => ("ms", 6),
            _ => ("s", 9),
        };
        let one = 10_u64.pow(places.into());
        let step = 10_u64.pow(nanos.ilog10().saturating_sub(2));
        let nanos = nanos / step * step;
        let digits = format!("{:0width$}", nanos % one, width = usize::from(places));
        let fraction = digits.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction}{unit}", nanos / one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};

    fn span(number: u8, start: u64, end: u64, name: &str) -> Span {
        Span {
            span_id: SpanId::from_bytes([number; 8]),
            name: name.to_owned(),
            start: Timestamp::from_unix_nanos(start),
            end: Timestamp::from_unix_nanos(end),
            ..Span::default()
        }
    }

    #[test]
    fn a_trace_is_shown_as_a_tree_over_time() {
        let mut failed = span(3, 600_000_000, 1_000_000_000, "write\u{1b}[2J");
        failed.status.code = StatusCode::ERROR;
        let mut orphan = span(4, 900_000_000, 800_000_000, &"long ".repeat(20));
        orphan.parent_span_id = Some(SpanId::from_bytes([9; 8]));
        let root = span(1, 0, 1_000_000_000, "root");
        let spans = vec![root, span(2, 0, 500_000_000, "read"), failed, orphan];
        let trace = Trace::new(TraceId::ZERO, spans, vec![None, Some(0), Some(0), None]);
        let expected = "\
trace 00000000000000000000000000000000
1970-01-01T00:00:00.000Z, 1s, 4 spans
- root                                                     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━       1s
├ - read                                                   ━━━━━━━━━━━━━━━                   500ms
└ - write·[2J ✗                                                              ━━━━━━━━━━━━    400ms
- long long long long long long long long … parent missing                            ━        0ns
";
        let text = trace.to_string();
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn deep_traces_and_empty_ones_are_shown() {
        let spans: Vec<Span> = (0..50_000).map(|n| span(1, n, u64::MAX, "deep")).collect();
        let parents = (0..50_000_usize).map(|n| n.checked_sub(1)).collect();
        let text = Trace::new(TraceId::ZERO, spans, parents).to_string();
        assert!(text.contains("⋯49999 "));
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(LABEL_COLUMNS + BAR_COLUMNS + 10), "{widest:?}");
        let empty = Trace::new(TraceId::ZERO, Vec::new(), Vec::new()).to_string();
        assert!(empty.ends_with("0ns, 0 spans\n"), "{empty}");
    }

    #[test]
    fn lengths_of_time_have_three_digits() {
        let nanos = [0, 12_345, 1_234_567, 99_999_999_999, 100_000_000_000, 7_321_000_000_000];
        let texts = nanos.map(|nanos| ShortDuration(nanos).to_string());
        assert_eq!(texts, ["0ns", "12.3µs", "1.23ms", "99.9s", "1m40s", "2h02m"]);
        assert_eq!(ShortDuration(u64::MAX).to_string(), "213503d");
    }
}
