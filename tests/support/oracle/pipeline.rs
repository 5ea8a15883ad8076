//! What the stages of a pipeline do. Invariant: every spanset between two stages has a span.

use super::unknown;
use treering::query::syntax::{FieldExpr, Pipeline, Stage};

use super::spansets::{Evaluation, Set};
use super::values::{Val, group_order};

impl Evaluation<'_> {
    /// The spansets that the pipeline makes of these.
    pub(crate) fn pipeline(self, pipeline: &Pipeline, input: Vec<Set>) -> Vec<Set> {
        let mut sets = input;
        for stage in &pipeline.stages {
            sets = match stage {
                Stage::Spanset(expr) => {
                    sets.iter().flat_map(|set| self.spanset(expr, set)).collect()
                }
                Stage::Filter(filter) => {
                    sets.into_iter().filter(|set| self.scalar_filter(filter, set)).collect()
                }
                Stage::By(expr) => sets.iter().flat_map(|set| self.by(expr, set)).collect(),
                Stage::Coalesce if sets.is_empty() => sets,
                Stage::Coalesce => vec![sets.into_iter().flatten().collect()],
                Stage::Select(_) => sets,
                other => unknown(other),
            };
        }
        sets
    }

    /// One spanset for each value, in the order of the values.
    pub(crate) fn by(self, expr: &FieldExpr, set: &Set) -> Vec<Set> {
        let mut groups: Vec<(Val, Set)> = Vec::new();
        for at in set {
            let value = self.on(*at).value(expr);
            let same = |group: &&mut (Val, Set)| group_order(&group.0, &value).is_eq();
            match groups.iter_mut().find(same) {
                Some(group) => {
                    group.1.insert(*at);
                }
                None => groups.push((value, Set::from([*at]))),
            }
        }
        groups.sort_by(|a, b| group_order(&a.0, &b.0));
        groups.into_iter().map(|group| group.1).collect()
    }
}
