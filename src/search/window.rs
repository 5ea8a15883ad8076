//! Running a plan over one block, window by window. Invariant: where windows begin and end follows from
//! the block and the options alone, so the same search does the same work on any thread.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::brake::Brake;
use super::options::SearchOptions;
use super::order::Order;
use super::prepare::Prepared;
use super::source::BlockSource;
use super::times::rows_in_time;
use super::traces::trace_of;
use super::view::BlockView;
use super::wanted::{Match, Wanted};
use crate::block::{BlockError, Section};
use crate::codec::cast::usize_of;
use crate::query::exec::{Figures, Found, execute, work};
use crate::query::source::Source;
use crate::time::Timestamp;

/// Rows of the first window that a limited search looks at; each further one is four times larger.
const FIRST_WINDOW_ROWS: u32 = 1 << 14;
/// The same where a plan computes values, and looking at a row takes so many times as long as otherwise.
const FIRST_SLOW_WINDOW_ROWS: u32 = 1 << 12;
const SLOW_TIMES: u64 = 4;
const WINDOW_GROWTH: u32 = 4;
/// Where indexes say that no more rows than these are to be looked at, a block is one window.
const FEW_ROWS: u64 = 1 << 10;
/// Rows of a window of a search that may be stopped: what is certain then is so window by window.
const BRAKE_ROWS: u32 = 1 << 16;

/// What a plan found in a window of a block.
pub(super) struct Window<'a> {
    pub(super) view: &'a Arc<BlockView>,
    /// The first row of each trace, and each trace's start.
    pub(super) firsts: &'a [u32],
    pub(super) starts: &'a [u64],
    /// `None` where the search was stopped within the window.
    pub(super) found: Option<Found>,
    pub(super) figures: Figures,
    /// The start of the newest trace of the block that is left.
    pub(super) next: Option<Timestamp>,
}

/// Hands the windows of a block to `each`, the newest first, until that breaks. Gives the start of the
/// first trace not looked at where the search was stopped.
pub(super) fn for_each_window(
    view: &Arc<BlockView>,
    prepared: &Prepared,
    options: &SearchOptions,
    brake: Brake,
    mut each: impl FnMut(Window<'_>) -> Result<ControlFlow<()>, BlockError>,
) -> Result<Option<Timestamp>, BlockError> {
    if brake.stops() {
        return Ok(Some(view_bound(view, options.order)));
    }
    let source = BlockSource::new(view, rows_in_time(view, options)?, brake)?;
    let looked_at = work(&prepared.plan, &source)?.rows;
    if looked_at <= FEW_ROWS {
        return at_once(view, prepared, options, &source, each);
    }
    let firsts = view.block.trace_first_rows()?;
    let starts = view.block.wide(Section::TraceStarts)?;
    let newest_before = |trace: u32| {
        let nanos = trace.checked_sub(1).and_then(|trace| starts.get(usize_of(trace)));
        nanos.map(|nanos| Timestamp::from_unix_nanos(*nanos))
    };
    let newest_first = options.order == Order::NewestFirst;
    let mut end = source.row_count();
    let mut rows = match (options.limit, options.may_be_stopped()) {
        (Some(_), _) if newest_first && looked_at / SLOW_TIMES > u64::from(end) => {
            FIRST_SLOW_WINDOW_ROWS
        }
        (Some(_), _) if newest_first => FIRST_WINDOW_ROWS,
        (_, true) => BRAKE_ROWS,
        (_, false) => end,
    };
    let mut left = newest_before(trace_of(&firsts, end));
    while end > 0 {
        let trace = trace_of(&firsts, end.saturating_sub(rows));
        let start = firsts.get(usize_of(trace)).copied().unwrap_or(0);
        let (found, figures) = execute(&prepared.plan, &source, start..end)?;
        let next = newest_before(trace);
        let window = Window { view, firsts: &firsts, starts: &starts, found, figures, next };
        let is_whole = window.found.is_some();
        if is_whole {
            left = next;
        }
        if each(window)?.is_break() {
            return Ok(None);
        }
        if (!is_whole || source.stops())
            && let Some(left) = left
        {
            return Ok(Some(if newest_first { left } else { view.start }));
        }
        end = start;
        rows = rows.saturating_mul(WINDOW_GROWTH);
        if options.may_be_stopped() {
            rows = rows.min(BRAKE_ROWS);
        }
    }
    Ok(None)
}

/// The same of a block in one window. When traces begin is read only where something was found.
fn at_once(
    view: &Arc<BlockView>,
    prepared: &Prepared,
    options: &SearchOptions,
    source: &BlockSource<'_>,
    mut each: impl FnMut(Window<'_>) -> Result<ControlFlow<()>, BlockError>,
) -> Result<Option<Timestamp>, BlockError> {
    let (found, figures) = execute(&prepared.plan, source, 0..source.row_count())?;
    let is_whole = found.is_some();
    let (firsts, starts) = match &found {
        Some(found) if !found.rows().is_empty() => {
            (view.block.trace_first_rows()?, view.block.wide(Section::TraceStarts)?)
        }
        _ => Default::default(),
    };
    let window = Window { view, firsts: &firsts, starts: &starts, found, figures, next: None };
    let is_over = each(window)?.is_break();
    Ok(if is_whole || is_over { None } else { Some(view_bound(view, options.order)) })
}

/// The start of a block's first trace in the order.
pub(super) fn view_bound(view: &BlockView, order: Order) -> Timestamp {
    if order == Order::OldestFirst { view.start } else { view.newest }
}

/// A window's matches, without the block's arrays.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) matches: Vec<Match>,
    pub(super) spans_matched: u64,
    pub(super) figures: Figures,
    pub(super) next: Option<Timestamp>,
}

/// All that a search on its own would look at of a block, and maybe more: it does not know what was
/// found in other blocks.
#[derive(Debug)]
pub(super) struct BlockRun {
    pub(super) windows: Vec<Gathered>,
    /// As [`for_each_window`] gives it.
    pub(super) left: Option<Timestamp>,
}

/// Searches a block ahead of others, of which nothing is known yet.
pub(super) fn run_block(
    view: &Arc<BlockView>,
    prepared: &Prepared,
    options: &SearchOptions,
    brake: Brake,
) -> Result<BlockRun, BlockError> {
    let mut windows: Vec<Gathered> = Vec::new();
    let left = for_each_window(view, prepared, options, brake, |window| {
        let mut wanted = Wanted::new(options);
        let spans_matched = match &window.found {
            Some(found) => wanted.collect(&window, found)?,
            None => 0,
        };
        let Window { figures, next, .. } = window;
        let matches = wanted.into_found();
        windows.push(Gathered { matches, spans_matched, figures, next });
        // As many are certain here: the whole search needs no more of the block than this.
        let certain = |one: &&Match| next.is_some_and(|next| one.start > next);
        let found = windows.iter().flat_map(|window| &window.matches).filter(certain).count();
        let is_enough = options.order == Order::NewestFirst
            && options.limit.is_some_and(|limit| limit > 0 && found >= limit);
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(BlockRun { windows, left })
}
