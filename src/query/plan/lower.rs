//! From a field expression to a filter. Invariant: loops over chains, recursion over nesting only,
//! which the checker limits.

use super::field::{Lookup, Resolved, resolve};
use super::filter::{
    Comparison, FieldTest, Filter, ItemFilter, ItemOperand, ItemTest, Join, Operand, Run, Step,
};
use crate::query::source::{Column, Predicate};
use crate::query::syntax::{
    ArithmeticOp, BinaryOp, CompareOp, Field, FieldExpr, FieldExprKind, Intrinsic, Literal, UnaryOp,
};
use crate::query::value::{Id, Scalar, Test, arithmetic, compare, negate};
use crate::query::{Pattern, QueryError, QueryErrorKind};

/// Numbers the steps of a plan while it is made.
#[derive(Debug, Default)]
pub(crate) struct Lowering {
    steps: usize,
    /// Patterns that are compiled already.
    patterns: Vec<Pattern>,
}

impl Lowering {
    /// No steps yet, and patterns that need not be compiled again.
    pub(crate) fn new(patterns: &[Pattern]) -> Self {
        Self { steps: 0, patterns: patterns.to_vec() }
    }

    /// The next step's number.
    pub(crate) fn step(&mut self) -> Step {
        self.steps += 1;
        Step(self.steps - 1)
    }

    /// How many steps there are.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// The condition that a boolean expression is.
    ///
    /// # Errors
    /// If a regular expression does not compile.
    pub(crate) fn filter(&mut self, expr: &FieldExpr) -> Result<Filter, QueryError> {
        match &expr.kind {
            FieldExprKind::Literal(literal) => {
                Ok(Filter::Constant(*literal == Literal::Bool(true)))
            }
            FieldExprKind::Field(field) => Ok(self.lone(field, true)),
            FieldExprKind::Unary(UnaryOp::Not, inner) => self.negation(inner),
            FieldExprKind::Unary(UnaryOp::Minus, _) => Ok(Filter::Constant(false)),
            FieldExprKind::Chain { first, rest } => match rest.first() {
                Some((BinaryOp::And | BinaryOp::Or, _)) => self.runs(first, rest),
                Some((BinaryOp::Compare(_), _)) => self.comparisons(first, rest),
                Some((BinaryOp::Arithmetic(_), _)) => Ok(Filter::Constant(false)),
                None => self.filter(first),
            },
        }
    }

    /// A field by itself: true where its value is the boolean `wanted`.
    fn lone(&mut self, field: &Field, wanted: bool) -> Filter {
        self.test(resolve(field), Test::Compare(CompareOp::Equal, Scalar::Bool(wanted)))
    }

    /// `!inner`: of a lone field a test for false, of anything else the complement.
    fn negation(&mut self, inner: &FieldExpr) -> Result<Filter, QueryError> {
        let (mut base, mut wanted) = (inner, false);
        while let FieldExprKind::Unary(UnaryOp::Not, next) = &base.kind {
            (base, wanted) = (next, !wanted);
        }
        Ok(match &base.kind {
            FieldExprKind::Field(field) => apart(self.lone(field, wanted)),
            FieldExprKind::Literal(literal) => Filter::Constant(*literal == Literal::Bool(wanted)),
            _ if wanted => apart(self.filter(base)?),
            _ => match self.filter(base)? {
                Filter::Constant(value) => Filter::Constant(!value),
                filter => Filter::Not(Box::new(filter)),
            },
        })
    }

    fn runs(
        &mut self,
        first: &FieldExpr,
        rest: &[(BinaryOp, FieldExpr)],
    ) -> Result<Filter, QueryError> {
        let mut runs: Vec<Run> = Vec::new();
        let mut operands = vec![self.filter(first)?];
        let mut joined_by = None;
        for (op, operand) in rest {
            let join = if *op == BinaryOp::And { Join::And } else { Join::Or };
            if joined_by.is_some_and(|joined_by| joined_by != join) {
                let join = joined_by.unwrap_or(join);
                runs.push(Run { join, operands: std::mem::take(&mut operands) });
            }
            joined_by = Some(join);
            operands.push(self.filter(operand)?);
        }
        runs.push(Run { join: joined_by.unwrap_or(Join::And), operands });
        for run in runs.iter_mut().filter(|run| run.join == Join::And) {
            merge_items(&mut run.operands);
        }
        Ok(Filter::Runs(runs))
    }

    fn comparisons(
        &mut self,
        first: &FieldExpr,
        rest: &[(BinaryOp, FieldExpr)],
    ) -> Result<Filter, QueryError> {
        let mut chain = rest.iter().filter_map(|(op, operand)| match op {
            BinaryOp::Compare(op) => Some((*op, operand)),
            _ => None,
        });
        let Some((op, second)) = chain.next() else { return self.filter(first) };
        let first = self.comparison(first, op, second)?;
        let mut rest = Vec::new();
        for (op, operand) in chain {
            let operand = if is_nil(operand) { None } else { Some(self.operand(operand)?) };
            rest.push((op, operand));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Filter::CompareChain { first: Box::new(first), rest })
    }

    fn comparison(
        &mut self,
        left: &FieldExpr,
        op: CompareOp,
        right: &FieldExpr,
    ) -> Result<Filter, QueryError> {
        match (is_nil(left), is_nil(right)) {
            (true, true) => return Ok(Filter::Constant(false)),
            (true, false) => return self.nil_comparison(right, op),
            (false, true) => return self.nil_comparison(left, op),
            (false, false) => {}
        }
        if matches!(op, CompareOp::Match | CompareOp::NotMatch) {
            return self.pattern(left, op, right);
        }
        Ok(match (plain_field(left), plain_field(right)) {
            (Some(Resolved::Item(a)), Some(Resolved::Item(b))) if a.space() == b.space() => {
                self.item(ItemTest::Compare { column: a, op, right: ItemOperand::Item(b) })
            }
            (Some(Resolved::Item(column)), _) => {
                let right = self.operand(right)?;
                self.item_against(column, op, right)
            }
            (_, Some(Resolved::Item(column))) => {
                let left = self.operand(left)?;
                self.item_against(column, mirrored(op), left)
            }
            _ => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                self.span_comparison(left, op, right)
            }
        })
    }

    fn item_against(&mut self, column: Column, op: CompareOp, right: Operand) -> Filter {
        self.item(match right {
            Operand::Literal(Scalar::Nil) => return Filter::Constant(false),
            Operand::Literal(constant) => {
                let test = typed(&column, Test::Compare(op, constant));
                ItemTest::Predicate(Predicate { column, test })
            }
            right => ItemTest::Compare { column, op, right: ItemOperand::Span(right) },
        })
    }

    fn span_comparison(&mut self, left: Operand, op: CompareOp, right: Operand) -> Filter {
        match (left, right) {
            (Operand::Literal(a), Operand::Literal(b)) => Filter::Constant(compare(op, &a, &b)),
            (_, Operand::Literal(Scalar::Nil)) | (Operand::Literal(Scalar::Nil), _) => {
                Filter::Constant(false)
            }
            (Operand::Field(field), Operand::Literal(constant)) => {
                self.test(Resolved::Span(field), Test::Compare(op, constant))
            }
            (Operand::Literal(constant), Operand::Field(field)) => {
                self.test(Resolved::Span(field), Test::Compare(mirrored(op), constant))
            }
            (left, right) => Filter::Compare(Comparison { step: self.step(), left, op, right }),
        }
    }

    /// `expr = nil` or `expr != nil`.
    fn nil_comparison(&mut self, expr: &FieldExpr, op: CompareOp) -> Result<Filter, QueryError> {
        let is_nil = match plain_field(expr) {
            Some(field) => {
                let present = self.test(field, Test::Present);
                return Ok(match op {
                    CompareOp::NotEqual => present,
                    CompareOp::Equal => Filter::Not(Box::new(present)),
                    _ => Filter::Constant(false),
                });
            }
            None => match self.operand(expr)? {
                Operand::Literal(value) => Filter::Constant(value == Scalar::Nil),
                Operand::Condition(_) => Filter::Constant(false),
                operand => Filter::IsNil { step: self.step(), operand },
            },
        };
        Ok(match (op, is_nil) {
            (CompareOp::Equal, is_nil) => is_nil,
            (CompareOp::NotEqual, Filter::Constant(value)) => Filter::Constant(!value),
            (CompareOp::NotEqual, is_nil) => Filter::Not(Box::new(is_nil)),
            _ => Filter::Constant(false),
        })
    }

    fn pattern(
        &mut self,
        left: &FieldExpr,
        op: CompareOp,
        right: &FieldExpr,
    ) -> Result<Filter, QueryError> {
        let FieldExprKind::Literal(Literal::String(regex)) = &right.kind else {
            return Ok(Filter::Constant(false));
        };
        let known = self.patterns.iter().find(|pattern| **pattern.text() == **regex);
        let pattern = known.map_or_else(|| Pattern::new(regex), |pattern| Ok(pattern.clone()));
        let pattern = pattern
            .map_err(|message| QueryError::new(QueryErrorKind::Regex, right.range, message))?;
        let test = match op {
            CompareOp::Match => Test::Matches(pattern),
            _ => Test::NotMatches(pattern),
        };
        if let Some(field) = plain_field(left) {
            return Ok(self.test(field, test));
        }
        // Nothing that is computed is text.
        Ok(match self.operand(left)? {
            Operand::Literal(value) => Filter::Constant(test.holds(&value)),
            _ => Filter::Constant(false),
        })
    }

    fn test(&mut self, field: Resolved, test: Test) -> Filter {
        match field {
            Resolved::Span(field) => {
                let test = match &field.lookup {
                    Lookup::Plain(column) => typed(column, test),
                    Lookup::SpanThenResource(_) | Lookup::ServiceName => test,
                };
                Filter::Test(FieldTest::new(self.step(), field, test))
            }
            Resolved::Item(column) => {
                let test = typed(&column, test);
                self.item(ItemTest::Predicate(Predicate { column, test }))
            }
        }
    }

    fn item(&mut self, test: ItemTest) -> Filter {
        let space = match &test {
            ItemTest::Predicate(predicate) => predicate.column.space(),
            ItemTest::Compare { column, .. } => column.space(),
        };
        Filter::Items(ItemFilter { step: self.step(), space, tests: vec![test] })
    }

    /// The value that an expression has for each span.
    ///
    /// # Errors
    /// If a regular expression in it does not compile.
    pub(crate) fn operand(&mut self, expr: &FieldExpr) -> Result<Operand, QueryError> {
        Ok(match &expr.kind {
            FieldExprKind::Literal(literal) => Operand::Literal(Scalar::of_literal(literal)),
            FieldExprKind::Field(field) => match resolve(field) {
                Resolved::Span(field) => Operand::Field(field),
                Resolved::Item(column) => Operand::First(column),
            },
            FieldExprKind::Unary(UnaryOp::Minus, inner) => match self.operand(inner)? {
                Operand::Literal(value) => Operand::Literal(negate(&value)),
                inner => Operand::Negate(Box::new(inner)),
            },
            FieldExprKind::Unary(UnaryOp::Not, inner) => match self.operand(inner)? {
                Operand::Literal(value) => Operand::Literal(flip(&value)),
                inner => Operand::Flip(Box::new(inner)),
            },
            FieldExprKind::Chain { first, rest } => match rest.first() {
                Some((BinaryOp::Arithmetic(_), _)) => self.sum(first, rest)?,
                None => self.operand(first)?,
                Some(_) => match self.filter(expr)? {
                    Filter::Constant(value) => Operand::Literal(Scalar::Bool(value)),
                    filter => Operand::Condition(Box::new(filter)),
                },
            },
        })
    }

    fn sum(
        &mut self,
        first: &FieldExpr,
        rest: &[(BinaryOp, FieldExpr)],
    ) -> Result<Operand, QueryError> {
        let mut first = self.operand(first)?;
        let mut later: Vec<(ArithmeticOp, Operand)> = Vec::new();
        for (op, operand) in rest {
            let BinaryOp::Arithmetic(op) = op else { continue };
            match (self.operand(operand)?, &first) {
                (Operand::Literal(b), Operand::Literal(a)) if later.is_empty() => {
                    first = Operand::Literal(arithmetic(*op, a, &b));
                }
                (operand, _) => later.push((*op, operand)),
            }
        }
        if later.is_empty() {
            return Ok(first);
        }
        Ok(Operand::Arithmetic { first: Box::new(first), rest: later })
    }
}

/// The same test with a text constant read once as the time or the id that the column holds.
fn typed(column: &Column, test: Test) -> Test {
    let Column::Intrinsic(intrinsic) = column else { return test };
    let Test::Compare(op, Scalar::String(written)) = &test else { return test };
    let read = match intrinsic {
        Intrinsic::StartTime | Intrinsic::EndTime | Intrinsic::TraceStartTime => {
            Scalar::of_time_text(written)
        }
        Intrinsic::SpanId
        | Intrinsic::ParentId
        | Intrinsic::TraceId
        | Intrinsic::LinkTraceId
        | Intrinsic::LinkSpanId
            if matches!(op, CompareOp::Equal | CompareOp::NotEqual) =>
        {
            Id::parse(written).map(Scalar::Id)
        }
        _ => None,
    };
    match read {
        Some(constant) => Test::Compare(*op, constant),
        None => test,
    }
}

/// `!value`; nil of what is no boolean.
pub(crate) fn flip(value: &Scalar) -> Scalar {
    match value {
        Scalar::Bool(value) => Scalar::Bool(!value),
        _ => Scalar::Nil,
    }
}

/// A condition on events or links that stands by itself, as `!` demands: it is not joined with others
/// of its `&&` chain.
fn apart(filter: Filter) -> Filter {
    match filter {
        Filter::Items(_) => Filter::Runs(vec![Run { join: Join::And, operands: vec![filter] }]),
        other => other,
    }
}

/// Puts the tests of events within one chain into one filter, those of links into another.
fn merge_items(operands: &mut Vec<Filter>) {
    let mut merged: Vec<Filter> = Vec::with_capacity(operands.len());
    for operand in operands.drain(..) {
        if let Filter::Items(items) = operand {
            let alike = merged.iter_mut().find_map(|earlier| match earlier {
                Filter::Items(earlier) if earlier.space == items.space => Some(earlier),
                _ => None,
            });
            match alike {
                Some(earlier) => earlier.tests.extend(items.tests),
                None => merged.push(Filter::Items(items)),
            }
        } else {
            merged.push(operand);
        }
    }
    *operands = merged;
}

fn plain_field(expr: &FieldExpr) -> Option<Resolved> {
    match &expr.kind {
        FieldExprKind::Field(field) => Some(resolve(field)),
        _ => None,
    }
}

fn is_nil(expr: &FieldExpr) -> bool {
    matches!(&expr.kind, FieldExprKind::Literal(Literal::Nil))
}

/// The operator with its sides exchanged.
pub(crate) fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessEqual => CompareOp::GreaterEqual,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterEqual => CompareOp::LessEqual,
        other => other,
    }
}
