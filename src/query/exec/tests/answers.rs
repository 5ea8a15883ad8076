//! Answers that a source keeps. Invariant: what they take is charged as it grows.

use super::planned;
use crate::query::exec::testing::{Random, large_forest};
use crate::query::exec::{execute, tally};
use crate::query::source::Column;
use crate::query::value::Scalar;

#[test]
fn answers_are_charged_again_once_parents_were_asked_for() {
    let rows = 9_000;
    let run = |text: &str, counted: bool| {
        let mut forest = large_forest(&mut Random(3), rows);
        let picked = (0..rows).map(|row| Scalar::Int(i64::from(row % 20 == 3))).collect();
        forest.columns.insert(Column::SpanAttribute("x".to_owned()), picked);
        forest.answers = Some(std::cell::RefCell::default());
        let plan = planned(text);
        for _ in 0..3 {
            let is_whole = if counted {
                tally(&plan, &forest, 0..rows).unwrap().0.is_some()
            } else {
                execute(&plan, &forest, 0..rows).unwrap().0.is_some()
            };
            assert!(is_whole);
        }
        let answers = forest.answers.unwrap().into_inner();
        answers.into_values().map(|(_, bytes)| bytes).collect::<Vec<_>>()
    };
    for counted in [true, false] {
        let kept = run("{ span.x = 1 } && { span.x = 1 }", counted);
        assert!(matches!(kept.as_slice(), [once] if once.len() == 1), "{kept:?}");
        let kept = run("{ span.x = 1 } ~ { span.x = 1 }", counted);
        let [bytes] = kept.as_slice() else { panic!("one test has one answer, not {kept:?}") };
        let [first, grown] = bytes.as_slice() else {
            panic!("kept and charged again, not {bytes:?}")
        };
        assert!(grown > first, "{bytes:?}");
    }
}
