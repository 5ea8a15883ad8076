//! A block as one snapshot of the store sees it.

use std::iter::once;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::block::{Block, BlockError, Section};
use crate::codec::cast::usize_of;
use crate::id::TraceId;
use crate::query::bits::Bits;
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
    /// The rows of masked traces: ascending, with something between each and the next.
    masked_rows: OnceLock<Box<[Range<u32>]>>,
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

    /// The rows of the traces that count; `None` where all do. Cost: that of filling their bits, an eighth
    /// of a byte a row, which is less than to keep them for; the first time also a look at each masked trace.
    pub(crate) fn live_rows(&self) -> Result<Option<Rows>, BlockError> {
        if self.masked.is_empty() {
            return Ok(None);
        }
        let rows = self.block.header()?.rows;
        let mut live = Bits::over(0..rows);
        let (mut next, mut count) = (0, 0);
        for range in self.masked_rows()?.iter().cloned().chain(once(rows..rows)) {
            if let Some(last) = range.start.checked_sub(1).filter(|last| *last >= next) {
                live.set_through(next, last);
                count += u64::from(range.start - next);
            }
            next = range.end;
        }
        Ok(Some(Rows::counted(live, count)))
    }

    /// How many rows masked traces have.
    pub(crate) fn masked_len(&self) -> Result<u64, BlockError> {
        Ok(self.masked_rows()?.iter().map(|range| u64::from(range.end - range.start)).sum())
    }

    fn masked_rows(&self) -> Result<&[Range<u32>], BlockError> {
        if self.masked.is_empty() {
            return Ok(&[]);
        }
        if let Some(known) = self.masked_rows.get() {
            return Ok(known);
        }
        let find = || self.find_masked_rows();
        let found = self.block.made_of(Section::TraceFirstRows, find)?;
        Ok(self.masked_rows.get_or_init(|| found))
    }

    fn find_masked_rows(&self) -> Result<Box<[Range<u32>]>, BlockError> {
        let firsts = self.block.trace_first_rows()?;
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for trace in &self.masked {
            let at = usize_of(trace);
            let (Some(first), Some(end)) = (firsts.get(at), firsts.get(at + 1)) else { continue };
            match ranges.last_mut().filter(|last| last.end == *first) {
                Some(last) => last.end = *end,
                None => ranges.push(*first..*end),
            }
        }
        Ok(ranges.into())
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
