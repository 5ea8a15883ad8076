//! The trace table: ids, first rows, time bounds, root, look-up by id, filter.

use super::assemble::{Sections, put_packed, put_plain};
use crate::block::filter;
use crate::block::format::Section;
use crate::block::nested_set::{NONE, Ordered};
use crate::codec::cast::u64_of;
use crate::id::TraceId;
use crate::time::Timestamp;

/// A trace whose spans are ordered.
#[derive(Debug, Clone)]
pub(crate) struct OrderedTrace {
    pub(crate) id: TraceId,
    /// Earliest start.
    pub(crate) start: Timestamp,
    /// Latest end.
    pub(crate) end: Timestamp,
    /// Its staged spans, in pre-order.
    pub(crate) spans: Vec<u32>,
    /// Their structure.
    pub(crate) order: Ordered,
    /// Position of the span that names the trace: the root that starts first, else the orphan.
    pub(crate) root: u32,
}

pub(in crate::block) fn sections<'t>(
    traces: impl Iterator<Item = &'t OrderedTrace> + Clone,
    sections: &mut Sections,
) {
    let ids: Vec<TraceId> = traces.clone().map(|trace| trace.id).collect();
    put_plain(sections, Section::TraceIds, ids.iter().flat_map(|id| id.to_bytes()).collect());
    let mut first = 0;
    let mut firsts = vec![0];
    for trace in traces.clone() {
        first += u64_of(trace.spans.len());
        firsts.push(first);
    }
    put_packed(sections, Section::TraceFirstRows, firsts);
    let starts = traces.clone().map(|trace| trace.start.unix_nanos());
    put_packed(sections, Section::TraceStarts, starts);
    let ends = traces.clone().map(|trace| trace.end.unix_nanos());
    put_packed(sections, Section::TraceEnds, ends);
    let mut lookup: Vec<(TraceId, u64)> = ids.iter().copied().zip(0..).collect();
    lookup.sort_unstable();
    put_packed(sections, Section::TraceLookup, lookup.into_iter().map(|(_, number)| number));
    put_packed(sections, Section::TraceRoots, traces.map(|trace| u64::from(trace.root)));
    put_plain(sections, Section::TraceFilter, filter::build(&ids));
}

/// The position of the span that names a trace, given which of its spans have no parent id.
pub(crate) fn root_of(order: &Ordered, has_no_parent_id: impl Fn(u32) -> bool) -> u32 {
    let tops = || {
        let positions = order.parents.iter().zip(0u32..);
        positions.filter(|(parent, _)| **parent == NONE).map(|(_, position)| position)
    };
    // Tops come in order of start, so the first of a kind is the one that starts first.
    tops().find(|position| has_no_parent_id(*position)).or_else(|| tops().next()).unwrap_or(0)
}
