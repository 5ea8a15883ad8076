//! Whose file it is, and of which version. Invariant: a file that is not ours is never written to.

use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, TableError};

use super::error::StorageError;
use super::gate::gate;
use super::handle::sharing;
use super::tables::{KEY_VERSION, META, STORE_VERSION};
use crate::codec::bytes::Malformed;
use crate::options::Durability;

/// What a file says of itself.
pub(super) struct Marks {
    version: Option<Vec<u8>>,
    tables: usize,
}

/// Reads the version and how many tables there are, whoever's they are.
pub(super) fn marks(read: &ReadTransaction) -> Result<Marks, redb::Error> {
    let version = match read.open_table(META) {
        Ok(meta) => meta.get(KEY_VERSION)?.map(|found| found.value().to_vec()),
        Err(
            TableError::TableDoesNotExist(_)
            | TableError::TableTypeMismatch { .. }
            | TableError::TableIsMultimap(_)
            | TableError::TypeDefinitionChanged { .. },
        ) => None,
        Err(error) => return Err(error.into()),
    };
    let tables = read.list_tables()?.count() + read.list_multimap_tables()?.count();
    Ok(Marks { version, tables })
}

/// True for a store of this version, false for a file without any table.
pub(super) fn is_store(marks: &Marks) -> Result<bool, StorageError> {
    let corrupt = |place: &str, what: String| {
        let cause = Malformed::new(0, what);
        StorageError::Corrupt { place: place.to_owned(), cause }
    };
    let Some(bytes) = &marks.version else {
        if marks.tables == 0 {
            return Ok(false);
        }
        return Err(StorageError::Foreign { what: "it is a redb file" });
    };
    match <[u8; 4]>::try_from(bytes.as_slice()).map(u32::from_le_bytes) {
        Ok(STORE_VERSION) => Ok(true),
        Ok(found) => Err(StorageError::Version { found, expected: STORE_VERSION }),
        Err(_) => Err(corrupt("meta, version", format!("{} bytes", bytes.len()))),
    }
}

/// Refuses somebody else's file before it is opened for writing, which changes it. A file that cannot
/// be read this way, because it was not closed or is damaged, is left to the opening proper.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), StorageError> {
    let found = gate("looking at the file", || {
        let mut builder = Database::builder();
        builder.set_concurrency_mode(sharing(Durability::EachCommit));
        let database = builder.open_read_only(path)?;
        marks(&database.begin_read()?)
    });
    found.map_or(Ok(()), |marks| is_store(&marks).map(drop))
}
