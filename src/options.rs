//! What a user may choose about a store: one struct with documented defaults and units.

use serde::{Deserialize, Serialize};

/// How a store lays out and caches its data. `Options::default()` is right for a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Options {
    /// Most spans in one block, unless a single trace is larger. Default 262,144 (2^18); at least 1.
    pub block_rows_max: u32,
    /// Bytes of a block's image stored under one key. Default 65,000: redb rounds a value's pages up
    /// to a power of two, so this fills 64 KiB. From 64 to 65,000.
    pub chunk_bytes: u32,
    /// Bytes that chunks and decoded sections may take in memory. Default 24 MiB. Together with
    /// [`Options::page_cache_bytes`] this is the store's cache budget.
    pub cache_bytes: u64,
    /// Bytes of redb's own page cache. Default 8 MiB.
    pub page_cache_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_rows_max: 1 << 18,
            chunk_bytes: 65_000,
            cache_bytes: 24 << 20,
            page_cache_bytes: 8 << 20,
        }
    }
}

impl Options {
    /// Checks that every option is in its range; the error says which is not.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.block_rows_max == 0 {
            return Err("block_rows_max is 0, at least 1 expected".to_owned());
        }
        if !(64..=65_000).contains(&self.chunk_bytes) {
            return Err(format!("chunk_bytes is {}, 64 to 65,000 expected", self.chunk_bytes));
        }
        Ok(())
    }
}
