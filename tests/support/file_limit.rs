//! A process whose files may not grow beyond a limit, as on a full disk. Invariant: a write beyond it
//! fails and does not end the process.

use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};

/// The first argument of that process; then the file of its store.
pub(crate) const ARGUMENT: &str = "--limited";

/// Starts this program as that process, with `variables` in its environment, and waits until it has
/// ended well.
pub(crate) fn start(variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .arg(ARGUMENT)
        .arg(folder.path().join("store.redb"))
        .envs(variables.iter().copied())
        .status()
        .unwrap();
    assert!(status.success(), "{variables:?}: {status}");
}

/// Sets how many bytes a file of this process may have; none for as many as it may be given.
pub(crate) fn limit(bytes: Option<u64>) {
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = bytes.or(limit.maximum);
    setrlimit(Resource::Fsize, limit).unwrap();
}
