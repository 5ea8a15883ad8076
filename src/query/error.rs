//! Why a query cannot be run, where in its text, and what would be right.

use std::fmt;

use super::syntax::TextRange;

/// What is wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// An error in a query. `Display` is the message alone; [`QueryError::report`] shows the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    kind: QueryErrorKind,
    message: String,
    range: (usize, usize),
}

impl QueryError {
    /// An error of `kind` at `range`.
    pub(crate) fn new(kind: QueryErrorKind, range: TextRange, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), range: (range.start, range.end) }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> QueryErrorKind {
        self.kind
    }

    /// What is wrong and what would be right, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes of the query text that are wrong.
    pub fn range(&self) -> TextRange {
        TextRange { start: self.range.0, end: self.range.1 }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}
