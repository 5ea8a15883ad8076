//! Runs that are stopped. Invariants: between two times of asking the engine looks at no more than a
//! bounded number of values, however long the query is; and once told to stop it looks at few more.

use super::planned;
use crate::codec::cast::usize_of;
use crate::query::exec::execute;
use crate::query::exec::testing::{Forest, Random, large_forest};
use crate::query::source::Column;
use crate::query::syntax::Intrinsic;
use crate::query::value::Scalar;

const ROWS: u32 = 9_000;
/// Every row is looked at once by a test, and 8,192 rows at once for their values.
const BETWEEN_MAX: u64 = 2 * 9_000;

fn forest() -> Forest {
    let mut random = Random(11);
    let mut forest = large_forest(&mut random, ROWS);
    let durations = (0..ROWS).map(|row| Scalar::of_nanos(u64::from(row % 7))).collect();
    forest.columns.insert(Column::Intrinsic(Intrinsic::Duration), durations);
    let floats = (0..ROWS).map(|row| Scalar::Float(f64::from(row % 5))).collect();
    forest.columns.insert(Column::SpanAttribute("x".to_owned()), floats);
    for intrinsic in [Intrinsic::StartTime, Intrinsic::SpanId, Intrinsic::Kind] {
        let zeros = vec![Scalar::Int(0); usize_of(ROWS)];
        forest.columns.insert(Column::Intrinsic(intrinsic), zeros);
    }
    forest
}

/// Queries that go on for long, each in another way.
fn long_queries() -> Vec<String> {
    let repeated = |first: &str, more: &str, times: usize| format!("{first}{}", more.repeat(times));
    let stages = (0..30).map(|at| format!(" | by(duration + {at}ns)")).collect::<Vec<_>>().concat();
    let sums = (0..20).map(|at| format!(" + sum(duration + {at}ns)")).collect::<Vec<_>>().concat();
    vec![
        format!("{{ }}{stages}"),
        format!("{{ }} | count(){sums} > 0"),
        format!("{{ duration{} > 1ns }}", " + 1ns".repeat(100)),
        repeated("{ span.x > 1 }", " || { span.x > 2 } >> { duration > 3ns }", 20),
        format!("{{ span.x > 1{} }}", " || span.x * 2 > duration / 1ns".repeat(30)),
        repeated("{ } | by(duration)", " | { span.x > 0 } >> { duration >= 0ns }", 30),
        repeated("{ }", " | avg(span.x) > 0", 30),
        format!("{{ {}(duration + 1ns > 2ns){} }}", "(".repeat(60), " = true)".repeat(60)),
    ]
}

#[test]
fn a_run_asks_often_whatever_it_does() {
    for query in long_queries() {
        let (plan, forest) = (planned(&query), forest());
        let (found, _) = execute(&plan, &forest, 0..ROWS).unwrap();
        assert!(found.is_some(), "{query}");
        let asked_at = forest.asked_at.borrow();
        let between = asked_at.windows(2).map(|two| two[1] - two[0]).max().unwrap();
        assert!(between <= BETWEEN_MAX, "{between} values at once: {query}");
        let after = forest.looked_at.get() - asked_at.last().unwrap();
        assert!(after <= BETWEEN_MAX, "{after} values at last: {query}");
    }
}

#[test]
fn a_run_that_is_told_to_stop_does() {
    for query in long_queries() {
        let (plan, whole) = (planned(&query), forest());
        execute(&plan, &whole, 0..ROWS).unwrap();
        let asked = whole.asked_at.borrow().len();
        assert!(asked > 20, "asked {asked} times: {query}");
        for part in [0, asked / 4, asked / 2, asked - 1] {
            let stopped = Forest { stops_at: Some(part), ..forest() };
            let (found, figures) = execute(&plan, &stopped, 0..ROWS).unwrap();
            assert!(found.is_none(), "stopped at {part} of {asked}: {query}");
            let told = stopped.asked_at.borrow()[part];
            let more = stopped.looked_at.get() - told;
            assert!(more <= BETWEEN_MAX, "{more} values after that: {query}");
            assert!(told <= whole.looked_at.get() && figures.steps.len() == plan.steps);
        }
        let late = Forest { stops_at: Some(asked), ..forest() };
        let (found, _) = execute(&plan, &late, 0..ROWS).unwrap();
        assert!(found.is_some(), "nobody said stop before the end: {query}");
    }
}
