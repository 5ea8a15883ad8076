//! Metrics queries as text. Invariant: as `print`'s.

use std::fmt::{self, Display, Formatter};

use super::print::write_list;
use super::{
    ArithmeticOp, MetricsExpr, MetricsExprKind, MetricsField, MetricsFunction, MetricsStep,
};

impl Display for MetricsExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            MetricsExprKind::Function { pipeline, function, by } => {
                write!(f, "{pipeline} | {function}")?;
                if by.is_empty() {
                    return Ok(());
                }
                f.write_str(" by (")?;
                write_list(f, by)?;
                f.write_str(")")
            }
            MetricsExprKind::Steps { query, steps } => {
                write!(f, "{query}")?;
                for step in steps {
                    write!(f, "{step}")?;
                }
                Ok(())
            }
            MetricsExprKind::Constant(constant) => write!(f, "{constant}"),
            MetricsExprKind::Chain { first, rest } => {
                let tight = rest.iter().all(|(op, _)| is_tight(*op));
                write_operand(f, first, tight)?;
                for (op, next) in rest {
                    write!(f, " {op} ")?;
                    write_operand(f, next, tight)?;
                }
                Ok(())
            }
        }
    }
}

/// Whether an operator ranks above `+` and `-`.
fn is_tight(op: ArithmeticOp) -> bool {
    !matches!(op, ArithmeticOp::Add | ArithmeticOp::Subtract)
}

/// Writes an operand of a chain, which is one of `* /` where it is `within_tight`.
fn write_operand(f: &mut Formatter<'_>, expr: &MetricsExpr, within_tight: bool) -> fmt::Result {
    let bare = match &expr.kind {
        MetricsExprKind::Chain { rest, .. } => {
            !within_tight && rest.iter().all(|(op, _)| is_tight(*op))
        }
        MetricsExprKind::Constant(constant) => constant.is_single(),
        _ => false,
    };
    if bare { write!(f, "{expr}") } else { write!(f, "({expr})") }
}

impl Display for MetricsField {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field)
    }
}

impl Display for MetricsFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate => f.write_str("rate()"),
            Self::Count => f.write_str("count_over_time()"),
            Self::Aggregate(op, field) => write!(f, "{op}_over_time({field})"),
            Self::Quantile(field, quantiles) => {
                write!(f, "quantile_over_time({field}")?;
                quantiles.iter().try_for_each(|q| write!(f, ", {q:?}"))?;
                f.write_str(")")
            }
            Self::Histogram(field) => write!(f, "histogram_over_time({field})"),
            Self::Compare { selection, top, window } => {
                write!(f, "compare({{ {selection} }}")?;
                if let Some(top) = top {
                    write!(f, ", {top}")?;
                }
                if let Some((start, end)) = window {
                    write!(f, ", {start}, {end}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Display for MetricsStep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopK(count) => write!(f, " | topk({count})"),
            Self::BottomK(count) => write!(f, " | bottomk({count})"),
            Self::Compare(op, constant) => write!(f, " {op} {constant}"),
        }
    }
}
