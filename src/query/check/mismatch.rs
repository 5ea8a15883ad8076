//! What is wrong with types, in words. Invariant: every message names both types, or the one needed.

use super::types::{Before, Sides, Type, names_field, type_error};
use crate::query::syntax::{
    BinaryOp, CompareOp, FieldExpr, FieldExprKind, KINDS, Literal, STATUSES, TextRange, UnaryOp,
    ValueType, one_of,
};
use crate::query::{QueryError, QueryErrorKind};

pub(super) fn not_boolean(expr: &FieldExpr, found: Type) -> QueryError {
    type_error(expr, format!("braces hold a condition, and this is {}", found.describe()))
        .with_help(format!("compare it with something: `{{ {} }}`", example(expr, found)))
}

/// A condition on `field` of type `found`.
fn example_of(field: &dyn std::fmt::Display, found: Type) -> String {
    format!("{field} {}", compared_with(found))
}

/// What a value of type `found` may be compared with, and how.
fn compared_with(found: Type) -> &'static str {
    match found {
        Type::Any | Type::Number | Type::Known(ValueType::Int | ValueType::Float) => "> 10",
        Type::Known(ValueType::String) => "= \"text\"",
        Type::Known(ValueType::Bool) => "= true",
        Type::Known(ValueType::Duration) => "> 100ms",
        Type::Known(ValueType::Time) => "> \"2024-05-01T12:00:00Z\"",
        Type::Known(ValueType::Status) => "= error",
        Type::Known(ValueType::Kind) => "= server",
        Type::Known(ValueType::Nil) => "!= nil",
    }
}

/// A condition on `expr` of type `found`.
fn example(expr: &FieldExpr, found: Type) -> String {
    let right = compared_with(found);
    match &expr.kind {
        FieldExprKind::Literal(value @ Literal::Status(_)) => format!("status = {value}"),
        FieldExprKind::Literal(value @ Literal::Kind(_)) => format!("kind = {value}"),
        FieldExprKind::Literal(value @ Literal::String(text)) if text.len() < 30 => {
            format!("name = {value}")
        }
        FieldExprKind::Field(field) => example_of(field, found),
        _ => format!("... {right}"),
    }
}

/// `before` is what stands before the operator, where it is known.
pub(super) fn not_boolean_operand(
    at: &FieldExpr,
    found: Type,
    op: &str,
    before: Option<&FieldExpr>,
) -> QueryError {
    let error =
        type_error(at, format!("`{op}` takes conditions, and this is {}", found.describe()));
    if let (FieldExprKind::Field(field), "!") = (&at.kind, op) {
        return error.with_help(format!(
            "`!` binds tighter than comparisons: write `!({})`",
            example_of(field, found)
        ));
    }
    if let (Some(value), Some((field, op))) = (literal(at), before.and_then(compared)) {
        return error.with_help(format!("each condition is whole: `{field} {op} {value}`"));
    }
    error.with_help(format!("compare it with something: `{}`", example(at, found)))
}

/// Of a comparison of a field with a constant, the field and the operator.
fn compared(expr: &FieldExpr) -> Option<(&FieldExpr, CompareOp)> {
    match &expr.kind {
        FieldExprKind::Chain { first, rest } => match rest.as_slice() {
            [(BinaryOp::Compare(op), right)] if literal(right).is_some() => Some((first, *op)),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn not_number(at: &FieldExpr, found: Type) -> QueryError {
    type_error(at, format!("arithmetic takes numbers, and this is {}", found.describe()))
        .with_help("numbers are ints, floats and durations")
}

fn whole(sides: &Sides<'_>) -> TextRange {
    TextRange { start: sides.so_far.first.range.start, end: sides.right.range.end }
}

pub(super) fn never_compare(sides: &Sides<'_>) -> QueryError {
    let error = QueryError::new(
        QueryErrorKind::Type,
        whole(sides),
        format!(
            "{} is never compared with {}",
            sides.left_type.describe(),
            sides.right_type.describe()
        ),
    );
    if sides.left_type == Type::BOOL && sides.right_type != Type::BOOL {
        return error.with_help(compared_again(sides));
    }
    let right = literal(sides.right).and_then(|value| rewritten(value, sides.left_type));
    let left = || {
        let value = literal(sides.left?)?;
        rewritten(value, sides.right_type)
    };
    match right.or_else(left) {
        Some(help) => error.with_help(help),
        None => error.with_help("compare fields of one type, or numbers with numbers"),
    }
}

/// What to write for `a < b < c` and `!a = b`.
fn compared_again(sides: &Sides<'_>) -> String {
    let (op, right) = (sides.op, sides.right);
    match sides.left.map(|left| &left.kind) {
        Some(FieldExprKind::Unary(UnaryOp::Not, inner)) => {
            format!("`!` binds tighter than comparisons: write `!({inner} {op} {right})`")
        }
        None => {
            let Before { first, last } = sides.so_far;
            let field = [last, first].into_iter().find(|side| names_field(side));
            let again = field.map_or_else(|| "...".to_owned(), ToString::to_string);
            format!("compare two values at a time: `... && {again} {op} {right}`")
        }
        Some(_) => "compare fields of one type, or numbers with numbers".into(),
    }
}

fn literal(expr: &FieldExpr) -> Option<&Literal> {
    match &expr.kind {
        FieldExprKind::Literal(value) => Some(value),
        _ => None,
    }
}

/// What to write in the place of `value` for the type that is needed.
fn rewritten(value: &Literal, needed: Type) -> Option<String> {
    let Type::Known(needed) = needed else { return None };
    Some(match (needed, value) {
        (ValueType::Kind, Literal::String(text)) if KINDS.contains(&text.as_str()) => {
            format!("kinds are written without quotes: `{text}`")
        }
        (ValueType::Status, Literal::String(text)) if STATUSES.contains(&text.as_str()) => {
            format!("statuses are written without quotes: `{text}`")
        }
        (ValueType::Kind, Literal::String(text)) if one_of(text, &KINDS).is_some() => {
            let meant = one_of(text, &KINDS).unwrap_or_default();
            format!("did you mean `{meant}`? Kinds are written without quotes")
        }
        (ValueType::Status, Literal::String(text)) if one_of(text, &STATUSES).is_some() => {
            let meant = one_of(text, &STATUSES).unwrap_or_default();
            format!("did you mean `{meant}`? Statuses are written without quotes")
        }
        (ValueType::Kind, _) => format!("a kind is one of `{}`", KINDS.join("`, `")),
        (ValueType::Status, _) => format!("a status is one of `{}`", STATUSES.join("`, `")),
        (ValueType::Duration, Literal::String(_)) => {
            "durations are written without quotes: `100ms`, `1.5s`, `1h30m`".into()
        }
        (ValueType::Int, Literal::String(text)) if text.parse::<i64>().is_ok() => {
            format!("numbers are written without quotes: `{text}`")
        }
        (ValueType::Time, _) => {
            "a time is written as a string: `\"2024-05-01T12:00:00Z\"`, or as nanoseconds".into()
        }
        (ValueType::String, Literal::String(_)) => return None,
        (ValueType::String, value) => format!("strings are written in quotes: `\"{value}\"`"),
        _ => return None,
    })
}

pub(super) fn unordered(sides: &Sides<'_>) -> QueryError {
    let of_left = matches!(
        sides.left_type,
        Type::Known(ValueType::Bool | ValueType::Status | ValueType::Kind)
    );
    let of = if of_left { sides.left_type } else { sides.right_type };
    QueryError::new(
        QueryErrorKind::Type,
        whole(sides),
        format!("{} has no order: `{}` does not apply", of.describe(), sides.op),
    )
    .with_help("write `=` or `!=`")
}

pub(super) fn pattern_needed(sides: &Sides<'_>) -> QueryError {
    let error = type_error(
        sides.right,
        format!("`{}` takes a pattern: a string that is written out", sides.op),
    );
    match &sides.right.kind {
        FieldExprKind::Literal(Literal::Int(value)) => {
            error.with_help(format!("write `{} \"{value}\"`", sides.op))
        }
        FieldExprKind::Field(_) => {
            let plain =
                if sides.op == CompareOp::Match { CompareOp::Equal } else { CompareOp::NotEqual };
            error.with_help(format!("fields are compared with `{plain}`"))
        }
        _ => error.with_help(format!("such as `name {} \"GET /.*\"`", sides.op)),
    }
}

pub(super) fn match_needs_string(sides: &Sides<'_>) -> QueryError {
    let range = sides.left.map_or(whole(sides), |left| left.range);
    QueryError::new(
        QueryErrorKind::Type,
        range,
        format!("`{}` applies to strings, and this is {}", sides.op, sides.left_type.describe()),
    )
    .with_help("compare it by `= != < <= > >=`")
}
