//! Columns as bytes, and the sections of a table of them. Invariant: the same columns give the same
//! bytes.

use super::directory::{ColumnEntry, ColumnKey, Directory, Run};
use super::{postings, presence, strings};
use crate::block::format::{Part, Section, Table};
use crate::block::staging::ValueKind;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u32_of, u64_of};
use crate::codec::{packed, record};
use crate::foreground::may_rest;

/// Blocks of fewer rows have their texts as they are.
pub(crate) const COMPRESSED_ROWS_MIN: usize = 4096;

/// The distinct values of a column, ascending.
#[derive(Debug)]
pub(crate) enum Sorted<'a> {
    /// Of numbers and booleans.
    Payloads(&'a [u64]),
    /// Of strings and bytes.
    Texts(&'a [&'a [u8]]),
}

/// How large a table is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableSize {
    /// Rows of the table,
    pub(crate) rows: usize,
    /// and of the spans of its block.
    pub(crate) block_rows: usize,
}

impl TableSize {
    /// True if texts are compressed. Small blocks become large ones soon, and until then it would take as
    /// long as all the rest.
    fn is_compressed(self) -> bool {
        self.block_rows >= COMPRESSED_ROWS_MIN
    }
}

/// A column as bytes: all but its presence, which is written for the columns of a table together.
#[derive(Debug)]
pub(super) struct Encoded {
    entry: ColumnEntry,
    rows: Vec<u32>,
    parts: Parts,
}

/// The sections that columns share.
#[derive(Debug, Default)]
struct Parts {
    numbers: Vec<u8>,
    dictionary: Vec<u8>,
    postings: Vec<u8>,
}

impl Encoded {
    /// A column of these rows, ascending, and the number that each one's value has among `sorted`, of
    /// which every one is used.
    pub(super) fn new(
        (key, kind): (ColumnKey, ValueKind),
        rows: Vec<u32>,
        numbers: &[u32],
        sorted: &Sorted<'_>,
        size: TableSize,
    ) -> Self {
        may_rest();
        let mut parts = Parts::default();
        let values = match sorted {
            Sorted::Payloads(payloads) => {
                packed::encode(payloads, &mut parts.dictionary);
                payloads.len()
            }
            Sorted::Texts(texts) => {
                strings::encode(texts, size.is_compressed(), &mut parts.dictionary);
                texts.len()
            }
        };
        if values > 1 {
            may_rest();
            let wide: Vec<u64> = numbers.iter().map(|number| u64::from(*number)).collect();
            packed::encode(&wide, &mut parts.numbers);
            postings::encode(numbers, values, &mut parts.postings);
        }
        let entry = ColumnEntry {
            key,
            kind,
            rows: u32_of(rows.len()).unwrap_or(0),
            values: u32_of(values).unwrap_or(0),
            bounds: (rows.first().copied().unwrap_or(0), rows.last().copied().unwrap_or(0)),
            presence: Run::default(),
            numbers: Run::default(),
            dictionary: Run::default(),
            postings: Run::default(),
        };
        Self { entry, rows, parts }
    }
}

/// Writes columns whose dictionaries are sorted; they come in order of key and kind.
#[derive(Debug)]
pub(crate) struct TableWriter {
    size: TableSize,
    columns: Vec<Encoded>,
}

impl TableWriter {
    /// An empty table of this size.
    pub(crate) fn new(size: TableSize) -> Self {
        Self { size, columns: Vec::new() }
    }

    /// Adds a column: its rows, ascending, and the number that each one's value has among `sorted`, of
    /// which every one is used.
    pub(crate) fn put(
        &mut self,
        column: (ColumnKey, ValueKind),
        rows: Vec<u32>,
        numbers: &[u32],
        sorted: &Sorted<'_>,
    ) {
        self.columns.push(Encoded::new(column, rows, numbers, sorted, self.size));
    }

    /// Adds columns.
    pub(super) fn extend(&mut self, columns: impl IntoIterator<Item = Encoded>) {
        self.columns.extend(columns);
    }

    /// Writes the table's sections; none where there is no column.
    pub(crate) fn finish(
        self,
        table: Table,
        sections: &mut Vec<(Section, Vec<u8>)>,
    ) -> Result<(), Malformed> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let mut section = Vec::new();
        let rows: Vec<&[u32]> = self.columns.iter().map(|column| column.rows.as_slice()).collect();
        let presences = presence::encode(&rows, self.size.rows, &mut section);
        let mut all = Parts::default();
        let mut directory = Directory::default();
        for (Encoded { mut entry, parts, .. }, presence) in self.columns.into_iter().zip(presences)
        {
            entry.presence = presence;
            entry.numbers = append(&mut all.numbers, &parts.numbers);
            entry.dictionary = append(&mut all.dictionary, &parts.dictionary);
            entry.postings = append(&mut all.postings, &parts.postings);
            directory.columns.push(entry);
        }
        let bytes = record::encode(&directory)?;
        let written = [
            (Part::Directory, bytes),
            (Part::Presence, section),
            (Part::Numbers, all.numbers),
            (Part::Dictionary, all.dictionary),
            (Part::Postings, all.postings),
        ];
        let filled = written.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        sections.extend(filled.map(|(part, bytes)| (Section::Table(table, part), bytes)));
        Ok(())
    }
}

/// Where these bytes lie at the end of a section; at its start where there are none.
fn append(section: &mut Vec<u8>, bytes: &[u8]) -> Run {
    if bytes.is_empty() {
        return Run::default();
    }
    let run = Run { offset: u64_of(section.len()), len: u64_of(bytes.len()) };
    section.extend_from_slice(bytes);
    run
}
