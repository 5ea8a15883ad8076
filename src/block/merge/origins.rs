//! Resources and instrumentation scopes of merged blocks: equal ones become one, told by the numbers of
//! their values. Invariant: they are numbered in order of first use in the new block.

use hashbrown::HashMap;

use super::columns::{Gathering, Given, Member, gather, members_of};
use super::dictionary::Gathered;
use super::part::{From, runs_of};
use crate::block::column::{ColumnKey, TableSize, TableWriter};
use crate::block::error::BlockError;
use crate::block::format::Table;
use crate::block::staging::{ValueKind, payload_of_bits};
use crate::codec::cast::{bits_of_i64, low_u32, u32_of, usize_of};
use crate::codec::order;

const NOTHING: u32 = u32::MAX;

/// The resources, or scopes, of a new block.
pub(super) struct Origins {
    /// The column that says which each row has.
    pub(super) column: Given,
    table: Table,
    columns: Vec<Gathering>,
    /// The new row of each one that was read; nothing where an equal one has it.
    new_rows: Vec<u32>,
    count: u32,
}

/// The resources, or scopes, of the rows of a new block; `code` is the field that names them.
pub(super) fn origins(
    froms: &[From<'_>],
    rows: u32,
    (table, code): (Table, u8),
) -> Result<Origins, BlockError> {
    let mut of_row = vec![0u32; usize_of(rows)];
    let mut sources: Vec<From<'_>> = Vec::new();
    let mut count = 0u32;
    for from in froms {
        for column in from.block.columns(Table::Spans, &ColumnKey::Field(code))? {
            let mut cells = Vec::new();
            let mut gathered = Gathered::Payloads(Vec::new());
            if column.kind() == ValueKind::Int {
                gather(from, &column, &mut cells, &mut gathered)?;
            }
            let Gathered::Payloads(payloads) = gathered else { continue };
            let own = payloads.iter().map(|payload| low_u32(bits_of_i64(order::to_i64(*payload))));
            let own: Vec<u32> = own.collect();
            from.block.check_rows(table, &own)?;
            for (row, place) in cells {
                if let Some(slot) = of_row.get_mut(usize_of(row)) {
                    *slot = count.saturating_add(place);
                }
            }
            let end = count.saturating_add(u32_of(own.len()).unwrap_or(NOTHING));
            let (to, ranges) = ((count..end).collect(), runs_of(own));
            sources.push(From { block: from.block, ranges, to, shifts: Vec::new() });
            count = end;
        }
    }
    let (directories, members) = members_of(&sources, table)?;
    let mut columns = Vec::new();
    for ((key, kind), members) in members {
        let members: &[Member] = &members;
        columns.push(Gathering::new((key, kind), (&sources, &directories), table, members)?);
    }
    let classes = classes(count, &columns);
    Ok(numbered(code, of_row, &classes, table, columns))
}

/// A number for each, the same for equal ones: those that have the same value in every column.
fn classes(count: u32, columns: &[Gathering]) -> Vec<u32> {
    let mut classes = vec![0u32; usize_of(count)];
    let mut next = 1;
    for column in columns {
        let numbers = column.numbers();
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        for ((row, _), number) in column.cells.iter().zip(numbers) {
            let Some(class) = classes.get_mut(usize_of(*row)) else { continue };
            *class = *known.entry((*class, number)).or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
    }
    classes
}

/// Numbers in order of first use.
fn numbered(
    code: u8,
    mut of_row: Vec<u32>,
    classes: &[u32],
    table: Table,
    columns: Vec<Gathering>,
) -> Origins {
    let mut of_class: HashMap<u32, u32> = HashMap::new();
    let mut new_rows = vec![NOTHING; classes.len()];
    // By the one read, so that a class is looked up once for each.
    let mut known = vec![NOTHING; classes.len()];
    for read in &mut of_row {
        let at = usize_of(*read);
        let (Some(known), Some(class)) = (known.get_mut(at), classes.get(at)) else { continue };
        if *known == NOTHING {
            let next = u32_of(of_class.len()).unwrap_or(NOTHING);
            *known = *of_class.entry(*class).or_insert(next);
            if *known == next
                && let Some(row) = new_rows.get_mut(at)
            {
                *row = next;
            }
        }
        *read = *known;
    }
    let rows = u32_of(of_row.len()).unwrap_or(u32::MAX);
    let count = u32_of(of_class.len()).unwrap_or(u32::MAX);
    let column = Given {
        field: code,
        kind: ValueKind::Int,
        rows: (0..rows).collect(),
        numbers: of_row,
        payloads: (0..count).map(|number| payload_of_bits(u64::from(number))).collect(),
    };
    Origins { column, table, columns, new_rows, count }
}

impl Origins {
    /// Writes the table of them, in a block of so many rows.
    pub(super) fn writer(&self, block_rows: usize) -> (Table, TableWriter) {
        let size = TableSize { rows: usize_of(self.count), block_rows };
        let mut writer = TableWriter::new(size);
        for column in &self.columns {
            let new_row = |row: u32| self.new_rows.get(usize_of(row)).copied();
            let column = column.of_rows(|row| new_row(row).filter(|row| *row != NOTHING));
            column.write(self.count, &mut writer);
        }
        (self.table, writer)
    }
}
