//! A copy of a store as of one instant. Invariants: nobody waits for it, and a file stands under the
//! wanted name only when it is whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use roaring::RoaringBitmap;

use super::shared::Shared;
use crate::block::BlockId;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::options::{Durability, Options};
use crate::search::BlockView;
use crate::storage::{BlockRecord, Change, Storage, StorageError};
use crate::time::Timestamp;

/// Where a copy is written before it is whole.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// An error where there is something at `path` already.
pub(super) fn must_be_new(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(_) => Err(Error::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

impl Shared {
    /// Copies what readers see now to a new store at `path`.
    pub(super) fn backup(&self, path: &Path) -> Result<(), Error> {
        must_be_new(path)?;
        let part = unfinished(path);
        must_be_new(&part)?;
        let copied = self.copy_to(&part).and_then(|()| {
            must_be_new(path)?;
            let failed = |cause| StorageError::File { path: path.to_owned(), cause };
            Ok(std::fs::rename(&part, path).map_err(failed)?)
        });
        if copied.is_err() {
            // It is of no use, and nobody else's.
            let _removed = std::fs::remove_file(&part);
        }
        copied
    }

    fn copy_to(&self, path: &Path) -> Result<(), Error> {
        let base = self.base()?;
        let options = Options {
            durability: Durability::EachCommit,
            paranoid_open: false,
            ..self.options.clone()
        };
        let (storage, opened) = Storage::open(path, &options)?;
        let mut added: Vec<BlockRecord> = Vec::new();
        let mut masks: BTreeMap<BlockId, RoaringBitmap> = BTreeMap::new();
        for (old, view) in base.views() {
            let stored = base.stored.get(&old).map(|stored| stored.record.retention);
            let head = base.head.get(&old).map(|head| head.made.retention);
            let retention = stored.or(head).unwrap_or(view.end);
            let id = BlockId(u64_of(added.len()));
            if let Some(record) = copy_block(&storage, id, view, retention)? {
                if !view.masked.is_empty() {
                    masks.insert(id, view.masked.clone());
                }
                added.push(record);
            }
        }
        let mut counters = opened.counters;
        counters.next_block = u64_of(added.len());
        (counters.replaced_spans, counters.duplicate_spans) =
            (base.replaced_spans, base.duplicate_spans);
        storage.commit(&Change {
            added: &added,
            dropped: &[],
            masks: &masks,
            blocks_after: added.iter().map(|record| (record.id, record.chunks())).collect(),
            masked_after: masks.iter().map(|(id, mask)| (*id, mask.len())).collect(),
            counters,
            journal_first: None,
        })?;
        Ok(())
    }
}

/// Copies a block; one of which nothing counts is left out.
fn copy_block(
    storage: &Storage,
    id: BlockId,
    view: &BlockView,
    retention: Timestamp,
) -> Result<Option<BlockRecord>, Error> {
    let header = view.block.header()?;
    if view.masked.len() >= u64::from(header.traces) {
        return Ok(None);
    }
    let image = view.block.image();
    storage.write_chunks(id, &image.read_once(0, image.len)?)?;
    let ends = view.block.wide(crate::block::Section::TraceEnds)?;
    let end = ends.iter().max().copied().unwrap_or(0);
    Ok(Some(BlockRecord {
        id,
        rows: header.rows,
        traces: header.traces,
        events: header.events,
        links: header.links,
        image_len: image.len,
        chunk_len: storage.chunk_len(),
        start: view.start,
        newest: view.newest,
        end: Timestamp::from_unix_nanos(end),
        retention,
    }))
}
