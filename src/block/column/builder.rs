//! Builds the columns of one table. Rows are pushed in ascending order; `finish` sorts each column's
//! dictionary and writes the column. Invariant: the same rows give the same bytes.

use super::directory::ColumnKey;
use super::sorted;
use super::writer::{Encoded, Sorted, TableSize, TableWriter};
use crate::block::format::{Section, Table};
use crate::block::parallel::spread;
use crate::block::staging::{Cell, FIELD_KEYS, Interner, ValueKind};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u8_of, u32_of, usize_of, usize_of_u64};

const NO_COLUMN: u32 = u32::MAX;
const FIELDS: usize = 256;
/// Rows that a column has room for from the beginning.
const ROWS_MIN: usize = 32;

/// Collects the cells of one table.
#[derive(Debug)]
pub(crate) struct TableBuilder<'a> {
    keys: &'a Interner,
    strings: &'a Interner,
    columns: Vec<Pending>,
    /// Which column an attribute's key and kind go to.
    of_key: Vec<[u32; ValueKind::COUNT]>,
    of_field: Vec<[u32; ValueKind::COUNT]>,
}

#[derive(Debug)]
struct Pending {
    key: ColumnKey,
    kind: ValueKind,
    rows: Vec<u32>,
    payloads: Vec<u64>,
}

impl<'a> TableBuilder<'a> {
    /// An empty table whose cells refer to these strings.
    pub(crate) fn new(keys: &'a Interner, strings: &'a Interner) -> Self {
        let of_key = vec![[NO_COLUMN; ValueKind::COUNT]; keys.len()];
        let of_field = vec![[NO_COLUMN; ValueKind::COUNT]; FIELDS];
        Self { keys, strings, columns: Vec::new(), of_key, of_field }
    }

    /// Adds a value of `row`. Rows of one column must ascend.
    pub(crate) fn push(&mut self, row: u32, cell: &Cell) {
        let field = cell.key.checked_sub(FIELD_KEYS).and_then(u8_of);
        let slot = match field {
            Some(field) => self.of_field.get_mut(usize::from(field)),
            None => self.of_key.get_mut(usize_of(cell.key)),
        };
        let Some(slot) = slot.and_then(|kinds| kinds.get_mut(cell.kind.index())) else { return };
        if *slot == NO_COLUMN {
            *slot = u32_of(self.columns.len()).unwrap_or(NO_COLUMN);
            let key = match field {
                Some(field) => ColumnKey::Field(field),
                None => ColumnKey::Attribute(
                    String::from_utf8_lossy(self.keys.get(cell.key)).into_owned(),
                ),
            };
            let (rows, payloads) = (Vec::with_capacity(ROWS_MIN), Vec::with_capacity(ROWS_MIN));
            self.columns.push(Pending { key, kind: cell.kind, rows, payloads });
        }
        if let Some(column) = self.columns.get_mut(usize_of(*slot)) {
            column.rows.push(row);
            column.payloads.push(cell.payload);
        }
    }

    /// Adds a field of `row`.
    pub(crate) fn push_field(&mut self, row: u32, field: u8, kind: ValueKind, payload: u64) {
        self.push(row, &Cell { key: FIELD_KEYS + u32::from(field), kind, payload });
    }

    /// Writes the table's sections; none where the table is empty. So many `threads` finish columns.
    pub(crate) fn finish(
        mut self,
        table: Table,
        size: TableSize,
        threads: usize,
        sections: &mut Vec<(Section, Vec<u8>)>,
    ) -> Result<(), Malformed> {
        if self.columns.is_empty() {
            return Ok(());
        }
        self.columns.sort_by(|a, b| (&a.key, a.kind).cmp(&(&b.key, b.kind)));
        let strings = self.strings;
        let scratch = || vec![u32::MAX; strings.len()];
        let finish =
            |scratch: &mut Vec<u32>, column: Pending| column.finish(strings, size, scratch);
        let mut writer = TableWriter::new(size);
        writer.extend(spread(threads, self.columns, Pending::weight, scratch, finish));
        writer.finish(table, sections)
    }
}

impl Pending {
    /// About what it costs to finish: text is sorted by what it says.
    fn weight(&self) -> usize {
        if self.kind.is_interned() { self.rows.len() * 2 } else { self.rows.len() }
    }

    /// The column as bytes. `scratch` has an element for each interned string and comes back as it was,
    /// filled with `u32::MAX`.
    fn finish(self, strings: &Interner, size: TableSize, scratch: &mut [u32]) -> Encoded {
        let column = (self.key, self.kind);
        if self.kind.is_interned() {
            let distinct = sorted_distinct_strings(&self.payloads, strings, scratch);
            let numbers = take_numbers(&self.payloads, &distinct, scratch);
            let texts: Vec<&[u8]> = distinct.iter().map(|number| strings.get(*number)).collect();
            Encoded::new(column, self.rows, &numbers, &Sorted::Texts(&texts), size)
        } else {
            let mut distinct = self.payloads.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let number = |payload| u32_of(distinct.partition_point(|other| other < payload));
            let numbers: Vec<u32> =
                self.payloads.iter().map(|payload| number(payload).unwrap_or(0)).collect();
            Encoded::new(column, self.rows, &numbers, &Sorted::Payloads(&distinct), size)
        }
    }
}

/// The numbers of the distinct strings among `payloads`, sorted by the strings' bytes.
fn sorted_distinct_strings(payloads: &[u64], strings: &Interner, scratch: &mut [u32]) -> Vec<u32> {
    let mut distinct = Vec::new();
    for payload in payloads {
        let Some(number) = u32_of(usize_of_u64(*payload)) else { continue };
        if let Some(seen) = scratch.get_mut(usize_of(number))
            && *seen == u32::MAX
        {
            *seen = 0;
            distinct.push(number);
        }
    }
    sorted::sort(&distinct, strings)
}

/// The dictionary number of each payload; leaves `scratch` as it was found.
fn take_numbers(payloads: &[u64], distinct: &[u32], scratch: &mut [u32]) -> Vec<u32> {
    for (string, number) in distinct.iter().zip(0u32..) {
        if let Some(slot) = scratch.get_mut(usize_of(*string)) {
            *slot = number;
        }
    }
    let lookup = |payload: &u64| scratch.get(usize_of_u64(*payload)).copied().unwrap_or(0);
    let numbers = payloads.iter().map(lookup).collect();
    for string in distinct {
        if let Some(slot) = scratch.get_mut(usize_of(*string)) {
            *slot = u32::MAX;
        }
    }
    numbers
}
