//! One run of a plan. Invariant: a window holds whole traces, so nothing outside it can matter.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::candidates::Candidates;
use super::stages::Found;
use crate::query::plan::Plan;
use crate::query::plan::field::{Resolved, resolve};
use crate::query::plan::filter::{Operand, Step};
use crate::query::rows::Rows;
use crate::query::source::{Answer, Source};
use crate::query::syntax::Field;
use crate::query::value::Scalar;

/// Values computed, or as much other work, between two looks whether to stop: some 0.1 ms of it.
const LOOK_VALUES: usize = 4096;

/// What a plan finds in the traces of `window`, a range of rows that holds whole traces, and what
/// it took. Finds `None` where the source stopped it: half an answer is none.
///
/// # Errors
/// If the source cannot be read.
pub(crate) fn execute<S: Source>(
    plan: &Plan,
    source: &S,
    window: Range<u32>,
) -> Result<(Option<Found>, Figures), S::Error> {
    let (mut execution, all) = begin(plan, source, window)?;
    let found = match all {
        Some(all) => execution.stages(&plan.stages, all),
        None => return Ok((Some(Found::nothing()), execution.figures)),
    };
    execution.charge_grown();
    let found = found?;
    Ok(((!source.is_stopped()).then_some(found), execution.figures))
}

/// A run that has not done anything yet, and what its first stage is given: `None` where indexes know
/// that it would find nothing.
pub(super) fn begin<'a, S: Source>(
    plan: &Plan,
    source: &'a S,
    window: Range<u32>,
) -> Result<(Execution<'a, S>, Option<Found>), S::Error> {
    let candidates = match source.live() {
        Some(live) => Candidates::Rows(live.within(window.clone())),
        None => Candidates::All(window.clone()),
    };
    let figures = Figures { steps: vec![StepFigures::default(); plan.steps], ..Figures::default() };
    let mut execution = Execution::new(source, window, figures);
    // One test alone finds nothing as fast.
    let is_nothing = plan.steps > 1 && execution.finds_nothing(&plan.stages)?;
    Ok((execution, (!is_nothing).then(|| Found::all(candidates))))
}

/// The values of a field for ascending rows, nil where there is none; of an event's or a link's
/// field that of the first which has it.
///
/// # Errors
/// If the source cannot be read.
pub(crate) fn read_field<S: Source>(
    source: &S,
    field: &Field,
    rows: &[u32],
) -> Result<Vec<Scalar>, S::Error> {
    let window = 0..source.row_count();
    let mut execution = Execution::new(source, window, Figures::default());
    let operand = match resolve(field) {
        Resolved::Span(field) => Operand::Field(field),
        Resolved::Item(column) => Operand::First(column),
    };
    let prepared = execution.prepare(&operand, &Candidates::Rows(Rows::from_sorted(rows)))?;
    execution.operand_values(&prepared, rows)
}

/// A run of a plan over a window.
#[derive(Debug)]
pub(crate) struct Execution<'a, S> {
    pub(super) source: &'a S,
    pub(super) window: Range<u32>,
    pub(super) figures: Figures,
    /// The answers that were asked for, by their names.
    pub(super) asked: Vec<(Arc<str>, Arc<Answer>)>,
    /// Values that may still be computed before the next look.
    until_look: Cell<usize>,
}

/// What a run took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Rows (events, links) that index answers held and checks looked at.
    pub(crate) rows_considered: u64,
    /// By the number of the plan's step.
    pub(crate) steps: Vec<StepFigures>,
    /// How columns were asked since the last note.
    pub(super) ways: Ways,
}

/// How columns were asked. A step may ask in several ways: of several columns, or block by block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// An index gave all rows that pass.
    pub(super) index: bool,
    /// All rows of a column were looked at.
    pub(super) scan: bool,
    /// The candidates were looked at, one by one.
    pub(super) check: bool,
}

impl Ways {
    fn add(&mut self, other: Self) {
        self.index |= other.index;
        self.scan |= other.scan;
        self.check |= other.check;
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways = [(self.index, "index"), (self.scan, "scan"), (self.check, "check")];
        for (way, word) in ways {
            if way {
                write!(f, ", {word}")?;
            }
        }
        Ok(())
    }
}

/// What one step did, over all times it ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StepFigures {
    /// Rows that came in.
    pub(crate) candidates: u64,
    /// Rows that went out.
    pub(crate) found: u64,
    /// How it asked columns, where it is a test.
    pub(crate) ways: Ways,
}

impl Figures {
    /// Adds what one run of a step did.
    pub(super) fn note(&mut self, Step(step): Step, candidates: u64, found: u64) {
        let ways = std::mem::take(&mut self.ways);
        if let Some(figures) = self.steps.get_mut(step) {
            figures.candidates += candidates;
            figures.found += found;
            figures.ways.add(ways);
        }
    }

    /// Takes note that an index knows of a step that no row passes, before any came in.
    pub(super) fn note_absent(&mut self, Step(step): Step) {
        if let Some(figures) = self.steps.get_mut(step) {
            figures.ways.index = true;
        }
    }

    /// Takes note of rows that a search of a column found, in an index or by a scan.
    pub(super) fn note_found(&mut self, rows: u64, indexed: bool) {
        self.rows_considered += rows;
        self.ways.add(Ways { index: indexed, scan: !indexed, check: false });
    }

    /// Takes note of rows that were looked at one by one.
    pub(super) fn note_checked(&mut self, rows: u64) {
        self.rows_considered += rows;
        self.ways.check = true;
    }

    /// Adds what another run of the same plan did.
    pub(crate) fn add(&mut self, other: &Self) {
        self.rows_considered += other.rows_considered;
        self.steps.resize(self.steps.len().max(other.steps.len()), StepFigures::default());
        for (step, figures) in other.steps.iter().enumerate() {
            self.ways = figures.ways;
            self.note(Step(step), figures.candidates, figures.found);
        }
    }
}

/// The plan with what its steps did.
pub(crate) fn explain(plan: &Plan, figures: &Figures) -> String {
    plan.show(&|Step(step)| {
        let StepFigures { candidates, found, ways } = figures.steps.get(step)?;
        let plural = if *candidates == 1 { "" } else { "s" };
        Some(format!("{found} of {candidates} row{plural}{ways}"))
    })
}

impl<'a, S: Source> Execution<'a, S> {
    pub(super) fn new(source: &'a S, window: Range<u32>, figures: Figures) -> Self {
        Self { source, window, figures, asked: Vec::new(), until_look: Cell::new(LOOK_VALUES) }
    }

    /// Takes note that so many values are computed next. True where they need not be any more; who
    /// hears that returns at once, with whatever it has.
    #[inline]
    pub(super) fn stops_before(&self, values: usize) -> bool {
        if let Some(left) = self.until_look.get().checked_sub(values) {
            self.until_look.set(left);
            return self.source.is_stopped();
        }
        self.until_look.set(LOOK_VALUES);
        self.source.stops()
    }

    /// Reads the first row of each trace, for as long as the answer is used.
    pub(super) fn trace_starts(&self) -> Result<Arc<[u32]>, S::Error> {
        self.source.trace_starts()
    }
}
