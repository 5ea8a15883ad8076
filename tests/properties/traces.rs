//! A trace comes back whole: every field of every span, in pre-order, however it arrived.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use treering::TraceId;

use crate::answers::{config, filled};
use crate::forest::{Arrival, arrival, cut};
use crate::oracle::{normalised, pre_order, stored};
use crate::spans::spans;

/// Every trace is as the oracle says, and no other is there.
fn come_back(arrival: &Arrival, chunk_bytes: u32) -> Result<(), TestCaseError> {
    let filled = filled(arrival, chunk_bytes);
    for (id, spans) in stored(&arrival.spans()) {
        let Some(trace) = filled.store.trace(id).unwrap() else {
            return Err(TestCaseError::fail(format!("trace {id} is not there")));
        };
        prop_assert_eq!(trace.id(), id);
        let found: Vec<_> = trace.spans().iter().map(normalised).collect();
        let parents: Vec<_> = (0..found.len()).map(|at| trace.parent(at)).collect();
        prop_assert_eq!((found, parents), pre_order(spans));
    }
    prop_assert_eq!(filled.store.trace(TraceId::from_bytes([0xee; 16])).unwrap(), None);
    Ok(())
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn a_trace_comes_back_whole_and_in_pre_order(arrival in arrival(), chunk_bytes in 64..200_u32) {
        come_back(&arrival, chunk_bytes)?;
    }

    #[test]
    fn any_field_of_a_span_comes_back(
        spans in spans(20), cuts in vec(any::<Index>(), 0..4), chunk_bytes in 64..200_u32,
    ) {
        come_back(&cut(&spans, &cuts), chunk_bytes)?;
    }

    #[test]
    fn figures_count_what_is_stored(arrival in arrival()) {
        let filled = filled(&arrival, 64);
        let stats = filled.store.stats().unwrap();
        let traces = stored(&arrival.spans());
        prop_assert_eq!(usize::try_from(stats.traces).unwrap(), traces.len());
        prop_assert_eq!(usize::try_from(stats.spans).unwrap(), filled.oracle.spans());
    }
}
