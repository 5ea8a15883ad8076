//! Calls: every function of the language with its arguments. Invariant: a number that a function
//! takes is within its bounds once it is in the tree.

use super::explain::syntax;
use super::lower::PartKind;
use super::phrase::{Argument, Call};
use super::{
    AggregateOp, FieldExpr, FieldExprKind, Literal, MetricsField, MetricsFunction, MetricsStep,
    ScalarExpr, ScalarExprKind, SpansetExpr, Stage, TextRange, UnaryOp, explain_kind,
};
use crate::query::{QueryError, QueryErrorKind};

/// Most values that `compare` shows of an attribute.
const COMPARE_TOP_MAX: i64 = 1_000;
/// Most fields of a metrics query's `by`.
const BY_FIELDS_MAX: usize = 5;

/// What `call` is.
pub(super) fn call(mut call: Call, range: TextRange) -> Result<PartKind, QueryError> {
    let by = call.by.take();
    let kind = match call.name.as_str() {
        "count" => {
            no_arguments(&call)?;
            PartKind::Scalar(ScalarExpr { kind: ScalarExprKind::Count, range })
        }
        "avg" => aggregate(AggregateOp::Avg, call, range)?,
        "max" => aggregate(AggregateOp::Max, call, range)?,
        "min" => aggregate(AggregateOp::Min, call, range)?,
        "sum" => aggregate(AggregateOp::Sum, call, range)?,
        "by" => PartKind::Stage(Stage::By(one_expression(call)?)),
        "coalesce" => {
            no_arguments(&call)?;
            PartKind::Stage(Stage::Coalesce)
        }
        "select" => {
            let fields = plain_fields(call.arguments, call.name_range, "select")?;
            PartKind::Stage(Stage::Select(fields.into_iter().map(|placed| placed.field).collect()))
        }
        "topk" => PartKind::Steps(vec![MetricsStep::TopK(step_count(&call)?)]),
        "bottomk" => PartKind::Steps(vec![MetricsStep::BottomK(step_count(&call)?)]),
        _ => {
            let function = metrics_function(call)?;
            if let (MetricsFunction::Compare { .. }, Some((_, range))) = (&function, &by) {
                return Err(syntax(*range, "`compare` is not followed by `by (...)`")
                    .with_help("it compares every attribute by itself"));
            }
            let by = by.map(by_fields).transpose()?.unwrap_or_default();
            return Ok(PartKind::Function(function, by, Vec::new()));
        }
    };
    match by {
        Some((_, range)) => {
            Err(syntax(range, "only a metrics function can be followed by `by (...)`")
                .with_help("put `| by(...)` before it: `{ } | by(name) | count() > 2`"))
        }
        None => Ok(kind),
    }
}

fn metrics_function(call: Call) -> Result<MetricsFunction, QueryError> {
    let aggregate = |op, call| Ok(MetricsFunction::Aggregate(op, one_field(call)?));
    match call.name.as_str() {
        "rate" => no_arguments(&call).map(|()| MetricsFunction::Rate),
        "count_over_time" => no_arguments(&call).map(|()| MetricsFunction::Count),
        "avg_over_time" => aggregate(AggregateOp::Avg, call),
        "max_over_time" => aggregate(AggregateOp::Max, call),
        "min_over_time" => aggregate(AggregateOp::Min, call),
        "sum_over_time" => aggregate(AggregateOp::Sum, call),
        "histogram_over_time" => one_field(call).map(MetricsFunction::Histogram),
        "quantile_over_time" => quantile(call),
        "compare" => compare(call),
        _ => Err(explain_kind::unknown_function(&call.name, call.name_range)),
    }
}

fn wrong_arguments(name: &str, range: TextRange, right: &str) -> QueryError {
    syntax(range, format!("`{name}` does not take these arguments"))
        .with_help(format!("write `{right}`"))
}

fn no_arguments(call: &Call) -> Result<(), QueryError> {
    let Some(argument) = call.arguments.first() else { return Ok(()) };
    let error = syntax(argument.range(), format!("`{}` takes no argument", call.name));
    Err(match argument {
        Argument::Field(FieldExpr {
            kind: FieldExprKind::Literal(Literal::Duration(_)), ..
        }) => error.with_help(format!(
            "write `{}()`; how long a step is, is no part of the query",
            call.name
        )),
        Argument::Field(_) => error.with_help(format!("write `{}()`", call.name)),
        Argument::Braces(expr, _) => {
            let spans = SpansetExpr::Filter(expr.clone());
            error.with_help(format!("spans come before it: `{spans} | {}()`", call.name))
        }
    })
}

fn one_expression(call: Call) -> Result<FieldExpr, QueryError> {
    let example =
        if call.name == "by" { "by(name)".into() } else { format!("{}(duration)", call.name) };
    let mut arguments = call.arguments.into_iter();
    match (arguments.next(), arguments.next()) {
        (Some(Argument::Field(expr)), None) => Ok(expr),
        (None, _) => Err(syntax(call.name_range, format!("`{}` needs an expression", call.name))
            .with_help(format!("such as `{example}`"))),
        (Some(Argument::Braces(_, range)), _) => {
            Err(syntax(range, format!("`{}` takes an expression without braces", call.name))
                .with_help(format!("such as `{example}`")))
        }
        (Some(Argument::Field(first)), Some(Argument::Field(second))) if call.name == "by" => {
            Err(syntax(second.range, "`by` takes one expression")
                .with_help(format!("write `by({first}) | by({second})`")))
        }
        (_, Some(second)) => {
            Err(syntax(second.range(), format!("`{}` takes one expression", call.name))
                .with_help(format!("such as `{example}`")))
        }
    }
}

fn aggregate(op: AggregateOp, call: Call, range: TextRange) -> Result<PartKind, QueryError> {
    let expr = one_expression(call)?;
    Ok(PartKind::Scalar(ScalarExpr { kind: ScalarExprKind::Aggregate(op, expr), range }))
}

fn plain_field(argument: Argument, function: &str) -> Result<MetricsField, QueryError> {
    let range = argument.range();
    match argument {
        Argument::Field(FieldExpr { kind: FieldExprKind::Field(field), .. }) => {
            Ok(MetricsField { field, range })
        }
        _ => Err(syntax(range, format!("`{function}` takes plain fields"))
            .with_help("such as `name`, `duration` or `span.http.route`")),
    }
}

fn plain_fields(
    arguments: Vec<Argument>,
    name_range: TextRange,
    function: &str,
) -> Result<Vec<MetricsField>, QueryError> {
    if arguments.is_empty() {
        return Err(syntax(name_range, format!("`{function}` needs a field"))
            .with_help(format!("such as `{function}(resource.service.name)`")));
    }
    arguments.into_iter().map(|argument| plain_field(argument, function)).collect()
}

fn by_fields(
    (arguments, range): (Vec<Argument>, TextRange),
) -> Result<Vec<MetricsField>, QueryError> {
    if let Some(beyond) = arguments.get(BY_FIELDS_MAX) {
        return Err(QueryError::new(
            QueryErrorKind::Limit,
            beyond.range(),
            format!("metrics can be split by at most {BY_FIELDS_MAX} fields"),
        )
        .with_help("leave some out"));
    }
    plain_fields(arguments, range, "by")
}

fn one_field(mut call: Call) -> Result<MetricsField, QueryError> {
    if let (Some(second), true) = (call.arguments.get(1), call.arguments.len() > 1) {
        return Err(syntax(second.range(), format!("`{}` takes one field", call.name))
            .with_help(format!("such as `{}(duration)`", call.name)));
    }
    match call.arguments.pop() {
        Some(argument) => plain_field(argument, &call.name),
        None => Err(syntax(call.name_range, format!("`{}` needs a field", call.name))
            .with_help(format!("such as `{}(duration)`", call.name))),
    }
}

/// The number that an argument is.
fn number(argument: &Argument) -> Option<Literal> {
    let Argument::Field(expr) = argument else { return None };
    match &expr.kind {
        FieldExprKind::Literal(value @ (Literal::Int(_) | Literal::Float(_))) => {
            Some(value.clone())
        }
        FieldExprKind::Unary(UnaryOp::Minus, inner) => match &inner.kind {
            FieldExprKind::Literal(Literal::Int(value)) => value.checked_neg().map(Literal::Int),
            FieldExprKind::Literal(Literal::Float(value)) => Some(Literal::Float(-value)),
            _ => None,
        },
        _ => None,
    }
}

fn integer(argument: &Argument) -> Option<i64> {
    match number(argument) {
        Some(Literal::Int(value)) => Some(value),
        _ => None,
    }
}

fn step_count(call: &Call) -> Result<u32, QueryError> {
    let help = format!("such as `{}(5)`", call.name);
    match call.arguments.as_slice() {
        [argument] => match integer(argument).and_then(|count| u32::try_from(count).ok()) {
            Some(count) if count > 0 => Ok(count),
            _ => Err(QueryError::new(
                QueryErrorKind::Number,
                argument.range(),
                format!("`{}` takes a whole number from 1 up", call.name),
            )
            .with_help(help)),
        },
        _ => {
            Err(syntax(call.name_range, format!("`{}` takes one number", call.name))
                .with_help(help))
        }
    }
}

fn quantile(call: Call) -> Result<MetricsFunction, QueryError> {
    let right = "quantile_over_time(duration, 0.5, 0.9)";
    let mut arguments = call.arguments.into_iter();
    let Some(field) = arguments.next() else {
        return Err(wrong_arguments(&call.name, call.name_range, right));
    };
    let field = plain_field(field, &call.name)?;
    let mut quantiles = Vec::new();
    for argument in arguments {
        let value = match number(&argument) {
            Some(Literal::Float(value)) => value,
            Some(Literal::Int(0)) => 0.0,
            Some(Literal::Int(1)) => 1.0,
            _ => f64::NAN,
        };
        if !(0.0..=1.0).contains(&value) {
            return Err(QueryError::new(
                QueryErrorKind::Number,
                argument.range(),
                "a quantile is a number from 0 to 1",
            )
            .with_help(format!("such as `{right}`")));
        }
        // -0.0 is 0.
        quantiles.push(value + 0.0);
    }
    if quantiles.is_empty() {
        return Err(syntax(field.range, "`quantile_over_time` needs a quantile after the field")
            .with_help(format!("such as `{right}`")));
    }
    Ok(MetricsFunction::Quantile(field, quantiles))
}

fn compare(call: Call) -> Result<MetricsFunction, QueryError> {
    let right = "compare({ status = error }, 10)";
    let mut arguments = call.arguments.into_iter();
    let selection = match arguments.next() {
        Some(Argument::Braces(selection, _)) => selection,
        Some(Argument::Field(expr)) => return Err(wrong_arguments("compare", expr.range, right)),
        None => return Err(wrong_arguments("compare", call.name_range, right)),
    };
    let rest: Vec<Argument> = arguments.collect();
    let bad = |range: TextRange, message: &str| {
        Err(QueryError::new(QueryErrorKind::Number, range, message)
            .with_help(format!("such as `{right}`")))
    };
    let top = match rest.first().map(|top| (integer(top), top.range())) {
        None => None,
        Some((Some(top @ 1..=COMPARE_TOP_MAX), _)) => u32::try_from(top).ok(),
        Some((_, range)) => return bad(range, "`compare` shows from 1 to 1000 values"),
    };
    let window = match rest.get(1..).unwrap_or(&[]) {
        [] => None,
        [start, end] => match (integer(start), integer(end)) {
            (Some(from), Some(to)) if from < to => Some((from, to)),
            _ => {
                let range = TextRange { start: start.range().start, end: end.range().end };
                return bad(range, "a selection's start and end are nanoseconds, start before end");
            }
        },
        [only] => return bad(only.range(), "a selection needs both start and end"),
        [_, _, beyond, ..] => return bad(beyond.range(), "`compare` takes at most four arguments"),
    };
    Ok(MetricsFunction::Compare { selection, top, window })
}
