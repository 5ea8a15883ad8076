//! How many traces of a block have a span of a range of durations, by sorted lists of what the longest span
//! of each trace takes, and the shortest. Invariant: it is what a look at the duration of each span finds.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use crate::block::{Block, BlockError, Derived, Section, Slot};
use crate::codec::cast::{u64_of, usize_of};

/// Of each trace, how long one span takes: nanoseconds, ascending.
#[derive(Debug)]
struct Extremes(Vec<u64>);

/// That a list was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Once: who asks again may go on to.
    Once,
    /// Again, and so it was made. Where it did not stay there is no room for it: it is not made anew.
    Again,
}

/// How many traces have a span whose duration is one of `values`, in nanoseconds; `None` where `window` is
/// not the whole block, where the range has two ends, the first time, for to make a list costs a look at
/// all durations of the block, and where it does not stay in the cache.
pub(super) fn traces_with(
    block: &Block,
    values: &RangeInclusive<u64>,
    window: &Range<u32>,
) -> Result<Option<u64>, BlockError> {
    if *window != (0..block.header()?.rows) {
        return Ok(None);
    }
    let longest = match (*values.start(), *values.end()) {
        (_, u64::MAX) => true,
        (0, _) => false,
        _ => return Ok(None),
    };
    let Some(kept) = kept(block, longest)? else { return Ok(None) };
    let Extremes(nanos) = &*kept;
    let before = |passes: &dyn Fn(&u64) -> bool| nanos.partition_point(|nanos| passes(nanos));
    Ok(Some(u64_of(if longest {
        nanos.len() - before(&|nanos| nanos < values.start())
    } else {
        before(&|nanos| nanos <= values.end())
    })))
}

/// The list that is kept, made the second time that somebody asks.
fn kept(block: &Block, longest: bool) -> Result<Option<Arc<Extremes>>, BlockError> {
    let slot = Slot::Derived(Derived::Extremes(longest));
    if let Some(kept) = block.kept::<Extremes>(&slot) {
        return Ok(Some(kept));
    }
    let asked_slot = Slot::Derived(Derived::ExtremesAsked(longest));
    let asked = match block.kept::<Asked>(&asked_slot).as_deref() {
        None => Asked::Once,
        Some(Asked::Once) => Asked::Again,
        Some(Asked::Again) => return Ok(None),
    };
    block.keep(asked_slot, &Arc::new(asked), size_of::<Asked>());
    if asked == Asked::Once {
        return Ok(None);
    }
    let listed = block.made_of(Section::TraceFirstRows, || listed(block, longest))?;
    let made = listed.map(|nanos| Arc::new(Extremes(nanos)));
    if let Some(made) = &made {
        block.keep(slot, made, size_of_val(made.0.as_slice()));
    }
    Ok(made)
}

/// `None` where there are not as many durations as rows.
fn listed(block: &Block, longest: bool) -> Result<Option<Vec<u64>>, BlockError> {
    let starts = block.trace_first_rows()?;
    let traces = starts.len().saturating_sub(1);
    let mut nanos = Vec::with_capacity(traces);
    let Some(packed) = block.packed(Section::Durations)? else { return Ok(None) };
    let mut ends = starts.iter().skip(1).map(|end| usize_of(*end));
    let (mut row, mut end, mut extreme) = (0, ends.next(), None);
    packed.decode(|value| {
        let of_both = |extreme: u64| if longest { extreme.max(value) } else { extreme.min(value) };
        extreme = Some(extreme.map_or(value, of_both));
        row += 1;
        if end == Some(row) {
            nanos.extend(extreme.take());
            end = ends.next();
        }
    })?;
    nanos.sort_unstable();
    Ok((nanos.len() == traces && extreme.is_none()).then_some(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Cached;
    use crate::block::tests::block_of;
    use crate::id::{SpanId, TraceId};
    use crate::model::Span;
    use crate::time::Timestamp;

    #[test]
    fn traces_are_counted_from_the_second_time_on_and_lists_that_do_not_stay_are_not_made_again() {
        // Traces of three spans: 10, 20 and 30 ns longer than the trace's number.
        let spans: Vec<Span> = (0..300_u64)
            .map(|number| Span {
                trace_id: TraceId::from_bytes((u128::from(number / 3) + 1).to_le_bytes()),
                span_id: SpanId::from_bytes((number + 1).to_le_bytes()),
                start: Timestamp::from_unix_nanos(number),
                end: Timestamp::from_unix_nanos(number + number / 3 + 10 * (number % 3 + 1)),
                ..Span::default()
            })
            .collect();
        let block = block_of(&spans, 5000);
        let count = |values| traces_with(&block, &values, &(0..300)).unwrap();
        assert_eq!((count(100..=u64::MAX), count(0..=20)), (None, None));
        assert_eq!((count(100..=u64::MAX), count(0..=20)), (Some(30), Some(11)));
        assert_eq!(
            (count(0..=u64::MAX), count(129..=u64::MAX), count(130..=u64::MAX)),
            (Some(100), Some(1), Some(0))
        );
        assert_eq!((count(0..=9), count(0..=10), count(5..=9)), (Some(0), Some(1), None));
        assert_eq!(traces_with(&block, &(0..=20), &(0..299)).unwrap(), None);
        for longest in [true, false] {
            let (image, slot) = (block.image(), Slot::Derived(Derived::Extremes(longest)));
            let kept = image.cache.get(image.block, &slot);
            assert!(matches!(kept, Some(Cached::Kept(_, 800))), "{kept:?}");
            image.cache.forget(image.block, &slot);
        }
        assert_eq!((count(100..=u64::MAX), count(0..=20)), (None, None));
        assert_eq!((count(100..=u64::MAX), count(0..=20)), (None, None));
    }
}
