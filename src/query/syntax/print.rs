//! Trees as text, in one canonical way: canonical names of intrinsics, scopes as written, blanks
//! around operators, and only the parentheses that keep the meaning. Invariant: the text of a tree
//! that `parse` can give reads back as an equal tree.

use std::fmt::{self, Display, Formatter};

use super::{
    AggregateOp, ArithmeticOp, AttributeScope, BinaryOp, CompareOp, Field, FieldExpr,
    FieldExprKind, FieldKind, Form, Hint, Intrinsic, KindLiteral, Literal, Pipeline, Query,
    Relation, ScalarExpr, ScalarExprKind, ScalarFilter, SpansetExpr, SpansetOp, Stage,
    StatusLiteral, UnaryOp, lexer, quote,
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

impl Display for SpansetOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (relation, form) = match self {
            Self::And => return f.write_str("&&"),
            Self::Or => return f.write_str("||"),
            Self::Unless => return f.write_str("unless"),
            Self::Structural(relation, form) => (relation, form),
        };
        f.write_str(match form {
            Form::Plain => "",
            Form::Not => "!",
            Form::Union => "&",
        })?;
        f.write_str(match relation {
            Relation::Child => ">",
            Relation::Descendant => ">>",
            Relation::Parent => "<",
            Relation::Ancestor => "<<",
            Relation::Sibling => "~",
        })
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

impl Display for AggregateOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avg => "avg",
            Self::Max => "max",
            Self::Min => "min",
            Self::Sum => "sum",
        })
    }
}

impl Display for UnaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minus => "-",
            Self::Not => "!",
        })
    }
}

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And => f.write_str("&&"),
            Self::Or => f.write_str("||"),
            Self::Compare(op) => write!(f, "{op}"),
            Self::Arithmetic(op) => write!(f, "{op}"),
        }
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
        })
    }
}

impl Display for ArithmeticOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
        })
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => quote::write_string(f, text),
            Self::Int(i64::MIN) => f.write_str("minInt"),
            Self::Int(value) => write!(f, "{value}"),
            // `Debug` writes the shortest text that reads back as the same float, always with a point
            // or an exponent.
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Nil => f.write_str("nil"),
            Self::Duration(nanos) => write_duration(f, *nanos),
            Self::Status(status) => write!(f, "{status}"),
            Self::Kind(kind) => write!(f, "{kind}"),
        }
    }
}

/// Writes whole numbers of the units from `h` to `ns`, longest first, without the zeros.
fn write_duration(f: &mut Formatter<'_>, nanos: i64) -> fmt::Result {
    const UNITS: [(&str, u64); 6] = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    if nanos == 0 {
        return f.write_str("0s");
    }
    if nanos < 0 {
        f.write_str("-")?;
    }
    let mut rest = nanos.unsigned_abs();
    for (unit, length) in UNITS {
        if rest >= length {
            write!(f, "{}{unit}", rest / length)?;
            rest %= length;
        }
    }
    Ok(())
}

impl Display for StatusLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        })
    }
}

impl Display for KindLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}

impl Display for Intrinsic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.canonical_name())
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.parent {
            f.write_str("parent.")?;
        }
        let (scope, name) = match &self.kind {
            FieldKind::Intrinsic(intrinsic) => return write!(f, "{intrinsic}"),
            FieldKind::Attribute(scope, name) => (scope, name),
        };
        match scope {
            AttributeScope::Any if self.parent => {}
            AttributeScope::Any => f.write_str(".")?,
            scope => {
                let prefix = lexer::SCOPES.iter().find(|(_, of)| of == scope);
                f.write_str(prefix.map_or("", |(prefix, _)| prefix))?;
            }
        }
        if needs_quotes(name, *scope, self.parent) {
            return quote::write_name(f, name);
        }
        f.write_str(name)
    }
}

/// Whether an attribute's name would not be read back without quotes.
fn needs_quotes(name: &str, scope: AttributeScope, parent: bool) -> bool {
    let any = scope == AttributeScope::Any;
    let reads_as_number = any && name.starts_with(|char: char| char.is_ascii_digit());
    let reads_as_other = any
        && parent
        && (name.starts_with("span.")
            || name.starts_with("resource.")
            || Intrinsic::from_name(name).is_some());
    name.is_empty()
        || reads_as_number
        || reads_as_other
        || name.contains(|char: char| char == '"' || lexer::ends_name(char))
}

impl ScalarExpr {
    /// Whether it stands beside any operator without parentheses.
    pub(super) fn is_single(&self) -> bool {
        self.rank() == Rank::Atom
    }
}
