//! Trees as text, in one canonical way: canonical names of intrinsics, scopes as written, blanks
//! around operators, and only the parentheses that keep the meaning. Invariant: the text of a tree
//! that `parse` can give reads back as an equal tree.

use std::fmt::{self, Display, Formatter};

use super::{
    ArithmeticOp, BinaryOp, FieldExpr, FieldExprKind, Hint, Literal, Pipeline, Query, ScalarExpr,
    ScalarExprKind, ScalarFilter, SpansetExpr, SpansetOp, Stage,
};

/// How tightly an expression holds together; the ranks of the grammar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Or,
    Compare,
    Sum,
    Unary,
    Factor,
    Power,
    Atom,
}

impl Rank {
    fn of(op: BinaryOp) -> Self {
        match op {
            BinaryOp::And | BinaryOp::Or => Self::Or,
            BinaryOp::Compare(_) => Self::Compare,
            BinaryOp::Arithmetic(op) => Self::of_arithmetic(op),
        }
    }

    fn of_arithmetic(op: ArithmeticOp) -> Self {
        match op {
            ArithmeticOp::Add | ArithmeticOp::Subtract => Self::Sum,
            ArithmeticOp::Multiply | ArithmeticOp::Divide | ArithmeticOp::Modulo => Self::Factor,
            ArithmeticOp::Power => Self::Power,
        }
    }
}

/// A tree of operators, as far as parentheses depend on it.
trait Operand: Display {
    fn rank(&self) -> Rank;

    /// Whether it ends in what a prefix operator applies to, so that a `*` after it would join that.
    fn is_open(&self) -> bool;

    /// Writes it as an operand within a chain of `rank`, in parentheses where it needs them.
    fn write_within(&self, f: &mut Formatter<'_>, rank: Rank, last: bool) -> fmt::Result {
        let bare = match rank {
            Rank::Or | Rank::Compare => self.rank() > rank,
            Rank::Sum | Rank::Unary => self.rank() >= Rank::Unary,
            _ if last => self.rank() == Rank::Unary || self.rank() >= Rank::Power,
            Rank::Factor => self.rank() >= Rank::Power && !self.is_open(),
            Rank::Power | Rank::Atom => self.rank() == Rank::Atom,
        };
        if bare { write!(f, "{self}") } else { write!(f, "({self})") }
    }
}

fn write_chain<E: Operand, O: Display>(
    f: &mut Formatter<'_>,
    rank: Rank,
    first: &E,
    rest: &[(O, E)],
) -> fmt::Result {
    first.write_within(f, rank, false)?;
    let count = rest.len();
    for (index, (op, next)) in rest.iter().enumerate() {
        write!(f, " {op} ")?;
        next.write_within(f, rank, index + 1 == count)?;
    }
    Ok(())
}

pub(super) fn write_list<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let hints = match self {
            Self::Search(pipeline, hints) => {
                write!(f, "{pipeline}")?;
                hints
            }
            Self::Metrics(metrics, hints) => {
                write!(f, "{metrics}")?;
                hints
            }
        };
        if hints.is_empty() {
            return Ok(());
        }
        f.write_str(" with (")?;
        write_list(f, hints)?;
        f.write_str(")")
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{stage}")?;
        }
        Ok(())
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spanset(expr) => write!(f, "{expr}"),
            Self::Filter(filter) => write!(f, "{filter}"),
            Self::By(expr) => write!(f, "by({expr})"),
            Self::Coalesce => f.write_str("coalesce()"),
            Self::Select(fields) => {
                f.write_str("select(")?;
                write_list(f, fields)?;
                f.write_str(")")
            }
        }
    }
}

impl Display for SpansetExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (first, rest) = match self {
            Self::Filter(FieldExpr {
                kind: FieldExprKind::Literal(Literal::Bool(true)), ..
            }) => {
                return f.write_str("{ }");
            }
            Self::Filter(expr) => return write!(f, "{{ {expr} }}"),
            Self::Pipeline(pipeline) => return write!(f, "({pipeline})"),
            Self::Chain { first, rest } => (first, rest),
        };
        let loose = is_loose(rest);
        write_spanset(f, first, loose)?;
        for (op, next) in rest {
            write!(f, " {op} ")?;
            write_spanset(f, next, loose)?;
        }
        Ok(())
    }
}

/// Whether a chain of spansets is one of set operators.
fn is_loose(rest: &[(SpansetOp, SpansetExpr)]) -> bool {
    rest.iter().all(|(op, _)| !matches!(op, SpansetOp::Structural(..)))
}

/// Writes an operand of a chain, which is of set operators where it is `within_loose`.
fn write_spanset(f: &mut Formatter<'_>, expr: &SpansetExpr, within_loose: bool) -> fmt::Result {
    match expr {
        SpansetExpr::Chain { rest, .. } if !within_loose || is_loose(rest) => write!(f, "({expr})"),
        _ => write!(f, "{expr}"),
    }
}

impl Operand for FieldExpr {
    fn rank(&self) -> Rank {
        match &self.kind {
            FieldExprKind::Literal(_) | FieldExprKind::Field(_) => Rank::Atom,
            FieldExprKind::Unary(..) => Rank::Unary,
            FieldExprKind::Chain { rest, .. } => {
                rest.first().map_or(Rank::Atom, |(op, _)| Rank::of(*op))
            }
        }
    }

    fn is_open(&self) -> bool {
        match &self.kind {
            FieldExprKind::Unary(..) => true,
            FieldExprKind::Chain { rest, .. } if self.rank() == Rank::Power => {
                rest.last().is_some_and(|(_, exponent)| exponent.is_open())
            }
            _ => false,
        }
    }
}

impl Display for FieldExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FieldExprKind::Literal(value) => write!(f, "{value}"),
            FieldExprKind::Field(field) => write!(f, "{field}"),
            FieldExprKind::Unary(op, operand) => {
                write!(f, "{op}")?;
                operand.write_within(f, Rank::Unary, true)
            }
            FieldExprKind::Chain { first, rest } => {
                write_chain(f, self.rank(), first.as_ref(), rest)
            }
        }
    }
}

impl Operand for ScalarExpr {
    fn rank(&self) -> Rank {
        match &self.kind {
            ScalarExprKind::Negate(_) => Rank::Unary,
            ScalarExprKind::Chain { rest, .. } => {
                rest.first().map_or(Rank::Atom, |(op, _)| Rank::of_arithmetic(*op))
            }
            _ => Rank::Atom,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.kind, ScalarExprKind::Negate(_))
    }
}

impl Display for ScalarExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ScalarExprKind::Literal(value) => write!(f, "{value}"),
            ScalarExprKind::Negate(operand) => {
                f.write_str("-")?;
                operand.write_within(f, Rank::Unary, true)
            }
            ScalarExprKind::Count => f.write_str("count()"),
            ScalarExprKind::Aggregate(op, expr) => write!(f, "{op}({expr})"),
            ScalarExprKind::Pipeline(pipeline, scalar) => write!(f, "({pipeline} | {scalar})"),
            ScalarExprKind::Chain { first, rest } => {
                write_chain(f, self.rank(), first.as_ref(), rest)
            }
        }
    }
}

impl Display for ScalarFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.op, self.right)
    }
}

impl ScalarExpr {
    /// Whether it stands beside any operator without parentheses.
    pub(super) fn is_single(&self) -> bool {
        self.rank() == Rank::Atom
    }
}
