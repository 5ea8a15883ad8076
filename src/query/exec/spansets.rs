//! Spanset expressions. Invariant: an expression over all incoming spans of whole traces gives the
//! union of what it gives trace by trace; only `&&` and `unless` have to look at traces at all.

use super::Execution;
use super::candidates::Candidates;
use super::relate::relate;
use super::stages::{Found, Set};
use super::traces;
use crate::query::plan::pipeline::{Link, Spansets};
use crate::query::rows::Rows;
use crate::query::source::Source;
use crate::query::syntax::{Form, Relation, SpansetOp};

/// A left side counts as small where there are so many times its rows to choose from.
const FEW: u64 = 64;

/// The same where the right side is one of tests whose answers are kept: to join these costs little, and to come
/// by them the first time no more than to look up what of all rows is near those of the left side.
const VERY_FEW: u64 = 4096;

/// An expression whose filters have been run.
#[derive(Debug)]
enum Tree<'a> {
    Leaf(Rows),
    Chain { first: Box<Tree<'a>>, rest: Vec<(&'a Link, Tree<'a>)> },
}

impl<S: Source> Execution<'_, S> {
    /// The spans that an expression yields, of candidates that make one spanset a trace.
    pub(super) fn spansets(
        &mut self,
        expr: &Spansets,
        candidates: &Candidates,
    ) -> Result<Rows, S::Error> {
        match expr {
            Spansets::Filter(filter) => self.filter(filter, candidates),
            Spansets::Pipeline(stages) => {
                Ok(self.stages(stages, Found::all(candidates.clone()))?.rows())
            }
            Spansets::Chain { first, rest } => {
                let mut left = self.spansets(first, candidates)?;
                for link in rest {
                    if left.is_empty() && yields_nothing_from_nothing(link.op) {
                        continue;
                    }
                    if self.source.stops() {
                        break;
                    }
                    let near = self.narrowed(link, &left, candidates)?;
                    let right = self.spansets(&link.right, &near)?;
                    let considered = left.len() + right.len();
                    left = self.join(link.op, &left, &right)?;
                    self.figures.note(link.step, considered, left.len());
                }
                Ok(left)
            }
        }
    }

    /// The candidates for the right side of an operator: where the left side is small, only those
    /// that can matter for it. (A pipeline or a chain of operators on the right needs all spans of
    /// its traces, because what it finds of one span may depend on the others.)
    fn narrowed(
        &self,
        link: &Link,
        left: &Rows,
        candidates: &Candidates,
    ) -> Result<Candidates, S::Error> {
        if left.len().saturating_mul(FEW) > candidates.len() {
            return Ok(candidates.clone());
        }
        let is_found_whole = match &link.right {
            Spansets::Filter(filter) => filter.is_kept(),
            Spansets::Pipeline(_) | Spansets::Chain { .. } => false,
        };
        if is_found_whole && left.len().saturating_mul(VERY_FEW) > candidates.len() {
            return Ok(candidates.clone());
        }
        let near = |relation| {
            let all = candidates.rows();
            Ok(Candidates::Rows(relate(self.source, (relation, Form::Plain), left, &all)?))
        };
        let one_by_one = matches!(link.right, Spansets::Filter(_));
        match link.op {
            SpansetOp::Structural(relation, Form::Plain | Form::Union) if one_by_one => {
                match relation {
                    Relation::Child | Relation::Descendant => near(Relation::Descendant),
                    relation => near(relation),
                }
            }
            SpansetOp::And => {
                let traces = traces::whole_traces(left, &self.trace_starts()?);
                Ok(Candidates::Rows(candidates.keep(&traces)))
            }
            _ => Ok(candidates.clone()),
        }
    }

    fn join(&self, op: SpansetOp, left: &Rows, right: &Rows) -> Result<Rows, S::Error> {
        Ok(match op {
            SpansetOp::Structural(relation, form) => {
                relate(self.source, (relation, form), left, right)?
            }
            SpansetOp::Or => left.or(right),
            SpansetOp::And => traces::both(left, right, &self.trace_starts()?),
            SpansetOp::Unless => traces::unless(left, right, &self.trace_starts()?),
        })
    }

    /// Applies an expression within each of several spansets a trace.
    pub(super) fn spansets_within(
        &mut self,
        expr: &Spansets,
        found: &Found,
    ) -> Result<Vec<Set>, S::Error> {
        let tree = self.leaves(expr, found)?;
        let mut kept = Vec::new();
        for set in found.sets.iter().flatten() {
            if self.stops_before(set.rows.len() + set.attributes.len()) {
                break;
            }
            let rows = match &tree {
                Tree::Leaf(rows) => {
                    set.rows.iter().copied().filter(|row| rows.contains(*row)).collect()
                }
                tree @ Tree::Chain { .. } => {
                    self.combine(tree, &Rows::from_sorted(&set.rows))?.to_vec()
                }
            };
            if !rows.is_empty() {
                kept.push(Set { rows, ..set.clone() });
            }
        }
        Ok(kept)
    }

    /// Runs the filters and pipelines of an expression over all incoming spansets at once.
    fn leaves<'e>(&mut self, expr: &'e Spansets, found: &Found) -> Result<Tree<'e>, S::Error> {
        Ok(match expr {
            Spansets::Filter(filter) => Tree::Leaf(self.filter(filter, &found.candidates)?),
            // Spansets are disjoint: what a pipeline leaves of each is told apart again below.
            Spansets::Pipeline(stages) => Tree::Leaf(self.stages(stages, found.nested())?.rows()),
            Spansets::Chain { first, rest } => {
                let first = Box::new(self.leaves(first, found)?);
                let mut links = Vec::with_capacity(rest.len());
                for link in rest {
                    links.push((link, self.leaves(&link.right, found)?));
                }
                Tree::Chain { first, rest: links }
            }
        })
    }

    fn combine(&mut self, tree: &Tree<'_>, set: &Rows) -> Result<Rows, S::Error> {
        match tree {
            Tree::Leaf(rows) => Ok(set.and(rows)),
            Tree::Chain { first, rest } => {
                let mut left = self.combine(first, set)?;
                for (link, right) in rest {
                    // An operator on one spanset takes as long as some tens of values.
                    if self.stops_before(64) {
                        break;
                    }
                    let right = self.combine(right, set)?;
                    let considered = left.len() + right.len();
                    left = match link.op {
                        // Within one spanset there is one trace.
                        SpansetOp::And if left.is_empty() || right.is_empty() => Rows::empty(),
                        SpansetOp::And => left.or(&right),
                        SpansetOp::Unless if right.is_empty() => left,
                        SpansetOp::Unless => Rows::empty(),
                        op => self.join(op, &left, &right)?,
                    };
                    self.figures.note(link.step, considered, left.len());
                }
                Ok(left)
            }
        }
    }
}

/// True where an empty left side leaves nothing, whatever the right side is.
fn yields_nothing_from_nothing(op: SpansetOp) -> bool {
    match op {
        SpansetOp::Structural(_, form) => form != Form::Not,
        SpansetOp::And | SpansetOp::Unless => true,
        SpansetOp::Or => false,
    }
}
