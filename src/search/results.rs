//! From matches to results: the values of single rows, read for the spans shown and no others.

use std::sync::Arc;

use super::brake::Brake;
use super::count::count;
use super::options::{CancelToken, SearchOptions};
use super::pool::Pool;
use super::prepare::Prepared;
use super::query::PreparedQuery;
use super::run::matches;
use super::source::BlockSource;
use super::view::BlockView;
use super::wanted::{Match, MatchSet};
use crate::block::{BlockError, Section, TraceEntry};
use crate::codec::cast::{u64_of, usize_of};
use crate::id::TraceId;
use crate::model::Trace;
use crate::query::exec::read_field;
use crate::query::plan::field::SERVICE_NAME;
use crate::query::source::{Column, Source};
use crate::query::syntax::Intrinsic;
use crate::query::value::Scalar;
use crate::query::{FieldValue, SearchMetrics, SearchResult, SpanMatch, Spanset, TraceMatch};
use crate::time::Timestamp;

/// What a search found, of which no result is made yet.
#[derive(Debug)]
pub(crate) struct Findings {
    found: std::vec::IntoIter<Match>,
    prepared: Arc<Prepared>,
    options: SearchOptions,
    bytes_left: usize,
    /// The answer but for its traces.
    pub(crate) outcome: SearchResult,
}

impl Findings {
    /// Runs a search, and makes no results yet.
    pub(crate) fn new(
        pool: &Pool,
        views: &[Arc<BlockView>],
        prepared: &Arc<Prepared>,
        options: &SearchOptions,
    ) -> Result<Self, BlockError> {
        let (found, run) = matches(pool, views, prepared, options)?;
        let outcome = SearchResult {
            traces: Vec::new(),
            partial: run.partial,
            warnings: prepared.warnings.clone(),
            metrics: SearchMetrics {
                blocks: run.blocks,
                blocks_skipped: run.blocks_skipped,
                rows_considered: run.figures.rows_considered,
                spans_matched: run.spans_matched,
            },
        };
        Ok(Self {
            found: found.into_iter(),
            prepared: Arc::clone(prepared),
            options: options.clone(),
            bytes_left: options.result_bytes_max.unwrap_or(usize::MAX),
            outcome,
        })
    }

    /// How many traces are still to come, at most.
    pub(crate) fn remaining(&self) -> usize {
        self.found.len()
    }

    /// The next result; `None` at the end, and where a token or the limit of bytes ends it.
    pub(crate) fn make_next(&mut self) -> Result<Option<TraceMatch>, BlockError> {
        let Some(found) = self.found.next() else { return Ok(None) };
        if self.options.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Ok(self.cut());
        }
        let made = trace_match(&found, &self.prepared, &self.options)?;
        match self.bytes_left.checked_sub(made.memory_bytes()) {
            Some(left) => {
                self.bytes_left = left;
                Ok(Some(made))
            }
            None => Ok(self.cut()),
        }
    }

    /// Ends it before its end.
    fn cut(&mut self) -> Option<TraceMatch> {
        self.outcome.partial = true;
        self.found = Vec::new().into_iter();
        None
    }
}

/// Reads what an answer to a question takes, and throws the answer away; `None` for options where
/// matches are only counted.
pub(crate) fn warm(
    pool: &Pool,
    views: &[Arc<BlockView>],
    query: &PreparedQuery,
    options: Option<&SearchOptions>,
) -> Result<(), BlockError> {
    /// More results need nothing else.
    const RESULTS: usize = 20;
    let Some(options) = options else {
        let options = SearchOptions { threads: Some(1), ..SearchOptions::all() };
        return count(pool, views, query.prepared(), &options).map(drop);
    };
    let mut findings = Findings::new(pool, views, query.prepared(), options)?;
    for _ in 0..RESULTS {
        if findings.make_next()?.is_none() {
            break;
        }
    }
    Ok(())
}

/// The whole trace with this id.
pub(crate) fn trace(views: &[Arc<BlockView>], id: TraceId) -> Result<Option<Trace>, BlockError> {
    for view in views {
        if let Some(number) = view.find_trace(id)? {
            let entry = view.block.trace_entry(number)?;
            let (spans, parents) = view.block.trace_spans(&entry)?;
            return Ok(Some(Trace::new(id, spans, parents)));
        }
    }
    Ok(None)
}

/// True if a span of the trace is stored.
pub(crate) fn has_trace(views: &[Arc<BlockView>], id: TraceId) -> Result<bool, BlockError> {
    for view in views {
        if view.find_trace(id)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn trace_match(
    found: &Match,
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<TraceMatch, BlockError> {
    let source = BlockSource::new(&found.view, None, Brake::default())?;
    let entry = found.view.block.trace_entry(found.trace)?;
    let root = [entry.root];
    let sets = found.sets.iter().map(|set| spanset(&source, found, &entry, set, prepared, options));
    Ok(TraceMatch {
        trace_id: found.id,
        root_service: texts(&source, &service_name(), &root)?.swap_remove(0),
        root_name: texts(&source, &Column::Intrinsic(Intrinsic::Name), &root)?.swap_remove(0),
        start: entry.start,
        duration_nanos: entry.end.nanos_since(entry.start),
        spansets: sets.collect::<Result<_, _>>()?,
    })
}

fn service_name() -> Column {
    Column::ResourceAttribute(SERVICE_NAME.to_owned())
}

/// A column's text for some rows; empty where it has none or it is no text.
fn texts(
    source: &BlockSource<'_>,
    column: &Column,
    rows: &[u32],
) -> Result<Vec<String>, BlockError> {
    let mut values = Vec::with_capacity(rows.len());
    source.values(column, rows, &mut values)?;
    values.resize(rows.len(), Scalar::Nil);
    let text = |value: &Scalar| match value {
        Scalar::String(text) => text.as_ref().to_owned(),
        _ => String::new(),
    };
    Ok(values.iter().map(text).collect())
}

fn spanset(
    source: &BlockSource<'_>,
    found: &Match,
    entry: &TraceEntry,
    set: &MatchSet,
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<Spanset, BlockError> {
    let shown = first_rows(source, found, set, options.spans_per_spanset.unwrap_or(usize::MAX))?;
    let mut rows: Vec<u32> = shown.clone();
    rows.sort_unstable();
    let names = texts(source, &Column::Intrinsic(Intrinsic::Name), &rows)?;
    let services = texts(source, &service_name(), &rows)?;
    let reads = prepared.fields.iter().map(|(_, field)| read_field(source, field, &rows));
    let columns: Vec<Vec<Scalar>> = reads.collect::<Result<_, _>>()?;
    let block = &found.view.block;
    let mut starts = block.cursor(Section::Starts)?;
    let mut durations = block.cursor(Section::Durations)?;
    let mut spans = Vec::with_capacity(shown.len());
    for row in &shown {
        let Ok(at) = rows.binary_search(row) else { continue };
        let at_row = |values: &Vec<Scalar>| values.get(at).cloned().unwrap_or_default();
        let pairs = prepared.fields.iter().zip(&columns);
        let attributes = pairs
            .map(|((name, _), values)| (name.clone(), at_row(values).to_field_value()))
            .filter(|(_, value)| *value != FieldValue::Nil)
            .collect();
        let start = entry.start.unix_nanos().saturating_add(starts.get(usize_of(*row))?);
        spans.push(SpanMatch {
            span_id: block.span_id(*row)?,
            name: names.get(at).cloned().unwrap_or_default(),
            service: services.get(at).cloned().unwrap_or_default(),
            start: Timestamp::from_unix_nanos(start),
            duration_nanos: durations.get(usize_of(*row))?,
            attributes,
        });
    }
    let attributes = set.attributes.iter();
    Ok(Spanset {
        spans,
        matched: u64_of(set.rows.len()),
        attributes: attributes
            .map(|(name, value)| (name.as_ref().to_owned(), value.to_field_value()))
            .collect(),
    })
}

/// The first rows by start time, span id and kind.
fn first_rows(
    source: &BlockSource<'_>,
    found: &Match,
    set: &MatchSet,
    count: usize,
) -> Result<Vec<u32>, BlockError> {
    let block = &found.view.block;
    let mut starts = block.cursor(Section::Starts)?;
    let mut kinds = Vec::with_capacity(set.rows.len());
    source.values(&Column::Intrinsic(Intrinsic::Kind), &set.rows, &mut kinds)?;
    let mut keyed = Vec::with_capacity(set.rows.len());
    for (row, kind) in set.rows.iter().zip(&kinds) {
        let kind = if let Scalar::Kind(number) = kind { *number } else { 0 };
        keyed.push((starts.get(usize_of(*row))?, block.span_id(*row)?, kind, *row));
    }
    keyed.sort_unstable();
    keyed.truncate(count);
    Ok(keyed.into_iter().map(|(.., row)| row).collect())
}
