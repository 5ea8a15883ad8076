//! Why a query cannot be run, where in its text, and what would be right. Invariant: the range lies
//! within the text the query was read from, on character boundaries.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::syntax::TextRange;

/// What is wrong with a query.
///
/// `Display` writes a word for programs, as serde does: `unknown_field`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QueryErrorKind {
    /// The text is not `TraceQL`.
    Syntax,
    /// Operands of types that never go together, or a part that is not boolean.
    Type,
    /// A field that does not exist, or an attribute without a scope.
    UnknownField,
    /// A regular expression that does not compile.
    Regex,
    /// A number or a duration that is out of range or malformed.
    Number,
    /// The query is too long or too deeply nested.
    Limit,
    /// The query is right, but a search cannot run it (yet).
    Unsupported,
}

impl QueryErrorKind {
    /// Every kind there is now.
    pub const ALL: [Self; 7] = [
        Self::Syntax,
        Self::Type,
        Self::UnknownField,
        Self::Regex,
        Self::Number,
        Self::Limit,
        Self::Unsupported,
    ];
}

impl fmt::Display for QueryErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Syntax => "syntax",
            Self::Type => "type",
            Self::UnknownField => "unknown_field",
            Self::Regex => "regex",
            Self::Number => "number",
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
        })
    }
}

/// An error in a query. `Display` is the message alone, in one line; [`QueryError::report`] shows
/// the place, and [`QueryError::help`] says what would be right. Serde writes `kind`, `message`, `help`,
/// and as `start` and `end` the range of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QueryError {
    kind: QueryErrorKind,
    message: String,
    help: Option<String>,
    start: usize,
    end: usize,
}

impl QueryError {
    /// An error of `kind` at `range`.
    pub(crate) fn new(kind: QueryErrorKind, range: TextRange, message: impl Into<String>) -> Self {
        let message = one_line(&message.into());
        Self { kind, message, help: None, start: range.start, end: range.end }
    }

    /// The same error, saying what would be right.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(one_line(&help.into()));
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> QueryErrorKind {
        self.kind
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would be right, in one line, where there is something to say.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The bytes of the query text that are wrong.
    pub fn range(&self) -> TextRange {
        TextRange { start: self.start, end: self.end }
    }

    /// The message, the line of `text` it is about with a run of carets under the wrong part, and the
    /// help. `text` is the text the query was read from. Ends without a line break.
    ///
    /// Columns count characters. A tab is shown as four blanks and a control character as one, so that
    /// the carets stand under what they mean wherever the report is shown. Where the wrong part goes
    /// over several lines its first line is shown; of a long line, the part around the carets.
    pub fn report(&self, text: &str) -> String {
        let place = Place::of(self.range(), text);
        let mut report = format!("error: {}", self.message);
        if let Some(number) = place.line_number {
            report.push_str("\n  at line ");
            report.push_str(&number.to_string());
        }
        report.push_str("\n  | ");
        report.push_str(place.shown.trim_end());
        report.push_str("\n  | ");
        report.push_str(&" ".repeat(place.caret_column));
        report.push_str(&"^".repeat(place.caret_width));
        if let Some(help) = &self.help {
            report.push_str("\n  = ");
            report.push_str(help);
        }
        report
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}

/// Most characters of a message or a help: they quote the text, which may be long.
const MESSAGE_CHARS_MAX: usize = 400;

/// `text` without line breaks and the like, cut where it is too long to be read.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(MESSAGE_CHARS_MAX)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if text.chars().nth(MESSAGE_CHARS_MAX).is_some() {
        line.push_str("...");
    }
    line
}

/// Most characters of a line that a report shows before and after the first caret.
const CONTEXT_CHARS_MAX: usize = 70;

/// A range as a person sees it: a line and columns.
struct Place {
    /// Counted from 1; none where the text has one line only.
    line_number: Option<usize>,
    shown: String,
    caret_column: usize,
    caret_width: usize,
}

impl Place {
    fn of(range: TextRange, text: &str) -> Self {
        let before = text.get(..range.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(line_start..).unwrap_or("").split('\n').next().unwrap_or("");
        let line_number = text.trim_end().contains('\n').then(|| before.matches('\n').count() + 1);
        let (mut left, mut marked, mut right) = (Vec::new(), Vec::new(), Vec::new());
        for (at, char) in line.char_indices() {
            let at = line_start + at;
            let part = match at {
                at if at < range.start => &mut left,
                at if at < range.end => &mut marked,
                _ => &mut right,
            };
            push_shown(part, char);
        }
        if left.len() > CONTEXT_CHARS_MAX {
            left.drain(..left.len() - CONTEXT_CHARS_MAX);
            left.splice(..3, ['.'; 3]);
        }
        marked.truncate(CONTEXT_CHARS_MAX);
        if right.len() > CONTEXT_CHARS_MAX {
            right.truncate(CONTEXT_CHARS_MAX);
            right.extend(['.'; 3]);
        }
        Self {
            line_number,
            caret_column: left.len(),
            caret_width: marked.len().max(1),
            shown: left.into_iter().chain(marked).chain(right).collect(),
        }
    }
}

fn push_shown(part: &mut Vec<char>, char: char) {
    match char {
        '\t' => part.extend([' '; 4]),
        '\r' => {}
        char if char.is_control() => part.push(' '),
        char => part.push(char),
    }
}

#[cfg(test)]
mod tests {
    use super::QueryErrorKind;

    #[test]
    fn all_kinds_are_listed() {
        for (at, kind) in QueryErrorKind::ALL.into_iter().enumerate() {
            // A new kind does not compile here until it has a place.
            let place = match kind {
                QueryErrorKind::Syntax => 0,
                QueryErrorKind::Type => 1,
                QueryErrorKind::UnknownField => 2,
                QueryErrorKind::Regex => 3,
                QueryErrorKind::Number => 4,
                QueryErrorKind::Limit => 5,
                QueryErrorKind::Unsupported => 6,
            };
            assert_eq!(at, place);
        }
    }
}
