//! Blocks whose image is in memory. Invariant: they are read as stored ones are.

use std::sync::Arc;

use crate::block::{Block, BlockId, Cache, Chunks, Image};
use crate::codec::cast::u64_of;

/// An image as its only chunk.
#[derive(Debug)]
struct InMemory(Arc<[u8]>);

impl Chunks for InMemory {
    fn chunk(
        &self,
        _: BlockId,
        _: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Arc::clone(&self.0))
    }

    fn in_memory(&self) -> bool {
        true
    }
}

/// A block on an image in memory. What is decoded of it goes to the cache as of any block.
pub(crate) fn in_memory(id: BlockId, image: &Arc<[u8]>, cache: &Arc<Cache>) -> Arc<Block> {
    let len = u64_of(image.len());
    Arc::new(Block::new(Image {
        block: id,
        len,
        chunk_len: len.max(1),
        chunks: Arc::new(InMemory(Arc::clone(image))),
        cache: Arc::clone(cache),
    }))
}
