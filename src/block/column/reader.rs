//! Reads a column: which rows have a value, which value a row has, which rows have a value.
//! Invariant: sets and vectors come from the cache where they were decoded before; single reads touch
//! only the chunks they need.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::directory::{ColumnEntry, Directory, Run};
use super::strings::Strings;
use crate::block::cache::{Cached, Slot};
use crate::block::error::BlockError;
use crate::block::format::{Part, Section, Table};
use crate::block::image::{Image, Slice};
use crate::block::packed::{Cursor, Packed};
use crate::block::reader::Block;
use crate::block::staging::ValueKind;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{bits_of_i64, low_u32, u32_of, usize_of};
use crate::codec::narrow::Narrow;
use crate::codec::order;

/// A column of a block.
#[derive(Debug, Clone)]
pub(crate) struct ColumnReader<'a> {
    block: &'a Block,
    table: Table,
    table_rows: u32,
    directory: Arc<Directory>,
    entry: usize,
    rows: u32,
    values: u32,
}

impl<'a> ColumnReader<'a> {
    pub(crate) fn new(
        block: &'a Block,
        table: Table,
        table_rows: u32,
        directory: Arc<Directory>,
        entry: usize,
    ) -> Result<Self, BlockError> {
        let (rows, values) = directory.columns.get(entry).map_or((0, 0), |e| (e.rows, e.values));
        let reader = Self { block, table, table_rows, directory, entry, rows, values };
        if rows > table_rows || values > rows || (rows > 0 && values == 0) {
            let what = format!("{values} values in {rows} rows of {table_rows}");
            return Err(reader.corrupt(Part::Directory, what));
        }
        Ok(reader)
    }

    fn entry(&self) -> Option<&ColumnEntry> {
        self.directory.columns.get(self.entry)
    }

    pub(super) fn run(&self, of: impl Fn(&ColumnEntry) -> Run) -> Run {
        self.entry().map(of).unwrap_or_default()
    }

    pub(crate) fn corrupt(&self, part: Part, what: impl Into<String>) -> BlockError {
        let key = self.entry().map(|entry| &entry.key);
        let section = format!("{} of {key:?}", Section::Table(self.table, part).name());
        self.block.image().corrupt(&section, Malformed::new(0, what))
    }

    /// Which column of its block it is.
    pub(crate) fn place(&self) -> (Table, usize) {
        (self.table, self.entry)
    }

    /// The type of the column's values.
    pub(crate) fn kind(&self) -> ValueKind {
        self.entry().map_or(ValueKind::Other, |entry| entry.kind)
    }

    /// How many rows have a value.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The first and the last row that has a value, as the directory says.
    pub(super) fn bounds(&self) -> (u32, u32) {
        self.entry().map(|entry| entry.bounds).unwrap_or_default()
    }

    /// How many distinct values there are.
    pub(crate) fn values(&self) -> u32 {
        self.values
    }

    pub(super) fn packed(&self, part: Part, run: Run, skip: u64) -> Result<Packed<'a>, BlockError> {
        let Some(len) = run.len.checked_sub(skip) else {
            return Err(self.corrupt(part, "the part is missing"));
        };
        let (offset, len) =
            self.block.part(self.table, part, run.offset.saturating_add(skip), len)?;
        Packed::new(self.block.image(), "column", offset, len)
    }

    pub(super) fn bytes(&self, part: Part, offset: u64, len: u64) -> Result<Slice, BlockError> {
        let (offset, len) = self.block.part(self.table, part, offset, len)?;
        self.block.image().read(offset, len)
    }

    pub(super) fn block(&self) -> &'a Block {
        self.block
    }

    pub(super) fn image(&self) -> &'a Image {
        self.block.image()
    }

    /// Where something decoded of a part is cached.
    pub(super) fn slot(&self, part: Part, place: u64, number: u32) -> Slot {
        Slot::Column(Section::Table(self.table, part).code(), place, number)
    }

    pub(super) fn cached_rows(
        &self,
        part: Part,
        place: u64,
        number: u32,
        make: impl FnOnce() -> Result<RoaringBitmap, BlockError>,
    ) -> Result<Arc<RoaringBitmap>, BlockError> {
        let (image, slot) = (self.image(), self.slot(part, place, number));
        if let Some(Cached::Rows(rows)) = image.cache.get(image.block, &slot) {
            return Ok(rows);
        }
        let rows = Arc::new(make()?);
        image.cache.put(image.block, slot, Cached::Rows(Arc::clone(&rows)));
        Ok(rows)
    }

    /// How many rows the table has.
    pub(crate) fn table_rows(&self) -> u32 {
        self.table_rows
    }

    /// True if every row of the table has a value.
    pub(crate) fn is_full(&self) -> bool {
        self.rows == self.table_rows
    }

    /// The rows that have a value.
    pub(crate) fn presence(&self) -> Result<Arc<RoaringBitmap>, BlockError> {
        if self.is_full() {
            return self.cached_rows(Part::Directory, u64::MAX, 0, || {
                let mut rows = RoaringBitmap::new();
                rows.insert_range(0..self.table_rows);
                Ok(rows)
            });
        }
        let run = self.run(|entry| entry.presence);
        self.cached_rows(Part::Presence, run.offset, 0, || self.read_presence())
    }

    /// The value number of every row that has one, in order of rows.
    pub(crate) fn numbers(&self) -> Result<Arc<[u32]>, BlockError> {
        if let Some(numbers) = self.known_numbers() {
            return Ok(numbers);
        }
        let numbers: Arc<[u32]> = self.decoded_numbers()?.into();
        let image = self.image();
        image.cache.put(image.block, self.numbers_slot(), Cached::Numbers(Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// The same, not kept.
    pub(super) fn decoded_numbers(&self) -> Result<Vec<u32>, BlockError> {
        let mut numbers = Vec::with_capacity(usize_of(self.rows));
        self.decode_numbers(|number| numbers.push(number))?;
        Ok(numbers)
    }

    /// The value number of every row of the table, and [`ColumnReader::values`] of a row without one. Cost:
    /// a look at every row; then none, for it is kept.
    pub(crate) fn row_numbers(&self) -> Result<Narrow, BlockError> {
        // Of one value, which rows have it says all, and columns may share that.
        let (part, place) = match (self.values, self.is_full()) {
            (1, true) => (Part::Directory, u64::MAX),
            (1, false) => (Part::Presence, self.run(|entry| entry.presence).offset),
            _ => (Part::Numbers, self.run(|entry| entry.numbers).offset),
        };
        let (image, slot) = (self.image(), self.slot(part, place, u32::MAX));
        if let Some(Cached::Narrow(numbers)) = image.cache.get(image.block, &slot) {
            return Ok(numbers);
        }
        let mut of_rows = vec![self.values; usize_of(self.table_rows)];
        if self.is_full() {
            let mut slots = of_rows.iter_mut();
            self.each_number(|number| {
                if let Some(slot) = slots.next() {
                    *slot = number;
                }
            })?;
        } else {
            let presence = self.presence()?;
            let mut rows = presence.iter();
            self.each_number(|number| {
                if let Some(slot) = rows.next().and_then(|row| of_rows.get_mut(usize_of(row))) {
                    *slot = number;
                }
            })?;
        }
        let of_rows = Narrow::new(&of_rows, self.values);
        image.cache.put(image.block, slot, Cached::Narrow(of_rows.clone()));
        Ok(of_rows)
    }

    fn numbers_slot(&self) -> Slot {
        let run = self.run(|entry| entry.numbers);
        let place = if self.values == 1 { u64::MAX - u64::from(self.rows) } else { run.offset };
        self.slot(Part::Numbers, place, 0)
    }

    /// The value numbers, where they were decoded before.
    pub(super) fn known_numbers(&self) -> Option<Arc<[u32]>> {
        let image = self.image();
        match image.cache.get(image.block, &self.numbers_slot()) {
            Some(Cached::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Hands on the value number of each row that has one, in order; keeps nothing.
    pub(super) fn each_number(&self, mut each: impl FnMut(u32)) -> Result<(), BlockError> {
        match self.known_numbers() {
            Some(numbers) => numbers.iter().for_each(|number| each(*number)),
            None => self.decode_numbers(each)?,
        }
        Ok(())
    }

    fn decode_numbers(&self, mut each: impl FnMut(u32)) -> Result<(), BlockError> {
        if self.values == 1 {
            (0..self.rows).for_each(|_| each(0));
            return Ok(());
        }
        let packed = self.packed(Part::Numbers, self.run(|entry| entry.numbers), 0)?;
        if packed.count() != usize_of(self.rows) {
            let what = format!("{} numbers, {} expected", packed.count(), self.rows);
            return Err(self.corrupt(Part::Numbers, what));
        }
        let last = self.values - 1;
        packed.decode(|number| each(low_u32(number).min(last)))
    }

    /// A reader of single value numbers by rank among the rows that have a value; `None` where there
    /// is one value only.
    pub(crate) fn number_cursor(&self) -> Result<Option<Cursor<'a>>, BlockError> {
        if self.values <= 1 {
            return Ok(None);
        }
        let run = self.run(|entry| entry.numbers);
        self.packed(Part::Numbers, run, 0).map(|packed| Some(packed.cursor()))
    }

    /// The dictionary of a column of numbers or booleans: payloads, ascending.
    pub(crate) fn payloads(&self) -> Result<Packed<'a>, BlockError> {
        let run = self.run(|entry| entry.dictionary);
        let packed = self.packed(Part::Dictionary, run, 0)?;
        self.check_values(packed.count())?;
        Ok(packed)
    }

    /// The dictionary of a column of integers: the bits of each, ascending by value, and a zero after the
    /// last, where [`ColumnReader::row_numbers`] of rows without a value point to. Cost: a look at each; then
    /// none, for it is kept.
    pub(crate) fn integers(&self) -> Result<Arc<[u64]>, BlockError> {
        let run = self.run(|entry| entry.dictionary);
        let (image, slot) = (self.image(), self.slot(Part::Dictionary, run.offset, 0));
        if let Some(Cached::Wide(integers)) = image.cache.get(image.block, &slot) {
            return Ok(integers);
        }
        let mut integers = Vec::with_capacity(usize_of(self.values) + 1);
        let bits = |payload| bits_of_i64(order::to_i64(payload));
        self.payloads()?.decode(|payload| integers.push(bits(payload)))?;
        integers.push(0);
        let integers: Arc<[u64]> = integers.into();
        image.cache.put(image.block, slot, Cached::Wide(Arc::clone(&integers)));
        Ok(integers)
    }

    fn check_values(&self, count: usize) -> Result<(), BlockError> {
        if count == usize_of(self.values) {
            return Ok(());
        }
        let what = format!("{count} entries, {} expected", self.values);
        Err(self.corrupt(Part::Dictionary, what))
    }

    /// The dictionary of a column of strings or bytes.
    pub(crate) fn strings(&self) -> Result<Strings<'a>, BlockError> {
        Strings::new(self.clone())
    }

    /// The first value number whose payload is not below `payload`.
    pub(crate) fn lower_bound(&self, payload: u64) -> Result<u32, BlockError> {
        let mut cursor = self.payloads()?.cursor();
        let (mut low, mut high) = (0, usize_of(self.values));
        while low < high {
            let middle = low.midpoint(high);
            if cursor.get(middle)? < payload {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(u32_of(low).unwrap_or(self.values))
    }
}
