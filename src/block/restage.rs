//! Stored spans staged again, column by column, without spans in between. Invariant: what is staged is
//! what staging the rebuilt spans would stage, in the same order.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::column::{ColumnKey, ColumnReader, ValueCursor};
use super::error::BlockError;
use super::format::{Section, Table, field};
use super::reader::{Block, TraceEntry};
use super::runs::{Runs, owned};
use super::staging::{Cell, FIELD_KEYS, StagedEvent, StagedLink, StagedSpan, Staging, ValueKind};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{bits_of_i64, low_u32, usize_of};
use crate::codec::order;
use crate::id::{SpanId, TraceId};
use crate::model::{SpanKind, StatusCode};
use crate::time::Timestamp;

/// Of at least one row in so many of a column, all value numbers are decoded; of fewer, single ones are
/// read.
const MANY_ROWS_SHARE: u32 = 64;

/// Cells of some rows, by row.
#[derive(Default)]
struct Cells {
    /// The position of the row, and one of its cells; of one row in order of keys.
    cells: Vec<(u32, Cell)>,
}

impl Cells {
    /// Appends the cells to the staging's, row by row; gives the range of each of `rows` rows.
    fn finish(self, staging: &mut Staging, rows: usize) -> Vec<Range<usize>> {
        let mut ends = vec![0usize; rows];
        for (at, _) in &self.cells {
            if let Some(count) = ends.get_mut(usize_of(*at)) {
                *count += 1;
            }
        }
        let first = staging.cells.len();
        let mut end = first;
        let mut ranges = Vec::with_capacity(rows);
        for count in &mut ends {
            let start = end;
            end += *count;
            // From here on the place of the row's next cell.
            *count = start;
            ranges.push(start..end);
        }
        let empty = Cell { key: 0, kind: ValueKind::Bool, payload: 0 };
        staging.cells.resize(end, empty);
        for (at, cell) in self.cells {
            if let Some(place) = ends.get_mut(usize_of(at)) {
                if let Some(slot) = staging.cells.get_mut(*place) {
                    *slot = cell;
                }
                *place += 1;
            }
        }
        ranges
    }
}

/// A field's number as it was before it was made sortable.
fn int(payload: u64) -> i64 {
    order::to_i64(payload)
}

fn narrow(payload: u64) -> u32 {
    low_u32(bits_of_i64(int(payload)))
}

fn code(payload: u64) -> i32 {
    i32::try_from(int(payload)).unwrap_or_default()
}

impl Block {
    /// Stages the spans of some traces, which ascend by row, one after another in order of rows.
    pub(crate) fn stage_traces(
        &self,
        traces: &[TraceEntry],
        staging: &mut Staging,
    ) -> Result<(), BlockError> {
        let ranges: Vec<Range<u32>> =
            traces.iter().map(|trace| trace.first_row..trace.first_row + trace.rows).collect();
        let runs = Runs::new(&ranges);
        let mut spans = Vec::with_capacity(runs.len());
        let nothing = staging.strings.intern(b"");
        for trace in traces {
            self.stage_shells(trace, nothing, &mut spans)?;
        }
        let parents = self.stored_parents(&runs)?;
        let ids: Vec<SpanId> = spans.iter().map(|span| span.span_id).collect();
        for (span, parent) in spans.iter_mut().zip(&parents) {
            span.parent_span_id = parent.and_then(|at| ids.get(at).copied());
        }
        let mut cells = Cells::default();
        self.each_cell(Table::Spans, &runs, staging, &mut |at, cell| {
            let Some(span) = spans.get_mut(usize_of(at)) else { return };
            if !set_span(span, cell) {
                cells.cells.push((at, cell));
            }
        })?;
        for (span, range) in spans.iter_mut().zip(cells.finish(staging, runs.len())) {
            span.parent_span_id = span.parent_span_id.filter(|id| !id.is_zero());
            span.attributes = range;
        }
        self.stage_origins(staging, &mut spans)?;
        self.stage_events(&runs, nothing, staging, &mut spans)?;
        self.stage_links(&runs, nothing, staging, &mut spans)?;
        staging.spans.extend(spans);
        Ok(())
    }

    /// Spans with what sections hold of them; resource and scope are still rows of the block.
    fn stage_shells(
        &self,
        trace: &TraceEntry,
        nothing: u32,
        spans: &mut Vec<StagedSpan>,
    ) -> Result<(), BlockError> {
        let ids = self.records(Section::SpanIds, 8, trace.first_row, trace.rows)?;
        let mut starts = self.cursor(Section::Starts)?;
        let mut durations = self.cursor(Section::Durations)?;
        for (row, id) in (trace.first_row..).zip(ids.chunks_exact(8)) {
            let start = trace.start.unix_nanos().wrapping_add(starts.get(usize_of(row))?);
            let end = start.wrapping_add(durations.get(usize_of(row))?);
            spans.push(StagedSpan {
                trace_id: trace.id,
                span_id: SpanId::from_slice(id).unwrap_or_default(),
                parent_span_id: None,
                start: Timestamp::from_unix_nanos(start),
                end: Timestamp::from_unix_nanos(end),
                kind: SpanKind::default(),
                status: StatusCode::default(),
                name: nothing,
                status_message: nothing,
                trace_state: nothing,
                flags: 0,
                dropped_attributes: 0,
                dropped_events: 0,
                dropped_links: 0,
                resource: 0,
                scope: 0,
                attributes: 0..0,
                events: 0..0,
                links: 0..0,
            });
        }
        Ok(())
    }

    /// Hands on each value in some runs of rows as a cell: its row's position, and the cell. Keys come in
    /// order.
    fn each_cell(
        &self,
        table: Table,
        runs: &Runs<'_>,
        staging: &mut Staging,
        take: &mut dyn FnMut(u32, Cell),
    ) -> Result<(), BlockError> {
        let directory = self.directory(table)?;
        let rows = self.table_rows(table)?;
        for (at, entry) in directory.columns.iter().enumerate() {
            let mut meeting = runs.meeting(entry.bounds).peekable();
            if meeting.peek().is_none() {
                continue;
            }
            let column = ColumnReader::new(self, table, rows, Arc::clone(&directory), at)?;
            let key = match &entry.key {
                ColumnKey::Attribute(key) => staging.keys.intern(key.as_bytes()),
                ColumnKey::Field(field) => FIELD_KEYS + u32::from(*field),
            };
            let presence = column.presence()?;
            let mut payloads = Payloads::new(&column, runs.len())?;
            for (run, start) in meeting {
                let mut present = presence.range(run.clone()).peekable();
                let Some(first) = present.peek().copied() else { continue };
                let rank = u32::try_from(presence.rank(first)).unwrap_or(0).saturating_sub(1);
                for (row, rank) in present.zip(rank..) {
                    let payload = payloads.at_rank(rank, staging)?;
                    let at = low_u32(crate::codec::cast::u64_of(start)) + (row - run.start);
                    take(at, Cell { key, kind: column.kind(), payload });
                }
            }
        }
        Ok(())
    }

    /// Replaces rows of resources and scopes by their numbers in the staging.
    fn stage_origins(
        &self,
        staging: &mut Staging,
        spans: &mut [StagedSpan],
    ) -> Result<(), BlockError> {
        let mut resources: HashMap<u32, u32> = HashMap::new();
        let mut scopes: HashMap<u32, u32> = HashMap::new();
        for span in spans {
            let resource = span.resource;
            if !resources.contains_key(&resource) {
                resources.insert(resource, staging.resource_number(self.resource(resource)?));
            }
            span.resource = resources.get(&resource).copied().unwrap_or(0);
            let scope = span.scope;
            if !scopes.contains_key(&scope) {
                scopes.insert(scope, staging.scope_number(self.scope(scope)?));
            }
            span.scope = scopes.get(&scope).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn stage_events(
        &self,
        rows: &Runs<'_>,
        nothing: u32,
        staging: &mut Staging,
        spans: &mut [StagedSpan],
    ) -> Result<(), BlockError> {
        let owners = self.event_owners()?;
        let ranges = owned(&owners, rows);
        let runs = Runs::new(&ranges);
        let event = StagedEvent {
            time: Timestamp::default(),
            name: nothing,
            dropped_attributes: 0,
            attributes: 0..0,
        };
        let mut events = vec![event; runs.len()];
        let mut cells = Cells::default();
        self.each_cell(Table::Events, &runs, staging, &mut |at, cell| {
            let Some(event) = events.get_mut(usize_of(at)) else { return };
            match cell.key.checked_sub(FIELD_KEYS).map(u8::try_from) {
                Some(Ok(field::NAME)) => event.name = low_u32(cell.payload),
                Some(Ok(field::DROPPED_ATTRIBUTES)) => {
                    event.dropped_attributes = narrow(cell.payload);
                }
                _ => cells.cells.push((at, cell)),
            }
        })?;
        let attributes = cells.finish(staging, runs.len());
        let mut times =
            if ranges.is_empty() { None } else { Some(self.cursor(Section::EventTimes)?) };
        let first = staging.events.len();
        for (((mut event, attributes), at), place) in
            events.into_iter().zip(attributes).zip(runs.rows()).zip(first..)
        {
            let Some(times) = &mut times else { break };
            let delta = order::unzigzag(times.get(usize_of(at))?);
            let owner = owners.get(usize_of(at)).and_then(|owner| rows.position(*owner));
            let Some(span) = owner.and_then(|owner| spans.get_mut(owner)) else { continue };
            let time = span.start.unix_nanos().wrapping_add(bits_of_i64(delta));
            event.time = Timestamp::from_unix_nanos(time);
            event.attributes = attributes;
            extend(&mut span.events, place);
            staging.events.push(event);
        }
        Ok(())
    }

    fn stage_links(
        &self,
        rows: &Runs<'_>,
        nothing: u32,
        staging: &mut Staging,
        spans: &mut [StagedSpan],
    ) -> Result<(), BlockError> {
        let owners = self.link_owners()?;
        let ranges = owned(&owners, rows);
        let runs = Runs::new(&ranges);
        let link = StagedLink {
            trace_id: TraceId::ZERO,
            span_id: SpanId::ZERO,
            trace_state: nothing,
            flags: 0,
            dropped_attributes: 0,
            attributes: 0..0,
        };
        let mut links = vec![link; runs.len()];
        let mut cells = Cells::default();
        self.each_cell(Table::Links, &runs, staging, &mut |at, cell| {
            let Some(link) = links.get_mut(usize_of(at)) else { return };
            match cell.key.checked_sub(FIELD_KEYS).map(u8::try_from) {
                Some(Ok(field::TRACE_STATE)) => link.trace_state = low_u32(cell.payload),
                Some(Ok(field::FLAGS)) => link.flags = narrow(cell.payload),
                Some(Ok(field::DROPPED_ATTRIBUTES)) => {
                    link.dropped_attributes = narrow(cell.payload);
                }
                _ => cells.cells.push((at, cell)),
            }
        })?;
        let attributes = cells.finish(staging, runs.len());
        let first = staging.links.len();
        for (((mut link, attributes), at), place) in
            links.into_iter().zip(attributes).zip(runs.rows()).zip(first..)
        {
            let owner = owners.get(usize_of(at)).and_then(|owner| rows.position(*owner));
            let Some(span) = owner.and_then(|owner| spans.get_mut(owner)) else { continue };
            let trace_id = self.records(Section::LinkTraceIds, 16, at, 1)?;
            let span_id = self.records(Section::LinkSpanIds, 8, at, 1)?;
            link.trace_id = TraceId::from_slice(&trace_id).unwrap_or_default();
            link.span_id = SpanId::from_slice(&span_id).unwrap_or_default();
            link.attributes = attributes;
            extend(&mut span.links, place);
            staging.links.push(link);
        }
        Ok(())
    }
}

/// Adds the next place to a range of places.
fn extend(range: &mut Range<usize>, place: usize) {
    if range.start == range.end {
        *range = place..place;
    }
    range.end = place + 1;
}

/// Sets what a span has beside attributes; false for a cell that is one.
fn set_span(span: &mut StagedSpan, cell: Cell) -> bool {
    let payload = cell.payload;
    let Some(Ok(which)) = cell.key.checked_sub(FIELD_KEYS).map(u8::try_from) else { return false };
    match which {
        field::NAME => span.name = low_u32(payload),
        field::STATUS_MESSAGE => span.status_message = low_u32(payload),
        field::TRACE_STATE => span.trace_state = low_u32(payload),
        field::KIND => span.kind = SpanKind(code(payload)),
        field::STATUS => span.status = StatusCode(code(payload)),
        field::FLAGS => span.flags = narrow(payload),
        field::DROPPED_ATTRIBUTES => span.dropped_attributes = narrow(payload),
        field::DROPPED_EVENTS => span.dropped_events = narrow(payload),
        field::DROPPED_LINKS => span.dropped_links = narrow(payload),
        field::BACKWARD => {
            let end = span.start.unix_nanos().wrapping_sub(bits_of_i64(int(payload)));
            span.end = Timestamp::from_unix_nanos(end);
        }
        field::SENT_PARENT => {
            span.parent_span_id = Some(SpanId::from_bytes(bits_of_i64(int(payload)).to_le_bytes()));
        }
        field::RESOURCE => span.resource = narrow(payload),
        field::SCOPE => span.scope = narrow(payload),
        field::CUT => {}
        _ => return false,
    }
    true
}

/// The values of a column as payloads of cells: text is interned, once for each value.
struct Payloads<'a> {
    column: ColumnReader<'a>,
    /// By rank, where many are wanted.
    numbers: Option<Arc<[u32]>>,
    values: ValueCursor<'a>,
    /// By value number; `UNKNOWN` where it was not asked for yet. Empty where few are wanted.
    known: Vec<u64>,
}

/// No payload of text: numbers in the interner have 32 bits.
const UNKNOWN: u64 = u64::MAX;

impl<'a> Payloads<'a> {
    fn new(column: &ColumnReader<'a>, rows: usize) -> Result<Self, BlockError> {
        let many = rows >= usize_of(column.rows() / MANY_ROWS_SHARE);
        let known = if column.kind().is_interned() && usize_of(column.values()) <= rows.max(64) * 4
        {
            vec![UNKNOWN; usize_of(column.values())]
        } else {
            Vec::new()
        };
        Ok(Self {
            column: column.clone(),
            numbers: if many { Some(column.numbers()?) } else { None },
            values: column.value_cursor()?,
            known,
        })
    }

    fn at_rank(&mut self, rank: u32, staging: &mut Staging) -> Result<u64, BlockError> {
        let number = match &self.numbers {
            Some(numbers) => numbers.get(usize_of(rank)).copied().unwrap_or(0),
            None => self.values.number(rank)?,
        };
        if !self.column.kind().is_interned() {
            return self.values.payload(number);
        }
        if let Some(known) = self.known.get(usize_of(number)).filter(|known| **known != UNKNOWN) {
            return Ok(*known);
        }
        let bytes = self.values.bytes(number)?;
        if self.column.kind() == ValueKind::String && std::str::from_utf8(&bytes).is_err() {
            let what = Malformed::new(0, "text that is no UTF-8").to_string();
            return Err(self.column.corrupt(super::format::Part::Dictionary, what));
        }
        let payload = u64::from(staging.strings.intern(&bytes));
        if let Some(slot) = self.known.get_mut(usize_of(number)) {
            *slot = payload;
        }
        Ok(payload)
    }
}
