//! Where the shell keeps what was typed: in the user's state folder. Invariant: folder and file are
//! for their owner alone, where files have owners; rustyline sees to the file's.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// The file, in a folder that is there; `None` where the user has no place for it.
pub(super) fn file() -> io::Result<Option<PathBuf>> {
    let Some(folder) = folder(|name| env::var_os(name)) else { return Ok(None) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    Ok(Some(folder.join("history")))
}

/// Treering's folder for what it keeps of a user, by the environment `of`.
fn folder(of: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // The base directory specification wants relative paths to be ignored.
    let path = |name: &str| of(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = path("XDG_STATE_HOME").or_else(|| {
        if cfg!(windows) {
            path("LOCALAPPDATA")
        } else {
            path("HOME").map(|home| home.join(".local").join("state"))
        }
    });
    state.map(|state| state.join("treering"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn the_state_folder_is_the_users() {
        let of = |pairs: &'static [(&str, &str)]| {
            folder(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, path)| path.into())
            })
        };
        assert_eq!(of(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), Some("/s/treering".into()));
        let home = Some("/h/.local/state/treering".into());
        assert_eq!(of(&[("HOME", "/h")]), home);
        assert_eq!(of(&[("XDG_STATE_HOME", "s"), ("HOME", "/h")]), home);
        assert_eq!(of(&[]), None);
    }
}
