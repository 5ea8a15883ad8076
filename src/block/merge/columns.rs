//! The columns of one table, merged. Invariant: a column is there where one of its values is, and its
//! dictionary has the values that are used.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dictionary::Gathered;
use super::part::From;
use crate::block::column::{ColumnKey, ColumnReader, Directory, Sorted, TableWriter};
use crate::block::error::BlockError;
use crate::block::format::Table;
use crate::block::runs::Runs;
use crate::block::staging::ValueKind;
use crate::codec::cast::{u32_of, usize_of};
use crate::foreground::may_rest;

/// A column of so many rows of a table or more is put in order by laying its values out by row.
const DENSE_SHARE: usize = 8;
/// Used values are found by marking all, where these are not so many times more than the rows.
const MARKED_TIMES: usize = 4;
const NOTHING: u32 = u32::MAX;

/// A column that is made otherwise, in place of what the blocks have.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) field: u8,
    pub(super) kind: ValueKind,
    pub(super) rows: Vec<u32>,
    pub(super) numbers: Vec<u32>,
    /// The dictionary.
    pub(super) payloads: Vec<u64>,
}

/// A column of one of the blocks: which block, and its place in the directory there.
pub(super) type Member = (usize, usize);

/// A row of the new block, and the place of its value among those gathered.
pub(super) type CellAt = (u32, u32);

/// The columns of each key and type.
type Members = BTreeMap<(ColumnKey, ValueKind), Vec<Member>>;

/// The directories of a table in some blocks, and which columns these have.
pub(super) fn members_of(
    froms: &[From<'_>],
    table: Table,
) -> Result<(Vec<Arc<Directory>>, Members), BlockError> {
    let directories = froms.iter().map(|from| from.block.directory(table));
    let directories = directories.collect::<Result<Vec<_>, _>>()?;
    let mut members = Members::new();
    for (at, directory) in directories.iter().enumerate() {
        for (column, entry) in directory.columns.iter().enumerate() {
            members.entry((entry.key.clone(), entry.kind)).or_default().push((at, column));
        }
    }
    Ok((directories, members))
}

/// Writes all columns of a table.
pub(super) fn merge_table(
    froms: &[From<'_>],
    table: Table,
    rows: u32,
    given: &[&Given],
    writer: &mut TableWriter,
) -> Result<(), BlockError> {
    let (directories, mut columns) = members_of(froms, table)?;
    for one in given {
        columns.entry((ColumnKey::Field(one.field), one.kind)).or_default();
    }
    for (key, members) in columns {
        let is_given = |one: &&&Given| key == (ColumnKey::Field(one.field), one.kind);
        match given.iter().find(is_given) {
            Some(one) if one.rows.is_empty() => {}
            Some(one) => {
                writer.put(key, one.rows.clone(), &one.numbers, &Sorted::Payloads(&one.payloads));
            }
            None => {
                Gathering::new(key, (froms, &directories), table, &members)?.write(rows, writer);
            }
        }
    }
    Ok(())
}

/// A column's cells, with the values that they use.
pub(super) struct Gathering {
    key: (ColumnKey, ValueKind),
    /// In any order; no two have one row.
    pub(super) cells: Vec<CellAt>,
    gathered: Gathered,
    /// True if the values are in order, each once.
    is_sorted: bool,
}

impl Gathering {
    pub(super) fn new(
        key: (ColumnKey, ValueKind),
        (froms, directories): (&[From<'_>], &[Arc<Directory>]),
        table: Table,
        members: &[Member],
    ) -> Result<Self, BlockError> {
        let gathered = Gathered::of(key.1);
        let is_sorted = members.len() == 1;
        let mut gathering = Self { key, cells: Vec::new(), gathered, is_sorted };
        for (from, column) in members {
            may_rest();
            let Some((from, directory)) = froms.get(*from).zip(directories.get(*from)) else {
                continue;
            };
            let rows = from.block.table_rows(table)?;
            let column =
                ColumnReader::new(from.block, table, rows, Arc::clone(directory), *column)?;
            gather(from, &column, &mut gathering.cells, &mut gathering.gathered)?;
        }
        Ok(gathering)
    }

    /// The number of each cell's value among all, in order of cells.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let number = |map: &[u32], at: u32| map.get(usize_of(at)).copied().unwrap_or(0);
        self.gathered.merge(self.is_sorted, |map, _| {
            self.cells.iter().map(|(_, at)| number(map, *at)).collect()
        })
    }

    /// The same of some of the rows, under new numbers.
    pub(super) fn of_rows(&self, new_row: impl Fn(u32) -> Option<u32>) -> Self {
        let kept = self.cells.iter().filter_map(|(row, at)| Some((new_row(*row)?, *at)));
        let mut cells: Vec<CellAt> = kept.collect();
        let all = u32_of(self.gathered.len()).unwrap_or(u32::MAX);
        let used = compact(&mut cells, all, 0);
        let gathered = self.gathered.only(&used);
        Self { key: self.key.clone(), cells, gathered, is_sorted: self.is_sorted }
    }

    /// Writes the column; it is left out where it has no cells.
    pub(super) fn write(self, rows: u32, writer: &mut TableWriter) {
        let Self { key, mut cells, gathered, is_sorted } = self;
        if cells.is_empty() {
            return;
        }
        may_rest();
        in_order(&mut cells, rows);
        may_rest();
        gathered.merge(is_sorted, |map, sorted| {
            let rows: Vec<u32> = cells.iter().map(|(row, _)| *row).collect();
            let number = |(_, at): &CellAt| map.get(usize_of(*at)).copied().unwrap_or(0);
            let numbers: Vec<u32> = cells.iter().map(number).collect();
            may_rest();
            writer.put(key, rows, &numbers, sorted);
        });
    }
}

/// Adds the cells of one block's column, and the values that they use.
pub(super) fn gather(
    from: &From<'_>,
    column: &ColumnReader<'_>,
    cells: &mut Vec<CellAt>,
    gathered: &mut Gathered,
) -> Result<(), BlockError> {
    let first = cells.len();
    column.each_number_of(&Runs::new(&from.ranges), |at, number| {
        if let Some(to) = from.to.get(usize_of(at)) {
            cells.push((*to, number));
        }
    })?;
    let base = u32_of(gathered.len()).unwrap_or(u32::MAX);
    let used = compact(cells.get_mut(first..).unwrap_or_default(), column.values(), base);
    match gathered {
        Gathered::Payloads(payloads) => column.each_payload(&used, |value| payloads.push(value)),
        Gathered::Texts(texts) => column.each_text(&used, |text| texts.push(text)),
    }
}

/// Replaces value numbers of a column by places that count up from `base` in the same order; gives the
/// numbers that are used, ascending.
fn compact(cells: &mut [CellAt], values: u32, base: u32) -> Vec<u32> {
    if usize_of(values) <= cells.len().saturating_mul(MARKED_TIMES) + 64 {
        let mut places = vec![NOTHING; usize_of(values)];
        for (_, number) in cells.iter() {
            if let Some(place) = places.get_mut(usize_of(*number)) {
                *place = 0;
            }
        }
        let mut used = Vec::new();
        for (place, number) in places.iter_mut().zip(0..) {
            if *place != NOTHING {
                *place = base.saturating_add(u32_of(used.len()).unwrap_or(u32::MAX));
                used.push(number);
            }
        }
        for (_, number) in cells {
            *number = places.get(usize_of(*number)).copied().unwrap_or(base);
        }
        return used;
    }
    let mut used: Vec<u32> = cells.iter().map(|(_, number)| *number).collect();
    used.sort_unstable();
    used.dedup();
    for (_, number) in cells {
        let place = u32_of(used.partition_point(|other| other < number));
        *number = base.saturating_add(place.unwrap_or(u32::MAX));
    }
    used
}

/// Sorts cells by row; no two have one row.
fn in_order(cells: &mut Vec<CellAt>, rows: u32) {
    if cells.is_sorted_by_key(|(row, _)| *row) {
        return;
    }
    if cells.len().saturating_mul(DENSE_SHARE) < usize_of(rows) {
        cells.sort_unstable();
        return;
    }
    let mut slots = vec![NOTHING; usize_of(rows)];
    for (row, place) in cells.iter() {
        if let Some(slot) = slots.get_mut(usize_of(*row)) {
            *slot = *place;
        }
    }
    cells.clear();
    let filled = slots.iter().zip(0..).filter(|(place, _)| **place != NOTHING);
    cells.extend(filled.map(|(place, row)| (row, *place)));
}

/// The values of a field of whole numbers: row and payload, in no order.
pub(super) fn payloads_of(
    from: &From<'_>,
    field: u8,
    mut each: impl FnMut(u32, u64),
) -> Result<(), BlockError> {
    for column in from.block.columns(Table::Spans, &ColumnKey::Field(field))? {
        if column.kind().is_interned() {
            continue;
        }
        let mut cells = Vec::new();
        let mut gathered = Gathered::Payloads(Vec::new());
        gather(from, &column, &mut cells, &mut gathered)?;
        let Gathered::Payloads(payloads) = gathered else { continue };
        for (row, place) in cells {
            if let Some(payload) = payloads.get(usize_of(place)) {
                each(row, *payload);
            }
        }
    }
    Ok(())
}

impl Given {
    /// A column of these cells: rows and payloads, in any order.
    pub(super) fn of(field: u8, kind: ValueKind, mut cells: Vec<(u32, u64)>) -> Self {
        cells.sort_unstable();
        let mut payloads: Vec<u64> = cells.iter().map(|(_, payload)| *payload).collect();
        payloads.sort_unstable();
        payloads.dedup();
        let number = |payload| u32_of(payloads.partition_point(|other| other < payload));
        let numbers = cells.iter().map(|(_, payload)| number(payload).unwrap_or(0)).collect();
        let rows = cells.iter().map(|(row, _)| *row).collect();
        Self { field, kind, rows, numbers, payloads }
    }
}
