//! Resources and instrumentation scopes of merged blocks: equal ones become one. Invariant: they are
//! numbered in order of first use in the new block.

use super::columns::{Given, payloads_of};
use super::part::From;
use crate::block::error::BlockError;
use crate::block::format::{Table, field};
use crate::block::reader::Block;
use crate::block::staging::{Staging, ValueKind, payload_of_bits};
use crate::codec::cast::{bits_of_i64, low_u32, u32_of, usize_of};
use crate::codec::order;

/// Of one in so many resources of a block that are wanted, all are read at once.
const MANY_SHARE: usize = 4;
const UNKNOWN: u32 = u32::MAX;

/// The resources, or scopes, of the new block.
pub(super) struct Origins {
    /// The column that says which each row has.
    pub(super) column: Given,
    /// Their numbers in the staging.
    pub(super) used: Vec<u32>,
}

/// The resources of the rows of a new block, which are put into the staging.
pub(super) fn resources(
    froms: &[From<'_>],
    rows: u32,
    staging: &mut Staging,
) -> Result<Origins, BlockError> {
    let mut number = |block: &Block, wanted: &[u32]| {
        let own = block.table_rows(Table::Resources)?;
        let read: Vec<_> = if wanted.len() * MANY_SHARE >= usize_of(own) {
            let all = block.resources(0..own)?;
            wanted.iter().filter_map(|row| all.get(usize_of(*row)).cloned()).collect()
        } else {
            wanted.iter().map(|row| block.resource(*row)).collect::<Result<_, _>>()?
        };
        Ok(read.into_iter().map(|resource| staging.resource_number(resource)).collect())
    };
    origins(froms, rows, field::RESOURCE, &mut number)
}

/// The same of scopes.
pub(super) fn scopes(
    froms: &[From<'_>],
    rows: u32,
    staging: &mut Staging,
) -> Result<Origins, BlockError> {
    let mut number = |block: &Block, wanted: &[u32]| {
        let own = block.table_rows(Table::Scopes)?;
        let read: Vec<_> = if wanted.len() * MANY_SHARE >= usize_of(own) {
            let all = block.scopes(0..own)?;
            wanted.iter().filter_map(|row| all.get(usize_of(*row)).cloned()).collect()
        } else {
            wanted.iter().map(|row| block.scope(*row)).collect::<Result<_, _>>()?
        };
        Ok(read.into_iter().map(|scope| staging.scope_number(scope)).collect())
    };
    origins(froms, rows, field::SCOPE, &mut number)
}

/// Gives some rows of a block's table, which ascend, numbers in the staging.
type Number<'n> = dyn FnMut(&Block, &[u32]) -> Result<Vec<u32>, BlockError> + 'n;

fn origins(
    froms: &[From<'_>],
    rows: u32,
    code: u8,
    number: &mut Number<'_>,
) -> Result<Origins, BlockError> {
    let mut of_row = vec![0u32; usize_of(rows)];
    for from in froms {
        let mut cells: Vec<(u32, u32)> = Vec::with_capacity(from.to.len());
        payloads_of(from, code, |row, payload| {
            cells.push((row, low_u32(bits_of_i64(order::to_i64(payload)))));
        })?;
        let mut wanted: Vec<u32> = Vec::new();
        for (_, origin) in &cells {
            if let Err(at) = wanted.binary_search(origin) {
                wanted.insert(at, *origin);
            }
        }
        let numbers = number(from.block, &wanted)?;
        for (row, origin) in cells {
            let at = wanted.binary_search(&origin).ok();
            let number = at.and_then(|at| numbers.get(at)).copied().unwrap_or(0);
            if let Some(slot) = of_row.get_mut(usize_of(row)) {
                *slot = number;
            }
        }
    }
    Ok(renumbered(code, of_row))
}

/// Numbers in order of first use.
fn renumbered(code: u8, mut of_row: Vec<u32>) -> Origins {
    let most = of_row.iter().copied().max().unwrap_or(0);
    let mut new = vec![UNKNOWN; usize_of(most) + 1];
    let mut used = Vec::new();
    for number in &mut of_row {
        let Some(slot) = new.get_mut(usize_of(*number)) else { continue };
        if *slot == UNKNOWN {
            *slot = u32_of(used.len()).unwrap_or(UNKNOWN);
            used.push(*number);
        }
        *number = *slot;
    }
    let rows = u32_of(of_row.len()).unwrap_or(u32::MAX);
    let count = u32_of(used.len()).unwrap_or(u32::MAX);
    let column = Given {
        field: code,
        kind: ValueKind::Int,
        rows: (0..rows).collect(),
        numbers: of_row,
        payloads: (0..count).map(|number| payload_of_bits(u64::from(number))).collect(),
    };
    Origins { column, used }
}
