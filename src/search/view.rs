//! A block as one snapshot of the store sees it.

use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::block::{Block, BlockError, Section};
use crate::codec::cast::usize_of;
use crate::id::TraceId;
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
    /// The true block where `block` gives errors only.
    within: Option<Arc<Block>>,
}

impl BlockView {
    /// A view of `block` without the traces in `masked`.
    pub(crate) fn new(
        block: Arc<Block>,
        masked: RoaringBitmap,
        BlockTimes { start, newest, end, retention }: BlockTimes,
    ) -> Self {
        let masked_rows = OnceLock::new();
        Self { block, masked, start, newest, end, retention, masked_rows, within: None }
    }

    /// The same with a block that gives errors only: who needs it is told so.
    pub(crate) fn closed(&self, block: Arc<Block>) -> Self {
        let Self { start, newest, end, retention, .. } = *self;
        let times = BlockTimes { start, newest, end, retention };
        let within = Some(Arc::clone(self.within.as_ref().unwrap_or(&self.block)));
        Self { within, ..Self::new(block, self.masked.clone(), times) }
    }

    /// The number of a trace that counts.
    pub(crate) fn find_trace(&self, id: TraceId) -> Result<Option<u32>, BlockError> {
        let found = match &self.within {
            None => self.block.find_trace(id)?,
            Some(within) => match within.find_trace(id)? {
                None => None,
                // It is there, and cannot be had.
                Some(_) => self.block.find_trace(id)?,
            },
        };
        Ok(found.filter(|number| !self.masked.contains(*number)))
    }

    /// The same block with other traces masked.
    pub(crate) fn with_mask(&self, masked: RoaringBitmap) -> Self {
        let Self { start, newest, end, retention, .. } = *self;
        let times = BlockTimes { start, newest, end, retention };
        let within = self.within.clone();
        Self { within, ..Self::new(Arc::clone(&self.block), masked, times) }
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
