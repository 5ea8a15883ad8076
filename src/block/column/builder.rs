//! Builds the columns of one table. Rows are pushed in ascending order; `finish` sorts each column's
//! dictionary and writes its parts. Invariant: the same rows give the same bytes.

use super::directory::{ColumnEntry, ColumnKey, Directory, Run};
use super::{postings, presence, strings as texts};
use crate::block::format::{Part, Section, Table};
use crate::block::staging::{Cell, FIELD_KEYS, Interner, ValueKind};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u8_of, u32_of, u64_of, usize_of, usize_of_u64};
use crate::codec::{packed, record};

const NO_COLUMN: u32 = u32::MAX;
const FIELDS: usize = 256;

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

/// The sections of a finished table, in the order of `format::PARTS`.
#[derive(Debug, Default)]
struct Parts {
    presence: Vec<u8>,
    numbers: Vec<u8>,
    dictionary: Vec<u8>,
    postings: Vec<u8>,
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
            let column = Pending { key, kind: cell.kind, rows: Vec::new(), payloads: Vec::new() };
            self.columns.push(column);
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

    /// Writes the table's sections; none where the table is empty. `scratch` has an element for each
    /// interned string and comes back as it was, filled with `u32::MAX`.
    pub(crate) fn finish(
        mut self,
        table: Table,
        table_rows: usize,
        scratch: &mut [u32],
        sections: &mut Vec<(Section, Vec<u8>)>,
    ) -> Result<(), Malformed> {
        if self.columns.is_empty() {
            return Ok(());
        }
        self.columns.sort_by(|a, b| (&a.key, a.kind).cmp(&(&b.key, b.kind)));
        let mut parts = Parts::default();
        let mut directory = Directory::default();
        let rows: Vec<&[u32]> = self.columns.iter().map(|column| column.rows.as_slice()).collect();
        let presences = presence::encode(&rows, table_rows, &mut parts.presence);
        for (column, presence) in self.columns.into_iter().zip(presences) {
            let entry = column.finish(presence, self.strings, scratch, &mut parts);
            directory.columns.push(entry);
        }
        let bytes = record::encode(&directory)?;
        let written = [
            (Part::Directory, bytes),
            (Part::Presence, parts.presence),
            (Part::Numbers, parts.numbers),
            (Part::Dictionary, parts.dictionary),
            (Part::Postings, parts.postings),
        ];
        let filled = written.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        sections.extend(filled.map(|(part, bytes)| (Section::Table(table, part), bytes)));
        Ok(())
    }
}

impl Pending {
    fn finish(
        self,
        presence: Run,
        strings: &Interner,
        scratch: &mut [u32],
        parts: &mut Parts,
    ) -> ColumnEntry {
        let (numbers, values) = if self.kind.is_interned() {
            let distinct = sorted_distinct_strings(&self.payloads, strings, scratch);
            let texts: Vec<&[u8]> = distinct.iter().map(|number| strings.get(*number)).collect();
            let run = append(&mut parts.dictionary, |out| texts::encode(&texts, out));
            let numbers = take_numbers(&self.payloads, &distinct, scratch);
            (numbers, (distinct.len(), run))
        } else {
            let mut distinct = self.payloads.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let run = append(&mut parts.dictionary, |out| packed::encode(&distinct, out));
            let number = |payload| u32_of(distinct.partition_point(|other| other < payload));
            let numbers: Vec<u32> =
                self.payloads.iter().map(|payload| number(payload).unwrap_or(0)).collect();
            (numbers, (distinct.len(), run))
        };
        let (values, dictionary) = values;
        let mut entry = ColumnEntry {
            key: self.key,
            kind: self.kind,
            rows: u32_of(self.rows.len()).unwrap_or(0),
            values: u32_of(values).unwrap_or(0),
            bounds: (
                self.rows.first().copied().unwrap_or(0),
                self.rows.last().copied().unwrap_or(0),
            ),
            presence,
            numbers: Run::default(),
            dictionary,
            postings: Run::default(),
        };
        if values > 1 {
            let wide: Vec<u64> = numbers.iter().map(|number| u64::from(*number)).collect();
            entry.numbers = append(&mut parts.numbers, |out| packed::encode(&wide, out));
            entry.postings =
                append(&mut parts.postings, |out| postings::encode(&numbers, values, out));
        }
        entry
    }
}

fn append(section: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Run {
    let offset = section.len();
    write(section);
    Run { offset: u64_of(offset), len: u64_of(section.len() - offset) }
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
    // The first eight bytes decide most comparisons without a look into the strings.
    let mut keyed: Vec<(u64, u32)> =
        distinct.iter().map(|number| (prefix(strings.get(*number)), *number)).collect();
    keyed.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| strings.get(a.1).cmp(strings.get(b.1)))
    });
    keyed.into_iter().map(|(_, number)| number).collect()
}

/// The first eight bytes as a number that sorts as they do, short strings filled up with zeros.
fn prefix(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(first).swap_bytes()
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
