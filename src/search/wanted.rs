//! The matches that a search wants, as they are gathered. Invariant: what is dropped comes after as many
//! others as are wanted, or before the cursor.

use std::sync::Arc;

use super::options::SearchOptions;
use super::order::{Key, Order};
use super::traces::trace_of;
use super::view::BlockView;
use super::window::Window;
use crate::block::{BlockError, Section};
use crate::codec::cast::{u64_of, usize_of};
use crate::id::TraceId;
use crate::query::exec::{Found, for_each_trace};
use crate::query::rows::Rows;
use crate::query::value::Scalar;
use crate::time::Timestamp;

/// A trace that matches, not yet made a result of.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) key: Key,
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

/// The matches wanted.
pub(super) struct Wanted<'a> {
    options: &'a SearchOptions,
    limit: usize,
    after: Option<Key>,
    found: Vec<Match>,
    /// The last of the wanted ones among those found, as of the last time that they were settled.
    last: Option<(Key, Timestamp)>,
}

impl<'a> Wanted<'a> {
    /// None yet.
    pub(super) fn new(options: &'a SearchOptions) -> Self {
        Self {
            options,
            limit: options.limit.unwrap_or(usize::MAX),
            after: options.after.map(|cursor| cursor.key(options.order)),
            found: Vec::new(),
            last: None,
        }
    }

    /// Those wanted of all that were found, in order.
    pub(super) fn into_matches(mut self) -> Vec<Match> {
        self.found.sort_by_key(|found| found.key);
        self.found.truncate(self.limit);
        self.found
    }

    /// Those found that may be wanted, in no order.
    pub(super) fn into_found(self) -> Vec<Match> {
        self.found
    }

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

    /// True if no trace of the block can be among the wanted ones, nor of any block after it in the
    /// order of a search by start.
    pub(super) fn is_beyond(&self, view: &BlockView) -> bool {
        self.last_start().is_some_and(|last| match self.options.order {
            Order::NewestFirst => last > view.newest,
            Order::OldestFirst => last < view.start,
            Order::LongestFirst | Order::MostSpansFirst => false,
        })
    }

    /// True if no trace that starts at `next` or before can be among the wanted ones.
    pub(super) fn is_settled_before(&self, next: Option<Timestamp>) -> bool {
        let certain = |last: Timestamp| next.is_some_and(|next| last > next);
        self.options.order == Order::NewestFirst && self.last_start().is_some_and(certain)
    }

    /// Of a search that was stopped, keeps the matches that come before everything not looked at.
    /// By duration or count nothing is certain; there the best so far stay.
    pub(super) fn keep_certain(&mut self, left: Timestamp) {
        match self.options.order {
            Order::NewestFirst => self.found.retain(|found| found.start > left),
            Order::OldestFirst => self.found.retain(|found| found.start < left),
            Order::LongestFirst | Order::MostSpansFirst => {}
        }
    }

    /// Adds the traces of a window as far as they are wanted; gives the number of spans that matched.
    pub(super) fn collect(
        &mut self,
        window: &Window<'_>,
        found: &Found,
    ) -> Result<u64, BlockError> {
        let Window { view, firsts, starts, .. } = *window;
        let order = self.options.order;
        let mut matched = 0;
        let mut traces: Vec<(u32, Vec<MatchSet>)> = Vec::new();
        if let Some(sets) = &found.sets {
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
            let rows = found.rows();
            matched += rows.len();
            let few = order == Order::NewestFirst && self.after.is_none();
            let limit = if few { self.limit } else { usize::MAX };
            traces = newest_traces(&rows, firsts, starts, limit)?;
        }
        if traces.is_empty() {
            return Ok(matched);
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

    /// Adds matches that another has collected.
    pub(super) fn extend(&mut self, found: Vec<Match>) {
        for one in found {
            self.add(one);
        }
        self.settle();
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
    while let Some(last) = rows.last_before(end) {
        let trace = trace_of(firsts, last);
        let first = firsts.get(usize_of(trace)).copied().unwrap_or(0);
        let start = starts.get(usize_of(trace));
        let wanted = limit.checked_sub(1).and_then(|at| traces.get(at));
        let beyond = |(other, _): &(u32, Vec<MatchSet>)| starts.get(usize_of(*other)) > start;
        if wanted.is_some_and(beyond) {
            break;
        }
        traces.push((trace, whole(rows.within(first..end).to_vec())));
        end = first;
    }
    Ok(traces)
}
