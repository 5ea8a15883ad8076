//! Figures about a store.

use std::collections::BTreeMap;

use super::maintain::Maintained;
use super::shared::Shared;
use crate::error::Error;
use crate::time::Timestamp;

/// Figures about a store.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Spans stored.
    pub spans: u64,
    /// Traces stored.
    pub traces: u64,
    /// Blocks of the file.
    pub blocks: u64,
    /// Spans that are in memory and in the journal, not yet in blocks of the file; those of traces
    /// that moved meanwhile are counted more than once.
    pub head_spans: u64,
    /// Bytes of the blocks in memory.
    pub head_bytes: u64,
    /// Length of the file in bytes; parts of it may be sparse.
    pub file_bytes: u64,
    /// Bytes the file takes on disk.
    pub allocated_bytes: u64,
    /// Bytes stored by kind of section, largest first. What a block counts no more is included until
    /// the block is rewritten.
    pub section_bytes: Vec<(String, u64)>,
    /// Earliest start and latest end of the stored spans.
    pub time_range: Option<(Timestamp, Timestamp)>,
    /// Spans that came again with other content, since the store was made.
    pub replaced_spans: u64,
    /// Spans that came again, equal in every field, since the store was made.
    pub duplicate_spans: u64,
    /// Spans that were too old to be taken in, since the store was made; a crash may forget some.
    pub too_old_spans: u64,
    /// Blocks that retention dropped, since the store was made.
    pub dropped_blocks: u64,
    /// Traces that went with them.
    pub dropped_traces: u64,
    /// Spans of these traces.
    pub dropped_spans: u64,
    /// Earliest start and latest end of the blocks dropped.
    pub dropped_time_range: Option<(Timestamp, Timestamp)>,
    /// Traces that were dropped because their service had more than its share
    /// ([`Options::service_share_max`](crate::Options::service_share_max)), since the store was made.
    pub over_share_traces: u64,
    /// Spans of these traces.
    pub over_share_spans: u64,
    /// Earliest start and latest end of these traces.
    pub over_share_time_range: Option<(Timestamp, Timestamp)>,
    /// Spans that were refused because their trace had as many as it may, since the store was opened.
    pub refused_spans: u64,
    /// What sealing and compaction did since the store was opened.
    pub maintenance: Maintained,
    /// What maintenance last failed with, since the store was opened.
    pub maintenance_error: Option<String>,
}

pub(super) fn stats(shared: &Shared) -> Result<Stats, Error> {
    let base = shared.base()?;
    let mut stats = Stats::default();
    let mut sections: BTreeMap<String, u64> = BTreeMap::new();
    for (id, view) in base.views() {
        let header = view.block.header()?;
        let masked_rows = view.masked_len()?;
        stats.spans += u64::from(header.rows).saturating_sub(masked_rows);
        stats.traces += u64::from(header.traces).saturating_sub(view.masked.len());
        let is_stored = base.stored.contains_key(&id);
        stats.blocks += u64::from(is_stored);
        for (section, extent) in view.block.sections()? {
            if is_stored {
                *sections.entry(section.name()).or_default() += extent.len;
            }
        }
        if let Some((first, last)) = view.live_range()? {
            let (start, end) = stats.time_range.unwrap_or((first, last));
            stats.time_range = Some((start.min(first), end.max(last)));
        }
    }
    let memory = shared.memory_size();
    (stats.head_spans, stats.head_bytes) = (memory.rows, memory.bytes);
    stats.section_bytes = sections.into_iter().collect();
    stats.section_bytes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    (stats.file_bytes, stats.allocated_bytes) = shared.storage.file_bytes()?;
    (stats.replaced_spans, stats.duplicate_spans) = (base.replaced_spans, base.duplicate_spans);
    stats.too_old_spans = shared.retention.too_old_spans();
    let figures = shared.figures();
    let dropped = figures.dropped;
    (stats.dropped_blocks, stats.dropped_traces) = (dropped.blocks, dropped.traces);
    stats.dropped_spans = dropped.spans;
    stats.dropped_time_range = (dropped.blocks > 0).then_some((dropped.start, dropped.end));
    let over = figures.over_share;
    (stats.over_share_traces, stats.over_share_spans) = (over.traces, over.spans);
    stats.over_share_time_range = (over.traces > 0).then_some((over.start, over.end));
    stats.refused_spans = figures.refused_spans;
    (stats.maintenance, stats.maintenance_error) = (figures.done, figures.failed.clone());
    Ok(stats)
}
