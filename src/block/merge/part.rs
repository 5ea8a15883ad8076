//! The rows of a new block, and where each comes from. Invariant: a row of the new block comes from one
//! row, and rows of a block that are read together ascend.

use std::ops::Range;

use super::pulled::{MergedTrace, Pulled};
use crate::block::error::BlockError;
use crate::block::format::Section;
use crate::block::packed::Cursor;
use crate::block::reader::Block;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u32_of, usize_of};
use crate::foreground::may_rest;

/// Of one in so many numbers of a section, all are decoded; of fewer, single ones are read.
const MANY_SHARE: usize = 8;

/// Rows of one block that go into the new one.
#[derive(Debug)]
pub(super) struct From<'a> {
    pub(super) block: &'a Block,
    /// The rows, in runs.
    pub(super) ranges: Vec<Range<u32>>,
    /// The new row of each, by position among them.
    pub(super) to: Vec<u32>,
    /// What to add to a start that counts from the trace's start there, by position; empty where that
    /// is nothing.
    pub(super) shifts: Vec<u64>,
}

/// Reads numbers of a section by row.
pub(super) enum Read<'a> {
    /// All of them, decoded, and where from.
    All(Vec<u64>, &'a Block, Section),
    Single(Cursor<'a>),
}

impl Block {
    /// A reader of so many numbers of a section, ascending by row.
    pub(super) fn read_rows(&self, section: Section, count: usize) -> Result<Read<'_>, BlockError> {
        let cursor = self.cursor(section)?;
        if count < cursor.count() / MANY_SHARE {
            return Ok(Read::Single(cursor));
        }
        let mut all = Vec::with_capacity(cursor.count());
        cursor.packed().decode(|number| all.push(number))?;
        Ok(Read::All(all, self, section))
    }
}

impl Read<'_> {
    #[inline]
    pub(super) fn get(&mut self, row: u32) -> Result<u64, BlockError> {
        match self {
            Self::All(all, block, section) => all.get(usize_of(row)).copied().ok_or_else(|| {
                let what = Malformed::new(0, format!("row {row} of {}", all.len()));
                block.image().corrupt(&section.name(), what)
            }),
            Self::Single(cursor) => cursor.get(usize_of(row)),
        }
    }
}

/// The blocks that have rows of some traces.
pub(super) fn parts<'a>(pulled: &Pulled<'a>, traces: &[MergedTrace]) -> Vec<From<'a>> {
    let mut rows: Vec<Vec<(u32, u32, u64)>> = vec![Vec::new(); pulled.taken.len()];
    let mut new = 0;
    for MergedTrace { trace, .. } in traces {
        for number in &trace.spans {
            let Some(place) = pulled.spans.get(usize_of(*number)) else { continue };
            if let Some(rows) = rows.get_mut(usize_of(place.taken)) {
                let shift = place.trace_start.unix_nanos().wrapping_sub(trace.start.unix_nanos());
                rows.push((place.row, new, shift));
            }
            new += 1;
        }
    }
    let with_rows = pulled.taken.iter().zip(rows).filter(|(_, rows)| !rows.is_empty());
    with_rows.map(|(taken, rows)| from(taken.block, rows)).collect()
}

fn from(block: &Block, mut rows: Vec<(u32, u32, u64)>) -> From<'_> {
    may_rest();
    if !rows.is_sorted() {
        rows.sort_unstable();
    }
    let is_shifted = rows.iter().any(|(_, _, shift)| *shift != 0);
    From {
        block,
        ranges: runs_of(rows.iter().map(|(row, ..)| *row)),
        to: rows.iter().map(|(_, new, _)| *new).collect(),
        shifts: rows.iter().filter(|_| is_shifted).map(|(.., shift)| *shift).collect(),
    }
}

/// Ascending rows as runs.
pub(super) fn runs_of(rows: impl IntoIterator<Item = u32>) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for row in rows {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end += 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

/// How many rows the new block has.
pub(super) fn row_count(traces: &[MergedTrace]) -> u32 {
    u32_of(traces.iter().map(|trace| trace.trace.spans.len()).sum()).unwrap_or(u32::MAX)
}
