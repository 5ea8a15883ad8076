//! Columns: for one key and value type, which rows have a value, each one's number in a sorted
//! dictionary, and for each value the rows that have it. Builder to bytes to reader.

mod builder;
mod bulk;
mod directory;
mod postings;
mod ranks;
mod reader;
mod sizes;
mod sorted;
mod strings;
mod values;
pub(super) mod verify;
mod writer;

pub(crate) use builder::TableBuilder;
pub(crate) use directory::{ColumnKey, Directory};
pub(crate) use ranks::RankTable;
pub(crate) use reader::{ColumnReader, Numbers};
pub(crate) use sorted::prefix;
pub(crate) use writer::{Sorted, TableWriter};
