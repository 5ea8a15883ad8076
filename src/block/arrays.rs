//! How the rows of a block lie in trees and traces, as arrays of a number for each row, trace, event or
//! link. Invariant: a number names a row of the block, whatever the bytes say.

use std::sync::Arc;

use super::cache::{Cached, Slot};
use super::error::BlockError;
use super::format::{Header, Section};
use super::nested_set::NONE;
use super::packed::Packed;
use super::reader::Block;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, usize_of};

impl Block {
    /// The last descendant of each row.
    pub(crate) fn ends(&self) -> Result<Arc<[u32]>, BlockError> {
        let rows = self.header()?.rows;
        let last = rows.saturating_sub(1);
        let end = |row: u32, delta| row.saturating_add(low_u32(delta)).min(last);
        self.decoded(Section::Ends, rows, end, |_| true)
    }

    /// The parent of each row, [`NONE`] where it has none.
    pub(crate) fn parents(&self) -> Result<Arc<[u32]>, BlockError> {
        let parent = |row: u32, delta| match delta {
            0 => NONE,
            delta => row.checked_sub(low_u32(delta)).unwrap_or(NONE),
        };
        self.decoded(Section::Parents, self.header()?.rows, parent, |_| true)
    }

    /// How far before each row its parent is, 0 where it has none, from the packed bytes.
    pub(crate) fn for_each_parent_step(&self, mut each: impl FnMut(u32)) -> Result<(), BlockError> {
        self.for_each_of(Section::Parents, self.header()?.rows, |row, delta| {
            let step = low_u32(delta);
            each(if step > row { 0 } else { step });
        })
    }

    /// How many rows after each row its last descendant is, from the packed bytes.
    pub(crate) fn for_each_end_step(&self, mut each: impl FnMut(u32)) -> Result<(), BlockError> {
        let rows = self.header()?.rows;
        let last = rows.saturating_sub(1);
        self.for_each_of(Section::Ends, rows, |row, delta| {
            each(low_u32(delta).min(last.saturating_sub(row)));
        })
    }

    /// The first row of each trace, and the number of rows at the end.
    pub(crate) fn trace_first_rows(&self) -> Result<Arc<[u32]>, BlockError> {
        let Header { rows, traces, .. } = self.header()?;
        // A window ends where a trace begins: were that not before its end, a search would not end.
        let holds = |firsts: &[u32]| {
            firsts.first() == Some(&0) && firsts.last() == Some(&rows) && is_ascending(firsts)
        };
        let first = |_, row| low_u32(row);
        self.decoded(Section::TraceFirstRows, traces.saturating_add(1), first, holds)
    }

    /// The owner row of each event.
    pub(crate) fn event_owners(&self) -> Result<Arc<[u32]>, BlockError> {
        self.owners(Section::EventOwners, self.header()?.events)
    }

    /// The owner row of each link.
    pub(crate) fn link_owners(&self) -> Result<Arc<[u32]>, BlockError> {
        self.owners(Section::LinkOwners, self.header()?.links)
    }

    fn owners(&self, section: Section, count: u32) -> Result<Arc<[u32]>, BlockError> {
        let last = self.header()?.rows.saturating_sub(1);
        self.decoded(section, count, |_, row| low_u32(row).min(last), <[u32]>::is_sorted)
    }

    /// A section of `count` values as a decoded vector, made once by `map(position, value)`; an error
    /// where `holds` does not.
    fn decoded(
        &self,
        section: Section,
        count: u32,
        map: impl Fn(u32, u64) -> u32,
        holds: impl Fn(&[u32]) -> bool,
    ) -> Result<Arc<[u32]>, BlockError> {
        let slot = Slot::Section(section.code());
        if let Some(Cached::Numbers(numbers)) = self.image().cache.get(self.image().block, &slot) {
            return Ok(numbers);
        }
        let mut values = Vec::with_capacity(usize_of(count));
        self.for_each_of(section, count, |at, value| values.push(map(at, value)))?;
        if !holds(&values) {
            let what = Malformed::new(0, "the values are not in order");
            return Err(self.image().corrupt(&section.name(), what));
        }
        let numbers: Arc<[u32]> = values.into();
        self.image().cache.put(self.image().block, slot, Cached::Numbers(Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// Hands out the `count` values of a section with their positions, in order.
    fn for_each_of(
        &self,
        section: Section,
        count: u32,
        mut each: impl FnMut(u32, u64),
    ) -> Result<(), BlockError> {
        let packed = self.packed(section)?;
        let got = packed.as_ref().map_or(0, Packed::count);
        if got != usize_of(count) {
            let what = format!("{got} values, {count} expected");
            return Err(self.image().corrupt(&section.name(), Malformed::new(0, what)));
        }
        let Some(packed) = packed else { return Ok(()) };
        let mut at = 0;
        packed.decode(|value| {
            each(at, value);
            at += 1;
        })
    }
}

fn is_ascending(values: &[u32]) -> bool {
    values.windows(2).all(|pair| pair.first() < pair.last())
}
