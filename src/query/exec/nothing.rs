//! What a plan cannot find in a block, known before anything of it is read but dictionaries: a key that
//! the block does not have, a value that none of its spans has. Invariant: where this says that
//! nothing can be found, running the plan finds nothing.

use super::Execution;
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::{
    Comparison, FieldTest, Filter, ItemTest, Join, Needed, Operand, Run,
};
use crate::query::plan::pipeline::{Spansets, Stage};
use crate::query::source::Source;
use crate::query::syntax::{Form, SpansetOp};
use crate::query::value::{Scalar, Test};

impl<S: Source> Execution<'_, S> {
    /// True where a stage leaves no span.
    pub(super) fn finds_nothing(&mut self, stages: &[Stage]) -> Result<bool, S::Error> {
        for stage in stages {
            if let Stage::Spansets(expr) = stage
                && self.yields_nothing(expr)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn yields_nothing(&mut self, expr: &Spansets) -> Result<bool, S::Error> {
        match expr {
            Spansets::Filter(filter) => self.selects_nothing(filter),
            Spansets::Pipeline(stages) => self.finds_nothing(stages),
            Spansets::Chain { first, rest } => {
                let mut nothing = self.yields_nothing(first)?;
                for link in rest {
                    nothing = match link.op {
                        SpansetOp::And | SpansetOp::Structural(_, Form::Plain | Form::Union) => {
                            nothing || self.yields_nothing(&link.right)?
                        }
                        SpansetOp::Or => nothing && self.yields_nothing(&link.right)?,
                        SpansetOp::Structural(_, Form::Not) => self.yields_nothing(&link.right)?,
                        SpansetOp::Unless => nothing,
                    };
                }
                Ok(nothing)
            }
        }
    }

    fn selects_nothing(&mut self, filter: &Filter) -> Result<bool, S::Error> {
        let (step, nothing) = match filter {
            Filter::Constant(value) => return Ok(!value),
            Filter::Runs(runs) => return self.run_to_nothing(runs),
            Filter::Not(_) | Filter::CompareChain { .. } | Filter::IsNil { .. } => {
                return Ok(false);
            }
            Filter::Test(test) => (test.step, self.named_never_passes(test)?),
            Filter::Items(items) => {
                let mut nothing = false;
                for test in &items.tests {
                    if let ItemTest::Predicate(predicate) = test {
                        nothing |= self.source.estimate(predicate)?.matches_max == 0;
                    }
                }
                (items.step, nothing)
            }
            Filter::Compare(comparison) => (comparison.step, self.lacks_operand(comparison)?),
        };
        if nothing {
            self.figures.note_absent(step);
        }
        Ok(nothing)
    }

    fn run_to_nothing(&mut self, runs: &[Run]) -> Result<bool, S::Error> {
        let mut so_far = None;
        for run in runs {
            let mut nothing = so_far.unwrap_or(run.join == Join::Or);
            for operand in &run.operands {
                nothing = match run.join {
                    Join::And => nothing || self.selects_nothing(operand)?,
                    Join::Or => nothing && self.selects_nothing(operand)?,
                };
            }
            so_far = Some(nothing);
        }
        Ok(so_far.unwrap_or(false))
    }

    /// True where a field that a computed comparison needs is nowhere: the comparison is then false.
    pub(super) fn lacks_operand(&self, comparison: &Comparison) -> Result<bool, S::Error> {
        let mut fields = Vec::new();
        for operand in [&comparison.left, &comparison.right] {
            Operand::for_each_field(operand, &mut |needed| {
                if let Needed::Span(field) = needed {
                    fields.push(field);
                }
            });
        }
        for field in fields {
            if self.never_passes(field, &Test::Present)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn named_never_passes(&self, test: &FieldTest) -> Result<bool, S::Error> {
        let is_default = may_be_default(&test.field, &test.test);
        Ok(!is_default && self.rank_named(test)?.matches_max == 0)
    }

    fn never_passes(&self, field: &SpanField, test: &Test) -> Result<bool, S::Error> {
        Ok(!may_be_default(field, test) && self.rank_test(field, test)?.matches_max == 0)
    }
}

/// True where a service that is not named passes: it is in no dictionary, and counts as `""`.
fn may_be_default(field: &SpanField, test: &Test) -> bool {
    let is_service = match &field.lookup {
        Lookup::Plain(_) => false,
        Lookup::SpanThenResource(key) => key == SERVICE_NAME,
        Lookup::ServiceName => true,
    };
    is_service && test.holds(&Scalar::text(""))
}
