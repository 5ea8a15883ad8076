//! The walk over a tree. Invariant: every expression of the tree is visited once, and warnings come
//! in the order of the text.

use super::pattern::{self, PatternError};
use super::types::{Sides, Type, of_field, type_error};
use crate::query::error::one_line;
use crate::query::syntax::{
    AttributeScope, Field, FieldExpr, FieldExprKind, FieldKind, Hint, Intrinsic, Literal, Pipeline,
    Query, SpansetExpr, Stage, TextRange, ValueType, nearest,
};
use crate::query::{Pattern, QueryError, QueryErrorKind};

/// Most bytes that the compiled patterns of a query take together.
const PATTERN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the walk carries along.
pub(super) struct Checker<'t> {
    text: &'t str,
    pattern_bytes: usize,
    /// Characters in the classes of the query's patterns.
    class_chars: u64,
    pub(super) warnings: Vec<String>,
    /// The query's patterns, compiled.
    pub(super) patterns: Vec<Pattern>,
}

impl<'t> Checker<'t> {
    /// For a query that was read from `text`.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, pattern_bytes: 0, class_chars: 0, warnings: Vec::new(), patterns: Vec::new() }
    }

    pub(super) fn query(&mut self, query: &Query) -> Result<(), QueryError> {
        match query {
            Query::Search(pipeline, hints) => {
                self.pipeline(pipeline)?;
                self.hints(hints, false);
            }
            Query::Metrics(metrics, hints) => {
                self.metrics(metrics)?;
                self.hints(hints, true);
            }
        }
        Ok(())
    }

    pub(super) fn pipeline(&mut self, pipeline: &Pipeline) -> Result<(), QueryError> {
        pipeline.stages.iter().try_for_each(|stage| self.stage(stage))
    }

    fn stage(&mut self, stage: &Stage) -> Result<(), QueryError> {
        match stage {
            Stage::Spanset(expr) => self.spanset(expr),
            Stage::Filter(filter) => self.filter(filter),
            Stage::By(expr) => self.value_of_field(expr, "by").map(|_| ()),
            Stage::Coalesce => Ok(()),
            Stage::Select(fields) => {
                for field in fields {
                    self.note_field(field);
                }
                Ok(())
            }
        }
    }

    fn spanset(&mut self, expr: &SpansetExpr) -> Result<(), QueryError> {
        match expr {
            SpansetExpr::Filter(condition) => self.condition(condition),
            SpansetExpr::Pipeline(pipeline) => self.pipeline(pipeline),
            SpansetExpr::Chain { first, rest } => {
                self.spanset(first)?;
                rest.iter().try_for_each(|(_, next)| self.spanset(next))
            }
        }
    }

    /// Checks the argument of `function`, which has to name a field.
    pub(super) fn value_of_field(
        &mut self,
        expr: &FieldExpr,
        function: &str,
    ) -> Result<Type, QueryError> {
        let found = self.expression(expr)?;
        if super::types::names_field(expr) {
            return Ok(found);
        }
        Err(type_error(expr, format!("`{function}` needs a field of the spans"))
            .with_help(format!("such as `{function}(duration)`")))
    }

    /// Compiles a pattern, to know that it can be.
    pub(super) fn compile(&mut self, text: &str, range: TextRange) -> Result<(), QueryError> {
        let wrong = |error: PatternError| {
            let place = self.within_literal(text, range, error.range);
            QueryError::new(QueryErrorKind::Regex, place, error.message).with_help(error.help)
        };
        let compiled = pattern::compile(text).map_err(wrong)?;
        let class_chars = compiled.class_chars;
        let pattern = Pattern::of(text, compiled).map_err(wrong)?;
        self.class_chars = self.class_chars.saturating_add(class_chars);
        self.pattern_bytes = self.pattern_bytes.saturating_add(pattern.memory_usage());
        if self.pattern_bytes > PATTERN_BYTES_MAX || self.class_chars > pattern::CLASS_CHARS_MAX {
            return Err(QueryError::new(
                QueryErrorKind::Limit,
                range,
                "the query's patterns are too large together",
            )
            .with_help("use fewer of them, or shorten their repetitions and classes"));
        }
        self.patterns.push(pattern);
        Ok(())
    }

    /// Where a part of a string stands in the query: within the literal, if that has no escapes.
    fn within_literal(&self, text: &str, literal: TextRange, part: (usize, usize)) -> TextRange {
        let inner = TextRange { start: literal.start + 1, end: literal.end.saturating_sub(1) };
        if self.text.get(inner.start..inner.end) != Some(text) {
            return literal;
        }
        // An end that is missing is told at the closing quote.
        let next = text.get(part.0..).and_then(|rest| rest.chars().next());
        let end = part.1.max(part.0 + next.map_or(1, char::len_utf8));
        TextRange { start: inner.start + part.0, end: inner.start + end }
    }

    /// Warns of a field that is probably not meant.
    pub(super) fn note_field(&mut self, field: &Field) {
        let FieldKind::Attribute(scope, name) = &field.kind else { return };
        let outer = ["event.", "link.", "instrumentation.", "parent."];
        if let Some(prefix) = outer.iter().find(|prefix| field.parent && name.starts_with(**prefix))
            && *scope == AttributeScope::Any
        {
            self.warn(&format!(
                "`{field}` is an attribute of the parent span or its resource whose name starts with `{prefix}`"
            ));
        }
        if field.parent
            && *scope == AttributeScope::Any
            && let Some(meant) = nearest(name, Intrinsic::all().map(Intrinsic::short_name))
        {
            self.warn(&format!("`{field}` is an attribute; did you mean `parent.{meant}`?"));
        }
        if let Some(intrinsic) = same_name(*scope, name) {
            self.warn(&format!("`{field}` is an attribute; did you mean `{intrinsic}`?"));
        }
        if let Some(op) = ['+', '*', '%'].iter().find(|op| name.contains(**op))
            && !name.contains(' ')
        {
            self.warn(&format!(
                "`{field}` is one attribute name; for arithmetic put blanks around `{op}`"
            ));
        }
    }

    /// Warns of a number beside a duration.
    pub(super) fn warn_unitless(&mut self, sides: &Sides<'_>) {
        let Some(left) = sides.left else { return };
        for (field, number) in [(left, sides.right), (sides.right, left)] {
            if let FieldExprKind::Field(name) = &field.kind
                && of_field(name) == Type::Known(ValueType::Duration)
                && let FieldExprKind::Literal(value) = &number.kind
            {
                self.warn_number(name, value);
            }
        }
    }

    /// Warns of `number`, which `what`, a duration, is compared with.
    pub(super) fn warn_number(&mut self, what: &dyn std::fmt::Display, number: &Literal) {
        let unitless = match number {
            Literal::Int(value) => *value != 0,
            Literal::Float(value) => *value != 0.0,
            _ => false,
        };
        if unitless {
            self.warn(&format!(
                "`{what}` is compared with {number} nanoseconds; write a unit if you mean another, such as `{number}ms`"
            ));
        }
    }

    fn warn(&mut self, warning: &str) {
        let warning = one_line(warning);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn hints(&mut self, hints: &[Hint], metrics: bool) {
        for Hint { key, value } in hints {
            match (key.as_str(), value) {
                ("most_recent", Literal::Bool(true)) => {}
                ("most_recent", _) => {
                    self.warn("`most_recent` has no effect: the newest traces always come first");
                }
                ("exemplars", _) if metrics => {}
                _ => self.warn(&format!("the hint `{key}` is unknown and has no effect")),
            }
        }
    }
}

/// The intrinsic that is written like an attribute but for its colon.
fn same_name(scope: AttributeScope, name: &str) -> Option<Intrinsic> {
    let scope = match scope {
        AttributeScope::Span => "span",
        AttributeScope::Event => "event",
        AttributeScope::Link => "link",
        AttributeScope::Instrumentation => "instrumentation",
        AttributeScope::Any | AttributeScope::Resource => return None,
    };
    Intrinsic::from_name(&format!("{scope}:{name}"))
}

/// A string that a time is compared with has to be a time.
pub(super) fn check_time(sides: &Sides<'_>) -> Result<(), QueryError> {
    let time = Type::Known(ValueType::Time);
    let other = match (sides.left_type, sides.right_type) {
        (of, _) if of == time => Some(sides.right),
        (_, of) if of == time => sides.left,
        _ => None,
    };
    match other.map(|other| (&other.kind, other)) {
        Some((FieldExprKind::Literal(Literal::String(text)), other))
            if crate::codec::rfc3339::nanos(text).is_none() =>
        {
            Err(type_error(other, "this string is no time")
                .with_help("write it as in `\"2024-05-01T12:00:00Z\"` (RFC 3339)"))
        }
        _ => Ok(()),
    }
}
