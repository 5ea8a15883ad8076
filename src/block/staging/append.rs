//! Spans of one staging added to another. Invariant: they say there what they said here, and what no
//! span of them uses is not taken along.

use std::ops::Range;
use std::sync::Arc;

use super::spans::FIELD_KEYS;
use super::{Cell, StagedEvent, StagedLink, StagedSpan, Staging};
use crate::codec::cast::{u32_of, usize_of, usize_of_u64};

/// The numbers that some of a staging's have in another, as far as they were met.
struct Met(Vec<Option<u32>>);

impl Met {
    fn new(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// The other number, which `add` gives where this one is new.
    #[inline]
    fn or_add(&mut self, number: u32, add: impl FnOnce() -> u32) -> u32 {
        let Some(met) = self.0.get_mut(usize_of(number)) else { return 0 };
        *met.get_or_insert_with(add)
    }
}

/// From where, to where, and what is known there already.
struct Append<'a> {
    from: &'a Staging,
    to: &'a mut Staging,
    keys: Met,
    strings: Met,
    resources: Met,
    scopes: Met,
}

impl Staging {
    /// Adds some spans of another staging, by their numbers there. Cost: each string that they use is
    /// hashed once, whatever the number of attributes that have it.
    pub(crate) fn append(&mut self, from: &Self, numbers: &[u32]) {
        self.largest.join(from.largest);
        let mut append = Append {
            keys: Met::new(from.keys.len()),
            strings: Met::new(from.strings.len()),
            resources: Met::new(from.resources.len()),
            scopes: Met::new(from.scopes.len()),
            from,
            to: self,
        };
        for number in numbers {
            if let Some(span) = from.spans.get(usize_of(*number)) {
                append.span(span);
            }
        }
    }
}

impl Append<'_> {
    fn span(&mut self, span: &StagedSpan) {
        let from = self.from;
        let attributes = self.cells(&span.attributes);
        let events = self.to.events.len();
        for event in from.events.get(span.events.clone()).unwrap_or_default() {
            let attributes = self.cells(&event.attributes);
            let name = self.text(event.name);
            self.to.events.push(StagedEvent { name, attributes, ..event.clone() });
        }
        let links = self.to.links.len();
        for link in from.links.get(span.links.clone()).unwrap_or_default() {
            let attributes = self.cells(&link.attributes);
            let trace_state = self.text(link.trace_state);
            self.to.links.push(StagedLink { trace_state, attributes, ..link.clone() });
        }
        let staged = StagedSpan {
            name: self.text(span.name),
            status_message: self.text(span.status_message),
            trace_state: self.text(span.trace_state),
            resource: self.resource(span.resource),
            scope: self.scope(span.scope),
            attributes,
            events: events..self.to.events.len(),
            links: links..self.to.links.len(),
            ..span.clone()
        };
        self.to.spans.push(staged);
    }

    fn cells(&mut self, cells: &Range<usize>) -> Range<usize> {
        let from = self.from;
        let first = self.to.cells.len();
        for cell in from.cells.get(cells.clone()).unwrap_or_default() {
            let key = self.key(cell.key);
            let payload = match u32_of(usize_of_u64(cell.payload)) {
                Some(number) if cell.kind.is_interned() => u64::from(self.text(number)),
                _ => cell.payload,
            };
            self.to.cells.push(Cell { key, payload, ..*cell });
        }
        first..self.to.cells.len()
    }

    fn key(&mut self, key: u32) -> u32 {
        if key >= FIELD_KEYS {
            return key;
        }
        let (from, to) = (&self.from.keys, &mut self.to.keys);
        self.keys.or_add(key, || to.intern(from.get(key)))
    }

    fn text(&mut self, number: u32) -> u32 {
        let (from, to) = (&self.from.strings, &mut self.to.strings);
        self.strings.or_add(number, || to.intern(from.get(number)))
    }

    fn resource(&mut self, number: u32) -> u32 {
        let (from, to) = (self.from, &mut *self.to);
        self.resources.or_add(number, || {
            let resource = from.resources.get(usize_of(number)).map(Arc::clone);
            to.resource_number(resource.unwrap_or_default())
        })
    }

    fn scope(&mut self, number: u32) -> u32 {
        let (from, to) = (self.from, &mut *self.to);
        self.scopes.or_add(number, || {
            let scope = from.scopes.get(usize_of(number)).map(Arc::clone);
            to.scope_number(scope.unwrap_or_default())
        })
    }
}
