//! A whole search as steps over spansets. Invariant: every operand names resolved columns only, so
//! running a plan cannot fail but for reading.

use super::field::{Resolved, resolve};
use super::filter::{Filter, Operand, Step};
use super::lower::Lowering;
use super::named::named_fields;
use crate::query::syntax::{
    AggregateOp, ArithmeticOp, CompareOp, Field, Pipeline, ScalarExpr, ScalarExprKind,
    ScalarFilter, SpansetExpr, SpansetOp, Stage as Syntax,
};
use crate::query::value::Scalar;
use crate::query::{Pattern, QueryError};

/// What to do to answer a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The stages, first to last.
    pub(crate) stages: Vec<Stage>,
    /// The fields that the query names, in the order of their first mention.
    pub(crate) fields: Vec<Field>,
    /// How many numbered steps there are.
    pub(crate) steps: usize,
}

/// One stage: spansets in, spansets out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// Selects among the spans of each spanset.
    Spansets(Spansets),
    /// Keeps the spansets for which it holds.
    Filter {
        /// The left side.
        left: Number,
        /// The operator.
        op: CompareOp,
        /// The right side.
        right: Number,
    },
    /// Splits each spanset by a value.
    By {
        /// How the query writes it: `by(...)`.
        name: String,
        /// The value.
        operand: Operand,
    },
    /// Merges a trace's spansets into one.
    Coalesce,
    /// Fields to return; changes no match.
    Select(Vec<Resolved>),
}

/// A spanset expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spansets {
    /// The spans that pass.
    Filter(Filter),
    /// The spans that a pipeline leaves.
    Pipeline(Vec<Stage>),
    /// Operators from left to right.
    Chain {
        /// The leftmost operand.
        first: Box<Spansets>,
        /// The others.
        rest: Vec<Link>,
    },
}

/// An operator with its right side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    /// Which step of the plan it is.
    pub(crate) step: Step,
    /// The operator.
    pub(crate) op: SpansetOp,
    /// The right side.
    pub(crate) right: Spansets,
}

/// A number computed from one spanset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Number {
    /// A constant.
    Literal(Scalar),
    /// `-e`
    Negate(Box<Number>),
    /// How many spans there are.
    Count,
    /// An aggregate of the values of its spans.
    Aggregate {
        /// How the query writes it.
        name: String,
        /// Which one.
        op: AggregateOp,
        /// The value.
        operand: Operand,
    },
    /// The number that a pipeline's spans give.
    Pipeline(Vec<Stage>, Box<Number>),
    /// `first op next op next ...`
    Arithmetic {
        /// The leftmost operand.
        first: Box<Number>,
        /// The others, each with the operator before it.
        rest: Vec<(ArithmeticOp, Number)>,
    },
}

/// Plans a checked search, of which some patterns are compiled already.
///
/// # Errors
/// If a regular expression does not compile.
pub(crate) fn plan(pipeline: &Pipeline, patterns: &[Pattern]) -> Result<Plan, QueryError> {
    let fields = named_fields(pipeline);
    let mut planner = Planner { lowering: Lowering::new(patterns) };
    let stages = planner.stages(pipeline)?;
    Ok(Plan { stages, fields, steps: planner.lowering.steps() })
}

struct Planner {
    lowering: Lowering,
}

impl Planner {
    /// A pipeline in parentheses that stands by itself is as good as its stages; but where spansets
    /// came before it, its `coalesce()` merges only what it made of each of them.
    fn stages(&mut self, pipeline: &Pipeline) -> Result<Vec<Stage>, QueryError> {
        let mut stages = Vec::with_capacity(pipeline.stages.len());
        for (at, stage) in pipeline.stages.iter().enumerate() {
            match stage {
                Syntax::Spanset(SpansetExpr::Pipeline(inner))
                    if at == 0 || !inner.stages.contains(&Syntax::Coalesce) =>
                {
                    stages.extend(self.stages(inner)?);
                }
                stage => stages.push(self.stage(stage)?),
            }
        }
        Ok(stages)
    }

    fn stage(&mut self, stage: &Syntax) -> Result<Stage, QueryError> {
        Ok(match stage {
            Syntax::Spanset(expr) => Stage::Spansets(self.spansets(expr)?),
            Syntax::Filter(ScalarFilter { left, op, right }) => {
                Stage::Filter { left: self.number(left)?, op: *op, right: self.number(right)? }
            }
            Syntax::By(expr) => {
                Stage::By { name: format!("by({expr})"), operand: self.lowering.operand(expr)? }
            }
            Syntax::Coalesce => Stage::Coalesce,
            Syntax::Select(fields) => Stage::Select(fields.iter().map(resolve).collect()),
        })
    }

    fn spansets(&mut self, expr: &SpansetExpr) -> Result<Spansets, QueryError> {
        Ok(match expr {
            SpansetExpr::Filter(expr) => Spansets::Filter(self.lowering.filter(expr)?),
            SpansetExpr::Pipeline(pipeline) => Spansets::Pipeline(self.stages(pipeline)?),
            SpansetExpr::Chain { first, rest } => {
                let first = Box::new(self.spansets(first)?);
                let mut links = Vec::with_capacity(rest.len());
                for (op, right) in rest {
                    let right = self.spansets(right)?;
                    links.push(Link { step: self.lowering.step(), op: *op, right });
                }
                Spansets::Chain { first, rest: links }
            }
        })
    }

    fn number(&mut self, expr: &ScalarExpr) -> Result<Number, QueryError> {
        Ok(match &expr.kind {
            ScalarExprKind::Literal(literal) => Number::Literal(Scalar::of_literal(literal)),
            ScalarExprKind::Negate(inner) => Number::Negate(Box::new(self.number(inner)?)),
            ScalarExprKind::Count => Number::Count,
            ScalarExprKind::Aggregate(op, operand) => Number::Aggregate {
                name: format!("{}({})", word(*op), operand),
                op: *op,
                operand: self.lowering.operand(operand)?,
            },
            ScalarExprKind::Pipeline(pipeline, inner) => {
                Number::Pipeline(self.stages(pipeline)?, Box::new(self.number(inner)?))
            }
            ScalarExprKind::Chain { first, rest } => {
                let first = Box::new(self.number(first)?);
                let mut later = Vec::with_capacity(rest.len());
                for (op, operand) in rest {
                    later.push((*op, self.number(operand)?));
                }
                Number::Arithmetic { first, rest: later }
            }
        })
    }
}

/// The aggregate's name.
pub(crate) fn word(op: AggregateOp) -> &'static str {
    match op {
        AggregateOp::Avg => "avg",
        AggregateOp::Max => "max",
        AggregateOp::Min => "min",
        AggregateOp::Sum => "sum",
    }
}
