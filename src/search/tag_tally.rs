//! Sums of names and values. Invariant: a value is one of its type and bits, so that nothing is
//! folded together, and what has no value in `TraceQL` is in no sum.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::convert::Convert;
use super::tags::TagName;
use crate::block::{BlockError, ColumnReader, ValueKind};
use crate::codec::cast::usize_of;
use crate::query::rows::Rows;
use crate::query::syntax::ValueType;
use crate::query::value::Scalar;

/// How much each row of a table counts.
pub(super) enum Weights {
    /// One, for these rows or for all of so many.
    Rows(Option<Rows>, u32),
    /// As many spans as share the row.
    Shared(Vec<u64>),
}

/// Values with their counts, by type and value.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<Ordered, u64>);

/// Names with their counts and types.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, (u64, Vec<ValueType>)>);

/// A single value, in the order of groups.
#[derive(Debug, Clone)]
struct Ordered(Scalar);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.group_order(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered {}

/// The types of names, in the order in which values are sorted.
const TYPES: [ValueType; 8] = [
    ValueType::String,
    ValueType::Bool,
    ValueType::Int,
    ValueType::Float,
    ValueType::Duration,
    ValueType::Time,
    ValueType::Status,
    ValueType::Kind,
];

/// The type of a single value; `None` for what is none.
pub(super) fn type_of(value: &Scalar) -> Option<ValueType> {
    Some(match value {
        Scalar::String(_) | Scalar::Id(_) => ValueType::String,
        Scalar::Bool(_) => ValueType::Bool,
        Scalar::Int(_) => ValueType::Int,
        Scalar::Float(_) => ValueType::Float,
        Scalar::Duration(_) => ValueType::Duration,
        Scalar::Time(_) => ValueType::Time,
        Scalar::Status(_) => ValueType::Status,
        Scalar::Kind(_) => ValueType::Kind,
        Scalar::Nil | Scalar::Opaque | Scalar::Array(_) => return None,
    })
}

impl Tally {
    /// Counts a value so often; of an array each distinct element.
    pub(super) fn add(&mut self, value: &Scalar, count: u64) {
        if count == 0 {
            return;
        }
        if let Scalar::Array(elements) = value {
            let distinct: BTreeSet<Ordered> = elements.iter().cloned().map(Ordered).collect();
            for element in distinct {
                self.add(&element.0, count);
            }
        } else if type_of(value).is_some() {
            *self.0.entry(Ordered(value.clone())).or_default() += count;
        }
    }

    /// Counts the values of a column.
    fn add_column(
        &mut self,
        column: &ColumnReader<'_>,
        convert: Convert,
        weights: &Weights,
    ) -> Result<(), BlockError> {
        let counts = weights.values(column)?;
        let mut values = column.value_cursor()?;
        for (number, count) in (0u32..).zip(counts) {
            if count > 0 {
                self.add(&convert(&values.value(number)?), count);
            }
        }
        Ok(())
    }

    /// Counts the values of a table's columns, and the default for rows that have none.
    pub(super) fn add_columns(
        &mut self,
        columns: &[ColumnReader<'_>],
        convert: Convert,
        default: Option<&Scalar>,
        weights: &Weights,
    ) -> Result<(), BlockError> {
        let mut present = 0;
        for column in columns {
            present += weights.present(column)?;
            self.add_column(column, convert, weights)?;
        }
        if let Some(default) = default {
            self.add(default, weights.total().saturating_sub(present));
        }
        Ok(())
    }

    /// The values with their counts, by type and value.
    pub(super) fn into_counts(self) -> Vec<(Scalar, u64)> {
        self.0.into_iter().map(|(value, count)| (value.0, count)).collect()
    }
}

impl Names {
    /// Counts a name so often.
    pub(super) fn add(
        &mut self,
        name: &str,
        count: u64,
        types: impl IntoIterator<Item = ValueType>,
    ) {
        if count == 0 {
            return;
        }
        let (sum, seen) = self.0.entry(name.to_owned()).or_default();
        *sum += count;
        for value_type in types {
            if !seen.contains(&value_type) {
                seen.push(value_type);
            }
        }
    }

    /// The names, in order.
    pub(super) fn into_tags(self) -> Vec<TagName> {
        let tag = |(name, (count, seen)): (String, (u64, Vec<ValueType>))| {
            let types = TYPES.into_iter().filter(|one| seen.contains(one)).collect();
            TagName { name, types, count }
        };
        self.0.into_iter().map(tag).collect()
    }
}

impl Weights {
    fn weight(shared: &[u64], row: u32) -> u64 {
        shared.get(usize_of(row)).copied().unwrap_or(0)
    }

    /// What each value of a column of the table counts.
    fn values(&self, column: &ColumnReader<'_>) -> Result<Vec<u64>, BlockError> {
        match self {
            Self::Rows(rows, _) => column.value_counts(rows.as_ref().map(Rows::bitmap)),
            Self::Shared(shared) => {
                let mut counts = vec![0; usize_of(column.values())];
                for (row, number) in column.presence()?.iter().zip(column.numbers()?.iter()) {
                    if let Some(count) = counts.get_mut(usize_of(*number)) {
                        *count += Self::weight(shared, row);
                    }
                }
                Ok(counts)
            }
        }
    }

    /// What the rows of a column count together.
    pub(super) fn present(&self, column: &ColumnReader<'_>) -> Result<u64, BlockError> {
        match self {
            Self::Rows(rows, _) => column.rows_within(rows.as_ref().map(Rows::bitmap)),
            Self::Shared(shared) => {
                Ok(column.presence()?.iter().map(|row| Self::weight(shared, row)).sum())
            }
        }
    }

    /// What all rows of the table count together.
    pub(super) fn total(&self) -> u64 {
        match self {
            Self::Rows(None, all) => u64::from(*all),
            Self::Rows(Some(rows), _) => rows.len(),
            Self::Shared(shared) => shared.iter().sum(),
        }
    }
}

/// The types of a column's values that count; of arrays those of their elements.
pub(super) fn column_types(
    column: &ColumnReader<'_>,
    weights: &Weights,
) -> Result<Vec<ValueType>, BlockError> {
    Ok(match column.kind() {
        ValueKind::String => vec![ValueType::String],
        ValueKind::Int => vec![ValueType::Int],
        ValueKind::Double => vec![ValueType::Float],
        ValueKind::Bool => vec![ValueType::Bool],
        ValueKind::Other => {
            let mut tally = Tally::default();
            tally.add_column(column, Scalar::of, weights)?;
            tally.0.keys().filter_map(|value| type_of(&value.0)).collect()
        }
    })
}
