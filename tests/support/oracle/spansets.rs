//! What spanset expressions select. Invariant: a result is a set of the input's spans, and never an
//! empty one among several.

use super::unknown;
use std::collections::BTreeSet;

use treering::query::syntax::{Form, Relation, SpansetExpr, SpansetOp};

use super::expr::{On, Regexes};
use super::tree::Tree;

/// Spans of one trace by their position, which is their order by start, span id and kind.
pub(crate) type Set = BTreeSet<usize>;

/// One trace to evaluate queries on.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    /// The trace.
    pub(crate) tree: &'a Tree,
    /// Compiled patterns.
    pub(crate) regexes: &'a Regexes,
}

impl<'a> Evaluation<'a> {
    /// A span of the trace.
    pub(crate) fn on(self, at: usize) -> On<'a> {
        On { tree: self.tree, at, regexes: self.regexes }
    }

    /// The spansets that the expression makes of one.
    pub(crate) fn spanset(self, expr: &SpansetExpr, input: &Set) -> Vec<Set> {
        let sets = match expr {
            SpansetExpr::Filter(filter) => {
                vec![input.iter().copied().filter(|at| self.on(*at).truth(filter)).collect()]
            }
            SpansetExpr::Pipeline(pipeline) => self.pipeline(pipeline, vec![input.clone()]),
            SpansetExpr::Chain { first, rest } => {
                let mut left = self.operand(first, input);
                for (op, next) in rest {
                    left = self.apply(left, *op, &self.operand(next, input));
                }
                vec![left]
            }
            other => unknown(other),
        };
        sets.into_iter().filter(|set| !set.is_empty()).collect()
    }

    /// An operand's spans: those of all its spansets.
    fn operand(self, expr: &SpansetExpr, input: &Set) -> Set {
        self.spanset(expr, input).into_iter().flatten().collect()
    }

    fn apply(self, left: Set, op: SpansetOp, right: &Set) -> Set {
        match op {
            SpansetOp::And if left.is_empty() || right.is_empty() => Set::new(),
            SpansetOp::And | SpansetOp::Or => &left | right,
            SpansetOp::Unless if right.is_empty() => left,
            SpansetOp::Unless => Set::new(),
            SpansetOp::Structural(relation, form) => {
                let pair = |l: usize, r: usize| self.related(l, relation, r);
                let of_right: Set =
                    right.iter().copied().filter(|r| left.iter().any(|l| pair(*l, *r))).collect();
                match form {
                    Form::Plain => of_right,
                    Form::Not => right - &of_right,
                    Form::Union => {
                        let of_left: Set = left
                            .iter()
                            .copied()
                            .filter(|l| right.iter().any(|r| pair(*l, *r)))
                            .collect();
                        &of_left | &of_right
                    }
                    other => unknown(other),
                }
            }
            other => unknown(other),
        }
    }

    /// True if `left relation right` holds for these two spans.
    fn related(self, left: usize, relation: Relation, right: usize) -> bool {
        let tree = self.tree;
        match relation {
            Relation::Child => tree.parents[right] == Some(left),
            Relation::Parent => tree.parents[left] == Some(right),
            Relation::Descendant => tree.ancestors(right).contains(&left),
            Relation::Ancestor => tree.ancestors(left).contains(&right),
            Relation::Sibling => tree.siblings(left, right),
            other => unknown(other),
        }
    }
}
