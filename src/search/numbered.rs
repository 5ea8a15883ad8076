//! Values of rows as small numbers, for stages that look at every row: places in a dictionary, or whole
//! numbers of one unit. Invariant: a number stands for what [`Field::values`] gives.

use super::ranks::Ranks;
use super::table::{Field, MANY_ROWS_SHARE};
use crate::block::{Block, BlockError, ColumnKey, ColumnReader, Table, ValueKind, field};
use crate::codec::cast::{low_u32, u32_of, u64_of, usize_of};
use crate::codec::order;
use crate::query::source::{Integers, Numbered, Unit};
use crate::query::value::Scalar;

/// The place of a row without a value, until places are made of numbers.
const NONE: u32 = u32::MAX;

/// Up to so many values are read before it is known which are wanted.
const LISTED_MAX: u32 = 256;

/// Up to so many numbers for each row, places are found in a table of all numbers; beyond, by search.
const TABLE_SHARE: usize = 4;

impl Field<'_> {
    /// The values of ascending rows as numbers; where a row has none, that of `default`. `None` where
    /// there are too many values to be numbered.
    pub(super) fn numbered(
        &self,
        rows: &[u32],
        default: &Scalar,
    ) -> Result<Option<Numbered>, BlockError> {
        let (mut numbers, mut first) = (vec![NONE; rows.len()], 0_u32);
        for column in &self.columns {
            if column.values() >= NONE - first {
                return Ok(None);
            }
            each_number(column, rows, |at, number| {
                if let Some(slot) = numbers.get_mut(at) {
                    *slot = first + number;
                }
                Ok(())
            })?;
            first += column.values();
        }
        if first > LISTED_MAX && *default == Scalar::Nil && self.is_ordered() {
            // A row without a value has the largest number, and nil is the last group.
            return Ok(Some(Numbered::Ordered(numbers)));
        }
        let (places, distinct) = placed(numbers, first);
        let mut values = vec![default.clone(); distinct.len()];
        let mut first = 0;
        for column in &self.columns {
            let mut cursor = column.value_cursor()?;
            for (number, value) in distinct.iter().zip(&mut values) {
                let within = number.checked_sub(first).filter(|number| *number < column.values());
                if let Some(number) = within.filter(|_| *number != NONE) {
                    *value = (self.convert)(&cursor.value(number)?);
                }
            }
            first += column.values();
        }
        Ok(Some(Numbered::Listed { places, values }))
    }

    /// The values of rows in any order, some of them more than once; `default` where a row has none.
    pub(super) fn values_of_each(
        &self,
        rows: &[u32],
        default: Option<&Scalar>,
    ) -> Result<Vec<Scalar>, BlockError> {
        each_once(rows, |rows| {
            let mut values = vec![default.cloned().unwrap_or_default(); rows.len()];
            self.values(rows, &mut values)?;
            Ok(values)
        })
    }

    /// True where the dictionary has the order of groups.
    pub(super) fn is_ordered(&self) -> bool {
        let simple = |column: &ColumnReader<'_>| {
            matches!(column.kind(), ValueKind::String | ValueKind::Int | ValueKind::Double)
        };
        self.plain && matches!(self.columns.as_slice(), [column] if simple(column))
    }

    /// Appends the whole numbers of those of ascending rows that have one, where there are no others.
    pub(super) fn integers(
        &self,
        rows: &[u32],
        out: &mut Integers,
    ) -> Result<Option<Unit>, BlockError> {
        let [column] = self.columns.as_slice() else { return Ok(None) };
        if !self.plain || column.kind() != ValueKind::Int {
            return Ok(None);
        }
        if !rows.is_empty() {
            let mut payloads = column.payloads()?.cursor();
            let mut all = Vec::new();
            if usize_of(column.values()) <= rows.len().saturating_mul(TABLE_SHARE) {
                column.payloads()?.decode(|payload| all.push(order::to_i64(payload)))?;
            }
            out.rows.reserve(rows.len());
            out.values.reserve(rows.len());
            each_number(column, rows, |at, number| {
                out.rows.extend(rows.get(at));
                out.values.push(match all.get(usize_of(number)) {
                    Some(value) => *value,
                    None => order::to_i64(payloads.get(usize_of(number))?),
                });
                Ok(())
            })?;
        }
        Ok(Some(Unit::Int))
    }
}

/// What `read` gives for rows in any order, some of them more than once; it is asked for ascending ones,
/// each once.
pub(super) fn each_once(
    rows: &[u32],
    read: impl FnOnce(&[u32]) -> Result<Vec<Scalar>, BlockError>,
) -> Result<Vec<Scalar>, BlockError> {
    let mut distinct = rows.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let values = read(&distinct)?;
    let value = |row| {
        let at = distinct.binary_search(row).ok();
        at.and_then(|at| values.get(at)).cloned().unwrap_or_default()
    };
    Ok(rows.iter().map(value).collect())
}

/// The resource or scope of each of some rows.
pub(super) fn shared_of(block: &Block, table: Table, rows: &[u32]) -> Result<Vec<u32>, BlockError> {
    let code = if table == Table::Resources { field::RESOURCE } else { field::SCOPE };
    let columns = block.columns(Table::Spans, &ColumnKey::Field(code))?;
    let mut shared = vec![0; rows.len()];
    if let Some(column) = columns.first() {
        each_number(column, rows, |at, number| {
            if let Some(slot) = shared.get_mut(at) {
                *slot = number;
            }
            Ok(())
        })?;
    }
    Ok(shared)
}

/// Calls `each` with the place among ascending rows of each that has a value, and the value's number.
pub(super) fn each_number(
    column: &ColumnReader<'_>,
    rows: &[u32],
    mut each: impl FnMut(usize, u32) -> Result<(), BlockError>,
) -> Result<(), BlockError> {
    let mut ranks = Ranks::new(column, u64_of(rows.len()))?;
    if rows.len() >= usize_of(column.rows() / MANY_ROWS_SHARE) {
        let numbers = column.numbers()?;
        for (at, row) in rows.iter().enumerate() {
            if let Some(rank) = ranks.of(*row) {
                each(at, numbers.get(usize_of(rank)).copied().unwrap_or(0))?;
            }
        }
        return Ok(());
    }
    let mut cursor = column.number_cursor()?;
    for (at, row) in rows.iter().enumerate() {
        if let Some(rank) = ranks.of(*row) {
            let number = match &mut cursor {
                Some(cursor) => low_u32(cursor.get(usize_of(rank))?),
                None => 0,
            };
            each(at, number)?;
        }
    }
    Ok(())
}

/// Numbers below `count`, or [`NONE`], as places in a list of those that occur, which comes second.
pub(super) fn placed(mut numbers: Vec<u32>, count: u32) -> (Vec<u32>, Vec<u32>) {
    let mut distinct = Vec::new();
    let none = usize_of(count);
    if none > numbers.len().saturating_mul(TABLE_SHARE) {
        distinct.clone_from(&numbers);
        distinct.sort_unstable();
        distinct.dedup();
        for number in &mut numbers {
            *number = distinct.binary_search(number).ok().and_then(u32_of).unwrap_or(0);
        }
        return (numbers, distinct);
    }
    let mut place_of = vec![NONE; none + 1];
    for number in &mut numbers {
        let Some(place) = place_of.get_mut(usize_of(*number).min(none)) else { continue };
        if *place == NONE {
            *place = u32_of(distinct.len()).unwrap_or(0);
            distinct.push(*number);
        }
        *number = *place;
    }
    (numbers, distinct)
}
