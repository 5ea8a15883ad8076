//! Blocks: immutable units that hold whole traces as columns and indexes. Spans are staged in order
//! of arrival, ordered into nested sets, built into one byte image, and read back from its chunks.
//! Invariant: row numbers of a block are pre-order positions, trace after trace.

mod arrange;
mod builder;
mod cache;
mod column;
mod error;
mod filter;
mod format;
mod image;
mod nested_set;
mod packed;
mod reader;
mod rebuild;
mod staging;
mod values;

#[cfg(test)]
mod tests;
