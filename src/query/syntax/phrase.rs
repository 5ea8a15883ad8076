//! What the grammar builds outside braces. `TraceQL` reads alike there whatever is meant: only when
//! `({ .a } | count()) > 2` is read whole is it known that its `(` opened a scalar, and `2 * (...)`
//! may be a constant times a scalar or times a metrics query. So the grammar gives operators their
//! ranks, and `lower` then gives each phrase its kind, with an error that knows both sides.
//! Invariant: a chain holds operators of one rank only.

use super::token::Token;
use super::{
    ArithmeticOp, BinaryOp, CompareOp, Field, FieldExpr, FieldExprKind, Literal, SpansetOp,
};
use super::{Form, Relation, TextRange, UnaryOp};

/// A part of a query outside braces, and where it stands.
#[derive(Debug)]
pub(crate) struct Phrase {
    pub(crate) kind: PhraseKind,
    pub(crate) range: TextRange,
}

/// The kinds of [`Phrase`].
#[derive(Debug)]
pub(crate) enum PhraseKind {
    /// `{ ... }`.
    Braces(FieldExpr),
    /// `( stage | stage ... )`, or a whole query.
    Stages(Vec<Phrase>),
    /// A constant.
    Literal(Literal),
    /// A field or a word, which can stand here only by mistake.
    Field(Field),
    /// `name(argument, ...)`, perhaps with `by (field, ...)`.
    Call(Call),
    /// A prefix operator.
    Unary(UnaryOp, Box<Phrase>),
    /// Operators of one rank, left to right.
    Chain(Box<Phrase>, Vec<(Operator, Phrase)>),
}

/// `name(argument, ...)`, perhaps with `by (field, ...)`.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) name_range: TextRange,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) by: Option<(Vec<Argument>, TextRange)>,
}

/// What stands between the parentheses of a call.
#[derive(Debug)]
pub(crate) enum Argument {
    /// An expression.
    Field(FieldExpr),
    /// `{ ... }`, with its range.
    Braces(FieldExpr, TextRange),
}

impl Argument {
    pub(crate) fn range(&self) -> TextRange {
        match self {
            Self::Field(expr) => expr.range,
            Self::Braces(_, range) => *range,
        }
    }
}

/// An operator as written, and where.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) token: Token,
    pub(crate) range: TextRange,
}

impl Operator {
    /// What it means between values.
    pub(crate) fn between_values(&self) -> Option<BinaryOp> {
        Some(match self.token {
            Token::And => BinaryOp::And,
            Token::Or => BinaryOp::Or,
            Token::Plus => BinaryOp::Arithmetic(ArithmeticOp::Add),
            Token::Minus => BinaryOp::Arithmetic(ArithmeticOp::Subtract),
            Token::Star => BinaryOp::Arithmetic(ArithmeticOp::Multiply),
            Token::Slash => BinaryOp::Arithmetic(ArithmeticOp::Divide),
            Token::Percent => BinaryOp::Arithmetic(ArithmeticOp::Modulo),
            Token::Caret => BinaryOp::Arithmetic(ArithmeticOp::Power),
            Token::Equal => BinaryOp::Compare(CompareOp::Equal),
            Token::NotEqual => BinaryOp::Compare(CompareOp::NotEqual),
            Token::Less => BinaryOp::Compare(CompareOp::Less),
            Token::LessEqual => BinaryOp::Compare(CompareOp::LessEqual),
            Token::Greater => BinaryOp::Compare(CompareOp::Greater),
            Token::GreaterEqual => BinaryOp::Compare(CompareOp::GreaterEqual),
            Token::Match => BinaryOp::Compare(CompareOp::Match),
            Token::NotMatch => BinaryOp::Compare(CompareOp::NotMatch),
            _ => return None,
        })
    }

    /// What it means between spansets.
    pub(crate) fn between_spansets(&self) -> Option<SpansetOp> {
        Some(match self.token {
            Token::And => SpansetOp::And,
            Token::Or => SpansetOp::Or,
            Token::Unless => SpansetOp::Unless,
            Token::Greater => SpansetOp::Structural(Relation::Child, Form::Plain),
            Token::Less => SpansetOp::Structural(Relation::Parent, Form::Plain),
            Token::NotMatch => SpansetOp::Structural(Relation::Sibling, Form::Not),
            Token::Structural(op) => op,
            _ => return None,
        })
    }
}

/// A tree that the grammar's ranks of operators build: of values inside braces, of phrases outside.
pub(crate) trait Node: Sized {
    /// What stands between two nodes.
    type Op;
    /// `operator operand`, the operator at `start`.
    fn unary(op: UnaryOp, operand: Self, start: usize) -> Self;
    /// `first operator next ...`; `first` itself where nothing follows.
    fn chain(first: Self, rest: Vec<(Self::Op, Self)>) -> Self;
}

impl Node for FieldExpr {
    type Op = BinaryOp;

    fn unary(op: UnaryOp, operand: Self, start: usize) -> Self {
        let range = TextRange { start, end: operand.range.end };
        Self { kind: FieldExprKind::Unary(op, Box::new(operand)), range }
    }

    fn chain(first: Self, rest: Vec<(BinaryOp, Self)>) -> Self {
        let Some((_, last)) = rest.last() else { return first };
        let range = TextRange { start: first.range.start, end: last.range.end };
        Self { kind: FieldExprKind::Chain { first: Box::new(first), rest }, range }
    }
}

impl Node for Phrase {
    type Op = Operator;

    fn unary(op: UnaryOp, operand: Self, start: usize) -> Self {
        let range = TextRange { start, end: operand.range.end };
        Self { kind: PhraseKind::Unary(op, Box::new(operand)), range }
    }

    fn chain(first: Self, rest: Vec<(Operator, Self)>) -> Self {
        let Some((_, last)) = rest.last() else { return first };
        let range = TextRange { start: first.range.start, end: last.range.end };
        Self { kind: PhraseKind::Chain(Box::new(first), rest), range }
    }
}
