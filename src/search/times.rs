//! Which blocks and which of their traces a time range and a cursor leave. Invariant: a trace that is
//! passed over cannot be in the answer.

use super::options::SearchOptions;
use super::order::Order;
use super::traces;
use super::view::BlockView;
use crate::block::{BlockError, Section};
use crate::codec::cast::usize_of;
use crate::query::rows::Rows;
use crate::time::Timestamp;

/// True if no trace of the block can be in the answer.
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
    traces::rows_where(&view.block, meets).map(Some)
}
