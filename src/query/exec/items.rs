//! Conditions on events and links. Invariant: the tests of one filter meet in the space of events
//! (of links), so that one and the same passes them all; only then come the spans that own them.

use super::candidates::Candidates;
use super::operand::places;
use super::{Execution, passes};
use crate::codec::cast;
use crate::query::plan::filter::{ItemFilter, ItemOperand, ItemTest};
use crate::query::rows::{Rows, gallop};
use crate::query::source::{Column, Predicate, Source};
use crate::query::syntax::CompareOp;
use crate::query::value::{Scalar, Test, compare};

impl<S: Source> Execution<'_, S> {
    /// The candidates that own an event, or a link, which passes all tests.
    pub(crate) fn items(
        &mut self,
        filter: &ItemFilter,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        let owners = self.source.owners(filter.space)?;
        let in_window = places(&owners, &self.window);
        let all = u64::from(in_window.end.saturating_sub(in_window.start));
        let mut ranked = Vec::with_capacity(filter.tests.len());
        let mut computed = Vec::new();
        for test in &filter.tests {
            if self.source.stops() {
                return Ok(Rows::empty());
            }
            match test {
                ItemTest::Predicate(predicate) => {
                    let estimate = self.source.estimate(predicate)?;
                    ranked.push((!estimate.indexed, estimate.matches_max, predicate));
                }
                ItemTest::Compare { column, op, right } => computed.push((column, *op, right)),
            }
        }
        ranked.sort_by_key(|(scans, matches_max, _)| (*scans, *matches_max));
        let mut left = None;
        if let Candidates::Rows(rows) = candidates {
            let first = ranked.first().map(|(_, _, predicate)| *predicate);
            let finds = match first {
                // A span's own events are about as many as there are a span in the block.
                Some(first) => self.finding_pays(first, rows.len(), self.window_len())?,
                None => false,
            };
            left = (!finds).then(|| items_of(rows, &owners));
        }
        for (_, _, predicate) in ranked {
            if self.source.stops() {
                return Ok(Rows::empty());
            }
            left = Some(self.item_test(predicate, left, all)?);
        }
        for (column, op, right) in computed {
            left = Some(self.item_comparison(column, op, right, left)?);
        }
        Ok(candidates.keep(&owners_of(&left.unwrap_or_default(), &owners)))
    }

    fn item_test(
        &mut self,
        predicate: &Predicate,
        left: Option<Rows>,
        all: u64,
    ) -> Result<Rows, S::Error> {
        match left {
            Some(left) if left.is_empty() => Ok(left),
            Some(left) if !self.finding_pays(predicate, left.len(), all)? => {
                self.figures.note_checked(left.len());
                self.source.check(predicate, &left)
            }
            left => {
                let found = self.source.find(predicate, self.window.clone())?;
                let indexed = self.source.is_indexed(&predicate.column);
                self.figures.note_found(found.len(), indexed);
                Ok(left.map_or_else(|| found.clone(), |left| found.and(&left)))
            }
        }
    }

    fn item_comparison(
        &mut self,
        column: &Column,
        op: CompareOp,
        right: &ItemOperand,
        left: Option<Rows>,
    ) -> Result<Rows, S::Error> {
        let present = |column: &Column| Predicate { column: column.clone(), test: Test::Present };
        let all = u64::from(self.source.space_len(column.space()));
        let mut items = self.item_test(&present(column), left, all)?;
        let mut kept = Vec::new();
        match right {
            ItemOperand::Item(other) => {
                items = self.item_test(&present(other), Some(items), all)?;
                items.try_for_each_batch(|batch| {
                    if self.stops_before(batch.len()) {
                        return Ok(());
                    }
                    let (mut a, mut b) = (Vec::new(), Vec::new());
                    self.source.values(column, batch, &mut a)?;
                    self.source.values(other, batch, &mut b)?;
                    keep(batch, op, &a, &b, &mut kept);
                    Ok(())
                })?;
            }
            ItemOperand::Span(operand) => {
                let owners = self.source.owners(column.space())?;
                let spans = owners_of(&items, &owners);
                let prepared = self.prepare(operand, &Candidates::Rows(spans))?;
                items.try_for_each_batch(|batch| {
                    if self.stops_before(batch.len()) {
                        return Ok(());
                    }
                    let mut a = Vec::new();
                    self.source.values(column, batch, &mut a)?;
                    let owned: Vec<u32> =
                        batch.iter().map(|item| passes::value(&owners, *item)).collect();
                    let mut distinct = owned.clone();
                    distinct.dedup();
                    let values = self.operand_values(&prepared, &distinct)?;
                    let value = |row| values.get(distinct.binary_search(row).ok()?).cloned();
                    let b: Vec<Scalar> =
                        owned.iter().map(|row| value(row).unwrap_or_default()).collect();
                    keep(batch, op, &a, &b, &mut kept);
                    Ok(())
                })?;
            }
        }
        self.figures.rows_considered += items.len();
        Ok(Rows::from_sorted(&kept))
    }
}

fn keep(batch: &[u32], op: CompareOp, a: &[Scalar], b: &[Scalar], kept: &mut Vec<u32>) {
    let pairs = batch.iter().zip(a.iter().zip(b));
    kept.extend(pairs.filter(|(_, (a, b))| compare(op, a, b)).map(|(item, _)| *item));
}

/// The events (links) that the spans own.
pub(crate) fn items_of(rows: &Rows, owners: &[u32]) -> Rows {
    let mut items = Vec::new();
    let mut next = 0;
    rows.for_each_batch(|batch| {
        for row in batch {
            next = gallop(owners, next, *row);
            while owners.get(next) == Some(row) {
                items.extend(cast::u32_of(next));
                next += 1;
            }
        }
    });
    Rows::from_sorted(&items)
}

/// The spans that own the events (links).
fn owners_of(items: &Rows, owners: &[u32]) -> Rows {
    let mut rows = Vec::new();
    items.for_each_batch(|batch| {
        for item in batch {
            let owner = passes::value(owners, *item);
            if rows.last() != Some(&owner) {
                rows.push(owner);
            }
        }
    });
    Rows::from_sorted(&rows)
}
