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

/// About how many rows running `plan` over the whole source has to look at: those that indexes give
/// for its filters, once more for each operator, and many times for values of pipelines.
///
/// # Errors
/// If the source cannot be read.
pub(crate) fn work<S: Source>(plan: &Plan, source: &S) -> Result<u64, S::Error> {
    let run = Execution::new(source, 0..source.row_count(), Figures::default());
    run.stages_work(&plan.stages)
}

impl<S: Source> Execution<'_, S> {
    fn stages_work(&self, stages: &[Stage]) -> Result<u64, S::Error> {
        let mut total: u64 = 0;
        // How many rows come in at most.
        let mut rows = self.window_len();
        for stage in stages {
            let more = match stage {
                Stage::Spansets(expr) => {
                    let work = self.spansets_work(expr)?;
                    rows = rows.min(work);
                    work
                }
                Stage::Filter { left, right, .. } => {
                    let numbers = self.number_work(left, rows)?;
                    numbers.saturating_add(self.number_work(right, rows)?)
                }
                Stage::By { .. } => rows.saturating_mul(VALUE_ROWS),
                Stage::Coalesce | Stage::Select(_) => 0,
            };
            total = total.saturating_add(more);
        }
        Ok(total)
    }

    fn spansets_work(&self, expr: &Spansets) -> Result<u64, S::Error> {
        match expr {
            Spansets::Filter(filter) => {
                let is_computed =
                    matches!(filter, Filter::Compare(_) | Filter::CompareChain { .. });
                let times = if is_computed { VALUE_ROWS } else { 1 };
                Ok(self.filter_work(filter)?.saturating_mul(times))
            }
            Spansets::Pipeline(stages) => self.stages_work(stages),
            Spansets::Chain { first, rest } => {
                let mut total = self.spansets_work(first)?;
                for link in rest {
                    // The operator looks at what both sides found.
                    let right = self.spansets_work(&link.right)?;
                    total = total.saturating_add(right.saturating_mul(2));
                }
                Ok(total)
            }
        }
    }

    fn number_work(&self, number: &Number, rows: u64) -> Result<u64, S::Error> {
        Ok(match number {
            Number::Literal(_) => 0,
            Number::Negate(inner) => self.number_work(inner, rows)?,
            Number::Count => rows,
            Number::Aggregate { .. } => rows.saturating_mul(VALUE_ROWS),
            Number::Pipeline(stages, inner) => {
                self.stages_work(stages)?.saturating_add(self.number_work(inner, rows)?)
            }
            Number::Arithmetic { first, rest } => {
                let mut total = self.number_work(first, rows)?;
                for (_, operand) in rest {
                    total = total.saturating_add(self.number_work(operand, rows)?);
                }
                total
            }
        })
    }
}
