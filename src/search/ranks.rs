//! The rank of rows among those that have a value of a column. Invariant: a row without one has no
//! rank, but where every row asked for is known to have one.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::block::{BlockError, ColumnReader, RankTable};

/// For fewer rows than this, ranks are counted in the set of rows; for more, a table is made and kept.
const TABLE_ROWS_MIN: u64 = 64;

/// The rank of ascending rows among those that have a value.
pub(super) enum Ranks {
    /// Every row of the table has a value.
    Full,
    /// Every row that has a value is asked for; this is the next one's rank.
    Consecutive(u32),
    /// Few are; this is the last row asked for that has a value, and its rank.
    Sparse(Arc<RoaringBitmap>, Option<(u32, u32)>),
    /// Many are.
    Table(Arc<RankTable>),
}

impl Ranks {
    /// The ranks of about so many rows.
    pub(super) fn new(column: &ColumnReader<'_>, rows: u64) -> Result<Self, BlockError> {
        if column.is_full() {
            return Ok(Self::Full);
        }
        if rows < TABLE_ROWS_MIN {
            return Ok(Self::Sparse(column.presence()?, None));
        }
        Ok(Self::Table(column.ranks()?))
    }

    /// The ranks of all rows that have a value, from the one with rank `first` on.
    pub(super) fn consecutive(first: u32) -> Self {
        Self::Consecutive(first)
    }

    /// The rank of `row`, which is not before the last one asked for; `None` where it has no value.
    #[inline]
    pub(super) fn of(&mut self, row: u32) -> Option<u32> {
        match self {
            Self::Full => Some(row),
            Self::Consecutive(next) => {
                *next += 1;
                Some(*next - 1)
            }
            Self::Table(table) => table.of(row),
            Self::Sparse(presence, last) => {
                if !presence.contains(row) {
                    return None;
                }
                // Before the first row asked for there is none that was passed.
                let (before, rank) = last.unwrap_or((0, 0));
                let passed = presence.range_cardinality(before..row);
                let rank = rank.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
                *last = Some((row, rank));
                Some(rank)
            }
        }
    }
}
