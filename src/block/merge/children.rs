//! Events and links of merged blocks. Invariant: child rows are numbered by owner row, and within one
//! owner in the order they had.

use std::sync::Arc;

use super::part::{From, runs_of};
use crate::block::error::BlockError;
use crate::block::reader::Block;
use crate::block::runs::{Runs, owned};
use crate::codec::cast::{u32_of, usize_of};

/// The child rows of one kind.
#[derive(Debug)]
pub(super) struct Children<'a> {
    /// Where they come from, by block.
    pub(super) froms: Vec<From<'a>>,
    /// The row that each belongs to.
    pub(super) owners: Vec<u32>,
}

impl<'a> Children<'a> {
    /// The child rows of the rows `froms`; `owners_of` gives the owners of a block's.
    pub(super) fn new(
        froms: &[From<'a>],
        owners_of: impl Fn(&Block) -> Result<Arc<[u32]>, BlockError>,
    ) -> Result<Self, BlockError> {
        // New owner, which block, row there.
        let mut children: Vec<(u32, usize, u32)> = Vec::new();
        for (at, from) in froms.iter().enumerate() {
            let owners = owners_of(from.block)?;
            let runs = Runs::new(&from.ranges);
            for row in owned(&owners, &runs).into_iter().flatten() {
                let owner = owners.get(usize_of(row)).and_then(|owner| runs.position(*owner));
                if let Some(owner) = owner.and_then(|owner| from.to.get(owner)) {
                    children.push((*owner, at, row));
                }
            }
        }
        if !children.is_sorted() {
            children.sort_unstable();
        }
        let mut rows: Vec<Vec<(u32, u32)>> = vec![Vec::new(); froms.len()];
        for ((_, at, row), new) in children.iter().zip(0..) {
            if let Some(rows) = rows.get_mut(*at) {
                rows.push((*row, new));
            }
        }
        let with_rows = froms.iter().zip(rows).filter(|(_, rows)| !rows.is_empty());
        let froms = with_rows.map(|(from, mut rows)| {
            rows.sort_unstable();
            From {
                block: from.block,
                ranges: runs_of(rows.iter().map(|(row, _)| *row)),
                to: rows.iter().map(|(_, new)| *new).collect(),
                shifts: Vec::new(),
            }
        });
        Ok(Self {
            froms: froms.collect(),
            owners: children.iter().map(|(owner, ..)| *owner).collect(),
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32_of(self.owners.len()).unwrap_or(u32::MAX)
    }
}
