//! How many traces of a block have a span of a range of durations, by sorted lists of what the longest span
//! of each trace takes, and the shortest. Invariant: it is what a look at the duration of each span finds.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use crate::block::{Block, BlockError, Section, Slot};
use crate::codec::cast::{u64_of, usize_of};

/// Of each trace, the duration of one span.
#[derive(Debug)]
enum Kept {
    /// They were asked for once: who asks again may go on to.
    Asked,
    /// Nanoseconds, ascending.
    Listed(Vec<u64>),
}

/// Which span of a trace.
#[derive(Debug, Clone, Copy)]
enum Which {
    Longest,
    Shortest,
}

/// How many traces have a span whose duration is one of `values`, in nanoseconds; `None` where `window` is
/// not the whole block, where the range has two ends, and the first time, for to make a list costs a look
/// at all durations of the block.
pub(super) fn traces_with(
    block: &Block,
    values: &RangeInclusive<u64>,
    window: &Range<u32>,
) -> Result<Option<u64>, BlockError> {
    let (first, last) = (*values.start(), *values.end());
    let which = match (first, last) {
        _ if first > last || *window != (0..block.header()?.rows) => return Ok(None),
        (_, u64::MAX) => Which::Longest,
        (0, _) => Which::Shortest,
        _ => return Ok(None),
    };
    let kept = kept(block, which)?;
    let Kept::Listed(nanos) = &*kept else { return Ok(None) };
    Ok(Some(u64_of(match which {
        Which::Longest => nanos.len() - nanos.partition_point(|nanos| *nanos < first),
        Which::Shortest => nanos.partition_point(|nanos| *nanos <= last),
    })))
}

/// What is kept, from the second time on a list.
fn kept(block: &Block, which: Which) -> Result<Arc<Kept>, BlockError> {
    let name: Arc<str> = match which {
        Which::Longest => "longest span of each trace".into(),
        Which::Shortest => "shortest span of each trace".into(),
    };
    let slot = Slot::Named(name);
    let made = match block.kept::<Kept>(&slot) {
        Some(kept) if matches!(*kept, Kept::Listed(_)) => return Ok(kept),
        Some(_) => Arc::new(Kept::Listed(listed(block, which)?)),
        None => Arc::new(Kept::Asked),
    };
    let bytes = match &*made {
        Kept::Asked => 0,
        Kept::Listed(nanos) => size_of_val(nanos.as_slice()),
    };
    block.keep(slot, &made, bytes);
    Ok(made)
}

fn listed(block: &Block, which: Which) -> Result<Vec<u64>, BlockError> {
    let starts = block.trace_first_rows()?;
    let mut nanos = Vec::with_capacity(starts.len().saturating_sub(1));
    let Some(packed) = block.packed(Section::Durations)? else { return Ok(nanos) };
    let mut ends = starts.iter().skip(1).map(|end| usize_of(*end));
    let (mut row, mut end, mut extreme) = (0, ends.next(), None);
    packed.decode(|value| {
        let of_both = |extreme: u64| match which {
            Which::Longest => extreme.max(value),
            Which::Shortest => extreme.min(value),
        };
        extreme = Some(extreme.map_or(value, of_both));
        row += 1;
        if end == Some(row) {
            nanos.extend(extreme.take());
            end = ends.next();
        }
    })?;
    nanos.sort_unstable();
    Ok(nanos)
}
