//! Answers that blocks keep: what a test of one value finds in all rows. Invariant: rows and figures are
//! those of a run that keeps nothing.

use std::sync::Arc;

use super::Execution;
use super::candidates::Candidates;
use super::filter::{INDEX_SHARE, Rank};
use crate::query::plan::field::{Lookup, SpanField};
use crate::query::plan::filter::{FieldTest, Filter};
use crate::query::rows::Rows;
use crate::query::source::{Answer, Predicate, Source};

impl<S: Source> Execution<'_, S> {
    /// The candidates that pass a test, by what is kept where that does.
    pub(super) fn named_test(
        &mut self,
        test: &FieldTest,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        let found =
            if self.whole_pays(test, candidates)? { self.answer_or_find(test)? } else { None };
        let found = found.map(|answer| {
            self.figures.note_found(answer.considered, true);
            self.figures.ways.check |= answer.checked;
            candidates.keep(&answer.rows)
        });
        match found {
            Some(found) => Ok(found),
            None => self.field_test(&test.field, &test.test, candidates),
        }
    }

    /// How a test compares with others, as [`Execution::rank_test`] says.
    pub(super) fn rank_named(&self, test: &FieldTest) -> Result<Rank, S::Error> {
        match test.name.as_ref().and_then(|name| self.source.answer(name)) {
            Some(answer) => Ok(Rank::indexed(answer.matches_max)),
            None => self.rank_test(&test.field, &test.test),
        }
    }

    /// What a test finds in all rows of the source. `None` where that is not kept, or not what the
    /// run looks at.
    fn answer_or_find(&mut self, test: &FieldTest) -> Result<Option<Arc<Answer>>, S::Error> {
        let Some(name) = test.name.as_ref().filter(|_| self.is_whole()) else { return Ok(None) };
        if let Some(answer) = self.source.answer(name) {
            self.asked.push((Arc::clone(name), Arc::clone(&answer)));
            return Ok(Some(answer));
        }
        let matches_max = self.rank_test(&test.field, &test.test)?.matches_max;
        let before = (self.figures.rows_considered, std::mem::take(&mut self.figures.ways));
        let all = Candidates::All(self.window.clone());
        let rows = self.field_test(&test.field, &test.test, &all)?;
        let considered = self.figures.rows_considered - before.0;
        let checked = self.figures.ways.check;
        (self.figures.rows_considered, self.figures.ways) = before;
        // What is joined later is made once.
        let rows = rows.settled();
        let answer = Arc::new(Answer { rows, considered, checked, matches_max });
        if !self.source.is_stopped() {
            self.source.keep_answer(name, &answer);
            self.asked.push((Arc::clone(name), Arc::clone(&answer)));
        }
        Ok(Some(answer))
    }

    /// Has answers kept anew that take more memory now, because their parents were asked for.
    pub(super) fn charge_grown(&self) {
        for (name, answer) in &self.asked {
            if answer.rows.take_growth() {
                self.source.keep_answer(name, answer);
            }
        }
    }

    /// True where finding all rows that pass is no more work than looking at the candidates.
    fn whole_pays(&self, test: &FieldTest, candidates: &Candidates) -> Result<bool, S::Error> {
        let Candidates::Rows(rows) = candidates else { return Ok(true) };
        if test.name.is_none() || rows.is_empty() || !self.is_whole() {
            return Ok(false);
        }
        let matches_max = self.rank_named(test)?.matches_max;
        Ok(matches_max <= rows.len().saturating_mul(INDEX_SHARE))
    }

    /// Those of `left` that pass an operand of `&&`, where those `before` it are all tests whose answers are
    /// kept, so that what it looks at of their rows may be kept too; `None` where it is not.
    pub(super) fn kept_check<'f>(
        &mut self,
        operand: &Filter,
        before: impl Iterator<Item = &'f Filter>,
        left: &Candidates,
    ) -> Result<Option<Rows>, S::Error> {
        let (Filter::Test(test), Candidates::Rows(rows)) = (operand, left) else { return Ok(None) };
        let FieldTest { step, field: SpanField { parent: false, lookup }, test, name: None } = test
        else {
            return Ok(None);
        };
        let Lookup::Plain(column) = lookup else { return Ok(None) };
        let is_scan = rows.len().saturating_mul(2) > self.window_len();
        if is_scan || !self.is_whole() || self.source.stops() {
            return Ok(None);
        }
        let mut names = Vec::new();
        for filter in before {
            match filter {
                Filter::Test(FieldTest { name: Some(name), .. }) => names.push(Arc::clone(name)),
                _ => return Ok(None),
            }
        }
        names.sort_unstable();
        let predicate = Predicate { column: column.clone(), test: test.clone() };
        let found = self.source.check_kept(&names, &predicate, rows)?;
        if let Some(found) = &found {
            self.figures.note_checked(rows.len());
            self.figures.note(*step, rows.len(), found.len());
        }
        Ok(found)
    }

    /// True where the run looks at all rows of the source.
    fn is_whole(&self) -> bool {
        self.window.start == 0 && self.window.end == self.source.row_count()
    }
}
