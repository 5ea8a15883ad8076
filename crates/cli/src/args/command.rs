//! The commands, and what all of them take. Invariant: every command has examples in its help.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use super::ask::{QueryArgs, TagsArgs, TraceArgs, ValuesArgs};
use super::change::{CopyArgs, DeleteArgs, ExportArgs, IngestArgs};
use super::examples;
use super::tools::{CheckArgs, CompletionsArgs, DemoArgs, ManArgs, ReportArgs, ShellArgs};

/// Store traces in one local file and ask structural TraceQL of them.
#[derive(Debug, Parser)]
#[command(name = "treering", version, propagate_version = true)]
#[command(after_help = examples::TREERING, after_long_help = examples::TREERING_LONG)]
pub(crate) struct Args {
    /// The store's file [default: treering.redb]
    #[arg(long, global = true, value_name = "PATH", env = "TREERING_STORE")]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    store: Option<PathBuf>,

    /// What to do; without one, Treering says what it is.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Args {
    /// The store's file.
    pub(crate) fn store(&self) -> &Path {
        self.store_given().unwrap_or_else(|| Path::new("treering.redb"))
    }

    /// The store's file, where one was asked for.
    pub(crate) fn store_given(&self) -> Option<&Path> {
        self.store.as_deref().filter(|path| !path.as_os_str().is_empty())
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store the spans of OTLP files
    ///
    /// Exits with 1 where anything was left out.
    #[command(after_help = examples::INGEST)]
    Ingest(IngestArgs),
    /// Search traces with a TraceQL query
    ///
    /// How many traces and spans were found, and how long it took, goes to stderr. Exits with 0 where
    /// nothing was found, too.
    #[command(after_help = examples::QUERY)]
    Query(QueryArgs),
    /// Ask one query after the other, with completion and a history
    ///
    /// A query goes on in the next line while a brace or parenthesis is open; an empty line ends it.
    /// `:help` lists what else can be typed. From a pipe, queries are read without a prompt, and the
    /// exit status is that of the first one that failed.
    #[command(after_help = examples::SHELL)]
    Shell(ShellArgs),
    /// Show one trace
    #[command(after_help = examples::TRACE)]
    Trace(TraceArgs),
    /// List the names of attributes and intrinsics
    #[command(after_help = examples::TAGS)]
    Tags(TagsArgs),
    /// List the values of a field
    #[command(after_help = examples::VALUES)]
    Values(ValuesArgs),
    /// Check a query and print its canonical form, or where it is wrong
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Show figures about the store
    #[command(after_help = examples::STATS)]
    Stats(ReportArgs),
    /// Delete traces, by id or those that a query finds
    ///
    /// Without --yes, says what would be deleted and changes nothing.
    #[command(after_help = examples::DELETE)]
    Delete(DeleteArgs),
    /// Write traces as OTLP, as `ingest` reads it, to stdout
    #[command(after_help = examples::EXPORT)]
    Export(ExportArgs),
    /// Read all of a store and say what is broken
    ///
    /// Exits with 1 where anything is. The store does not change, and may be in use.
    #[command(after_help = examples::VERIFY)]
    Verify(ReportArgs),
    /// Copy what is whole of a damaged store to a new one
    ///
    /// Exits with 1 where anything was left out. The damaged store does not change.
    #[command(after_help = examples::SALVAGE)]
    Salvage(CopyArgs),
    /// Copy the store as of now to a new file; it may be in use
    #[command(after_help = examples::BACKUP)]
    Backup(CopyArgs),
    /// Make up traces, store them, and ask three questions of them
    ///
    /// Without --store, a new store is made in the temporary folder, and kept.
    #[command(after_help = examples::DEMO)]
    Demo(DemoArgs),
    /// Write a script that completes command lines in your shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write the manual page, or one for each command into a folder
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Args::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            assert!(help.contains(&format!("  treering {name}")), "{name}: {help}");
        }
    }
}
