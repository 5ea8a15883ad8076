//! The journal: what was taken in and is in no block yet. Invariants: the entries that count have
//! numbers without a gap, which the journal record says; an entry is read whole or is an error.

use redb::{ReadableTable, Table, WriteTransaction};

use super::error::StorageError;
use super::file::Storage;
use super::gate::gate;
use super::records::{JournalRecord, decode, encode};
use super::snapshot::Snapshot;
use super::tables::{JOURNAL, JOURNAL_CHUNK_BYTES, KEY_JOURNAL, META};
use crate::codec::bytes::Malformed;
use crate::codec::cast::u32_of;
use crate::codec::checksum;

/// Keys removed in one transaction, so that no other write waits long.
const REMOVED_AT_ONCE: usize = 4096;
const CHECKSUM_LEN: usize = 4;

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalEntry {
    /// Its number: entries count in order of their numbers.
    pub(crate) number: u64,
    /// What the store wrote.
    pub(crate) payload: Vec<u8>,
}

/// Whether a write waits for the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// The write is durable when the call returns.
    Now,
    /// It is durable after the next one that waits.
    Later,
}

/// A chunk of an entry as it is stored.
type Stored = ((u64, u32), Vec<u8>);

/// What a chunk's checksum covers beside its bytes: entry, chunk and how many chunks there are.
fn context(number: u64, chunk: u32, chunks: u32) -> [u8; 16] {
    let mut context = [0; 16];
    let numbers = chunk.to_le_bytes().into_iter().chain(chunks.to_le_bytes());
    let bytes = number.to_le_bytes().into_iter().chain(numbers);
    context.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    context
}

fn corrupt(place: String, what: impl Into<String>) -> StorageError {
    StorageError::Corrupt { place, cause: Malformed::new(0, what) }
}

/// The journal record within a transaction; the default where there is none.
fn record_in(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Vec<u8>, redb::Error> {
    Ok(meta.get(KEY_JOURNAL)?.map(|found| found.value().to_vec()).unwrap_or_default())
}

fn insert(
    table: &mut Table<'_, (u64, u32), &'static [u8]>,
    number: u64,
    payload: &[u8],
) -> Result<(), redb::Error> {
    let pieces = payload.chunks(JOURNAL_CHUNK_BYTES - CHECKSUM_LEN);
    let chunks = u32_of(pieces.len()).unwrap_or(u32::MAX);
    for (piece, chunk) in pieces.zip(0u32..) {
        let mut value = table.insert_reserve((number, chunk), piece.len() + CHECKSUM_LEN)?;
        let sum = checksum::of(&[&context(number, chunk, chunks), piece]);
        if let Some((body, tail)) = value.as_mut().split_last_chunk_mut::<CHECKSUM_LEN>() {
            body.copy_from_slice(piece);
            *tail = sum.to_le_bytes();
        }
    }
    Ok(())
}

impl Snapshot {
    /// The entries from `from` on that count, in order.
    pub(super) fn load_journal(&self, from: u64) -> Result<Vec<JournalEntry>, StorageError> {
        let (first, next) = self.journal_bounds()?;
        let first = first.max(from);
        let stored = gate("reading the journal", || {
            let mut stored: Vec<Stored> = Vec::new();
            if first < next {
                for entry in self.read.open_table(JOURNAL)?.range((first, 0)..(next, 0))? {
                    let (key, bytes) = entry?;
                    stored.push((key.value(), bytes.value().to_vec()));
                }
            }
            Ok(stored)
        })?;
        let mut entries = Vec::new();
        for chunks in stored.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
            let Some(((number, _), _)) = chunks.first() else { continue };
            entries.push(joined(*number, chunks)?);
        }
        let expected = next.saturating_sub(first);
        if u64::try_from(entries.len()) != Ok(expected) {
            let what = format!("{} entries found, {expected} expected", entries.len());
            return Err(corrupt("journal".to_owned(), what));
        }
        Ok(entries)
    }

    /// Entry `number`, read by itself.
    pub(super) fn journal_entry(&self, number: u64) -> Result<JournalEntry, StorageError> {
        let stored = gate("reading the journal", || {
            let mut stored: Vec<Stored> = Vec::new();
            let table = self.read.open_table(JOURNAL)?;
            for entry in table.range((number, 0)..=(number, u32::MAX))? {
                let (key, bytes) = entry?;
                stored.push((key.value(), bytes.value().to_vec()));
            }
            Ok(stored)
        })?;
        if stored.is_empty() {
            return Err(corrupt(format!("journal entry {number}"), "it is missing"));
        }
        joined(number, &stored)
    }

    /// The numbers of the first entry that counts and of the next to be written.
    pub(super) fn journal_bounds(&self) -> Result<(u64, u64), StorageError> {
        let bytes =
            gate("reading the journal's bounds", || record_in(&self.read.open_table(META)?))?;
        let record: JournalRecord = decode("meta, journal record", &bytes)?;
        Ok((record.first, record.next))
    }
}

impl Storage {
    /// Adds entries, numbered from `first` on, as one transaction. None is empty.
    pub(crate) fn append_journal(
        &self,
        first: u64,
        payloads: &[&[u8]],
        flush: Flush,
    ) -> Result<(), StorageError> {
        self.write("writing the journal", flush, |write| {
            let mut table = write.open_table(JOURNAL)?;
            for (number, payload) in (first..).zip(payloads) {
                insert(&mut table, number, payload)?;
            }
            let next = (first..).nth(payloads.len()).unwrap_or(first);
            change_record(write, |record| record.next = next)
        })
    }

    /// Makes durable what was written before.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.write("syncing", Flush::Now, |_| Ok(()))
    }

    /// Removes the entries before `first`, which count no more.
    pub(crate) fn remove_journal_before(&self, first: u64) -> Result<(), StorageError> {
        self.remove_entries((0, 0)..(first, 0))
    }

    /// Removes entries that do not count: those of a write that was cut.
    pub(super) fn remove_stray_entries(&self) -> Result<(), StorageError> {
        let (first, next) = self.snapshot()?.journal_bounds()?;
        self.remove_entries((0, 0)..(first, 0))?;
        self.remove_entries((next, 0)..(u64::MAX, u32::MAX))
    }

    fn remove_entries(&self, range: std::ops::Range<(u64, u32)>) -> Result<(), StorageError> {
        let is_empty = gate("looking into the journal", || {
            let table = self.begin_read()?.open_table(JOURNAL)?;
            Ok(table.range(range.clone())?.next().is_none())
        })?;
        if is_empty {
            return Ok(());
        }
        self.remove_range("removing journal entries", JOURNAL, range, REMOVED_AT_ONCE)
    }
}

/// Changes the journal record within a transaction.
pub(super) fn change_record(
    write: &WriteTransaction,
    change: impl FnOnce(&mut JournalRecord),
) -> Result<(), redb::Error> {
    let mut meta = write.open_table(META)?;
    let bytes = record_in(&meta)?;
    let damaged = |error: StorageError| redb::Error::Corrupted(error.to_string());
    let mut record: JournalRecord = decode("meta, journal record", &bytes).map_err(damaged)?;
    change(&mut record);
    let bytes = encode(&record).map_err(damaged)?;
    meta.insert(KEY_JOURNAL, bytes.as_slice())?;
    Ok(())
}

/// An entry from its chunks.
fn joined(number: u64, chunks: &[Stored]) -> Result<JournalEntry, StorageError> {
    let count = u32_of(chunks.len()).unwrap_or(u32::MAX);
    let mut payload = Vec::new();
    for (((_, chunk), bytes), expected) in chunks.iter().zip(0u32..) {
        let place = || format!("journal entry {number}, chunk {chunk}");
        if *chunk != expected {
            return Err(corrupt(place(), format!("chunk {expected} expected")));
        }
        let body = checksum::verified(bytes, &context(number, *chunk, count))
            .map_err(|cause| StorageError::Corrupt { place: place(), cause })?;
        payload.extend_from_slice(body);
    }
    Ok(JournalEntry { number, payload })
}
