//! What a user may choose about a store: one struct with documented defaults and units.

use std::num::NonZero;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When what was taken in is safe from a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Durability {
    /// When `ingest` returns. Batches of threads that wait for one another share one write.
    EachCommit,
    /// At most so long after `ingest` returned, as long as the store's thread runs. A crash of the
    /// process or the machine may lose what was acknowledged since, the latest batches first and
    /// each whole; closing the store loses nothing. No other process can read the file meanwhile. From
    /// a millisecond to a minute.
    Within(Duration),
}

/// Who seals and compacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Maintenance {
    /// A thread of the store.
    Background,
    /// The program, by `Store::maintain`; and `ingest`, once twice as much is in memory as should be.
    ByHand,
}

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
    /// When what was taken in is durable. Default: when `ingest` returns.
    pub durability: Durability,
    /// Who seals and compacts. Default: a thread of the store.
    pub maintenance: Maintenance,
    /// Bytes of blocks in memory, and so of the journal, at which they are moved to blocks of the
    /// file. Default 16 MiB, some 180,000 spans; `block_rows_max` spans are enough, too. At twice as
    /// much `ingest` does it itself. What is in memory is read from the journal on opening.
    pub head_bytes_max: u64,
    /// After so long, what is in memory is moved to blocks of the file even if it is little. Default
    /// a minute.
    pub seal_after: Duration,
    /// True to have redb check every page of the file on opening. Default false: opening reads little,
    /// and damage shows when what is damaged is read. Cost: it reads the whole file, some 0.7 s a GB.
    pub paranoid_open: bool,
    /// Most threads that work on one query, that of the caller among them. One fewer are kept by the
    /// store for all its queries, from the first one that wants them until the last handle of the
    /// store is dropped. Default as many as the machine runs at once; from 1, which keeps none, to
    /// 1,024.
    pub query_threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_rows_max: 1 << 18,
            chunk_bytes: 65_000,
            cache_bytes: 24 << 20,
            page_cache_bytes: 8 << 20,
            durability: Durability::EachCommit,
            maintenance: Maintenance::Background,
            head_bytes_max: 16 << 20,
            seal_after: Duration::from_secs(60),
            paranoid_open: false,
            query_threads: std::thread::available_parallelism().map_or(1, NonZero::get).min(1024),
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
        if let Durability::Within(limit) = self.durability
            && !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&limit)
        {
            return Err(format!("durability is within {limit:?}, 1 ms to 1 min expected"));
        }
        if !(1..=1024).contains(&self.query_threads) {
            return Err(format!("query_threads is {}, 1 to 1,024 expected", self.query_threads));
        }
        Ok(())
    }
}
