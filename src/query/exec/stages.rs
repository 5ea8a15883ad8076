//! Pipelines: spansets in, spansets out. Invariant: the spansets of a trace are disjoint and none
//! is empty; as long as each trace has one without attributes, only the set of all rows is kept.

use std::sync::Arc;

use super::Execution;
use super::candidates::Candidates;
use super::groups::Kept;
use super::traces::for_each_trace;
use crate::codec::cast;
use crate::query::plan::filter::Filter;
use crate::query::plan::pipeline::{Spansets, Stage};
use crate::query::rows::Rows;
use crate::query::source::Source;
use crate::query::value::Scalar;

/// The spansets that a pipeline has found so far.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// All rows of all spansets.
    pub(super) candidates: Candidates,
    /// The spansets by trace, within a trace by group value; `None` where each trace has one, without
    /// attributes.
    pub(crate) sets: Option<Vec<Set>>,
    pub(super) scope: Scope,
}

/// How spansets lie within traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// A trace has one at most.
    Whole,
    /// A trace may have several.
    Split,
    /// A trace may have several, parts of the spansets that a pipeline in parentheses was given;
    /// those of different ones stay apart.
    Nested,
}

/// One spanset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    /// The trace's place among the block's traces.
    pub(crate) trace: u32,
    /// In a pipeline in parentheses, the place of the spanset it is a part of; else 0.
    pub(super) origin: usize,
    /// Its rows, ascending; at least one.
    pub(crate) rows: Vec<u32>,
    /// Values of the stages, such as `count()`, in the order of the stages.
    pub(crate) attributes: Vec<(Arc<str>, Scalar)>,
}

impl Set {
    /// Sets the value of a stage; of stages that say the same only the last counts.
    pub(super) fn put(&mut self, name: Arc<str>, value: Scalar) {
        match self.attributes.iter_mut().find(|(other, _)| *other == name) {
            Some((_, before)) => *before = value,
            None => self.attributes.push((name, value)),
        }
    }
}

impl Found {
    /// One spanset a trace.
    pub(super) fn all(candidates: Candidates) -> Self {
        Self { candidates, sets: None, scope: Scope::Whole }
    }

    /// No spansets.
    pub(super) fn nothing() -> Self {
        Self::all(Candidates::Rows(Rows::empty()))
    }

    /// All rows of all spansets.
    pub(crate) fn rows(&self) -> Rows {
        self.candidates.rows()
    }

    /// The same spansets as input of a pipeline in parentheses.
    pub(super) fn nested(&self) -> Self {
        let mut nested = self.clone();
        if self.scope != Scope::Whole {
            nested.scope = Scope::Nested;
            for (place, set) in nested.sets.iter_mut().flatten().enumerate() {
                set.origin = place;
            }
        }
        nested
    }

    /// One spanset a trace, or in a pipeline in parentheses one for each that it was given.
    fn coalesced(self) -> Self {
        let (Scope::Nested, Some(sets)) = (self.scope, self.sets) else {
            return Self::all(self.candidates);
        };
        let mut merged: Vec<Set> = Vec::new();
        for set in sets {
            match merged.last_mut().filter(|last| last.origin == set.origin) {
                Some(last) => last.rows.extend(set.rows),
                None => merged.push(Set { attributes: Vec::new(), ..set }),
            }
        }
        for set in &mut merged {
            set.rows.sort_unstable();
        }
        Self { candidates: self.candidates, sets: Some(merged), scope: Scope::Nested }
    }

    fn of_sets(sets: Vec<Set>, scope: Scope) -> Self {
        let mut rows = Vec::new();
        for set in &sets {
            rows.extend_from_slice(&set.rows);
        }
        let rows = match scope {
            Scope::Whole => Rows::from_sorted(&rows),
            Scope::Split | Scope::Nested => Rows::from_unsorted(rows),
        };
        let candidates = Candidates::Rows(rows);
        Self { candidates, sets: Some(sets), scope }
    }
}

/// Rows whose values are computed at once, when whole columns of values would be too many: as many as
/// take little enough memory that it is used again and not asked from the system each time.
pub(super) const VALUES_MAX: usize = 2048;
/// The same of whole numbers, which take little.
pub(super) const NUMBERS_MAX: usize = 1 << 14;

impl<S: Source> Execution<'_, S> {
    /// Runs the stages one after another.
    pub(super) fn stages(&mut self, stages: &[Stage], mut found: Found) -> Result<Found, S::Error> {
        for (at, stage) in stages.iter().enumerate() {
            if found.candidates.is_empty() || self.source.stops() {
                return Ok(Found::nothing());
            }
            found = match stage {
                Stage::Spansets(expr) => self.select(expr, found)?,
                Stage::Filter { left, op, right } => {
                    let scope = found.scope;
                    let mut found = found;
                    if found.sets.is_none() {
                        found.candidates = self.passing((left, *op, right), found.candidates)?;
                    }
                    let kept = self.keep_sets(left, *op, right, found)?;
                    Found::of_sets(kept, scope)
                }
                Stage::By { name, operand } => {
                    let nested = found.scope == Scope::Nested;
                    let kept = Kept::by(stages.get(at + 1));
                    let sets = self.split(&Arc::from(name.as_str()), operand, found, &kept)?;
                    Found::of_sets(sets, if nested { Scope::Nested } else { Scope::Split })
                }
                Stage::Coalesce => found.coalesced(),
                Stage::Select(_) => found,
            };
        }
        Ok(found)
    }

    fn select(&mut self, expr: &Spansets, found: Found) -> Result<Found, S::Error> {
        // All of all stays what it is: nothing is written out.
        if found.sets.is_none() && matches!(expr, Spansets::Filter(Filter::Constant(true))) {
            return Ok(found);
        }
        if found.scope != Scope::Whole {
            let scope = found.scope;
            return Ok(Found::of_sets(self.spansets_within(expr, &found)?, scope));
        }
        let rows = self.spansets(expr, &found.candidates)?;
        let Some(sets) = found.sets else {
            return Ok(Found::all(Candidates::Rows(rows)));
        };
        let mut old = sets.into_iter();
        let mut kept = Vec::new();
        for_each_trace(&rows, &self.trace_starts()?, |trace, rows| {
            if let Some(set) = old.find(|set| set.trace == trace) {
                kept.push(Set { rows: rows.to_vec(), ..set });
            }
            Ok(())
        })?;
        Ok(Found { candidates: Candidates::Rows(rows), sets: Some(kept), scope: Scope::Whole })
    }

    /// The spansets one by one, where only their rows are known.
    pub(super) fn sets_of(&self, found: Found) -> Result<Vec<Set>, S::Error> {
        if let Some(sets) = found.sets {
            return Ok(sets);
        }
        let mut sets = Vec::new();
        for_each_trace(&found.rows(), &self.trace_starts()?, |trace, rows| {
            sets.push(Set { trace, origin: 0, rows: rows.to_vec(), attributes: Vec::new() });
            Ok(())
        })?;
        Ok(sets)
    }
}

/// How many rows a set has, as a value.
pub(super) fn count(rows: usize) -> Scalar {
    Scalar::Int(i64::try_from(cast::u64_of(rows)).unwrap_or(i64::MAX))
}
