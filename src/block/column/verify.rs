//! Reads all of the columns of a table. Invariant: what is found sound here gives the same rows for a
//! value by its postings as by the value numbers.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::directory::{ColumnKey, Directory};
use super::reader::ColumnReader;
use crate::block::error::BlockError;
use crate::block::format::{Part, Section, Table, field};
use crate::block::reader::Block;
use crate::block::staging::ValueKind;
use crate::block::verify::{BlockFault, malformed, traces_of};
use crate::codec::cast::usize_of;
use crate::codec::order;

/// What is wrong with the columns of a table.
pub(crate) fn column_faults(block: &Block, table: Table) -> Vec<BlockFault> {
    let mut faults = Vec::new();
    let read = || Ok::<_, BlockError>((block.directory(table)?, block.table_rows(table)?));
    let (directory, rows) = match read() {
        Ok(read) => read,
        Err(error) => return vec![BlockFault::of(&error)],
    };
    let name = Section::Table(table, Part::Directory).name();
    if !directory
        .columns
        .is_sorted_by(|a, b| (&a.key, order_of(a.kind)) < (&b.key, order_of(b.kind)))
    {
        faults.push(BlockFault::new(name, "the columns are not in order"));
    }
    for at in 0..directory.columns.len() {
        let column = ColumnReader::new(block, table, rows, Arc::<Directory>::clone(&directory), at);
        let found = column.and_then(|column| check_column(block, table, &column));
        faults.extend(found.unwrap_or_else(|error| vec![BlockFault::of(&error)]));
    }
    for (code, of) in [(field::RESOURCE, Table::Resources), (field::SCOPE, Table::Scopes)] {
        if table == Table::Spans
            && let Err(error) = check_origins(block, code, of)
        {
            faults.push(BlockFault::of(&error));
        }
    }
    faults
}

fn order_of(kind: ValueKind) -> u8 {
    match kind {
        ValueKind::String => 0,
        ValueKind::Int => 1,
        ValueKind::Double => 2,
        ValueKind::Bool => 3,
        ValueKind::Other => 4,
    }
}

/// Every span has a resource and a scope, and these are there.
fn check_origins(block: &Block, code: u8, of: Table) -> Result<(), BlockError> {
    let rows = block.table_rows(of)?;
    let columns = block.columns(Table::Spans, &ColumnKey::Field(code))?;
    let [column] = columns.as_slice() else {
        return Err(malformed(block, "span directory", format!("no column of field {code}")));
    };
    let mut sound = column.is_full();
    column.payloads()?.decode(|payload| {
        sound &= u32::try_from(order::to_i64(payload)).is_ok_and(|number| number < rows);
    })?;
    let what = || format!("field {code} names rows beyond {rows}, or none");
    if sound { Ok(()) } else { Err(malformed(block, "span dictionaries", what())) }
}

fn check_column(
    block: &Block,
    table: Table,
    column: &ColumnReader<'_>,
) -> Result<Vec<BlockFault>, BlockError> {
    check_dictionary(column)?;
    let presence = column.presence()?;
    if column.bounds() != presence.min().zip(presence.max()).unwrap_or_default() {
        return Err(column.corrupt(Part::Directory, "the bounds are not those of the rows"));
    }
    let numbers = numbers_as_stored(column)?;
    let mut sets = vec![Vec::new(); usize_of(column.values())];
    for (row, number) in presence.iter().zip(numbers) {
        if let Some(set) = usize::try_from(number).ok().and_then(|number| sets.get_mut(number)) {
            set.push(row);
        } else {
            let what = format!("row {row} has value {number} of {}", column.values());
            let traces = traces_of(block, table, [row]);
            let fault = BlockFault::of(&column.corrupt(Part::Numbers, what));
            return Ok(vec![fault.touching(traces)]);
        }
    }
    let mut faults = Vec::new();
    for (set, number) in sets.into_iter().zip(0u32..) {
        let by_numbers = RoaringBitmap::from_sorted_iter(set).unwrap_or_default();
        let (error, rows) = match column.posting(number) {
            Ok(posting) if *posting == by_numbers && !by_numbers.is_empty() => continue,
            Ok(posting) => {
                let what = format!("value {number} has other rows by its postings");
                (column.corrupt(Part::Postings, what), &*posting ^ &by_numbers)
            }
            Err(error) => (error, by_numbers),
        };
        faults.push(BlockFault::of(&error).touching(traces_of(block, table, rows)));
    }
    Ok(faults)
}

/// The value numbers, none of them changed to fit.
fn numbers_as_stored(column: &ColumnReader<'_>) -> Result<Vec<u64>, BlockError> {
    let rows = usize_of(column.rows());
    let mut numbers = Vec::with_capacity(rows);
    match column.number_cursor()? {
        None => numbers.resize(rows, 0),
        Some(cursor) => cursor.packed().decode(|number| numbers.push(number))?,
    }
    if numbers.len() == rows {
        return Ok(numbers);
    }
    let what = format!("{} numbers, {rows} expected", numbers.len());
    Err(column.corrupt(Part::Numbers, what))
}

/// The values ascend, and each can be read.
fn check_dictionary(column: &ColumnReader<'_>) -> Result<(), BlockError> {
    let descends = || column.corrupt(Part::Dictionary, "the values do not ascend");
    let mut values = column.value_cursor()?;
    for number in 0..column.values() {
        values.value(number)?;
    }
    if column.kind().is_interned() {
        let mut strings = column.strings()?;
        let mut before: Option<Vec<u8>> = None;
        for number in 0..column.values() {
            let text = strings.get(number)?.to_vec();
            if before.as_ref().is_some_and(|before| *before >= text) {
                return Err(descends());
            }
            before = Some(text);
        }
        return Ok(());
    }
    let mut before = None;
    let mut ascends = true;
    column.payloads()?.decode(|payload| {
        ascends &= before.replace(payload) < Some(payload);
    })?;
    if ascends { Ok(()) } else { Err(descends()) }
}
