//! Looking at a file that may be damaged: records one by one, each with what is wrong with it.
//! Invariant: what cannot be read takes nothing else with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use redb::ReadableTable;
use roaring::RoaringBitmap;

use super::error::StorageError;
use super::file::Storage;
use super::gate::gate;
use super::handle::{self, Handle};
use super::header::{self, PRIMARY, TWO_PHASE};
use super::journal::JournalEntry;
use super::records::{BlockRecord, StoreRecord, decode, decode_mask};
use super::shadow::Shadow;
use super::snapshot::Snapshot;
use super::tables::{BLOCKS, CHUNKS, JOURNAL, KEY_STORE, MASKS, META};
use crate::block::BlockId;
use crate::codec::bytes::Malformed;
use crate::options::Options;

/// More entries than a journal has: a bound on what a damaged record may ask for.
const ENTRIES_MAX: usize = 1 << 20;

/// The records of a file, each read by itself.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The blocks that count, with their chunks, and those that have a mask, with its size.
    pub(crate) listed: Result<Listed, StorageError>,
    pub(crate) blocks: BTreeMap<BlockId, Result<BlockRecord, StorageError>>,
    pub(crate) masks: BTreeMap<BlockId, Result<RoaringBitmap, StorageError>>,
    /// The numbers of the first journal entry that counts and of the next one.
    pub(crate) journal_bounds: Result<(u64, u64), StorageError>,
    /// The entries that count; all there are, where the journal record cannot be read.
    pub(crate) journal: Vec<(u64, Result<JournalEntry, StorageError>)>,
    /// Tables that could not be read to their end.
    pub(crate) lost: Vec<StorageError>,
}

/// What the store record lists.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) blocks: BTreeMap<BlockId, u32>,
    pub(crate) masked: BTreeMap<BlockId, u64>,
}

impl Snapshot {
    /// Reads all records.
    pub(crate) fn survey(&self) -> Survey {
        let mut lost = Vec::new();
        let listed = self.listed();
        let known =
            |of: &dyn Fn(&Listed) -> Vec<BlockId>| listed.as_ref().map(of).unwrap_or_default();
        let mut ids: BTreeSet<BlockId> =
            known(&|listed| listed.blocks.keys().copied().collect()).into_iter().collect();
        keys("reading the block list", &mut ids, &mut lost, |found| {
            for entry in self.read.open_table(BLOCKS)?.iter()? {
                found.insert(BlockId(entry?.0.value()));
            }
            Ok(())
        });
        let blocks = ids.into_iter().map(|id| (id, self.block_record(id))).collect();
        let mut ids: BTreeSet<BlockId> =
            known(&|listed| listed.masked.keys().copied().collect()).into_iter().collect();
        keys("reading the masks", &mut ids, &mut lost, |found| {
            for entry in self.read.open_table(MASKS)?.iter()? {
                found.insert(BlockId(entry?.0.value()));
            }
            Ok(())
        });
        let masks = ids.into_iter().map(|id| (id, self.mask(id))).collect();
        let journal_bounds = self.journal_bounds();
        let mut numbers = BTreeSet::new();
        if let Ok((first, next)) = &journal_bounds {
            numbers.extend((*first..*next).take(ENTRIES_MAX));
        } else {
            keys("reading the journal", &mut numbers, &mut lost, |found| {
                for entry in self.read.open_table(JOURNAL)?.iter()? {
                    found.insert(entry?.0.value().0);
                }
                Ok(())
            });
        }
        let entry = |number| (number, self.journal_entry(number));
        let journal = numbers.into_iter().map(entry).collect();
        Survey { listed, blocks, masks, journal_bounds, journal, lost }
    }

    /// Blocks that have chunks, whether they count or not.
    pub(crate) fn blocks_with_chunks(&self) -> BTreeSet<BlockId> {
        let mut found = BTreeSet::new();
        keys("looking for chunks", &mut found, &mut Vec::new(), |found| {
            let chunks = self.read.open_table(CHUNKS)?;
            let mut from = Some(0);
            while let Some(at) = from {
                let Some(first) = chunks.range((at, 0)..)?.next() else { break };
                let (id, _) = first?.0.value();
                found.insert(BlockId(id));
                from = id.checked_add(1);
            }
            Ok(())
        });
        found
    }

    fn listed(&self) -> Result<Listed, StorageError> {
        let bytes = gate("reading the store record", || {
            let meta = self.read.open_table(META)?;
            Ok(meta.get(KEY_STORE)?.map(|found| found.value().to_vec()).unwrap_or_default())
        })?;
        let record: StoreRecord = decode("meta, store record", &bytes)?;
        Ok(Listed {
            blocks: record.blocks.into_iter().collect(),
            masked: record.masked.into_iter().collect(),
        })
    }

    fn block_record(&self, id: BlockId) -> Result<BlockRecord, StorageError> {
        let place = format!("record of block {id}");
        let bytes = gate("reading a block record", || {
            let table = self.read.open_table(BLOCKS)?;
            Ok(table.get(id.0)?.map(|found| found.value().to_vec()))
        })?;
        let record: BlockRecord = decode(&place, &present(&place, bytes)?)?;
        if record.id == id {
            return Ok(record);
        }
        let cause = Malformed::new(0, format!("it is the record of block {}", record.id));
        Err(StorageError::Corrupt { place, cause })
    }

    fn mask(&self, id: BlockId) -> Result<RoaringBitmap, StorageError> {
        let bytes = gate("reading a mask", || {
            let table = self.read.open_table(MASKS)?;
            Ok(table.get(id.0)?.map(|found| found.value().to_vec()))
        })?;
        decode_mask(id.0, &present(&format!("mask of block {id}"), bytes)?)
    }
}

/// Collects keys as far as they can be read.
fn keys<T>(
    action: &'static str,
    found: &mut BTreeSet<T>,
    lost: &mut Vec<StorageError>,
    read: impl FnOnce(&mut BTreeSet<T>) -> Result<(), redb::Error>,
) {
    if let Err(error) = gate(action, || read(found)) {
        lost.push(error);
    }
}

fn present(place: &str, bytes: Option<Vec<u8>>) -> Result<Vec<u8>, StorageError> {
    bytes.ok_or_else(|| {
        let cause = Malformed::new(0, "it is missing");
        StorageError::Corrupt { place: place.to_owned(), cause }
    })
}

/// Has redb check all pages of the file at `path`, which nobody may have open and which does not
/// change.
pub(crate) fn check_pages(path: &Path) -> Result<(), StorageError> {
    let open = |error| StorageError::File { path: path.to_owned(), cause: error };
    let beside = Shadow::open_alone(path).map_err(open)?;
    let checked = gate("checking the file", || {
        let options = Options { paranoid_open: true, ..Options::default() };
        let builder = handle::builder(&options, redb::ConcurrencyMode::ExclusiveWriter);
        Ok(builder.create_with_backend(beside)?.close()?)
    });
    checked.map_err(|error| match error {
        StorageError::Redb { cause, .. } if matches!(*cause, redb::Error::DatabaseAlreadyOpen) => {
            StorageError::AlreadyOpen { path: path.to_owned() }
        }
        other => other,
    })
}

/// Makes the newer of the two commits of a file whose writer was killed the newest, if all of it is
/// there: either it was never ended, and may as well count, or the file is damaged, and it has to.
pub(super) fn prefer_newer(path: &Path) -> Result<(), StorageError> {
    let failed = |error| StorageError::File { path: path.to_owned(), cause: error };
    let marked = Storage::open_beside(path, &Options::default())?.snapshot()?.marks()?;
    let beside = Shadow::open_alone(path).map_err(failed)?;
    // Of commits of one phase redb takes the newest that is whole.
    beside.change_flags(|flags| flags & !TWO_PHASE).map_err(failed)?;
    let newest = gate("looking for the newest commit", || {
        let options = Options { paranoid_open: true, ..Options::default() };
        let builder = handle::builder(&options, redb::ConcurrencyMode::ExclusiveWriter);
        let database = Handle::Writer(builder.create_with_backend(beside)?);
        let read = database.begin_read()?;
        Ok((database, Snapshot { read, _file: Arc::default() }))
    });
    let Ok((_database, newest)) = newest else { return Ok(()) };
    if newest.marks()? != marked {
        header::change_flags(path, |flags| flags ^ PRIMARY).map_err(failed)?;
    }
    Ok(())
}

/// A file that is looked at, whoever has it open; it does not change.
#[derive(Debug)]
pub(crate) struct Look {
    /// Its newest commit.
    pub(crate) snapshot: Arc<Snapshot>,
    /// What speaks against its being the newest.
    pub(crate) doubt: Option<StorageError>,
    _storage: Storage,
}

/// What of the file at `path` can be seen.
pub(crate) fn look(path: &Path) -> Result<Look, StorageError> {
    let storage = Storage::open_beside(path, &Options::default())?;
    let snapshot = Arc::new(storage.snapshot()?);
    Ok(Look { snapshot, doubt: header::check(path).err(), _storage: storage })
}
