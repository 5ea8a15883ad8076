//! How much work a plan is, before it runs. Invariant: only what indexes know of their sizes is
//! asked for, so that asking costs little next to running.

use super::Execution;
use super::execution::Figures;
use crate::query::plan::Plan;
use crate::query::plan::filter::Filter;
use crate::query::plan::pipeline::{Number, Spansets, Stage};
use crate::query::source::Source;

/// A value that is computed, sorted or added takes about as long as so many rows of a pass.
const VALUE_ROWS: u64 = 16;

/// What a run looks at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    /// Rows, as often as they are looked at.
    pub(crate) rows: u64,
    /// Texts that are asked whether they match a pattern.
    pub(crate) texts: u64,
}

impl Work {
    fn of_rows(rows: u64) -> Self {
        Self { rows, texts: 0 }
    }

    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows.saturating_add(other.rows),
            texts: self.texts.saturating_add(other.texts),
        }
    }
}

/// About what running `plan` over the whole source has to look at: the rows that indexes give for its
/// filters, once more for each operator, and many times for values of pipelines.
///
/// # Errors
/// If the source cannot be read.
pub(crate) fn work<S: Source>(plan: &Plan, source: &S) -> Result<Work, S::Error> {
    let run = Execution::new(source, 0..source.row_count(), Figures::default());
    run.stages_work(&plan.stages)
}

impl<S: Source> Execution<'_, S> {
    fn stages_work(&self, stages: &[Stage]) -> Result<Work, S::Error> {
        let mut total = Work::default();
        // How many rows come in at most.
        let mut rows = self.window_len();
        for stage in stages {
            let more = match stage {
                Stage::Spansets(expr) => {
                    let work = self.spansets_work(expr)?;
                    rows = rows.min(work.rows);
                    work
                }
                Stage::Filter { left, right, .. } => {
                    let numbers = self.number_work(left, rows)?;
                    numbers.and(self.number_work(right, rows)?)
                }
                Stage::By { .. } => Work::of_rows(rows.saturating_mul(VALUE_ROWS)),
                Stage::Coalesce | Stage::Select(_) => Work::default(),
            };
            total = total.and(more);
        }
        Ok(total)
    }

    fn spansets_work(&self, expr: &Spansets) -> Result<Work, S::Error> {
        match expr {
            Spansets::Filter(filter) => {
                let is_computed =
                    matches!(filter, Filter::Compare(_) | Filter::CompareChain { .. });
                let times = if is_computed { VALUE_ROWS } else { 1 };
                let Work { rows, texts } = self.filter_work(filter)?;
                Ok(Work { rows: rows.saturating_mul(times), texts })
            }
            Spansets::Pipeline(stages) => self.stages_work(stages),
            Spansets::Chain { first, rest } => {
                let mut total = self.spansets_work(first)?;
                for link in rest {
                    // The operator looks at what both sides found.
                    let right = self.spansets_work(&link.right)?;
                    total = total.and(right).and(Work::of_rows(right.rows));
                }
                Ok(total)
            }
        }
    }

    fn number_work(&self, number: &Number, rows: u64) -> Result<Work, S::Error> {
        Ok(match number {
            Number::Literal(_) => Work::default(),
            Number::Negate(inner) => self.number_work(inner, rows)?,
            Number::Count => Work::of_rows(rows),
            Number::Aggregate { .. } => Work::of_rows(rows.saturating_mul(VALUE_ROWS)),
            Number::Pipeline(stages, inner) => {
                self.stages_work(stages)?.and(self.number_work(inner, rows)?)
            }
            Number::Arithmetic { first, rest } => {
                let mut total = self.number_work(first, rows)?;
                for (_, operand) in rest {
                    total = total.and(self.number_work(operand, rows)?);
                }
                total
            }
        })
    }
}
