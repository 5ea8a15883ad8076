//! Spanset expressions and pipelines against direct evaluation, trace by trace.

use proptest::prelude::*;

use super::super::testing::Forest;
use super::generate::{blocks, chain, expr};
use super::naive::Naive;
use super::{live, run};
use crate::query::syntax::{
    AggregateOp, ArithmeticOp, AttributeScope, BinaryOp, CompareOp, Field, FieldExpr,
    FieldExprKind, FieldKind, Form, Literal, Pipeline, Relation, ScalarExpr, ScalarExprKind,
    ScalarFilter, SpansetExpr, SpansetOp, Stage, TextRange,
};
use crate::query::value::{Scalar, arithmetic, compare};

/// The spansets of one trace that a pipeline leaves of `incoming`.
fn stages(forest: &Forest, stages: &[Stage], incoming: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let naive = Naive(forest);
    stages.iter().enumerate().fold(incoming, |sets, (at, stage)| {
        let mut left: Vec<Vec<u32>> = match stage {
            // A pipeline in parentheses by itself is its stages.
            Stage::Spanset(SpansetExpr::Pipeline(inner))
                if at == 0 || !inner.stages.contains(&Stage::Coalesce) =>
            {
                self::stages(forest, &inner.stages, sets)
            }
            Stage::Spanset(expr) => sets.iter().map(|set| spanset(forest, expr, set)).collect(),
            Stage::Filter(filter) => {
                let holds = |set: &Vec<u32>| {
                    let number = |expr| number(forest, expr, set);
                    compare(filter.op, &number(&filter.left), &number(&filter.right))
                };
                sets.into_iter().filter(holds).collect()
            }
            Stage::By(expr) => sets.iter().flat_map(|set| by(&naive, expr, set)).collect(),
            Stage::Coalesce => {
                let mut all: Vec<u32> = sets.concat();
                all.sort_unstable();
                vec![all]
            }
            Stage::Select(_) => sets,
        };
        left.retain(|set| !set.is_empty());
        left
    })
}

fn by(naive: &Naive<'_>, expr: &FieldExpr, set: &[u32]) -> Vec<Vec<u32>> {
    let mut groups: Vec<(String, Vec<u32>)> = Vec::new();
    for row in set {
        let value = naive.value(expr, *row, None);
        let value = if value == Scalar::Opaque { Scalar::Nil } else { value };
        let key = format!("{value:?}");
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rows)) => rows.push(*row),
            None => groups.push((key, vec![*row])),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

fn number(forest: &Forest, expr: &ScalarExpr, set: &[u32]) -> Scalar {
    match &expr.kind {
        ScalarExprKind::Literal(literal) => Scalar::of_literal(literal),
        ScalarExprKind::Count => Scalar::Int(i64::try_from(set.len()).unwrap()),
        ScalarExprKind::Aggregate(op, operand) => {
            let naive = Naive(forest);
            let value = |row: &u32| match naive.value(operand, *row, None) {
                Scalar::Int(value) => Some(f64::from(i32::try_from(value).unwrap())),
                Scalar::Float(value) => Some(value),
                _ => None,
            };
            let values: Vec<f64> = set.iter().filter_map(value).collect();
            if values.is_empty() {
                return Scalar::Nil;
            }
            let total: f64 = values.iter().sum();
            Scalar::Float(match op {
                AggregateOp::Avg => total / f64::from(u32::try_from(values.len()).unwrap()),
                AggregateOp::Sum => total,
                AggregateOp::Max => values.into_iter().fold(f64::MIN, f64::max),
                AggregateOp::Min => values.into_iter().fold(f64::MAX, f64::min),
            })
        }
        ScalarExprKind::Pipeline(pipeline, inner) => {
            let left = stages(forest, &pipeline.stages, vec![set.to_vec()]).concat();
            number(forest, inner, &left)
        }
        ScalarExprKind::Chain { first, rest } => {
            rest.iter().fold(number(forest, first, set), |value, (op, operand)| {
                arithmetic(*op, &value, &number(forest, operand, set))
            })
        }
        ScalarExprKind::Negate(_) => panic!("not generated"),
    }
}

fn spanset(forest: &Forest, expr: &SpansetExpr, incoming: &[u32]) -> Vec<u32> {
    match expr {
        SpansetExpr::Filter(condition) => {
            let naive = Naive(forest);
            incoming.iter().copied().filter(|row| naive.holds(condition, *row)).collect()
        }
        SpansetExpr::Pipeline(pipeline) => {
            let mut left = stages(forest, &pipeline.stages, vec![incoming.to_vec()]).concat();
            left.sort_unstable();
            left
        }
        SpansetExpr::Chain { first, rest } => {
            rest.iter().fold(spanset(forest, first, incoming), |left, (op, right)| {
                join(forest, *op, &left, &spanset(forest, right, incoming))
            })
        }
    }
}

fn join(forest: &Forest, op: SpansetOp, left: &[u32], right: &[u32]) -> Vec<u32> {
    let union = || {
        let mut all = [left, right].concat();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (relation, form) = match op {
        SpansetOp::And if left.is_empty() || right.is_empty() => return Vec::new(),
        SpansetOp::And | SpansetOp::Or => return union(),
        SpansetOp::Unless => return if right.is_empty() { left.to_vec() } else { Vec::new() },
        SpansetOp::Structural(relation, form) => (relation, form),
    };
    let pair = |l: u32, r: u32| forest.related(relation, l, r);
    let related = |r: &u32| left.iter().any(|l| pair(*l, *r));
    let relating = |l: &u32| right.iter().any(|r| pair(*l, *r));
    union()
        .into_iter()
        .filter(|row| {
            let (on_left, on_right) = (left.contains(row), right.contains(row));
            match form {
                Form::Plain => on_right && related(row),
                Form::Not => on_right && !related(row),
                Form::Union => on_right && related(row) || on_left && relating(row),
            }
        })
        .collect()
}

fn field(scope: AttributeScope, key: &str) -> FieldExpr {
    let kind = FieldKind::Attribute(scope, key.to_owned());
    expr(FieldExprKind::Field(Field { parent: false, kind }))
}

fn values() -> impl Strategy<Value = FieldExpr> {
    proptest::sample::select(vec![
        field(AttributeScope::Span, "a"),
        field(AttributeScope::Resource, "a"),
        field(AttributeScope::Any, "a"),
        field(AttributeScope::Event, "x"),
    ])
}

fn filters() -> impl Strategy<Value = SpansetExpr> {
    let compared = (values(), 0_i64..3, any::<bool>()).prop_map(|(value, number, not)| {
        let op = if not { CompareOp::NotEqual } else { CompareOp::LessEqual };
        let number = expr(FieldExprKind::Literal(Literal::Int(number)));
        chain(value, vec![(BinaryOp::Compare(op), number)])
    });
    let all = expr(FieldExprKind::Literal(Literal::Bool(true)));
    prop_oneof![4 => compared, 1 => Just(all)].prop_map(SpansetExpr::Filter)
}

fn spanset_ops() -> impl Strategy<Value = SpansetOp> {
    let relations = [
        Relation::Child,
        Relation::Descendant,
        Relation::Parent,
        Relation::Ancestor,
        Relation::Sibling,
    ];
    let forms = [Form::Plain, Form::Not, Form::Union];
    let structural =
        (proptest::sample::select(relations.to_vec()), proptest::sample::select(forms.to_vec()))
            .prop_map(|(relation, form)| SpansetOp::Structural(relation, form));
    prop_oneof![
        5 => structural, 1 => Just(SpansetOp::And), 1 => Just(SpansetOp::Or), 1 => Just(SpansetOp::Unless),
    ]
}

fn chained(operand: BoxedStrategy<SpansetExpr>) -> impl Strategy<Value = SpansetExpr> {
    let rest = proptest::collection::vec((spanset_ops(), operand.clone()), 1..4);
    (operand, rest).prop_map(|(first, rest)| SpansetExpr::Chain { first: Box::new(first), rest })
}

fn scalar(kind: ScalarExprKind) -> ScalarExpr {
    ScalarExpr { kind, range: TextRange::default() }
}

fn scalar_filters(spansets: BoxedStrategy<SpansetExpr>) -> impl Strategy<Value = Stage> {
    let aggregates = [AggregateOp::Avg, AggregateOp::Max, AggregateOp::Min, AggregateOp::Sum];
    let leaf = prop_oneof![
        Just(scalar(ScalarExprKind::Count)),
        (proptest::sample::select(aggregates.to_vec()), values())
            .prop_map(|(op, value)| scalar(ScalarExprKind::Aggregate(op, value))),
        (0_i64..4).prop_map(|value| scalar(ScalarExprKind::Literal(Literal::Int(value)))),
    ];
    let nested = (spansets, leaf.clone()).prop_map(|(expr, inner)| {
        let pipeline = Pipeline { stages: vec![Stage::Spanset(expr)] };
        scalar(ScalarExprKind::Pipeline(Box::new(pipeline), Box::new(inner)))
    });
    let sum = (leaf.clone(), leaf.clone()).prop_map(|(first, second)| {
        let rest = vec![(ArithmeticOp::Subtract, second)];
        scalar(ScalarExprKind::Chain { first: Box::new(first), rest })
    });
    let ops =
        proptest::sample::select(&[CompareOp::Greater, CompareOp::LessEqual, CompareOp::NotEqual]);
    (prop_oneof![4 => leaf.clone(), 1 => nested, 1 => sum], ops, leaf)
        .prop_map(|(left, op, right)| Stage::Filter(ScalarFilter { left, op, right }))
}

fn pipelines() -> impl Strategy<Value = Vec<Stage>> {
    let flat = chained(filters().boxed()).boxed();
    let simple = prop_oneof![filters(), flat.clone()].boxed();
    let stage = |spansets: BoxedStrategy<SpansetExpr>| {
        prop_oneof![
            3 => spansets.clone().prop_map(Stage::Spanset),
            2 => scalar_filters(spansets),
            2 => values().prop_map(Stage::By),
            1 => Just(Stage::Coalesce),
        ]
    };
    let nested = proptest::collection::vec(stage(simple.clone()), 2..4)
        .prop_map(|stages| SpansetExpr::Pipeline(Box::new(Pipeline { stages })));
    let operand = prop_oneof![3 => simple, 1 => nested, 1 => flat].boxed();
    let spansets = prop_oneof![1 => operand.clone(), 2 => chained(operand)].boxed();
    proptest::collection::vec(stage(spansets), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn pipelines_leave_the_spansets_that_each_trace_gives(
        forest in blocks(30), pipeline in pipelines(),
    ) {
        let live = live(&forest);
        let mut expected: Vec<(u32, Vec<u32>)> = Vec::new();
        for (trace, ends) in (0..).zip(forest.trace_starts.windows(2)) {
            let spans: Vec<u32> =
                live.iter().copied().filter(|row| (ends[0]..ends[1]).contains(row)).collect();
            if !spans.is_empty() {
                let sets = stages(&forest, &pipeline, vec![spans]).into_iter();
                expected.extend(sets.map(|set| (trace, set)));
            }
        }
        let found = run(&forest, pipeline, 0..forest.rows());
        let mut rows: Vec<u32> = expected.iter().flat_map(|(_, rows)| rows.clone()).collect();
        rows.sort_unstable();
        prop_assert_eq!(found.rows().to_vec(), rows);
        if let Some(sets) = found.sets {
            prop_assert!(sets.is_sorted_by_key(|set| set.trace));
            let mut sets: Vec<(u32, Vec<u32>)> =
                sets.into_iter().map(|set| (set.trace, set.rows)).collect();
            sets.sort();
            expected.sort();
            prop_assert_eq!(sets, expected);
        }
    }
}
