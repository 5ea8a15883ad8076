//! What the commands take that neither search nor change a store.

use super::ask::OutputArgs;
use super::values::number;

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
