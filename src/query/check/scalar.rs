//! Scalars and metrics queries. Invariant: a constant that passes here has a value, and one that
//! stands beside an aggregate or a query is a finite number.

use super::checker::Checker;
use super::types::{Type, of_field, type_error};
use crate::codec::cast;
use crate::query::syntax::{
    ArithmeticOp, FieldExpr, FieldExprKind, Literal, MetricsExpr, MetricsExprKind, MetricsField,
    MetricsFunction, MetricsStep, ScalarExpr, ScalarExprKind, ScalarFilter, TextRange, ValueType,
};
use crate::query::{QueryError, QueryErrorKind};

impl Checker<'_> {
    pub(super) fn filter(&mut self, filter: &ScalarFilter) -> Result<(), QueryError> {
        let left = self.scalar(&filter.left)?;
        let right = self.scalar(&filter.right)?;
        let whole = TextRange { start: filter.left.range.start, end: filter.right.range.end };
        match (left, right) {
            (Some(_), Some(_)) => {
                Err(QueryError::new(QueryErrorKind::Type, whole, "this compares two constants")
                    .with_help("one side says something of the spans: `count() > 2`"))
            }
            (None, Some(number)) => {
                self.warn_aggregate(&filter.left, &number);
                Ok(())
            }
            (Some(number), None) => {
                self.warn_aggregate(&filter.right, &number);
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }

    fn warn_aggregate(&mut self, scalar: &ScalarExpr, number: &Literal) {
        if let ScalarExprKind::Aggregate(_, FieldExpr { kind: FieldExprKind::Field(field), .. }) =
            &scalar.kind
            && of_field(field) == Type::Known(ValueType::Duration)
        {
            self.warn_number(scalar, number);
        }
    }

    /// Checks `scalar`; its value where it is a constant.
    fn scalar(&mut self, scalar: &ScalarExpr) -> Result<Option<Literal>, QueryError> {
        match &scalar.kind {
            ScalarExprKind::Literal(value) => Ok(Some(value.clone())),
            ScalarExprKind::Count => Ok(None),
            ScalarExprKind::Aggregate(op, expr) => {
                let found = self.value_of_field(expr, &op.to_string())?;
                if found == Type::Any || found.is_numeric() {
                    return Ok(None);
                }
                Err(type_error(
                    expr,
                    format!("`{op}` takes numbers, and this is {}", found.describe()),
                ))
            }
            ScalarExprKind::Pipeline(pipeline, inner) => {
                self.pipeline(pipeline)?;
                self.scalar(inner)?;
                Ok(None)
            }
            ScalarExprKind::Negate(inner) => {
                self.scalar(inner)?.map(|value| negated(value, scalar.range)).transpose()
            }
            ScalarExprKind::Chain { first, rest } => {
                let mut left = self.scalar(first)?;
                for (op, next) in rest {
                    let range = TextRange { start: first.range.start, end: next.range.end };
                    left = match (left, self.scalar(next)?) {
                        (Some(left), Some(right)) => Some(computed(&left, *op, &right, range)?),
                        _ => None,
                    };
                }
                Ok(left)
            }
        }
    }

    pub(super) fn metrics(&mut self, metrics: &MetricsExpr) -> Result<(), QueryError> {
        match &metrics.kind {
            MetricsExprKind::Function { pipeline, function, by } => {
                self.pipeline(pipeline)?;
                self.function(function)?;
                by.iter().for_each(|by| self.note_field(&by.field));
                Ok(())
            }
            MetricsExprKind::Steps { query, steps } => {
                self.metrics(query)?;
                steps.iter().try_for_each(|step| match step {
                    MetricsStep::Compare(_, constant) => self.scalar(constant).map(|_| ()),
                    MetricsStep::TopK(_) | MetricsStep::BottomK(_) => Ok(()),
                })
            }
            MetricsExprKind::Constant(constant) => match self.scalar(constant)? {
                Some(Literal::Duration(_)) => Err(duration_arithmetic(constant.range)),
                _ => Ok(()),
            },
            MetricsExprKind::Chain { first, rest } => {
                self.metrics(first)?;
                rest.iter().try_for_each(|(_, next)| self.metrics(next))?;
                constant_start(first, rest)
            }
        }
    }

    fn function(&mut self, function: &MetricsFunction) -> Result<(), QueryError> {
        match function {
            MetricsFunction::Rate | MetricsFunction::Count => Ok(()),
            MetricsFunction::Aggregate(_, field)
            | MetricsFunction::Quantile(field, _)
            | MetricsFunction::Histogram(field) => self.numeric_field(field),
            MetricsFunction::Compare { selection, .. } => self.condition(selection),
        }
    }

    fn numeric_field(&mut self, field: &MetricsField) -> Result<(), QueryError> {
        self.note_field(&field.field);
        let found = of_field(&field.field);
        if found == Type::Any || found.is_numeric() {
            return Ok(());
        }
        Err(QueryError::new(
            QueryErrorKind::Type,
            field.range,
            format!("this function takes a number, and `{}` is {}", field.field, found.describe()),
        ))
    }
}

/// The value of a constant of a query that was checked; none where `scalar` is no constant.
pub(crate) fn constant_value(scalar: &ScalarExpr) -> Option<Literal> {
    match &scalar.kind {
        ScalarExprKind::Literal(value) => Some(value.clone()),
        ScalarExprKind::Negate(inner) => negated(constant_value(inner)?, scalar.range).ok(),
        ScalarExprKind::Chain { first, rest } => {
            rest.iter().try_fold(constant_value(first)?, |left, (op, next)| {
                computed(&left, *op, &constant_value(next)?, scalar.range).ok()
            })
        }
        ScalarExprKind::Count | ScalarExprKind::Aggregate(..) | ScalarExprKind::Pipeline(..) => {
            None
        }
    }
}

fn number_error(range: TextRange, message: &str) -> QueryError {
    QueryError::new(QueryErrorKind::Number, range, message)
}

fn duration_arithmetic(range: TextRange) -> QueryError {
    QueryError::new(
        QueryErrorKind::Type,
        range,
        "constants that are durations are not computed with",
    )
    .with_help("write the result: `90s` for `1m + 30s`")
}

fn negated(value: Literal, range: TextRange) -> Result<Literal, QueryError> {
    let negated = match value {
        Literal::Int(value) => value.checked_neg().map(Literal::Int),
        Literal::Float(value) => Some(Literal::Float(-value)),
        Literal::Duration(value) => value.checked_neg().map(Literal::Duration),
        _ => None,
    };
    negated.ok_or_else(|| number_error(range, "this constant overflows"))
}

fn computed(
    left: &Literal,
    op: ArithmeticOp,
    right: &Literal,
    range: TextRange,
) -> Result<Literal, QueryError> {
    let float = |value: &Literal| match value {
        Literal::Int(value) => Some(cast::nearest_f64(*value)),
        Literal::Float(value) => Some(*value),
        _ => None,
    };
    if let (Literal::Int(left), Literal::Int(right)) = (left, right) {
        if *right == 0 && op == ArithmeticOp::Divide {
            return Err(number_error(range, "this constant is divided by zero"));
        }
        let value = match op {
            ArithmeticOp::Add => left.checked_add(*right),
            ArithmeticOp::Subtract => left.checked_sub(*right),
            ArithmeticOp::Multiply => left.checked_mul(*right),
            ArithmeticOp::Divide => left.checked_div(*right),
            ArithmeticOp::Modulo | ArithmeticOp::Power => None,
        };
        let overflow = || number_error(range, "this constant overflows a 64-bit integer");
        return value.map(Literal::Int).ok_or_else(overflow);
    }
    let (Some(left), Some(right)) = (float(left), float(right)) else {
        return Err(duration_arithmetic(range));
    };
    let value = match op {
        ArithmeticOp::Add => left + right,
        ArithmeticOp::Subtract => left - right,
        ArithmeticOp::Multiply => left * right,
        ArithmeticOp::Divide => left / right,
        ArithmeticOp::Modulo | ArithmeticOp::Power => f64::NAN,
    };
    if value.is_finite() {
        return Ok(Literal::Float(value));
    }
    Err(number_error(range, "this constant is no finite number"))
}

/// The constants that a chain begins with are computed before the first query.
fn constant_start(
    first: &MetricsExpr,
    rest: &[(ArithmeticOp, MetricsExpr)],
) -> Result<(), QueryError> {
    let MetricsExprKind::Constant(constant) = &first.kind else { return Ok(()) };
    let Some(mut value) = constant_value(constant) else { return Ok(()) };
    for (op, next) in rest {
        let MetricsExprKind::Constant(constant) = &next.kind else { return Ok(()) };
        let Some(right) = constant_value(constant) else { return Ok(()) };
        let range = TextRange { start: first.range.start, end: next.range.end };
        value = computed(&value, *op, &right, range)?;
    }
    Ok(())
}
