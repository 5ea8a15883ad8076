//! What an expression is on one span. Invariant: the conditions on events in one `&&` chain are met
//! by one and the same event, those on links by one and the same link.

use super::unknown;
use std::cell::RefCell;
use std::collections::HashMap;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use treering::model::{Event, Link};
use treering::query::syntax::{BinaryOp, CompareOp, FieldExpr, FieldExprKind, Literal, UnaryOp};

use super::fields::{Per, on_event, on_link, on_span, per};
use super::tree::Tree;
use super::values::{Val, calculate, compare, negate};

/// One span to evaluate expressions on.
#[derive(Clone, Copy)]
pub(crate) struct On<'a> {
    /// Its trace.
    pub(crate) tree: &'a Tree,
    /// Which span of the trace.
    pub(crate) at: usize,
    /// Compiled patterns.
    pub(crate) regexes: &'a Regexes,
}

/// Compiled patterns, by their text.
#[derive(Debug, Default)]
pub(crate) struct Regexes(RefCell<HashMap<String, Regex>>);

/// One side of a comparison.
#[derive(Clone, Copy)]
enum Side<'a> {
    Expr(&'a FieldExpr),
    Bool(bool),
}

/// `left op right`, or a boolean field alone, which is `field = true`.
#[derive(Clone, Copy)]
struct Comparison<'a> {
    left: Side<'a>,
    op: CompareOp,
    right: Side<'a>,
}

/// A member of an `&&` chain.
enum Member<'a> {
    /// What the chain was before, as far as `||` reaches.
    Known(bool),
    Expr(&'a FieldExpr),
}

/// The event or link that a comparison is looked at on.
#[derive(Clone, Copy)]
enum Place<'a> {
    Span,
    Event(&'a Event),
    Link(&'a Link),
}

impl On<'_> {
    /// True if the span meets the condition.
    pub(crate) fn truth(self, expr: &FieldExpr) -> bool {
        match &expr.kind {
            FieldExprKind::Literal(literal) => matches!(literal, Literal::Bool(true)),
            FieldExprKind::Field(_) => self.chain(&[Member::Expr(expr)]),
            FieldExprKind::Unary(UnaryOp::Minus, _) => false,
            FieldExprKind::Unary(UnaryOp::Not, inner) => self.not(inner),
            FieldExprKind::Chain { first, rest } => match rest.first() {
                Some((BinaryOp::And | BinaryOp::Or, _)) => self.logic(first, rest),
                Some((BinaryOp::Compare(_), _)) => self.comparisons(first, rest),
                _ => false,
            },
            other => unknown(other),
        }
    }

    /// The expression's value.
    pub(crate) fn value(self, expr: &FieldExpr) -> Val {
        match &expr.kind {
            FieldExprKind::Literal(literal) => Val::from(literal),
            FieldExprKind::Field(field) => on_span(self.tree, self.at, field),
            FieldExprKind::Unary(UnaryOp::Minus, inner) => negate(&self.value(inner)),
            FieldExprKind::Unary(UnaryOp::Not, inner) => match self.value(inner) {
                Val::Bool(value) => Val::Bool(!value),
                _ => Val::Nil,
            },
            FieldExprKind::Chain { first, rest } => {
                let mut value = self.value(first);
                for (op, next) in rest {
                    match op {
                        BinaryOp::Arithmetic(op) => {
                            value = calculate(&value, *op, &self.value(next));
                        }
                        _ => return Val::Bool(self.truth(expr)),
                    }
                }
                value
            }
            other => unknown(other),
        }
    }

    /// `!inner`. On a field alone it asks for false, so that neither holds where there is no boolean.
    fn not(self, inner: &FieldExpr) -> bool {
        let mut wanted = false;
        let mut inner = inner;
        while let FieldExprKind::Unary(UnaryOp::Not, next) = &inner.kind {
            wanted = !wanted;
            inner = next;
        }
        if matches!(inner.kind, FieldExprKind::Field(_)) {
            let (left, right) = (Side::Expr(inner), Side::Bool(wanted));
            return self.exists(Comparison { left, op: CompareOp::Equal, right });
        }
        self.truth(inner) == wanted
    }

    /// `&&` and `||`, from left to right.
    fn logic(self, first: &FieldExpr, rest: &[(BinaryOp, FieldExpr)]) -> bool {
        let mut members = vec![Member::Expr(first)];
        for (op, next) in rest {
            if *op == BinaryOp::And {
                members.push(Member::Expr(next));
            } else {
                let known = self.chain(&members) || self.truth(next);
                members = vec![Member::Known(known)];
            }
        }
        self.chain(&members)
    }

    /// An `&&` chain.
    fn chain(self, members: &[Member<'_>]) -> bool {
        let mut on_events = Vec::new();
        let mut on_links = Vec::new();
        for member in members {
            let expr = match member {
                Member::Known(true) => continue,
                Member::Known(false) => return false,
                Member::Expr(expr) => expr,
            };
            match comparison(expr).map(|comparison| (comparison.per(), comparison)) {
                Some((Per::Event, comparison)) => on_events.push(comparison),
                Some((Per::Link, comparison)) => on_links.push(comparison),
                Some((Per::Span, comparison)) if !self.holds(comparison, Place::Span) => {
                    return false;
                }
                None if !self.truth(expr) => return false,
                Some(_) | None => {}
            }
        }
        let span = &self.tree.spans[self.at];
        let event = |event| on_events.iter().all(|c| self.holds(*c, Place::Event(event)));
        let link = |link| on_links.iter().all(|c| self.holds(*c, Place::Link(link)));
        (on_events.is_empty() || span.events.iter().any(event))
            && (on_links.is_empty() || span.links.iter().any(link))
    }

    /// One comparison by itself: on the span, or on any event or link.
    fn exists(self, comparison: Comparison<'_>) -> bool {
        let span = &self.tree.spans[self.at];
        match comparison.per() {
            Per::Span => self.holds(comparison, Place::Span),
            Per::Event => span.events.iter().any(|e| self.holds(comparison, Place::Event(e))),
            Per::Link => span.links.iter().any(|l| self.holds(comparison, Place::Link(l))),
        }
    }

    /// `first op next op next`: the first two are compared, then the outcome with the next.
    fn comparisons(self, first: &FieldExpr, rest: &[(BinaryOp, FieldExpr)]) -> bool {
        let mut left = Side::Expr(first);
        for (op, next) in rest {
            let BinaryOp::Compare(op) = op else { return false };
            left = Side::Bool(self.exists(Comparison { left, op: *op, right: Side::Expr(next) }));
        }
        matches!(left, Side::Bool(true))
    }

    fn holds(self, comparison: Comparison<'_>, place: Place<'_>) -> bool {
        let Comparison { left, op, right } = comparison;
        match (left.is_nil(), right.is_nil()) {
            (true, true) => return false,
            (false, false) => {}
            (_, left_stays) => {
                let other = if left_stays { left } else { right };
                return self.side(other, place).is_present() == (op == CompareOp::NotEqual);
            }
        }
        let left = self.side(left, place);
        match op {
            CompareOp::Match | CompareOp::NotMatch => {
                let Side::Expr(FieldExpr { kind: FieldExprKind::Literal(pattern), .. }) = right
                else {
                    return false;
                };
                let Literal::String(pattern) = pattern else { return false };
                let elements = left.elements();
                let strings = !elements.is_empty() && elements.iter().all(|e| text(e).is_some());
                let matches =
                    |value: &&Val| text(value).is_some_and(|t| self.regexes.is_match(pattern, t));
                strings && elements.iter().any(matches) == (op == CompareOp::Match)
            }
            _ => compare(&left, op, &self.side(right, place)),
        }
    }

    fn side(self, side: Side<'_>, place: Place<'_>) -> Val {
        let expr = match side {
            Side::Bool(value) => return Val::Bool(value),
            Side::Expr(expr) => expr,
        };
        match (&expr.kind, place) {
            (FieldExprKind::Field(field), Place::Event(event)) if per(field) == Per::Event => {
                on_event(&self.tree.spans[self.at], event, &field.kind)
            }
            (FieldExprKind::Field(field), Place::Link(link)) if per(field) == Per::Link => {
                on_link(link, &field.kind)
            }
            _ => self.value(expr),
        }
    }
}

/// The expression as one comparison, if it is that.
fn comparison(expr: &FieldExpr) -> Option<Comparison<'_>> {
    match &expr.kind {
        FieldExprKind::Field(_) => {
            let (left, right) = (Side::Expr(expr), Side::Bool(true));
            Some(Comparison { left, op: CompareOp::Equal, right })
        }
        FieldExprKind::Chain { first, rest } => match &rest[..] {
            [(BinaryOp::Compare(op), right)] => {
                let (left, right) = (Side::Expr(first), Side::Expr(right));
                Some(Comparison { left, op: *op, right })
            }
            _ => None,
        },
        _ => None,
    }
}

impl Side<'_> {
    fn is_nil(self) -> bool {
        matches!(self, Side::Expr(FieldExpr { kind: FieldExprKind::Literal(Literal::Nil), .. }))
    }

    fn per(self) -> Per {
        match self {
            Side::Expr(FieldExpr { kind: FieldExprKind::Field(field), .. }) => per(field),
            _ => Per::Span,
        }
    }
}

impl Comparison<'_> {
    /// Whether this is a condition on one event, on one link or on the span. That no event has a
    /// field is one on the span.
    fn per(self) -> Per {
        let nil = self.left.is_nil() || self.right.is_nil();
        if nil && self.op == CompareOp::Equal {
            return Per::Span;
        }
        match (self.left.per(), self.right.per()) {
            (Per::Span, right) => right,
            (left, _) => left,
        }
    }
}

fn text(value: &Val) -> Option<&str> {
    match value {
        Val::Str(text) | Val::Id(text) => Some(text),
        _ => None,
    }
}

impl Regexes {
    fn is_match(&self, pattern: &str, text: &str) -> bool {
        let mut compiled = self.0.borrow_mut();
        let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| {
            let syntax = syntax::Config::new().dot_matches_new_line(true);
            let whole = format!(r"\A(?:{})\z", ascii_classes(pattern));
            Regex::builder().syntax(syntax).build(&whole).unwrap()
        });
        regex.is_match(text)
    }
}

/// The pattern with `\d`, `\w`, `\s` and `\b` as RE2 means them: of ASCII alone.
fn ascii_classes(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => text.push_str("[0-9]"),
            Some('D') => text.push_str("[^0-9]"),
            Some('w') => text.push_str("[0-9A-Za-z_]"),
            Some('W') => text.push_str("[^0-9A-Za-z_]"),
            Some('s') => text.push_str(r"[\t\n\f\r ]"),
            Some('S') => text.push_str(r"[^\t\n\f\r ]"),
            Some(edge @ ('b' | 'B')) => {
                text.extend(["(?-u)\\", &edge.to_string(), "(?u)"]);
            }
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}
