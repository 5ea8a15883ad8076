//! Sums of names and values. Invariant: a value is one of its type and bits, so that nothing is
//! folded together, and what has no value in `TraceQL` is in no sum.

use std::collections::BTreeMap;

use super::convert::Convert;
use super::tags::TagName;
use crate::block::{BlockError, ColumnReader, ValueKind};
use crate::codec::cast::{u64_of, usize_of};
use crate::model::Value;
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

/// Values with their counts. What is added is put in order and summed up when it has doubled, so that
/// columns, whose values come in order, are merged and not sorted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Vec<(Scalar, u64)>,
    /// How many of them are summed up.
    settled: usize,
    /// Durations in nanoseconds, each counting one, that are in no sum yet: as numbers they are sorted
    /// in a fraction of the time.
    durations: Vec<i64>,
}

/// So many durations are taken before sums are made.
const DURATIONS_MAX: usize = 1 << 21;

/// So many more values are taken, at least, before sums are made.
const UNSETTLED_MIN: usize = 1 << 14;

/// Names with their counts and types.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, (u64, Vec<ValueType>)>);

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
    pub(super) fn add(&mut self, value: Scalar, count: u64) {
        if count == 0 {
            return;
        }
        if let Scalar::Array(elements) = &value {
            let mut distinct = elements.to_vec();
            distinct.sort_by(Scalar::group_order);
            distinct.dedup_by(|a, b| a.group_order(b).is_eq());
            for element in distinct {
                self.add(element, count);
            }
        } else if type_of(&value).is_some() {
            self.counts.push((value, count));
            if self.counts.len() > self.settled * 2 + UNSETTLED_MIN {
                self.settle();
            }
        }
    }

    /// Counts durations, once each.
    pub(super) fn add_durations(&mut self, nanos: impl Iterator<Item = i64>) {
        self.durations.extend(nanos);
        if self.durations.len() > DURATIONS_MAX {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.durations.sort_unstable();
        for same in self.durations.chunk_by(|a, b| a == b) {
            let value = same.first().map(|nanos| Scalar::Duration(*nanos));
            self.counts.extend(value.map(|value| (value, u64_of(same.len()))));
        }
        self.durations.clear();
        self.counts.sort_by(|(a, _), (b, _)| a.group_order(b));
        self.counts.dedup_by(|(later, more), (value, count)| {
            let same = value.group_order(later).is_eq();
            *count += if same { *more } else { 0 };
            same
        });
        self.settled = self.counts.len();
    }

    /// Counts the values of a column.
    fn add_column(
        &mut self,
        column: &ColumnReader<'_>,
        convert: Convert,
        weights: &Weights,
    ) -> Result<(), BlockError> {
        let counts = weights.values(column)?;
        let text_stays = matches!(convert(&Value::String(String::new())), Scalar::String(_));
        if column.kind() == ValueKind::String && text_stays {
            return column.strings()?.for_each(0..column.values(), |texts| {
                let counts = counts.get(usize_of(texts.first)..).unwrap_or_default();
                for (place, count) in (0..texts.len()).zip(counts).filter(|(_, count)| **count > 0)
                {
                    let text = std::str::from_utf8(texts.get(place)).unwrap_or_default();
                    self.add(Scalar::text(text), *count);
                }
                Ok(())
            });
        }
        let mut values = column.value_cursor()?;
        for (number, count) in (0u32..).zip(counts) {
            if count > 0 {
                self.add(convert(&values.value(number)?), count);
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
            self.add(default.clone(), weights.total().saturating_sub(present));
        }
        Ok(())
    }

    /// The values with their counts, by type and value.
    pub(super) fn into_counts(mut self) -> Vec<(Scalar, u64)> {
        self.settle();
        self.counts
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
            // Without a query every value of the dictionary is there.
            let counts = match weights {
                Weights::Rows(None, _) => None,
                weights => Some(weights.values(column)?),
            };
            let counts = |number: u32| {
                counts.as_ref().is_none_or(|c| c.get(usize_of(number)).is_some_and(|n| *n > 0))
            };
            let (mut values, mut seen) = (column.value_cursor()?, Vec::new());
            for number in (0..column.values()).filter(|number| counts(*number)) {
                let value_type = match Scalar::of(&values.value(number)?) {
                    Scalar::Array(elements) => elements.first().and_then(type_of),
                    value => type_of(&value),
                };
                if let Some(value_type) = value_type
                    && !seen.contains(&value_type)
                {
                    seen.push(value_type);
                }
            }
            seen
        }
    })
}
