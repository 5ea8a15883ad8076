//! A trace comes back whole: every field of every span, in pre-order, however it arrived.

use proptest::prelude::*;
use treering::TraceId;

use crate::answers::{config, filled};
use crate::forest::arrival;
use crate::oracle::{normalised, pre_order, stored};

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn a_trace_comes_back_whole_and_in_pre_order(arrival in arrival(), chunk_bytes in 64..200_u32) {
        let filled = filled(&arrival, chunk_bytes);
        for (id, spans) in stored(&arrival.spans()) {
            let trace = filled.store.trace(id).unwrap();
            prop_assert!(trace.is_some(), "trace {} is not there", id);
            let trace = trace.unwrap();
            prop_assert_eq!(trace.id(), id);
            let found: Vec<_> = trace.spans().iter().map(normalised).collect();
            let parents: Vec<_> = (0..found.len()).map(|at| trace.parent(at)).collect();
            prop_assert_eq!((found, parents), pre_order(spans));
        }
        prop_assert_eq!(filled.store.trace(TraceId::from_bytes([7; 16])).unwrap(), None);
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
