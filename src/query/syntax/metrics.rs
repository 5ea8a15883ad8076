//! The abstract syntax of metrics queries.

/// A metrics query.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsExpr {}
