//! From staged spans to ordered traces: spans that claim one identity are settled, then each trace is
//! put in pre-order. Invariant: of spans with one trace id, span id, kind and start one is kept: the
//! one with the later end, then the greater in every field, whatever the order of arrival.

use std::cmp::Ordering;

use hashbrown::HashMap;

use super::builder::{OrderedTrace, root_of};
use super::nested_set::{self, Node};
use super::parallel::{spread, threads_for};
use super::staging::{StagedSpan, Staging};
use crate::codec::cast::{u32_of, usize_of};
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

/// Staged spans by trace, by their numbers in order of arrival; traces in order of their first span.
pub(crate) fn group_by_trace(staging: &Staging) -> Vec<(TraceId, Vec<u32>)> {
    let mut places: HashMap<TraceId, u32> = HashMap::new();
    let mut sizes: Vec<(TraceId, usize)> = Vec::new();
    let mut last = None;
    let of_spans: Vec<u32> = staging
        .spans
        .iter()
        .map(|span| {
            let id = span.trace_id;
            let place = match last {
                Some((before, place)) if before == id => place,
                _ => *places.entry(id).or_insert_with(|| {
                    sizes.push((id, 0));
                    u32_of(sizes.len() - 1).unwrap_or(u32::MAX)
                }),
            };
            last = Some((id, place));
            if let Some((_, size)) = sizes.get_mut(usize_of(place)) {
                *size += 1;
            }
            place
        })
        .collect();
    let mut groups: Vec<(TraceId, Vec<u32>)> =
        sizes.into_iter().map(|(id, size)| (id, Vec::with_capacity(size))).collect();
    for (place, number) in of_spans.into_iter().zip(0u32..) {
        if let Some((_, numbers)) = groups.get_mut(usize_of(place)) {
            numbers.push(number);
        }
    }
    groups
}

/// Settles and orders many traces, in the order given.
pub(crate) fn arrange_all(
    staging: &Staging,
    groups: Vec<(TraceId, Vec<u32>)>,
) -> (Vec<OrderedTrace>, Settled) {
    /// Traces that a thread takes at a time.
    const RUN: usize = 1 << 10;
    let threads = threads_for(staging.spans.len());
    let mut runs = Vec::new();
    let mut groups = groups.into_iter();
    loop {
        let run: Vec<(TraceId, Vec<u32>)> = groups.by_ref().take(RUN).collect();
        if run.is_empty() {
            break;
        }
        runs.push(run);
    }
    let work = |(): &mut (), run: Vec<(TraceId, Vec<u32>)>| {
        run.into_iter().map(|(id, numbers)| arrange(staging, id, numbers)).collect::<Vec<_>>()
    };
    let mut traces = Vec::new();
    let mut settled = Settled::default();
    for (trace, of_trace) in spread(threads, runs, |_| 0, || (), work).into_iter().flatten() {
        settled.duplicates += of_trace.duplicates;
        settled.replaced += of_trace.replaced;
        traces.push(trace);
    }
    (traces, settled)
}

/// Settles and orders the spans of one trace. Where two spans are equal, the later staged is kept.
pub(crate) fn arrange(
    staging: &Staging,
    id: TraceId,
    numbers: Vec<u32>,
) -> (OrderedTrace, Settled) {
    let mut settled = Settled::default();
    let span = |number: u32| staging.spans.get(usize_of(number));
    let nodes = numbers.into_iter().filter_map(|number| Some((node(span(number)?), number)));
    let mut nodes: Vec<(Node, u32)> = nodes.collect();
    nodes.sort_unstable_by(|a, b| a.0.order(&b.0).then(b.1.cmp(&a.1)));
    nodes.dedup_by(|next, kept| {
        let same = next.0.order(&kept.0) == Ordering::Equal;
        if same && settle(staging, next.1, kept.1, &mut settled) {
            *kept = *next;
        }
        same
    });
    let order = nested_set::order_sorted(&nodes, |(node, _)| node);
    let at = |position: u32| order.nodes.get(usize_of(position)).map(|node| usize_of(*node));
    let root = root_of(&order, |position| {
        let node = at(position).and_then(|at| nodes.get(at));
        node.is_some_and(|(node, _)| node.parent_span_id.is_none())
    });
    let ends = nodes.iter().filter_map(|(_, number)| Some(span(*number)?.end));
    let of_node = |node: &u32| nodes.get(usize_of(*node)).map(|(_, number)| *number);
    let trace = OrderedTrace {
        id,
        // They are sorted by it.
        start: nodes.first().map(|(node, _)| node.start).unwrap_or_default(),
        end: ends.max().unwrap_or(Timestamp::default()),
        spans: order.nodes.iter().filter_map(of_node).collect(),
        order,
        root,
    };
    (trace, settled)
}

fn node(span: &StagedSpan) -> Node {
    Node {
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        kind: span.kind,
        start: span.start,
    }
}

/// True if `next` stays, of two spans of one identity.
fn settle(staging: &Staging, next: u32, kept: u32, settled: &mut Settled) -> bool {
    let span = |number: u32| staging.spans.get(usize_of(number)).map(|span| staging.unstage(span));
    let (a, b) = (span(kept), span(next));
    let end = |span: &Option<crate::model::Span>| span.as_ref().map(|span| span.end);
    let outcome = end(&b).cmp(&end(&a)).then_with(|| b.cmp(&a));
    match outcome {
        Ordering::Equal => settled.duplicates += 1,
        Ordering::Greater | Ordering::Less => settled.replaced += 1,
    }
    outcome == Ordering::Greater
}
