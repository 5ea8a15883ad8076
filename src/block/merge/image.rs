//! Puts a new block's sections together. Invariant: sections are those of the builder, in its order.

use super::children::Children;
use super::columns::{Given, merge_table, payloads_of};
use super::join::sent_parents;
use super::origins::origins;
use super::part::{From, parts, row_count};
use super::pulled::{MergedTrace, Pulled};
use crate::block::builder::{
    Built, Sections, image, put_durations, put_packed, put_plain, structure_sections,
    trace_sections,
};
use crate::block::column::{TableSize, TableWriter};
use crate::block::error::{BlockError, BlockId};
use crate::block::format::{Header, Section, Table, field};
use crate::block::reader::Block;
use crate::block::staging::{ValueKind, payload_of_bits};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u32_of, usize_of};
use crate::foreground::may_rest;
use crate::id::SpanId;

const SPAN_ID_LEN: u64 = 8;
const TRACE_ID_LEN: u64 = 16;

/// The block of some traces, which must be sorted by start, then id.
pub(crate) fn merged(pulled: &Pulled<'_>, traces: &[MergedTrace]) -> Result<Built, BlockError> {
    let rows = row_count(traces);
    let froms = parts(pulled, traces);
    let mut sections = Sections::new();
    let ordered = || traces.iter().map(|trace| &trace.trace);
    trace_sections(ordered(), &mut sections);
    structure_sections(ordered(), &mut sections);
    let ids = records(&froms, rows, Section::SpanIds, SPAN_ID_LEN)?;
    let span_ids: Vec<SpanId> =
        ids.chunks_exact(8).map(|id| SpanId::from_slice(id).unwrap_or_default()).collect();
    put_plain(&mut sections, Section::SpanIds, ids);
    put_packed(&mut sections, Section::Starts, numbers(&froms, rows, Section::Starts)?);
    put_durations(&mut sections, numbers(&froms, rows, Section::Durations)?);
    let events = Children::new(&froms, Block::event_owners)?;
    let owners = events.owners.iter().copied().map(u64::from);
    put_packed(&mut sections, Section::EventOwners, owners);
    let times = numbers(&events.froms, events.count(), Section::EventTimes)?;
    put_packed(&mut sections, Section::EventTimes, times);
    let links = Children::new(&froms, Block::link_owners)?;
    let owners = links.owners.iter().copied().map(u64::from);
    put_packed(&mut sections, Section::LinkOwners, owners);
    for (section, len) in
        [(Section::LinkTraceIds, TRACE_ID_LEN), (Section::LinkSpanIds, SPAN_ID_LEN)]
    {
        put_plain(&mut sections, section, records(&links.froms, links.count(), section, len)?);
    }
    let resources = origins(&froms, rows, (Table::Resources, field::RESOURCE))?;
    let scopes = origins(&froms, rows, (Table::Scopes, field::SCOPE))?;
    let [parents, cuts] = parent_columns(&froms, traces, &span_ids)?;
    let given = [&resources.column, &scopes.column, &parents, &cuts];
    let block_rows = usize_of(rows);
    let size = |rows: u32| TableSize { rows: usize_of(rows), block_rows };
    table(&froms, Table::Spans, size(rows), &given, &mut sections)?;
    for origins in [&resources, &scopes] {
        let (table, writer) = origins.writer(block_rows);
        writer.finish(table, &mut sections).map_err(unbuilt)?;
    }
    table(&events.froms, Table::Events, size(events.count()), &[], &mut sections)?;
    table(&links.froms, Table::Links, size(links.count()), &[], &mut sections)?;
    let header = Header {
        rows,
        traces: u32_of(traces.len()).unwrap_or(0),
        events: events.count(),
        links: links.count(),
        image_len: 0,
    };
    Ok(image(header, sections))
}

fn unbuilt(cause: Malformed) -> BlockError {
    BlockError::Corrupt { block: BlockId::NEW, section: "new block".to_owned(), cause }
}

fn table(
    froms: &[From<'_>],
    table: Table,
    size: TableSize,
    given: &[&Given],
    sections: &mut Sections,
) -> Result<(), BlockError> {
    let mut writer = TableWriter::new(size);
    merge_table(froms, table, u32_of(size.rows).unwrap_or(u32::MAX), given, &mut writer)?;
    writer.finish(table, sections).map_err(unbuilt)
}

/// Fixed-size records of the rows.
fn records(
    froms: &[From<'_>],
    rows: u32,
    section: Section,
    record_len: u64,
) -> Result<Vec<u8>, BlockError> {
    let len = usize::try_from(record_len).unwrap_or(1);
    let mut all = vec![0u8; usize_of(rows) * len];
    for from in froms {
        may_rest();
        let mut to = from.to.iter();
        for range in &from.ranges {
            let count = range.end - range.start;
            let read = from.block.records(section, record_len, range.start, count)?;
            for (record, to) in read.chunks_exact(len).zip(&mut to) {
                let start = usize_of(*to) * len;
                if let Some(slot) = all.get_mut(start..start + len) {
                    slot.copy_from_slice(record);
                }
            }
        }
    }
    Ok(all)
}

/// Packed numbers of the rows; starts count from the new trace's start.
fn numbers(froms: &[From<'_>], rows: u32, section: Section) -> Result<Vec<u64>, BlockError> {
    let mut all = vec![0u64; usize_of(rows)];
    for from in froms {
        may_rest();
        let mut read = from.block.read_rows(section, from.to.len())?;
        let shifts = if section == Section::Starts { from.shifts.as_slice() } else { &[] };
        let shifts = shifts.iter().copied().chain(std::iter::repeat(0));
        let rows = from.ranges.iter().cloned().flatten();
        for ((row, to), shift) in rows.zip(&from.to).zip(shifts) {
            let number = read.get(row)?.wrapping_add(shift);
            if let Some(slot) = all.get_mut(usize_of(*to)) {
                *slot = number;
            }
        }
    }
    Ok(all)
}

/// Parent ids that structure does not give, and marks of cut cycles: those of traces that are as they
/// were, and those of traces whose structure is new.
fn parent_columns(
    froms: &[From<'_>],
    traces: &[MergedTrace],
    span_ids: &[SpanId],
) -> Result<[Given; 2], BlockError> {
    let (mut parents, mut cuts) = (Vec::new(), Vec::new());
    let mut joined = Vec::new();
    let mut first = 0;
    for trace in traces {
        let count = u32_of(trace.trace.spans.len()).unwrap_or(0);
        if trace.is_joined() {
            let sent = sent_parents(trace, span_ids, first);
            parents.extend(
                sent.into_iter()
                    .map(|(row, id)| (row, payload_of_bits(u64::from_le_bytes(id.to_bytes())))),
            );
            let marks = trace.trace.order.cut.iter().zip(first..);
            cuts.extend(marks.filter(|(cut, _)| **cut).map(|(_, row)| (row, 1)));
            joined.push(first..first + count);
        }
        first += count;
    }
    let is_joined = |row: u32| {
        let at = joined.partition_point(|rows| rows.end <= row);
        joined.get(at).is_some_and(|rows| rows.contains(&row))
    };
    for (code, cells) in [(field::SENT_PARENT, &mut parents), (field::CUT, &mut cuts)] {
        for from in froms {
            payloads_of(from, code, |row, payload| {
                if !is_joined(row) {
                    cells.push((row, payload));
                }
            })?;
        }
    }
    Ok([
        Given::of(field::SENT_PARENT, ValueKind::Int, parents),
        Given::of(field::CUT, ValueKind::Bool, cuts),
    ])
}
