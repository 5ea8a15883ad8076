//! How much a query finds, with no result built. Invariant: a block is counted whole or not at all.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::brake::Brake;
use super::options::{Counts, SearchOptions};
use super::pool::Pool;
use super::prepare::Prepared;
use super::run::crew;
use super::source::BlockSource;
use super::times::{outside, rows_in_time};
use super::view::BlockView;
use crate::block::BlockError;
use crate::query::exec::{Tally, tally};
use crate::query::source::Source;

/// How many traces and spans match, in all blocks.
pub(crate) fn count(
    pool: &Pool,
    views: &[Arc<BlockView>],
    prepared: &Arc<Prepared>,
    options: &SearchOptions,
) -> Result<Counts, BlockError> {
    let inside = |view: &&Arc<BlockView>| !outside(view, options);
    let views: Vec<Arc<BlockView>> = views.iter().filter(inside).cloned().collect();
    let mut counts = Counts::default();
    let Some(crew) = crew(pool, &views, prepared, options)? else {
        for view in &views {
            if counts.add(block(view, prepared, options, Brake::new(options))?).is_break() {
                break;
            }
        }
        return Ok(counts);
    };
    let (shared, prepared, options) = (views.clone(), Arc::clone(prepared), options.clone());
    let job = move |at: usize, closed: &Arc<AtomicBool>| {
        let view = shared.get(at)?;
        Some(block(view, &prepared, &options, Brake::ahead(&options, closed)))
    };
    let mut outcome = Ok(());
    crew.in_order((views.len(), usize::MAX), job, |part| match part.transpose() {
        Ok(part) => part.map_or(ControlFlow::Continue(()), |part| counts.add(part)),
        Err(error) => {
            outcome = Err(error);
            ControlFlow::Break(())
        }
    });
    outcome.map(|()| counts)
}

impl Counts {
    /// Adds what a block holds; breaks where the search was stopped in it.
    fn add(&mut self, part: Self) -> ControlFlow<()> {
        self.traces += part.traces;
        self.spans += part.spans;
        self.rows_considered += part.rows_considered;
        self.partial |= part.partial;
        if part.partial { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn block(
    view: &BlockView,
    prepared: &Prepared,
    options: &SearchOptions,
    brake: Brake,
) -> Result<Counts, BlockError> {
    let stopped = Counts { partial: true, ..Counts::default() };
    if brake.stops() {
        return Ok(stopped);
    }
    let source = BlockSource::new(view, rows_in_time(view, options)?, brake)?;
    let (found, figures) = tally(&prepared.plan, &source, 0..source.row_count())?;
    let rows_considered = figures.rows_considered;
    Ok(match found {
        Some(Tally { traces, spans }) => Counts { traces, spans, rows_considered, partial: false },
        None => Counts { rows_considered, ..stopped },
    })
}
