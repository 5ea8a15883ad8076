//! The fields that a query names, which are returned with every span. Invariant: each once, in the
//! order of first mention; recursion over nesting only.

use super::filter::Operand;
use super::lower::Lowering;
use crate::query::QueryError;
use crate::query::syntax::{
    Field, FieldExpr, FieldExprKind, FieldKind, Intrinsic, Pipeline, ScalarExpr, ScalarExprKind,
    SpansetExpr, Stage, TextRange,
};

/// The named fields of a pipeline: the name that each is returned under, and how to read it.
///
/// # Errors
/// None in practice: a field alone can always be planned.
pub(crate) fn fields(pipeline: &Pipeline) -> Result<Vec<(String, Operand)>, QueryError> {
    let mut found = Vec::new();
    in_pipeline(pipeline, &mut found);
    let mut lowering = Lowering::default();
    let mut named: Vec<(String, Operand)> = Vec::new();
    for field in found {
        let kind = FieldExprKind::Field(field.clone());
        let operand = lowering.operand(&FieldExpr { kind, range: TextRange::default() })?;
        named.push((name(&field), operand));
    }
    Ok(named)
}

fn add(field: &Field, found: &mut Vec<Field>) {
    // Ids, names and times are part of every result; and no field twice.
    if !found.contains(field) {
        found.push(field.clone());
    }
}

fn in_pipeline(pipeline: &Pipeline, found: &mut Vec<Field>) {
    for stage in &pipeline.stages {
        match stage {
            Stage::Spanset(expr) => in_spanset(expr, found),
            Stage::Filter(filter) => {
                in_scalar(&filter.left, found);
                in_scalar(&filter.right, found);
            }
            Stage::By(expr) => in_expr(expr, found),
            Stage::Select(fields) => fields.iter().for_each(|field| add(field, found)),
            Stage::Coalesce => {}
        }
    }
}

fn in_spanset(expr: &SpansetExpr, found: &mut Vec<Field>) {
    match expr {
        SpansetExpr::Filter(expr) => in_expr(expr, found),
        SpansetExpr::Pipeline(pipeline) => in_pipeline(pipeline, found),
        SpansetExpr::Chain { first, rest } => {
            in_spanset(first, found);
            rest.iter().for_each(|(_, right)| in_spanset(right, found));
        }
    }
}

fn in_scalar(expr: &ScalarExpr, found: &mut Vec<Field>) {
    match &expr.kind {
        ScalarExprKind::Literal(_) | ScalarExprKind::Count => {}
        ScalarExprKind::Negate(inner) => in_scalar(inner, found),
        ScalarExprKind::Aggregate(_, expr) => in_expr(expr, found),
        ScalarExprKind::Pipeline(pipeline, inner) => {
            in_pipeline(pipeline, found);
            in_scalar(inner, found);
        }
        ScalarExprKind::Chain { first, rest } => {
            in_scalar(first, found);
            rest.iter().for_each(|(_, right)| in_scalar(right, found));
        }
    }
}

fn in_expr(expr: &FieldExpr, found: &mut Vec<Field>) {
    match &expr.kind {
        FieldExprKind::Literal(_) => {}
        FieldExprKind::Field(field) => add(field, found),
        FieldExprKind::Unary(_, inner) => in_expr(inner, found),
        FieldExprKind::Chain { first, rest } => {
            in_expr(first, found);
            rest.iter().for_each(|(_, right)| in_expr(right, found));
        }
    }
}

/// The name a field is returned under: an attribute's without scope, an intrinsic's short one.
fn name(field: &Field) -> String {
    let own = match &field.kind {
        FieldKind::Attribute(_, key) => key.as_str(),
        FieldKind::Intrinsic(intrinsic) => short_name(*intrinsic),
    };
    if field.parent { format!("parent.{own}") } else { own.to_owned() }
}

fn short_name(intrinsic: Intrinsic) -> &'static str {
    match intrinsic {
        Intrinsic::Duration => "duration",
        Intrinsic::Name => "name",
        Intrinsic::Status => "status",
        Intrinsic::StatusMessage => "statusMessage",
        Intrinsic::Kind => "kind",
        Intrinsic::SpanId => "span:id",
        Intrinsic::ParentId => "span:parentID",
        Intrinsic::ChildCount => "span:childCount",
        Intrinsic::TraceId => "trace:id",
        Intrinsic::TraceDuration => "traceDuration",
        Intrinsic::RootName => "rootName",
        Intrinsic::RootService => "rootServiceName",
        Intrinsic::EventName => "event:name",
        Intrinsic::EventTimeSinceStart => "event:timeSinceStart",
        Intrinsic::LinkTraceId => "link:traceID",
        Intrinsic::LinkSpanId => "link:spanID",
        Intrinsic::InstrumentationName => "instrumentation:name",
        Intrinsic::InstrumentationVersion => "instrumentation:version",
        Intrinsic::NestedSetLeft => "nestedSetLeft",
        Intrinsic::NestedSetRight => "nestedSetRight",
        Intrinsic::NestedSetParent => "nestedSetParent",
        Intrinsic::SelfDuration => "span:selfDuration",
        Intrinsic::Depth => "span:depth",
        Intrinsic::TraceSpanCount => "trace:spanCount",
        Intrinsic::TraceServiceCount => "trace:serviceCount",
        Intrinsic::TraceErrorCount => "trace:errorCount",
        Intrinsic::StartTime => "span:startTime",
        Intrinsic::EndTime => "span:endTime",
        Intrinsic::TraceStartTime => "trace:startTime",
    }
}
