//! Figures about a store.

use std::collections::BTreeMap;

use super::handle::Shared;
use crate::error::Error;
use crate::time::Timestamp;

/// Figures about a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Spans stored.
    pub spans: u64,
    /// Traces stored.
    pub traces: u64,
    /// Blocks.
    pub blocks: u64,
    /// Length of the file in bytes; parts of it may be sparse.
    pub file_bytes: u64,
    /// Bytes the file takes on disk.
    pub allocated_bytes: u64,
    /// Bytes stored by kind of section, largest first. What a block counts no more is included until
    /// the block is rewritten.
    pub section_bytes: Vec<(String, u64)>,
    /// Earliest start and latest end of the stored spans; of blocks with moved traces the whole
    /// block's.
    pub time_range: Option<(Timestamp, Timestamp)>,
    /// Spans that came again with other content, since the store was made.
    pub replaced_spans: u64,
}

pub(super) fn stats(shared: &Shared) -> Result<Stats, Error> {
    let snapshot = shared.snapshot();
    let mut stats = Stats::default();
    let mut sections: BTreeMap<String, u64> = BTreeMap::new();
    for (record, view) in snapshot.blocks.values() {
        let masked_rows = view.masked_rows()?.map_or(0, crate::query::rows::Rows::len);
        stats.spans += u64::from(record.rows).saturating_sub(masked_rows);
        stats.traces += u64::from(record.traces).saturating_sub(view.masked.len());
        stats.blocks += 1;
        for (section, extent) in view.block.sections()? {
            *sections.entry(section.name()).or_default() += extent.len;
        }
        let (start, end) = stats.time_range.unwrap_or((record.start, record.end));
        stats.time_range = Some((start.min(record.start), end.max(record.end)));
    }
    stats.section_bytes = sections.into_iter().collect();
    stats.section_bytes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    (stats.file_bytes, stats.allocated_bytes) = shared.storage.file_bytes()?;
    stats.replaced_spans = snapshot.replaced_spans;
    Ok(stats)
}
