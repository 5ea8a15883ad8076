//! The file: redb tables for block records, image chunks and masks. The only room that knows redb.
//! Invariants: every value ends with a checksum; a block counts once its record is committed, and
//! chunks without a record are removed on opening; each commit carries a record of all blocks, so
//! that lost entries are noticed.

mod error;
mod file;
mod gate;
mod records;
mod tables;
#[cfg(test)]
mod tests;
mod version;

pub(crate) use error::StorageError;
pub(crate) use file::{Change, Storage};
pub(crate) use records::{BlockRecord, Counters};
