//! The types of expressions over one span. Invariant: what passes here has operands that may go
//! together at run time; an attribute's type is unknown and goes with everything.

use super::checker::{Checker, check_time};
use super::mismatch;
use crate::query::syntax::{
    AttributeScope, BinaryOp, CompareOp, Field, FieldExpr, FieldExprKind, FieldKind, Literal,
    UnaryOp, ValueType,
};
use crate::query::{QueryError, QueryErrorKind};

/// What is known of an expression's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing: an attribute.
    Any,
    /// A number, of which kind is not known.
    Number,
    /// All.
    Known(ValueType),
}

impl Type {
    pub(super) const BOOL: Self = Self::Known(ValueType::Bool);

    pub(super) fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Number | Self::Known(ValueType::Int | ValueType::Float | ValueType::Duration)
        )
    }

    /// Its name in messages.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Any => "an attribute",
            Self::Number | Self::Known(ValueType::Int | ValueType::Float) => "a number",
            Self::Known(ValueType::String) => "a string",
            Self::Known(ValueType::Bool) => "true or false",
            Self::Known(ValueType::Duration) => "a duration",
            Self::Known(ValueType::Time) => "a point in time",
            Self::Known(ValueType::Status) => "a status",
            Self::Known(ValueType::Kind) => "a kind",
            Self::Known(ValueType::Nil) => "`nil`",
        }
    }
}

fn of_literal(value: &Literal) -> Type {
    Type::Known(match value {
        Literal::String(_) => ValueType::String,
        Literal::Int(_) => ValueType::Int,
        Literal::Float(_) => ValueType::Float,
        Literal::Bool(_) => ValueType::Bool,
        Literal::Nil => ValueType::Nil,
        Literal::Duration(_) => ValueType::Duration,
        Literal::Status(_) => ValueType::Status,
        Literal::Kind(_) => ValueType::Kind,
    })
}

/// What is known of a field's type.
pub(super) fn of_field(field: &Field) -> Type {
    match &field.kind {
        FieldKind::Attribute(..) => Type::Any,
        FieldKind::Intrinsic(intrinsic) => Type::Known(intrinsic.value_type()),
    }
}

/// Whether a field of any kind stands in `expr`.
pub(super) fn names_field(expr: &FieldExpr) -> bool {
    match &expr.kind {
        FieldExprKind::Literal(_) => false,
        FieldExprKind::Field(_) => true,
        FieldExprKind::Unary(_, operand) => names_field(operand),
        FieldExprKind::Chain { first, rest } => {
            names_field(first) || rest.iter().any(|(_, next)| names_field(next))
        }
    }
}

fn is_nil(expr: &FieldExpr) -> bool {
    matches!(expr.kind, FieldExprKind::Literal(Literal::Nil))
}

pub(super) fn type_error(at: &FieldExpr, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Type, at.range, message)
}

impl Checker<'_> {
    /// Checks the expression within braces.
    pub(super) fn condition(&mut self, expr: &FieldExpr) -> Result<(), QueryError> {
        match self.expression(expr)? {
            Type::Any | Type::BOOL => Ok(()),
            Type::Known(ValueType::Nil) => Err(misplaced_nil(expr)),
            other => Err(mismatch::not_boolean(expr, other)),
        }
    }

    /// Checks `expr`, which may stand anywhere, and returns its type.
    pub(super) fn expression(&mut self, expr: &FieldExpr) -> Result<Type, QueryError> {
        match &expr.kind {
            FieldExprKind::Literal(value) => Ok(of_literal(value)),
            FieldExprKind::Field(field) => {
                self.note_field(field);
                Ok(of_field(field))
            }
            FieldExprKind::Unary(op, operand) => self.unary(*op, operand),
            FieldExprKind::Chain { first, rest } => self.chain(first, rest),
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &FieldExpr) -> Result<Type, QueryError> {
        let found = self.expression(operand)?;
        if is_nil(operand) {
            return Err(misplaced_nil(operand));
        }
        match op {
            UnaryOp::Minus if found == Type::Any => Ok(Type::Number),
            UnaryOp::Minus if found.is_numeric() => Ok(found),
            UnaryOp::Minus => Err(mismatch::not_number(operand, found)),
            UnaryOp::Not if matches!(found, Type::Any | Type::BOOL) => Ok(Type::BOOL),
            UnaryOp::Not => Err(mismatch::not_boolean_operand(operand, found, "!", None)),
        }
    }

    fn chain(
        &mut self,
        first: &FieldExpr,
        rest: &[(BinaryOp, FieldExpr)],
    ) -> Result<Type, QueryError> {
        let mut left_type = self.expression(first)?;
        // What stands left of the next operator: after the first, the chain so far.
        let mut left = Some(first);
        let mut before = first;
        for (op, right) in rest {
            let right_type = self.expression(right)?;
            let so_far = Before { first, last: before };
            left_type = self.combined(*op, (left, left_type), (right, right_type), so_far)?;
            left = None;
            before = right;
        }
        Ok(left_type)
    }

    /// The type of `left op right`, where `so_far` is what the chain has to the left.
    fn combined(
        &mut self,
        op: BinaryOp,
        (left, left_type): (Option<&FieldExpr>, Type),
        (right, right_type): (&FieldExpr, Type),
        so_far: Before<'_>,
    ) -> Result<Type, QueryError> {
        match op {
            BinaryOp::And | BinaryOp::Or => {
                boolean(left, left_type, op, None)?;
                boolean(Some(right), right_type, op, Some(so_far.last))
            }
            BinaryOp::Arithmetic(_) => {
                let left_type = numeric(left, left_type)?;
                Ok(sum(left_type, numeric(Some(right), right_type)?))
            }
            BinaryOp::Compare(op) => {
                let sides = Sides { left, left_type, right, right_type, op, so_far };
                self.comparison(&sides).map(|()| Type::BOOL)
            }
        }
    }

    fn comparison(&mut self, sides: &Sides<'_>) -> Result<(), QueryError> {
        let (left, right) = (sides.left_type, sides.right_type);
        let equality = matches!(sides.op, CompareOp::Equal | CompareOp::NotEqual);
        let nil = Type::Known(ValueType::Nil);
        if left == nil || right == nil {
            return compare_with_nil(sides);
        }
        if matches!(sides.op, CompareOp::Match | CompareOp::NotMatch) {
            return self.pattern(sides);
        }
        check_time(sides)?;
        if !may_compare(left, right) {
            return Err(mismatch::never_compare(sides));
        }
        let unordered = |of: Type| {
            matches!(of, Type::Known(ValueType::Bool | ValueType::Status | ValueType::Kind))
        };
        if !equality && (unordered(left) || unordered(right)) {
            return Err(mismatch::unordered(sides));
        }
        self.warn_unitless(sides);
        Ok(())
    }

    /// `left =~ right`.
    fn pattern(&mut self, sides: &Sides<'_>) -> Result<(), QueryError> {
        let FieldExprKind::Literal(Literal::String(pattern)) = &sides.right.kind else {
            return Err(mismatch::pattern_needed(sides));
        };
        if !matches!(sides.left_type, Type::Any | Type::Known(ValueType::String)) {
            return Err(mismatch::match_needs_string(sides));
        }
        self.compile(pattern, sides.right.range)
    }
}

/// A comparison.
pub(super) struct Sides<'q> {
    /// Missing where it is itself a comparison, which is then true or false.
    pub(super) left: Option<&'q FieldExpr>,
    pub(super) left_type: Type,
    pub(super) right: &'q FieldExpr,
    pub(super) right_type: Type,
    pub(super) op: CompareOp,
    /// The chain that the left side ends.
    pub(super) so_far: Before<'q>,
}

/// Operands of a chain.
#[derive(Clone, Copy)]
pub(super) struct Before<'q> {
    pub(super) first: &'q FieldExpr,
    /// The one before the operator.
    pub(super) last: &'q FieldExpr,
}

fn may_compare(left: Type, right: Type) -> bool {
    let time_with = |other: Type| {
        matches!(other, Type::Number | Type::Known(ValueType::Int | ValueType::String))
    };
    match (left, right) {
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::Known(ValueType::Time), other) | (other, Type::Known(ValueType::Time))
            if time_with(other) =>
        {
            true
        }
        (left, right) => left == right || (left.is_numeric() && right.is_numeric()),
    }
}

fn boolean(
    at: Option<&FieldExpr>,
    found: Type,
    op: BinaryOp,
    before: Option<&FieldExpr>,
) -> Result<Type, QueryError> {
    match (found, at) {
        (Type::Any | Type::BOOL, _) | (_, None) => Ok(Type::BOOL),
        (_, Some(at)) if is_nil(at) => Err(misplaced_nil(at)),
        (_, Some(at)) => Err(mismatch::not_boolean_operand(at, found, &op.to_string(), before)),
    }
}

fn numeric(at: Option<&FieldExpr>, found: Type) -> Result<Type, QueryError> {
    match (found, at) {
        (Type::Any, _) => Ok(Type::Number),
        (found, _) if found.is_numeric() => Ok(found),
        (_, None) => Ok(Type::Number),
        (_, Some(at)) if is_nil(at) => Err(misplaced_nil(at)),
        (_, Some(at)) => Err(mismatch::not_number(at, found)),
    }
}

/// The type of `left op right`.
fn sum(left: Type, right: Type) -> Type {
    let int = Type::Known(ValueType::Int);
    if left == int && right == int { int } else { Type::Number }
}

fn misplaced_nil(at: &FieldExpr) -> QueryError {
    type_error(at, "`nil` stands only directly beside `=` or `!=`")
        .with_help("`.x != nil` says that there is an `x`, `.x = nil` that there is none")
}

fn compare_with_nil(sides: &Sides<'_>) -> Result<(), QueryError> {
    let equal = match sides.op {
        CompareOp::Equal => true,
        CompareOp::NotEqual => false,
        _ if is_nil(sides.right) => return Err(misplaced_nil(sides.right)),
        _ => return Err(misplaced_nil(sides.left.unwrap_or(sides.right))),
    };
    for side in [sides.left, Some(sides.right)].into_iter().flatten() {
        if let (true, FieldExprKind::Field(field)) = (equal, &side.kind)
            && !field.parent
            && is_never_nil(field)
        {
            return Err(type_error(side, format!("`{field}` is never nil"))
                .with_help("leave the condition out, or compare with `\"\"` or `0`"));
        }
    }
    Ok(())
}

fn is_never_nil(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Intrinsic(_) => true,
        FieldKind::Attribute(scope, name) => {
            *scope == AttributeScope::Resource && name == "service.name"
        }
    }
}
