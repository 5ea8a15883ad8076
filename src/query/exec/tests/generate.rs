//! Random blocks and conditions.

use proptest::prelude::*;

use super::super::testing::{Forest, forests};
use crate::codec::cast;
use crate::query::source::Column;
use crate::query::syntax::{
    ArithmeticOp, AttributeScope, BinaryOp, CompareOp, Field, FieldExpr, FieldExprKind, FieldKind,
    Intrinsic, Literal, TextRange, UnaryOp,
};
use crate::query::value::Scalar;

pub(super) fn expr(kind: FieldExprKind) -> FieldExpr {
    FieldExpr { kind, range: TextRange::default() }
}

pub(super) fn chain(first: FieldExpr, rest: Vec<(BinaryOp, FieldExpr)>) -> FieldExpr {
    expr(FieldExprKind::Chain { first: Box::new(first), rest })
}

pub(super) fn scalars() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        4 => Just(Scalar::Nil),
        1 => Just(Scalar::Opaque),
        3 => (0_i64..3).prop_map(Scalar::Int),
        1 => Just(Scalar::Float(1.5)),
        3 => prop_oneof![Just("a"), Just("b"), Just("")].prop_map(Scalar::text),
        3 => any::<bool>().prop_map(Scalar::Bool),
        1 => Just(Scalar::Array([Scalar::Int(1), Scalar::Int(2)].into())),
        1 => Just(Scalar::Array([Scalar::text("a"), Scalar::text("b")].into())),
    ]
}

const SPAN_COLUMNS: usize = 6;
const ITEM_COLUMNS: usize = 4;

/// Events and links a span, at most and on average.
const ITEMS: usize = 3;

pub(super) fn blocks(rows_max: usize) -> impl Strategy<Value = Forest> {
    let attribute = |key: &str| key.to_owned();
    let span_columns: [Column; SPAN_COLUMNS] = [
        Column::SpanAttribute(attribute("a")),
        Column::SpanAttribute(attribute("b")),
        Column::ResourceAttribute(attribute("a")),
        Column::ResourceAttribute(attribute("service.name")),
        Column::ScopeAttribute(attribute("a")),
        Column::Intrinsic(Intrinsic::Name),
    ];
    let item_columns: [Column; ITEM_COLUMNS] = [
        Column::EventAttribute(attribute("x")),
        Column::EventAttribute(attribute("y")),
        Column::Intrinsic(Intrinsic::EventName),
        Column::LinkAttribute(attribute("x")),
    ];
    forests(rows_max).prop_flat_map(move |forest| {
        let rows = forest.parents.len();
        let values = |length| proptest::collection::vec(scalars(), length);
        let (span_columns, item_columns) = (span_columns.clone(), item_columns.clone());
        let owners = || proptest::collection::vec(0..rows.max(1), 0..=rows * ITEMS);
        let live = proptest::option::of(proptest::collection::vec(any::<bool>(), rows));
        (
            Just(forest),
            values(rows * SPAN_COLUMNS),
            values(rows * ITEMS * ITEM_COLUMNS),
            owners(),
            owners(),
            live,
            any::<bool>(),
        )
            .prop_map(move |(mut forest, spans, items, events, links, live, indexed)| {
                let owners = |mut owners: Vec<usize>| -> Vec<u32> {
                    owners.sort_unstable();
                    owners.into_iter().map(|owner| u32::try_from(owner).unwrap()).collect()
                };
                forest.event_owners = owners(events);
                forest.link_owners = owners(links);
                forest.indexed = indexed;
                for (column, values) in span_columns.iter().zip(spans.chunks(rows.max(1))) {
                    let mut values = values.to_vec();
                    if matches!(column, Column::Intrinsic(_)) {
                        values.iter_mut().for_each(name_only);
                    }
                    forest.columns.insert(column.clone(), values);
                }
                for (column, values) in item_columns.iter().zip(items.chunks((rows * ITEMS).max(1)))
                {
                    let mut values = values.to_vec();
                    if matches!(column, Column::Intrinsic(_)) {
                        values.iter_mut().for_each(name_only);
                    }
                    forest.columns.insert(column.clone(), values);
                }
                forest.live = live.map(|live| {
                    let trace_lives = |row: &u32| {
                        live[cast::usize_of(forest.trace_starts[forest.trace_of(*row)])]
                    };
                    (0..forest.rows()).filter(trace_lives).collect()
                });
                forest
            })
    })
}

/// Intrinsic names are text, never nil.
pub(super) fn name_only(value: &mut Scalar) {
    if !matches!(value, Scalar::String(_)) {
        *value = Scalar::text("c");
    }
}

pub(super) fn fields() -> impl Strategy<Value = FieldExpr> {
    let attribute = |parent, scope, key: &str| Field {
        parent,
        kind: FieldKind::Attribute(scope, key.to_owned()),
    };
    let all = vec![
        attribute(false, AttributeScope::Any, "a"),
        attribute(false, AttributeScope::Span, "a"),
        attribute(false, AttributeScope::Span, "b"),
        attribute(false, AttributeScope::Resource, "a"),
        attribute(false, AttributeScope::Resource, "service.name"),
        attribute(false, AttributeScope::Instrumentation, "a"),
        attribute(false, AttributeScope::Span, "missing"),
        attribute(true, AttributeScope::Any, "a"),
        attribute(true, AttributeScope::Span, "b"),
        attribute(true, AttributeScope::Resource, "service.name"),
        attribute(false, AttributeScope::Event, "x"),
        attribute(false, AttributeScope::Event, "x"),
        attribute(false, AttributeScope::Event, "y"),
        attribute(false, AttributeScope::Link, "x"),
        Field { parent: false, kind: FieldKind::Intrinsic(Intrinsic::Name) },
        Field { parent: false, kind: FieldKind::Intrinsic(Intrinsic::EventName) },
    ];
    proptest::sample::select(all).prop_map(|field| expr(FieldExprKind::Field(field)))
}

fn event_fields() -> impl Strategy<Value = FieldExpr> {
    let attribute = |key: &str| FieldKind::Attribute(AttributeScope::Event, key.to_owned());
    let kinds = vec![attribute("x"), attribute("y"), FieldKind::Intrinsic(Intrinsic::EventName)];
    proptest::sample::select(kinds)
        .prop_map(|kind| expr(FieldExprKind::Field(Field { parent: false, kind })))
}

pub(super) fn literals() -> impl Strategy<Value = FieldExpr> {
    let literal = prop_oneof![
        (0_i64..3).prop_map(Literal::Int),
        Just(Literal::Float(1.5)),
        prop_oneof![Just("a"), Just("b"), Just("")].prop_map(|text| Literal::String(text.into())),
        any::<bool>().prop_map(Literal::Bool),
    ];
    literal.prop_map(|literal| expr(FieldExprKind::Literal(literal)))
}

pub(super) fn compare_ops() -> impl Strategy<Value = CompareOp> {
    prop_oneof![
        3 => Just(CompareOp::Equal),
        3 => Just(CompareOp::NotEqual),
        1 => Just(CompareOp::Less),
        1 => Just(CompareOp::GreaterEqual),
    ]
}

/// Conditions of every kind; `values` are the operands that comparisons take.
pub(super) fn conditions() -> impl Strategy<Value = FieldExpr> {
    let plain = prop_oneof![2 => fields().boxed(), 1 => literals().boxed()];
    let values = plain.clone().prop_recursive(2, 6, 3, |inner| {
        let ops = prop_oneof![
            Just(ArithmeticOp::Add),
            Just(ArithmeticOp::Divide),
            Just(ArithmeticOp::Subtract),
        ];
        let rest =
            proptest::collection::vec((ops.prop_map(BinaryOp::Arithmetic), inner.clone()), 1..3);
        prop_oneof![
            (inner.clone(), rest).prop_map(|(first, rest)| chain(first, rest)),
            (any::<bool>(), inner).prop_map(|(minus, inner)| {
                let op = if minus { UnaryOp::Minus } else { UnaryOp::Not };
                expr(FieldExprKind::Unary(op, Box::new(inner)))
            }),
        ]
    });
    let compared = |left, op, right| chain(left, vec![(BinaryOp::Compare(op), right)]);
    let simple = (fields(), compare_ops(), literals())
        .prop_map(move |(field, op, literal)| compared(field, op, literal));
    let any_two = (values.clone(), compare_ops(), values.clone())
        .prop_map(move |(left, op, right)| compared(left, op, right));
    let nil =
        (values.clone(), any::<bool>(), any::<bool>()).prop_map(move |(value, equal, left)| {
            let op = if equal { CompareOp::Equal } else { CompareOp::NotEqual };
            let nil = expr(FieldExprKind::Literal(Literal::Nil));
            if left { compared(nil, op, value) } else { compared(value, op, nil) }
        });
    let pattern = (fields(), any::<bool>()).prop_map(move |(field, not)| {
        let op = if not { CompareOp::NotMatch } else { CompareOp::Match };
        compared(field, op, expr(FieldExprKind::Literal(Literal::String("a|c".into()))))
    });
    let of_event = (event_fields(), compare_ops(), literals())
        .prop_map(move |(field, op, literal)| compared(field, op, literal));
    let of_one_event = proptest::collection::vec(of_event, 2..4).prop_map(|mut conditions| {
        let first = conditions.remove(0);
        let rest = conditions.into_iter().map(|condition| (BinaryOp::And, condition));
        chain(first, rest.collect())
    });
    let booleans =
        any::<bool>().prop_map(|value| expr(FieldExprKind::Literal(Literal::Bool(value))));
    let leaf = prop_oneof![
        6 => simple, 3 => any_two, 2 => nil, 2 => pattern, 2 => fields(), 1 => booleans, 2 => of_one_event,
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        let ops = prop_oneof![2 => Just(BinaryOp::And), 1 => Just(BinaryOp::Or)];
        let rest = proptest::collection::vec((ops, inner.clone()), 1..5);
        let compared = (compare_ops().prop_map(BinaryOp::Compare), values.clone());
        prop_oneof![
            4 => (inner.clone(), rest).prop_map(|(first, rest)| chain(first, rest)),
            2 => inner.clone().prop_map(|inner| {
                expr(FieldExprKind::Unary(UnaryOp::Not, Box::new(inner)))
            }),
            1 => (inner, proptest::collection::vec(compared, 1..3))
                .prop_map(|(first, rest)| chain(first, rest)),
        ]
    })
}
