//! What aggregates and groups give, by value.

use super::super::testing::Forest;
use super::generate::expr;
use super::run;
use crate::query::source::{Column, Kin, NO_ROW};
use crate::query::syntax::{
    AggregateOp, AttributeScope, CompareOp, Field, FieldExpr, FieldExprKind, FieldKind, Intrinsic,
    Literal, ScalarExpr, ScalarExprKind, ScalarFilter, Stage, TextRange,
};
use crate::query::value::Scalar;
use crate::time::Timestamp;

/// One trace of roots with these values of `span.a`, each started before the one before it.
fn trace(values: Vec<Scalar>) -> Forest {
    let rows = u32::try_from(values.len()).unwrap();
    let started = |row| Scalar::Time(Timestamp::from_unix_nanos(u64::from(rows - row)));
    let mut forest = Forest {
        parents: vec![NO_ROW; values.len()],
        trace_starts: vec![0, rows],
        kin: (0..rows).map(|row| (row, Kin::NoParentId)).collect(),
        ..Forest::default()
    };
    forest.columns.insert(Column::SpanAttribute("a".to_owned()), values);
    let starts = (0..rows).map(started).collect();
    forest.columns.insert(Column::Intrinsic(Intrinsic::StartTime), starts);
    forest
}

fn field() -> FieldExpr {
    let kind = FieldKind::Attribute(AttributeScope::Span, "a".to_owned());
    expr(FieldExprKind::Field(Field { parent: false, kind }))
}

/// The value of an aggregate of `span.a`; `None` where the spanset is dropped.
fn aggregate(op: AggregateOp, values: Vec<Scalar>) -> Option<Scalar> {
    let scalar = |kind| ScalarExpr { kind, range: TextRange::default() };
    let filter = |op_of_filter| {
        Stage::Filter(ScalarFilter {
            left: scalar(ScalarExprKind::Aggregate(op, field())),
            op: op_of_filter,
            right: scalar(ScalarExprKind::Literal(Literal::Float(1.0e300))),
        })
    };
    let forest = trace(values);
    let found = run(&forest, vec![filter(CompareOp::NotEqual)], 0..forest.rows());
    let set = found.sets.unwrap_or_default().pop()?;
    set.attributes.into_iter().next().map(|(_, value)| value)
}

#[test]
fn aggregates_keep_types_and_leave_out_what_is_no_number() {
    use AggregateOp::{Avg, Max, Min, Sum};
    use Scalar::{Bool, Duration, Float, Int, Nil};
    let mixed = || vec![Int(1), Nil, Bool(true), Int(4), Scalar::text("9"), Scalar::Opaque];
    assert_eq!(aggregate(Sum, mixed()), Some(Int(5)));
    assert_eq!(aggregate(Avg, mixed()), Some(Float(2.5)));
    assert_eq!(aggregate(Max, mixed()), Some(Int(4)));
    assert_eq!(aggregate(Min, vec![Duration(5), Duration(3)]), Some(Duration(3)));
    assert_eq!(aggregate(Sum, vec![Duration(5), Duration(3)]), Some(Duration(8)));
    assert_eq!(aggregate(Sum, vec![Int(i64::MAX), Int(1)]), Some(Float(2.0_f64.powi(63))));
    assert_eq!(aggregate(Max, vec![Float(f64::NAN), Int(2), Float(f64::NAN)]), Some(Int(2)));
    assert_eq!(aggregate(Max, vec![Nil, Bool(true)]), None);
}

#[test]
fn floats_add_in_the_order_of_start_times() {
    // In the order of rows the small one would be lost.
    let values = vec![1.0e16, 1.0, -1.0e16].into_iter().map(Scalar::Float).collect();
    assert_eq!(aggregate(AggregateOp::Sum, values), Some(Scalar::Float(0.0)));
    let values = vec![1.0, -1.0e16, 1.0e16].into_iter().map(Scalar::Float).collect();
    assert_eq!(aggregate(AggregateOp::Sum, values), Some(Scalar::Float(1.0)));
}

#[test]
fn groups_come_by_type_then_value_and_nil_last() {
    let one = Scalar::Int(1);
    let values =
        [Scalar::Nil, one.clone(), Scalar::text("1"), Scalar::Opaque, one, Scalar::Int(-1)];
    let forest = trace(values.to_vec());
    let found = run(&forest, vec![Stage::By(field())], 0..forest.rows());
    let groups: Vec<_> = found.sets.unwrap_or_default().into_iter().map(|set| set.rows).collect();
    assert_eq!(groups, [vec![2], vec![5], vec![1, 4], vec![0, 3]]);
}
