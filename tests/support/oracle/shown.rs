//! What comes with spansets and spans beside their place in the answer: the values of stages, and
//! the fields that a query names. Invariant: a value is shown as the text of the one that an answer
//! of a search holds, so that the two compare as they are.

use super::unknown;
use treering::Timestamp;
use treering::query::FieldValue;
use treering::query::syntax::{
    Field, FieldExpr, FieldExprKind, FieldKind, Pipeline, ScalarExpr, ScalarExprKind, ScalarFilter,
    SpansetExpr, Stage,
};

use super::fields::on_span;
use super::spansets::{Evaluation, Set};
use super::values::Val;

/// Names with the texts of their values.
pub(crate) type Shown = Vec<(String, String)>;

impl Evaluation<'_> {
    /// The spansets that a whole query's pipeline makes of a trace, with the values of its stages.
    /// Those of a pipeline in parentheses count where it begins the query.
    pub(crate) fn shown_sets(self, pipeline: &Pipeline, input: Set) -> Vec<(Set, Shown)> {
        let mut sets = vec![(input, Shown::new())];
        for (at, stage) in pipeline.stages.iter().enumerate() {
            sets = match (at, stage) {
                (0, Stage::Spanset(SpansetExpr::Pipeline(inner))) => sets
                    .into_iter()
                    .flat_map(|(set, _)| self.shown_sets(inner, set))
                    .filter(|(set, _)| !set.is_empty())
                    .collect(),
                (_, Stage::Coalesce) if sets.is_empty() => sets,
                (_, Stage::Coalesce) => {
                    let spans = sets.into_iter().flat_map(|(set, _)| set);
                    vec![(spans.collect(), Shown::new())]
                }
                _ => sets.into_iter().flat_map(|set| self.shown_stage(stage, set)).collect(),
            };
        }
        sets
    }

    fn shown_stage(self, stage: &Stage, (set, shown): (Set, Shown)) -> Vec<(Set, Shown)> {
        match stage {
            Stage::Spanset(expr) => {
                let sets = self.spanset(expr, &set).into_iter();
                sets.map(|set| (set, shown.clone())).collect()
            }
            Stage::Filter(filter) if self.scalar_filter(filter, &set) => {
                let computed = self.computed(filter, &set);
                vec![(set, joined(shown, computed))]
            }
            Stage::Filter(_) => Vec::new(),
            Stage::By(expr) => {
                let named = |set: Set| {
                    let value = set.first().map_or(Val::Nil, |at| self.on(*at).value(expr));
                    let name = format!("by({expr})");
                    let by = (name.clone(), text(&field_value(&value)));
                    (set, joined(shown.clone(), vec![by]))
                };
                self.by(expr, &set).into_iter().map(named).collect()
            }
            Stage::Coalesce | Stage::Select(_) => vec![(set, shown)],
            other => unknown(other),
        }
    }

    /// The values of the aggregates of a filter, each once.
    fn computed(self, filter: &ScalarFilter, set: &Set) -> Shown {
        let mut aggregates = Vec::new();
        collect_aggregates(&filter.left, &mut aggregates);
        collect_aggregates(&filter.right, &mut aggregates);
        let mut shown = Shown::new();
        for scalar in aggregates {
            let name = scalar.to_string();
            if !shown.iter().any(|(known, _)| *known == name) {
                let value = text(&field_value(&self.scalar(scalar, set)));
                shown.push((name, value));
            }
        }
        shown
    }

    /// The values of fields on a span, where it has them.
    pub(crate) fn shown_fields(self, fields: &[Field], at: usize) -> Shown {
        let value = |field: &Field| field_value(&on_span(self.tree, at, field));
        let named = fields.iter().map(|field| (name(field), value(field)));
        let there = named.filter(|(_, value)| *value != FieldValue::Nil);
        let texts = there.map(|(name, value)| {
            let value = text(&value);
            (name, value)
        });
        texts.collect()
    }
}

/// What a value is compared as. Zeros of either sign are one number.
pub(crate) fn text(value: &FieldValue) -> String {
    match value {
        FieldValue::Float(0.0) => "Float(0.0)".to_owned(),
        _ => format!("{value:?}"),
    }
}

/// The value as an answer has it.
pub(crate) fn field_value(value: &Val) -> FieldValue {
    match value {
        Val::Nil | Val::Opaque => FieldValue::Nil,
        Val::Str(text) => FieldValue::String(text.clone()),
        // An id that is all zero, or none, is shown as the text it is.
        Val::Id(id) => FieldValue::String(id.clone()),
        Val::Int(value) => FieldValue::Int(*value),
        Val::Float(value) => FieldValue::Float(*value),
        Val::Bool(value) => FieldValue::Bool(*value),
        Val::Duration(nanos) => {
            let nearest = if *nanos < 0 { i64::MIN } else { i64::MAX };
            FieldValue::Duration(i64::try_from(*nanos).unwrap_or(nearest))
        }
        Val::Status(number) => FieldValue::Status(*number),
        Val::Kind(number) => FieldValue::Kind(*number),
        Val::Time(nanos) => FieldValue::Time(Timestamp::from_unix_nanos(*nanos)),
        Val::Array(values) => FieldValue::Array(values.iter().map(field_value).collect()),
    }
}

fn name(field: &Field) -> String {
    let own = match &field.kind {
        FieldKind::Attribute(_, key) => key.as_str(),
        FieldKind::Intrinsic(intrinsic) => intrinsic.short_name(),
        other => unknown(other),
    };
    if field.parent { format!("parent.{own}") } else { own.to_owned() }
}

/// The aggregates of a scalar but those of pipelines within it.
fn collect_aggregates<'a>(scalar: &'a ScalarExpr, into: &mut Vec<&'a ScalarExpr>) {
    match &scalar.kind {
        ScalarExprKind::Literal(_) | ScalarExprKind::Pipeline(..) => {}
        ScalarExprKind::Count | ScalarExprKind::Aggregate(..) => into.push(scalar),
        ScalarExprKind::Negate(inner) => collect_aggregates(inner, into),
        ScalarExprKind::Chain { first, rest } => {
            collect_aggregates(first, into);
            for (_, next) in rest {
                collect_aggregates(next, into);
            }
        }
        other => unknown(other),
    }
}

/// The fields that a pipeline names, each once, in the order of their first mention.
pub(crate) fn named(pipeline: &Pipeline) -> Vec<Field> {
    let mut fields = Vec::new();
    in_pipeline(pipeline, &mut fields);
    let mut once: Vec<Field> = Vec::new();
    for field in fields {
        if !once.contains(field) {
            once.push(field.clone());
        }
    }
    once
}

fn in_pipeline<'a>(pipeline: &'a Pipeline, fields: &mut Vec<&'a Field>) {
    for stage in &pipeline.stages {
        match stage {
            Stage::Spanset(expr) => in_spanset(expr, fields),
            Stage::Filter(filter) => {
                in_scalar(&filter.left, fields);
                in_scalar(&filter.right, fields);
            }
            Stage::By(expr) => in_expr(expr, fields),
            Stage::Coalesce => {}
            Stage::Select(selected) => fields.extend(selected),
            other => unknown(other),
        }
    }
}

fn in_spanset<'a>(expr: &'a SpansetExpr, fields: &mut Vec<&'a Field>) {
    match expr {
        SpansetExpr::Filter(filter) => in_expr(filter, fields),
        SpansetExpr::Pipeline(pipeline) => in_pipeline(pipeline, fields),
        SpansetExpr::Chain { first, rest } => {
            in_spanset(first, fields);
            for (_, next) in rest {
                in_spanset(next, fields);
            }
        }
        other => unknown(other),
    }
}

fn in_expr<'a>(expr: &'a FieldExpr, fields: &mut Vec<&'a Field>) {
    match &expr.kind {
        FieldExprKind::Literal(_) => {}
        FieldExprKind::Field(field) => fields.push(field),
        FieldExprKind::Unary(_, inner) => in_expr(inner, fields),
        FieldExprKind::Chain { first, rest } => {
            in_expr(first, fields);
            for (_, next) in rest {
                in_expr(next, fields);
            }
        }
        other => unknown(other),
    }
}

fn in_scalar<'a>(scalar: &'a ScalarExpr, fields: &mut Vec<&'a Field>) {
    match &scalar.kind {
        ScalarExprKind::Literal(_) | ScalarExprKind::Count => {}
        ScalarExprKind::Negate(inner) => in_scalar(inner, fields),
        ScalarExprKind::Aggregate(_, expr) => in_expr(expr, fields),
        ScalarExprKind::Pipeline(pipeline, scalar) => {
            in_pipeline(pipeline, fields);
            in_scalar(scalar, fields);
        }
        ScalarExprKind::Chain { first, rest } => {
            in_scalar(first, fields);
            for (_, next) in rest {
                in_scalar(next, fields);
            }
        }
        other => unknown(other),
    }
}

/// Values of stages after others: of stages that say the same the last counts, in the first's place.
fn joined(mut shown: Shown, later: Shown) -> Shown {
    for (name, value) in later {
        match shown.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => *before = value,
            None => shown.push((name, value)),
        }
    }
    shown
}
