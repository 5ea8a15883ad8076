//! The whole answer to a search. Invariant: traces come newest first, ties by trace id; what a
//! query's expression selects depends on nothing but the trace.

use treering::model::Span;
use treering::query::FieldValue;
use treering::query::syntax::{Field, Query};
use treering::{SpanId, Timestamp, TraceId};

use super::expr::Regexes;
use super::fields::{on_span, service};
use super::shown::{Shown, field_value, named};
use super::spansets::{Evaluation, Set};
use super::tree::{Tree, stored};

/// What the oracle cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsupported(pub(crate) &'static str);

/// The spans of a store, each trace a tree.
#[derive(Debug)]
pub(crate) struct Oracle {
    trees: Vec<Tree>,
    regexes: Regexes,
}

/// What to look at and to give back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ask {
    /// Only traces that end at or after this time.
    pub(crate) start: Option<Timestamp>,
    /// Only traces that start at or before this time.
    pub(crate) end: Option<Timestamp>,
    /// Most traces.
    pub(crate) limit: Option<usize>,
    /// Most spans of a spanset.
    pub(crate) spans_per_spanset: Option<usize>,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// The traces, newest first.
    pub(crate) traces: Vec<TraceAnswer>,
}

/// A trace found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceAnswer {
    pub(crate) trace_id: TraceId,
    pub(crate) root_service: String,
    pub(crate) root_name: String,
    pub(crate) start: Timestamp,
    pub(crate) duration_nanos: u64,
    pub(crate) spansets: Vec<SpansetAnswer>,
}

/// A spanset found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpansetAnswer {
    /// How many spans there are in all.
    pub(crate) matched: u64,
    /// The first of them.
    pub(crate) spans: Vec<SpanAnswer>,
    /// What stages computed for it.
    pub(crate) attributes: Shown,
}

/// A span found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpanAnswer {
    pub(crate) span_id: SpanId,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) start: Timestamp,
    pub(crate) duration_nanos: u64,
    /// The fields that the query names and the span has.
    pub(crate) attributes: Shown,
}

impl Answer {
    /// Spans that match, over all spansets.
    pub(crate) fn spans(&self) -> u64 {
        self.traces.iter().flat_map(|trace| &trace.spansets).map(|set| set.matched).sum()
    }
}

impl Oracle {
    /// A store that was given these spans, in any order.
    pub(crate) fn new(arrived: &[Span]) -> Self {
        let trees = stored(arrived).into_values().map(Tree::new).collect();
        Self { trees, regexes: Regexes::default() }
    }

    /// What the field is on each span, trace by trace.
    pub(crate) fn values(&self, field: &Field) -> Vec<Vec<(&Span, FieldValue)>> {
        fn of<'a>(tree: &'a Tree, field: &Field) -> Vec<(&'a Span, FieldValue)> {
            let spans = tree.spans.iter().enumerate();
            spans.map(|(at, span)| (span, field_value(&on_span(tree, at, field)))).collect()
        }
        self.trees.iter().map(|tree| of(tree, field)).collect()
    }

    /// Spans stored.
    pub(crate) fn spans(&self) -> usize {
        self.trees.iter().map(|tree| tree.spans.len()).sum()
    }

    /// The answer to a query.
    pub(crate) fn search(&self, query: &Query, ask: &Ask) -> Result<Answer, Unsupported> {
        let Query::Search(pipeline, _) = query else { return Err(Unsupported("metrics")) };
        let fields = named(pipeline);
        let mut traces = Vec::new();
        for tree in &self.trees {
            let first = tree.start();
            // A trace whose clocks ran backwards takes place at its start.
            let last = tree.end().max(first);
            let after = ask.start.is_none_or(|start| last >= start.unix_nanos());
            let before = ask.end.is_none_or(|end| first <= end.unix_nanos());
            if !after || !before {
                continue;
            }
            let evaluation = Evaluation { tree, regexes: &self.regexes };
            let sets = evaluation.shown_sets(pipeline, (0..tree.spans.len()).collect());
            if !sets.is_empty() {
                traces.push(found(evaluation, &fields, &sets, ask.spans_per_spanset));
            }
        }
        traces.sort_by(|a, b| b.start.cmp(&a.start).then(a.trace_id.cmp(&b.trace_id)));
        traces.truncate(ask.limit.unwrap_or(usize::MAX));
        Ok(Answer { traces })
    }
}

fn found(
    evaluation: Evaluation<'_>,
    fields: &[Field],
    sets: &[(Set, Shown)],
    shown: Option<usize>,
) -> TraceAnswer {
    let tree = evaluation.tree;
    let root = &tree.spans[tree.root()];
    let spanset = |(set, attributes): &(Set, Shown)| SpansetAnswer {
        attributes: attributes.clone(),
        matched: u64::try_from(set.len()).unwrap_or(u64::MAX),
        spans: set
            .iter()
            .take(shown.unwrap_or(usize::MAX))
            .map(|at| span_answer(&tree.spans[*at], evaluation.shown_fields(fields, *at)))
            .collect(),
    };
    TraceAnswer {
        trace_id: root.trace_id,
        root_service: service(root),
        root_name: root.name.clone(),
        start: Timestamp::from_unix_nanos(tree.start()),
        duration_nanos: tree.duration(),
        spansets: sets.iter().map(spanset).collect(),
    }
}

fn span_answer(span: &Span, attributes: Shown) -> SpanAnswer {
    SpanAnswer {
        span_id: span.span_id,
        name: span.name.clone(),
        service: service(span),
        start: span.start,
        duration_nanos: span.duration_nanos(),
        attributes,
    }
}
