//! Running a plan over blocks, newest first. Invariant: traces come out in the order of results
//! (start, newest first; ties by id), and a block that cannot hold a wanted trace is not read.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use super::options::{Counts, SearchOptions};
use super::prepare::Prepared;
use super::source::BlockSource;
use super::view::BlockView;
use crate::block::{BlockError, Section};
use crate::codec::cast::{u64_of, usize_of};
use crate::id::TraceId;
use crate::query::exec::{Figures, Found, execute, for_each_trace};
use crate::query::rows::Rows;
use crate::query::source::Source;
use crate::query::value::Scalar;
use crate::time::Timestamp;

/// Rows of the first window that a limited search looks at; each further one is four times larger.
const FIRST_WINDOW_ROWS: u32 = 1 << 14;
const WINDOW_GROWTH: u32 = 4;

/// A trace that matches, not yet made a result of.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) start: Timestamp,
    pub(super) id: TraceId,
    /// Its block, and its number there.
    pub(super) view: Arc<BlockView>,
    pub(super) trace: u32,
    pub(super) sets: Vec<MatchSet>,
}

/// A spanset of a match.
#[derive(Debug, Clone)]
pub(super) struct MatchSet {
    pub(super) rows: Vec<u32>,
    pub(super) attributes: Vec<(Arc<str>, Scalar)>,
}

/// What a run over all blocks did.
#[derive(Debug, Clone, Default)]
pub(super) struct RunFigures {
    pub(super) blocks: u64,
    pub(super) blocks_skipped: u64,
    pub(super) spans_matched: u64,
    pub(super) figures: Figures,
}

/// The first matches, as many as the limit allows, in order.
pub(super) fn matches(
    views: &[Arc<BlockView>],
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<(Vec<Match>, RunFigures), BlockError> {
    let mut found: Vec<Match> = Vec::new();
    let mut run = RunFigures { blocks: u64_of(views.len()), ..RunFigures::default() };
    let limit = options.limit.unwrap_or(usize::MAX);
    for view in views {
        let enough = last_wanted(&found, limit).is_some_and(|last| last.start > view.newest);
        if limit == 0 || enough || outside(view, options) {
            run.blocks_skipped += 1;
            continue;
        }
        block_matches(view, prepared, options, &mut found, &mut run)?;
    }
    found.sort_by_key(|found| (Reverse(found.start), found.id));
    found.truncate(limit);
    Ok((found, run))
}

/// The last of the wanted matches, where there are as many as are wanted.
fn last_wanted(found: &[Match], limit: usize) -> Option<&Match> {
    found.get(limit.checked_sub(1)?)
}

pub(super) fn outside(view: &BlockView, options: &SearchOptions) -> bool {
    options.start.is_some_and(|start| view.end < start)
        || options.end.is_some_and(|end| view.start > end)
}

/// Adds the matches of one block that can be among the wanted ones; keeps `found` in order.
fn block_matches(
    view: &Arc<BlockView>,
    prepared: &Prepared,
    options: &SearchOptions,
    found: &mut Vec<Match>,
    run: &mut RunFigures,
) -> Result<(), BlockError> {
    let source = BlockSource::new(view, rows_in_time(view, options)?)?;
    let firsts = view.block.trace_first_rows()?;
    let starts = view.block.wide(Section::TraceStarts)?;
    let limit = options.limit.unwrap_or(usize::MAX);
    let mut end = source.row_count();
    let mut rows = if options.limit.is_some() { FIRST_WINDOW_ROWS } else { end };
    while end > 0 {
        let trace = super::traces::trace_of(&firsts, end.saturating_sub(rows));
        let start = firsts.get(usize_of(trace)).copied().unwrap_or(0);
        let (window, figures) = execute(&prepared.plan, &source, start..end)?;
        run.figures.add(&figures);
        run.spans_matched += collect(view, (&firsts, &starts), &window, limit, found)?;
        let next = trace.checked_sub(1).and_then(|trace| starts.get(usize_of(trace)));
        let next = next.map(|nanos| Timestamp::from_unix_nanos(*nanos));
        let certain = |last: &Match| next.is_some_and(|next| last.start > next);
        if last_wanted(found, limit).is_some_and(certain) {
            return Ok(());
        }
        end = start;
        rows = rows.saturating_mul(WINDOW_GROWTH);
    }
    Ok(())
}

/// The rows of the traces that meet the time range; `None` where there is none.
pub(super) fn rows_in_time(
    view: &BlockView,
    options: &SearchOptions,
) -> Result<Option<Rows>, BlockError> {
    if options.start.is_none() && options.end.is_none() {
        return Ok(None);
    }
    let from = options.start.map_or(0, Timestamp::unix_nanos);
    let to = options.end.map_or(u64::MAX, Timestamp::unix_nanos);
    let starts = view.block.wide(Section::TraceStarts)?;
    let ends = view.block.wide(Section::TraceEnds)?;
    let meets = |trace: u32| {
        let at = usize_of(trace);
        let start = starts.get(at).copied().unwrap_or(0);
        // A trace whose clocks ran backwards still takes place at its start.
        let end = ends.get(at).copied().unwrap_or(0).max(start);
        Ok(start <= to && end >= from)
    };
    super::traces::rows_where(&view.block, meets).map(Some)
}

/// Adds the traces of a window to `found`, newest first, as far as they are wanted; gives the number
/// of spans that matched. `table` has the first row and the start of each trace.
fn collect(
    view: &Arc<BlockView>,
    table: (&[u32], &[u64]),
    window: &Found,
    limit: usize,
    found: &mut Vec<Match>,
) -> Result<u64, BlockError> {
    let (firsts, starts) = table;
    let mut matched = 0;
    let start_of =
        |trace: u32| Timestamp::from_unix_nanos(starts.get(usize_of(trace)).copied().unwrap_or(0));
    let mut traces: Vec<(u32, Vec<MatchSet>)> = Vec::new();
    if let Some(sets) = &window.sets {
        for set in sets {
            matched += u64_of(set.rows.len());
            let one = MatchSet { rows: set.rows.clone(), attributes: set.attributes.clone() };
            match traces.last_mut() {
                Some((trace, sets)) if *trace == set.trace => sets.push(one),
                _ => traces.push((set.trace, vec![one])),
            }
        }
        traces.reverse();
    } else {
        let rows = window.rows();
        matched += rows.len();
        traces = newest_traces(&rows, firsts, starts, limit)?;
    }
    for (trace, sets) in traces {
        let start = start_of(trace);
        if last_wanted(found, limit).is_some_and(|last| last.start > start) {
            break;
        }
        let id = view.block.trace_id(trace)?;
        let one = Match { start, id, view: Arc::clone(view), trace, sets };
        let at =
            found.partition_point(|other| (Reverse(other.start), other.id) < (Reverse(start), id));
        found.insert(at, one);
        found.truncate(limit);
    }
    Ok(matched)
}

/// The newest traces among `rows`, newest first: `limit` of them and those that started with the
/// last of these.
fn newest_traces(
    rows: &Rows,
    firsts: &[u32],
    starts: &[u64],
    limit: usize,
) -> Result<Vec<(u32, Vec<MatchSet>)>, BlockError> {
    let whole = |rows: Vec<u32>| vec![MatchSet { rows, attributes: Vec::new() }];
    let mut traces = Vec::new();
    if limit == usize::MAX {
        for_each_trace(rows, firsts, |trace, rows| {
            traces.push((trace, whole(rows.to_vec())));
            Ok::<(), BlockError>(())
        })?;
        traces.reverse();
        return Ok(traces);
    }
    let mut end = rows.bounds().end;
    while let Some(last) = last_before(rows, end) {
        let trace = super::traces::trace_of(firsts, last);
        let first = firsts.get(usize_of(trace)).copied().unwrap_or(0);
        let start = starts.get(usize_of(trace));
        let wanted = limit.checked_sub(1).and_then(|at| traces.get(at));
        let beyond = |(other, _): &(u32, Vec<MatchSet>)| starts.get(usize_of(*other)) > start;
        if wanted.is_some_and(beyond) {
            break;
        }
        traces.push((trace, whole(rows_between(rows, first..end))));
        end = first;
    }
    Ok(traces)
}

fn last_before(rows: &Rows, end: u32) -> Option<u32> {
    rows.bitmap().range(..end).next_back()
}

fn rows_between(rows: &Rows, range: Range<u32>) -> Vec<u32> {
    rows.bitmap().range(range).collect()
}

/// How many traces and spans match, in all blocks.
pub(crate) fn count(
    views: &[Arc<BlockView>],
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<Counts, BlockError> {
    let mut counts = Counts::default();
    for view in views.iter().filter(|view| !outside(view, options)) {
        let source = BlockSource::new(view, rows_in_time(view, options)?)?;
        let (found, figures) = execute(&prepared.plan, &source, 0..source.row_count())?;
        counts.rows_considered += figures.rows_considered;
        let firsts = view.block.trace_first_rows()?;
        let rows = found.rows();
        counts.spans += match &found.sets {
            Some(sets) => sets.iter().map(|set| u64_of(set.rows.len())).sum(),
            None => rows.len(),
        };
        for_each_trace(&rows, &firsts, |_, _| {
            counts.traces += 1;
            Ok::<(), BlockError>(())
        })?;
    }
    Ok(counts)
}
