//! What the commands take that change a store, or copy of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ValueEnum, ValueHint};
use treering::{Timestamp, TraceId};

use super::ask::TimeArgs;
use super::values::trace_id;
use crate::{size, time};

/// Arguments of `ingest`.
#[derive(Debug, clap::Args)]
pub(crate) struct IngestArgs {
    /// Files named .json or .jsonl (OTLP/JSON: one document, or a request a line) or .pb (protobuf
    /// requests, each after its length as a varint); .gz and .zst may follow. `-` reads stdin
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
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

/// Arguments of `delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Ids of traces: 32 hex digits; leading zeros may be left out
    #[arg(value_parser = trace_id, required_unless_present = "where", value_name = "ID")]
    pub(crate) ids: Vec<TraceId>,

    /// Delete the traces in which this query finds spans
    #[arg(long, value_name = "QUERY", conflicts_with = "ids")]
    pub(crate) r#where: Option<String>,

    /// With --where: only traces that end at or after this; see `query --help` for times
    #[arg(long, visible_aliases = ["since", "start"], value_name = "TIME")]
    #[arg(value_parser = time::parse, allow_hyphen_values = true)]
    #[arg(requires = "where", conflicts_with = "ids")]
    pub(crate) from: Option<Timestamp>,

    /// With --where: only traces that start at or before this
    #[arg(long, visible_aliases = ["until", "end"], value_name = "TIME")]
    #[arg(value_parser = time::parse, allow_hyphen_values = true)]
    #[arg(requires = "where", conflicts_with = "ids")]
    pub(crate) to: Option<Timestamp>,

    /// Then write the file anew, without a byte of what was deleted, now or earlier
    #[arg(long)]
    pub(crate) purge: bool,

    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

impl DeleteArgs {
    /// The range of time.
    pub(crate) fn times(&self) -> TimeArgs {
        TimeArgs { from: self.from, to: self.to }
    }
}

/// Arguments of `salvage` and `backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct CopyArgs {
    /// The new file; there must be none of that name yet
    #[arg(value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Only traces in which this query finds something; they are written whole
    #[arg(long, default_value = "{ }")]
    pub(crate) query: String,

    #[command(flatten)]
    pub(crate) times: TimeArgs,

    /// How to write: JSON has a request a line, protobuf has each after its length
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) format: Format,
}
