//! Spanset filters. Invariant: the answer to a filter lies within its candidates; a test is looked
//! up in an index where there is one, else asked of the remaining candidates only.

use super::Execution;
use super::candidates::Candidates;
use super::passes::{self, Around};
use super::work::Work;
use crate::query::bits::Bits;
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::{Filter, ItemTest, Join, Run};
use crate::query::rows::Rows;
use crate::query::source::{Column, Estimate, Predicate, Source};
use crate::query::value::{Scalar, Test};

/// An index answer may have so many times the candidates' rows before checking them is cheaper.
pub(super) const INDEX_SHARE: u64 = 16;

impl<S: Source> Execution<'_, S> {
    /// The candidates that pass.
    pub(crate) fn filter(
        &mut self,
        filter: &Filter,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        if candidates.is_empty() || self.source.stops() {
            return Ok(Rows::empty());
        }
        match filter {
            Filter::Constant(true) => Ok(candidates.rows()),
            Filter::Constant(false) => Ok(Rows::empty()),
            Filter::Test(test) => {
                let found = self.named_test(test, candidates)?;
                self.figures.note(test.step, candidates.len(), found.len());
                Ok(found)
            }
            Filter::Items(items) => {
                let found = self.items(items, candidates)?;
                self.figures.note(items.step, candidates.len(), found.len());
                Ok(found)
            }
            Filter::Not(inner) => Ok(candidates.without(&self.filter(inner, candidates)?)),
            Filter::Runs(runs) => self.runs(runs, candidates),
            Filter::Compare(comparison) => self.comparison(comparison, candidates),
            Filter::CompareChain { first, rest } => self.compare_chain(first, rest, candidates),
            Filter::IsNil { step, operand } => self.is_nil(*step, operand, candidates),
        }
    }

    fn runs(&mut self, runs: &[Run], candidates: &Candidates) -> Result<Rows, S::Error> {
        let mut so_far: Option<Rows> = None;
        for run in runs {
            so_far = Some(match (run.join, so_far) {
                (Join::And, None) => self.all_of(&run.operands, candidates)?,
                (Join::And, Some(rows)) => self.all_of(&run.operands, &Candidates::Rows(rows))?,
                (Join::Or, rows) => {
                    self.any_of(&run.operands, rows.unwrap_or_default(), candidates)?
                }
            });
        }
        Ok(so_far.unwrap_or_default())
    }

    fn all_of(&mut self, operands: &[Filter], candidates: &Candidates) -> Result<Rows, S::Error> {
        if let [operand] = operands {
            return self.filter(operand, candidates);
        }
        let mut ranked = Vec::with_capacity(operands.len());
        for operand in operands {
            ranked.push((self.rank(operand)?, operand));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut left = candidates.clone();
        for (at, (_, operand)) in ranked.iter().enumerate() {
            let before = ranked.get(..at).unwrap_or_default().iter().map(|(_, operand)| *operand);
            let rows = match self.kept_check(operand, before, &left)? {
                Some(rows) => rows,
                None => self.filter(operand, &left)?,
            };
            if rows.is_empty() {
                return Ok(rows);
            }
            left = Candidates::Rows(rows);
        }
        Ok(left.rows())
    }

    fn any_of(
        &mut self,
        operands: &[Filter],
        mut found: Rows,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        for operand in operands {
            let rank = self.rank(operand)?;
            let more = if rank.scans && !found.is_empty() {
                self.filter(operand, &Candidates::Rows(candidates.without(&found)))?
            } else {
                self.filter(operand, candidates)?
            };
            found = found.or(&more);
        }
        Ok(found)
    }

    /// In which order the operands of `&&` are tried.
    fn rank(&self, filter: &Filter) -> Result<Rank, S::Error> {
        if self.source.stops() {
            return Ok(Rank::SCAN);
        }
        Ok(match filter {
            Filter::Constant(true) => Rank::indexed(u64::from(u32::MAX)),
            Filter::Constant(false) => Rank::NOTHING,
            Filter::Test(test) => self.rank_named(test)?,
            Filter::Items(items) => {
                let mut best = Rank::SCAN;
                for test in &items.tests {
                    if let ItemTest::Predicate(predicate) = test {
                        best = best.min(Rank::from(self.source.estimate(predicate)?));
                    }
                }
                best
            }
            Filter::Not(inner) => Rank { matches_max: u64::MAX, ..self.rank(inner)? },
            Filter::Runs(runs) => {
                let mut total = Rank::NOTHING;
                for operand in runs.iter().flat_map(|run| &run.operands) {
                    let rank = self.rank(operand)?;
                    total.scans |= rank.scans;
                    total.matches_max = total.matches_max.saturating_add(rank.matches_max);
                    total.texts = total.texts.saturating_add(rank.texts);
                }
                total
            }
            Filter::Compare(comparison) if self.lacks_operand(comparison)? => Rank::NOTHING,
            Filter::Compare(_) | Filter::CompareChain { .. } | Filter::IsNil { .. } => Rank::SCAN,
        })
    }

    pub(super) fn rank_test(&self, field: &SpanField, test: &Test) -> Result<Rank, S::Error> {
        let rank = |column| {
            let predicate = Predicate { column, test: test.clone() };
            Ok(Rank::from(self.source.estimate(&predicate)?))
        };
        match &field.lookup {
            Lookup::Plain(column) => rank(column.clone()),
            Lookup::ServiceName => rank(Column::ResourceAttribute(SERVICE_NAME.to_owned())),
            Lookup::SpanThenResource(key) => {
                let span = rank(Column::SpanAttribute(key.clone()))?;
                let resource = rank(Column::ResourceAttribute(key.clone()))?;
                Ok(Rank {
                    scans: span.scans | resource.scans,
                    matches_max: span.matches_max.saturating_add(resource.matches_max),
                    texts: span.texts.saturating_add(resource.texts),
                })
            }
        }
    }

    /// About what a filter over all rows has to look at.
    pub(super) fn filter_work(&self, filter: &Filter) -> Result<Work, S::Error> {
        let (rank, all) = (self.rank(filter)?, self.window_len());
        let rows = if rank.scans { all } else { rank.matches_max.min(all) };
        Ok(Work { rows, texts: rank.texts })
    }

    /// The candidates whose field passes the test.
    pub(crate) fn field_test(
        &mut self,
        field: &SpanField,
        test: &Test,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        if self.source.stops() {
            return Ok(Rows::empty());
        }
        if !field.parent {
            return self.lookup_test(&field.lookup, test, candidates);
        }
        let parents = self.source.near_parents()?;
        let above = match candidates {
            // What the parents' own candidates are does not matter: they are in the same window.
            Candidates::All(_) => candidates.clone(),
            Candidates::Rows(rows) => {
                let mut marks = Bits::over(self.window.clone());
                rows.for_each_batch(|batch| {
                    for row in batch {
                        marks.set(parents.of(*row));
                    }
                });
                Candidates::Rows(marks.into_rows())
            }
        };
        let passing = self.lookup_test(&field.lookup, test, &above)?;
        if passing.is_empty() {
            return Ok(passing);
        }
        let lasts = self.source.trace_lasts()?;
        let rows = candidates.rows();
        let wants_ends = passes::needs_ends(&passing, &rows);
        let ends = wants_ends.then(|| self.source.near_ends()).transpose()?;
        let close = self.source.close_parents()?;
        let around =
            Around { parents: &parents, close: &close, ends: ends.as_deref(), lasts: &lasts };
        Ok(passes::children(&passing, &rows, around))
    }

    fn lookup_test(
        &mut self,
        lookup: &Lookup,
        test: &Test,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        match lookup {
            Lookup::Plain(column) => self.column_test(column.clone(), test, candidates),
            Lookup::ServiceName => {
                let column = || Column::ResourceAttribute(SERVICE_NAME.to_owned());
                let found = self.column_test(column(), test, candidates)?;
                if !test.holds(&Scalar::text("")) {
                    return Ok(found);
                }
                let present = self.column_test(column(), &Test::Present, candidates)?;
                Ok(found.or(&candidates.without(&present)))
            }
            Lookup::SpanThenResource(key) => {
                let (span, resource) =
                    (Column::SpanAttribute(key.clone()), Column::ResourceAttribute(key.clone()));
                let own = self.column_test(span.clone(), test, candidates)?;
                let inherited = if key == SERVICE_NAME {
                    self.lookup_test(&Lookup::ServiceName, test, candidates)?
                } else {
                    self.column_test(resource, test, candidates)?
                };
                if inherited.is_empty() {
                    return Ok(own);
                }
                let left = Candidates::Rows(inherited.minus(&own));
                let hidden = self.column_test(span, &Test::Present, &left)?;
                Ok(own.or(&left.without(&hidden)))
            }
        }
    }

    /// The candidates whose value in one column of the spans passes.
    fn column_test(
        &mut self,
        column: Column,
        test: &Test,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        let predicate = Predicate { column, test: test.clone() };
        let indexed = self.source.is_indexed(&predicate.column);
        let Candidates::Rows(rows) = candidates else {
            let found = self.source.find(&predicate, self.window.clone())?;
            self.figures.note_found(found.len(), indexed);
            return Ok(found);
        };
        if rows.is_empty() {
            return Ok(Rows::empty());
        }
        if self.finding_pays(&predicate, rows.len(), self.window_len())? {
            let found = self.source.find(&predicate, self.window.clone())?;
            self.figures.note_found(found.len(), indexed);
            return Ok(found.and(rows));
        }
        self.figures.note_checked(rows.len());
        self.source.check(&predicate, rows)
    }

    /// Whether finding all matches beats checking `candidates` of `all`.
    pub(crate) fn finding_pays(
        &self,
        predicate: &Predicate,
        candidates: u64,
        all: u64,
    ) -> Result<bool, S::Error> {
        let estimate = self.source.estimate(predicate)?;
        Ok(if estimate.indexed {
            u64::from(estimate.matches_max) <= candidates.saturating_mul(INDEX_SHARE)
        } else {
            // A scan of the whole window goes faster than its rows one by one.
            candidates.saturating_mul(2) > all
        })
    }

    /// How many rows the window has.
    pub(crate) fn window_len(&self) -> u64 {
        u64::from(self.window.end.saturating_sub(self.window.start))
    }
}

/// Cheapest first: index answers before scans, then few matches before many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    scans: bool,
    pub(super) matches_max: u64,
    /// Texts that are asked first.
    texts: u64,
}

impl Rank {
    const NOTHING: Self = Self { scans: false, matches_max: 0, texts: 0 };
    const SCAN: Self = Self { scans: true, matches_max: u64::MAX, texts: 0 };

    /// Of a test that an index answers with at most so many rows.
    pub(super) fn indexed(matches_max: u64) -> Self {
        Self { scans: false, matches_max, texts: 0 }
    }
}

impl From<Estimate> for Rank {
    fn from(estimate: Estimate) -> Self {
        let Estimate { matches_max, indexed, texts } = estimate;
        Self { scans: !indexed, matches_max: u64::from(matches_max), texts }
    }
}
