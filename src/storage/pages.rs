//! redb's own bookkeeping, checked before redb may write: which pages are free and which are to be
//! freed. redb panics on such lists where they are damaged, and again while it unwinds, which would end
//! the process (layout and checksums: redb's `docs/design.md`, file format 3). Invariant: of the newest
//! commit every page of the system tree and of the list of tables has its checksum; the file does not
//! change.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::error::StorageError;
use super::header::{GOD_BYTE, HEADER_LEN, LAYOUT, MAGIC, PRIMARY, SLOTS};
use crate::codec::bytes::Malformed;
use crate::codec::cast::{usize_of, usize_of_u64};
use crate::codec::checksum;

/// Offsets within a commit slot: the roots of the list of tables and of the system tree, each with the
/// flag that says whether there is one; and the checksum of all before it.
const ROOTS: [(usize, usize); 2] = [(1, 8), (2, 40)];
const SLOT_SUM: usize = 112;
/// Kinds of pages.
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
/// Levels of a tree: more than any has whose pages fit a file.
const DEPTH_MAX: u32 = 32;
/// Where another process commits meanwhile, the newest commit is looked at anew so many times.
const TRIES: u32 = 16;

/// A page and the checksum that its parent has of it.
#[derive(Debug, Clone, Copy)]
struct Root {
    page: u64,
    sum: u128,
}

/// Bytes of each key and value, where all have as many.
#[derive(Debug, Clone, Copy, Default)]
struct Widths {
    key: Option<usize>,
    value: Option<usize>,
}

/// A file, and where its pages are.
struct Pages {
    file: File,
    len: u64,
    page_len: u64,
    /// Bytes of a region, and of its head.
    region_len: u64,
    head_len: u64,
    /// Bytes that may still be read: a bound on what a damaged file asks for.
    left: u64,
}

/// Checks the bookkeeping of the file at `path`. Cost: reading it, some 100 KB a GB of the file. A file
/// that is not redb's, or empty, is left to redb.
pub(super) fn check(path: &Path) -> Result<(), StorageError> {
    let mut last = None;
    for _ in 0..TRIES {
        let Some((header, mut pages)) = open(path) else { return Ok(()) };
        let slot = newest(&header);
        let Err(cause) = pages.check(slot) else { return Ok(()) };
        // What a commit names stays as long as it is the newest.
        if last.as_deref() == Some(slot) {
            let place = format!("bookkeeping of {}", path.display());
            return Err(StorageError::Corrupt { place, cause });
        }
        last = Some(slot.to_vec());
    }
    // Somebody writes all the time, and redb will say so.
    Ok(())
}

/// The header and the pages of a file; `None` where it is not redb's or cannot be read.
fn open(path: &Path) -> Option<([u8; HEADER_LEN], Pages)> {
    let mut file = File::open(path).ok()?;
    let mut header = [0; HEADER_LEN];
    file.read_exact(&mut header).ok()?;
    if !header.starts_with(MAGIC) {
        return None;
    }
    let [page_len, head_pages, data_pages, ..] =
        LAYOUT.map(|at| u64::from(u32_at(&header, at).unwrap_or(0)));
    let len = file.metadata().ok()?.len();
    let head_len = head_pages.saturating_mul(page_len);
    let region_len = data_pages.saturating_mul(page_len).saturating_add(head_len);
    Some((header, Pages { file, len, page_len, region_len, head_len, left: len }))
}

/// The slot of the newest commit.
fn newest(header: &[u8; HEADER_LEN]) -> &[u8] {
    let flags = header.get(usize_of_u64(GOD_BYTE)).copied().unwrap_or(0);
    let [first, second] = SLOTS.map(|at| header.get(at..at + SLOT_SUM + 16).unwrap_or_default());
    if flags & PRIMARY == 0 { first } else { second }
}

impl Pages {
    /// Checks what a commit names.
    fn check(&mut self, slot: &[u8]) -> Result<(), Malformed> {
        let covered = slot.get(..SLOT_SUM).unwrap_or_default();
        if u128_at(slot, SLOT_SUM) != Some(checksum::wide(covered)) {
            return Err(Malformed::new(0, "the newest commit's checksum does not hold"));
        }
        let mut tables = Vec::new();
        for (flag, at) in ROOTS {
            tables.clear();
            if let Some(root) = root_at(slot, flag, at) {
                self.walk(root, Widths::default(), 0, &mut |leaf| {
                    tables.extend(leaf.into_iter().filter_map(table));
                })?;
            }
        }
        // Those of the system tree, which comes last.
        for (root, widths) in tables {
            self.walk(root, widths, 0, &mut |_| {})?;
        }
        Ok(())
    }

    /// Checks the pages of a tree; hands on the values of its leaves.
    fn walk(
        &mut self,
        root: Root,
        widths: Widths,
        depth: u32,
        each: &mut dyn FnMut(Vec<&[u8]>),
    ) -> Result<(), Malformed> {
        let wrong = |what: &str| Malformed::new(usize_of_u64(root.page), what.to_owned());
        if depth > DEPTH_MAX {
            return Err(wrong("the tree is too deep"));
        }
        let page = self.read(root.page)?;
        let (kind, count) = (page.first().copied(), u16_at(&page, 2));
        let count = usize::from(count.ok_or_else(|| wrong("the page is too short"))?);
        let end = match kind {
            Some(LEAF) => leaf_end(&page, count, widths),
            Some(BRANCH) => branch_end(&page, count, widths),
            _ => None,
        };
        let used = end.and_then(|end| page.get(..end));
        let used = used.ok_or_else(|| wrong("it is no page of a tree"))?;
        if checksum::wide(used) != root.sum {
            return Err(wrong("the page's checksum does not hold"));
        }
        if kind == Some(LEAF) {
            each(values(used, count, widths));
            return Ok(());
        }
        for child in 0..=count {
            let sum = u128_at(used, 8 + 16 * child);
            let page = u64_at(used, 8 + 16 * (count + 1) + 8 * child);
            let child = page.zip(sum).map(|(page, sum)| Root { page, sum });
            let child = child.ok_or_else(|| wrong("the page is too short"))?;
            self.walk(child, widths, depth + 1, each)?;
        }
        Ok(())
    }

    /// The bytes of a page: its number has the power of two of its length, its region, and its place
    /// there.
    fn read(&mut self, number: u64) -> Result<Vec<u8>, Malformed> {
        let wrong = |what: &str| Malformed::new(usize_of_u64(number), what.to_owned());
        let (order, region) = (number >> 59, number >> 20 & 0xf_ffff);
        let index = number & (0xf_ffff >> order);
        let len = self.page_len.checked_shl(u32::try_from(order).unwrap_or(u32::MAX));
        let len = len.filter(|len| *len <= self.left && *len >= self.page_len);
        let len = len.ok_or_else(|| wrong("the page is longer than the file"))?;
        let start = region
            .checked_mul(self.region_len)
            .and_then(|start| start.checked_add(self.page_len)?.checked_add(self.head_len))
            .and_then(|start| start.checked_add(index.checked_mul(len)?))
            .filter(|start| start.checked_add(len).is_some_and(|end| end <= self.len));
        let start = start.ok_or_else(|| wrong("the page is beyond the file's end"))?;
        self.left -= len;
        let mut bytes = vec![0; usize_of_u64(len)];
        let read =
            self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|error| wrong(&error.to_string()))?;
        Ok(bytes)
    }
}

/// Where what counts of a leaf of `count` pairs ends.
fn leaf_end(page: &[u8], count: usize, widths: Widths) -> Option<usize> {
    let last = count.checked_sub(1)?;
    let ends = [widths.key, widths.value].iter().filter(|width| width.is_none()).count();
    let keys = match widths.key {
        Some(width) => 4 + 4 * count * ends + width.checked_mul(count)?,
        None => usize_of(u32_at(page, 4 + 4 * last)?),
    };
    match widths.value {
        Some(width) => keys.checked_add(width.checked_mul(count)?),
        None => Some(usize_of(u32_at(page, 4 + 4 * count * (ends - 1) + 4 * last)?)),
    }
}

/// Where what counts of a branch of `count` keys ends.
fn branch_end(page: &[u8], count: usize, widths: Widths) -> Option<usize> {
    let last = count.checked_sub(1)?;
    let children = 8 + 24 * (count + 1);
    match widths.key {
        Some(width) => children.checked_add(width.checked_mul(count)?),
        None => Some(usize_of(u32_at(page, children + 4 * last)?)),
    }
}

/// The values of a leaf whose keys and values have their own lengths; none of others.
fn values(page: &[u8], count: usize, widths: Widths) -> Vec<&[u8]> {
    if widths.key.is_some() || widths.value.is_some() {
        return Vec::new();
    }
    // The ends of the keys, then those of the values, which lie behind the last key.
    let end = |at: usize| u32_at(page, 4 + 4 * at).map(usize_of);
    let value = |at: usize| page.get(end(count + at - 1)?..end(count + at)?);
    (0..count).filter_map(value).collect()
}

/// The root of a table and its widths, as its definition says; `None` where it is empty.
fn table(definition: &[u8]) -> Option<(Root, Widths)> {
    let width = |at: usize| {
        let is_there = definition.get(at).is_some_and(|flag| *flag != 0);
        u32_at(definition, at + 1).filter(|_| is_there).map(usize_of)
    };
    let root = root_at(definition, 9, 10)?;
    Some((root, Widths { key: width(42), value: width(47) }))
}

/// The root at `at`, if the flag says that there is one.
fn root_at(bytes: &[u8], flag: usize, at: usize) -> Option<Root> {
    let is_there = bytes.get(flag).is_some_and(|flag| *flag != 0);
    let root = u64_at(bytes, at).zip(u128_at(bytes, at + 8));
    root.filter(|_| is_there).map(|(page, sum)| Root { page, sum })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    array(bytes, at).map(u128::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::BlockId;
    use crate::options::Options;
    use crate::storage::Storage;

    /// What a check of the file reads.
    fn read_len(path: &Path) -> u64 {
        let (header, mut pages) = open(path).unwrap();
        pages.check(newest(&header)).unwrap();
        pages.len - pages.left
    }

    #[test]
    fn a_check_reads_little_however_large_the_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let (storage, _) = Storage::open(&path, &Options::default()).unwrap();
        let small = read_len(&path);
        let image = vec![7; 8 << 20];
        for block in 0..4 {
            storage.write_chunks(BlockId(block), &image).unwrap();
        }
        storage.sync().unwrap();
        let large = read_len(&path);
        drop(storage);
        let closed = read_len(&path);
        assert!(std::fs::metadata(&path).unwrap().len() > 32 << 20);
        assert!(small > 0 && large.max(closed) < 256 << 10, "{small} {large} {closed} bytes");
    }

    #[test]
    fn a_changed_byte_of_the_bookkeeping_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let (storage, _) = Storage::open(&path, &Options::default()).unwrap();
        storage.write_chunks(BlockId(0), &vec![7; 1 << 20]).unwrap();
        drop(storage);
        check(&path).unwrap();
        let sound = std::fs::read(&path).unwrap();
        let mut found = 0;
        for page in 1..sound.len() / 4096 {
            let mut bytes = sound.clone();
            // The second byte is no part of a leaf's or a branch's content, but is covered.
            bytes[page * 4096 + 1] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            found += u32::from(check(&path).is_err());
        }
        assert!(found >= 5, "{found} pages of bookkeeping were found");
        std::fs::write(&path, &sound[..4096]).unwrap();
        assert!(check(&path).is_err(), "a file that was cut");
        std::fs::write(&path, b"something else").unwrap();
        check(&path).unwrap();
    }
}
