//! What is wrong with parts of a query that do not go together, though each could stand alone.
//! Invariant: as `explain`'s.

use super::explain::syntax;
use super::lower::PartKind;
use super::lower_call::FUNCTIONS;
use super::phrase::Operator;
use super::suggest::nearest;
use super::token::Token;
use super::{Field, Literal, ScalarExpr, ScalarExprKind, TextRange};
use crate::query::QueryError;

fn written(op: &Operator) -> String {
    match (op.between_values(), op.between_spansets()) {
        (Some(op), _) => op.to_string(),
        (_, Some(op)) => op.to_string(),
        _ => String::new(),
    }
}

/// A scalar where a set of spans is needed: alone, or before a `|`.
pub(super) fn naked_scalar(scalar: &ScalarExpr) -> QueryError {
    let last = match &scalar.kind {
        ScalarExprKind::Pipeline(_, last) => last,
        _ => scalar,
    };
    syntax(last.range, format!("`{last}` is a number, not a set of spans"))
        .with_help(format!("compare it with something: `{last} > 2`"))
}

/// A literal that is no number, outside braces.
pub(super) fn literal_outside(value: &Literal, range: TextRange) -> QueryError {
    let error = syntax(range, format!("the value `{value}` stands outside braces"));
    match value {
        Literal::Bool(true) => error.with_help("write `{ true }` or `{ }`"),
        Literal::Status(_) => error.with_help(format!("write `{{ status = {value} }}`")),
        Literal::Kind(_) => error.with_help(format!("write `{{ kind = {value} }}`")),
        _ => error.with_help(format!("conditions stand within braces: `{{ .x = {value} }}`")),
    }
}

/// A field outside braces.
pub(super) fn field_outside(field: &Field, range: TextRange) -> QueryError {
    syntax(range, format!("the field `{field}` stands outside braces")).with_help(format!(
        "conditions stand within braces: `{{ {field} = ... }}`; numbers of them are `max({field})`"
    ))
}

/// `coalesce()` at the start.
pub(super) fn coalesce_first(range: TextRange) -> QueryError {
    syntax(range, "`coalesce()` has nothing to merge at the start")
        .with_help("it follows other stages: `{ } | by(name) | coalesce()`")
}

/// A metrics function at the start.
pub(super) fn function_first(range: TextRange) -> QueryError {
    syntax(range, "a metrics function needs spans before it").with_help("such as `{ } | rate()`")
}

/// Something other than a step after a metrics function.
pub(super) fn after_metrics(what: &str, range: TextRange) -> QueryError {
    syntax(range, format!("{what} cannot follow a metrics function"))
        .with_help("only `| topk(n)`, `| bottomk(n)` and comparisons with a constant can")
}

/// `stage | (metrics query)`.
pub(super) fn metrics_after_spans(range: TextRange) -> QueryError {
    syntax(range, "a whole metrics query cannot be a later stage")
        .with_help("write the function without parentheses: `{ } | rate()`")
}

/// `topk` without metrics.
pub(super) fn step_without_metrics(range: TextRange) -> QueryError {
    syntax(range, "`topk` and `bottomk` follow a metrics function")
        .with_help("such as `{ } | rate() by (name) | topk(5)`")
}

/// A constant as the last stage in parentheses.
pub(super) fn constant_stage(range: TextRange) -> QueryError {
    syntax(range, "a constant is no stage of a pipeline")
        .with_help("compare it with an aggregate: `count() > 2`")
}

/// An operand of a set or structural operator that is no set of spans.
pub(super) fn not_spans(kind: &PartKind, range: TextRange, op: &Operator) -> QueryError {
    let op = written(op);
    let error = syntax(
        range,
        format!("`{op}` stands between sets of spans here, and this is {}", kind.describe()),
    );
    match kind {
        PartKind::Scalar(scalar) => error.with_help(format!(
            "numbers of a set of spans come after a `|`: `{{ }} | count() {} {scalar}`",
            if matches!(op.as_str(), "<" | ">") { &op } else { ">" }
        )),
        PartKind::Stage(_) => error.with_help("it comes after a `|`: `{ } && { } | count() > 2`"),
        _ => error,
    }
}

/// `{ } = 2`, `{ } =~ { }`.
pub(super) fn spans_compared(op: &Operator, right: &PartKind) -> QueryError {
    let error = syntax(
        op.range,
        format!("a set of spans is not compared with {} by `{}`", right.describe(), written(op)),
    );
    match right {
        PartKind::Scalar(scalar) => error.with_help(format!(
            "compare a number of it: `{{ }} | count() {} {scalar}`",
            written(op)
        )),
        _ => {
            error.with_help("sets of spans are related by `>>`, `>`, `~`, `&&`, `||` and the like")
        }
    }
}

/// `%` or `^` or a pattern between numbers outside braces.
pub(super) fn not_between_numbers(op: &Operator) -> QueryError {
    let right = match op.token {
        Token::Percent | Token::Caret => "`+ - * /` do",
        _ => "`= != < <= > >=` do",
    };
    syntax(op.range, format!("`{}` does not stand between numbers of sets of spans", written(op)))
        .with_help(right)
}

/// `count() > { }`.
pub(super) fn compared_with(kind: &PartKind, range: TextRange, op: &Operator) -> QueryError {
    syntax(range, format!("a number is not compared with {} by `{}`", kind.describe(), written(op)))
        .with_help("compare it with a constant or an aggregate: `count() > 2`")
}

/// `count() > 2 > 1`.
pub(super) fn chained_comparison(range: TextRange) -> QueryError {
    syntax(range, "a comparison is not compared again")
        .with_help("write two filters: `| count() > 2 | count() < 5`")
}

/// A metrics query beside something other than a constant.
pub(super) fn metrics_compared_with(kind: &PartKind, range: TextRange) -> QueryError {
    syntax(
        range,
        format!("beside a metrics query stands a constant, and this is {}", kind.describe()),
    )
}

/// A stage that is compared.
pub(super) fn not_comparable(kind: &PartKind, range: TextRange, op: &Operator) -> QueryError {
    syntax(range, format!("{} is not compared by `{}`", kind.describe(), written(op)))
}

/// An operand of `+ - * /` that is no number.
pub(super) fn no_arithmetic(kind: &PartKind, range: TextRange, op: &Operator) -> QueryError {
    let error = syntax(range, format!("`{}` does not apply to {}", written(op), kind.describe()));
    match kind {
        PartKind::Spanset(_) | PartKind::Pipeline(_) => error.with_help(
            "the spans of both: `||`; numbers of them: `({ } | count()) + ({ } | count()) > 2`",
        ),
        PartKind::Function(..) | PartKind::Steps(_) => {
            error.with_help("put the whole metrics query in parentheses: `({ } | rate()) * 2`")
        }
        _ => error,
    }
}

/// No function has this name.
pub(super) fn unknown_function(name: &str, range: TextRange) -> QueryError {
    let error = syntax(range, format!("there is no function `{name}`"));
    match nearest(name, FUNCTIONS.into_iter()) {
        Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
        None if name.to_lowercase().starts_with("p9")
            || name == "quantile"
            || name == "percentile" =>
        {
            error.with_help("write `quantile_over_time(duration, 0.9)`")
        }
        None => error.with_help(
            "aggregates are `count avg max min sum`, stages `by coalesce select`, \
             metrics `rate count_over_time quantile_over_time` and more",
        ),
    }
}
