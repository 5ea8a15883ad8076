//! Runs of rows that are read together. Invariant: they ascend and lie apart.

use std::ops::Range;

use crate::codec::cast::{u32_of, usize_of};

/// Runs of rows, ascending and apart; a row's position counts through all of them.
pub(super) struct Runs<'r> {
    pub(super) runs: &'r [Range<u32>],
    /// The position of each run's first row.
    starts: Vec<usize>,
}

impl<'r> Runs<'r> {
    pub(super) fn new(runs: &'r [Range<u32>]) -> Self {
        let mut sum = 0;
        let mut starts = Vec::with_capacity(runs.len());
        for run in runs {
            starts.push(sum);
            sum += run.len();
        }
        Self { runs, starts }
    }

    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(ExactSizeIterator::len).sum()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().cloned().flatten()
    }

    /// The runs that meet the rows from `first` to `last`, each with its first row's position.
    pub(super) fn meeting(
        &self,
        (first, last): (u32, u32),
    ) -> impl Iterator<Item = (&Range<u32>, usize)> {
        let from = self.runs.partition_point(|run| run.end <= first);
        let to = self.runs.partition_point(|run| run.start <= last).max(from);
        let runs = self.runs.get(from..to).unwrap_or_default();
        runs.iter().zip(self.starts.get(from..to).unwrap_or_default().iter().copied())
    }

    /// The position of a row.
    pub(super) fn position(&self, row: u32) -> Option<usize> {
        let at = self.runs.partition_point(|run| run.end <= row);
        let run = self.runs.get(at).filter(|run| run.contains(&row))?;
        Some(self.starts.get(at)? + usize_of(row - run.start))
    }
}

/// The child rows owned by rows.
pub(super) fn owned(owners: &[u32], rows: &Runs<'_>) -> Vec<Range<u32>> {
    let at = |row: u32| u32_of(owners.partition_point(|owner| *owner < row)).unwrap_or(0);
    let runs = rows.runs.iter().map(|run| at(run.start)..at(run.end));
    runs.filter(|run| !run.is_empty()).collect()
}
