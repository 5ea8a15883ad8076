//! The metrics part of lowering. Invariant: `Steps` never holds `Steps`, and `compare` stands alone.

use super::explain::syntax;
use super::lower::{Part, PartKind, is_constant};
use super::{
    ArithmeticOp, MetricsExpr, MetricsExprKind, MetricsField, MetricsFunction, MetricsStep,
    Pipeline, TextRange, explain_kind,
};
use crate::query::QueryError;

/// `pipeline | function by (...)` with the steps that follow.
pub(super) fn function(
    pipeline: Pipeline,
    (function, by): (MetricsFunction, Vec<MetricsField>),
    steps: Vec<MetricsStep>,
    range: TextRange,
) -> Result<MetricsExpr, QueryError> {
    let kind = MetricsExprKind::Function { pipeline, function, by };
    with_steps(MetricsExpr { kind, range }, steps, range)
}

/// `query` with `steps` after it; `range` is where they stand.
pub(super) fn with_steps(
    query: MetricsExpr,
    steps: Vec<MetricsStep>,
    range: TextRange,
) -> Result<MetricsExpr, QueryError> {
    if steps.is_empty() {
        return Ok(query);
    }
    refuse_compare(&query, range)?;
    let whole = TextRange { start: query.range.start, end: range.end };
    let kind = match query.kind {
        MetricsExprKind::Steps { query, steps: mut before } => {
            before.extend(steps);
            MetricsExprKind::Steps { query, steps: before }
        }
        kind => MetricsExprKind::Steps {
            query: Box::new(MetricsExpr { kind, range: query.range }),
            steps,
        },
    };
    Ok(MetricsExpr { kind, range: whole })
}

/// Arithmetic of one rank, of which at least one operand is a metrics query.
pub(super) fn chain(
    parts: Vec<Part>,
    operators: Vec<ArithmeticOp>,
    range: TextRange,
) -> Result<MetricsExpr, QueryError> {
    let mut operands = Vec::with_capacity(parts.len());
    for part in parts {
        operands.push(match part.kind {
            PartKind::Metrics(metrics) => {
                refuse_compare(&metrics, part.range)?;
                MetricsExpr { range: part.range, ..metrics }
            }
            PartKind::Scalar(scalar) if is_constant(&scalar) => {
                MetricsExpr { range: scalar.range, kind: MetricsExprKind::Constant(scalar) }
            }
            kind => return Err(explain_kind::metrics_compared_with(&kind, part.range)),
        });
    }
    let mut operands = operands.into_iter();
    let Some(first) = operands.next() else {
        return Err(syntax(range, "there is nothing to compute with"));
    };
    let rest = operators.into_iter().zip(operands).collect();
    Ok(MetricsExpr { kind: MetricsExprKind::Chain { first: Box::new(first), rest }, range })
}

fn refuse_compare(query: &MetricsExpr, range: TextRange) -> Result<(), QueryError> {
    match &query.kind {
        MetricsExprKind::Function { function: MetricsFunction::Compare { .. }, .. } => {
            Err(syntax(range, "`compare` knows no second stage and no arithmetic")
                .with_help("let `compare(...)` end the query"))
        }
        _ => Ok(()),
    }
}
