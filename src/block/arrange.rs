//! From staged spans to ordered traces: spans that claim one identity are settled, then each trace is
//! put in pre-order. Invariant: of spans with one trace id, span id, kind and start one is kept: the
//! one with the later end, then the greater in every field, whatever the order of arrival.

use std::cmp::Ordering;

use super::builder::{OrderedTrace, root_of};
use super::nested_set::{self, Node};
use super::staging::{StagedSpan, Staging};
use crate::codec::cast::usize_of;
use crate::id::TraceId;
use crate::time::Timestamp;

/// What became of the spans of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Settled {
    /// Spans dropped because an equal one was there.
    pub(crate) duplicates: u64,
    /// Spans dropped because one with other content was kept.
    pub(crate) replaced: u64,
}

/// Staged spans grouped by trace; groups in order of trace id, spans in order of arrival.
pub(crate) fn group_by_trace(staging: &Staging) -> Vec<(TraceId, Vec<u32>)> {
    let mut numbered: Vec<(TraceId, u32)> =
        staging.spans.iter().map(|span| span.trace_id).zip(0u32..).collect();
    numbered.sort_unstable();
    let groups = numbered.chunk_by(|a, b| a.0 == b.0);
    groups
        .filter_map(|group| {
            let id = group.first()?.0;
            Some((id, group.iter().map(|(_, number)| *number).collect()))
        })
        .collect()
}

/// Settles and orders the spans of one trace. Where two spans are equal, the later staged is kept.
pub(crate) fn arrange(
    staging: &Staging,
    id: TraceId,
    mut numbers: Vec<u32>,
) -> (OrderedTrace, Settled) {
    let mut settled = Settled::default();
    let span = |number: u32| staging.spans.get(usize_of(number));
    numbers.retain(|number| span(*number).is_some());
    let identity = |number: &u32| span(*number).map(|span| (span.start, span.span_id, span.kind));
    numbers.sort_unstable_by(|a, b| identity(a).cmp(&identity(b)).then(b.cmp(a)));
    numbers.dedup_by(|next, kept| {
        let same = identity(next) == identity(kept);
        if same {
            settle(staging, *next, kept, &mut settled);
        }
        same
    });
    let staged: Vec<&StagedSpan> = numbers.iter().filter_map(|number| span(*number)).collect();
    let nodes: Vec<Node> = staged
        .iter()
        .map(|span| Node {
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            kind: span.kind,
            start: span.start,
        })
        .collect();
    let order = nested_set::order(&nodes);
    let at = |position: u32| order.nodes.get(usize_of(position)).map(|node| usize_of(*node));
    let root = root_of(&order, |position| {
        let span = at(position).and_then(|at| staged.get(at));
        span.is_some_and(|span| span.parent_span_id.is_none())
    });
    let trace = OrderedTrace {
        id,
        start: staged.iter().map(|span| span.start).min().unwrap_or_default(),
        end: staged.iter().map(|span| span.end).max().unwrap_or(Timestamp::default()),
        spans: order
            .nodes
            .iter()
            .filter_map(|node| numbers.get(usize_of(*node)).copied())
            .collect(),
        order,
        root,
    };
    (trace, settled)
}

/// Leaves in `kept` the span that stays.
fn settle(staging: &Staging, next: u32, kept: &mut u32, settled: &mut Settled) {
    let span = |number: u32| staging.spans.get(usize_of(number)).map(|span| staging.unstage(span));
    let (a, b) = (span(*kept), span(next));
    let end = |span: &Option<crate::model::Span>| span.as_ref().map(|span| span.end);
    match end(&b).cmp(&end(&a)).then_with(|| b.cmp(&a)) {
        Ordering::Equal => settled.duplicates += 1,
        Ordering::Greater => {
            settled.replaced += 1;
            *kept = next;
        }
        Ordering::Less => settled.replaced += 1,
    }
}
