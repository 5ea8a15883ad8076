//! The directory of a table: which columns it has and where their parts lie. Invariant: entries are
//! sorted by key, then kind, so that a key's columns are found by binary search.

use serde::{Deserialize, Serialize};

use crate::block::staging::ValueKind;

/// What a column is of. Attributes sort before fields, so that attributes under `field::REPEATED`
/// are read after the first ones of their keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum ColumnKey {
    /// An attribute by its key.
    Attribute(String),
    /// A field by its number in `format::field`.
    Field(u8),
}

/// A run of bytes within the section that holds this part of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// One column. An empty run means that the part follows from the rest: no presence where every row
/// has a value, no numbers and no postings where there is one value only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnEntry {
    pub(crate) key: ColumnKey,
    pub(crate) kind: ValueKind,
    /// Rows that have a value.
    pub(crate) rows: u32,
    /// Distinct values.
    pub(crate) values: u32,
    /// The first and the last row that has a value.
    pub(crate) bounds: (u32, u32),
    pub(crate) presence: Run,
    pub(crate) numbers: Run,
    pub(crate) dictionary: Run,
    pub(crate) postings: Run,
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Directory {
    pub(crate) columns: Vec<ColumnEntry>,
}

impl Directory {
    /// The positions of the columns of `key`, one a value type.
    pub(crate) fn find(&self, key: &ColumnKey) -> std::ops::Range<usize> {
        let first = self.columns.partition_point(|entry| entry.key < *key);
        let rest = self.columns.get(first..).unwrap_or_default();
        first..first + rest.partition_point(|entry| entry.key == *key)
    }
}
