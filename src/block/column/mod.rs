//! Columns: for one key and value type, which rows have a value, each one's number in a sorted
//! dictionary, and for each value the rows that have it. Builder to bytes to reader.

mod builder;
mod bulk;
mod by_value;
mod directory;
mod fronts;
mod numbers;
mod postings;
mod presence;
mod ranks;
mod reader;
mod row_bits;
mod rows;
mod sizes;
mod sorted;
mod strings;
mod text_group;
mod values;
pub(super) mod verify;
mod writer;

#[cfg(any(test, feature = "fuzzing"))]
mod parts;
#[cfg(test)]
mod tests;

pub(crate) use builder::TableBuilder;
pub(crate) use by_value::ByValue;
pub(crate) use directory::{ColumnKey, Directory};
pub(crate) use fronts::{Fronts, Whole};
pub(crate) use numbers::{Numbers, Runs};
pub(crate) use ranks::RankTable;
pub(crate) use reader::ColumnReader;
pub(crate) use sorted::prefix;
pub(crate) use text_group::TextGroup;
pub(crate) use writer::{Sorted, TableSize, TableWriter};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use parts::decode_column_parts;
