//! Filters against direct evaluation.

use proptest::prelude::*;

use super::generate::{blocks, conditions};
use super::naive::Naive;
use super::{live, run};
use crate::query::syntax::{SpansetExpr, Stage};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn filters_select_the_spans_for_which_the_condition_holds(
        forest in blocks(24), condition in conditions(), from in 0_usize..4, to in 0_usize..4,
    ) {
        let naive = Naive(&forest);
        let starts = &forest.trace_starts;
        let start = starts[from.min(starts.len() - 1)];
        let end = starts[starts.len() - 1 - to.min(starts.len() - 1)].max(start);
        let inside = live(&forest).into_iter().filter(|row| (start..end).contains(row));
        let expected: Vec<u32> = inside.filter(|row| naive.holds(&condition, *row)).collect();
        let found = run(&forest, vec![Stage::Spanset(SpansetExpr::Filter(condition))], start..end);
        prop_assert_eq!(found.rows().to_vec(), expected);
    }
}
