//! Reads all of a block and says what is wrong with it: chunks, sections, trace table, structure,
//! columns, spans. Invariant: it finds what a reader relies on and does not check itself, and a fault
//! names the traces that it touches.

use std::collections::BTreeSet;

use super::error::BlockError;
use super::format::{HEADER_LEN, SECTION_ENTRY_LEN, Section, TABLES, Table, field};
use super::reader::{Block, TraceEntry};
use crate::block::column::ColumnKey;
use crate::block::column::verify::column_faults;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{low_u32, u64_of, usize_of};
use crate::id::TraceId;
use crate::model::Span;

/// Traces that are read at a time.
const TRACES_AT_ONCE: usize = 256;

/// Looks at one part of a block.
type Check = fn(&Block) -> Result<Vec<BlockFault>, BlockError>;

/// Something in a block is not as it should be.
#[derive(Debug)]
pub(crate) struct BlockFault {
    /// Section and column, or `chunk 3`.
    pub(crate) place: String,
    pub(crate) what: String,
    /// The numbers of the traces that it is known to touch.
    pub(crate) traces: BTreeSet<u32>,
}

impl BlockFault {
    pub(super) fn new(section: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: section.into(), what: what.into(), traces: BTreeSet::new() }
    }

    /// What a failed read says.
    pub(super) fn of(error: &BlockError) -> Self {
        let (place, what) = match error {
            BlockError::Corrupt { section, cause, .. } => (section.clone(), cause.to_string()),
            BlockError::Chunk { chunk, cause, .. } => (format!("chunk {chunk}"), cause.to_string()),
        };
        Self::new(place, what)
    }

    pub(super) fn touching(self, traces: impl IntoIterator<Item = u32>) -> Self {
        Self { traces: traces.into_iter().collect(), ..self }
    }
}

/// All that is wrong with a block, each fault once.
pub(crate) fn block_faults(block: &Block) -> Vec<BlockFault> {
    let mut faults = chunk_faults(block);
    let header = match block.header() {
        Ok(header) => header,
        Err(error) => {
            add(&mut faults, BlockFault::of(&error));
            return faults;
        }
    };
    let checks: [Check; 6] = [
        section_faults,
        trace_faults,
        bucket_faults,
        lookup_faults,
        structure_faults,
        owner_faults,
    ];
    for check in checks {
        let found = check(block).unwrap_or_else(|error| vec![BlockFault::of(&error)]);
        for fault in found {
            add(&mut faults, fault);
        }
    }
    for (table, ..) in TABLES {
        for fault in column_faults(block, table) {
            add(&mut faults, fault);
        }
    }
    let numbers: Vec<u32> = (0..header.traces).collect();
    for (number, error) in each_readable(block, &numbers, &mut |_| {}) {
        add(&mut faults, BlockFault::of(&error).touching([number]));
    }
    faults
}

/// Adds a fault, or to one that is the same what it touches.
fn add(faults: &mut Vec<BlockFault>, fault: BlockFault) {
    let same = |known: &&mut BlockFault| known.place == fault.place && known.what == fault.what;
    match faults.iter_mut().find(same) {
        Some(known) => known.traces.extend(fault.traces),
        None => faults.push(fault),
    }
}

/// Hands the spans of all traces that can be read to `each`, many at a time; the others come back,
/// each with why it cannot.
pub(crate) fn each_readable(
    block: &Block,
    numbers: &[u32],
    each: &mut dyn FnMut(Vec<Span>),
) -> Vec<(u32, BlockError)> {
    let mut bad = Vec::new();
    for part in numbers.chunks(TRACES_AT_ONCE) {
        let mut entries = Vec::new();
        for number in part {
            match block.trace_entry(*number) {
                Ok(entry) => entries.push((*number, entry)),
                Err(error) => bad.push((*number, error)),
            }
        }
        // Parts that cannot be read are halved until single traces are left.
        let mut parts = vec![entries.as_slice()];
        while let Some(part) = parts.pop() {
            let traces: Vec<TraceEntry> = part.iter().map(|(_, entry)| *entry).collect();
            match block.traces_spans(&traces) {
                Ok((spans, _)) => each(spans),
                Err(error) => match part {
                    [] => {}
                    [(number, _)] => bad.push((*number, error)),
                    part => {
                        let (low, high) = part.split_at(part.len() / 2);
                        parts.extend([high, low]);
                    }
                },
            }
        }
    }
    bad
}

fn chunk_faults(block: &Block) -> Vec<BlockFault> {
    let image = block.image();
    let chunk_len = image.chunk_len.max(1);
    let chunk_fault = |number: u64| {
        let offset = number * chunk_len;
        let read = image.read_once(offset, chunk_len.min(image.len - offset));
        Some(BlockFault::of(&read.err()?))
    };
    (0..image.len.div_ceil(chunk_len)).filter_map(chunk_fault).collect()
}

/// Sections follow one another without gaps up to the image's end, none twice.
fn section_faults(block: &Block) -> Result<Vec<BlockFault>, BlockError> {
    let sections = block.sections()?;
    let mut faults = Vec::new();
    let mut end = u64_of(HEADER_LEN + sections.len() * SECTION_ENTRY_LEN);
    let mut seen = BTreeSet::new();
    for (section, extent) in sections {
        if extent.offset != end || !seen.insert(section.code()) {
            let what = format!("begins at {}, {end} expected", extent.offset);
            faults.push(BlockFault::new(section.name(), what));
        }
        end = extent.offset.saturating_add(extent.len);
    }
    if end != block.image().len {
        let what = format!("the last section ends at {end} of {}", block.image().len);
        faults.push(BlockFault::new("header", what));
    }
    Ok(faults)
}

/// Traces are in order of start and id, and say when their spans start and end.
fn trace_faults(block: &Block) -> Result<Vec<BlockFault>, BlockError> {
    let mut faults = Vec::new();
    let mut fault = |number, what: String| {
        faults.push(BlockFault::new("trace table", what).touching([number]));
    };
    let mut starts = block.cursor(Section::Starts)?;
    let mut durations = block.cursor(Section::Durations)?;
    let mut before = None;
    // The end of a span that ends before it starts is not among those that durations give.
    let backward = ColumnKey::Field(field::BACKWARD);
    let ends_known = block.columns(Table::Spans, &backward)?.is_empty();
    for number in 0..block.header()?.traces {
        let entry = block.trace_entry(number)?;
        if before.replace((entry.start, entry.id)) >= Some((entry.start, entry.id)) {
            fault(number, format!("trace {number} is not after the one before it"));
        }
        let (mut least, mut latest) = (u64::MAX, 0);
        for row in entry.first_row..entry.first_row + entry.rows {
            let offset = starts.get(usize_of(row))?;
            least = least.min(offset);
            let start = entry.start.unix_nanos().wrapping_add(offset);
            let end = start.wrapping_add(durations.get(usize_of(row))?);
            latest = latest.max(end);
        }
        if least != 0 {
            fault(number, format!("trace {number} does not start when its first span does"));
        }
        if ends_known && latest != entry.end.unix_nanos() {
            fault(number, format!("trace {number} does not end when its last span does"));
        }
    }
    Ok(faults)
}

/// Buckets are those of the durations.
fn bucket_faults(block: &Block) -> Result<Vec<BlockFault>, BlockError> {
    let section = Section::DurationBuckets.name();
    let fault = || BlockFault::new(section, "the buckets are not those of the durations");
    Ok(if block.are_buckets_right()? { Vec::new() } else { vec![fault()] })
}

/// The look-up has every trace once, in order of ids, and the filter lets each pass.
fn lookup_faults(block: &Block) -> Result<Vec<BlockFault>, BlockError> {
    let mut faults = Vec::new();
    let traces = block.header()?.traces;
    let mut lookup = block.cursor(Section::TraceLookup)?;
    if lookup.count() != usize_of(traces) {
        let what = format!("{} traces, {traces} expected", lookup.count());
        faults.push(BlockFault::new(Section::TraceLookup.name(), what));
    }
    let mut before: Option<TraceId> = None;
    for at in 0..lookup.count() {
        let number = low_u32(lookup.get(at)?);
        let id = block.trace_id(number)?;
        if before.replace(id) >= Some(id) {
            let what = format!("trace {number} is not after the one before it");
            faults.push(BlockFault::new(Section::TraceLookup.name(), what).touching([number]));
        }
        if !block.may_have_trace(id)? {
            let what = format!("trace {number} does not pass");
            faults.push(BlockFault::new(Section::TraceFilter.name(), what).touching([number]));
        }
    }
    Ok(faults)
}

/// Intervals nest, end with their trace, and each row's parent is the innermost around it.
fn structure_faults(block: &Block) -> Result<Vec<BlockFault>, BlockError> {
    let (ends, parents) = (block.wide(Section::Ends)?, block.wide(Section::Parents)?);
    let firsts = block.trace_first_rows()?;
    let mut faults = Vec::new();
    for (bounds, number) in firsts.windows(2).zip(0u32..) {
        let [first, next] = bounds else { continue };
        let mut around: Vec<(u64, u64)> = Vec::new();
        for row in *first..*next {
            let (at, wide) = (usize_of(row), u64::from(row));
            let (delta, back) = (ends.get(at).copied(), parents.get(at).copied());
            let (Some(delta), Some(back)) = (delta, back) else {
                let fault = BlockFault::new(Section::Ends.name(), "rows are missing");
                faults.push(fault.touching([number]));
                break;
            };
            while around.last().is_some_and(|(_, end)| *end < wide) {
                around.pop();
            }
            let (parent, limit) = match around.last() {
                Some((parent, end)) => (wide - parent, *end),
                None => (0, u64::from(*next) - 1),
            };
            let end = wide.saturating_add(delta);
            if end > limit {
                let what = format!("row {row} ends at {end}, beyond {limit}");
                faults.push(BlockFault::new(Section::Ends.name(), what).touching([number]));
            }
            if back != parent {
                let what = format!("the parent of row {row} is {back} before it, not {parent}");
                faults.push(BlockFault::new(Section::Parents.name(), what).touching([number]));
            }
            around.push((wide, end.min(limit)));
        }
    }
    Ok(faults)
}

/// Events and links belong to rows, in order, and have what goes with them.
fn owner_faults(block: &Block) -> Result<Vec<BlockFault>, BlockError> {
    let header = block.header()?;
    let mut faults = Vec::new();
    for (section, count) in
        [(Section::EventOwners, header.events), (Section::LinkOwners, header.links)]
    {
        let owners = block.wide(section)?;
        let is_row = |owner: &u64| *owner < u64::from(header.rows);
        if owners.len() != usize_of(count) || !owners.is_sorted() || !owners.iter().all(is_row) {
            let what = format!("{} owners for {count}, or not in order", owners.len());
            faults.push(BlockFault::new(section.name(), what));
        }
    }
    let times = block.wide(Section::EventTimes)?.len();
    if times != usize_of(header.events) {
        let what = format!("{times} times for {} events", header.events);
        faults.push(BlockFault::new(Section::EventTimes.name(), what));
    }
    if header.links > 0 {
        block.records(Section::LinkTraceIds, 16, 0, header.links)?;
        block.records(Section::LinkSpanIds, 8, 0, header.links)?;
    }
    Ok(faults)
}

/// The traces that rows of a table belong to, as far as that can be read.
pub(super) fn traces_of(
    block: &Block,
    table: Table,
    rows: impl IntoIterator<Item = u32>,
) -> BTreeSet<u32> {
    let owners = match table {
        Table::Events => block.event_owners().ok(),
        Table::Links => block.link_owners().ok(),
        // Which spans share a resource or a scope is known through the spans' own columns.
        Table::Resources | Table::Scopes => return BTreeSet::new(),
        Table::Spans => None,
    };
    let Ok(firsts) = block.trace_first_rows() else { return BTreeSet::new() };
    let trace = |row: u32| {
        let row = match &owners {
            Some(owners) => owners.get(usize_of(row)).copied()?,
            None => row,
        };
        u32::try_from(firsts.partition_point(|first| *first <= row)).ok()?.checked_sub(1)
    };
    rows.into_iter().filter_map(trace).collect()
}

/// An error about a section as a fault.
pub(super) fn malformed(block: &Block, section: &str, what: String) -> BlockError {
    block.image().corrupt(section, Malformed::new(0, what))
}
