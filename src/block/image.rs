//! The bytes of a block, fetched chunk by chunk. Invariant: only the chunks that a range touches are
//! fetched, and a chunk is handed out only after its checksum held.

use std::fmt::Debug;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::cache::{Cache, Cached, Slot};
use super::error::{BlockError, BlockId};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, u64_of, usize_of_u64};

/// Where chunks come from: the payload of a chunk, its checksum verified.
pub(crate) trait Chunks: Debug + Send + Sync {
    /// The payload of chunk number `chunk` of `block`.
    fn chunk(
        &self,
        block: BlockId,
        chunk: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>>;

    /// True if chunks are in memory anyway, so that they are not cached a second time.
    fn in_memory(&self) -> bool {
        false
    }
}

/// A block's image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) block: BlockId,
    pub(crate) len: u64,
    /// Payload bytes of every chunk but the last; not 0.
    pub(crate) chunk_len: u64,
    pub(crate) chunks: Arc<dyn Chunks>,
    pub(crate) cache: Arc<Cache>,
}

/// Bytes of an image: a part of a chunk, or pieces of several put together.
#[derive(Debug, Clone)]
pub(crate) enum Slice {
    Shared(Arc<[u8]>, Range<usize>),
    Owned(Vec<u8>),
}

/// What a read leaves in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Chunks,
    Nothing,
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes, range) => bytes.get(range.clone()).unwrap_or_default(),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Image {
    /// The bytes from `offset` on, `len` of them; the chunks are kept in the cache.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<Slice, BlockError> {
        self.read_by(offset, len, Keep::Chunks)
    }

    /// As [`Image::read`], for bytes that are decoded at once: chunks are not kept for them.
    pub(crate) fn read_once(&self, offset: u64, len: u64) -> Result<Slice, BlockError> {
        self.read_by(offset, len, Keep::Nothing)
    }

    fn read_by(&self, offset: u64, len: u64, keep: Keep) -> Result<Slice, BlockError> {
        let Some(end) = offset.checked_add(len).filter(|end| *end <= self.len) else {
            let what = format!("bytes {offset} + {len} of an image of {}", self.len);
            return Err(self.corrupt("image", Malformed::new(usize_of_u64(offset), what)));
        };
        let first = offset / self.chunk_len;
        if len == 0 {
            return Ok(Slice::Owned(Vec::new()));
        }
        if (end - 1) / self.chunk_len == first {
            let start = usize_of_u64(offset - first * self.chunk_len);
            let range = start..start + usize_of_u64(len);
            return Ok(Slice::Shared(self.chunk(first, keep)?, range));
        }
        let mut bytes = Vec::with_capacity(usize_of_u64(len));
        let mut at = offset;
        while at < end {
            let number = at / self.chunk_len;
            let chunk = self.chunk(number, keep)?;
            let start = usize_of_u64(at - number * self.chunk_len);
            let stop = usize_of_u64((end - number * self.chunk_len).min(self.chunk_len));
            bytes.extend_from_slice(chunk.get(start..stop).unwrap_or_default());
            at = (number + 1) * self.chunk_len;
        }
        Ok(Slice::Owned(bytes))
    }

    fn chunk(&self, number: u64, keep: Keep) -> Result<Arc<[u8]>, BlockError> {
        let chunk = low_u32(number);
        let in_memory = self.chunks.in_memory();
        if !in_memory
            && let Some(Cached::Bytes(bytes)) = self.cache.get(self.block, &Slot::Chunk(chunk))
        {
            return Ok(bytes);
        }
        let bytes = self.chunks.chunk(self.block, chunk).map_err(|cause| BlockError::Chunk {
            block: self.block,
            chunk,
            cause,
        })?;
        let expected = (self.len - number * self.chunk_len).min(self.chunk_len);
        if u64_of(bytes.len()) != expected {
            let what = format!("{} bytes, {expected} expected", bytes.len());
            return Err(self.corrupt(&format!("chunk {chunk}"), Malformed::new(0, what)));
        }
        if keep == Keep::Chunks && !in_memory {
            self.cache.put(self.block, Slot::Chunk(chunk), Cached::Bytes(Arc::clone(&bytes)));
        }
        Ok(bytes)
    }

    /// An error about `section`.
    pub(crate) fn corrupt(&self, section: &str, cause: Malformed) -> BlockError {
        BlockError::Corrupt { block: self.block, section: section.to_owned(), cause }
    }
}
