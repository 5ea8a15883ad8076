//! What can be wrong with a block. Invariant: an error names the block, the section and the place.

use std::fmt;

use crate::codec::bytes::Malformed;

/// The number of a block within its store.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) struct BlockId(pub(crate) u64);

impl BlockId {
    /// Blocks from here up are in memory: the file has none of them.
    const FIRST_IN_MEMORY: u64 = 1 << 63;
    /// A block that has no number yet.
    pub(crate) const NEW: Self = Self(u64::MAX);

    /// A block in memory.
    pub(crate) fn in_memory(number: u64) -> Self {
        Self(Self::FIRST_IN_MEMORY | number)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEW {
            return f.write_str("in the making");
        }
        match self.0.checked_sub(Self::FIRST_IN_MEMORY) {
            Some(number) => write!(f, "{number} in memory"),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Why a block cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlockError {
    /// Bytes that are not what the format says.
    #[error("block {block}, {section}: {cause}")]
    Corrupt { block: BlockId, section: String, cause: Malformed },
    /// A chunk could not be fetched.
    #[error("block {block}, chunk {chunk} cannot be read")]
    Chunk {
        block: BlockId,
        chunk: u32,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}
