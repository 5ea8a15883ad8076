//! A whole trace as a store gives it back. Invariant: spans are in pre-order, so a span's
//! descendants follow it directly and its parent, where stored, comes before it.

use super::Span;
use crate::id::TraceId;

/// Every stored span of one trace, in pre-order: children by start time, then span id.
///
/// Serde writes `id`, `spans` in pre-order, and `parents`: of each span the position of its stored parent.
/// For what other tools read there are [`otlp::write_json`](crate::otlp) and `write_protobuf`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Parts")]
pub struct Trace {
    id: TraceId,
    spans: Vec<Span>,
    parents: Vec<Option<usize>>,
}

/// A trace as it is read: anything may be there.
#[derive(serde::Deserialize)]
struct Parts {
    id: TraceId,
    spans: Vec<Span>,
    parents: Vec<Option<usize>>,
}

impl From<Parts> for Trace {
    fn from(parts: Parts) -> Self {
        Self::new(parts.id, parts.spans, parts.parents)
    }
}

impl Trace {
    /// A trace of `spans` in pre-order, each with the position of its stored parent. Positions that
    /// are not before their child are taken as no parent.
    pub(crate) fn new(id: TraceId, spans: Vec<Span>, mut parents: Vec<Option<usize>>) -> Self {
        parents.resize(spans.len(), None);
        for (child, parent) in parents.iter_mut().enumerate() {
            *parent = parent.filter(|parent| *parent < child);
        }
        Self { id, spans, parents }
    }

    /// The trace's id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// The spans, in pre-order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The spans, by value.
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }

    /// The position of the parent of the span at `position`; `None` for roots and orphans.
    pub fn parent(&self, position: usize) -> Option<usize> {
        self.parents.get(position).copied().flatten()
    }

    /// How many stored ancestors each span has, by position.
    pub fn depths(&self) -> Vec<usize> {
        let mut depths: Vec<usize> = Vec::with_capacity(self.spans.len());
        for parent in &self.parents {
            let depth = parent.and_then(|parent| depths.get(parent)).map_or(0, |depth| depth + 1);
            depths.push(depth);
        }
        depths
    }
}
