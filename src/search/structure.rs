//! Facts that follow from the structure of a block: depths, child counts, siblings without a stored
//! parent, self durations. Each is one pass over the parents; what has a number for each row is kept.

use std::sync::Arc;

use crate::block::{
    Block, BlockError, ColumnKey, ColumnReader, Derived, Section, Slot, Table, field,
};
use crate::codec::cast::{bits_of_i64, usize_of};
use crate::id::SpanId;
use crate::model::Value;
use crate::query::bits::Bits;
use crate::query::close::Close;
use crate::query::near::{Ends, Parents, Steps};
use crate::query::source::{Kin, Loose, last_rows};

/// The number of stored ancestors of each row.
pub(super) fn depths(block: &Block) -> Result<Arc<[u32]>, BlockError> {
    block.derived(Derived::Depths, || {
        let parents = block.parents()?;
        let mut depths: Vec<u32> = Vec::with_capacity(parents.len());
        for parent in parents.iter() {
            let depth = depths.get(usize_of(*parent)).map_or(0, |depth| depth + 1);
            depths.push(depth);
        }
        Ok(depths)
    })
}

/// The number of children of each row.
pub(super) fn child_counts(block: &Block) -> Result<Arc<[u32]>, BlockError> {
    block.derived(Derived::ChildCounts, || {
        let parents = block.parents()?;
        let mut counts = vec![0u32; parents.len()];
        for parent in parents.iter() {
            if let Some(count) = counts.get_mut(usize_of(*parent)) {
                *count += 1;
            }
        }
        Ok(counts)
    })
}

/// The parent of each row, in a byte where it is near.
pub(super) fn near_parents(block: &Block) -> Result<Arc<Parents>, BlockError> {
    let read = |steps: &mut Steps| block.for_each_parent_step(|step| steps.push(step));
    let make = || steps_of(block, read).map(Parents::new);
    block.kept_or(Slot::Derived(Derived::NearParents), make, Parents::bytes_len)
}

/// A step for each row, as `read` puts them in.
fn steps_of(
    block: &Block,
    read: impl FnOnce(&mut Steps) -> Result<(), BlockError>,
) -> Result<Steps, BlockError> {
    let mut steps = Steps::with_capacity(usize_of(block.header()?.rows));
    read(&mut steps)?;
    Ok(steps)
}

/// The rows that are close to their parents, as bits.
pub(super) fn close_parents(block: &Block) -> Result<Arc<Close>, BlockError> {
    let make = || Ok(Close::new(near_parents(block)?.steps()));
    block.kept_or(Slot::Derived(Derived::CloseParents), make, Close::bytes_len)
}

/// The last descendant of each row, in a byte where it is near.
pub(super) fn near_ends(block: &Block) -> Result<Arc<Ends>, BlockError> {
    let read = |steps: &mut Steps| block.for_each_end_step(|step| steps.push(step));
    let make = || steps_of(block, read).map(Ends::new);
    block.kept_or(Slot::Derived(Derived::NearEnds), make, Ends::bytes_len)
}

/// The last row of each trace.
pub(super) fn trace_lasts(block: &Block) -> Result<Arc<Bits>, BlockError> {
    let firsts = || block.trace_first_rows().map(|firsts| last_rows(&firsts));
    let make = || block.made_of(Section::TraceFirstRows, firsts);
    block.kept_or(Slot::Derived(Derived::TraceLasts), make, Bits::bytes_len)
}

/// The rows without stored parent of the traces that have several, and what makes them siblings.
pub(super) fn loose(block: &Block) -> Result<Arc<[Loose]>, BlockError> {
    let bytes = |loose: &Arc<[Loose]>| size_of_val::<[Loose]>(loose);
    let known = block.kept_or(Slot::Derived(Derived::Kin), || loose_rows(block), bytes)?;
    Ok(Arc::clone(&known))
}

fn loose_rows(block: &Block) -> Result<Arc<[Loose]>, BlockError> {
    let lasts = trace_lasts(block)?;
    let (mut rows, mut row): (Vec<u32>, u32) = (Vec::new(), 0);
    // How many there were before the trace.
    let mut known = 0;
    block.for_each_parent_step(|step| {
        if step == 0 {
            rows.push(row);
        }
        if lasts.get(row) {
            if rows.len() == known + 1 {
                rows.truncate(known);
            }
            known = rows.len();
        }
        row += 1;
    })?;
    if rows.is_empty() {
        return Ok(Arc::new([]));
    }
    let sent = SentParents::new(block)?;
    Ok(rows.iter().map(|row| Loose { row: *row, kin: sent.kin(*row) }).collect())
}

/// Parent ids that structure does not give.
pub(super) struct SentParents {
    /// Ascending rows with the id; all-zero where none was sent.
    sent: Vec<(u32, SpanId)>,
    cut: Option<Arc<roaring::RoaringBitmap>>,
}

impl SentParents {
    pub(super) fn new(block: &Block) -> Result<Self, BlockError> {
        let mut sent = Vec::new();
        for column in block.columns(Table::Spans, &ColumnKey::Field(field::SENT_PARENT))? {
            let presence = column.presence()?;
            let mut values = column.value_cursor()?;
            for (row, rank) in presence.iter().zip(0u32..) {
                if let Value::Int(bits) = values.at_rank(rank)? {
                    sent.push((row, SpanId::from_bytes(bits_of_i64(bits).to_le_bytes())));
                }
            }
        }
        let cut = block.columns(Table::Spans, &ColumnKey::Field(field::CUT))?;
        let cut = cut.first().map(ColumnReader::presence).transpose()?;
        Ok(Self { sent, cut })
    }

    /// The rows with a stored parent id, ascending, with the id; all-zero where none was sent.
    pub(super) fn all(&self) -> &[(u32, SpanId)] {
        &self.sent
    }

    /// The parent id stored for `row`; `None` where structure gives it.
    pub(super) fn get(&self, row: u32) -> Option<SpanId> {
        let at = self.sent.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        self.sent.get(at).map(|(_, id)| *id)
    }

    /// What a row without stored parent has in common with its siblings.
    pub(super) fn kin(&self, row: u32) -> Kin {
        if self.cut.as_ref().is_some_and(|cut| cut.contains(row)) {
            return Kin::Nobody;
        }
        match self.get(row) {
            Some(id) if !id.is_zero() => Kin::Missing(id),
            _ => Kin::NoParentId,
        }
    }
}

/// The duration of each row minus the part of it that its children cover, in nanoseconds.
pub(super) fn self_durations(block: &Block) -> Result<Arc<[u64]>, BlockError> {
    block.derived_wide(Derived::SelfDurations, || uncovered(block))
}

fn uncovered(block: &Block) -> Result<Vec<u64>, BlockError> {
    let parents = block.parents()?;
    let (starts, durations) = (block.wide(Section::Starts)?, block.wide(Section::Durations)?);
    let interval = |row: u32| {
        let at = usize_of(row);
        let start = starts.get(at).copied().unwrap_or(0);
        (start, start.saturating_add(durations.get(at).copied().unwrap_or(0)))
    };
    let mut selves: Vec<u64> = durations.to_vec();
    // How far the children seen so far cover each row's own interval.
    let mut covered: Vec<u64> = starts.to_vec();
    // Children of one parent come by start, so the covered part only grows at its end.
    for (parent, row) in parents.iter().zip(0u32..) {
        let at = usize_of(*parent);
        let (Some(covered), Some(own)) = (covered.get_mut(at), selves.get_mut(at)) else {
            continue;
        };
        let (_, parent_end) = interval(*parent);
        let (start, end) = interval(row);
        let from = start.max(*covered);
        let to = end.min(parent_end);
        *own = own.saturating_sub(to.saturating_sub(from));
        *covered = (*covered).max(to);
    }
    Ok(selves)
}
