//! What can be written on the command line. Invariant: everything here is checked before a command
//! begins, so a usage error never leaves half a command done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use treering::{Cursor, Order, TagScope, Timestamp, TraceId};

use crate::{size, time};

/// Store traces in one local file and ask structural TraceQL of them.
#[derive(Debug, Parser)]
#[command(name = "treering", version, propagate_version = true)]
pub(crate) struct Args {
    /// The store's file [default: treering.redb]
    #[arg(long, global = true, value_name = "PATH", env = "TREERING_STORE")]
    store: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
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
    Ingest(IngestArgs),
    /// Search traces with a TraceQL query
    Query(QueryArgs),
    /// Show one trace
    Trace(TraceArgs),
    /// List the names of attributes and intrinsics
    Tags(TagsArgs),
    /// List the values of a field
    Values(ValuesArgs),
    /// Check a query and print its canonical form, or where it is wrong
    Check(CheckArgs),
    /// Show figures about the store
    Stats,
    /// Delete traces, by id or those that a query finds
    ///
    /// Without --yes, says what would be deleted and changes nothing.
    Delete(DeleteArgs),
    /// Write traces as OTLP, as `ingest` reads it, to stdout
    Export(ExportArgs),
    /// Read all of a store and say what is broken
    ///
    /// Exits with 1 where anything is. The store does not change, and may be in use.
    Verify,
    /// Copy what is whole of a damaged store to a new one
    ///
    /// Exits with 1 where anything was left out. The damaged store does not change.
    Salvage(CopyArgs),
    /// Copy the store as of now to a new file; it may be in use
    Backup(CopyArgs),
    /// Make up traces, store them, and ask three questions of them
    ///
    /// Without --store, a new store is made in the temporary folder, and kept.
    Demo(DemoArgs),
}

/// Arguments of `ingest`.
#[derive(Debug, clap::Args)]
pub(crate) struct IngestArgs {
    /// Files named .json or .jsonl (OTLP/JSON: one document, or a request a line) or .pb (protobuf
    /// requests, each after its length as a varint); .gz and .zst may follow. `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The format, whatever the file's name; needed for `-`
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,

    /// Stop at the first fault; what came before it is stored
    #[arg(long)]
    pub(crate) strict: bool,

    /// Most bytes the store may take on disk, such as `500MB` or `2GiB`, from 16MiB; the oldest traces
    /// go first
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(crate) max_bytes: Option<u64>,

    /// Most of these bytes that one service may have, in percent: once the store is three quarters full,
    /// the oldest traces of a service that has more go first
    #[arg(long, value_name = "PERCENT", requires = "max_bytes")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) max_service_share: Option<u8>,

    /// Drop traces that ended longer ago than this, such as `7d` or `12h`, and store none that did
    #[arg(long, value_name = "DURATION", value_parser = time::parse_length)]
    pub(crate) max_age: Option<Duration>,
}

/// How requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// OTLP/JSON
    Json,
    /// Protobuf requests, each after its length as a varint
    Pb,
}

/// Arguments of `query`.
#[derive(Debug, clap::Args)]
pub(crate) struct QueryArgs {
    /// The query, such as `{ status = error && duration > 1s }`
    pub(crate) query: String,

    /// Only traces that end at or after this: RFC 3339, Unix seconds, `now` or `-15m`
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) start: Option<Timestamp>,

    /// Only traces that start at or before this
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) end: Option<Timestamp>,

    /// Most traces to show, or `all`
    #[arg(long, value_name = "N|all", value_parser = most, default_value = "20")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) limit: Most,

    /// Most spans to show of each spanset, or `all`
    #[arg(long, value_name = "N|all", value_parser = most, default_value = "3")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) spans: Most,

    /// Which traces come first
    #[arg(long, value_enum, default_value = "newest")]
    pub(crate) order: QueryOrder,

    /// Only traces after this place in the order, as an answer that reached its limit names it
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<Cursor>,

    /// Stop after this time, such as `500ms`, and show what was found until then
    #[arg(long, value_name = "DURATION", value_parser = time::parse_length)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,

    /// How to show the answer
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: QueryOutput,

    /// Show how the query runs and what it took, not its answer
    #[arg(long)]
    pub(crate) explain: bool,
}

/// The order of the traces in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryOrder {
    /// By start, newest first
    Newest,
    /// By start, oldest first
    Oldest,
    /// By duration of the trace, longest first
    Longest,
    /// By number of spans that match, most first
    MostSpans,
}

impl QueryOrder {
    /// True where a place in the order can be named.
    pub(crate) fn is_by_start(self) -> bool {
        matches!(self, Self::Newest | Self::Oldest)
    }
}

impl From<QueryOrder> for Order {
    fn from(order: QueryOrder) -> Self {
        match order {
            QueryOrder::Newest => Self::NewestFirst,
            QueryOrder::Oldest => Self::OldestFirst,
            QueryOrder::Longest => Self::LongestFirst,
            QueryOrder::MostSpans => Self::MostSpansFirst,
        }
    }
}

/// How `query` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryOutput {
    /// For people
    Table,
    /// In the shape of Tempo's search response
    Json,
}

/// Arguments of `tags`.
#[derive(Debug, clap::Args)]
pub(crate) struct TagsArgs {
    /// Only names of this scope
    #[arg(long, value_name = "SCOPE", value_parser = tag_scope)]
    pub(crate) scope: Option<TagScope>,

    #[command(flatten)]
    pub(crate) of: TagArgs,
}

/// Arguments of `values`.
#[derive(Debug, clap::Args)]
pub(crate) struct ValuesArgs {
    /// The field, written as in a query: `.http.method`, `resource.service.name`, `status`
    pub(crate) field: String,

    #[command(flatten)]
    pub(crate) of: TagArgs,
}

/// Which spans to look at, and how much to show.
#[derive(Debug, clap::Args)]
pub(crate) struct TagArgs {
    /// Only of spans that this query finds
    #[arg(long)]
    pub(crate) query: Option<String>,

    /// Only traces that end at or after this: RFC 3339, Unix seconds, `now` or `-15m`
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) start: Option<Timestamp>,

    /// Only traces that start at or before this
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) end: Option<Timestamp>,

    /// Most values, or names of each scope, to show, or `all`
    #[arg(long, value_name = "N|all", value_parser = most, default_value = "1000")]
    pub(crate) limit: Most,

    /// How to show the answer; JSON in the shape of Tempo's tag endpoints
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: QueryOutput,
}

fn tag_scope(text: &str) -> Result<TagScope, String> {
    let found = TagScope::ALL.into_iter().find(|scope| scope.name() == text);
    found.ok_or_else(|| format!("expected one of {}", TagScope::ALL.map(TagScope::name).join(", ")))
}

/// A largest number; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most(pub(crate) Option<usize>);

fn most(text: &str) -> Result<Most, String> {
    if text == "all" {
        return Ok(Most(None));
    }
    match text.parse() {
        Ok(number) if number > 0 => Ok(Most(Some(number))),
        _ => Err("expected a number from 1, or `all`".to_owned()),
    }
}

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub(crate) struct TraceArgs {
    /// The trace's id: 32 hex digits; leading zeros may be left out
    #[arg(value_parser = trace_id)]
    pub(crate) id: TraceId,

    /// How to show the trace
    #[arg(long, value_enum, default_value = "tree")]
    pub(crate) output: TraceOutput,
}

/// Arguments of `delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Ids of traces: 32 hex digits; leading zeros may be left out
    #[arg(value_parser = trace_id, required_unless_present = "where", value_name = "ID")]
    pub(crate) ids: Vec<TraceId>,

    /// Delete the traces in which this query finds spans
    #[arg(long, value_name = "QUERY", conflicts_with = "ids")]
    pub(crate) r#where: Option<String>,

    /// With --where: only traces that end at or after this
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    #[arg(requires = "where", conflicts_with = "ids")]
    pub(crate) start: Option<Timestamp>,

    /// With --where: only traces that start at or before this
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    #[arg(requires = "where", conflicts_with = "ids")]
    pub(crate) end: Option<Timestamp>,

    /// Then write the file anew, without a byte of what was deleted, now or earlier
    #[arg(long)]
    pub(crate) purge: bool,

    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// How `trace` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceOutput {
    /// A waterfall
    Tree,
    /// OTLP/JSON
    Json,
}

fn trace_id(text: &str) -> Result<TraceId, String> {
    let wrong = || format!("expected up to 32 hex digits, got {} characters", text.chars().count());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || text.len() > 32 {
        return Err(wrong());
    }
    let Ok(id) = format!("{text:0>32}").parse() else { return Err(wrong()) };
    Ok(id)
}

/// Arguments of `salvage` and `backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct CopyArgs {
    /// The new file; there must be none of that name yet
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Only traces in which this query finds something; they are written whole
    #[arg(long, default_value = "{ }")]
    pub(crate) query: String,

    /// Only traces that end at or after this: RFC 3339, Unix seconds, `now` or `-15m`
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) start: Option<Timestamp>,

    /// Only traces that start at or before this
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) end: Option<Timestamp>,

    /// How to write: JSON has a request a line, protobuf has each after its length
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) format: Format,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The query
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin")]
    pub(crate) query: Option<String>,

    /// Read a query a line, write a JSON object a line
    #[arg(long)]
    pub(crate) stdin: bool,
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// About how many spans to make up
    #[arg(long, value_name = "N", value_parser = number, default_value = "100000")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) spans: usize,
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().ok_or_else(|| "expected a number from 0".to_owned())
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
    fn ids_may_lack_leading_zeros() {
        assert_eq!(trace_id("ff").unwrap().to_string(), format!("{:0>32}", "ff"));
        assert!(trace_id("").is_err());
        assert!(trace_id("xyz").is_err());
        assert!(trace_id(&"1".repeat(33)).is_err());
    }

    #[test]
    fn all_is_no_limit_and_zero_is_refused() {
        assert_eq!(most("all").unwrap(), Most(None));
        assert_eq!(most("7").unwrap(), Most(Some(7)));
        assert!(most("0").is_err());
        assert!(most("-1").is_err());
    }
}
