//! A block as one snapshot of the store sees it.

use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::block::{Block, BlockError, Section};
use crate::codec::cast::usize_of;
use crate::query::rows::Rows;
use crate::time::Timestamp;

/// Times of a block's traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BlockTimes {
    /// Earliest start, latest start and latest end.
    pub(crate) start: Timestamp,
    pub(crate) newest: Timestamp,
    pub(crate) end: Timestamp,
    /// The latest of their retention times: of a trace the earlier of its end and its arrival.
    pub(crate) retention: Timestamp,
}

/// A block with what of it counts.
#[derive(Debug)]
pub(crate) struct BlockView {
    pub(crate) block: Arc<Block>,
    /// Numbers of traces that have moved on.
    pub(crate) masked: RoaringBitmap,
    /// Earliest start, latest start and latest end of its traces.
    pub(crate) start: Timestamp,
    pub(crate) newest: Timestamp,
    pub(crate) end: Timestamp,
    /// The latest of their retention times.
    pub(crate) retention: Timestamp,
    masked_rows: OnceLock<Rows>,
}

impl BlockView {
    /// A view of `block` without the traces in `masked`.
    pub(crate) fn new(
        block: Arc<Block>,
        masked: RoaringBitmap,
        BlockTimes { start, newest, end, retention }: BlockTimes,
    ) -> Self {
        Self { block, masked, start, newest, end, retention, masked_rows: OnceLock::new() }
    }

    /// The same block with other traces masked.
    pub(crate) fn with_mask(&self, masked: RoaringBitmap) -> Self {
        let Self { start, newest, end, retention, .. } = *self;
        Self::new(Arc::clone(&self.block), masked, BlockTimes { start, newest, end, retention })
    }

    /// The rows of masked traces; `None` where none is masked.
    pub(crate) fn masked_rows(&self) -> Result<Option<&Rows>, BlockError> {
        if self.masked.is_empty() {
            return Ok(None);
        }
        if let Some(rows) = self.masked_rows.get() {
            return Ok(Some(rows));
        }
        let firsts = self.block.trace_first_rows()?;
        let ranges = self.masked.iter().filter_map(|trace| {
            let at = usize_of(trace);
            Some(firsts.get(at).copied()?..firsts.get(at + 1).copied()?)
        });
        Ok(Some(self.masked_rows.get_or_init(|| Rows::from_ranges(ranges))))
    }
    /// Earliest start and latest end of the traces that count; `None` where none does.
    pub(crate) fn live_range(&self) -> Result<Option<(Timestamp, Timestamp)>, BlockError> {
        if self.masked.is_empty() {
            return Ok(Some((self.start, self.end)));
        }
        let starts = self.block.wide(Section::TraceStarts)?;
        let ends = self.block.wide(Section::TraceEnds)?;
        let traces = starts.iter().zip(ends.iter()).zip(0u32..);
        let live = traces.filter(|(_, number)| !self.masked.contains(*number));
        // A trace whose clocks ran backwards still takes place at its start.
        let times = live.map(|((start, end), _)| (*start, *start.max(end)));
        let range = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let time = Timestamp::from_unix_nanos;
        Ok(range.map(|(start, end)| (time(start), time(end))))
    }
}
