//! Staged spans back as model spans: needed only where two spans claim the same identity. Invariant:
//! attribute lists come sorted by key, so that two results are equal where only their order differed.

use std::ops::Range;
use std::sync::Arc;

use super::spans::FIELD_KEYS;
use super::{Cell, StagedSpan, Staging};
use crate::model::{Attribute, Event, Link, Span, Status, Value};

impl Staging {
    /// The model span of a staged one.
    pub(crate) fn unstage(&self, staged: &StagedSpan) -> Span {
        let events = self.events.get(staged.events.clone()).unwrap_or_default();
        let links = self.links.get(staged.links.clone()).unwrap_or_default();
        Span {
            trace_id: staged.trace_id,
            span_id: staged.span_id,
            parent_span_id: staged.parent_span_id,
            trace_state: self.text(staged.trace_state),
            flags: staged.flags,
            name: self.text(staged.name),
            kind: staged.kind,
            start: staged.start,
            end: staged.end,
            attributes: self.list(&staged.attributes),
            dropped_attributes_count: staged.dropped_attributes,
            events: events
                .iter()
                .map(|event| Event {
                    time: event.time,
                    name: self.text(event.name),
                    attributes: self.list(&event.attributes),
                    dropped_attributes_count: event.dropped_attributes,
                })
                .collect(),
            dropped_events_count: staged.dropped_events,
            links: links
                .iter()
                .map(|link| Link {
                    trace_id: link.trace_id,
                    span_id: link.span_id,
                    trace_state: self.text(link.trace_state),
                    attributes: self.list(&link.attributes),
                    dropped_attributes_count: link.dropped_attributes,
                    flags: link.flags,
                })
                .collect(),
            dropped_links_count: staged.dropped_links,
            status: Status { code: staged.status, message: self.text(staged.status_message) },
            resource: self.shared(&self.resources, staged.resource),
            scope: self.shared(&self.scopes, staged.scope),
        }
    }

    /// The attributes of a run of cells, repeated ones included, sorted by key (stable).
    fn list(&self, run: &Range<usize>) -> Vec<Attribute> {
        let mut list = Vec::with_capacity(run.len());
        for cell in self.cells.get(run.clone()).unwrap_or_default() {
            self.push_cell(cell, &mut list);
        }
        list.sort_by(|a, b| a.key.cmp(&b.key));
        list
    }

    fn push_cell(&self, cell: &Cell, list: &mut Vec<Attribute>) {
        match self.value(cell) {
            Value::KeyValues(repeated) if cell.key >= FIELD_KEYS => list.extend(repeated),
            value => {
                let key = String::from_utf8_lossy(self.keys.get(cell.key)).into_owned();
                list.push(Attribute { key, value });
            }
        }
    }

    fn text(&self, number: u32) -> String {
        String::from_utf8_lossy(self.strings.get(number)).into_owned()
    }

    #[expect(clippy::unused_self, reason = "reads as a lookup in the staging")]
    fn shared<T: Default>(&self, list: &[Arc<T>], number: u32) -> Arc<T> {
        let at = crate::codec::cast::usize_of(number);
        list.get(at).map(Arc::clone).unwrap_or_default()
    }
}
