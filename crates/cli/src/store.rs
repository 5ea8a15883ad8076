//! Opening the store. Invariant: a command that only reads never makes a file,
//! nor a store of an empty one.

use std::path::{Path, PathBuf};

use treering::{Maintenance, Options, Store};

use crate::args::IngestArgs;
use crate::failure::Failure;

/// What to do without a store.
const NO_STORE: &str =
    "`treering ingest FILE` makes one, --store names another, `treering demo` makes one to try";

/// A store and where it is.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) path: PathBuf,
}

impl Opened {
    /// The store at `path`, made where there is none.
    pub(crate) fn make(path: &Path) -> Result<Self, Failure> {
        Self::open(path, Options::default())
    }

    /// As [`Opened::make`], and keeps it within the bounds that `ingest` is given.
    pub(crate) fn make_bounded(path: &Path, args: &IngestArgs) -> Result<Self, Failure> {
        let mut options = Options::default();
        (options.bytes_max, options.retention_age) = (args.max_bytes, args.max_age);
        options.service_share_max = args.max_service_share;
        Self::open(path, options)
    }

    fn open(path: &Path, options: Options) -> Result<Self, Failure> {
        let path = path.to_path_buf();
        match Store::open(&path, options) {
            Ok(store) => Ok(Self { store, path }),
            Err(source) => Err(Failure::Store { path, doing: "be opened", source }),
        }
    }

    /// The store at `path`, which must be there, to ask it; another process may write it meanwhile.
    pub(crate) fn existing(path: &Path) -> Result<Self, Failure> {
        must_be_there(path)?;
        if let Ok(store) = Store::open_read_only(path, Options::default()) {
            return Ok(Self { store, path: path.to_path_buf() });
        }
        // Where files are not shared, it has to be opened to write. What is wrong shows again.
        let mut options = Options::default();
        options.maintenance = Maintenance::ByHand;
        Self::open(path, options)
    }

    /// The store at `path`, which must be there, to ask it for long: it is never opened to write, so
    /// that nobody else is kept from it, and what another process stores is seen.
    pub(crate) fn following(path: &Path) -> Result<Self, Failure> {
        must_be_there(path)?;
        let path = path.to_path_buf();
        match Store::open_read_only(&path, Options::default()) {
            Ok(store) => Ok(Self { store, path }),
            Err(source) => Err(Failure::Store { path, doing: "be opened to read", source }),
        }
    }

    /// The store at `path`, which must be there, to change it.
    pub(crate) fn existing_to_write(path: &Path) -> Result<Self, Failure> {
        must_be_there(path)?;
        Self::make(path)
    }

    /// Puts the file in shape before it is left alone.
    pub(crate) fn tidy(&self) -> Result<(), Failure> {
        match self.store.maintain() {
            Ok(_) => Ok(()),
            Err(source) => Err(self.failure("be put in shape", source)),
        }
    }

    /// The failure of `doing` something with the store.
    pub(crate) fn failure(&self, doing: &'static str, source: treering::Error) -> Failure {
        Failure::Store { path: self.path.clone(), doing, source }
    }
}

/// A failure where there is no store at `path`, or an empty file.
pub(crate) fn must_be_there(path: &Path) -> Result<(), Failure> {
    if !path.exists() {
        let what = format!("there is no store at {}", path.display());
        return Err(Failure::Missing { what, next: NO_STORE.to_owned() });
    }
    // Opening an empty file would make a store of it.
    if path.metadata().is_ok_and(|file| file.is_file() && file.len() == 0) {
        let what = format!("{} is empty, so it is no store", path.display());
        return Err(Failure::Missing { what, next: NO_STORE.to_owned() });
    }
    Ok(())
}
