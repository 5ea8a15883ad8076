//! What is wrong with text that is not `TraceQL`. Invariant: every message names what was written,
//! and every help shows what would be right.

use super::TextRange;
use super::token::{Placed, Token};
use crate::query::{QueryError, QueryErrorKind};

fn syntax(range: TextRange, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Syntax, range, message)
}

pub(super) fn empty(_text: &str) -> QueryError {
    syntax(TextRange { start: 0, end: 0 }, "the query is empty").with_help(
        "`{ }` finds every span, `{ resource.service.name = \"shop\" }` those of a service",
    )
}

pub(super) fn wrong_operator(rest: &str, start: usize) -> Option<QueryError> {
    const WRONG: [(&str, &str); 4] = [("==", "="), ("<>", "!="), ("=>", ">="), ("=<", "<=")];
    let (wrong, right) = WRONG.iter().find(|(wrong, _)| rest.starts_with(wrong))?;
    let range = TextRange { start, end: start + wrong.len() };
    Some(
        syntax(range, format!("`{wrong}` is no operator of TraceQL"))
            .with_help(format!("write `{right}`")),
    )
}

pub(super) fn wrong_char(char: char, start: usize) -> QueryError {
    let range = TextRange { start, end: start + char.len_utf8() };
    syntax(range, format!("`{}` has no meaning in TraceQL", char.escape_debug()))
}

pub(super) fn unknown_intrinsic(name: &str, range: TextRange) -> QueryError {
    QueryError::new(
        QueryErrorKind::UnknownField,
        range,
        format!("there is no intrinsic field `{name}`"),
    )
}

pub(super) fn no_scope(name: &str, range: TextRange) -> QueryError {
    QueryError::new(QueryErrorKind::UnknownField, range, "an attribute needs a scope")
        .with_help(format!("try `.{name}`, `span.{name}` or `resource.{name}`"))
}

pub(super) fn no_name(_text: &str, range: TextRange) -> QueryError {
    syntax(range, "an attribute needs a name")
}

pub(super) fn unexpected(text: &str, tokens: &[Placed], at: usize) -> QueryError {
    let Some(placed) = tokens.get(at) else {
        let end = text.trim_end().len();
        return syntax(TextRange { start: end, end }, "the query ends too early");
    };
    if let Token::Word(word) = &placed.token {
        return no_scope(word, placed.range);
    }
    let written = text.get(placed.range.start..placed.range.end).unwrap_or("");
    syntax(placed.range, format!("`{written}` cannot stand here"))
}

use super::lower::PartKind;
use super::phrase::Operator;
use super::{Field, Literal, ScalarExpr};

pub(super) fn naked_scalar(scalar: &ScalarExpr) -> QueryError {
    syntax(scalar.range, "a query gives spans, and this is a number")
        .with_help("compare it with something: `{ } | count() > 2`")
}

pub(super) fn literal_outside(_value: &Literal, range: TextRange) -> QueryError {
    syntax(range, "a value stands within braces")
}

pub(super) fn field_outside(field: &Field, range: TextRange) -> QueryError {
    syntax(range, format!("the field `{field}` stands within braces"))
        .with_help(format!("write `{{ {field} = ... }}`"))
}

pub(super) fn coalesce_first(range: TextRange) -> QueryError {
    syntax(range, "`coalesce()` has nothing to merge at the start of a query")
        .with_help("it follows other stages: `{ } | by(name) | coalesce()`")
}

pub(super) fn function_first(range: TextRange) -> QueryError {
    syntax(range, "a metrics function needs spans before it").with_help("such as `{ } | rate()`")
}

pub(super) fn after_metrics(what: &str, range: TextRange) -> QueryError {
    syntax(range, format!("{what} cannot follow a metrics function"))
        .with_help("only `| topk(n)`, `| bottomk(n)` and comparisons with a constant can")
}

pub(super) fn metrics_after_spans(range: TextRange) -> QueryError {
    syntax(range, "a metrics query in parentheses cannot follow a stage")
        .with_help("write the function alone: `{ } | rate()`")
}

pub(super) fn step_without_metrics(range: TextRange) -> QueryError {
    syntax(range, "`topk` and `bottomk` follow a metrics function")
        .with_help("such as `{ } | rate() by (name) | topk(5)`")
}

pub(super) fn constant_stage(range: TextRange) -> QueryError {
    syntax(range, "a constant is no stage of a pipeline")
}

pub(super) fn not_spans(kind: &PartKind, range: TextRange, _op: &Operator) -> QueryError {
    syntax(range, format!("a set of spans is needed here, and this is {}", kind.describe()))
}

pub(super) fn spans_compared(op: &Operator, _right: &PartKind) -> QueryError {
    syntax(op.range, "a set of spans cannot be compared with a value")
}

pub(super) fn not_between_numbers(op: &Operator) -> QueryError {
    syntax(op.range, "this operator does not go with numbers of spansets")
}

pub(super) fn compared_with(kind: &PartKind, range: TextRange, _op: &Operator) -> QueryError {
    syntax(range, format!("a number cannot be compared with {}", kind.describe()))
}

pub(super) fn chained_comparison(range: TextRange) -> QueryError {
    syntax(range, "comparisons do not chain")
}

pub(super) fn metrics_compared_with(kind: &PartKind, range: TextRange) -> QueryError {
    syntax(range, format!("a metrics query goes with constants, and this is {}", kind.describe()))
}

pub(super) fn not_comparable(kind: &PartKind, range: TextRange, _op: &Operator) -> QueryError {
    syntax(range, format!("{} cannot be compared", kind.describe()))
}

pub(super) fn no_arithmetic(kind: &PartKind, range: TextRange, _op: &Operator) -> QueryError {
    syntax(range, format!("{} cannot be computed with", kind.describe()))
}

pub(super) fn unknown_function(name: &str, range: TextRange) -> QueryError {
    syntax(range, format!("there is no function `{name}`"))
}
