//! The file: redb tables for block records, image chunks, masks and the journal. The only room that knows redb.
//! Invariants: every value ends with a checksum; a block counts once its record is committed, and
//! chunks without a record are removed on opening; each commit carries a record of all blocks, so
//! that lost entries are noticed.

mod beside;
mod chunks;
mod error;
mod file;
mod gate;
mod handle;
mod header;
mod journal;
mod make;
#[cfg(test)]
mod medium;
mod pages;
mod records;
mod replace;
mod resume;
mod shadow;
mod snapshot;
mod survey;
mod tables;
#[cfg(test)]
mod tests;
mod version;

pub(crate) use error::StorageError;
pub(crate) use file::{Change, Opened, Storage};
pub(crate) use journal::{Flush, JournalEntry};
#[cfg(test)]
pub(crate) use medium::Medium;
pub(crate) use records::{BlockRecord, Counters, Dropped, image_bytes, value_bytes};
pub(crate) use snapshot::{Marks, Snapshot};
pub(crate) use survey::{Survey, check_pages, look};
