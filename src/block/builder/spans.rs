//! The span sections: structure, ids, times, and the table of fields and attributes. Invariant: what
//! a section leaves out (a parent id that structure gives, a default) is exactly what the reader
//! fills in.

use super::assemble::{Sections, put_packed, put_plain};
use super::traces::OrderedTrace;
use crate::block::buckets;
use crate::block::column::TableBuilder;
use crate::block::format::{Section, field};
use crate::block::nested_set::NONE;
use crate::block::staging::{StagedSpan, Staging, ValueKind, payload_of_bits};
use crate::codec::cast::{u32_of, usize_of};
use crate::codec::order;
use crate::id::SpanId;

/// Numbers that many rows share, given anew in order of first use in the block.
struct Renumbered {
    of: Vec<u32>,
    /// The old numbers, by new number.
    used: Vec<u32>,
}

impl Renumbered {
    fn new(len: usize) -> Self {
        Self { of: vec![u32::MAX; len], used: Vec::new() }
    }

    fn number(&mut self, old: u32) -> u32 {
        let Some(slot) = self.of.get_mut(usize_of(old)) else { return 0 };
        if *slot == u32::MAX {
            *slot = u32_of(self.used.len()).unwrap_or(u32::MAX);
            self.used.push(old);
        }
        *slot
    }
}

/// Where each span's descendants end, and its parent.
pub(in crate::block) fn structure<'t>(
    traces: impl Iterator<Item = &'t OrderedTrace> + Clone,
    sections: &mut Sections,
) {
    let ends = traces.clone().flat_map(|trace| {
        trace.order.ends.iter().zip(0u32..).map(|(end, position)| u64::from(end - position))
    });
    put_packed(sections, Section::Ends, ends);
    let parents = traces.flat_map(|trace| {
        let positions = trace.order.parents.iter().zip(0u32..);
        positions.map(|(parent, at)| if *parent == NONE { 0 } else { u64::from(at - parent) })
    });
    put_packed(sections, Section::Parents, parents);
}

pub(super) fn sections(traces: &[OrderedTrace], rows: &[&StagedSpan], sections: &mut Sections) {
    structure(traces.iter(), sections);
    let ids = rows.iter().flat_map(|span| span.span_id.to_bytes()).collect();
    put_plain(sections, Section::SpanIds, ids);
    let trace_starts =
        traces.iter().flat_map(|trace| std::iter::repeat_n(trace.start, trace.spans.len()));
    let starts = rows.iter().zip(trace_starts).map(|(span, start)| span.start.nanos_since(start));
    put_packed(sections, Section::Starts, starts);
    let durations = rows.iter().map(|span| span.end.nanos_since(span.start));
    put_durations(sections, durations.collect());
}

/// Durations, and their buckets.
pub(in crate::block) fn put_durations(sections: &mut Sections, durations: Vec<u64>) {
    put_plain(sections, Section::DurationBuckets, buckets::encode(&durations));
    put_packed(sections, Section::Durations, durations);
}

/// The table of fields and attributes; and the staged numbers of the resources and the scopes that are
/// its rows.
pub(super) fn table<'a>(
    staging: &'a Staging,
    traces: &[OrderedTrace],
    rows: &[&StagedSpan],
) -> (TableBuilder<'a>, Vec<u32>, Vec<u32>) {
    let mut resources = Renumbered::new(staging.resources.len());
    let mut scopes = Renumbered::new(staging.scopes.len());
    let mut table = TableBuilder::new(&staging.keys, &staging.strings);
    for (span, row) in rows.iter().zip(0u32..) {
        fields(&mut table, row, span);
        let resource = u64::from(resources.number(span.resource));
        table.push_field(row, field::RESOURCE, ValueKind::Int, payload_of_bits(resource));
        let scope = u64::from(scopes.number(span.scope));
        table.push_field(row, field::SCOPE, ValueKind::Int, payload_of_bits(scope));
        for cell in staging.cells.get(span.attributes.clone()).unwrap_or_default() {
            table.push(row, cell);
        }
    }
    let mut first = 0;
    for trace in traces {
        parent_fields(&mut table, first, trace, rows);
        first += u32_of(trace.spans.len()).unwrap_or(0);
    }
    (table, resources.used, scopes.used)
}

fn fields(table: &mut TableBuilder<'_>, row: u32, span: &StagedSpan) {
    table.push_field(row, field::NAME, ValueKind::String, u64::from(span.name));
    let number = |value: i32| order::of_i64(i64::from(value));
    table.push_field(row, field::KIND, ValueKind::Int, number(span.kind.0));
    table.push_field(row, field::STATUS, ValueKind::Int, number(span.status.0));
    for (code, text) in
        [(field::STATUS_MESSAGE, span.status_message), (field::TRACE_STATE, span.trace_state)]
    {
        if text != 0 {
            table.push_field(row, code, ValueKind::String, u64::from(text));
        }
    }
    let numbers = [
        (field::FLAGS, u64::from(span.flags)),
        (field::DROPPED_ATTRIBUTES, u64::from(span.dropped_attributes)),
        (field::DROPPED_EVENTS, u64::from(span.dropped_events)),
        (field::DROPPED_LINKS, u64::from(span.dropped_links)),
        (field::BACKWARD, span.start.nanos_since(span.end)),
    ];
    for (code, number) in numbers {
        if number != 0 {
            table.push_field(row, code, ValueKind::Int, payload_of_bits(number));
        }
    }
}

/// Parent ids that structure does not give, and the mark of a cut cycle.
fn parent_fields(
    table: &mut TableBuilder<'_>,
    first: u32,
    trace: &OrderedTrace,
    rows: &[&StagedSpan],
) {
    let span_at = |position: u32| rows.get(usize_of(first + position));
    for ((parent, cut), position) in trace.order.parents.iter().zip(&trace.order.cut).zip(0u32..) {
        let Some(span) = span_at(position) else { continue };
        let given = if *parent == NONE { None } else { span_at(*parent).map(|span| span.span_id) };
        if given != span.parent_span_id {
            let sent = span.parent_span_id.unwrap_or(SpanId::ZERO);
            let bits = u64::from_le_bytes(sent.to_bytes());
            let row = first + position;
            table.push_field(row, field::SENT_PARENT, ValueKind::Int, payload_of_bits(bits));
        }
        if *cut {
            table.push_field(first + position, field::CUT, ValueKind::Bool, 1);
        }
    }
}
