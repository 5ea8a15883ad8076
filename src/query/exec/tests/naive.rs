//! Conditions evaluated straight from the syntax tree, one span at a time. Invariant: nothing here
//! uses the plan; only what two values are to each other is shared with the engine.

use super::super::testing::Forest;
use crate::query::Pattern;
use crate::query::source::{Column, Space};
use crate::query::syntax::{
    AttributeScope, BinaryOp, CompareOp, Field, FieldExpr, FieldExprKind, FieldKind, Intrinsic,
    Literal, UnaryOp,
};
use crate::query::value::{Scalar, Test, arithmetic, compare, negate};

/// Evaluates one span at a time.
pub(super) struct Naive<'a>(pub(super) &'a Forest);

/// The event or link that plain fields of its space are read from.
type Item = Option<(Space, u32)>;

impl Naive<'_> {
    fn items(&self, space: Space, row: u32) -> Vec<u32> {
        let owners = match space {
            Space::Events => &self.0.event_owners,
            _ => &self.0.link_owners,
        };
        (0..).zip(owners).filter(|(_, owner)| **owner == row).map(|(item, _)| item).collect()
    }

    fn field(&self, field: &Field, row: u32, item: Item) -> Scalar {
        let row = match (field.parent, self.0.parent(row)) {
            (false, _) => row,
            (true, Some(parent)) => parent,
            (true, None) => return Scalar::Nil,
        };
        let (scope, key) = match &field.kind {
            FieldKind::Attribute(scope, key) => (*scope, key.clone()),
            FieldKind::Intrinsic(intrinsic) => {
                return self.column(&Column::Intrinsic(*intrinsic), row, item);
            }
        };
        let resource = Column::ResourceAttribute(key.clone());
        match scope {
            AttributeScope::Span => self.column(&Column::SpanAttribute(key), row, item),
            AttributeScope::Resource => match self.column(&resource, row, item) {
                Scalar::Nil if key == "service.name" => Scalar::text(""),
                value => value,
            },
            AttributeScope::Any => match self.column(&Column::SpanAttribute(key), row, item) {
                Scalar::Nil => self.column(&resource, row, item),
                value => value,
            },
            AttributeScope::Event => self.column(&Column::EventAttribute(key), row, item),
            AttributeScope::Link => self.column(&Column::LinkAttribute(key), row, item),
            AttributeScope::Instrumentation => self.column(&Column::ScopeAttribute(key), row, item),
        }
    }

    fn column(&self, column: &Column, row: u32, item: Item) -> Scalar {
        let space = column.space();
        if space == Space::Spans {
            return self.0.value(column, row);
        }
        match item {
            Some((own, item)) if own == space => self.0.value(column, item),
            _ => {
                let values = self.items(space, row).into_iter();
                let mut values = values.map(|item| self.0.value(column, item));
                values.find(Scalar::is_present).unwrap_or_default()
            }
        }
    }

    pub(super) fn value(&self, expr: &FieldExpr, row: u32, item: Item) -> Scalar {
        match &expr.kind {
            FieldExprKind::Literal(literal) => Scalar::of_literal(literal),
            FieldExprKind::Field(field) => self.field(field, row, item),
            // Inside an expression, no event is the one that is asked.
            FieldExprKind::Unary(UnaryOp::Minus, inner) => negate(&self.value(inner, row, None)),
            FieldExprKind::Unary(UnaryOp::Not, inner) => match self.value(inner, row, None) {
                Scalar::Bool(value) => Scalar::Bool(!value),
                _ => Scalar::Nil,
            },
            FieldExprKind::Chain { first, rest } => match rest[0].0 {
                BinaryOp::Arithmetic(_) => {
                    rest.iter().fold(self.value(first, row, None), |value, (op, operand)| {
                        let BinaryOp::Arithmetic(op) = op else { panic!("mixed chain") };
                        arithmetic(*op, &value, &self.value(operand, row, None))
                    })
                }
                _ => Scalar::Bool(self.holds(expr, row)),
            },
        }
    }

    /// Whether a condition holds for a span.
    pub(super) fn holds(&self, expr: &FieldExpr, row: u32) -> bool {
        let FieldExprKind::Chain { first, rest } = &expr.kind else {
            return self.together(&[expr], row);
        };
        match rest[0].0 {
            BinaryOp::Compare(_) => return self.together(&[expr], row),
            BinaryOp::Arithmetic(_) => return false,
            BinaryOp::And | BinaryOp::Or => {}
        }
        // `run` holds the operands of the run at hand, `before` the truth of what is left of it.
        let (mut before, mut run, mut op) = (None, vec![&**first], rest[0].0);
        for (next, operand) in rest {
            if *next != op {
                before = Some(self.run(before, op, &run, row));
                run.clear();
                op = *next;
            }
            run.push(operand);
        }
        self.run(before, op, &run, row)
    }

    fn run(&self, before: Option<bool>, op: BinaryOp, run: &[&FieldExpr], row: u32) -> bool {
        if op == BinaryOp::And {
            before.unwrap_or(true) && self.together(run, row)
        } else {
            before.unwrap_or(false) || run.iter().any(|operand| self.holds_alone(operand, row))
        }
    }

    fn holds_alone(&self, expr: &FieldExpr, row: u32) -> bool {
        self.together(&[expr], row)
    }

    /// Whether conditions joined by `&&` hold, those on events for one and the same event.
    fn together(&self, conditions: &[&FieldExpr], row: u32) -> bool {
        [Space::Spans, Space::Events, Space::Links].into_iter().all(|space| {
            let mut own = conditions.iter().filter(|condition| space_of(condition) == space);
            if space == Space::Spans {
                return own.all(|condition| self.simple(condition, row, None));
            }
            // What `!` negates starts afresh.
            let (alone, joined): (Vec<&FieldExpr>, Vec<_>) =
                own.partition(|condition| matches!(condition.kind, FieldExprKind::Unary(..)));
            let items = self.items(space, row);
            let any = |conditions: &[&FieldExpr]| {
                let passes = |item: &u32| {
                    let holds = |one: &&FieldExpr| self.simple(one, row, Some((space, *item)));
                    conditions.iter().all(holds)
                };
                conditions.is_empty() || items.iter().any(passes)
            };
            alone.iter().all(|one| any(&[*one])) && any(&joined)
        })
    }

    /// A condition that is no `&&` or `||` of others, or one in parentheses.
    fn simple(&self, expr: &FieldExpr, row: u32, item: Item) -> bool {
        match &expr.kind {
            FieldExprKind::Literal(literal) => *literal == Literal::Bool(true),
            FieldExprKind::Field(field) => self.field(field, row, item) == Scalar::Bool(true),
            FieldExprKind::Unary(UnaryOp::Minus, _) => false,
            FieldExprKind::Unary(UnaryOp::Not, inner) => match lone(inner) {
                Some((field, wanted)) => self.field(field, row, item) == Scalar::Bool(!wanted),
                None => !self.holds(inner, row),
            },
            FieldExprKind::Chain { first, rest } => match rest[0].0 {
                BinaryOp::Compare(op) => {
                    let mut truth = self.compare(first, op, &rest[0].1, row, item);
                    for (op, operand) in &rest[1..] {
                        let BinaryOp::Compare(op) = op else { panic!("mixed chain") };
                        truth = if operand.kind == FieldExprKind::Literal(Literal::Nil) {
                            *op == CompareOp::NotEqual
                        } else {
                            let value = self.value(operand, row, None);
                            compare(*op, &Scalar::Bool(truth), &value)
                        };
                    }
                    truth
                }
                _ => self.holds(expr, row),
            },
        }
    }

    fn compare(&self, a: &FieldExpr, op: CompareOp, b: &FieldExpr, row: u32, item: Item) -> bool {
        let nil = |expr: &FieldExpr| expr.kind == FieldExprKind::Literal(Literal::Nil);
        let operand = match (nil(a), nil(b)) {
            (true, true) => return false,
            (true, false) => b,
            (false, true) => a,
            (false, false) => {
                let (left, right) = (self.value(a, row, item), self.value(b, row, item));
                if let (CompareOp::Match | CompareOp::NotMatch, Scalar::String(text)) = (op, &right)
                {
                    let pattern = Pattern::new(text).unwrap();
                    let test =
                        if op == CompareOp::Match { Test::Matches } else { Test::NotMatches };
                    return test(pattern).holds(&left);
                }
                return compare(op, &left, &right);
            }
        };
        let present = self.value(operand, row, item).is_present();
        match op {
            CompareOp::Equal => !present,
            CompareOp::NotEqual => present,
            _ => false,
        }
    }
}

/// The field of a lone boolean with any `!` before it, and the value that makes it true.
pub(super) fn lone(expr: &FieldExpr) -> Option<(&Field, bool)> {
    match &expr.kind {
        FieldExprKind::Field(field) => Some((field, true)),
        FieldExprKind::Unary(UnaryOp::Not, inner) => {
            lone(inner).map(|(field, wanted)| (field, !wanted))
        }
        _ => None,
    }
}

pub(super) fn field_space(field: &Field) -> Space {
    match &field.kind {
        FieldKind::Attribute(AttributeScope::Event, _)
        | FieldKind::Intrinsic(Intrinsic::EventName) => Space::Events,
        FieldKind::Attribute(AttributeScope::Link, _) => Space::Links,
        _ => Space::Spans,
    }
}

/// What a condition is about: one event, one link, or the span.
pub(super) fn space_of(expr: &FieldExpr) -> Space {
    if let Some((field, _)) = lone(expr) {
        return field_space(field);
    }
    let FieldExprKind::Chain { first, rest } = &expr.kind else { return Space::Spans };
    let (BinaryOp::Compare(op), 1) = (rest[0].0, rest.len()) else { return Space::Spans };
    let second = &rest[0].1;
    let nil = |expr: &FieldExpr| expr.kind == FieldExprKind::Literal(Literal::Nil);
    if (nil(first) || nil(second)) && op != CompareOp::NotEqual {
        return Space::Spans;
    }
    let plain = |expr: &FieldExpr| match &expr.kind {
        FieldExprKind::Field(field) => field_space(field),
        _ => Space::Spans,
    };
    if plain(first) == Space::Spans { plain(second) } else { plain(first) }
}
