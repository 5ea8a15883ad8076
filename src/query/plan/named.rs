//! The fields that a query names: they are returned with every span found. Invariant: each comes
//! once, in the order of its first mention.

use std::collections::BTreeSet;

use crate::query::syntax::{
    Field, FieldExpr, FieldExprKind, Pipeline, ScalarExpr, ScalarExprKind, SpansetExpr, Stage,
};

/// The fields that a pipeline names.
pub(crate) fn named_fields(pipeline: &Pipeline) -> Vec<Field> {
    let mut named = Named::default();
    named.pipeline(pipeline);
    named.fields
}

#[derive(Default)]
struct Named<'a> {
    seen: BTreeSet<&'a Field>,
    fields: Vec<Field>,
}

impl<'a> Named<'a> {
    fn add(&mut self, field: &'a Field) {
        if self.seen.insert(field) {
            self.fields.push(field.clone());
        }
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline) {
        for stage in &pipeline.stages {
            match stage {
                Stage::Spanset(expr) => self.spansets(expr),
                Stage::Filter(filter) => {
                    self.scalar(&filter.left);
                    self.scalar(&filter.right);
                }
                Stage::By(expr) => self.field_expr(expr),
                Stage::Coalesce => {}
                Stage::Select(fields) => {
                    for field in fields {
                        self.add(field);
                    }
                }
            }
        }
    }

    fn spansets(&mut self, expr: &'a SpansetExpr) {
        match expr {
            SpansetExpr::Filter(expr) => self.field_expr(expr),
            SpansetExpr::Pipeline(pipeline) => self.pipeline(pipeline),
            SpansetExpr::Chain { first, rest } => {
                self.spansets(first);
                for (_, operand) in rest {
                    self.spansets(operand);
                }
            }
        }
    }

    fn field_expr(&mut self, expr: &'a FieldExpr) {
        match &expr.kind {
            FieldExprKind::Literal(_) => {}
            FieldExprKind::Field(field) => self.add(field),
            FieldExprKind::Unary(_, inner) => self.field_expr(inner),
            FieldExprKind::Chain { first, rest } => {
                self.field_expr(first);
                for (_, operand) in rest {
                    self.field_expr(operand);
                }
            }
        }
    }

    fn scalar(&mut self, expr: &'a ScalarExpr) {
        match &expr.kind {
            ScalarExprKind::Literal(_) | ScalarExprKind::Count => {}
            ScalarExprKind::Negate(inner) => self.scalar(inner),
            ScalarExprKind::Aggregate(_, operand) => self.field_expr(operand),
            ScalarExprKind::Pipeline(pipeline, inner) => {
                self.pipeline(pipeline);
                self.scalar(inner);
            }
            ScalarExprKind::Chain { first, rest } => {
                self.scalar(first);
                for (_, operand) in rest {
                    self.scalar(operand);
                }
            }
        }
    }
}
