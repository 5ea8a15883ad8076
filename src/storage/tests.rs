//! Tests that try to break the file: damage through a raw redb handle, files of somebody else, and
//! writes that fail. Invariant: each is an error that says where, or changes nothing that counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use roaring::RoaringBitmap;

use super::file::Opened;
use super::records::encode_mask;
use super::tables::{BLOCKS, CHUNKS, KEY_STORE, KEY_VERSION, MASKS, META};
use super::{BlockRecord, Change, Counters, Dropped, Storage};
use crate::block::{BlockId, Chunks};
use crate::options::Options;
use crate::time::Timestamp;

const IMAGE_LEN: usize = 200;
const COUNTERS: Counters = Counters {
    next_block: 3,
    replaced_spans: 7,
    duplicate_spans: 5,
    too_old_spans: 4,
    dropped: Dropped {
        blocks: 1,
        traces: 300,
        spans: 3000,
        start: Timestamp::from_unix_nanos(8),
        end: Timestamp::from_unix_nanos(1 << 60),
    },
    over_share: Dropped {
        blocks: 2,
        traces: 40,
        spans: 400,
        start: Timestamp::from_unix_nanos(9),
        end: Timestamp::from_unix_nanos(1 << 59),
    },
};

fn options() -> Options {
    Options { chunk_bytes: 64, ..Options::default() }
}

fn image(block: u64) -> Vec<u8> {
    (0..IMAGE_LEN)
        .map(|at| u8::try_from((at * 7 + usize::try_from(block).unwrap()) % 251).unwrap())
        .collect()
}

fn record(block: u64) -> BlockRecord {
    BlockRecord {
        id: BlockId(block),
        rows: 10,
        traces: 5,
        events: 0,
        links: 0,
        image_len: u64::try_from(IMAGE_LEN).unwrap(),
        chunk_len: 60,
        start: Timestamp::from_unix_nanos(block),
        newest: Timestamp::from_unix_nanos(block + 1),
        end: Timestamp::from_unix_nanos(block + 2),
        retention: Timestamp::from_unix_nanos(block + 1),
    }
}

/// Writes and commits `added`; `all` are the blocks there are then.
fn commit(storage: &Storage, added: &[u64], all: &[u64], masks: &BTreeMap<BlockId, RoaringBitmap>) {
    for block in added {
        storage.write_chunks(BlockId(*block), &image(*block)).unwrap();
    }
    let records: Vec<BlockRecord> = added.iter().map(|block| record(*block)).collect();
    let change = Change {
        added: &records,
        dropped: &[],
        masks,
        blocks_after: all.iter().map(|block| (BlockId(*block), 4)).collect(),
        masked_after: masks.iter().map(|(block, mask)| (*block, mask.len())).collect(),
        counters: COUNTERS,
        journal_first: None,
    };
    storage.commit(&change).unwrap();
}

fn masks() -> BTreeMap<BlockId, RoaringBitmap> {
    BTreeMap::from([(BlockId(0), [1, 3].into()), (BlockId(1), [2].into())])
}

/// For stores whose file is not replaced.
fn nothing_beside() -> Box<dyn super::beside::Beside> {
    Box::<super::Medium>::default()
}

struct Folder {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn empty() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    Folder { _folder: folder, path }
}

/// A store of blocks 0, 1 and 2, of which two have masks.
fn filled() -> Folder {
    let folder = empty();
    let (storage, _) = open(&folder.path).unwrap();
    commit(&storage, &[0, 1, 2], &[0, 1, 2], &masks());
    folder
}

fn open(path: &Path) -> Result<(Storage, Opened), String> {
    Storage::open(path, &options()).map_err(|error| text(&error))
}

fn refusal(path: &Path) -> String {
    open(path).map(drop).unwrap_err()
}

/// An error with its causes.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Changes the file behind the store's back.
fn damage(path: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(path).unwrap();
    let write = database.begin_write().unwrap();
    change(&write);
    write.commit().unwrap();
}

/// Flips one bit in the middle of the value under a key.
macro_rules! flip {
    ($write:expr, $table:expr, $key:expr) => {{
        let mut table = $write.open_table($table).unwrap();
        let mut value = table.get($key).unwrap().unwrap().value().to_vec();
        let middle = value.len() / 2;
        value[middle] ^= 16;
        table.insert($key, value.as_slice()).unwrap();
    }};
}

fn whole(storage: &Storage, block: u64) -> Vec<u8> {
    (0..4).flat_map(|chunk| storage.chunk(BlockId(block), chunk).unwrap().to_vec()).collect()
}

fn chunk_keys(path: &Path) -> Vec<(u64, u32)> {
    let database = Database::open(path).unwrap();
    let table = database.begin_read().unwrap().open_table(CHUNKS).unwrap();
    table.iter().unwrap().map(|entry| entry.unwrap().0.value()).collect()
}

#[test]
fn what_is_committed_comes_back() {
    let folder = filled();
    let (storage, opened) = open(&folder.path).unwrap();
    assert_eq!(opened.blocks, [0, 1, 2].map(record));
    assert_eq!(opened.masks, masks());
    assert_eq!(opened.counters, COUNTERS);
    for block in 0..3 {
        assert_eq!(whole(&storage, block), image(block), "block {block}");
    }
}

#[test]
fn chunks_without_a_record_are_removed_and_no_others() {
    let folder = filled();
    let (storage, _) = open(&folder.path).unwrap();
    storage.write_chunks(BlockId(3), &image(3)).unwrap();
    storage.write_chunks(BlockId(u64::MAX), &[1; 60 * 200]).unwrap();
    drop(storage);
    assert_eq!(chunk_keys(&folder.path).len(), 12 + 4 + 200);
    let (storage, opened) = open(&folder.path).unwrap();
    assert_eq!(opened.blocks.len(), 3);
    drop(storage);
    let expected: Vec<(u64, u32)> = (0..3).flat_map(|b| (0..4).map(move |c| (b, c))).collect();
    assert_eq!(chunk_keys(&folder.path), expected);
}

#[test]
fn damaged_chunks_are_named() {
    let folder = filled();
    damage(&folder.path, |write| {
        flip!(write, CHUNKS, (0, 2));
        let mut chunks = write.open_table(CHUNKS).unwrap();
        let value = |table: &redb::Table<'_, (u64, u32), &[u8]>, key: (u64, u32)| {
            table.get(key).unwrap().unwrap().value().to_vec()
        };
        let (a, b) = (value(&chunks, (1, 0)), value(&chunks, (1, 1)));
        chunks.insert((1, 0), b.as_slice()).unwrap();
        chunks.insert((1, 1), a.as_slice()).unwrap();
        let other = value(&chunks, (0, 0));
        chunks.insert((2, 0), other.as_slice()).unwrap();
        chunks.remove((2, 1)).unwrap();
        chunks.insert((2, 2), &[][..]).unwrap();
    });
    let (storage, _) = open(&folder.path).unwrap();
    for (block, chunk) in [(0, 2), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)] {
        let error = storage.chunk(BlockId(block), chunk).unwrap_err().to_string();
        assert!(error.contains(&format!("block {block}, chunk {chunk}")), "{error}");
    }
    for (block, chunk) in [(0, 0), (0, 1), (0, 3), (1, 2), (2, 3)] {
        assert!(storage.chunk(BlockId(block), chunk).is_ok(), "block {block}, chunk {chunk}");
    }
}

#[test]
fn damaged_records_and_masks_are_named() {
    let says = |part: &str, change: &dyn Fn(&redb::WriteTransaction)| {
        let folder = filled();
        damage(&folder.path, change);
        let error = refusal(&folder.path);
        assert!(error.contains(part), "{error}, {part} expected");
    };
    says("record of block 1", &|write| flip!(write, BLOCKS, 1));
    says("mask of block 0", &|write| flip!(write, MASKS, 0));
    says("store record", &|write| flip!(write, META, KEY_STORE));
    says("store record", &|write| {
        write.open_table(META).unwrap().remove(KEY_STORE).unwrap();
    });
    says("mask of block 0", &|write| {
        let mut table = write.open_table(MASKS).unwrap();
        let (a, b) = (encode_mask(BlockId(0), &[1].into()), encode_mask(BlockId(1), &[2].into()));
        table.insert(0, b.as_slice()).unwrap();
        table.insert(1, a.as_slice()).unwrap();
    });
    // An older mask of the same block: masks only grow.
    says("block list", &|write| {
        let older = encode_mask(BlockId(0), &[1].into());
        write.open_table(MASKS).unwrap().insert(0, older.as_slice()).unwrap();
    });
    says("block list", &|write| {
        let mut table = write.open_table(BLOCKS).unwrap();
        let value = |key: u64| table.get(key).unwrap().unwrap().value().to_vec();
        let (a, b) = (value(0), value(1));
        table.insert(0, b.as_slice()).unwrap();
        table.insert(1, a.as_slice()).unwrap();
    });
}

#[test]
fn lost_and_surplus_entries_are_noticed() {
    let says = |change: &dyn Fn(&redb::WriteTransaction)| {
        let folder = filled();
        damage(&folder.path, change);
        let error = refusal(&folder.path);
        assert!(error.contains("block list") && error.contains("expected"), "{error}");
    };
    for block in 0..3 {
        says(&|write| drop(write.open_table(BLOCKS).unwrap().remove(block).unwrap()));
    }
    says(&|write| drop(write.open_table(MASKS).unwrap().remove(1).unwrap()));
    says(&|write| {
        let surplus = encode_mask(BlockId(2), &[0].into());
        write.open_table(MASKS).unwrap().insert(2, surplus.as_slice()).unwrap();
    });
    says(&|write| {
        let surplus = super::records::encode(&record(3)).unwrap();
        write.open_table(BLOCKS).unwrap().insert(3, surplus.as_slice()).unwrap();
    });
    says(&|write| {
        let other = BlockRecord { image_len: 1000, ..record(2) };
        let other = super::records::encode(&other).unwrap();
        write.open_table(BLOCKS).unwrap().insert(2, other.as_slice()).unwrap();
    });
}

#[test]
fn other_versions_are_refused_with_both_named() {
    let folder = filled();
    damage(&folder.path, |write| {
        let newer = 77u32.to_le_bytes();
        write.open_table(META).unwrap().insert(KEY_VERSION, newer.as_slice()).unwrap();
    });
    let before = std::fs::read(&folder.path).unwrap();
    let error = refusal(&folder.path);
    assert!(error.contains("format 77") && error.contains("reads 1"), "{error}");
    assert!(std::fs::read(&folder.path).unwrap() == before, "the file changed");
    damage(&folder.path, |write| {
        write.open_table(META).unwrap().insert(KEY_VERSION, &b"one"[..]).unwrap();
    });
    let error = refusal(&folder.path);
    assert!(error.contains("version") && error.contains("3 bytes"), "{error}");
}

#[test]
fn redb_files_of_others_are_left_alone() {
    let others: [&dyn Fn(&redb::WriteTransaction); 3] = [
        &|write| {
            let table: TableDefinition<'_, &str, u64> = TableDefinition::new("cakes");
            write.open_table(table).unwrap().insert("plum", 3).unwrap();
        },
        &|write| {
            let table: TableDefinition<'_, u64, u64> = TableDefinition::new("meta");
            write.open_table(table).unwrap().insert(1, 3).unwrap();
        },
        &|write| {
            let table: redb::MultimapTableDefinition<'_, u64, u64> =
                redb::MultimapTableDefinition::new("cakes");
            write.open_multimap_table(table).unwrap().insert(1, 3).unwrap();
        },
    ];
    for other in others {
        let folder = empty();
        drop(Database::create(&folder.path).unwrap());
        damage(&folder.path, other);
        let before = std::fs::read(&folder.path).unwrap();
        let error = refusal(&folder.path);
        assert!(error.contains("not of Treering"), "{error}");
        assert!(std::fs::read(&folder.path).unwrap() == before, "the file changed");
    }
}

#[test]
fn files_that_are_no_redb_files_are_left_alone() {
    let redb = std::fs::read(&filled().path).unwrap();
    let files: [&[u8]; 6] = [
        b"x",
        b"redb",
        &b"name,price\nplum cake,3\n".repeat(1000),
        &[0; 4096],
        &redb[..100],
        &redb[..5000],
    ];
    for bytes in files {
        let folder = empty();
        std::fs::write(&folder.path, bytes).unwrap();
        let error = refusal(&folder.path);
        assert!(error.contains(&folder.path.display().to_string()), "{error}");
        assert!(std::fs::read(&folder.path).unwrap() == bytes, "{} bytes changed", bytes.len());
    }
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = empty();
    std::fs::write(&folder.path, b"").unwrap();
    let (_, opened) = open(&folder.path).unwrap();
    assert!(opened.blocks.is_empty());
    assert!(open(&folder.path).is_ok());
}

#[test]
fn paths_that_cannot_be_used_are_named() {
    let folder = empty();
    std::fs::create_dir(&folder.path).unwrap();
    for path in [folder.path.clone(), folder.path.join("none").join("store"), "/proc/store".into()]
    {
        let error = refusal(&path);
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read_dir(&folder.path).unwrap().count(), 0);
}

#[test]
fn a_store_has_one_handle() {
    let folder = filled();
    let (first, _) = open(&folder.path).unwrap();
    let error = Storage::open(&folder.path, &options()).map(drop).unwrap_err();
    assert!(matches!(error, super::StorageError::AlreadyOpen { .. }), "{error:?}");
    assert!(text(&error).contains("is open already"), "{error}");
    assert_eq!(whole(&first, 1), image(1));
    drop(first);
    assert!(open(&folder.path).is_ok());
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&filled().path), 0o600);
    let chosen = empty();
    std::fs::write(&chosen.path, b"").unwrap();
    std::fs::set_permissions(&chosen.path, std::fs::Permissions::from_mode(0o640)).unwrap();
    drop(open(&chosen.path).unwrap());
    assert_eq!(mode(&chosen.path), 0o640, "what the owner chose stays");
}

/// A file in memory whose writes can be made to fail.
#[derive(Debug, Default)]
struct Faulty {
    bytes: Arc<redb::backends::InMemoryBackend>,
    /// So many writes more go well, then one fails, then all go well.
    good: Arc<AtomicU64>,
}

impl Faulty {
    fn check(&self) -> std::io::Result<()> {
        match self.good.fetch_sub(1, Ordering::SeqCst) {
            0 => Err(std::io::Error::other("no space left")),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> std::io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.check()?;
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.check()?;
        self.bytes.write(offset, data)
    }
}

#[test]
fn after_a_failed_write_nothing_is_written_and_all_is_read() {
    let (mut failed, mut forgiven) = (0, 0);
    for good in 0.. {
        let file = Faulty::default();
        let (bytes, left) = (Arc::clone(&file.bytes), Arc::clone(&file.good));
        left.store(u64::MAX, Ordering::SeqCst);
        let backend = move || Faulty { bytes: Arc::clone(&bytes), good: Arc::clone(&left) };
        let small = Options { page_cache_bytes: 0, ..options() };
        let (storage, _) = Storage::on_backend(backend.clone(), nothing_beside(), &small).unwrap();
        commit(&storage, &[0, 1, 2], &[0, 1, 2], &masks());
        file.good.store(good, Ordering::SeqCst);
        let outcome = storage.write_chunks(BlockId(3), &image(3)).and_then(|()| storage.sync());
        if file.good.swap(u64::MAX, Ordering::SeqCst) <= good {
            assert!(outcome.is_ok());
            break;
        }
        failed += 1;
        if outcome.is_ok() {
            // What failed came after the commit and did not matter to it.
            assert_eq!(whole(&storage, 3), image(3), "failure {good}");
            assert_eq!(whole(&storage, 0), image(0), "failure {good}");
            forgiven += 1;
            continue;
        }
        let error = text(&outcome.unwrap_err());
        assert!(
            error.contains("writing chunks failed") || error.contains("syncing failed"),
            "{error}"
        );
        assert!(error.contains("no space left"), "{error}");
        for block in 0..3 {
            assert_eq!(whole(&storage, block), image(block), "block {block}");
        }
        let again = storage.write_chunks(BlockId(3), &image(3)).unwrap_err().to_string();
        assert!(again.contains("an earlier write failed"), "{again}");
        let again = storage.remove_chunks(BlockId(0)).unwrap_err().to_string();
        assert!(again.contains("an earlier write failed"), "{again}");
        drop(storage);
        let (storage, opened) = Storage::on_backend(backend, nothing_beside(), &small).unwrap();
        assert_eq!(opened.blocks.len(), 3);
        assert_eq!(whole(&storage, 2), image(2));
        assert!(storage.write_chunks(BlockId(3), &image(3)).is_ok());
    }
    assert!(failed > 3 + forgiven, "{failed} places where a write can fail, {forgiven} forgiven");
}
