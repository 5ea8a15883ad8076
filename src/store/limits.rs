//! Limits of what is taken in at once, and of what a trace may grow to. Invariant: what is refused is
//! counted, and refused before it is written anywhere.

use std::sync::Arc;

use super::shared::Shared;
use crate::block::Staging;
use crate::codec::cast::{u32_of, u64_of, usize_of_u64};
use crate::error::Error;
use crate::id::TraceId;
use crate::model::{SpanRef, SpanSink};

/// The spans of a batch by trace, by their numbers in order of arrival.
pub(super) type Groups = Vec<(TraceId, Vec<u32>)>;

impl Shared {
    /// A batch within the store's limits of values, lists and size.
    pub(super) fn limited(&self, staging: Staging) -> Result<Staging, Error> {
        let limits = &self.options.limits;
        let (spans, bytes) = (u64_of(staging.spans.len()), u64_of(staging.bytes_len()));
        let (spans_max, bytes_max) = (u64::from(limits.batch_spans_max), limits.batch_bytes_max);
        if spans > spans_max || bytes > bytes_max || u32_of(staging.spans.len()).is_none() {
            return Err(Error::BatchTooLarge { spans, spans_max, bytes, bytes_max });
        }
        if staging.largest().is_within(limits) {
            return Ok(staging);
        }
        // It was filled under other limits.
        let mut cut = Staging::within(limits.clone());
        for staged in &staging.spans {
            let span = staging.unstage(staged);
            let mut view = SpanRef::default();
            view.fill(&span);
            cut.resource(&span.resource);
            cut.scope(&span.scope);
            // What was staged once is refused for nothing.
            cut.span(&view).map_err(|refusal| Error::Options(refusal.reason))?;
        }
        Ok(cut)
    }

    /// Takes from the groups the spans that a trace has no room for; gives how many these are.
    pub(super) fn refuse_surplus(&self, groups: &mut Groups) -> Result<u64, Error> {
        let max = self.options.limits.trace_spans_max;
        let largest = groups.iter().map(|(_, numbers)| u64_of(numbers.len())).max().unwrap_or(0);
        if !self.may_exceed(max.saturating_sub(largest)) && largest <= max {
            return Ok(0);
        }
        let base = self.base()?;
        let mut refused = 0;
        for (id, numbers) in groups.iter_mut() {
            let brought = u64_of(numbers.len());
            let mut stored = 0;
            for (_, view) in base.views() {
                let rows = u64::from(view.block.header()?.rows);
                if rows.saturating_add(brought) > max
                    && let Some(number) = view.block.find_trace(*id)?
                    && !view.masked.contains(number)
                {
                    stored = u64::from(view.block.trace_entry(number)?.rows);
                }
            }
            let room = max.saturating_sub(stored).min(brought);
            numbers.truncate(usize_of_u64(room));
            refused += brought - room;
        }
        groups.retain(|(_, numbers)| !numbers.is_empty());
        self.figures().refused_spans += refused;
        Ok(refused)
    }

    /// True if a trace could have more than `rows` spans.
    fn may_exceed(&self, rows: u64) -> bool {
        let (base, fresh) = {
            let state = self.state();
            (Arc::clone(&state.base), state.fresh_size.rows)
        };
        let stored = base.stored.values().map(|stored| stored.record.rows);
        let all = stored.chain(base.head.values().map(|block| block.made.rows));
        u64::from(all.max().unwrap_or(0)).saturating_add(fresh) > rows
    }
}
