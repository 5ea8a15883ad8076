//! The abstract syntax of metrics queries. Invariant: a constant stands only beside a query that is
//! not one, so every metrics query has at least one function.

#![expect(clippy::exhaustive_structs, reason = "a tree may be put together by others and printed")]

use super::{
    AggregateOp, ArithmeticOp, CompareOp, Field, FieldExpr, Pipeline, ScalarExpr, TextRange,
};

/// A metrics query.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsExpr {
    /// What it is.
    pub kind: MetricsExprKind,
    /// Where it stands in the query text.
    pub range: TextRange,
}

/// The kinds of [`MetricsExpr`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricsExprKind {
    /// `pipeline | function by (field, ...)`.
    Function {
        /// The spans it counts.
        pipeline: Pipeline,
        /// What it computes of them.
        function: MetricsFunction,
        /// The fields that make its series; none for one series.
        by: Vec<MetricsField>,
    },
    /// `query | step ...`: the steps apply to the whole of the query, left to right.
    Steps {
        /// What they apply to; never itself `Steps`.
        query: Box<MetricsExpr>,
        /// The steps; at least one.
        steps: Vec<MetricsStep>,
    },
    /// A constant operand.
    Constant(ScalarExpr),
    /// `first op next op next ...`, operators of one precedence level, left-associative: metrics
    /// queries in parentheses and constants.
    Chain {
        /// The leftmost operand.
        first: Box<MetricsExpr>,
        /// The others, each with the operator before it; at least one. Never `%` or `^`.
        rest: Vec<(ArithmeticOp, MetricsExpr)>,
    },
}

/// A field that a metrics function names, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsField {
    /// The field.
    pub field: Field,
    /// Where it stands in the query text.
    pub range: TextRange,
}

/// A function from spans to series.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricsFunction {
    /// `rate()`
    Rate,
    /// `count_over_time()`
    Count,
    /// `min_over_time(f)` and the like.
    Aggregate(AggregateOp, MetricsField),
    /// `quantile_over_time(f, q, ...)`: at least one q, each from 0 to 1.
    Quantile(MetricsField, Vec<f64>),
    /// `histogram_over_time(f)`
    Histogram(MetricsField),
    /// `compare({ selection }, top, start, end)`
    Compare {
        /// What the selected spans satisfy.
        selection: FieldExpr,
        /// How many values of an attribute are shown: 1 to 1000; 10 where not said.
        top: Option<u32>,
        /// Only spans whose start lies in (start, end], in nanoseconds, are selected.
        window: Option<(i64, i64)>,
    },
}

/// What follows a metrics query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricsStep {
    /// `topk(n)`: n is at least 1.
    TopK(u32),
    /// `bottomk(n)`: n is at least 1.
    BottomK(u32),
    /// `cmp constant`: never a regex operator.
    Compare(CompareOp, ScalarExpr),
}
