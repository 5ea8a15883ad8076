//! Reads all of the columns of a table. Invariant: what is found sound here gives the same rows for a
//! value by its postings as without them.

use std::sync::Arc;

use super::directory::{ColumnKey, Directory};
use super::postings::Zones;
use super::reader::ColumnReader;
use crate::block::error::BlockError;
use crate::block::format::{Part, Section, Table, field};
use crate::block::reader::Block;
use crate::block::staging::ValueKind;
use crate::block::verify::{BlockFault, malformed, traces_of};
use crate::codec::cast::{low_u32, usize_of};
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
    let values = u64::from(column.values());
    let beyond = presence.iter().zip(&numbers).find(|(_, number)| **number >= values);
    if let Some((row, number)) = beyond {
        let what = format!("row {row} has value {number} of {values}");
        let fault = BlockFault::of(&column.corrupt(Part::Numbers, what));
        return Ok(vec![fault.touching(traces_of(block, table, [row]))]);
    }
    let numbers: Vec<u32> = numbers.into_iter().map(low_u32).collect();
    check_postings(block, table, column, &numbers)
}

/// Each value is looked for wherever it is.
fn check_postings(
    block: &Block,
    table: Table,
    column: &ColumnReader<'_>,
    numbers: &[u32],
) -> Result<Vec<BlockFault>, BlockError> {
    let presence = column.presence()?;
    let mut zones = Vec::with_capacity(usize_of(column.values()));
    let mut faults = Vec::new();
    for number in 0..column.values() {
        zones.push(column.zones(number).unwrap_or_else(|error| {
            faults.push(BlockFault::of(&error));
            Zones::Ranks(Vec::new())
        }));
    }
    let missed = |((_, rank), number): &((u32, u32), &u32)| match zones.get(usize_of(**number)) {
        Some(Zones::Everywhere(_)) => false,
        Some(Zones::Ranks(ranges)) => {
            let after = ranges.partition_point(|range| range.start <= *rank);
            let range = after.checked_sub(1).and_then(|at| ranges.get(at));
            !range.is_some_and(|range| range.contains(rank))
        }
        None => true,
    };
    let rows: Vec<u32> =
        presence.iter().zip(0u32..).zip(numbers).filter(missed).map(|((row, _), _)| row).collect();
    if !rows.is_empty() {
        let what = format!("{} rows are not where their values are looked for", rows.len());
        let fault = BlockFault::of(&column.corrupt(Part::Postings, what));
        faults.push(fault.touching(traces_of(block, table, rows)));
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
        return column.strings()?.check();
    }
    let mut before = None;
    let mut ascends = true;
    column.payloads()?.decode(|payload| {
        ascends &= before.replace(payload) < Some(payload);
    })?;
    if ascends { Ok(()) } else { Err(descends()) }
}
