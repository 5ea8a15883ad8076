//! Running a plan over blocks. Invariants: traces come out in the order asked for, and a block that
//! cannot hold a wanted trace is not read, but for a few that are looked at ahead; what comes out does
//! not depend on the number of threads.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::brake::Brake;
use super::crew::Crew;
use super::options::SearchOptions;
use super::order::Order;
use super::pool::Pool;
use super::prepare::Prepared;
use super::source::BlockSource;
use super::times::outside;
use super::view::BlockView;
use super::wanted::{Match, Wanted};
use super::window::{BlockRun, for_each_window, run_block, view_bound};
use crate::block::BlockError;
use crate::codec::cast::u64_of;
use crate::query::exec::{Figures, work};
use crate::time::Timestamp;

/// Less work than this is done alone: another thread takes some 50 us until it begins, and there would
/// be half of it left to share.
const ALONE_NANOS: u64 = 100_000;
/// What a row that is looked at takes: 0.2 to 1.5 ns, as measured with `benches/join.rs` in warm blocks
/// of 262,144 rows.
const ROW_NANOS: u64 = 1;
/// About what a text that is asked for a pattern takes.
const TEXT_NANOS: u64 = 5;
/// What a block takes beside its rows: 4 to 19 us, as measured there in a block of 300 rows.
const BLOCK_NANOS: u64 = 10_000;

/// What a run over all blocks did.
#[derive(Debug, Clone, Default)]
pub(super) struct RunFigures {
    pub(super) blocks: u64,
    pub(super) blocks_skipped: u64,
    pub(super) spans_matched: u64,
    pub(super) figures: Figures,
    /// True if it was stopped before it had seen everything.
    pub(super) partial: bool,
}

/// The threads to use for the blocks, where using more than the caller's pays.
pub(super) fn crew<'a>(
    pool: &'a Pool,
    views: &[Arc<BlockView>],
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<Option<Crew<'a>>, BlockError> {
    let Some(crew) = Crew::of(pool, options.threads).filter(|_| views.len() > 1) else {
        return Ok(None);
    };
    let mut nanos: u64 = 0;
    for view in views {
        if Brake::new(options).stops() {
            break;
        }
        let work = work(&prepared.plan, &BlockSource::new(view, None, Brake::default())?)?;
        let texts = work.texts.saturating_mul(TEXT_NANOS);
        nanos = nanos.saturating_add(work.rows.saturating_mul(ROW_NANOS)).saturating_add(texts);
        nanos = nanos.saturating_add(BLOCK_NANOS);
        if nanos >= ALONE_NANOS {
            return Ok(Some(crew));
        }
    }
    Ok(None)
}

/// The first matches, as many as the limit allows, in order.
pub(super) fn matches(
    pool: &Pool,
    views: &[Arc<BlockView>],
    prepared: &Arc<Prepared>,
    options: &SearchOptions,
) -> Result<(Vec<Match>, RunFigures), BlockError> {
    let blocks = u64_of(views.len());
    let may_hold = |view: &&Arc<BlockView>| options.limit != Some(0) && !outside(view, options);
    let mut views: Vec<Arc<BlockView>> = views.iter().filter(may_hold).cloned().collect();
    if options.order == Order::OldestFirst {
        views.sort_by_key(|view| view.start);
    }
    let blocks_skipped = blocks.saturating_sub(u64_of(views.len()));
    let figures = RunFigures { blocks, blocks_skipped, ..RunFigures::default() };
    let mut run = Run { options, prepared, wanted: Wanted::new(options), figures };
    for (at, view) in views.iter().enumerate() {
        let rest = views.get(at..).unwrap_or_default();
        if run.is_over(rest) {
            break;
        }
        // The first block is mostly all that a search for the newest few looks at.
        if at == usize::from(run.may_end_early())
            && let Some(crew) = crew(pool, rest, prepared, options)?
        {
            run.together(crew, rest)?;
            break;
        }
        if let Some(left) = run.block(view)? {
            run.stop(left, rest);
            break;
        }
    }
    Ok((run.wanted.into_matches(), run.figures))
}

/// A run over blocks.
struct Run<'a> {
    options: &'a SearchOptions,
    prepared: &'a Arc<Prepared>,
    wanted: Wanted<'a>,
    figures: RunFigures,
}

impl Run<'_> {
    /// True where what is found may be enough before the last block.
    fn may_end_early(&self) -> bool {
        let by_start = matches!(self.options.order, Order::NewestFirst | Order::OldestFirst);
        by_start && self.options.limit.is_some()
    }

    /// True where no block of `rest` can hold a wanted trace any more. Blocks come by their newest (or
    /// oldest) trace, so the first of them speaks for all.
    fn is_over(&mut self, rest: &[Arc<BlockView>]) -> bool {
        let is_over = rest.first().is_some_and(|view| self.wanted.is_beyond(view));
        if is_over {
            self.figures.blocks_skipped += u64_of(rest.len());
        }
        is_over
    }

    /// Searches one block on this thread. Gives the start of the first trace not looked at where the
    /// search was stopped.
    fn block(&mut self, view: &Arc<BlockView>) -> Result<Option<Timestamp>, BlockError> {
        let (wanted, figures) = (&mut self.wanted, &mut self.figures);
        let brake = Brake::new(self.options);
        for_each_window(view, self.prepared, self.options, brake, |window| {
            figures.figures.add(&window.figures);
            if let Some(found) = &window.found {
                figures.spans_matched += wanted.collect(&window, found)?;
            }
            let is_enough = wanted.is_settled_before(window.next);
            Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }

    /// Searches blocks on several threads: each by itself, then what was found is taken in order, as
    /// far as a search on one thread would have looked.
    fn together(&mut self, crew: Crew<'_>, views: &[Arc<BlockView>]) -> Result<(), BlockError> {
        let ahead = if self.may_end_early() { crew.threads() } else { usize::MAX };
        let (options, prepared) = (self.options.clone(), Arc::clone(self.prepared));
        let blocks = views.to_vec();
        let job = move |at: usize, closed: &Arc<AtomicBool>| {
            let view = blocks.get(at)?;
            Some(run_block(view, &prepared, &options, Brake::ahead(&options, closed)))
        };
        let mut rest = views;
        let mut outcome = Ok(());
        crew.in_order((views.len(), ahead), job, |block| {
            if self.is_over(rest) {
                return ControlFlow::Break(());
            }
            match block {
                Some(Ok(block)) => {
                    if let Some(left) = self.take(block) {
                        self.stop(left, rest);
                        return ControlFlow::Break(());
                    }
                }
                Some(Err(error)) => {
                    outcome = Err(error);
                    return ControlFlow::Break(());
                }
                None => {}
            }
            rest = rest.get(1..).unwrap_or_default();
            ControlFlow::Continue(())
        });
        outcome
    }

    /// Takes what was found in a block, as [`Run::block`] would have found it.
    fn take(&mut self, block: BlockRun) -> Option<Timestamp> {
        for window in block.windows {
            self.figures.figures.add(&window.figures);
            self.figures.spans_matched += window.spans_matched;
            self.wanted.extend(window.matches);
            if self.wanted.is_settled_before(window.next) {
                return None;
            }
        }
        block.left
    }

    /// Ends a search that was stopped in the first block of `rest`, where `left` comes first of what
    /// was not looked at.
    fn stop(&mut self, left: Timestamp, rest: &[Arc<BlockView>]) {
        self.figures.partial = true;
        let later = rest.get(1).map(|view| view_bound(view, self.options.order));
        let first = match (self.options.order, later) {
            (Order::OldestFirst, Some(later)) => left.min(later),
            (_, Some(later)) => left.max(later),
            (_, None) => left,
        };
        self.wanted.keep_certain(first);
    }
}
