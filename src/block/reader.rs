//! A block, read. Invariant: nothing is fetched before it is asked for, what is decoded is kept in the
//! shared cache, and a reader never changes anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::cache::{Cached, Derived, Slot};
use super::column::{ColumnKey, ColumnReader, Directory};
use super::error::BlockError;
use super::filter;
use super::format::{
    Extent, HEADER_LEN, Header, Part, Section, Table, decode_header, decode_sections,
};
use super::image::{Image, Slice};
use super::packed::{Cursor, Packed};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, u64_of, usize_of, usize_of_u64};
use crate::codec::{packed, record};
use crate::id::{SpanId, TraceId};
use crate::time::Timestamp;

/// A block of a store.
#[derive(Debug)]
pub(crate) struct Block {
    image: Image,
    head: OnceLock<Head>,
    /// Directories that somebody uses, by their section's code: one of very many columns may be larger
    /// than the cache, and is not to be decoded for each column.
    directories: Mutex<BTreeMap<u32, Weak<Directory>>>,
}

impl Drop for Block {
    /// What was decoded of a block in memory is of no use to anybody then. One of the file may be opened
    /// again.
    fn drop(&mut self) {
        if self.image.chunks.in_memory() {
            self.image.cache.forget_block(self.image.block);
        }
    }
}

#[derive(Debug)]
struct Head {
    header: Header,
    sections: Vec<(Section, Extent)>,
}

/// One trace of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceEntry {
    pub(crate) id: TraceId,
    pub(crate) first_row: u32,
    pub(crate) rows: u32,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// The row of the span that names the trace.
    pub(crate) root: u32,
}

impl Block {
    /// A block with this image; reads nothing yet.
    pub(crate) fn new(image: Image) -> Self {
        Self { image, head: OnceLock::new(), directories: Mutex::default() }
    }

    /// The image.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    fn head(&self) -> Result<&Head, BlockError> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        let corrupt = |cause| self.image.corrupt("header", cause);
        let fixed = self.image.read(0, u64_of(HEADER_LEN).min(self.image.len))?;
        let (header, len) = decode_header(&fixed).map_err(corrupt)?;
        if header.image_len != self.image.len {
            let what = format!("{} bytes, {} expected", self.image.len, header.image_len);
            return Err(corrupt(Malformed::new(0, what)));
        }
        let bytes = self.image.read(0, u64_of(len))?;
        let sections = decode_sections(&bytes).map_err(corrupt)?;
        check_counts(&header, &sections).map_err(corrupt)?;
        Ok(self.head.get_or_init(|| Head { header, sections }))
    }

    /// The header: counts of rows, traces, events and links.
    pub(crate) fn header(&self) -> Result<Header, BlockError> {
        self.head().map(|head| head.header)
    }

    /// All sections with their sizes.
    pub(crate) fn sections(&self) -> Result<&[(Section, Extent)], BlockError> {
        self.head().map(|head| head.sections.as_slice())
    }

    /// Where a section lies; `None` where the block has no need of it.
    pub(crate) fn extent(&self, section: Section) -> Result<Option<Extent>, BlockError> {
        let sections = &self.head()?.sections;
        Ok(sections.iter().find(|(other, _)| *other == section).map(|(_, extent)| *extent))
    }

    /// A section of packed integers; `None` where the block has no need of it.
    pub(crate) fn packed(&self, section: Section) -> Result<Option<Packed<'_>>, BlockError> {
        let Some(extent) = self.extent(section)? else { return Ok(None) };
        Packed::new(&self.image, "packed section", extent.offset, extent.len).map(Some)
    }

    /// A reader of single values of a section; an error where it is missing.
    pub(crate) fn cursor(&self, section: Section) -> Result<Cursor<'_>, BlockError> {
        match self.packed(section)? {
            Some(packed) => Ok(packed.cursor()),
            None => Err(self.missing(section)),
        }
    }

    fn missing(&self, section: Section) -> BlockError {
        self.image.corrupt(&section.name(), Malformed::new(0, "the section is missing"))
    }

    /// A section as decoded 64-bit numbers.
    pub(crate) fn wide(&self, section: Section) -> Result<Arc<[u64]>, BlockError> {
        let slot = Slot::Section(section.code());
        if let Some(Cached::Wide(numbers)) = self.image.cache.get(self.image.block, &slot) {
            return Ok(numbers);
        }
        let numbers = match self.packed(section)? {
            Some(packed) => packed.to_wide()?,
            None => Arc::default(),
        };
        self.image.cache.put(self.image.block, slot, Cached::Wide(Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// Two numbers between which all of a section's lie, by the heads of their groups; `None` where
    /// there are none.
    pub(crate) fn bounds(&self, section: Section) -> Result<Option<(u64, u64)>, BlockError> {
        let slot = Slot::Derived(Derived::Bounds(section.code()));
        if let Some(Cached::Wide(bounds)) = self.image.cache.get(self.image.block, &slot) {
            return Ok(bounds.first().copied().zip(bounds.last().copied()));
        }
        let bounds = match self.packed(section)? {
            Some(packed) => packed.bounds()?,
            None => None,
        };
        let kept: Arc<[u64]> = bounds.map_or(Arc::new([]), |(first, last)| Arc::new([first, last]));
        self.image.cache.put(self.image.block, slot, Cached::Wide(kept));
        Ok(bounds)
    }

    /// Numbers that follow from the block, made once.
    pub(crate) fn derived(
        &self,
        what: Derived,
        make: impl FnOnce() -> Result<Vec<u32>, BlockError>,
    ) -> Result<Arc<[u32]>, BlockError> {
        let slot = Slot::Derived(what);
        if let Some(Cached::Numbers(numbers)) = self.image.cache.get(self.image.block, &slot) {
            return Ok(numbers);
        }
        let numbers: Arc<[u32]> = make()?.into();
        self.image.cache.put(self.image.block, slot, Cached::Numbers(Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// The same of 64-bit numbers.
    pub(crate) fn derived_wide(
        &self,
        what: Derived,
        make: impl FnOnce() -> Result<Vec<u64>, BlockError>,
    ) -> Result<Arc<[u64]>, BlockError> {
        let slot = Slot::Derived(what);
        if let Some(Cached::Wide(numbers)) = self.image.cache.get(self.image.block, &slot) {
            return Ok(numbers);
        }
        let numbers: Arc<[u64]> = make()?.into();
        self.image.cache.put(self.image.block, slot, Cached::Wide(Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// Fixed-size records `first..first + count` of a plain section.
    pub(crate) fn records(
        &self,
        section: Section,
        record_len: u64,
        first: u32,
        count: u32,
    ) -> Result<Slice, BlockError> {
        let Some(extent) = self.extent(section)? else { return Err(self.missing(section)) };
        let (offset, len) = (u64::from(first) * record_len, u64::from(count) * record_len);
        if offset + len > extent.len {
            let what = format!("records {first} + {count} in {} bytes", extent.len);
            return Err(self.image.corrupt(&section.name(), Malformed::new(0, what)));
        }
        self.image.read(extent.offset + offset, len)
    }

    /// The span id of a row.
    pub(crate) fn span_id(&self, row: u32) -> Result<SpanId, BlockError> {
        let bytes = self.records(Section::SpanIds, 8, row, 1)?;
        Ok(SpanId::from_slice(&bytes).unwrap_or_default())
    }

    /// The id of a trace.
    pub(crate) fn trace_id(&self, number: u32) -> Result<TraceId, BlockError> {
        let bytes = self.records(Section::TraceIds, 16, number, 1)?;
        Ok(TraceId::from_slice(&bytes).unwrap_or_default())
    }

    /// False if the trace is certainly not in the block. Reads the filter only.
    pub(crate) fn may_have_trace(&self, id: TraceId) -> Result<bool, BlockError> {
        let slot = Slot::Section(Section::TraceFilter.code());
        if let Some(Cached::Bytes(filter)) = self.image.cache.get(self.image.block, &slot) {
            return Ok(filter::may_contain(&filter, id));
        }
        let Some(extent) = self.extent(Section::TraceFilter)? else {
            return Err(self.missing(Section::TraceFilter));
        };
        let bytes: Arc<[u8]> = self.image.read(extent.offset, extent.len)?.to_vec().into();
        self.image.cache.put(self.image.block, slot, Cached::Bytes(Arc::clone(&bytes)));
        Ok(filter::may_contain(&bytes, id))
    }

    /// The numbers that traces have in the block, those that it has, each with the place of its id.
    /// Cost: as [`Block::find_trace`], but the filter is fetched once.
    pub(crate) fn find_traces(&self, ids: &[TraceId]) -> Result<Vec<(usize, u32)>, BlockError> {
        let Some(first) = ids.first() else { return Ok(Vec::new()) };
        // This leaves the filter in the cache.
        self.may_have_trace(*first)?;
        let slot = Slot::Section(Section::TraceFilter.code());
        let kept = match self.image.cache.get(self.image.block, &slot) {
            Some(Cached::Bytes(filter)) => Some(filter),
            _ => None,
        };
        let mut found = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            if kept.as_ref().is_none_or(|filter| filter::may_contain(filter, *id))
                && let Some(number) = self.find_trace(*id)?
            {
                found.push((at, number));
            }
        }
        Ok(found)
    }

    /// The number of a trace in the block. Cost: a binary search of single reads.
    pub(crate) fn find_trace(&self, id: TraceId) -> Result<Option<u32>, BlockError> {
        if !self.may_have_trace(id)? {
            return Ok(None);
        }
        let mut lookup = self.cursor(Section::TraceLookup)?;
        let (mut low, mut high) = (0, lookup.count());
        while low < high {
            let middle = low.midpoint(high);
            let number = low_u32(lookup.get(middle)?);
            match self.trace_id(number)?.cmp(&id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(number)),
            }
        }
        Ok(None)
    }

    /// What the trace table says of trace `number`.
    pub(crate) fn trace_entry(&self, number: u32) -> Result<TraceEntry, BlockError> {
        let at = usize_of(number);
        let mut firsts = self.cursor(Section::TraceFirstRows)?;
        let (first, next) = (low_u32(firsts.get(at)?), low_u32(firsts.get(at + 1)?));
        let root = low_u32(self.cursor(Section::TraceRoots)?.get(at)?);
        if next <= first || next > self.header()?.rows || root >= next - first {
            let what = format!("trace {number} has rows {first} to {next} and root {root}");
            return Err(self.image.corrupt("trace table", Malformed::new(at, what)));
        }
        Ok(TraceEntry {
            id: self.trace_id(number)?,
            first_row: first,
            rows: next - first,
            start: Timestamp::from_unix_nanos(self.cursor(Section::TraceStarts)?.get(at)?),
            end: Timestamp::from_unix_nanos(self.cursor(Section::TraceEnds)?.get(at)?),
            root: first + root,
        })
    }

    /// The columns of a table; none where the table is empty.
    pub(crate) fn directory(&self, table: Table) -> Result<Arc<Directory>, BlockError> {
        let section = Section::Table(table, Part::Directory);
        let slot = Slot::Section(section.code());
        if let Some(Cached::Directory(found)) = self.image.cache.get(self.image.block, &slot) {
            return Ok(found);
        }
        let used = || self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let known = used().get(&section.code()).and_then(Weak::upgrade);
        if let Some(known) = known {
            return Ok(known);
        }
        let directory = match self.extent(section)? {
            None => Arc::default(),
            Some(extent) => {
                let bytes = self.image.read(extent.offset, extent.len)?;
                let decoded = record::decode::<Directory>(&bytes);
                Arc::new(decoded.map_err(|cause| self.image.corrupt(&section.name(), cause))?)
            }
        };
        used().insert(section.code(), Arc::downgrade(&directory));
        self.image.cache.put(self.image.block, slot, Cached::Directory(Arc::clone(&directory)));
        Ok(directory)
    }

    /// How many rows a table has. (Resources and scopes: those that their columns name.)
    pub(crate) fn table_rows(&self, table: Table) -> Result<u32, BlockError> {
        let header = self.header()?;
        let shared = |field| -> Result<u32, BlockError> {
            let columns = self.columns(Table::Spans, &ColumnKey::Field(field))?;
            Ok(columns.iter().map(ColumnReader::values).max().unwrap_or(0))
        };
        Ok(match table {
            Table::Spans => header.rows,
            Table::Events => header.events,
            Table::Links => header.links,
            Table::Resources => shared(super::format::field::RESOURCE)?,
            Table::Scopes => shared(super::format::field::SCOPE)?,
        })
    }

    /// The columns of `key`, one a value type.
    pub(crate) fn columns(
        &self,
        table: Table,
        key: &ColumnKey,
    ) -> Result<Vec<ColumnReader<'_>>, BlockError> {
        let directory = self.directory(table)?;
        let found = directory.find(key);
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.table_rows(table)?;
        found.map(|at| ColumnReader::new(self, table, rows, Arc::clone(&directory), at)).collect()
    }

    /// Bytes of a part of a table's columns, from `offset` of the section.
    pub(crate) fn part(
        &self,
        table: Table,
        part: Part,
        offset: u64,
        len: u64,
    ) -> Result<(u64, u64), BlockError> {
        let section = Section::Table(table, part);
        let Some(extent) = self.extent(section)? else { return Err(self.missing(section)) };
        if offset.checked_add(len).is_some_and(|end| end <= extent.len) {
            return Ok((extent.offset + offset, len));
        }
        let what = format!("{offset} + {len} bytes of {}", extent.len);
        Err(self.image.corrupt(&section.name(), Malformed::new(usize_of_u64(offset), what)))
    }
}

/// Checks that the counts in the header are those of the sections, so that memory taken in proportion
/// to them is in proportion to the image.
fn check_counts(header: &Header, sections: &[(Section, Extent)]) -> Result<(), Malformed> {
    let len = |section: Section| {
        let extent = sections.iter().find(|(other, _)| *other == section);
        extent.map_or(0, |(_, extent)| extent.len)
    };
    for (section, count, record_len) in [
        (Section::SpanIds, header.rows, 8),
        (Section::TraceIds, header.traces, 16),
        (Section::LinkSpanIds, header.links, 8),
    ] {
        if len(section) != u64::from(count) * record_len {
            let what = format!("{}: {} bytes for {count}", section.name(), len(section));
            return Err(Malformed::new(0, what));
        }
    }
    let owners_len_min = match header.events {
        0 => 0,
        events => u64_of(packed::directory_len(usize_of(events))),
    };
    if len(Section::EventOwners) < owners_len_min {
        return Err(Malformed::new(0, format!("no room for {} event owners", header.events)));
    }
    Ok(())
}
