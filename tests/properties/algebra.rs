//! Laws of the operators, on the engine alone: they hold whatever the operands are, and need no oracle.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use treering::TraceId;

use crate::answers::{Filled, config, filled};
use crate::asking::search;
use crate::forest::{Arrival, cut, forest};
use crate::oracle::Ask;
use crate::questions::filter;

/// Spans by trace and name.
type Found = BTreeSet<(TraceId, String)>;

/// A forest in which every span has a name of its own; none is sent twice.
fn named_apart() -> impl Strategy<Value = Arrival> {
    (forest(), proptest::collection::vec(any::<Index>(), 0..4)).prop_map(|(mut spans, cuts)| {
        for (number, span) in spans.iter_mut().enumerate() {
            span.name = format!("{} {number}", span.name);
        }
        // Spans that a store would take for one another.
        let mut keys = BTreeSet::new();
        spans.retain(|span| keys.insert((span.trace_id, span.span_id, span.kind, span.start)));
        cut(&spans, &cuts)
    })
}

fn found(filled: &Filled, query: &str) -> Found {
    let answer =
        search(&filled.store, query, &Ask::default()).unwrap_or_else(|| panic!("refused: {query}"));
    let mut found = Found::new();
    for trace in answer.traces {
        for spanset in trace.spansets {
            found.extend(spanset.spans.into_iter().map(|span| (trace.trace_id, span.name)));
        }
    }
    found
}

fn traces(found: &Found) -> BTreeSet<TraceId> {
    found.iter().map(|(trace, _)| *trace).collect()
}

fn within(found: &Found, traces: &BTreeSet<TraceId>) -> Found {
    found.iter().filter(|(trace, _)| traces.contains(trace)).cloned().collect()
}

proptest! {
    #![proptest_config(config(32))]

    #[test]
    fn structural_operators_keep_their_laws(arrival in named_apart(), a in filter(), b in filter()) {
        let filled = filled(&arrival, 64);
        let ask = |query: &str| found(&filled, query);
        let right = ask(&b);
        for (op, back) in [(">", "<"), (">>", "<<"), ("<", ">"), ("<<", ">>"), ("~", "~")] {
            let plain = ask(&format!("{a} {op} {b}"));
            prop_assert!(plain.is_subset(&right), "{} {} {} leaves its right side", a, op, b);
            prop_assert_eq!(ask(&format!("{a} !{op} {b}")), &right - &plain, "{} !{} {}", a, op, b);
            let mirrored = ask(&format!("{b} {back} {a}"));
            prop_assert_eq!(ask(&format!("{a} &{op} {b}")), &plain | &mirrored, "{} &{} {}", a, op, b);
            prop_assert_eq!(&ask(&format!("{a} {op} {{ }}")) & &right, plain.clone(), "{} {} {}", a, op, b);
            let either = ask(&format!("({a} || {b}) {op} {b}"));
            prop_assert_eq!(either, &plain | &ask(&format!("{b} {op} {b}")), "{} {} {}", a, op, b);
        }
        for (near, far) in [(">", ">>"), ("<", "<<")] {
            let step = ask(&format!("{a} {near} {b}"));
            let reach = ask(&format!("{a} {far} {b}"));
            prop_assert!(step.is_subset(&reach), "{} {} {}", a, near, b);
            let further = ask(&format!("({a} {near} {{ }}) {far} {b}"));
            prop_assert_eq!(reach, &step | &further, "{} {} {}", a, far, b);
        }
    }

    #[test]
    fn set_operators_keep_their_laws(arrival in named_apart(), a in filter(), b in filter()) {
        let filled = filled(&arrival, 64);
        let ask = |query: &str| found(&filled, query);
        let (left, right) = (ask(&a), ask(&b));
        let (in_left, in_right) = (traces(&left), traces(&right));
        prop_assert_eq!(ask(&format!("{a} || {b}")), &left | &right);
        prop_assert_eq!(ask(&format!("{a} && {b}")), within(&(&left | &right), &(&in_left & &in_right)));
        prop_assert_eq!(ask(&format!("{a} unless {b}")), within(&left, &(&in_left - &in_right)));
        let all = ask("{ }");
        prop_assert_eq!(ask("{ nestedSetParent > 0 }"), ask("{ } > { }"));
        prop_assert_eq!(ask("{ } !> { }"), &all - &ask("{ nestedSetParent > 0 }"));
        prop_assert_eq!(ask("{ span:childCount = 0 }"), ask("{ } !< { }"));
    }
}
