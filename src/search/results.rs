//! From matches to results, some at once, when it is their turn.

use std::sync::Arc;

use super::count::count;
use super::making;
use super::options::{CancelToken, SearchOptions};
use super::pool::Pool;
use super::prepare::Prepared;
use super::query::PreparedQuery;
use super::run::matches;
use super::view::BlockView;
use super::wanted::Match;
use crate::block::BlockError;
use crate::id::TraceId;
use crate::model::Trace;
use crate::query::{SearchMetrics, SearchResult, TraceMatch};

/// So many matches become results together at first, then twice as many each time, up to this:
const TOGETHER_FIRST: usize = 4;
const TOGETHER_MAX: usize = 64;
/// as long as they have no more rows than this, one of more by itself.
const TOGETHER_ROWS_MAX: usize = 1 << 10;

/// What a search found, of which results are made when it is their turn.
#[derive(Debug)]
pub(crate) struct Findings {
    found: std::vec::IntoIter<Match>,
    /// Results that are made.
    made: std::vec::IntoIter<TraceMatch>,
    together: usize,
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
            made: Vec::new().into_iter(),
            together: TOGETHER_FIRST,
            prepared: Arc::clone(prepared),
            options: options.clone(),
            bytes_left: options.result_bytes_max.unwrap_or(usize::MAX),
            outcome,
        })
    }

    /// The same, each made by itself.
    #[cfg(test)]
    pub(crate) fn one_by_one(self) -> Self {
        Self { together: 0, ..self }
    }

    /// How many traces are still to come, at most.
    pub(crate) fn remaining(&self) -> usize {
        self.found.len() + self.made.len()
    }

    /// The next result; `None` at the end, and where a token or the limit of bytes ends it.
    pub(crate) fn make_next(&mut self) -> Result<Option<TraceMatch>, BlockError> {
        if self.remaining() > 0
            && self.options.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
        {
            return Ok(self.cut());
        }
        if self.made.len() == 0 {
            self.make_some()?;
        }
        let Some(made) = self.made.next() else { return Ok(None) };
        match self.bytes_left.checked_sub(made.memory_bytes()) {
            Some(left) => {
                self.bytes_left = left;
                Ok(Some(made))
            }
            None => Ok(self.cut()),
        }
    }

    /// Makes the next results, of matches of one block.
    fn make_some(&mut self) -> Result<(), BlockError> {
        let found = self.found.as_slice();
        let Some(first) = found.first() else { return Ok(()) };
        let mut rows = 0;
        let fitting = found.iter().take(self.together).take_while(|one| {
            rows += one.sets.iter().map(|set| set.rows.len()).sum::<usize>();
            Arc::ptr_eq(&one.view, &first.view) && rows <= TOGETHER_ROWS_MAX
        });
        let mut count = fitting.count().max(1);
        let results = |count| {
            making::make(found.get(..count).unwrap_or_default(), &self.prepared, &self.options)
        };
        let mut made = results(count);
        if made.is_err() && count > 1 {
            // Those before what cannot be read are results all the same.
            count = 1;
            made = results(count);
        }
        self.found.by_ref().take(count).for_each(drop);
        self.made = made?.into_iter();
        self.together = (self.together * 2).min(TOGETHER_MAX);
        Ok(())
    }

    /// Ends it before its end.
    fn cut(&mut self) -> Option<TraceMatch> {
        self.outcome.partial = true;
        self.found = Vec::new().into_iter();
        self.made = Vec::new().into_iter();
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
