//! What the commands take that ask a store. Invariant: a time, a limit and an output are said in the
//! same words for each of them.

use std::time::Duration;

use clap::ValueEnum;
use treering::{Cursor, Order, TagScope, Timestamp, TraceId};

use super::values::{Most, most, trace_id};
use crate::failure::Failure;
use crate::time;

/// How a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// For programs: one document
    Json,
    /// For programs: an object a line
    Jsonl,
}

/// The choice of an output.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct OutputArgs {
    /// How to show the answer
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    pub(crate) output: Output,
}

/// A range of time.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct TimeArgs {
    /// Only traces that end at or after this
    ///
    /// A time is a length before now (`2h`, `1h30m`, `2h ago`), a day or a time of it in UTC
    /// (`2026-11-20`, `2026-11-20 14:00`, `14:00`, `today`, `yesterday`, `yesterday 14:00`), RFC 3339
    /// (`2026-11-20T14:00:00+01:00`), Unix seconds, or `now`.
    #[arg(long, visible_aliases = ["since", "start"], value_name = "TIME")]
    #[arg(value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) from: Option<Timestamp>,

    /// Only traces that start at or before this
    #[arg(long, visible_aliases = ["until", "end"], value_name = "TIME")]
    #[arg(value_parser = time::parse, allow_hyphen_values = true)]
    pub(crate) to: Option<Timestamp>,
}

impl TimeArgs {
    /// A range that ends before it begins is no range.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => {
                Err(Failure::Usage(format!("--from ({from:.0}) is after --to ({to:.0})")))
            }
            _ => Ok(()),
        }
    }
}

/// Arguments of `query`.
#[derive(Debug, clap::Args)]
pub(crate) struct QueryArgs {
    /// The query, such as `{ status = error && duration > 1s }`
    pub(crate) query: String,

    #[command(flatten)]
    pub(crate) times: TimeArgs,

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

    /// Stop after this time, such as `500ms` or `1m30s`, and show what was found until then
    #[arg(long, value_name = "DURATION", value_parser = time::parse_length)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

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

/// Arguments of `tags`.
#[derive(Debug, clap::Args)]
pub(crate) struct TagsArgs {
    /// Only names of this scope
    #[arg(long, value_name = "SCOPE")]
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

    #[command(flatten)]
    pub(crate) times: TimeArgs,

    /// Most values, or names of each scope, to show, or `all`
    #[arg(long, value_name = "N|all", value_parser = most, default_value = "1000")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) limit: Most,

    /// Stop after this time, such as `500ms` or `1m30s`, and show what was counted until then
    #[arg(long, value_name = "DURATION", value_parser = time::parse_length)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub(crate) struct TraceArgs {
    /// The trace's id: 32 hex digits; leading zeros may be left out
    #[arg(value_parser = trace_id)]
    pub(crate) id: TraceId,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
