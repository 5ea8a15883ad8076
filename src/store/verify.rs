//! Checking all of a store. Invariant: nothing is changed by looking; redb, which repairs what it
//! checks, looks only at a file in which nothing else is wrong.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::entry::{self, Entry};
use super::shared::Shared;
use crate::block::{Block, BlockFault, BlockId, Cache, Image, block_faults};
use crate::error::Error;
use crate::head::in_memory;
use crate::id::TraceId;
use crate::storage::{
    BlockRecord, JournalEntry, Snapshot, StorageError, Survey, check_pages, look,
};

/// What is decoded of a block while it is checked.
const CACHE_BYTES: u64 = 16 << 20;

/// What checking a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// Blocks that were read.
    pub blocks: u64,
    /// Traces in them, those that moved on apart.
    pub traces: u64,
    /// Journal entries that were read.
    pub journal_entries: u64,
    /// Why redb did not check its own pages, if it did not: only a file that is sound otherwise is
    /// checked, and only by who may write it.
    pub pages_unchecked: Option<String>,
    /// All that is broken; empty for a sound store.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// True if nothing is broken.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, place: Place, what: impl fmt::Display) {
        let what = what.to_string();
        self.faults.push(Fault { place, what, traces: Vec::new() });
    }
}

/// Something that is broken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// Where it is.
    pub place: Place,
    /// What is wrong there.
    pub what: String,
    /// The traces that are known to be touched by it, as far as their ids can be read: they cannot be
    /// read whole, or searches may miss them. Empty where it is not known which.
    pub traces: Vec<TraceId>,
}

/// A place in a store's file; see `docs/format.md`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// redb's own pages.
    Pages,
    /// A table as a whole.
    Tables,
    /// The record that lists blocks and masks.
    StoreRecord,
    /// The record that says which journal entries count.
    JournalRecord,
    /// The record of a block.
    BlockRecord(u64),
    /// The mask of a block.
    Mask(u64),
    /// A part of a block: a chunk, or a section and column.
    Block {
        /// The number of the block.
        block: u64,
        /// Which part.
        part: String,
    },
    /// A journal entry, or a part of the block in it.
    JournalEntry {
        /// Its number.
        number: u64,
        /// Which part, where it is one.
        part: Option<String>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages => f.write_str("pages of the file"),
            Self::Tables => f.write_str("tables"),
            Self::StoreRecord => f.write_str("store record"),
            Self::JournalRecord => f.write_str("journal record"),
            Self::BlockRecord(block) => write!(f, "record of block {block}"),
            Self::Mask(block) => write!(f, "mask of block {block}"),
            Self::Block { block, part } => write!(f, "block {block}, {part}"),
            Self::JournalEntry { number, part: None } => write!(f, "journal entry {number}"),
            Self::JournalEntry { number, part: Some(part) } => {
                write!(f, "journal entry {number}, {part}")
            }
        }
    }
}

impl Shared {
    /// Checks the file of an open store.
    pub(super) fn verify(&self) -> Result<Verification, Error> {
        let mut verification = verify(&Arc::new(self.storage.snapshot()?));
        if self.storage.is_read_only() {
            let why = "the store is open to be read only".to_owned();
            verification.pages_unchecked = Some(why);
        } else if verification.is_sound() {
            // Two at once would be in redb's way.
            let _maintainer = self.maintainer();
            match self.storage.check_integrity() {
                Ok(true) => {}
                Ok(false) => verification.add(Place::Pages, "redb found damage and repaired it"),
                Err(error) => verification.add(Place::Pages, chain(&error)),
            }
        } else {
            verification.pages_unchecked = Some("the store is damaged elsewhere".to_owned());
        }
        Ok(verification)
    }
}

/// Checks the file at `path`, whoever has it open, without changing it.
pub(super) fn verify_file(path: &Path) -> Result<Verification, Error> {
    let look = look(path)?;
    let mut verification = verify(&look.snapshot);
    if let Some(doubt) = &look.doubt {
        verification.add(Place::Pages, doubt);
    }
    drop(look);
    if verification.is_sound() {
        match check_pages(path) {
            Ok(()) => {}
            Err(StorageError::AlreadyOpen { .. }) => {
                verification.pages_unchecked = Some("another process has it open".to_owned());
            }
            Err(error) => verification.add(Place::Pages, chain(&error)),
        }
    } else {
        verification.pages_unchecked = Some("the store is damaged elsewhere".to_owned());
    }
    Ok(verification)
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A block of a snapshot, with a cache of its own.
pub(super) fn block_of(snapshot: &Arc<Snapshot>, record: &BlockRecord) -> Block {
    Block::new(Image {
        block: record.id,
        len: record.image_len,
        chunk_len: u64::from(record.chunk_len.max(1)),
        chunks: Arc::<Snapshot>::clone(snapshot),
        cache: Arc::new(Cache::new(CACHE_BYTES)),
    })
}

fn verify(snapshot: &Arc<Snapshot>) -> Verification {
    let survey = snapshot.survey();
    let mut found = Verification::default();
    check_records(&survey, &mut found);
    let mut homes: HashMap<TraceId, BlockId> = HashMap::new();
    for (id, record) in &survey.blocks {
        let Ok(record) = record else { continue };
        found.blocks += 1;
        let mask = survey.masks.get(id).and_then(|mask| mask.as_ref().ok());
        let empty = RoaringBitmap::new();
        check_block(snapshot, record, mask.unwrap_or(&empty), &mut homes, &mut found);
    }
    for (number, entry) in &survey.journal {
        found.journal_entries += 1;
        check_entry(*number, entry, &mut found);
    }
    found
}

fn check_records(survey: &Survey, found: &mut Verification) {
    for error in &survey.lost {
        found.add(Place::Tables, chain(error));
    }
    for (id, record) in &survey.blocks {
        if let Err(error) = record {
            found.add(Place::BlockRecord(id.0), error);
        }
    }
    for (id, mask) in &survey.masks {
        if let Err(error) = mask {
            found.add(Place::Mask(id.0), error);
        }
    }
    if let Err(error) = &survey.journal_bounds {
        found.add(Place::JournalRecord, error);
    }
    let listed = match &survey.listed {
        Ok(listed) => listed,
        Err(error) => return found.add(Place::StoreRecord, error),
    };
    let chunks = survey.blocks.iter().filter_map(|(id, record)| {
        let record = record.as_ref().ok()?;
        (listed.blocks.get(id) != Some(&record.chunks())).then_some(*id)
    });
    for id in chunks {
        found.add(Place::StoreRecord, format!("block {id} is not as it is listed, or not listed"));
    }
    let masks = survey.masks.iter().filter_map(|(id, mask)| {
        let mask = mask.as_ref().ok()?;
        (listed.masked.get(id) != Some(&mask.len())).then_some(*id)
    });
    for id in masks {
        found.add(Place::StoreRecord, format!("the mask of block {id} is not as it is listed"));
    }
}

fn check_block(
    snapshot: &Arc<Snapshot>,
    record: &BlockRecord,
    mask: &RoaringBitmap,
    homes: &mut HashMap<TraceId, BlockId>,
    found: &mut Verification,
) {
    let block = block_of(snapshot, record);
    let place = |part: String| Place::Block { block: record.id.0, part };
    for fault in block_faults(&block) {
        found.faults.push(fault_at(&block, fault, place));
    }
    let Ok(header) = block.header() else { return };
    let facts = (header.rows, header.traces, header.events, header.links);
    if facts != (record.rows, record.traces, record.events, record.links) {
        found.add(Place::BlockRecord(record.id.0), "its counts are not those of the block");
    }
    check_times(&block, record, found);
    if mask.max().is_some_and(|last| last >= header.traces) {
        let what = format!("it masks traces beyond the {} of the block", header.traces);
        found.add(Place::Mask(record.id.0), what);
    }
    for number in (0..header.traces).filter(|number| !mask.contains(*number)) {
        found.traces += 1;
        let Ok(id) = block.trace_id(number) else { continue };
        if let Some(other) = homes.insert(id, record.id) {
            let what = format!("a trace is in block {other} as well");
            let place = place("trace ids".to_owned());
            found.faults.push(Fault { place, what, traces: vec![id] });
        }
    }
}

fn check_times(block: &Block, record: &BlockRecord, found: &mut Verification) {
    let starts = block.wide(crate::block::Section::TraceStarts);
    let ends = block.wide(crate::block::Section::TraceEnds);
    let (Ok(starts), Ok(ends)) = (starts, ends) else { return };
    let times = (starts.iter().min(), starts.iter().max(), ends.iter().max());
    let said = [record.start, record.newest, record.end].map(crate::time::Timestamp::unix_nanos);
    if times != (said.first(), said.get(1), said.get(2)) {
        found.add(Place::BlockRecord(record.id.0), "its times are not those of the block");
    }
}

fn check_entry(number: u64, entry: &Result<JournalEntry, StorageError>, found: &mut Verification) {
    let place = |part| Place::JournalEntry { number, part };
    let payload = match entry {
        Ok(entry) => &entry.payload,
        Err(error) => return found.add(place(None), chain(error)),
    };
    match entry::decode(payload) {
        Ok(Entry::Deleted(_)) => {}
        Ok(Entry::Spans(image, ..)) => {
            let block =
                in_memory(BlockId::in_memory(number), &image, &Arc::new(Cache::new(CACHE_BYTES)));
            for fault in block_faults(&block) {
                found.faults.push(fault_at(&block, fault, |part| place(Some(part))));
            }
        }
        Err(error) => found.add(place(None), error),
    }
}

fn fault_at(block: &Block, fault: BlockFault, place: impl Fn(String) -> Place) -> Fault {
    let ids = fault.traces.iter().filter_map(|number| block.trace_id(*number).ok());
    let ids: BTreeSet<TraceId> = ids.collect();
    Fault { place: place(fault.place), what: fault.what, traces: ids.into_iter().collect() }
}
