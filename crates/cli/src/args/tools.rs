//! What the commands take that neither search nor change a store.

use std::path::PathBuf;

use clap::ValueHint;
use clap_complete::Shell;

use super::ask::OutputArgs;
use super::values::{most, number};
use crate::args::Most;
use crate::time;
use treering::Timestamp;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The query
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin")]
    pub(crate) query: Option<String>,

    /// Read a query a line from stdin and write a JSON object a line, as --output jsonl does
    #[arg(long, conflicts_with = "output")]
    pub(crate) stdin: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `stats` and `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// About how many spans to make up
    #[arg(long, value_name = "N", value_parser = number, default_value = "100000")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) spans: usize,
}

/// Arguments of `shell`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShellArgs {
    /// The store's file, as --store says it
    #[arg(value_name = "STORE", value_hint = ValueHint::FilePath)]
    pub(crate) path: Option<PathBuf>,

    /// Only traces that end at or after this, until `:since` says otherwise
    #[arg(long, visible_alias = "from", value_name = "TIME", value_parser = time::parse)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) since: Option<Timestamp>,

    /// Most traces to show of an answer, or `all`, until `:limit` says otherwise
    #[arg(long, value_name = "N|all", value_parser = most, default_value = "20")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) limit: Most,

    /// Keep no history of what is typed
    #[arg(long)]
    pub(crate) no_history: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// Your shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Where to write one page for each command; without it, the page of `treering` goes to stdout
    #[arg(value_name = "OUT-FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
}
