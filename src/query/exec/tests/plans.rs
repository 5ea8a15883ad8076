//! What plans look like, and that long queries are no deep ones.

use super::generate::{blocks, chain, expr};
use super::run;
use crate::query::plan::plan;
use crate::query::syntax::{
    ArithmeticOp, AttributeScope, BinaryOp, CompareOp, Field, FieldExpr, FieldExprKind, FieldKind,
    Form, Intrinsic, Literal, Pipeline, Relation, SpansetExpr, SpansetOp, Stage,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

fn field(scope: AttributeScope, key: &str) -> FieldExpr {
    let kind = FieldKind::Attribute(scope, key.to_owned());
    expr(FieldExprKind::Field(Field { parent: false, kind }))
}

fn int(value: i64) -> FieldExpr {
    expr(FieldExprKind::Literal(Literal::Int(value)))
}

fn compared(left: FieldExpr, op: CompareOp, right: FieldExpr) -> FieldExpr {
    chain(left, vec![(BinaryOp::Compare(op), right)])
}

#[test]
fn a_plan_shows_tests_computed_parts_and_operators() {
    let duration = Field { parent: true, kind: FieldKind::Intrinsic(Intrinsic::Duration) };
    let first = chain(
        compared(field(AttributeScope::Event, "x"), CompareOp::Greater, int(1)),
        vec![
            (BinaryOp::And, field(AttributeScope::Event, "y")),
            (BinaryOp::And, compared(int(3), CompareOp::Less, field(AttributeScope::Any, "a"))),
            (
                BinaryOp::Or,
                compared(expr(FieldExprKind::Field(duration)), CompareOp::Equal, int(5)),
            ),
        ],
    );
    let sum = chain(
        field(AttributeScope::Span, "a"),
        vec![(BinaryOp::Arithmetic(ArithmeticOp::Add), int(1))],
    );
    let second = compared(sum, CompareOp::NotEqual, field(AttributeScope::Link, "x"));
    let op = SpansetOp::Structural(Relation::Descendant, Form::Not);
    let spansets = SpansetExpr::Chain {
        first: Box::new(SpansetExpr::Filter(first)),
        rest: vec![(op, SpansetExpr::Filter(second))],
    };
    let plan = plan(&Pipeline { stages: vec![Stage::Spanset(spansets)] }, &[]).unwrap();
    let expected = "\
spans where
  all of
    #0 one event where
      event.x > 1
      event.y = true
    #2 .a > 3
  or any of
    #3 parent.span:duration = 5
#5 !>>
  spans where
    #4 one link where
      computed link.x != (span.a + 1)
";
    assert_eq!(plan.to_string(), expected);
    assert_eq!(plan.fields.len(), 6);
}

#[test]
fn a_chain_of_thousands_is_no_deep_recursion() {
    let long = 20_000;
    let test = || compared(field(AttributeScope::Span, "a"), CompareOp::Equal, int(1));
    let joins = [BinaryOp::And, BinaryOp::Or].into_iter().cycle();
    let alternating = chain(test(), joins.zip(std::iter::repeat_with(test)).take(long).collect());
    let op = BinaryOp::Compare(CompareOp::NotEqual);
    let field = || field(AttributeScope::Span, "b");
    let comparisons = chain(field(), (0..long).map(|_| (op, field())).collect());
    let plus = BinaryOp::Arithmetic(ArithmeticOp::Add);
    let sum = chain(field(), (0..long).map(|_| (plus, field())).collect());
    let sum = compared(sum, CompareOp::Greater, int(1));
    let mut runner = TestRunner::deterministic();
    let forest = blocks(12).new_tree(&mut runner).unwrap().current();
    for condition in [alternating, comparisons, sum] {
        let filter = || SpansetExpr::Filter(condition.clone());
        run(&forest, vec![Stage::Spanset(filter())], 0..forest.rows());
    }
    let all = || SpansetExpr::Filter(expr(FieldExprKind::Literal(Literal::Bool(true))));
    let op = SpansetOp::Structural(Relation::Sibling, Form::Union);
    let rest = (0..long).map(|_| (op, all())).collect();
    let spansets = SpansetExpr::Chain { first: Box::new(all()), rest };
    run(&forest, vec![Stage::Spanset(spansets)], 0..forest.rows());
}

#[test]
fn text_constants_of_times_and_ids_are_read_once() {
    let shown = |intrinsic, op, text: &str| {
        let left = Field { parent: false, kind: FieldKind::Intrinsic(intrinsic) };
        let right = expr(FieldExprKind::Literal(Literal::String(text.to_owned())));
        let condition = compared(expr(FieldExprKind::Field(left)), op, right);
        let stages = vec![Stage::Spanset(SpansetExpr::Filter(condition))];
        plan(&Pipeline { stages }, &[]).unwrap().to_string().replace("spans where\n  #0 ", "")
    };
    let start = Intrinsic::StartTime;
    assert_eq!(
        shown(start, CompareOp::Less, "1970-01-01T00:00:01Z"),
        "span:startTime < 1000000000\n"
    );
    assert_eq!(shown(start, CompareOp::Less, "soon"), "span:startTime < \"soon\"\n");
    let id = Intrinsic::SpanId;
    assert_eq!(shown(id, CompareOp::Equal, "0AB"), "span:id = \"00000000000000ab\"\n");
    assert_eq!(shown(id, CompareOp::Less, "0AB"), "span:id < \"0AB\"\n");
    assert_eq!(shown(id, CompareOp::NotEqual, "no hex"), "span:id != \"no hex\"\n");
}
