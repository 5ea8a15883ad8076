//! Values computed span by span, in batches, for the comparisons that no single test says.
//! Invariant: where a field that a value needs is missing, the comparison is not computed at all.

use std::ops::Range;
use std::sync::Arc;

use super::candidates::Candidates;
use super::{Execution, passes};
use crate::codec::cast;
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::{Comparison, Filter, Needed, Operand, Step};
use crate::query::plan::flip;
use crate::query::rows::Rows;
use crate::query::source::{Column, NO_ROW, Predicate, Source, Unit, Wholes};
use crate::query::syntax::{ArithmeticOp, CompareOp};
use crate::query::value::{Scalar, Test, arithmetic, compare, negate};

/// An operand with everything found that is found for all candidates at once.
#[derive(Debug)]
pub(crate) enum Prepared<'a> {
    Literal(&'a Scalar),
    Field(&'a SpanField),
    /// A field of whole numbers of one unit, with those of all rows; where the parents are given, the
    /// field is theirs.
    Whole {
        unit: Unit,
        numbers: Wholes,
        parents: Option<Arc<[u32]>>,
    },
    /// Spans with an event (a link) that has the column, and the first such, both ascending.
    First {
        column: &'a Column,
        owners: Vec<u32>,
        items: Vec<u32>,
    },
    Condition(Rows),
    Negate(Box<Prepared<'a>>),
    Flip(Box<Prepared<'a>>),
    Arithmetic {
        first: Box<Prepared<'a>>,
        rest: Vec<(ArithmeticOp, Prepared<'a>)>,
    },
}

impl<S: Source> Execution<'_, S> {
    /// The candidates for which a computed comparison holds.
    pub(crate) fn comparison(
        &mut self,
        comparison: &Comparison,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        let Comparison { step, left, op, right } = comparison;
        let bounded = self.bounded(&[left, right], candidates)?;
        let (mut left, mut right) = (self.prepare(left, &bounded)?, self.prepare(right, &bounded)?);
        if self.is_many(&bounded) {
            self.widen(&mut left)?;
            self.widen(&mut right)?;
        }
        let found = self.select_batches(&bounded.rows(), |run, rows| {
            if let Prepared::Literal(b) = &right {
                let a = run.operand_values(&left, rows)?;
                return Ok(a.iter().map(|a| compare(*op, a, b)).collect());
            }
            let (a, b) = (run.operand_values(&left, rows)?, run.operand_values(&right, rows)?);
            Ok(a.iter().zip(&b).map(|(a, b)| compare(*op, a, b)).collect())
        })?;
        self.figures.note(*step, bounded.len(), found.len());
        Ok(found)
    }

    /// The candidates for which `first op next op next ...` holds, truth compared with values.
    pub(crate) fn compare_chain(
        &mut self,
        first: &Filter,
        rest: &[(CompareOp, Option<Operand>)],
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        let mut so_far = self.filter(first, candidates)?;
        let all = candidates.rows();
        for (op, operand) in rest {
            if self.source.stops() {
                break;
            }
            let Some(operand) = operand else {
                // A truth is never nil.
                so_far = if *op == CompareOp::NotEqual { all.clone() } else { Rows::empty() };
                continue;
            };
            let prepared = self.prepare(operand, candidates)?;
            so_far = self.select_batches(&all, |run, rows| {
                let values = run.operand_values(&prepared, rows)?;
                let truth = rows.iter().map(|row| Scalar::Bool(so_far.contains(*row)));
                Ok(truth.zip(&values).map(|(a, b)| compare(*op, &a, b)).collect())
            })?;
        }
        Ok(so_far)
    }

    /// The candidates for which the computed value is nil.
    pub(crate) fn is_nil(
        &mut self,
        step: Step,
        operand: &Operand,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        let prepared = self.prepare(operand, candidates)?;
        let found = self.select_batches(&candidates.rows(), |run, rows| {
            let values = run.operand_values(&prepared, rows)?;
            Ok(values.iter().map(|value| *value == Scalar::Nil).collect())
        })?;
        self.figures.note(step, candidates.len(), found.len());
        Ok(found)
    }

    /// The candidates that have every field the operands need.
    fn bounded(
        &mut self,
        operands: &[&Operand],
        candidates: &Candidates,
    ) -> Result<Candidates, S::Error> {
        let mut fields: Vec<&SpanField> = Vec::new();
        for operand in operands {
            operand.for_each_field(&mut |needed| {
                // An intrinsic is always there, and first events are found for all spans anyway.
                if let Needed::Span(field) = needed
                    && !self.stops_before(fields.len())
                {
                    let intrinsic = matches!(field.lookup, Lookup::Plain(Column::Intrinsic(_)));
                    if (field.parent || !intrinsic) && !fields.contains(&field) {
                        fields.push(field);
                    }
                }
            });
        }
        let mut bounded = candidates.clone();
        for field in fields {
            bounded = Candidates::Rows(self.field_test(field, &Test::Present, &bounded)?);
        }
        Ok(bounded)
    }

    /// Finds what an operand needs for all of `candidates` at once.
    pub(crate) fn prepare<'a>(
        &mut self,
        operand: &'a Operand,
        candidates: &Candidates,
    ) -> Result<Prepared<'a>, S::Error> {
        let boxed = |run: &mut Self, inner| run.prepare(inner, candidates).map(Box::new);
        Ok(match operand {
            Operand::Literal(value) => Prepared::Literal(value),
            Operand::Field(field) => Prepared::Field(field),
            Operand::First(column) => self.first_items(column, candidates)?,
            Operand::Condition(filter) => Prepared::Condition(self.filter(filter, candidates)?),
            Operand::Negate(inner) => Prepared::Negate(boxed(self, inner)?),
            Operand::Flip(inner) => Prepared::Flip(boxed(self, inner)?),
            Operand::Arithmetic { first, rest } => {
                let first = boxed(self, first)?;
                let mut later = Vec::with_capacity(rest.len());
                for (op, operand) in rest {
                    later.push((*op, self.prepare(operand, candidates)?));
                }
                Prepared::Arithmetic { first, rest: later }
            }
        })
    }

    /// Reads whole columns of the fields that are whole numbers.
    fn widen(&self, operand: &mut Prepared<'_>) -> Result<(), S::Error> {
        match operand {
            Prepared::Field(SpanField { parent, lookup: Lookup::Plain(column) }) => {
                if let Some((unit, numbers)) = self.source.wholes(column)? {
                    let parents = if *parent { Some(self.source.parents()?) } else { None };
                    *operand = Prepared::Whole { unit, numbers, parents };
                }
                Ok(())
            }
            Prepared::Negate(inner) | Prepared::Flip(inner) => self.widen(inner),
            Prepared::Arithmetic { first, rest } => {
                self.widen(first)?;
                rest.iter_mut().try_for_each(|(_, operand)| self.widen(operand))
            }
            Prepared::Literal(_)
            | Prepared::Field(_)
            | Prepared::Whole { .. }
            | Prepared::First { .. }
            | Prepared::Condition(_) => Ok(()),
        }
    }

    fn first_items<'a>(
        &mut self,
        column: &'a Column,
        candidates: &Candidates,
    ) -> Result<Prepared<'a>, S::Error> {
        if self.source.stops() {
            return Ok(Prepared::First { column, owners: Vec::new(), items: Vec::new() });
        }
        let predicate = Predicate { column: column.clone(), test: Test::Present };
        let all_owners = self.source.owners(column.space())?;
        let present = match candidates {
            Candidates::All(_) => self.source.find(&predicate, self.window.clone())?,
            Candidates::Rows(rows) => {
                self.source.check(&predicate, &super::items::items_of(rows, &all_owners))?
            }
        };
        let (mut owners, mut items) = (Vec::new(), Vec::new());
        present.for_each_batch(|batch| {
            for item in batch {
                let owner = passes::value(&all_owners, *item);
                if owners.last() != Some(&owner) {
                    owners.push(owner);
                    items.push(*item);
                }
            }
        });
        Ok(Prepared::First { column, owners, items })
    }

    /// The values of an operand for ascending rows.
    pub(crate) fn operand_values(
        &self,
        operand: &Prepared<'_>,
        rows: &[u32],
    ) -> Result<Vec<Scalar>, S::Error> {
        Ok(match operand {
            Prepared::Literal(value) => vec![Scalar::clone(value); rows.len()],
            Prepared::Field(field) => self.field_values(field, rows)?,
            Prepared::Whole { unit, numbers, parents } => {
                let value = |row: u32| numbers.get(row).map(|number| unit.scalar(number));
                let of = |row: &u32| match parents {
                    Some(parents) => value(passes::value(parents, *row)).unwrap_or_default(),
                    None => value(*row).unwrap_or_default(),
                };
                rows.iter().map(of).collect()
            }
            Prepared::First { column, owners, items } => {
                self.first_values(column, owners, items, rows)?
            }
            Prepared::Condition(holding) => {
                rows.iter().map(|row| Scalar::Bool(holding.contains(*row))).collect()
            }
            Prepared::Negate(inner) => {
                self.operand_values(inner, rows)?.iter().map(negate).collect()
            }
            Prepared::Flip(inner) => self.operand_values(inner, rows)?.iter().map(flip).collect(),
            Prepared::Arithmetic { first, rest } => {
                let mut values = self.operand_values(first, rows)?;
                for (op, operand) in rest {
                    if self.stops_before(rows.len()) {
                        break;
                    }
                    if let Prepared::Literal(other) = operand {
                        for value in &mut values {
                            *value = arithmetic(*op, value, other);
                        }
                        continue;
                    }
                    let others = self.operand_values(operand, rows)?;
                    for (value, other) in values.iter_mut().zip(&others) {
                        *value = arithmetic(*op, value, other);
                    }
                }
                values
            }
        })
    }

    fn first_values(
        &self,
        column: &Column,
        owners: &[u32],
        items: &[u32],
        rows: &[u32],
    ) -> Result<Vec<Scalar>, S::Error> {
        let found: Vec<(usize, u32)> = rows
            .iter()
            .enumerate()
            .filter_map(|(at, row)| {
                let place = owners.binary_search(row).ok()?;
                Some((at, *items.get(place)?))
            })
            .collect();
        let wanted: Vec<u32> = found.iter().map(|(_, item)| *item).collect();
        let mut values = Vec::with_capacity(wanted.len());
        self.source.values(column, &wanted, &mut values)?;
        let mut all = vec![Scalar::Nil; rows.len()];
        for ((at, _), value) in found.into_iter().zip(values) {
            if let Some(slot) = all.get_mut(at) {
                *slot = value;
            }
        }
        Ok(all)
    }

    /// The values of a field for ascending rows.
    pub(crate) fn field_values(
        &self,
        field: &SpanField,
        rows: &[u32],
    ) -> Result<Vec<Scalar>, S::Error> {
        if !field.parent {
            return self.lookup_values(&field.lookup, rows);
        }
        let parents = self.source.parents()?;
        let above: Vec<u32> = rows.iter().map(|row| passes::value(&parents, *row)).collect();
        let mut distinct: Vec<u32> = above.iter().copied().filter(|row| *row != NO_ROW).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let values = self.lookup_values(&field.lookup, &distinct)?;
        let value = |row: &u32| {
            let place = distinct.binary_search(row).ok()?;
            values.get(place).cloned()
        };
        Ok(above.iter().map(|row| value(row).unwrap_or_default()).collect())
    }

    fn lookup_values(&self, lookup: &Lookup, rows: &[u32]) -> Result<Vec<Scalar>, S::Error> {
        let mut values = Vec::with_capacity(rows.len());
        match lookup {
            Lookup::Plain(column) => self.source.values(column, rows, &mut values)?,
            Lookup::ServiceName => {
                let column = Column::ResourceAttribute(SERVICE_NAME.to_owned());
                self.source.values(&column, rows, &mut values)?;
                for value in values.iter_mut().filter(|value| !value.is_present()) {
                    *value = Scalar::text("");
                }
            }
            Lookup::SpanThenResource(key) => {
                self.source.values(&Column::SpanAttribute(key.clone()), rows, &mut values)?;
                let absent: Vec<(usize, u32)> = values
                    .iter()
                    .zip(rows)
                    .enumerate()
                    .filter(|(_, (value, _))| !value.is_present())
                    .map(|(at, (_, row))| (at, *row))
                    .collect();
                let wanted: Vec<u32> = absent.iter().map(|(_, row)| *row).collect();
                let resource = if key == SERVICE_NAME {
                    Lookup::ServiceName
                } else {
                    Lookup::Plain(Column::ResourceAttribute(key.clone()))
                };
                let inherited = self.lookup_values(&resource, &wanted)?;
                for ((at, _), value) in absent.into_iter().zip(inherited) {
                    if let Some(slot) = values.get_mut(at) {
                        *slot = value;
                    }
                }
            }
        }
        Ok(values)
    }

    /// The rows for which `holds` says so, asked for a batch at a time.
    fn select_batches(
        &mut self,
        rows: &Rows,
        mut holds: impl FnMut(&Self, &[u32]) -> Result<Vec<bool>, S::Error>,
    ) -> Result<Rows, S::Error> {
        let mut kept = Vec::new();
        rows.try_for_each_batch(|batch| {
            if self.stops_before(batch.len()) {
                return Ok(());
            }
            let answers = holds(self, batch)?;
            kept.extend(batch.iter().zip(answers).filter(|(_, holds)| *holds).map(|(row, _)| *row));
            Ok(())
        })?;
        self.figures.rows_considered += rows.len();
        Ok(Rows::from_sorted(&kept))
    }
}

/// The places in `sorted` whose values lie in `range`.
pub(crate) fn places(sorted: &[u32], range: &Range<u32>) -> Range<u32> {
    let start = sorted.partition_point(|value| *value < range.start);
    let end = sorted.partition_point(|value| *value < range.end);
    let place = |place| cast::u32_of(place).unwrap_or(u32::MAX);
    place(start)..place(end)
}
