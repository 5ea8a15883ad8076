//! Random queries of every form of the language, without regard to types, for the printer. Invariant: a
//! tree from here is one that the parser can give.

use proptest::prelude::*;
use proptest::sample::select;
use treering::query::syntax::*;

use crate::queries::{
    COMPARE, KINDS, STATUSES, arithmetic, chain_of, expr_of, normal, operand, parents_have,
    relations, scalar_of, set_operators,
};

/// Queries of every form, well typed or not.
pub(crate) fn any_query() -> BoxedStrategy<Query> {
    let hints = prop::collection::vec(
        ("[a-z_]{5,9}z", any_literal()).prop_map(|(key, value)| Hint { key, value }),
        0..3,
    );
    let search = (any_pipeline(2), hints.clone())
        .prop_map(|(pipeline, hints)| Query::Search(normal(pipeline), hints));
    let metrics = (any_metrics(2), hints)
        .prop_filter("constants alone are no query", |(metrics, _)| {
            !matches!(metrics.kind, MetricsExprKind::Constant(_))
        })
        .prop_map(|(metrics, hints)| Query::Metrics(metrics, hints));
    prop_oneof![3 => search, 1 => metrics].boxed()
}

/// Literals as they are written: without a sign, but for the least integer.
pub(crate) fn any_literal() -> BoxedStrategy<Literal> {
    prop_oneof![
        any_text().prop_map(Literal::String),
        prop_oneof![0..100_i64, 0..=i64::MAX, Just(i64::MIN)].prop_map(Literal::Int),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| Literal::Float(value.abs())),
        any::<bool>().prop_map(Literal::Bool),
        Just(Literal::Nil),
        any_duration().prop_map(Literal::Duration),
        select(STATUSES.to_vec()).prop_map(Literal::Status),
        select(KINDS.to_vec()).prop_map(Literal::Kind),
    ]
    .boxed()
}

/// Texts of any characters, of those that are escaped, and of both.
fn any_text() -> BoxedStrategy<String> {
    let odd = select(vec![
        '"',
        '\\',
        '`',
        '\'',
        '\n',
        '\r',
        '\t',
        '\0',
        '\u{7}',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{301}',
        '\u{2028}',
        '\u{202e}',
        '\u{feff}',
        '\u{10ffff}',
    ]);
    let odd = prop::collection::vec(prop_oneof![2 => odd, 1 => any::<char>()], 0..6);
    prop_oneof![any::<String>(), odd.prop_map(String::from_iter)].boxed()
}

fn any_duration() -> BoxedStrategy<i64> {
    prop_oneof![0..10_000_i64, (0..10_000_i64).prop_map(|n| n * 1_000_000), 0..=i64::MAX].boxed()
}

/// Fields of every kind, with names that need quotes.
pub(crate) fn full_field() -> BoxedStrategy<Field> {
    use AttributeScope::{Any, Event, Instrumentation, Link, Resource, Span};
    let name = prop_oneof![
        "[a-z][a-z.]{0,8}",
        "[ -~]{0,8}",
        any_text(),
        select(vec!["duration", "span.x", "resource.x", "5xx", "span:kind", "//", "a\"b\\", "nil"])
            .prop_map(Into::into),
    ];
    let attribute =
        (select(vec![Any, Span, Resource, Event, Link, Instrumentation]), any::<bool>(), name)
            .prop_map(|(scope, parent, name)| Field {
                parent: parent && matches!(scope, Any | Span | Resource),
                kind: FieldKind::Attribute(scope, name),
            });
    let intrinsic = (select(Intrinsic::all().collect::<Vec<_>>()), any::<bool>()).prop_map(
        |(intrinsic, parent)| Field {
            parent: parent && parents_have(intrinsic),
            kind: FieldKind::Intrinsic(intrinsic),
        },
    );
    prop_oneof![2 => attribute, 1 => intrinsic].boxed()
}

/// Field expressions of every form, operators nested up to `depth`.
pub(crate) fn any_field_expr(depth: u32) -> BoxedStrategy<FieldExpr> {
    let simple = prop_oneof![
        any_literal().prop_map(FieldExprKind::Literal),
        full_field().prop_map(FieldExprKind::Field),
    ]
    .prop_map(expr_of);
    if depth == 0 {
        return simple.boxed();
    }
    let inner = any_field_expr(depth - 1);
    let unary = (select(vec![UnaryOp::Minus, UnaryOp::Not]), inner.clone())
        .prop_map(|(op, inner)| expr_of(FieldExprKind::Unary(op, Box::new(inner))));
    let chain = |ops: Vec<BinaryOp>| {
        (inner.clone(), prop::collection::vec((select(ops), inner.clone()), 1..3))
            .prop_map(|(first, rest)| chain_of(first, rest))
    };
    let mut compare: Vec<BinaryOp> = COMPARE.map(BinaryOp::Compare).to_vec();
    compare.extend([CompareOp::Match, CompareOp::NotMatch].map(BinaryOp::Compare));
    prop_oneof![
        2 => simple,
        2 => unary,
        2 => chain(vec![BinaryOp::And, BinaryOp::Or]),
        2 => chain(compare),
        3 => arithmetic(&inner),
    ]
    .boxed()
}

fn any_spanset(depth: u32) -> BoxedStrategy<SpansetExpr> {
    let filter = any_field_expr(2).prop_map(SpansetExpr::Filter);
    if depth == 0 {
        return filter.boxed();
    }
    let inner = any_spanset(depth - 1);
    let chain = (inner.clone(), prop_oneof![relations(inner.clone()), set_operators(inner)])
        .prop_map(|(first, rest)| SpansetExpr::Chain { first: Box::new(first), rest });
    prop_oneof![filter, chain, any_pipeline(depth - 1).prop_map(operand)].boxed()
}

fn any_pipeline(depth: u32) -> BoxedStrategy<Pipeline> {
    let compare = select(COMPARE.to_vec());
    let filter = (any_scalar(depth), compare, any_scalar(depth))
        .prop_map(|(left, op, right)| Stage::Filter(ScalarFilter { left, op, right }));
    let stage = prop_oneof![
        4 => any_spanset(depth).prop_map(Stage::Spanset),
        2 => filter,
        1 => any_field_expr(1).prop_map(Stage::By),
        1 => Just(Stage::Coalesce),
        1 => prop::collection::vec(full_field(), 1..3).prop_map(Stage::Select),
    ];
    prop::collection::vec(stage, 1..4)
        .prop_filter("coalesce() is never first", |stages| stages.first() != Some(&Stage::Coalesce))
        .prop_map(|stages| Pipeline { stages })
        .boxed()
}

fn any_constant(depth: u32) -> BoxedStrategy<ScalarExpr> {
    let literal = prop_oneof![
        (0..=i64::MAX).prop_map(Literal::Int),
        (0.0..1e9).prop_map(Literal::Float),
        any_duration().prop_map(Literal::Duration),
    ]
    .prop_map(|value| scalar_of(ScalarExprKind::Literal(value)));
    if depth == 0 {
        literal.boxed()
    } else {
        scalar_chain(literal.boxed(), &any_constant(depth - 1))
    }
}

fn scalar_chain(
    simple: BoxedStrategy<ScalarExpr>,
    inner: &BoxedStrategy<ScalarExpr>,
) -> BoxedStrategy<ScalarExpr> {
    let negative =
        inner.clone().prop_map(|inner| scalar_of(ScalarExprKind::Negate(Box::new(inner))));
    let chain = |ops: [ArithmeticOp; 2]| {
        (inner.clone(), prop::collection::vec((select(ops.to_vec()), inner.clone()), 1..3))
            .prop_map(|(first, rest)| {
                scalar_of(ScalarExprKind::Chain { first: Box::new(first), rest })
            })
    };
    prop_oneof![
        3 => simple,
        1 => negative,
        1 => chain([ArithmeticOp::Add, ArithmeticOp::Subtract]),
        1 => chain([ArithmeticOp::Multiply, ArithmeticOp::Divide]),
    ]
    .boxed()
}

fn any_aggregate() -> BoxedStrategy<ScalarExpr> {
    let op = select(vec![AggregateOp::Avg, AggregateOp::Max, AggregateOp::Min, AggregateOp::Sum]);
    prop_oneof![
        Just(ScalarExprKind::Count),
        (op, any_field_expr(1)).prop_map(|(op, expr)| ScalarExprKind::Aggregate(op, expr)),
    ]
    .prop_map(scalar_of)
    .boxed()
}

fn any_scalar(depth: u32) -> BoxedStrategy<ScalarExpr> {
    let simple = prop_oneof![any_aggregate(), any_constant(0)];
    if depth == 0 {
        return simple.boxed();
    }
    let piped = (any_pipeline(depth - 1), any_aggregate()).prop_map(|(pipeline, last)| {
        scalar_of(ScalarExprKind::Pipeline(Box::new(pipeline), Box::new(last)))
    });
    scalar_chain(prop_oneof![3 => simple, 1 => piped].boxed(), &any_scalar(depth - 1))
}

fn metrics_of(kind: MetricsExprKind) -> MetricsExpr {
    MetricsExpr { kind, range: TextRange::default() }
}

fn any_metrics(depth: u32) -> BoxedStrategy<MetricsExpr> {
    let function = (any_pipeline(1), any_function(), prop::collection::vec(metrics_field(), 0..=5))
        .prop_map(|(pipeline, function, by)| {
            metrics_of(MetricsExprKind::Function { pipeline, function, by })
        });
    if depth == 0 {
        let constant =
            any_constant(1).prop_map(|constant| metrics_of(MetricsExprKind::Constant(constant)));
        return prop_oneof![3 => function, 1 => constant].boxed();
    }
    let inner = any_metrics(depth - 1);
    let chain = |ops: [ArithmeticOp; 2]| {
        (inner.clone(), prop::collection::vec((select(ops.to_vec()), inner.clone()), 1..3))
            .prop_filter("a metrics query takes part", |(first, rest)| {
                let constant =
                    |expr: &MetricsExpr| matches!(expr.kind, MetricsExprKind::Constant(_));
                !(constant(first) && rest.iter().all(|(_, next)| constant(next)))
            })
            .prop_map(|(first, rest)| {
                metrics_of(MetricsExprKind::Chain { first: Box::new(first), rest })
            })
    };
    let steps = (inner.clone(), prop::collection::vec(any_step(), 1..3))
        .prop_filter("steps have a query", |(query, _)| {
            !matches!(query.kind, MetricsExprKind::Constant(_))
        })
        .prop_map(|(query, mut later)| match query.kind {
            MetricsExprKind::Steps { query, mut steps } => {
                steps.append(&mut later);
                metrics_of(MetricsExprKind::Steps { query, steps })
            }
            _ => metrics_of(MetricsExprKind::Steps { query: Box::new(query), steps: later }),
        });
    let window = (any::<i32>(), 1..=i64::from(i32::MAX))
        .prop_map(|(start, length)| (i64::from(start), i64::from(start) + length));
    let limits = prop::option::of((1..=1_000_u32, prop::option::of(window)));
    let compare =
        (any_pipeline(1), any_field_expr(1), limits).prop_map(|(pipeline, selection, limits)| {
            let (top, window) = limits.map_or((None, None), |(top, window)| (Some(top), window));
            let function = MetricsFunction::Compare { selection, top, window };
            metrics_of(MetricsExprKind::Function { pipeline, function, by: Vec::new() })
        });
    let inner_forms = prop_oneof![
        2 => function,
        2 => steps,
        1 => chain([ArithmeticOp::Add, ArithmeticOp::Subtract]),
        1 => chain([ArithmeticOp::Multiply, ArithmeticOp::Divide]),
    ];
    if depth == 2 {
        prop_oneof![6 => inner_forms, 1 => compare].boxed()
    } else {
        inner_forms.boxed()
    }
}

fn metrics_field() -> BoxedStrategy<MetricsField> {
    full_field().prop_map(|field| MetricsField { field, range: TextRange::default() }).boxed()
}

fn any_function() -> BoxedStrategy<MetricsFunction> {
    let op = select(vec![AggregateOp::Avg, AggregateOp::Max, AggregateOp::Min, AggregateOp::Sum]);
    prop_oneof![
        Just(MetricsFunction::Rate),
        Just(MetricsFunction::Count),
        (op, metrics_field()).prop_map(|(op, field)| MetricsFunction::Aggregate(op, field)),
        (metrics_field(), prop::collection::vec(0.0..=1.0_f64, 1..3))
            .prop_map(|(field, quantiles)| MetricsFunction::Quantile(field, quantiles)),
        metrics_field().prop_map(MetricsFunction::Histogram),
    ]
    .boxed()
}

fn any_step() -> BoxedStrategy<MetricsStep> {
    prop_oneof![
        (1..=u32::MAX).prop_map(MetricsStep::TopK),
        (1..=u32::MAX).prop_map(MetricsStep::BottomK),
        (select(COMPARE.to_vec()), any_constant(1))
            .prop_map(|(op, constant)| MetricsStep::Compare(op, constant)),
    ]
    .boxed()
}
