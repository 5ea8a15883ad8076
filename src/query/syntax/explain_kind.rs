//! What is wrong with parts of a query that do not go together, though each could stand alone.
//! Invariant: as `explain`'s.

use super::explain::syntax;
use super::lower::{PartKind, is_constant};
use super::phrase::Operator;
use super::suggest::nearest;
use super::token::{Placed, Token};
use super::words::FUNCTIONS;
use super::{Field, FieldKind, Literal, ScalarExpr, ScalarExprKind, TextRange, ValueType};
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
    if is_constant(scalar) {
        return syntax(scalar.range, format!("`{scalar}` is a constant, not a set of spans"))
            .with_help("a query begins with conditions in braces: `{ status = error }`");
    }
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
        Literal::String(_) => error.with_help(
            "numbers and durations are written without quotes; conditions on strings stand within \
             braces: `{ name = \"GET /\" }`",
        ),
        Literal::Bool(true) => error.with_help("write `{ true }` or `{ }`"),
        Literal::Status(_) => error.with_help(format!("write `{{ status = {value} }}`")),
        Literal::Kind(_) => error.with_help(format!("write `{{ kind = {value} }}`")),
        _ => error.with_help(format!("conditions stand within braces: `{{ .x = {value} }}`")),
    }
}

/// A field outside braces.
pub(super) fn field_outside(field: &Field, range: TextRange) -> QueryError {
    let error = syntax(range, format!("the field `{field}` stands outside braces"));
    let number = match field.kind {
        FieldKind::Attribute(..) => true,
        FieldKind::Intrinsic(intrinsic) => {
            matches!(intrinsic.value_type(), ValueType::Int | ValueType::Duration)
        }
    };
    let conditions = format!("conditions stand within braces: `{{ {field} = ... }}`");
    if number {
        return error.with_help(format!("{conditions}; numbers of them are `max({field})`"));
    }
    error.with_help(conditions)
}

/// `error`, which says of a field that it stands outside braces, or of the whole condition that it begins.
/// Only here is the text known that was lowered.
pub(super) fn of_whole_condition(text: &str, tokens: &[Placed], error: QueryError) -> QueryError {
    let start = error.range();
    let at = tokens.partition_point(|placed| placed.range.start < start.start);
    let (Some(field), Some(op), Some(value)) =
        (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2))
    else {
        return error;
    };
    let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map(|placed| &placed.token);
    let in_arithmetic = matches!(
        before,
        Some(
            Token::Plus | Token::Minus | Token::Star | Token::Slash | Token::Percent | Token::Caret
        )
    );
    let is_condition = !in_arithmetic
        && matches!(field.token, Token::Field(_))
        && field.range == start
        && op.token.is_comparison()
        && matches!(value.token, Token::Literal(_));
    let range = TextRange { start: start.start, end: value.range.end };
    match text.get(range.start..range.end) {
        Some(condition) if is_condition => syntax(range, "this condition stands outside braces")
            .with_help(format!("write `{{ {condition} }}`")),
        _ => error,
    }
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
        PartKind::Scalar(scalar) if is_constant(scalar) && matches!(op.as_str(), "<" | ">") => {
            error.with_help(format!(
                "numbers of spans come after a `|`: `{{ }} | count() {op} {scalar}`"
            ))
        }
        PartKind::Metrics(_) | PartKind::Function(..) | PartKind::Steps(_) => {
            error.with_help("metrics queries are joined with `+ - * /`, in parentheses")
        }
        _ => error.with_help("numbers of spans come after a `|`: `{ } && { } | count() > 2`"),
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
    .with_help("such as `({ } | rate()) > 2` or `({ } | rate()) / ({ } | rate())`")
}

/// A stage that is compared.
pub(super) fn not_comparable(kind: &PartKind, range: TextRange, op: &Operator) -> QueryError {
    syntax(range, format!("{} is not compared by `{}`", kind.describe(), written(op)))
        .with_help("numbers of spans are: `count() > 2`, `avg(duration) > 1s`")
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
        _ => error.with_help("it applies to numbers of spans: `count() * 2 > 10`"),
    }
}

/// The quantile that a function of another language asks for: 0.99 of `p99`.
fn percentile(name: &str) -> Option<String> {
    let digits = name.strip_prefix(['p', 'P']).unwrap_or("");
    if !digits.is_empty() && digits.len() < 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("0.{digits}"));
    }
    let lower = name.to_lowercase();
    (lower.contains("quantile") || lower.contains("percentile")).then(|| "0.9".to_owned())
}

/// No function has this name.
pub(super) fn unknown_function(name: &str, range: TextRange) -> QueryError {
    let error = syntax(range, format!("there is no function `{name}`"));
    match nearest(name, FUNCTIONS.into_iter()) {
        Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
        None if percentile(name).is_some() => {
            let quantile = percentile(name).unwrap_or_default();
            error.with_help(format!(
                "over time it is `quantile_over_time(duration, {quantile})`; of one trace's spans there is none"
            ))
        }
        None => error.with_help(
            "aggregates are `count avg max min sum`, stages `by coalesce select`, \
             metrics `rate count_over_time quantile_over_time` and more",
        ),
    }
}
