//! Running a plan over blocks. Invariant: traces come out in the order asked for, and a block that
//! cannot hold a wanted trace is not read.

use std::ops::Range;
use std::sync::Arc;

use super::options::{Counts, SearchOptions};
use super::order::{Key, Order};
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
/// Rows between two looks at the clock.
const BRAKE_ROWS: u32 = 1 << 16;

/// A trace that matches, not yet made a result of.
#[derive(Debug, Clone)]
pub(super) struct Match {
    key: Key,
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
    /// True if it was stopped before it had seen everything.
    pub(super) partial: bool,
}

/// The matches wanted, as they are gathered.
struct Wanted<'a> {
    options: &'a SearchOptions,
    limit: usize,
    after: Option<Key>,
    found: Vec<Match>,
    /// The last of the wanted ones among those found, as of the last time that they were settled.
    last: Option<(Key, Timestamp)>,
}

/// The first matches, as many as the limit allows, in order.
pub(super) fn matches(
    views: &[Arc<BlockView>],
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<(Vec<Match>, RunFigures), BlockError> {
    let mut views: Vec<&Arc<BlockView>> = views.iter().collect();
    if options.order == Order::OldestFirst {
        views.sort_by_key(|view| view.start);
    }
    let mut wanted = Wanted {
        options,
        limit: options.limit.unwrap_or(usize::MAX),
        after: options.after.map(|cursor| cursor.key(options.order)),
        found: Vec::new(),
        last: None,
    };
    let mut run = RunFigures { blocks: u64_of(views.len()), ..RunFigures::default() };
    for view in views {
        if wanted.limit == 0 || wanted.is_beyond(view) || outside(view, options) {
            run.blocks_skipped += 1;
            continue;
        }
        // Blocks come by their newest (or oldest) trace, so this bounds all that are left.
        if let Some(left) = wanted.block_matches(view, prepared, &mut run)? {
            run.partial = true;
            wanted.keep_certain(left.max(view_bound(view, options.order)));
            break;
        }
    }
    let mut found = wanted.found;
    found.sort_by_key(|found| found.key);
    found.truncate(wanted.limit);
    Ok((found, run))
}

/// The start of a block's first trace in the order.
fn view_bound(view: &BlockView, order: Order) -> Timestamp {
    if order == Order::OldestFirst { view.start } else { view.newest }
}

pub(super) fn outside(view: &BlockView, options: &SearchOptions) -> bool {
    let before = options.start.is_some_and(|start| view.end < start);
    let behind = options.end.is_some_and(|end| view.start > end);
    let paged = options.after.is_some_and(|cursor| match options.order {
        Order::NewestFirst => view.start > cursor.start(),
        Order::OldestFirst => view.newest < cursor.start(),
        Order::LongestFirst | Order::MostSpansFirst => false,
    });
    before || behind || paged
}

impl Wanted<'_> {
    /// Drops what is beyond the limit, and takes note of the last that is within.
    fn settle(&mut self) {
        if self.limit == 0 || self.found.len() < self.limit {
            return;
        }
        let (_, last, _) = self.found.select_nth_unstable_by_key(self.limit - 1, |one| one.key);
        self.last = Some((last.key, last.start));
        self.found.truncate(self.limit);
    }

    /// The start of the last of the wanted matches, once there are as many as are wanted.
    fn last_start(&self) -> Option<Timestamp> {
        self.last.map(|(_, start)| start)
    }

    /// True if no trace of the block can be among the wanted ones.
    fn is_beyond(&self, view: &BlockView) -> bool {
        self.last_start().is_some_and(|last| match self.options.order {
            Order::NewestFirst => last > view.newest,
            Order::OldestFirst => last < view.start,
            Order::LongestFirst | Order::MostSpansFirst => false,
        })
    }

    /// Of a search that was stopped, keeps the matches that come before everything not looked at.
    /// By duration or count nothing is certain; there the best so far stay.
    fn keep_certain(&mut self, left: Timestamp) {
        match self.options.order {
            Order::NewestFirst => self.found.retain(|found| found.start > left),
            Order::OldestFirst => self.found.retain(|found| found.start < left),
            Order::LongestFirst | Order::MostSpansFirst => {}
        }
    }

    /// Adds the matches of one block that can be among the wanted ones. Gives the start of the first
    /// trace not looked at where the search was stopped.
    fn block_matches(
        &mut self,
        view: &Arc<BlockView>,
        prepared: &Prepared,
        run: &mut RunFigures,
    ) -> Result<Option<Timestamp>, BlockError> {
        if self.options.is_stopped() {
            return Ok(Some(view_bound(view, self.options.order)));
        }
        let source = BlockSource::new(view, rows_in_time(view, self.options)?)?;
        let firsts = view.block.trace_first_rows()?;
        let starts = view.block.wide(Section::TraceStarts)?;
        let newest_first = self.options.order == Order::NewestFirst;
        let mut end = source.row_count();
        let mut rows = match (self.options.limit, self.options.may_be_stopped()) {
            (Some(_), _) if newest_first => FIRST_WINDOW_ROWS,
            (_, true) => BRAKE_ROWS,
            (_, false) => end,
        };
        while end > 0 {
            let trace = super::traces::trace_of(&firsts, end.saturating_sub(rows));
            let start = firsts.get(usize_of(trace)).copied().unwrap_or(0);
            let (window, figures) = execute(&prepared.plan, &source, start..end)?;
            run.figures.add(&figures);
            run.spans_matched += self.collect(view, &firsts, &starts, &window)?;
            let next = trace.checked_sub(1).and_then(|trace| starts.get(usize_of(trace)));
            let next = next.map(|nanos| Timestamp::from_unix_nanos(*nanos));
            let certain = |last: Timestamp| next.is_some_and(|next| last > next);
            if newest_first && self.last_start().is_some_and(certain) {
                return Ok(None);
            }
            if let Some(next) = next
                && self.options.is_stopped()
            {
                return Ok(Some(if newest_first { next } else { view.start }));
            }
            end = start;
            rows = rows.saturating_mul(WINDOW_GROWTH);
            if self.options.may_be_stopped() {
                rows = rows.min(BRAKE_ROWS);
            }
        }
        Ok(None)
    }

    /// Adds the traces of a window as far as they are wanted; gives the number of spans that matched.
    fn collect(
        &mut self,
        view: &Arc<BlockView>,
        firsts: &[u32],
        starts: &[u64],
        window: &Found,
    ) -> Result<u64, BlockError> {
        let order = self.options.order;
        let mut matched = 0;
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
            let few = order == Order::NewestFirst && self.after.is_none();
            let limit = if few { self.limit } else { usize::MAX };
            traces = newest_traces(&rows, firsts, starts, limit)?;
        }
        let ends = view.block.wide(Section::TraceEnds)?;
        for (trace, sets) in traces {
            let nanos = |times: &[u64]| times.get(usize_of(trace)).copied().unwrap_or(0);
            let start = Timestamp::from_unix_nanos(nanos(starts));
            if order == Order::NewestFirst && self.last_start().is_some_and(|last| last > start) {
                break;
            }
            let id = view.block.trace_id(trace)?;
            let duration = nanos(&ends).saturating_sub(nanos(starts));
            let spans = sets.iter().map(|set| u64_of(set.rows.len())).sum();
            let key = Key::new(order, start, id, duration, spans);
            self.add(Match { key, start, id, view: Arc::clone(view), trace, sets });
        }
        self.settle();
        Ok(matched)
    }

    fn add(&mut self, one: Match) {
        let before = self.after.is_some_and(|after| one.key <= after);
        if before || self.last.is_some_and(|(last, _)| one.key > last) {
            return;
        }
        self.found.push(one);
        // Settling costs what it looks at, so it waits until as much is new.
        if self.found.len() / 2 >= self.limit {
            self.settle();
        }
    }
}

/// The rows of the traces that meet the time range and can come after the cursor; `None` for all.
pub(super) fn rows_in_time(
    view: &BlockView,
    options: &SearchOptions,
) -> Result<Option<Rows>, BlockError> {
    if options.start.is_none() && options.end.is_none() && options.after.is_none() {
        return Ok(None);
    }
    let from = options.start.map_or(0, Timestamp::unix_nanos);
    let to = options.end.map_or(u64::MAX, Timestamp::unix_nanos);
    let (first, last) =
        match (options.after.map(|cursor| cursor.start().unix_nanos()), options.order) {
            (Some(start), Order::NewestFirst) => (0, start),
            (Some(start), Order::OldestFirst) => (start, u64::MAX),
            _ => (0, u64::MAX),
        };
    let starts = view.block.wide(Section::TraceStarts)?;
    let ends = view.block.wide(Section::TraceEnds)?;
    let meets = |trace: u32| {
        let at = usize_of(trace);
        let start = starts.get(at).copied().unwrap_or(0);
        // A trace whose clocks ran backwards still takes place at its start.
        let end = ends.get(at).copied().unwrap_or(0).max(start);
        Ok(start <= to && end >= from && (first..=last).contains(&start))
    };
    super::traces::rows_where(&view.block, meets).map(Some)
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
        if options.is_stopped() {
            counts.partial = true;
            break;
        }
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
