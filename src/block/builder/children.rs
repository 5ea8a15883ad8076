//! Events and links as child rows. Invariant: child rows are numbered by owner row, and within one
//! owner in the order sent.

use std::ops::Range;

use super::assemble::{Sections, put_packed, put_plain};
use crate::block::column::TableBuilder;
use crate::block::format::{Section, field};
use crate::block::staging::{
    StagedEvent, StagedLink, StagedSpan, Staging, ValueKind, payload_of_bits,
};
use crate::codec::cast::{i64_of_bits, usize_of};
use crate::codec::order;

/// The child rows of one kind, each with its owner's row.
pub(super) struct Children<'a, T>(Vec<(u32, &'a T)>);

impl<'a, T> Children<'a, T> {
    pub(super) fn new(
        rows: &[&StagedSpan],
        staged: &'a [T],
        of: impl Fn(&StagedSpan) -> &Range<usize>,
    ) -> Self {
        let mut children = Vec::new();
        for (span, row) in rows.iter().zip(0u32..) {
            let own = staged.get(of(span).clone()).unwrap_or_default();
            children.extend(own.iter().map(|child| (row, child)));
        }
        Self(children)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Children<'_, StagedEvent> {
    pub(super) fn event_sections(&self, rows: &[&StagedSpan], sections: &mut Sections) {
        let owners = self.0.iter().map(|(row, _)| u64::from(*row));
        put_packed(sections, Section::EventOwners, owners);
        let times = self.0.iter().map(|(row, event)| {
            let start = rows.get(usize_of(*row)).map_or(0, |span| span.start.unix_nanos());
            order::zigzag(i64_of_bits(event.time.unix_nanos().wrapping_sub(start)))
        });
        put_packed(sections, Section::EventTimes, times);
    }

    pub(super) fn event_table<'a>(&self, staging: &'a Staging) -> TableBuilder<'a> {
        let mut table = TableBuilder::new(&staging.keys, &staging.strings);
        for ((_, event), row) in self.0.iter().zip(0u32..) {
            table.push_field(row, field::NAME, ValueKind::String, u64::from(event.name));
            put_dropped(&mut table, row, event.dropped_attributes);
            for cell in staging.cells.get(event.attributes.clone()).unwrap_or_default() {
                table.push(row, cell);
            }
        }
        table
    }
}

impl Children<'_, StagedLink> {
    pub(super) fn link_sections(&self, sections: &mut Sections) {
        let owners = self.0.iter().map(|(row, _)| u64::from(*row));
        put_packed(sections, Section::LinkOwners, owners);
        let trace_ids = self.0.iter().flat_map(|(_, link)| link.trace_id.to_bytes()).collect();
        put_plain(sections, Section::LinkTraceIds, trace_ids);
        let span_ids = self.0.iter().flat_map(|(_, link)| link.span_id.to_bytes()).collect();
        put_plain(sections, Section::LinkSpanIds, span_ids);
    }

    pub(super) fn link_table<'a>(&self, staging: &'a Staging) -> TableBuilder<'a> {
        let mut table = TableBuilder::new(&staging.keys, &staging.strings);
        for ((_, link), row) in self.0.iter().zip(0u32..) {
            if link.trace_state != 0 {
                let text = u64::from(link.trace_state);
                table.push_field(row, field::TRACE_STATE, ValueKind::String, text);
            }
            if link.flags != 0 {
                let flags = payload_of_bits(u64::from(link.flags));
                table.push_field(row, field::FLAGS, ValueKind::Int, flags);
            }
            put_dropped(&mut table, row, link.dropped_attributes);
            for cell in staging.cells.get(link.attributes.clone()).unwrap_or_default() {
                table.push(row, cell);
            }
        }
        table
    }
}

fn put_dropped(table: &mut TableBuilder<'_>, row: u32, count: u32) {
    if count != 0 {
        let payload = payload_of_bits(u64::from(count));
        table.push_field(row, field::DROPPED_ATTRIBUTES, ValueKind::Int, payload);
    }
}
