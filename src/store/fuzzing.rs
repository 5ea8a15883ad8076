//! Blocks in memory whose bytes can be edited, for the fuzz targets. No API: it is there with the
//! feature `fuzzing` alone, and changes without notice. Invariant: a block is asked here as a store
//! asks its blocks.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::batch::Batch;
use crate::block::repair::{repair, sections};
use crate::block::{
    Block, BlockId, Cache, Chunks, Image, arrange_all, build, decode_column_parts, group_by_trace,
};
use crate::codec::cast::{u64_of, usize_of};
use crate::error::Error;
use crate::id::TraceId;
use crate::model::{Span, Trace};
use crate::query::{SearchResult, field};
use crate::search::{
    self, BlockTimes, BlockView, Counts, Pool, PreparedQuery, SearchOptions, TagNames, TagOptions,
    TagValues,
};
use crate::time::Timestamp;

/// The bytes of a block.
#[derive(Debug, Clone)]
pub struct BlockImage {
    bytes: Vec<u8>,
}

/// Reads bytes as each part of a column that stands in them as it is, small or large.
pub fn decode_parts(bytes: &[u8]) {
    decode_column_parts(bytes);
}

/// A block that is read from memory.
#[derive(Debug)]
pub struct MemoryBlock {
    view: Arc<BlockView>,
    pool: Pool,
}

#[derive(Debug)]
struct MemoryChunks {
    image: Vec<u8>,
    chunk_len: usize,
}

impl Chunks for MemoryChunks {
    fn chunk(
        &self,
        _: BlockId,
        chunk: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
        let start = usize_of(chunk).saturating_mul(self.chunk_len);
        let rest = self.image.get(start..).unwrap_or_default();
        match rest.get(..self.chunk_len.min(rest.len())) {
            Some(bytes) if !bytes.is_empty() => Ok(bytes.into()),
            _ => Err("no such chunk".into()),
        }
    }
}

impl BlockImage {
    /// The image of the batch's spans; `None` where it has none.
    pub fn new(batch: Batch) -> Option<Self> {
        let staging = batch.staging;
        let (mut traces, _) = arrange_all(&staging, group_by_trace(&staging));
        traces.sort_by_key(|trace| (trace.start, trace.id));
        let built = build(&staging, &traces).ok().filter(|built| built.header.rows > 0)?;
        Some(Self { bytes: built.image })
    }

    /// The bytes, to be edited.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Where the sections lie.
    pub fn sections(&self) -> Vec<Range<usize>> {
        sections(&self.bytes).into_iter().map(|(_, range)| range).collect()
    }

    /// Makes length and checksums hold again.
    pub fn repair(&mut self) {
        repair(&mut self.bytes);
    }

    /// The block, cut into chunks of `chunk_len` bytes, without the traces in `masked`.
    pub fn open(self, chunk_len: u16, masked: &[u32]) -> MemoryBlock {
        let chunk_len = chunk_len.max(1);
        let block = Block::new(Image {
            block: BlockId(1),
            len: u64_of(self.bytes.len()),
            chunk_len: u64::from(chunk_len),
            chunks: Arc::new(MemoryChunks { image: self.bytes, chunk_len: chunk_len.into() }),
            cache: Arc::new(Cache::new(1 << 20)),
        });
        let end = Timestamp::MAX;
        let times = BlockTimes { newest: end, end, ..BlockTimes::default() };
        let masked: RoaringBitmap = masked.iter().copied().collect();
        MemoryBlock {
            view: Arc::new(BlockView::new(Arc::new(block), masked, times)),
            pool: Pool::new(1),
        }
    }
}

impl MemoryBlock {
    fn views(&self) -> [Arc<BlockView>; 1] {
        [Arc::clone(&self.view)]
    }

    /// As [`Store::search`](crate::Store::search).
    ///
    /// # Errors
    /// As there.
    pub fn search(
        &self,
        query: &PreparedQuery,
        options: &SearchOptions,
    ) -> Result<SearchResult, Error> {
        let mut found =
            search::Findings::new(&self.pool, &self.views(), query.prepared(), options)?;
        let mut traces = Vec::new();
        while let Some(made) = found.make_next()? {
            traces.push(made);
        }
        Ok(SearchResult { traces, ..found.outcome })
    }

    /// As [`Store::count`](crate::Store::count).
    ///
    /// # Errors
    /// As there.
    pub fn count(&self, query: &PreparedQuery, options: &SearchOptions) -> Result<Counts, Error> {
        Ok(search::count(&self.pool, &self.views(), query.prepared(), options)?)
    }

    /// As [`Store::tag_names`](crate::Store::tag_names), of all scopes.
    ///
    /// # Errors
    /// As there.
    pub fn tag_names(
        &self,
        query: Option<&PreparedQuery>,
        options: &TagOptions,
    ) -> Result<TagNames, Error> {
        Ok(search::tag_names(
            &self.views(),
            None,
            query.map(|query| query.prepared().as_ref()),
            options,
        )?)
    }

    /// As [`Store::tag_values`](crate::Store::tag_values).
    ///
    /// # Errors
    /// As there.
    pub fn tag_values(
        &self,
        name: &str,
        query: Option<&PreparedQuery>,
        options: &TagOptions,
    ) -> Result<TagValues, Error> {
        let query = query.map(|query| query.prepared().as_ref());
        Ok(search::tag_values(&self.views(), &field(name)?, query, options)?)
    }

    /// As [`Store::trace`](crate::Store::trace).
    ///
    /// # Errors
    /// As there.
    pub fn trace(&self, id: TraceId) -> Result<Option<Trace>, Error> {
        Ok(search::trace(&self.views(), id)?)
    }

    /// The spans of all traces, as a writer takes them over into a new block.
    ///
    /// # Errors
    /// If the block cannot be read.
    pub fn spans(&self) -> Result<Vec<Span>, Error> {
        let block = &self.view.block;
        let mut entries = Vec::new();
        for number in 0..block.header()?.traces {
            entries.push(block.trace_entry(number)?);
        }
        Ok(block.traces_spans(&entries)?.0)
    }
}
