//! What a reader sees: the blocks of one instant, with their masks.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::block::{Block, BlockId, Cache, Chunks, Image};
use crate::search::BlockView;
use crate::storage::BlockRecord;

/// The blocks of one instant.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// Blocks with their records, by id.
    pub(super) blocks: BTreeMap<BlockId, (BlockRecord, Arc<BlockView>)>,
    /// Spans that came again with other content, since the store was made.
    pub(super) replaced_spans: u64,
}

impl Snapshot {
    /// The views, in order of their newest trace, newest first.
    pub(super) fn newest_first(&self) -> Vec<Arc<BlockView>> {
        let mut views: Vec<&(BlockRecord, Arc<BlockView>)> = self.blocks.values().collect();
        views.sort_by_key(|(record, _)| std::cmp::Reverse((record.newest, record.id)));
        views.into_iter().map(|(_, view)| Arc::clone(view)).collect()
    }

    /// Adds a block, or gives one a new mask.
    pub(super) fn put(&mut self, record: BlockRecord, block: Arc<Block>, masked: RoaringBitmap) {
        // A trace whose clocks ran backwards still takes place at its start.
        let times = (record.start, record.newest, record.end.max(record.newest));
        let view = Arc::new(BlockView::new(block, masked, times));
        self.blocks.insert(record.id, (record, view));
    }
}

/// A block of the store, nothing of it read yet.
pub(super) fn open_block(
    record: &BlockRecord,
    chunks: Arc<dyn Chunks>,
    cache: Arc<Cache>,
) -> Arc<Block> {
    Arc::new(Block::new(Image {
        block: record.id,
        len: record.image_len,
        chunk_len: u64::from(record.chunk_len.max(1)),
        chunks,
        cache,
    }))
}
