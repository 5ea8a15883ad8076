//! What a spanset filter does: tests of stored fields, put together. Invariant: chains are flat, so
//! a filter is only as deep as the query's parentheses and unary operators make it.

use std::sync::Arc;

use super::field::{Lookup, SpanField};
use crate::query::source::{Column, Predicate, Space};
use crate::query::syntax::{ArithmeticOp, CompareOp, Intrinsic};
use crate::query::value::{Scalar, Test};

/// A condition on spans.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// All spans or none.
    Constant(bool),
    /// A test of one field.
    Test(FieldTest),
    /// One event, or one link, of the span passes all tests.
    Items(ItemFilter),
    /// The spans that the filter leaves out.
    Not(Box<Filter>),
    /// Runs of `&&` and `||`, from left to right; at least one, none of them empty.
    Runs(Vec<Run>),
    /// A comparison that has to be computed span by span.
    Compare(Comparison),
    /// A comparison of comparisons: `first op next op next ...`.
    CompareChain {
        /// The leftmost condition.
        first: Box<Filter>,
        /// What the truth so far is compared with, one after another; `None` is the word `nil`.
        rest: Vec<(CompareOp, Option<Operand>)>,
    },
    /// The computed value is nil.
    IsNil {
        /// Which step of the plan it is.
        step: Step,
        /// What is computed.
        operand: Operand,
    },
}

/// A step's number within its plan; run figures are kept by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step(pub(crate) usize);

/// How a run of operands joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// All must hold, what stands left of the run included.
    And,
    /// Any may hold, or what stands left of the run.
    Or,
}

/// Operands joined by one operator. Those of an `&&` run are tried cheapest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// The operator.
    pub(crate) join: Join,
    /// The operands.
    pub(crate) operands: Vec<Filter>,
}

impl Filter {
    /// True where all tests that it is made of have answers that blocks keep.
    pub(crate) fn is_kept(&self) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Test(test) => test.name.is_some(),
            Self::Not(inner) => inner.is_kept(),
            Self::Runs(runs) => runs.iter().flat_map(|run| &run.operands).all(Self::is_kept),
            Self::Items(_) | Self::Compare(_) | Self::CompareChain { .. } | Self::IsNil { .. } => {
                false
            }
        }
    }
}

/// A test of one field of a span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldTest {
    /// Which step of the plan it is.
    pub(crate) step: Step,
    /// The field.
    pub(crate) field: SpanField,
    /// The test.
    pub(crate) test: Test,
    /// A name under which blocks keep what is found; the same for the same field and test only. `None`
    /// where an answer is not kept.
    pub(crate) name: Option<Arc<str>>,
}

impl FieldTest {
    /// A test, its answer kept where indexes give it for one value.
    pub(crate) fn new(step: Step, field: SpanField, test: Test) -> Self {
        let is_indexed = match &field.lookup {
            Lookup::Plain(Column::Intrinsic(which)) => {
                matches!(which, Intrinsic::Name | Intrinsic::Status | Intrinsic::Kind)
            }
            Lookup::Plain(_) | Lookup::SpanThenResource(_) | Lookup::ServiceName => true,
        };
        let is_kept =
            is_indexed && !field.parent && matches!(test, Test::Compare(CompareOp::Equal, _));
        let name = is_kept.then(|| format!("{:?} {test:?}", field.lookup).into());
        Self { step, field, test, name }
    }
}

/// Tests that one and the same event, or link, must pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ItemFilter {
    /// Which step of the plan it is.
    pub(crate) step: Step,
    /// Events or links.
    pub(crate) space: Space,
    /// The tests; at least one.
    pub(crate) tests: Vec<ItemTest>,
}

/// A test of one event or link.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ItemTest {
    /// A test of a stored field.
    Predicate(Predicate),
    /// A comparison of one of its fields with something else.
    Compare {
        /// The field.
        column: Column,
        /// The operator.
        op: CompareOp,
        /// The right side.
        right: ItemOperand,
    },
}

/// What an event's or a link's field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ItemOperand {
    /// Another field of the same event or link.
    Item(Column),
    /// A value of the span that owns it.
    Span(Operand),
}

/// A comparison computed span by span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// Which step of the plan it is.
    pub(crate) step: Step,
    /// The left side.
    pub(crate) left: Operand,
    /// The operator; none of the regex ones.
    pub(crate) op: CompareOp,
    /// The right side.
    pub(crate) right: Operand,
}

/// A value computed for each span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    /// A constant.
    Literal(Scalar),
    /// A field.
    Field(SpanField),
    /// The field of the first event, or link, that has it.
    First(Column),
    /// Whether the span passes.
    Condition(Box<Filter>),
    /// `-e`
    Negate(Box<Operand>),
    /// `!e`: nil where `e` is no boolean.
    Flip(Box<Operand>),
    /// `first op next op next ...`
    Arithmetic {
        /// The leftmost operand.
        first: Box<Operand>,
        /// The others, each with the operator before it.
        rest: Vec<(ArithmeticOp, Operand)>,
    },
}

impl Operand {
    /// Visits every field whose absence makes the value nil.
    pub(crate) fn for_each_field<'a>(&'a self, visit: &mut impl FnMut(Needed<'a>)) {
        match self {
            Self::Literal(_) | Self::Condition(_) => {}
            Self::Field(field) => visit(Needed::Span(field)),
            Self::First(_) => visit(Needed::Item),
            Self::Negate(operand) | Self::Flip(operand) => operand.for_each_field(visit),
            Self::Arithmetic { first, rest } => {
                first.for_each_field(visit);
                for (_, operand) in rest {
                    operand.for_each_field(visit);
                }
            }
        }
    }
}

/// A field that a computed value needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Needed<'a> {
    /// A field of the span.
    Span(&'a SpanField),
    /// A field of any event or link.
    Item,
}
