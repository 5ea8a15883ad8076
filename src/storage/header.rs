//! What redb's header must say of a store's file (layout: redb's `docs/design.md`, file format 3).
//! Invariant: a header that would make redb take an older commit for the newest is refused, where the
//! file itself can tell.

use std::io::Read;
use std::path::Path;

use super::error::StorageError;
use crate::codec::bytes::Malformed;

/// The first bytes of a redb file.
pub(super) const MAGIC: &[u8; 9] = b"redb\x1a\x0a\xa9\x0d\x0a";
/// Offset of the byte of flags.
pub(super) const GOD_BYTE: u64 = 9;
/// Flag: the second commit slot is the newest commit's.
pub(super) const PRIMARY: u8 = 1;
/// Flag: a writer has the file open, or was killed.
pub(super) const RECOVERY_REQUIRED: u8 = 2;
/// Flag: the newest commit was written in two phases.
pub(super) const TWO_PHASE: u8 = 4;
/// Offsets of the length of a page, pages of a region's head, of its data, whole regions, and pages of
/// data in the rest.
pub(super) const LAYOUT: [usize; 5] = [12, 16, 20, 24, 28];
/// Offsets of the commit slots.
pub(super) const SLOTS: [usize; 2] = [64, 192];
/// Offset, within a slot, of the flags that say whether there is a root.
const HAS_ROOT: usize = 1;
/// Offset, within a slot, of the number of its transaction.
const TRANSACTION: usize = 104;
pub(super) const HEADER_LEN: usize = 320;

/// What a header says of the commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commits {
    /// Nothing against them.
    Sound,
    /// A commit was begun and not ended.
    Begun,
}

/// Looks at the header of the file at `path`; a file that is not redb's is left to redb.
pub(super) fn check(path: &Path) -> Result<Commits, StorageError> {
    let mut header = [0; HEADER_LEN];
    let read = std::fs::File::open(path).and_then(|mut file| {
        file.read_exact(&mut header)?;
        file.metadata()
    });
    let Ok(metadata) = read else { return Ok(Commits::Sound) };
    if !header.starts_with(MAGIC) {
        return Ok(Commits::Sound);
    }
    check_len(&header, metadata.len()).and_then(|()| judge(&header)).map_err(|cause| {
        StorageError::Corrupt { place: format!("header of {}", path.display()), cause }
    })
}

/// A file that was closed has the length that its header says, at least.
fn check_len(header: &[u8; HEADER_LEN], len: u64) -> Result<(), Malformed> {
    let flags = header.get(9).copied().unwrap_or(0);
    let numbers = LAYOUT.map(|at| {
        let bytes = header.get(at..).and_then(|rest| rest.first_chunk::<4>());
        u64::from(u32::from_le_bytes(bytes.copied().unwrap_or_default()))
    });
    let [page_len, header_pages, data_pages, regions, rest_pages] = numbers;
    let region_pages = header_pages.saturating_add(data_pages);
    let rest = if rest_pages == 0 { 0 } else { header_pages.saturating_add(rest_pages) };
    let pages = region_pages.saturating_mul(regions).saturating_add(rest).saturating_add(1);
    let expected = pages.saturating_mul(page_len);
    if flags & RECOVERY_REQUIRED == 0 && len < expected {
        return Err(Malformed::new(0, format!("the file has {len} bytes, {expected} expected")));
    }
    Ok(())
}

/// The byte of flags of the file at `path`, read and changed where `change` gives another.
pub(super) fn change_flags(path: &Path, change: impl FnMut(u8) -> u8) -> std::io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut flags = [0];
    file.seek(SeekFrom::Start(GOD_BYTE))?;
    file.read_exact(&mut flags)?;
    file.seek(SeekFrom::Start(GOD_BYTE))?;
    file.write_all(&flags.map(change))?;
    file.sync_all()
}

fn judge(header: &[u8; HEADER_LEN]) -> Result<Commits, Malformed> {
    let flags = header.get(9).copied().unwrap_or(0);
    let [first, second] = SLOTS.map(|at| header.get(at..).unwrap_or_default());
    let has_roots = |slot: &[u8]| {
        slot.get(HAS_ROOT..HAS_ROOT + 2).is_some_and(|flags| flags.iter().any(|flag| *flag != 0))
    };
    let number = |slot: &[u8]| {
        let bytes = slot.get(TRANSACTION..).and_then(|rest| rest.first_chunk::<8>());
        u64::from_le_bytes(bytes.copied().unwrap_or_default())
    };
    if flags & TWO_PHASE == 0 && (has_roots(first) || has_roots(second)) {
        return Err(Malformed::new(9, "it does not say which commit is the newest"));
    }
    let is_second = flags & PRIMARY != 0;
    let (newest, other) = if is_second { (second, first) } else { (first, second) };
    if number(newest) >= number(other) {
        return Ok(Commits::Sound);
    }
    if flags & RECOVERY_REQUIRED == 0 {
        return Err(Malformed::new(9, "it names the older of two commits as the newest"));
    }
    Ok(Commits::Begun)
}
