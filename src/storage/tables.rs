//! The redb tables and the bounds of transactions. Described for readers in `docs/format.md`.

use redb::TableDefinition;

/// The version of the tables' layout.
pub(super) const STORE_VERSION: u32 = 1;
/// Key of the layout's version in [`META`], four little-endian bytes.
pub(super) const KEY_VERSION: &str = "version";
/// Key of the store record in [`META`].
pub(super) const KEY_STORE: &str = "store";
/// Key of the journal record in [`META`].
pub(super) const KEY_JOURNAL: &str = "journal";
/// Bytes of a journal entry stored under one key, its checksum included: redb rounds the pages of a value
/// up to a power of two, so a longer entry fills pages of 16 KiB and a smaller one for the rest.
pub(super) const JOURNAL_CHUNK_BYTES: usize = 16_300;
/// Bytes of values in one transaction, so that no other write waits long.
pub(super) const TRANSACTION_BYTES_MAX: usize = 4 << 20;

/// A table of pieces: of images or of journal entries, by what they are of and their number.
pub(super) type Pieces = TableDefinition<'static, (u64, u32), &'static [u8]>;

/// Version and store record.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Block id to block record.
pub(super) const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
/// Block id and chunk number to a piece of the block's image.
pub(super) const CHUNKS: Pieces = TableDefinition::new("chunks");
/// Block id to the numbers of those of its traces that have moved on.
pub(super) const MASKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("masks");
/// Journal number and chunk number to a piece of the entry.
pub(super) const JOURNAL: Pieces = TableDefinition::new("journal");

#[cfg(test)]
mod tests {
    use redb::TableHandle;

    use super::*;

    #[test]
    fn tables_and_keys_are_as_the_page_says() {
        let page = include_str!("../../docs/format.md");
        for row in [
            format!("| `STORE_VERSION` | {STORE_VERSION} |"),
            format!("| `JOURNAL_CHUNK_BYTES` | {JOURNAL_CHUNK_BYTES} |"),
            format!("| `{}` | `\"{KEY_VERSION}\"` |", META.name()),
            format!("| `{}` | `\"{KEY_STORE}\"` |", META.name()),
            format!("| `{}` | block `u64` |", BLOCKS.name()),
            format!("| `{}` | block `u64`, chunk `u32` |", CHUNKS.name()),
            format!("| `{}` | block `u64` |", MASKS.name()),
            format!("| `{}` | `\"{KEY_JOURNAL}\"` |", META.name()),
            format!("| `{}` | entry `u64`, chunk `u32` |", JOURNAL.name()),
        ] {
            assert!(page.contains(&row), "docs/format.md should have a row that begins with {row}");
        }
    }
}
