//! Taking spans in. Invariant: when it returns, the spans are durable and in what readers see next;
//! small batches through the journal, large ones as blocks at once.

use std::sync::Arc;

use super::entry;
use super::events::Work;
use super::shared::Shared;
use super::state::Fresh;
use crate::block::{OrderedTrace, Staging, arrange_all, group_by_trace};
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::head::{Made, Staged};
use crate::id::TraceId;
use crate::search;
use crate::time::Timestamp;

/// A batch of at least one part in so many of what is kept in memory is not journalled.
const DIRECT_SHARE: u64 = 8;
const DIRECT_SHARE_CAPPED: u64 = 2;
/// A batch of at least so many spans gets a block for those of its traces that are known already. One
/// of fewer is built in moments, and in the journal it would be two entries.
const APART_SPANS_MIN: usize = 1 << 15;
/// A batch that takes more bytes as it was staged is folded from its block, which takes less.
const STAGED_BYTES_MAX: usize = 512 << 10;
/// Ingest seals by itself once so many times too much is in memory,
const STALL_TIMES: u64 = 2;
/// and refuses spans if that fails and so many times too much is.
const REFUSE_TIMES: u64 = 4;

/// What an ingest took in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Ingested {
    /// Spans of the batch, those counted below apart. Some of them may have been stored before:
    /// [`Stats`](crate::Stats) counts these once they are found.
    pub spans: u64,
    /// Traces that the batch had spans of.
    pub traces: u64,
    /// Spans that were in the batch already, equal in every field. What was stored before is not
    /// looked for here.
    pub duplicates: u64,
    /// Spans of which another content in the same batch was kept.
    pub replaced: u64,
    /// Spans that were refused because they ended longer ago than
    /// [`Options::retention_age`](crate::Options::retention_age); no other count has them.
    pub too_old: u64,
    /// Spans that were not taken in because their trace has as many as it may
    /// ([`Limits::trace_spans_max`](crate::Limits::trace_spans_max)).
    pub refused: u64,
}

impl Shared {
    /// Takes in a batch.
    pub(super) fn ingest(&self, staging: Staging) -> Result<Ingested, Error> {
        let staging = self.limited(staging)?;
        let mut groups = group_by_trace(&staging);
        let refused = self.refuse_surplus(&mut groups)?;
        let arrived = Timestamp::now();
        let oldest = self.oldest(arrived);
        let mut too_old = 0;
        groups.retain_mut(|(_, numbers)| {
            too_old += self.refuse_old(&staging, numbers, oldest);
            !numbers.is_empty()
        });
        let (traces, settled) = arrange_all(&staging, groups);
        let ingested = Ingested {
            spans: traces.iter().map(|trace| u64_of(trace.spans.len())).sum(),
            traces: u64_of(traces.len()),
            duplicates: settled.duplicates,
            replaced: settled.replaced,
            too_old,
            refused,
        };
        if traces.is_empty() {
            return Ok(ingested);
        }
        let is_small = staging.bytes_len() <= STAGED_BYTES_MAX;
        let taken_in = is_small.then(|| numbers_of(&traces));
        let mut made = self.blocks_of(&staging, traces, arrived)?;
        let staged = taken_in.map(|spans| Arc::new(Staged::new(staging, spans)));
        if let Some(first) = made.first_mut() {
            first.settled = settled;
        }
        match made.pop() {
            Some(only) if made.is_empty() && !self.is_large(&only) => {
                self.journal(only, staged)?;
            }
            last => {
                made.extend(last);
                for group in self.groups(made) {
                    self.seal_with(group)?;
                }
            }
        }
        Ok(ingested)
    }

    /// Blocks of a batch. The traces of a large one that have spans elsewhere lie apart: they are about
    /// to be made whole in another block, and the large one is stored as it is, with nothing masked.
    fn blocks_of(
        &self,
        staging: &Staging,
        mut traces: Vec<OrderedTrace>,
        arrived: Timestamp,
    ) -> Result<Vec<Made>, Error> {
        if staging.spans.len() < APART_SPANS_MIN {
            return self.make(staging, &mut traces, arrived);
        }
        let ids: Vec<TraceId> = traces.iter().map(|trace| trace.id).collect();
        let mut is_known = vec![false; ids.len()];
        for (_, view) in self.base()?.views() {
            for (at, number) in view.block.find_traces(&ids)? {
                if let Some(is_known) = is_known.get_mut(at) {
                    *is_known |= !view.masked.contains(number);
                }
            }
        }
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for (trace, is_known) in traces.into_iter().zip(is_known) {
            let place = if is_known { &mut known } else { &mut new };
            place.push(trace);
        }
        let mut made = self.make(staging, &mut new, arrived)?;
        made.extend(self.make(staging, &mut known, arrived)?);
        Ok(made)
    }

    fn is_large(&self, made: &Made) -> bool {
        let bytes = u64_of(made.image.len());
        // Where the cap makes it small, the journal may as well hold more of it.
        let share =
            if self.options.bytes_max.is_some() { DIRECT_SHARE_CAPPED } else { DIRECT_SHARE };
        bytes >= self.options.head_bytes_max / share || made.rows >= self.options.block_rows_max
    }

    fn journal(&self, made: Made, staged: Option<Arc<Staged>>) -> Result<(), Error> {
        self.make_room()?;
        let payload = entry::spans(&made);
        let (id, block) = self.head_block(made);
        self.append(payload, Fresh::Spans(id, block, staged))
    }

    /// Seals where that is overdue; refuses where it fails and too much is in memory.
    fn make_room(&self) -> Result<(), Error> {
        if !self.memory_size().is_over(self, STALL_TIMES) {
            return Ok(());
        }
        match self.maintain_if_due() {
            Err(cause) if self.memory_size().is_over(self, REFUSE_TIMES) => {
                Err(Error::JournalFull { cause: Box::new(cause) })
            }
            outcome => {
                self.note(outcome.map(drop));
                Ok(())
            }
        }
    }

    /// Deletes traces; gives how many of them there were.
    pub(super) fn delete(&self, ids: &[TraceId]) -> Result<u64, Error> {
        // No seal may be under way: what it writes would come after the deletion.
        let _maintainer = self.maintainer();
        let views = self.base()?.newest_first();
        let mut found = Vec::new();
        for id in ids {
            if search::has_trace(&views, *id)? {
                found.push(*id);
            }
        }
        found.sort_unstable();
        found.dedup();
        if !found.is_empty() {
            let deleted = Fresh::Deleted(found.as_slice().into());
            self.during(Work::Deletion, || self.append(entry::deleted(&found), deleted))?;
        }
        Ok(u64_of(found.len()))
    }
}

/// The staged spans of some traces.
fn numbers_of(traces: &[OrderedTrace]) -> Vec<u32> {
    traces.iter().flat_map(|trace| &trace.spans).copied().collect()
}
