//! Making a new store. Invariant: the file appears under its name only when it is a whole store, so that
//! a process that ends while it makes one leaves nothing that cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

use super::beside::create_new;
use super::error::StorageError;
use super::file::Storage;
use crate::options::Options;

/// Makes a store at `path` unless there is a file already, an empty one apart.
pub(super) fn make_if_missing(path: &Path, options: &Options) -> Result<(), StorageError> {
    let empty = match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return Ok(()),
        Ok(found) if found.len() > 0 => {
            // Left by a process that ended after it had placed the file.
            let _removed = std::fs::remove_file(temporary(path));
            return Ok(());
        }
        Ok(found) => Some(found.permissions()),
        Err(_) => None,
    };
    let refused = |cause| StorageError::File { path: path.to_owned(), cause };
    let temporary = temporary(path);
    // Left by a process that ended here.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    create_new(&temporary).map_err(refused)?;
    let made = Storage::make(&temporary, options);
    let placed = made.and_then(|()| {
        if let Some(permissions) = empty {
            // Somebody chose who may read it.
            std::fs::set_permissions(&temporary, permissions).map_err(refused)?;
            return std::fs::rename(&temporary, path).map_err(refused);
        }
        match std::fs::hard_link(&temporary, path) {
            // Another process was faster; the file is its.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                std::fs::rename(&temporary, path).map_err(refused)
            }
            other => other.map_err(refused),
        }
    });
    // Where it was renamed there is none any more.
    let _removed = std::fs::remove_file(&temporary);
    placed?;
    sync_folder(path).map_err(refused)
}

/// The name of the file while it is made.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Makes the folder's list of names durable, where the system can.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
