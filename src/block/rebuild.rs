//! Spans rebuilt from columns. Invariant: what comes out equals what went in, field by field;
//! attributes come sorted by key.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::builder::entities_of;
use super::column::{ColumnKey, ColumnReader};
use super::error::BlockError;
use super::format::{Section, Table, field};
use super::nested_set::NONE;
use super::reader::{Block, TraceEntry};
use super::runs::{Runs, owned};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{bits_of_i64, low_u32, usize_of};
use crate::codec::order;
use crate::id::{SpanId, TraceId};
use crate::model::{
    Attribute, Event, InstrumentationScope, Link, Resource, Span, SpanKind, StatusCode, Value,
};
use crate::time::Timestamp;

/// Takes a value of a row: (position in the range, column, value).
type Take<'t> = dyn FnMut(usize, &ColumnKey, Value) + 't;

impl Block {
    /// The spans of a trace in pre-order, and the position of each one's stored parent.
    pub(crate) fn trace_spans(
        &self,
        trace: &TraceEntry,
    ) -> Result<(Vec<Span>, Vec<Option<usize>>), BlockError> {
        self.traces_spans(std::slice::from_ref(trace))
    }

    /// The spans of some traces, which ascend by row, one after another; parents are positions among
    /// all of them. Cost: one pass over the columns that have values there, whatever the number of
    /// traces.
    pub(crate) fn traces_spans(
        &self,
        traces: &[TraceEntry],
    ) -> Result<(Vec<Span>, Vec<Option<usize>>), BlockError> {
        let ranges: Vec<Range<u32>> =
            traces.iter().map(|trace| trace.first_row..trace.first_row + trace.rows).collect();
        let runs = Runs::new(&ranges);
        let mut spans = Vec::with_capacity(runs.len());
        for trace in traces {
            self.span_shells(trace, &mut spans)?;
        }
        let parents = self.stored_parents(&runs)?;
        let mut origins = vec![(0u32, 0u32); spans.len()];
        let mut sent_parents = vec![None; spans.len()];
        self.each_value(Table::Spans, &runs, &mut |at, key, value| {
            let Some(span) = spans.get_mut(at) else { return };
            match (key, value) {
                (ColumnKey::Field(field::SENT_PARENT), Value::Int(bits)) => {
                    set(&mut sent_parents, at, Some(bits_of_i64(bits)));
                }
                (ColumnKey::Field(field::RESOURCE), Value::Int(number)) => {
                    set_with(&mut origins, at, |origin| origin.0 = low_u32(bits_of_i64(number)));
                }
                (ColumnKey::Field(field::SCOPE), Value::Int(number)) => {
                    set_with(&mut origins, at, |origin| origin.1 = low_u32(bits_of_i64(number)));
                }
                (key, value) => set_span(span, key, value),
            }
        })?;
        let ids: Vec<SpanId> = spans.iter().map(|span| span.span_id).collect();
        for (at, span) in spans.iter_mut().enumerate() {
            span.parent_span_id = match sent_parents.get(at).copied().flatten() {
                Some(bits) => Some(SpanId::from_bytes(bits.to_le_bytes())),
                None => parents.get(at).copied().flatten().and_then(|at| ids.get(at).copied()),
            };
            span.parent_span_id = span.parent_span_id.filter(|id| !id.is_zero());
        }
        self.fill_events(&runs, &mut spans)?;
        self.fill_links(&runs, &mut spans)?;
        self.fill_origins(&origins, &mut spans)?;
        for span in &mut spans {
            span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        }
        Ok((spans, parents))
    }

    /// Spans with what plain sections say: ids and times.
    fn span_shells(&self, trace: &TraceEntry, spans: &mut Vec<Span>) -> Result<(), BlockError> {
        let ids = self.records(Section::SpanIds, 8, trace.first_row, trace.rows)?;
        let mut starts = self.cursor(Section::Starts)?;
        let mut durations = self.cursor(Section::Durations)?;
        for (row, id) in (trace.first_row..).zip(ids.chunks_exact(8)) {
            let start = trace.start.unix_nanos().wrapping_add(starts.get(usize_of(row))?);
            let end = start.wrapping_add(durations.get(usize_of(row))?);
            spans.push(Span {
                trace_id: trace.id,
                span_id: SpanId::from_slice(id).unwrap_or_default(),
                start: Timestamp::from_unix_nanos(start),
                end: Timestamp::from_unix_nanos(end),
                ..Span::default()
            });
        }
        Ok(())
    }

    pub(super) fn stored_parents(&self, runs: &Runs<'_>) -> Result<Vec<Option<usize>>, BlockError> {
        let parents = self.parents()?;
        let position = |row: u32| {
            let parent = parents.get(usize_of(row)).copied().filter(|parent| *parent != NONE);
            parent.and_then(|parent| runs.position(parent))
        };
        Ok(runs.rows().map(position).collect())
    }

    /// Hands every value of the rows to `take`, column by column.
    fn each_value(
        &self,
        table: Table,
        runs: &Runs<'_>,
        take: &mut Take<'_>,
    ) -> Result<(), BlockError> {
        let directory = self.directory(table)?;
        let rows = self.table_rows(table)?;
        for (at, entry) in directory.columns.iter().enumerate() {
            let mut meeting = runs.meeting(entry.bounds).peekable();
            if meeting.peek().is_none() {
                continue;
            }
            let column = ColumnReader::new(self, table, rows, Arc::clone(&directory), at)?;
            let presence = column.presence()?;
            let mut values = column.value_cursor()?;
            for (run, start) in meeting {
                let mut present = presence.range(run.clone()).peekable();
                let Some(first) = present.peek().copied() else { continue };
                let rank = u32::try_from(presence.rank(first)).unwrap_or(0).saturating_sub(1);
                for (row, rank) in present.zip(rank..) {
                    let value = values.at_rank(rank)?;
                    take(start + usize_of(row - run.start), &entry.key, value);
                }
            }
        }
        Ok(())
    }

    fn fill_events(&self, rows: &Runs<'_>, spans: &mut [Span]) -> Result<(), BlockError> {
        let owners = self.event_owners()?;
        let ranges = owned(&owners, rows);
        let runs = Runs::new(&ranges);
        if ranges.is_empty() {
            return Ok(());
        }
        let mut events = vec![Event::default(); runs.len()];
        self.each_value(Table::Events, &runs, &mut |at, key, value| {
            let Some(event) = events.get_mut(at) else { return };
            match (key, value) {
                (ColumnKey::Field(field::NAME), Value::String(name)) => event.name = name,
                (ColumnKey::Field(field::DROPPED_ATTRIBUTES), Value::Int(count)) => {
                    event.dropped_attributes_count = low_u32(bits_of_i64(count));
                }
                (key, value) => push(&mut event.attributes, key, value),
            }
        })?;
        let mut times = self.cursor(Section::EventTimes)?;
        for (mut event, at) in events.into_iter().zip(runs.rows()) {
            let delta = order::unzigzag(times.get(usize_of(at))?);
            let owner = owners.get(usize_of(at)).and_then(|owner| rows.position(*owner));
            let Some(span) = owner.and_then(|owner| spans.get_mut(owner)) else { continue };
            let time = span.start.unix_nanos().wrapping_add(bits_of_i64(delta));
            event.time = Timestamp::from_unix_nanos(time);
            event.attributes.sort_by(|a, b| a.key.cmp(&b.key));
            span.events.push(event);
        }
        Ok(())
    }

    fn fill_links(&self, rows: &Runs<'_>, spans: &mut [Span]) -> Result<(), BlockError> {
        let owners = self.link_owners()?;
        let ranges = owned(&owners, rows);
        let runs = Runs::new(&ranges);
        let mut links = vec![Link::default(); runs.len()];
        self.each_value(Table::Links, &runs, &mut |at, key, value| {
            let Some(link) = links.get_mut(at) else { return };
            match (key, value) {
                (ColumnKey::Field(field::TRACE_STATE), Value::String(text)) => {
                    link.trace_state = text;
                }
                (ColumnKey::Field(field::FLAGS), Value::Int(flags)) => {
                    link.flags = low_u32(bits_of_i64(flags));
                }
                (ColumnKey::Field(field::DROPPED_ATTRIBUTES), Value::Int(count)) => {
                    link.dropped_attributes_count = low_u32(bits_of_i64(count));
                }
                (key, value) => push(&mut link.attributes, key, value),
            }
        })?;
        for (mut link, at) in links.into_iter().zip(runs.rows()) {
            let trace_id = self.records(Section::LinkTraceIds, 16, at, 1)?;
            let span_id = self.records(Section::LinkSpanIds, 8, at, 1)?;
            link.trace_id = TraceId::from_slice(&trace_id).unwrap_or_default();
            link.span_id = SpanId::from_slice(&span_id).unwrap_or_default();
            link.attributes.sort_by(|a, b| a.key.cmp(&b.key));
            let owner = owners.get(usize_of(at)).and_then(|owner| rows.position(*owner));
            if let Some(span) = owner.and_then(|owner| spans.get_mut(owner)) {
                span.links.push(link);
            }
        }
        Ok(())
    }

    fn fill_origins(&self, origins: &[(u32, u32)], spans: &mut [Span]) -> Result<(), BlockError> {
        let mut resources: HashMap<u32, Arc<Resource>> = HashMap::new();
        let mut scopes: HashMap<u32, Arc<InstrumentationScope>> = HashMap::new();
        for (span, (resource, scope)) in spans.iter_mut().zip(origins) {
            span.resource = match resources.get(resource) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(
                    resources.entry(*resource).or_insert(Arc::new(self.resource(*resource)?)),
                ),
            };
            span.scope = match scopes.get(scope) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(scopes.entry(*scope).or_insert(Arc::new(self.scope(*scope)?))),
            };
        }
        Ok(())
    }

    /// The span of a row of trace `trace`. Its parent id is left out where structure gives it.
    pub(super) fn one_span(&self, trace: &TraceEntry, row: u32) -> Result<Span, BlockError> {
        let alone = TraceEntry { first_row: row, rows: 1, root: row, ..*trace };
        let (spans, _) = self.trace_spans(&alone)?;
        Ok(spans.into_iter().next().unwrap_or_default())
    }

    /// Checks that a table has some rows, which ascend.
    pub(super) fn check_rows(&self, table: Table, rows: &[u32]) -> Result<(), BlockError> {
        if let Some(last) = rows.last() {
            self.check_row(table, *last)?;
        }
        if rows.is_sorted_by(|a, b| a < b) {
            return Ok(());
        }
        let section = Section::Table(table, super::format::Part::Directory).name();
        Err(self.image().corrupt(&section, Malformed::new(0, "rows that do not ascend")))
    }

    fn check_row(&self, table: Table, row: u32) -> Result<(), BlockError> {
        let rows = self.table_rows(table)?;
        if row < rows {
            return Ok(());
        }
        let section = Section::Table(table, super::format::Part::Directory).name();
        Err(self.image().corrupt(&section, Malformed::new(0, format!("row {row} of {rows}"))))
    }

    /// Resource `row`.
    pub(crate) fn resource(&self, row: u32) -> Result<Resource, BlockError> {
        self.check_row(Table::Resources, row)?;
        let mut resource = Resource::default();
        let run = row..row + 1;
        self.each_value(
            Table::Resources,
            &Runs::new(std::slice::from_ref(&run)),
            &mut |_, key, value| match (key, value) {
                (ColumnKey::Field(field::SCHEMA_URL), Value::String(url)) => {
                    resource.schema_url = url;
                }
                (ColumnKey::Field(field::DROPPED_ATTRIBUTES), Value::Int(count)) => {
                    resource.dropped_attributes_count = low_u32(bits_of_i64(count));
                }
                (ColumnKey::Field(field::ENTITY_REFS), value) => {
                    resource.entity_refs = entities_of(&value);
                }
                (key, value) => push(&mut resource.attributes, key, value),
            },
        )?;
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(resource)
    }

    /// Instrumentation scope `row`.
    pub(crate) fn scope(&self, row: u32) -> Result<InstrumentationScope, BlockError> {
        self.check_row(Table::Scopes, row)?;
        let mut scope = InstrumentationScope::default();
        let run = row..row + 1;
        self.each_value(
            Table::Scopes,
            &Runs::new(std::slice::from_ref(&run)),
            &mut |_, key, value| match (key, value) {
                (ColumnKey::Field(field::NAME), Value::String(name)) => scope.name = name,
                (ColumnKey::Field(field::VERSION), Value::String(text)) => scope.version = text,
                (ColumnKey::Field(field::SCHEMA_URL), Value::String(url)) => scope.schema_url = url,
                (ColumnKey::Field(field::DROPPED_ATTRIBUTES), Value::Int(count)) => {
                    scope.dropped_attributes_count = low_u32(bits_of_i64(count));
                }
                (key, value) => push(&mut scope.attributes, key, value),
            },
        )?;
        scope.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(scope)
    }
}

fn set_span(span: &mut Span, key: &ColumnKey, value: Value) {
    let number = |value: i64| low_u32(bits_of_i64(value));
    let code = |value: i64| i32::try_from(value).unwrap_or_default();
    match (key, value) {
        (ColumnKey::Field(field::NAME), Value::String(text)) => span.name = text,
        (ColumnKey::Field(field::STATUS_MESSAGE), Value::String(text)) => {
            span.status.message = text;
        }
        (ColumnKey::Field(field::TRACE_STATE), Value::String(text)) => span.trace_state = text,
        (ColumnKey::Field(field::KIND), Value::Int(value)) => span.kind = SpanKind(code(value)),
        (ColumnKey::Field(field::STATUS), Value::Int(value)) => {
            span.status.code = StatusCode(code(value));
        }
        (ColumnKey::Field(field::FLAGS), Value::Int(value)) => span.flags = number(value),
        (ColumnKey::Field(field::DROPPED_ATTRIBUTES), Value::Int(value)) => {
            span.dropped_attributes_count = number(value);
        }
        (ColumnKey::Field(field::DROPPED_EVENTS), Value::Int(value)) => {
            span.dropped_events_count = number(value);
        }
        (ColumnKey::Field(field::DROPPED_LINKS), Value::Int(value)) => {
            span.dropped_links_count = number(value);
        }
        (ColumnKey::Field(field::BACKWARD), Value::Int(bits)) => {
            let end = span.start.unix_nanos().wrapping_sub(bits_of_i64(bits));
            span.end = Timestamp::from_unix_nanos(end);
        }
        (key, value) => push(&mut span.attributes, key, value),
    }
}

/// Adds an attribute, or the attributes whose key stood earlier in the list.
fn push(attributes: &mut Vec<Attribute>, key: &ColumnKey, value: Value) {
    match (key, value) {
        (ColumnKey::Attribute(key), value) => {
            attributes.push(Attribute { key: key.clone(), value });
        }
        (ColumnKey::Field(field::REPEATED), Value::KeyValues(list)) => attributes.extend(list),
        (ColumnKey::Field(_), _) => {}
    }
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    set_with(list, at, |slot| *slot = value);
}

fn set_with<T>(list: &mut [T], at: usize, change: impl FnOnce(&mut T)) {
    if let Some(slot) = list.get_mut(at) {
        change(slot);
    }
}
