//! What a user may choose about a store: one struct with documented defaults and units.

use std::num::NonZero;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When what was taken in is safe from a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Durability {
    /// When `ingest` returns. Batches of threads that wait for one another share one write.
    EachCommit,
    /// At most so long after `ingest` returned, and as long as a write to the medium takes then, while
    /// the store's threads run. A crash of the process or the machine may lose what was acknowledged
    /// since, the latest batches first and each whole; closing the store loses nothing. No other process
    /// can read the file meanwhile. From a millisecond to a minute.
    Within(Duration),
}

/// Who seals and compacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Maintenance {
    /// Three threads of the store: one seals and compacts, one readies what comes in for readers, one
    /// makes larger blocks of that in memory; with [`Durability::Within`] a fourth makes it durable. New blocks are asked what was asked in the last seconds
    /// before readers see them. Where the second does not keep up, `ingest` does its work.
    Background,
    /// The program, by `Store::maintain`; and `ingest`, once twice as much is in memory as should be.
    ByHand,
}

/// How a store lays out and caches its data. `Options::default()` is right for a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Bytes of blocks in memory at which they are moved to blocks of the file. Default 16 MiB, some
    /// 180,000 spans; `block_rows_max` spans are enough, too. At twice as much `ingest` does it itself.
    /// What is in memory is read from the journal on opening. The journal takes more of the file than
    /// that: each batch is an entry of its own, which shares no text with others and is a power of two
    /// of pages long, while blocks in memory are merged. Of small batches that is several times as
    /// much. With [`Options::bytes_max`] the bytes of the journal count likewise.
    pub head_bytes_max: u64,
    /// After so long, what is in memory is moved to blocks of the file even if it is little. Default
    /// a minute.
    pub seal_after: Duration,
    /// True to have redb check every page of the file on opening. Default false: opening reads little,
    /// and damage shows when what is damaged is read. Cost: it reads the whole file, some 0.7 s a GB.
    pub paranoid_open: bool,
    /// Most threads that work on one query, that of the caller among them. One fewer are kept by the
    /// store for all its queries, from the first one that wants them until the last handle of the
    /// store is dropped. Those that worked on a query keep a processor busy for some 30 us more, looking
    /// for the next one, and sleep then. Default as many as the machine runs at once; from 1, which
    /// keeps none, to 1,024.
    pub query_threads: usize,
    /// How long traces are kept. A block goes once all of its traces are older: a trace is as old as
    /// its latest end, or its arrival where that is earlier. Spans that old are refused on arrival.
    /// Default none, which keeps all; at least a second.
    pub retention_age: Option<Duration>,
    /// Most bytes that the file takes on disk (`st_blocks`; its length may be more, and sparse). To
    /// make room, the blocks whose newest trace is oldest go first. It holds within a tenth and
    /// 4 MiB. Blocks are cut to at most a 32nd of it, and at most a 64th is kept in memory. A batch
    /// larger than a block is stored block by block, not as a whole. What a search reads and is
    /// dropped stays for ten seconds at most, and at most a tenth of the cap, and then the search ends
    /// with [`Error::SnapshotExpired`](crate::Error::SnapshotExpired). A file that takes more when it
    /// is opened is brought down before opening returns. Default none; at least 16 MiB.
    pub bytes_max: Option<u64>,
    /// Where there is a cap on bytes: the most, in percent, that one service may have of the bytes that
    /// count in blocks, so that a noisy service cannot push out the traces of others. A trace is
    /// charged whole to the service (`service.name` of the resource; `""` where there is none) that has
    /// the most of its spans, of equals to the one whose name sorts first; it takes its part of its
    /// block by the number of its spans. While blocks take more than three quarters of `bytes_max`, the
    /// oldest traces of the service that has most (by their start) go until it has no more than its share, or blocks
    /// take no more than that; it is not brought below its share by more than a block. So a single
    /// service fills three quarters of the cap. `Stats` counts what went. Late spans of a trace that
    /// went start a new one. Cost: a pass over the resources of each block's spans, once, and blocks
    /// that lose an eighth are written anew. Default none; from 1 to 100, which limits nothing, and
    /// only with `bytes_max`.
    pub service_share_max: Option<u8>,
    /// How much is taken in.
    pub limits: Limits,
}

/// How much is taken in, so that no sender can fill memory or make one trace larger than a search
/// can handle. What goes beyond is cut or refused, and counted; it is never an error of the store. A
/// batch of [`Store::batch`](crate::Store::batch) cuts values and lists as it is filled, one of
/// [`Batch::new`](crate::Batch::new) by the defaults here, and `ingest` by what the store has, if
/// that is less.
///
/// No block has a limit of its own: of keys, values, services there may be as many as there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Spans of one trace. Further ones are refused, also such as are stored already, and counted in
    /// [`Ingested::refused`](crate::Ingested::refused) and
    /// [`Stats::refused_spans`](crate::Stats::refused_spans). Threads that take in spans of one trace
    /// at one time may go beyond by a batch each. Where this is less than the spans of a block, each
    /// ingest looks its traces up. Default 1,000,000; at least 1.
    pub trace_spans_max: u64,
    /// Bytes of an attribute's value, wherever the attribute is. Longer text is cut between
    /// characters, longer bytes are cut, longer arrays and lists and keys are left out with their
    /// attribute; each raises the `dropped_attributes_count` beside it. Default 16 MiB; at least 1.
    pub value_bytes_max: u64,
    /// Attributes of one span, event, link, resource or scope. Those after the first so many are
    /// left out, and raise the `dropped_attributes_count` beside them. Default 65,536; at least 1.
    pub attributes_max: u32,
    /// Events of a span. Those after the first so many are left out, and raise its
    /// `dropped_events_count`. Default 65,536; at least 1.
    pub events_max: u32,
    /// Links of a span. Those after the first so many are left out, and raise its
    /// `dropped_links_count`. Default 65,536; at least 1.
    pub links_max: u32,
    /// Spans of a batch: a larger one is refused as a whole, with
    /// [`Error::BatchTooLarge`](crate::Error::BatchTooLarge). Default 16,777,216 (2^24); at least 1.
    pub batch_spans_max: u32,
    /// Bytes of a batch in memory, as [`Batch::memory_bytes`](crate::Batch::memory_bytes) has it: a
    /// larger one is refused as a whole, likewise. Default 2 GiB; at least 1.
    pub batch_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            trace_spans_max: 1_000_000,
            value_bytes_max: 16 << 20,
            attributes_max: 1 << 16,
            events_max: 1 << 16,
            links_max: 1 << 16,
            batch_spans_max: 1 << 24,
            batch_bytes_max: 2 << 30,
        }
    }
}

impl Limits {
    /// Such as cut and refuse nothing, for what was within a store's limits already.
    pub(crate) fn none() -> Self {
        Self {
            trace_spans_max: u64::MAX,
            value_bytes_max: u64::MAX,
            attributes_max: u32::MAX,
            events_max: u32::MAX,
            links_max: u32::MAX,
            batch_spans_max: u32::MAX,
            batch_bytes_max: u64::MAX,
        }
    }

    fn check(&self) -> Result<(), String> {
        let all = [
            ("trace_spans_max", self.trace_spans_max),
            ("value_bytes_max", self.value_bytes_max),
            ("attributes_max", self.attributes_max.into()),
            ("events_max", self.events_max.into()),
            ("links_max", self.links_max.into()),
            ("batch_spans_max", self.batch_spans_max.into()),
            ("batch_bytes_max", self.batch_bytes_max),
        ];
        let zero = all.iter().find(|(_, limit)| *limit == 0);
        zero.map_or(Ok(()), |(name, _)| Err(format!("limits.{name} is 0, at least 1 expected")))
    }
}

/// The least cap on bytes.
const BYTES_MAX_MIN: u64 = 16 << 20;

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
            retention_age: None,
            bytes_max: None,
            service_share_max: None,
            limits: Limits::default(),
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
        if let Some(age) = self.retention_age.filter(|age| *age < Duration::from_secs(1)) {
            return Err(format!("retention_age is {age:?}, at least 1 s expected"));
        }
        if let Some(bytes) = self.bytes_max.filter(|bytes| *bytes < BYTES_MAX_MIN) {
            return Err(format!("bytes_max is {bytes}, at least {BYTES_MAX_MIN} expected"));
        }
        match self.service_share_max {
            Some(percent) if !(1..=100).contains(&percent) => {
                return Err(format!("service_share_max is {percent}, 1 to 100 percent expected"));
            }
            Some(_) if self.bytes_max.is_none() => {
                return Err("service_share_max is set, and bytes_max is not".to_owned());
            }
            _ => {}
        }
        self.limits.check()
    }
}
