//! Blocks: immutable units that hold whole traces as columns and indexes. Spans are staged in order
//! of arrival, ordered into nested sets, built into one byte image, and read back from its chunks.
//! Invariant: row numbers of a block are pre-order positions, trace after trace.

mod arrange;
mod arrays;
mod buckets;
mod builder;
mod cache;
mod column;
mod error;
mod filter;
mod format;
mod image;
mod kept;
mod merge;
mod nested_set;
mod packed;
mod parallel;
mod reader;
mod rebuild;
mod runs;
mod staging;
mod values;
mod verify;

pub(crate) use arrange::{Settled, arrange, arrange_all, group_by_trace};
pub(crate) use buckets::Marked;
pub(crate) use builder::{Built, OrderedTrace, build};
#[cfg(test)]
pub(crate) use cache::Cached;
pub(crate) use cache::{Cache, Derived, Slot};
pub(crate) use column::{
    ByValue, ColumnKey, ColumnReader, Fronts, Numbers, RankTable, Runs, Whole,
};
pub(crate) use error::{BlockError, BlockId};
pub(crate) use format::{Section, Table, field, image_len};
pub(crate) use image::{Chunks, Image};
pub(crate) use merge::{MergedTrace, Pulled, merged, whole_traces};
pub(crate) use nested_set::NONE;
pub(crate) use reader::{Block, TraceEntry};
pub(crate) use staging::{Staging, ValueKind};
pub(crate) use verify::{BlockFault, block_faults, each_readable};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use column::decode_column_parts;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod repair;

#[cfg(test)]
mod page;
#[cfg(test)]
pub(crate) mod tests;
