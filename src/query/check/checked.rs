//! A query whose types fit. Invariant: only `check` makes one.

use std::fmt;

use super::checker::Checker;
use crate::query::syntax::{self, Query};
use crate::query::{Pattern, QueryError, QueryErrorKind};

/// A query that was read and whose types fit. `Display` is its canonical text.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedQuery {
    query: Query,
    warnings: Vec<String>,
    /// Its patterns, compiled.
    patterns: Vec<Pattern>,
}

impl CheckedQuery {
    /// The tree.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Its patterns, compiled: what they are found to match is asked of these.
    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// What is legal and probably not meant.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Display for CheckedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.query)
    }
}

/// Reads and checks a query.
///
/// # Errors
/// If the text is not `TraceQL`, its types do not fit, or it is beyond a limit.
pub fn check(text: &str) -> Result<CheckedQuery, QueryError> {
    let query = syntax::parse(text)?;
    let mut checker = Checker::new(text);
    checker.query(&query)?;
    Ok(CheckedQuery { query, warnings: checker.warnings, patterns: checker.patterns })
}

/// Refuses a query that is right but no search.
///
/// # Errors
/// If `query` is a metrics query.
pub fn check_search(query: &CheckedQuery) -> Result<(), QueryError> {
    match &query.query {
        Query::Search(..) => Ok(()),
        Query::Metrics(metrics, _) => Err(QueryError::new(
            QueryErrorKind::Unsupported,
            metrics.range,
            "this is a metrics query, and a search is asked for",
        )
        .with_help("leave out the metrics function to find the spans it counts")),
    }
}
