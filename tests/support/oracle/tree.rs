//! Which spans a store keeps, and which span is whose parent. Invariant: spans stand by start, span
//! id and kind, every span is reached from exactly one head, and no span is its own ancestor.

use std::collections::BTreeMap;
use std::sync::Arc;

use treering::model::{Attribute, InstrumentationScope, Resource, Span, SpanKind, StatusCode};
use treering::{SpanId, TraceId};

/// Why a span has no parent in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// It names none.
    Root,
    /// It names one that is not stored.
    Orphan(SpanId),
    /// It was the earliest of a cycle.
    Cut,
}

/// One trace.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The spans by start, span id, kind.
    pub(crate) spans: Vec<Span>,
    /// The parent of each.
    pub(crate) parents: Vec<Option<usize>>,
    /// Why it has none, for those.
    pub(crate) heads: Vec<Option<Head>>,
    /// Entering and leaving numbers of the depth-first walk.
    pub(crate) walk: Vec<(i64, i64)>,
}

/// The span with each attribute list sorted by key: two spans that differ only by the order of their
/// attributes become equal.
pub(crate) fn normalised(span: &Span) -> Span {
    fn sort(list: &mut [Attribute]) {
        list.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let mut span = span.clone();
    sort(&mut span.attributes);
    for event in &mut span.events {
        sort(&mut event.attributes);
    }
    for link in &mut span.links {
        sort(&mut link.attributes);
    }
    let mut resource = Resource::clone(&span.resource);
    sort(&mut resource.attributes);
    span.resource = Arc::new(resource);
    let mut scope = InstrumentationScope::clone(&span.scope);
    sort(&mut scope.attributes);
    span.scope = Arc::new(scope);
    span
}

/// What a store keeps of the spans it was given, by trace. Of spans with one trace id, span id, kind
/// and start, the one that ends last stays, then the greatest.
pub(crate) fn stored(arrived: &[Span]) -> BTreeMap<TraceId, Vec<Span>> {
    let mut kept = BTreeMap::new();
    for span in arrived {
        let span = normalised(span);
        let key = (span.trace_id, span.start, span.span_id, span.kind);
        match kept.get(&key) {
            Some(other) if stays(other, &span) => {}
            _ => {
                kept.insert(key, span);
            }
        }
    }
    let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for ((trace, ..), span) in kept {
        traces.entry(trace).or_default().push(span);
    }
    traces
}

/// The spans of a trace in pre-order, each with the position of its parent.
pub(crate) fn pre_order(spans: Vec<Span>) -> (Vec<Span>, Vec<Option<usize>>) {
    let tree = Tree::new(spans);
    let mut order: Vec<usize> = (0..tree.spans.len()).collect();
    order.sort_by_key(|at| tree.walk[*at].0);
    let position = |at: usize| order.iter().position(|other| *other == at);
    let parents = order.iter().map(|at| tree.parents[*at].and_then(position)).collect();
    (order.iter().map(|at| tree.spans[*at].clone()).collect(), parents)
}

/// True if `first` stays and not `second`.
fn stays(first: &Span, second: &Span) -> bool {
    (first.end, first) >= (second.end, second)
}

impl Tree {
    /// The tree of one trace's stored spans.
    pub(crate) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.cmp(b)));
        let mut parents = Vec::new();
        let mut heads = Vec::new();
        for at in 0..spans.len() {
            let (parent, head) = named_parent(&spans, at);
            parents.push(parent);
            heads.push(head);
        }
        let mut tree = Self { walk: vec![(0, 0); spans.len()], spans, parents, heads };
        tree.cut_cycles();
        tree.number();
        tree
    }

    fn cut_cycles(&mut self) {
        for at in 0..self.spans.len() {
            // Spans are in order, so the first one found on a cycle is the earliest of it.
            if self.ancestors(at).contains(&at) {
                self.parents[at] = None;
                self.heads[at] = Some(Head::Cut);
            }
        }
    }

    fn number(&mut self) {
        let mut next = 0;
        for at in 0..self.spans.len() {
            if self.parents[at].is_none() {
                self.number_from(at, &mut next);
            }
        }
    }

    fn number_from(&mut self, at: usize, next: &mut i64) {
        *next += 1;
        self.walk[at].0 = *next;
        for child in self.children(at) {
            self.number_from(child, next);
        }
        *next += 1;
        self.walk[at].1 = *next;
    }

    /// Parent, grandparent and so on; where that is a cycle, once around it.
    pub(crate) fn ancestors(&self, at: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut next = self.parents[at];
        while let Some(ancestor) = next {
            if found.contains(&ancestor) {
                break;
            }
            found.push(ancestor);
            next = self.parents[ancestor];
        }
        found
    }

    /// The children of a span, in order.
    pub(crate) fn children(&self, at: usize) -> Vec<usize> {
        (0..self.spans.len()).filter(|child| self.parents[*child] == Some(at)).collect()
    }

    /// True if the two are different spans with the same parent: a stored one, none, or the same
    /// missing one.
    pub(crate) fn siblings(&self, a: usize, b: usize) -> bool {
        a != b
            && self.heads[a] != Some(Head::Cut)
            && (self.parents[a], self.heads[a]) == (self.parents[b], self.heads[b])
    }

    /// The span that gives the trace its name.
    pub(crate) fn root(&self) -> usize {
        let root = self.heads.iter().position(|head| *head == Some(Head::Root));
        root.or_else(|| self.heads.iter().position(Option::is_some)).unwrap_or_default()
    }

    /// The trace's earliest start, in nanoseconds.
    pub(crate) fn start(&self) -> u64 {
        self.spans.iter().map(|span| span.start.unix_nanos()).min().unwrap_or_default()
    }

    /// The trace's latest end, in nanoseconds.
    pub(crate) fn end(&self) -> u64 {
        self.spans.iter().map(|span| span.end.unix_nanos()).max().unwrap_or_default()
    }

    /// Latest end minus earliest start, in nanoseconds.
    pub(crate) fn duration(&self) -> u64 {
        self.end().saturating_sub(self.start())
    }

    /// Spans with status error.
    pub(crate) fn errors(&self) -> usize {
        self.spans.iter().filter(|span| span.status.code == StatusCode::ERROR).count()
    }
}

fn order(span: &Span) -> impl Ord + use<> {
    (span.start, span.span_id, span.kind)
}

/// The parent that the span names, before cycles are cut.
fn named_parent(spans: &[Span], at: usize) -> (Option<usize>, Option<Head>) {
    let span = &spans[at];
    if let Some((client, server)) = pair(spans, span.span_id)
        && server == at
    {
        return (Some(client), None);
    }
    let Some(id) = span.parent_span_id.filter(|id| !id.is_zero()) else {
        return (None, Some(Head::Root));
    };
    if let Some((client, server)) = pair(spans, id) {
        let parent = if span.kind == SpanKind::SERVER { client } else { server };
        return (Some(parent), None);
    }
    match with_id(spans, id).first() {
        Some(parent) => (Some(*parent), None),
        None => (None, Some(Head::Orphan(id))),
    }
}

fn with_id(spans: &[Span], id: SpanId) -> Vec<usize> {
    (0..spans.len()).filter(|at| spans[*at].span_id == id).collect()
}

/// The client and the server span of an id that exactly these two share.
fn pair(spans: &[Span], id: SpanId) -> Option<(usize, usize)> {
    let [a, b] = with_id(spans, id)[..] else { return None };
    match (spans[a].kind, spans[b].kind) {
        (SpanKind::CLIENT, SpanKind::SERVER) => Some((a, b)),
        (SpanKind::SERVER, SpanKind::CLIENT) => Some((b, a)),
        _ => None,
    }
}
