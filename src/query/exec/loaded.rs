//! Values of the spans of some spansets, read before they are aggregated. Invariant: whole numbers of
//! one unit are kept as such, and aggregate to what they would aggregate to as values of any type.

use std::borrow::Cow;

use super::Execution;
use super::aggregate::{Ready, among, is_number};
use super::operand::Prepared;
use crate::query::plan::field::{Lookup, SpanField};
use crate::query::rows::gallop;
use crate::query::source::{Column, Integers, Source, Unit};
use crate::query::value::Scalar;

/// What was read.
#[derive(Debug)]
pub(super) enum Loaded {
    /// Values of any type.
    Scalars(Scalars),
    /// Whole numbers of rows that have one.
    Integers(Unit, Integers),
}

/// Values of any type.
#[derive(Debug, Default)]
pub(super) struct Scalars {
    /// Ascending.
    rows: Vec<u32>,
    values: Vec<Scalar>,
}

impl Scalars {
    /// The numbers among the values of ascending rows.
    pub(super) fn numbers(&self, rows: &[u32]) -> impl Iterator<Item = (u32, &Scalar)> + Clone {
        let first = rows.first().map_or(0, |first| self.rows.partition_point(|row| row < first));
        let place = move |at: &mut usize, row: &u32| {
            *at = gallop(&self.rows, *at, *row);
            Some(self.values.get(*at).map(|value| (*row, value)))
        };
        let values = rows.iter().scan(first, place).flatten();
        values.filter(|(_, value)| is_number(value))
    }
}

impl Integers {
    /// The values of those of ascending rows that have one.
    pub(super) fn of_rows(&self, rows: &[u32]) -> Cow<'_, [i64]> {
        let mut at = rows.first().map_or(0, |first| self.rows.partition_point(|row| row < first));
        let together = at..at.saturating_add(rows.len());
        if self.rows.get(together.clone()) == Some(rows) {
            return Cow::Borrowed(self.values.get(together).unwrap_or_default());
        }
        let value = |row: &u32| {
            at = gallop(&self.rows, at, *row);
            (self.rows.get(at) == Some(row)).then(|| self.values.get(at).copied())?
        };
        Cow::Owned(rows.iter().filter_map(value).collect())
    }
}

/// The column of an operand that is nothing but one.
fn column_of<'a>(operand: &Prepared<'a>) -> Option<&'a Column> {
    match operand {
        Prepared::Field(SpanField { parent: false, lookup: Lookup::Plain(column) }) => Some(column),
        _ => None,
    }
}

impl<S: Source> Execution<'_, S> {
    /// Nothing of an operand's values yet, in the form that they will have.
    pub(super) fn nothing_loaded(&self, operand: &Prepared<'_>) -> Result<Loaded, S::Error> {
        let mut integers = Integers::default();
        let unit = match column_of(operand) {
            Some(column) => self.source.integers(column, &[], &mut integers)?,
            None => None,
        };
        Ok(match unit {
            Some(unit) => Loaded::Integers(unit, integers),
            None => Loaded::Scalars(Scalars::default()),
        })
    }

    /// Reads the values that a number needs of ascending rows.
    pub(super) fn load(&self, number: &mut Ready<'_>, rows: &[u32]) -> Result<(), S::Error> {
        match number {
            Ready::Literal(_) | Ready::Count(_) => Ok(()),
            Ready::Negate(inner) => self.load(inner, rows),
            Ready::Aggregate { .. } if self.stops_before(rows.len()) => Ok(()),
            Ready::Aggregate { operand, loaded, .. } => {
                match loaded {
                    Loaded::Integers(_, integers) => {
                        integers.clear();
                        if let Some(column) = column_of(operand) {
                            self.source.integers(column, rows, integers)?;
                        }
                    }
                    Loaded::Scalars(scalars) => {
                        let values = self.operand_values(operand, rows)?;
                        *scalars = Scalars { rows: rows.to_vec(), values };
                    }
                }
                Ok(())
            }
            Ready::Pipeline(left, inner) => self.load(inner, &among(rows, left)),
            Ready::Arithmetic { first, rest } => {
                self.load(first, rows)?;
                rest.iter_mut().try_for_each(|(_, operand)| self.load(operand, rows))
            }
        }
    }
}

impl Ready<'_> {
    /// True where no value of a row is read at all.
    pub(super) fn is_bare(&self) -> bool {
        match self {
            Self::Literal(_) | Self::Count(_) => true,
            Self::Negate(inner) | Self::Pipeline(_, inner) => inner.is_bare(),
            Self::Aggregate { .. } => false,
            Self::Arithmetic { first, rest } => {
                first.is_bare() && rest.iter().all(|(_, operand)| operand.is_bare())
            }
        }
    }

    /// True where only whole numbers are read, if anything.
    pub(super) fn is_small(&self) -> bool {
        match self {
            Self::Literal(_) | Self::Count(_) => true,
            Self::Negate(inner) | Self::Pipeline(_, inner) => inner.is_small(),
            Self::Aggregate { loaded, .. } => matches!(loaded, Loaded::Integers(..)),
            Self::Arithmetic { first, rest } => {
                first.is_small() && rest.iter().all(|(_, operand)| operand.is_small())
            }
        }
    }
}
