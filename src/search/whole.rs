//! Whole columns as numbers of rows, for questions about many rows that only count. Invariant: numbers
//! are the same, or sums of them, where [`Field::values`] gives values that are.

use super::source::Place;
use super::table::Field;
use crate::block::{Block, BlockError, ColumnKey, ColumnReader, Section, Table, ValueKind, field};
use crate::codec::cast::usize_of;
use crate::codec::narrow::Narrow;
use crate::query::source::{Grouping, Unit, Wholes};
use crate::query::syntax::Intrinsic;
use crate::query::value::Scalar;

/// Numbers of rows, and how many different ones there may be.
type Numbers = (Narrow, u32);

/// Up to so many values are compared with each other.
const SAME_MAX: u32 = 1 << 12;

/// Of so many resources all values are read.
const SHARED_MAX: u32 = 1 << 14;

/// The values at a place as numbers.
pub(super) fn grouping(
    block: &Block,
    place: &Place<'_>,
    default: &Scalar,
) -> Result<Option<Grouping>, BlockError> {
    let Place::Table(table, columns, own) = place else { return Ok(None) };
    let default = own.as_ref().unwrap_or(default);
    let code = match table {
        Table::Spans => return columns.grouping(default),
        Table::Resources => field::RESOURCE,
        Table::Scopes => field::SCOPE,
        Table::Events | Table::Links => return Ok(None),
    };
    let named = block.columns(Table::Spans, &ColumnKey::Field(code))?;
    let end = block.table_rows(*table)?;
    let Some(named) = named.first().filter(|named| named.is_full() && end <= SHARED_MAX) else {
        return Ok(None);
    };
    // The groups of the values that resources have are those of the resources.
    let numbers = named.row_numbers()?;
    if columns.columns.is_empty() {
        return Ok(Some(Grouping { numbers, groups: vec![0; usize_of(end)], end: end.max(1) }));
    }
    let Some(shared) = columns.grouping(default)? else { return Ok(None) };
    let group = |number: u32| shared.groups.get(usize_of(number)).copied().unwrap_or(number);
    let groups = shared.numbers.to_vec().into_iter().map(group).collect();
    Ok(Some(Grouping { numbers, groups, end: end.max(shared.end) }))
}

/// The whole numbers at a place, with what they count.
pub(super) fn wholes(
    block: &Block,
    place: &Place<'_>,
) -> Result<Option<(Unit, Wholes)>, BlockError> {
    Ok(match place {
        Place::Table(Table::Spans, columns, None) => {
            columns.wholes()?.map(|wholes| (Unit::Int, wholes))
        }
        Place::Computed(Intrinsic::Duration) => {
            Some((Unit::Duration, Wholes::Each(block.wide(Section::Durations)?)))
        }
        _ => None,
    })
}

impl Field<'_> {
    /// The values of all rows as numbers. `None` where there are too many that may be the same.
    fn grouping(&self, default: &Scalar) -> Result<Option<Grouping>, BlockError> {
        let Some((numbers, total)) = self.number_of_each_row()? else { return Ok(None) };
        let end = total.saturating_add(1);
        if self.is_ordered() && *default == Scalar::Nil {
            return Ok(Some(Grouping { numbers, groups: Vec::new(), end }));
        }
        if total > SAME_MAX {
            return Ok(None);
        }
        let mut values = Vec::with_capacity(usize_of(end));
        for column in &self.columns {
            let mut cursor = column.value_cursor()?;
            for number in 0..column.values() {
                values.push((self.convert)(&cursor.value(number)?));
            }
        }
        values.push(default.clone());
        Ok(Some(Grouping { numbers, groups: same_groups(&values), end }))
    }

    /// The whole numbers of all rows, where there are no other values.
    fn wholes(&self) -> Result<Option<Wholes>, BlockError> {
        let [column] = self.columns.as_slice() else { return Ok(None) };
        if !self.plain || column.kind() != ValueKind::Int {
            return Ok(None);
        }
        Ok(Some(Wholes::Listed { places: column.row_numbers()?, values: column.integers()? }))
    }

    /// The number of each row's value among the values of all columns, and how many those are, which
    /// is the number of a row without value. `None` where there are too many for that, or no columns.
    fn number_of_each_row(&self) -> Result<Option<Numbers>, BlockError> {
        let Some(first) = self.columns.first() else { return Ok(None) };
        if let [column] = self.columns.as_slice() {
            return Ok(Some((column.row_numbers()?, column.values())));
        }
        let add = |sum: u32, column: &ColumnReader<'_>| sum.checked_add(column.values());
        let Some(total) = self.columns.iter().try_fold(0, add) else { return Ok(None) };
        let mut of_rows = vec![total; usize_of(first.table_rows())];
        let mut first = 0;
        for column in &self.columns {
            let (presence, numbers) = (column.presence()?, column.numbers()?);
            for (row, number) in presence.iter().zip(numbers.iter()) {
                if let Some(slot) = of_rows.get_mut(usize_of(row)) {
                    *slot = first + number;
                }
            }
            first += column.values();
        }
        Ok(Some((Narrow::new(&of_rows, total), total)))
    }
}

/// A number for each value, the same where values are the same.
fn same_groups(values: &[Scalar]) -> Vec<u32> {
    let mut order: Vec<(&Scalar, usize)> = values.iter().map(Scalar::group).zip(0..).collect();
    order.sort_by(|(a, _), (b, _)| a.group_order(b));
    let mut groups = vec![0; values.len()];
    for (equal, group) in order.chunk_by(|(a, _), (b, _)| a.group_order(b).is_eq()).zip(0..) {
        for (_, at) in equal {
            if let Some(slot) = groups.get_mut(*at) {
                *slot = group;
            }
        }
    }
    groups
}
