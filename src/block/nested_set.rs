//! The order of a trace's spans: parents resolved from ids, cycles cut, pre-order numbered.
//! Invariants: every span gets a position; a parent's position is before its children's; the
//! descendants of the span at `p` are exactly the positions `p + 1 ..= end[p]`. No recursion.

use std::cmp::Ordering;

use crate::codec::cast::{u32_of, usize_of};
use crate::id::SpanId;
use crate::model::SpanKind;
use crate::time::Timestamp;

/// The position of no span.
pub(crate) const NONE: u32 = u32::MAX;

/// What decides a span's place in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) kind: SpanKind,
    pub(crate) start: Timestamp,
}

/// A trace in order. All vectors have one element a span, by position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ordered {
    /// Which node stands here.
    pub(crate) nodes: Vec<u32>,
    /// The position of its parent, or [`NONE`].
    pub(crate) parents: Vec<u32>,
    /// The position of its last descendant; its own where it has none.
    pub(crate) ends: Vec<u32>,
    /// True for the one span of a cycle at which the cycle was cut.
    pub(crate) cut: Vec<bool>,
}

impl Node {
    /// Siblings and roots come in this order: start time, span id, kind.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        (self.start, self.span_id, self.kind).cmp(&(other.start, other.span_id, other.kind))
    }
}

/// Orders the spans of one trace, which come sorted by [`Node::order`]. Cost: O(n log n). At most
/// `u32::MAX - 1` nodes.
pub(crate) fn order_sorted<T>(sorted: &[T], node: impl Fn(&T) -> &Node) -> Ordered {
    if u32_of(sorted.len()).is_none() {
        return Ordered::default();
    }
    let sorted: Vec<&Node> = sorted.iter().map(node).collect();
    let mut parents = resolve(&sorted);
    let cut = cut_cycles(&mut parents);
    let walk = walk(&parents);
    number(walk, &parents, cut)
}

/// A span id as a number that sorts as it does.
fn sortable(id: SpanId) -> u64 {
    u64::from_le_bytes(id.to_bytes()).swap_bytes()
}

/// The parent of each node, by rank: nodes are sorted by [`Node::order`].
fn resolve(sorted: &[&Node]) -> Vec<u32> {
    let count = u32_of(sorted.len()).unwrap_or(NONE);
    let mut by_id: Vec<(u64, u32)> =
        sorted.iter().zip(0..count).map(|(node, rank)| (sortable(node.span_id), rank)).collect();
    by_id.sort_unstable();
    let mut pair_parents = Vec::new();
    for group in by_id.chunk_by(|a, b| a.0 == b.0) {
        if let Some((client, server)) = pair(sorted, group) {
            pair_parents.push((server, client));
        }
    }
    let parent_of = |node: &&Node| {
        let Some(id) = node.parent_span_id.map(sortable) else { return NONE };
        let first = by_id.partition_point(|(other, _)| *other < id);
        let group = by_id.get(first..).unwrap_or_default();
        // Three are as good as many: they are no pair.
        let len = group.iter().take(3).take_while(|(other, _)| *other == id).count();
        let group = group.get(..len).unwrap_or_default();
        match pair(sorted, group) {
            Some((client, _)) if node.kind == SpanKind::SERVER => client,
            Some((_, server)) => server,
            None => group.first().map_or(NONE, |(_, rank)| *rank),
        }
    };
    let mut parents: Vec<u32> = sorted.iter().map(parent_of).collect();
    for (server, client) in pair_parents {
        set(&mut parents, server, client);
    }
    parents
}

/// The client and the server where the spans of one id are such a pair.
fn pair(sorted: &[&Node], group: &[(u64, u32)]) -> Option<(u32, u32)> {
    let [(_, a), (_, b)] = group else { return None };
    let kind = |rank: u32| sorted.get(usize_of(rank)).map(|node| node.kind);
    match (kind(*a)?, kind(*b)?) {
        (SpanKind::CLIENT, SpanKind::SERVER) => Some((*a, *b)),
        (SpanKind::SERVER, SpanKind::CLIENT) => Some((*b, *a)),
        _ => None,
    }
}

/// Cuts each cycle at its member of least rank; says which those are.
fn cut_cycles(parents: &mut [u32]) -> Vec<bool> {
    let mut cut = vec![false; parents.len()];
    // Where every parent comes first, which is so if clocks agree, there is no cycle.
    if parents.iter().zip(0u32..).all(|(parent, rank)| *parent == NONE || *parent < rank) {
        return cut;
    }
    // The walk on which a node was first met; 0 is none yet.
    let mut met = vec![0u32; parents.len()];
    for (start, walk) in (0..u32_of(parents.len()).unwrap_or(NONE)).zip(1u32..) {
        let mut at = start;
        while at != NONE && get(&met, at) == 0 {
            set(&mut met, at, walk);
            at = get(parents, at);
        }
        if at == NONE || get(&met, at) != walk {
            continue;
        }
        let (mut least, mut member) = (at, get(parents, at));
        while member != at {
            least = least.min(member);
            member = get(parents, member);
        }
        set(parents, least, NONE);
        if let Some(cut) = cut.get_mut(usize_of(least)) {
            *cut = true;
        }
    }
    cut
}

/// The ranks in pre-order.
fn walk(parents: &[u32]) -> Vec<u32> {
    let count = u32_of(parents.len()).unwrap_or(NONE);
    let mut first_child = vec![NONE; parents.len()];
    let mut next_sibling = vec![NONE; parents.len()];
    let mut first_root = NONE;
    for rank in (0..count).rev() {
        let parent = get(parents, rank);
        let head = if parent == NONE { first_root } else { get(&first_child, parent) };
        set(&mut next_sibling, rank, head);
        if parent == NONE {
            first_root = rank;
        } else {
            set(&mut first_child, parent, rank);
        }
    }
    let mut walk = Vec::with_capacity(parents.len());
    let mut at = first_root;
    while at != NONE {
        walk.push(at);
        let child = get(&first_child, at);
        if child != NONE {
            at = child;
            continue;
        }
        while at != NONE && get(&next_sibling, at) == NONE {
            at = get(parents, at);
        }
        if at != NONE {
            at = get(&next_sibling, at);
        }
    }
    walk
}

fn number(walk: Vec<u32>, parents: &[u32], mut cut: Vec<bool>) -> Ordered {
    let mut position_of = vec![NONE; walk.len()];
    for (rank, position) in walk.iter().zip(0u32..) {
        set(&mut position_of, *rank, position);
    }
    if cut.contains(&true) {
        cut = walk.iter().map(|rank| cut.get(usize_of(*rank)) == Some(&true)).collect();
    }
    let count = u32_of(walk.len()).unwrap_or(NONE);
    let mut ordered = Ordered {
        parents: walk
            .iter()
            .map(|rank| match get(parents, *rank) {
                NONE => NONE,
                parent => get(&position_of, parent),
            })
            .collect(),
        ends: (0..count).collect(),
        cut,
        nodes: walk,
    };
    for position in (0..count).rev() {
        let parent = get(&ordered.parents, position);
        if parent != NONE {
            let end = get(&ordered.ends, position).max(get(&ordered.ends, parent));
            set(&mut ordered.ends, parent, end);
        }
    }
    ordered
}

fn get(values: &[u32], at: u32) -> u32 {
    values.get(usize_of(at)).copied().unwrap_or(NONE)
}

fn set(values: &mut [u32], at: u32, value: u32) {
    if let Some(slot) = values.get_mut(usize_of(at)) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Orders nodes that come in any order.
    fn order(nodes: &[Node]) -> Ordered {
        let mut ranked: Vec<(usize, Node)> = nodes.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| a.1.order(&b.1));
        let mut ordered = order_sorted(&ranked, |(_, node)| node);
        for node in &mut ordered.nodes {
            *node = u32_of(ranked[usize_of(*node)].0).unwrap();
        }
        ordered
    }

    fn node(id: u8, parent: u8, kind: SpanKind, start: u64) -> Node {
        Node {
            span_id: SpanId::from_bytes([id; 8]),
            parent_span_id: (parent != 0).then(|| SpanId::from_bytes([parent; 8])),
            kind,
            start: Timestamp::from_unix_nanos(start),
        }
    }

    const INTERNAL: SpanKind = SpanKind::INTERNAL;

    #[test]
    fn children_come_by_start_then_id() {
        let nodes = [
            node(4, 1, INTERNAL, 3),
            node(1, 0, INTERNAL, 0),
            node(3, 1, INTERNAL, 2),
            node(2, 1, INTERNAL, 2),
            node(5, 3, INTERNAL, 9),
        ];
        let ordered = order(&nodes);
        assert_eq!(ordered.nodes, [1, 3, 2, 4, 0]);
        assert_eq!(ordered.parents, [NONE, 0, 0, 2, 0]);
        assert_eq!(ordered.ends, [4, 1, 3, 3, 4]);
    }

    #[test]
    fn a_shared_id_is_a_client_with_its_server_below_it() {
        let nodes = [
            node(2, 1, SpanKind::SERVER, 1),
            node(2, 1, SpanKind::CLIENT, 2),
            node(1, 0, INTERNAL, 0),
            node(3, 2, INTERNAL, 5),
            node(4, 2, SpanKind::SERVER, 6),
        ];
        let ordered = order(&nodes);
        // root, client, server, the internal child of the server, then the server child of the client
        assert_eq!(ordered.nodes, [2, 1, 0, 3, 4]);
        assert_eq!(ordered.parents, [NONE, 0, 1, 2, 1]);
    }

    #[test]
    fn three_of_one_id_leave_children_to_the_first() {
        let nodes = [
            node(2, 1, SpanKind::CLIENT, 3),
            node(2, 1, SpanKind::SERVER, 2),
            node(2, 0, SpanKind::CLIENT, 1),
            node(3, 2, INTERNAL, 4),
        ];
        let ordered = order(&nodes);
        assert_eq!(ordered.nodes, [2, 3, 1, 0]);
        assert_eq!(ordered.parents, [NONE, 0, NONE, NONE]);
    }

    #[test]
    fn a_cycle_is_cut_at_its_earliest_span_and_a_self_parent_at_itself() {
        let nodes = [
            node(1, 3, INTERNAL, 5),
            node(2, 1, INTERNAL, 4),
            node(3, 2, INTERNAL, 6),
            node(9, 9, INTERNAL, 7),
        ];
        let ordered = order(&nodes);
        assert_eq!(ordered.nodes, [1, 2, 0, 3]);
        assert_eq!(ordered.parents, [NONE, 0, 1, NONE]);
        assert_eq!(ordered.cut, [true, false, false, true]);
    }

    #[test]
    fn a_chain_of_100_000_is_ordered_without_recursion() {
        let id = |n: u64| SpanId::from_bytes(n.to_le_bytes());
        let chain: Vec<Node> = (1..=100_000u64)
            .rev()
            .map(|n| Node {
                span_id: id(n),
                parent_span_id: (n > 1).then(|| id(n - 1)),
                kind: INTERNAL,
                start: Timestamp::from_unix_nanos(n),
            })
            .collect();
        let ordered = order(&chain);
        assert_eq!(ordered.ends, vec![99_999; 100_000]);
        assert_eq!(ordered.parents[99_999], 99_998);
    }

    proptest! {
        #[test]
        fn intervals_are_nested_and_nothing_is_lost(
            raw in prop::collection::vec((1u8..12, 0u8..14, 0i32..6, 0u64..6), 0..40),
        ) {
            let mut nodes: Vec<Node> = raw.iter().map(|r| node(r.0, r.1, SpanKind(r.2), r.3)).collect();
            nodes.sort_by(Node::order);
            nodes.dedup_by(|a, b| a.order(b) == Ordering::Equal);
            let ordered = order(&nodes);
            let mut seen = ordered.nodes.clone();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..u32::try_from(nodes.len()).unwrap()).collect::<Vec<_>>());
            for p in 0..nodes.len() {
                let parent = ordered.parents[p];
                prop_assert!(usize_of(ordered.ends[p]) >= p);
                if parent != NONE {
                    prop_assert!(usize_of(parent) < p);
                    prop_assert!(ordered.ends[p] <= ordered.ends[usize_of(parent)]);
                }
                // Descendants are exactly the interval.
                for (q, row) in (0..nodes.len()).zip(0u32..) {
                    let mut at = row;
                    while at != NONE && usize_of(at) != p {
                        at = ordered.parents[usize_of(at)];
                    }
                    let inside = q >= p && row <= ordered.ends[p];
                    prop_assert_eq!(usize_of(at) == p, inside);
                }
            }
        }
    }
}
