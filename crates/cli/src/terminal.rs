//! What is shown on terminals: widths, colours, text from traces. Invariant: no character of a trace
//! reaches a terminal as a control character, and no line is wider than asked.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use treering::model::OneLine;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns where stdout is no terminal.
const COLUMNS_PIPED: usize = 120;

/// One line, below the header.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Marks what went wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default();

/// Marks what a query found.
pub(crate) const FOUND: Style = AnsiColor::Yellow.on_default().bold();

/// Marks what frames the rest.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Marks headings.
pub(crate) const STRONG: Style = Style::new().bold();

/// Columns that output may take: the terminal's, or `COLUMNS`, or 120.
pub(crate) fn columns() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    terminal.filter(|_| std::io::stdout().is_terminal()).or(asked).unwrap_or(COLUMNS_PIPED)
}

/// [`columns`] where stdout is a terminal; in a pipe nothing needs to be cut.
pub(crate) fn columns_of_terminal() -> Option<usize> {
    std::io::stdout().is_terminal().then(columns)
}

/// `text` on one line, cut to `columns` with an ellipsis where it is wider.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let text = OneLine(text).to_string();
    if text.width() <= columns {
        return text;
    }
    let mut fitted = String::new();
    let mut width = 1;
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width > columns {
            break;
        }
        fitted.push(c);
    }
    if columns > 0 {
        fitted.push('…');
    }
    fitted
}

/// The columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A table without frames whose rows are one line each, however wide.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().copied());
    table
}

/// `count` with commas.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `count` of `noun`, which takes an `s` for all but one.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// `part` divided by `whole`; 0 for none. Loses digits beyond the 15th.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How many of `count` fell on each second.
pub(crate) fn per_second(count: u64, time: std::time::Duration) -> u64 {
    let per_second = u128::from(count) * 1_000_000_000 / time.as_nanos().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_and_cut_by_columns() {
        assert_eq!(fit("a\u{1b}[31mb\n", 9), "a·[31mb·");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(plural(1, "span"), "1 span");
        assert_eq!(plural(2_000, "span"), "2,000 spans");
    }
}
