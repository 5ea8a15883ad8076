//! From phrases to the tree: what each part of a query outside braces is. Invariant: a part has
//! exactly one kind, and the trees built here are in the form that `ast` describes: parentheses that
//! change nothing leave no node.

use super::explain::syntax;
use super::lower_call::call;
use super::lower_metrics;
use super::phrase::{Operator, Phrase, PhraseKind};
use super::token::Token;
use super::{
    ArithmeticOp, BinaryOp, CompareOp, Hint, Literal, MetricsExpr, MetricsField, MetricsFunction,
    MetricsStep, Pipeline, Query, ScalarExpr, ScalarExprKind, ScalarFilter, SpansetExpr, Stage,
    TextRange, UnaryOp, explain_kind,
};
use crate::query::QueryError;

/// A part of a query whose kind is known.
pub(super) struct Part {
    pub(super) kind: PartKind,
    pub(super) range: TextRange,
}

/// What a part of a query outside braces may be.
pub(super) enum PartKind {
    /// Spans: `{ ... }` or several with operators between.
    Spanset(SpansetExpr),
    /// Spans: a pipeline in parentheses, or the whole query.
    Pipeline(Pipeline),
    /// A stage that is no spanset expression.
    Stage(Stage),
    /// A number of a spanset, or a constant.
    Scalar(ScalarExpr),
    /// A metrics function that still needs its spans, with the steps that follow it.
    Function(MetricsFunction, Vec<MetricsField>, Vec<MetricsStep>),
    /// Steps that still need their metrics query.
    Steps(Vec<MetricsStep>),
    /// A metrics query.
    Metrics(MetricsExpr),
}

impl PartKind {
    /// What it is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Spanset(_) | Self::Pipeline(_) => "a set of spans",
            Self::Stage(Stage::Filter(_)) => "a filter",
            Self::Stage(_) => "a stage of a pipeline",
            Self::Scalar(ScalarExpr { kind: ScalarExprKind::Literal(_), .. }) => "a constant",
            Self::Scalar(_) => "a number",
            Self::Function(..) => "a metrics function",
            Self::Steps(_) => "a metrics step",
            Self::Metrics(_) => "a metrics query",
        }
    }
}

/// The query that `phrase` is.
pub(super) fn query(phrase: Phrase, hints: Vec<Hint>) -> Result<Query, QueryError> {
    let part = lower(phrase)?;
    Ok(match part.kind {
        PartKind::Spanset(expr) => {
            Query::Search(Pipeline { stages: vec![Stage::Spanset(expr)] }, hints)
        }
        PartKind::Pipeline(pipeline) => Query::Search(pipeline, hints),
        PartKind::Metrics(metrics) => Query::Metrics(metrics, hints),
        PartKind::Scalar(scalar) => return Err(explain_kind::naked_scalar(&scalar)),
        // `lower` gives no other kinds for a list of stages, which the whole query is.
        kind => return Err(syntax(part.range, format!("{} is no query", kind.describe()))),
    })
}

/// What `phrase` is.
pub(super) fn lower(phrase: Phrase) -> Result<Part, QueryError> {
    let range = phrase.range;
    let kind = match phrase.kind {
        PhraseKind::Braces(expr) => PartKind::Spanset(SpansetExpr::Filter(expr)),
        PhraseKind::Stages(stages) => return lower_stages(stages, range),
        PhraseKind::Literal(
            value @ (Literal::Int(_) | Literal::Float(_) | Literal::Duration(_)),
        ) => scalar(ScalarExprKind::Literal(value), range),
        PhraseKind::Literal(value) => return Err(explain_kind::literal_outside(&value, range)),
        PhraseKind::Field(field) => return Err(explain_kind::field_outside(&field, range)),
        PhraseKind::Call(of) => call(of, range)?,
        PhraseKind::Unary(op, operand) => unary(op, lower(*operand)?, range)?,
        PhraseKind::Chain(first, rest) => return chain(*first, rest, range),
    };
    Ok(Part { kind, range })
}

fn scalar(kind: ScalarExprKind, range: TextRange) -> PartKind {
    PartKind::Scalar(ScalarExpr { kind, range })
}

fn unary(op: UnaryOp, operand: Part, range: TextRange) -> Result<PartKind, QueryError> {
    match (op, operand.kind) {
        (UnaryOp::Minus, PartKind::Scalar(inner)) => {
            Ok(scalar(ScalarExprKind::Negate(Box::new(inner)), range))
        }
        (UnaryOp::Minus, kind) => {
            Err(syntax(range, format!("`-` cannot stand before {}", kind.describe())))
        }
        (UnaryOp::Not, PartKind::Spanset(_)) => {
            Err(syntax(range, "`!` cannot stand before a set of spans")
                .with_help("negate within the braces: `{ !(...) }`"))
        }
        (UnaryOp::Not, kind) => {
            Err(syntax(range, format!("`!` cannot stand before {}", kind.describe())))
        }
    }
}

/// Stages with `|` between them, of a whole query or in parentheses.
fn lower_stages(phrases: Vec<Phrase>, range: TextRange) -> Result<Part, QueryError> {
    let mut stages = Stages { done: Vec::new(), metrics: None, range };
    let count = phrases.len();
    for (index, phrase) in phrases.into_iter().enumerate() {
        let part = lower(phrase)?;
        let alone = count == 1;
        let last = index + 1 == count;
        match part.kind {
            PartKind::Spanset(_) | PartKind::Pipeline(_) | PartKind::Metrics(_) if alone => {
                return Ok(Part { range, ..part });
            }
            PartKind::Scalar(inner) if last => return stages.end_with_scalar(inner),
            kind => stages.push(Part { kind, range: part.range })?,
        }
    }
    let kind = match stages.metrics {
        Some(metrics) => PartKind::Metrics(MetricsExpr { range, ..metrics }),
        None => PartKind::Pipeline(Pipeline { stages: stages.done }),
    };
    Ok(Part { kind, range })
}

/// The stages read so far.
struct Stages {
    done: Vec<Stage>,
    /// The metrics query they have become, once there was a function.
    metrics: Option<MetricsExpr>,
    range: TextRange,
}

impl Stages {
    fn push(&mut self, part: Part) -> Result<(), QueryError> {
        let range = part.range;
        if let Some(metrics) = self.metrics.take() {
            self.metrics = match part.kind {
                PartKind::Steps(steps) => Some(lower_metrics::with_steps(metrics, steps, range)?),
                kind => return Err(explain_kind::after_metrics(kind.describe(), range)),
            };
            return Ok(());
        }
        let first = self.done.is_empty();
        match part.kind {
            PartKind::Spanset(expr) => self.done.push(Stage::Spanset(expr)),
            PartKind::Pipeline(pipeline) => {
                self.done.push(Stage::Spanset(SpansetExpr::Pipeline(Box::new(pipeline))));
            }
            PartKind::Stage(Stage::Coalesce) if first => {
                return Err(explain_kind::coalesce_first(range));
            }
            PartKind::Stage(stage) => self.done.push(stage),
            PartKind::Scalar(scalar) => return Err(explain_kind::naked_scalar(&scalar)),
            PartKind::Function(..) if first => return Err(explain_kind::function_first(range)),
            PartKind::Function(function, by, steps) => {
                let pipeline = Pipeline { stages: std::mem::take(&mut self.done) };
                let function_range = TextRange { start: self.range.start, end: range.end };
                self.metrics =
                    Some(lower_metrics::function(pipeline, (function, by), steps, function_range)?);
            }
            PartKind::Metrics(metrics) if first => self.metrics = Some(metrics),
            PartKind::Metrics(_) => return Err(explain_kind::metrics_after_spans(range)),
            PartKind::Steps(_) => return Err(explain_kind::step_without_metrics(range)),
        }
        Ok(())
    }

    /// The number that the last stage, `inner`, is.
    fn end_with_scalar(self, inner: ScalarExpr) -> Result<Part, QueryError> {
        let range = self.range;
        if self.metrics.is_some() {
            return Err(explain_kind::after_metrics("a number", inner.range));
        }
        let kind = if self.done.is_empty() {
            PartKind::Scalar(ScalarExpr { range, ..inner })
        } else if is_constant(&inner) {
            return Err(explain_kind::constant_stage(inner.range));
        } else {
            let pipeline = Pipeline { stages: self.done };
            scalar(ScalarExprKind::Pipeline(Box::new(pipeline), Box::new(inner)), range)
        };
        Ok(Part { kind, range })
    }
}

/// Whether no part of `scalar` depends on a spanset.
pub(super) fn is_constant(scalar: &ScalarExpr) -> bool {
    match &scalar.kind {
        ScalarExprKind::Literal(_) => true,
        ScalarExprKind::Negate(inner) => is_constant(inner),
        ScalarExprKind::Count | ScalarExprKind::Aggregate(..) | ScalarExprKind::Pipeline(..) => {
            false
        }
        ScalarExprKind::Chain { first, rest } => {
            is_constant(first) && rest.iter().all(|(_, next)| is_constant(next))
        }
    }
}

fn chain(
    first: Phrase,
    rest: Vec<(Operator, Phrase)>,
    range: TextRange,
) -> Result<Part, QueryError> {
    let first = lower(first)?;
    let rest = rest
        .into_iter()
        .map(|(op, phrase)| Ok((op, lower(phrase)?)))
        .collect::<Result<Vec<_>, QueryError>>()?;
    let spansets = matches!(first.kind, PartKind::Spanset(_) | PartKind::Pipeline(_));
    let kind = match rest.first().map(|(op, _)| &op.token) {
        Some(Token::And | Token::Or | Token::Unless) => spanset_chain(first, rest)?,
        Some(
            Token::Plus | Token::Minus | Token::Star | Token::Slash | Token::Percent | Token::Caret,
        ) => arithmetic(first, rest, range)?,
        _ if spansets => spanset_chain(first, rest)?,
        _ => comparison(first, rest)?,
    };
    Ok(Part { kind, range })
}

fn spanset_chain(first: Part, rest: Vec<(Operator, Part)>) -> Result<PartKind, QueryError> {
    let operator = rest.first().map(|(op, _)| op.clone());
    let operand = |part: Part, op: &Operator| match part.kind {
        PartKind::Spanset(expr) => Ok(expr),
        PartKind::Pipeline(pipeline) => Ok(SpansetExpr::Pipeline(Box::new(pipeline))),
        kind => Err(explain_kind::not_spans(&kind, part.range, op)),
    };
    let Some(operator) = operator else { return Ok(first.kind) };
    let mut chained = Vec::with_capacity(rest.len());
    let first = operand(first, &operator)?;
    for (op, part) in rest {
        let Some(meaning) = op.between_spansets() else {
            return Err(explain_kind::spans_compared(&op, &part.kind));
        };
        chained.push((meaning, operand(part, &op)?));
    }
    Ok(PartKind::Spanset(SpansetExpr::Chain { first: Box::new(first), rest: chained }))
}

fn compare_op(op: &Operator) -> Result<CompareOp, QueryError> {
    match op.between_values() {
        Some(BinaryOp::Compare(CompareOp::Match | CompareOp::NotMatch)) | None => {
            Err(explain_kind::not_between_numbers(op))
        }
        Some(BinaryOp::Compare(compare)) => Ok(compare),
        Some(_) => Err(explain_kind::not_between_numbers(op)),
    }
}

/// `first op next ...` where `first` is no set of spans.
fn comparison(first: Part, rest: Vec<(Operator, Part)>) -> Result<PartKind, QueryError> {
    if let PartKind::Scalar(left) = first.kind {
        let mut rest = rest.into_iter();
        let Some((op, right)) = rest.next() else { return Ok(PartKind::Scalar(left)) };
        let PartKind::Scalar(right) = right.kind else {
            return Err(explain_kind::compared_with(&right.kind, right.range, &op));
        };
        let filter = ScalarFilter { left, op: compare_op(&op)?, right };
        return match rest.next() {
            Some((op, _)) => Err(explain_kind::chained_comparison(op.range)),
            None => Ok(PartKind::Stage(Stage::Filter(filter))),
        };
    }
    let mut steps = Vec::with_capacity(rest.len());
    let Some((operator, _)) = rest.first() else { return Ok(first.kind) };
    let operator = operator.clone();
    let mut end = first.range.end;
    for (op, right) in rest {
        end = right.range.end;
        let compare = compare_op(&op)?;
        match right.kind {
            PartKind::Scalar(right) if is_constant(&right) => {
                steps.push(MetricsStep::Compare(compare, right));
            }
            kind => return Err(explain_kind::metrics_compared_with(&kind, right.range)),
        }
    }
    let range = TextRange { start: first.range.start, end };
    match first.kind {
        PartKind::Metrics(metrics) => {
            lower_metrics::with_steps(metrics, steps, range).map(PartKind::Metrics)
        }
        PartKind::Function(function, by, mut before) => {
            before.extend(steps);
            Ok(PartKind::Function(function, by, before))
        }
        PartKind::Steps(mut before) => {
            before.extend(steps);
            Ok(PartKind::Steps(before))
        }
        kind => Err(explain_kind::not_comparable(&kind, first.range, &operator)),
    }
}

fn arithmetic(
    first: Part,
    rest: Vec<(Operator, Part)>,
    range: TextRange,
) -> Result<PartKind, QueryError> {
    let parts = || std::iter::once(&first).chain(rest.iter().map(|(_, part)| part));
    let metrics = parts().any(|part| matches!(part.kind, PartKind::Metrics(_)));
    let mut operators = Vec::with_capacity(rest.len());
    for (op, _) in &rest {
        operators.push(arithmetic_op(op)?);
    }
    if let Some(op) = rest.first().map(|(op, _)| op) {
        for part in parts() {
            let fits = matches!(part.kind, PartKind::Scalar(_) | PartKind::Metrics(_));
            if !fits {
                return Err(explain_kind::no_arithmetic(&part.kind, part.range, op));
            }
        }
    }
    let operands = std::iter::once(first).chain(rest.into_iter().map(|(_, part)| part));
    if metrics {
        return lower_metrics::chain(operands.collect(), operators, range).map(PartKind::Metrics);
    }
    let mut scalars = operands.filter_map(|part| match part.kind {
        PartKind::Scalar(scalar) => Some(scalar),
        _ => None,
    });
    let Some(first) = scalars.next() else {
        return Err(syntax(range, "there is nothing to compute with"));
    };
    let rest = operators.into_iter().zip(scalars).collect();
    Ok(scalar(ScalarExprKind::Chain { first: Box::new(first), rest }, range))
}

fn arithmetic_op(op: &Operator) -> Result<ArithmeticOp, QueryError> {
    match op.between_values() {
        Some(BinaryOp::Arithmetic(ArithmeticOp::Modulo | ArithmeticOp::Power)) | None => {
            Err(explain_kind::not_between_numbers(op))
        }
        Some(BinaryOp::Arithmetic(arithmetic)) => Ok(arithmetic),
        Some(_) => Err(explain_kind::not_between_numbers(op)),
    }
}
