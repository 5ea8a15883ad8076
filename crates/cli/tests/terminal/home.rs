//! A home of its own for each test, with a store and the files that examples name.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Two traces of a made-up shop: an order that fails in its database, and one that does not.
pub(crate) const SHOP: &str = include_str!("../golden/shop.jsonl");

/// The id of the trace that fails.
pub(crate) const FAILED: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub(crate) struct Home {
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: Option<i32>,
}

impl Home {
    /// A home without a store.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shop.jsonl"), SHOP).unwrap();
        Self { folder }
    }

    /// A home whose store has the shop.
    pub(crate) fn with_shop() -> Self {
        let home = Self::empty();
        assert_eq!(home.run(&["ingest", "shop.jsonl"]).status, Some(0));
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// A program that sees nothing of the one who runs the tests, nor of where they run: `CI`,
    /// for one, says that a terminal knows colours.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.current_dir(self.path()).env("HOME", self.path()).env("TMPDIR", self.path());
        command.env("XDG_STATE_HOME", self.state()).env("TERM", "xterm-256color");
        command
    }

    pub(crate) fn treering(&self, args: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_treering"));
        command.args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Answer {
        answer(self.treering(args))
    }
}

pub(crate) fn answer(mut command: Command) -> Answer {
    let output = command.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!err.contains("panicked"), "{err}");
    Answer { out, err, status: output.status.code() }
}
