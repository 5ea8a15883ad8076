//! A second file beside the store's, to take its place. Invariant: the store's file is whole and in
//! its place until the very moment at which the other one, whole and durable, replaces it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Builder, Database};

/// What the name of a file ends with that is to take the place of a store's.
const SUFFIX: &str = ".treering-purge";

/// Where a database can be made that is to take the place of the store's.
pub(super) trait Beside: Send + Sync {
    /// An empty database; what was left of an earlier one is gone.
    fn create(&self, builder: &Builder) -> Result<Database, redb::Error>;

    /// Puts it into the place of the store's. Where that fails nothing has changed.
    fn take_place(&self) -> io::Result<()>;

    /// Makes the change of place durable.
    fn settle(&self) -> io::Result<()>;

    /// Removes what is left of one that never took its place.
    fn discard(&self) -> io::Result<()>;
}

/// A file in the folder of the store's.
#[derive(Debug)]
pub(super) struct FileBeside(pub(super) PathBuf);

impl FileBeside {
    /// The store's file itself, where its path is a symbolic link, and the file beside it.
    fn paths(&self) -> io::Result<(PathBuf, PathBuf)> {
        let target = fs::canonicalize(&self.0)?;
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(SUFFIX);
        let beside = target.with_file_name(name);
        Ok((target, beside))
    }
}

impl Beside for FileBeside {
    fn create(&self, builder: &Builder) -> Result<Database, redb::Error> {
        self.discard()?;
        let (target, beside) = self.paths()?;
        create_new(&beside)?;
        take_after(&target, &beside)?;
        Ok(builder.create(&beside)?)
    }

    fn take_place(&self) -> io::Result<()> {
        let (target, beside) = self.paths()?;
        // Its permissions too are to be durable before it counts.
        File::open(&beside)?.sync_all()?;
        fs::rename(beside, target)
    }

    fn settle(&self) -> io::Result<()> {
        let (target, _) = self.paths()?;
        sync_folder(target.parent().unwrap_or(Path::new(".")))
    }

    fn discard(&self) -> io::Result<()> {
        match fs::remove_file(self.paths()?.1) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes an empty file that nobody else can read, where there is none.
#[cfg(unix)]
pub(super) fn create_new(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Makes an empty file where there is none.
#[cfg(not(unix))]
pub(super) fn create_new(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path).map(drop)
}

/// Gives `beside` the owner and the permissions of `target`.
fn take_after(target: &Path, beside: &Path) -> io::Result<()> {
    let wanted = fs::metadata(target)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        let made = fs::metadata(beside)?;
        if (made.uid(), made.gid()) != (wanted.uid(), wanted.gid()) {
            chown(beside, Some(wanted.uid()), Some(wanted.gid()))?;
        }
    }
    fs::set_permissions(beside, wanted.permissions())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be synced here; the rename is as durable as the file system makes it.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What tells files apart, whatever their path.
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Files cannot be told apart here.
#[cfg(not(unix))]
pub(super) fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}
