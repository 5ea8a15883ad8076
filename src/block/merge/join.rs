//! Traces whose spans come from several places: of spans that claim one identity one stays, and the
//! rest is put in order. Invariant: what comes out is what arranging the same spans gives.

use std::cmp::Ordering;

use super::pulled::{MergedTrace, Pulled, Taken};
use crate::block::arrange::Settled;
use crate::block::builder::{OrderedTrace, root_of};
use crate::block::column::ColumnKey;
use crate::block::error::BlockError;
use crate::block::format::{Section, Table, field};
use crate::block::nested_set::{self, NONE, Node};
use crate::block::runs::Runs;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{bits_of_i64, usize_of};
use crate::codec::order;
use crate::id::{SpanId, TraceId};
use crate::model::{Span, SpanKind};
use crate::time::Timestamp;

/// What decides a span's place, and its end.
#[derive(Debug, Clone, Copy)]
struct Fact {
    node: Node,
    end: Timestamp,
}

/// What is known of the spans that were taken, by number.
#[derive(Debug)]
pub(crate) struct Facts<'p, 'a> {
    pulled: &'p Pulled<'a>,
    facts: Vec<Fact>,
}

impl<'a> Pulled<'a> {
    /// Reads what decides the places of all spans taken so far.
    pub(crate) fn facts(&self) -> Result<Facts<'_, 'a>, BlockError> {
        let mut facts = Vec::with_capacity(self.spans.len());
        for taken in &self.taken {
            read(taken, &mut facts)?;
        }
        Ok(Facts { pulled: self, facts })
    }
}

/// Appends what a block says of the spans taken from it.
fn read(taken: &Taken<'_>, facts: &mut Vec<Fact>) -> Result<(), BlockError> {
    let block = taken.block;
    let base = facts.len();
    let ranges: Vec<_> = taken.entries.iter().map(|e| e.first_row..e.first_row + e.rows).collect();
    let runs = Runs::new(&ranges);
    let mut starts = block.read_rows(Section::Starts, runs.len())?;
    let mut durations = block.read_rows(Section::Durations, runs.len())?;
    for entry in &taken.entries {
        let ids = block.records(Section::SpanIds, 8, entry.first_row, entry.rows)?;
        for (row, id) in (entry.first_row..).zip(ids.chunks_exact(8)) {
            let start = entry.start.unix_nanos().wrapping_add(starts.get(row)?);
            let node = Node {
                span_id: SpanId::from_slice(id).unwrap_or_default(),
                parent_span_id: None,
                kind: SpanKind::default(),
                start: Timestamp::from_unix_nanos(start),
            };
            let end = start.wrapping_add(durations.get(row)?);
            facts.push(Fact { node, end: Timestamp::from_unix_nanos(end) });
        }
    }
    let own = facts.get_mut(base..).unwrap_or_default();
    let parents = block.stored_parents(&runs)?;
    for (at, parent) in parents.iter().enumerate() {
        let id = parent.and_then(|parent| own.get(parent)).map(|fact| fact.node.span_id);
        if let Some(fact) = own.get_mut(at) {
            fact.node.parent_span_id = id;
        }
    }
    let mut set = |code: u8, change: &dyn Fn(&mut Fact, i64)| -> Result<(), BlockError> {
        for column in block.columns(Table::Spans, &ColumnKey::Field(code))? {
            let payloads = column.payloads()?.to_wide()?;
            column.each_number_of(&runs, |at, number| {
                let payload = payloads.get(usize_of(number));
                if let Some((fact, payload)) = own.get_mut(usize_of(at)).zip(payload) {
                    change(fact, order::to_i64(*payload));
                }
            })?;
        }
        Ok(())
    };
    set(field::KIND, &|fact, kind| {
        fact.node.kind = SpanKind(i32::try_from(kind).unwrap_or_default());
    })?;
    set(field::BACKWARD, &|fact, nanos| {
        let end = fact.node.start.unix_nanos().wrapping_sub(bits_of_i64(nanos));
        fact.end = Timestamp::from_unix_nanos(end);
    })?;
    set(field::SENT_PARENT, &|fact, id| {
        fact.node.parent_span_id = Some(SpanId::from_bytes(bits_of_i64(id).to_le_bytes()));
    })?;
    for fact in own {
        fact.node.parent_span_id = fact.node.parent_span_id.filter(|id| !id.is_zero());
    }
    Ok(())
}

impl Facts<'_, '_> {
    fn node(&self, number: u32) -> Option<Node> {
        self.facts.get(usize_of(number)).map(|fact| fact.node)
    }

    /// Settles and orders the spans of one trace. Where two spans are equal, one of them is kept.
    pub(crate) fn join(
        &self,
        id: TraceId,
        mut numbers: Vec<u32>,
    ) -> Result<(MergedTrace, Settled), BlockError> {
        numbers.retain(|number| self.node(*number).is_some());
        numbers.sort_by(|a, b| match (self.node(*a), self.node(*b)) {
            (Some(one), Some(other)) => one.order(&other).then(b.cmp(a)),
            _ => Ordering::Equal,
        });
        let settled = self.settle(&mut numbers)?;
        let nodes: Vec<Node> = numbers.iter().filter_map(|number| self.node(*number)).collect();
        let order = nested_set::order_sorted(&nodes, |node| node);
        let at = |position: u32| order.nodes.get(usize_of(position)).map(|node| usize_of(*node));
        let sent: Vec<Option<SpanId>> = order
            .nodes
            .iter()
            .map(|node| nodes.get(usize_of(*node)).and_then(|node| node.parent_span_id))
            .collect();
        let root = root_of(&order, |position| {
            let node = at(position).and_then(|at| nodes.get(at));
            node.is_some_and(|node| node.parent_span_id.is_none())
        });
        let ends = numbers.iter().filter_map(|number| self.facts.get(usize_of(*number)));
        let trace = OrderedTrace {
            id,
            start: nodes.iter().map(|node| node.start).min().unwrap_or_default(),
            end: ends.map(|fact| fact.end).max().unwrap_or_default(),
            spans: order
                .nodes
                .iter()
                .filter_map(|node| numbers.get(usize_of(*node)).copied())
                .collect(),
            order,
            root,
        };
        Ok((MergedTrace { trace, sent: Some(sent) }, settled))
    }

    /// Leaves of sorted spans one of each identity.
    fn settle(&self, numbers: &mut Vec<u32>) -> Result<Settled, BlockError> {
        let mut settled = Settled::default();
        let same = |a: u32, b: u32| match (self.node(a), self.node(b)) {
            (Some(a), Some(b)) => a.order(&b) == Ordering::Equal,
            _ => false,
        };
        let mut kept: Vec<u32> = Vec::with_capacity(numbers.len());
        for next in numbers.iter().copied() {
            let Some(last) = kept.last_mut().filter(|last| same(**last, next)) else {
                kept.push(next);
                continue;
            };
            let (one, other) = (self.span(*last)?, self.span(next)?);
            match other.end.cmp(&one.end).then_with(|| other.cmp(&one)) {
                Ordering::Equal => settled.duplicates += 1,
                Ordering::Greater => {
                    settled.replaced += 1;
                    *last = next;
                }
                Ordering::Less => settled.replaced += 1,
            }
        }
        *numbers = kept;
        Ok(settled)
    }

    /// A span, rebuilt.
    fn span(&self, number: u32) -> Result<Span, BlockError> {
        let place = self.pulled.spans.get(usize_of(number));
        let taken = place.and_then(|place| self.pulled.taken.get(usize_of(place.taken)));
        let (Some(place), Some(taken)) = (place, taken) else { return Ok(Span::default()) };
        let after = taken.entries.partition_point(|entry| entry.first_row <= place.row);
        let entry = after.checked_sub(1).and_then(|at| taken.entries.get(at));
        let missing =
            || taken.block.image().corrupt("spans", Malformed::new(0, "a span is missing"));
        let entry = entry.ok_or_else(missing)?;
        let mut span = taken.block.one_span(entry, place.row)?;
        span.parent_span_id = self.node(number).and_then(|node| node.parent_span_id);
        Ok(span)
    }
}

/// The parent ids that structure does not give, and the spans at which cycles were cut: rows and
/// payloads. `first` is the row of the trace's first span.
pub(super) fn sent_parents(
    trace: &MergedTrace,
    span_ids: &[SpanId],
    first: u32,
) -> Vec<(u32, SpanId)> {
    let Some(sent) = &trace.sent else { return Vec::new() };
    let mut parents = Vec::new();
    for ((sent, parent), row) in sent.iter().zip(&trace.trace.order.parents).zip(first..) {
        let given = if *parent == NONE { None } else { span_ids.get(usize_of(first + parent)) };
        if given != sent.as_ref() {
            parents.push((row, sent.unwrap_or(SpanId::ZERO)));
        }
    }
    parents
}
