//! Folding what was taken in into what readers see. Invariant: a base is replaced as a whole, and
//! whoever asks for one gets all that was acknowledged before.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use roaring::RoaringBitmap;

use super::shared::Shared;
use super::state::{Base, Fresh, HeadBlock, State, place};
use crate::block::BlockId;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::foreground::Urgent;
use crate::head::{Place, Staged, United, together, unite};
use crate::id::TraceId;
use crate::options::Maintenance;
use crate::search::BlockView;

/// A writer folds where so many batches wait for it and nobody is at it, and waits for its turn where so
/// many do:
const HELP_BATCHES: (usize, usize) = (16, 48);
/// the same where searches come, which are to find little of that.
const HELP_BATCHES_SEARCHED: (usize, usize) = (6, 16);
/// A folding is tedious where it puts so many times the rows that came into new blocks.
const TEDIOUS_TIMES: u64 = 8;

/// Small batches become one block as long as they have no more rows together, so that it takes moments.
const TOGETHER_ROWS_MAX: u32 = 1 << 14;
/// What so many foldings left waits for a thread in the background to drop it.
const SPENT_MAX: usize = 16;

/// What waits to be folded, and how it was staged if that is known.
type Waiting<'a> = (BlockId, &'a HeadBlock, Option<&'a Staged>);

/// The right to replace the base, which others may wait for.
#[derive(Debug)]
pub(super) struct Folding<'a> {
    _right: MutexGuard<'a, ()>,
    _urgent: Urgent,
}

impl<'a> Folding<'a> {
    fn of(right: MutexGuard<'a, ()>) -> Self {
        Self { _right: right, _urgent: Urgent::new() }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to replace the base. Whoever has it must not wait for the medium.
    pub(super) fn folding(&self) -> Folding<'_> {
        Folding::of(self.folding.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What readers see now: all that was acknowledged is in it.
    pub(super) fn base(&self) -> Result<Arc<Base>, Error> {
        if let Some(follower) = &self.follower {
            return self.follow(follower);
        }
        let wanted = {
            let state = self.state();
            if state.fresh.is_empty() {
                return Ok(Arc::clone(&state.base));
            }
            state.journal_next()
        };
        let folding = self.folding();
        // Who had the right before may have folded it, and what came while this waited may wait.
        match self.fold_and(&folding, wanted, |base| self.merge_many(base)) {
            Ok(base) => Ok(base),
            Err(error) => self.base_aside(error),
        }
    }

    /// What readers see while what came in cannot be folded.
    fn base_aside(&self, error: Error) -> Result<Arc<Base>, Error> {
        let (base, fresh) = {
            let state = self.state();
            if let Some((count, aside)) = &state.aside
                && *count == state.fresh.len()
            {
                return Ok(Arc::clone(aside));
            }
            (Arc::clone(&state.base), state.fresh.clone())
        };
        let aside = Arc::new(self.aside(&base, &fresh, error)?);
        self.state().aside = Some((fresh.len(), Arc::clone(&aside)));
        Ok(aside)
    }

    /// Folds what is fresh, and merges where blocks in memory are many.
    fn fold(&self, folding: &Folding<'_>) -> Result<Arc<Base>, Error> {
        self.fold_and(folding, u64::MAX, |base| self.merge_many(base))
    }

    /// Folds what is fresh, and no more.
    pub(super) fn fold_only(&self, folding: &Folding<'_>) -> Result<Arc<Base>, Error> {
        self.fold_and(folding, u64::MAX, |_| Ok(()))
    }

    /// Folds what is fresh, for a writer that added to it, where that is more than a reader should find:
    /// whoever does it otherwise does not keep up. Where traces are large a reader folds better for
    /// itself.
    pub(super) fn help_folding(&self) {
        let is_much = |most: usize| {
            let state = self.state();
            state.fresh.len() >= most && !state.is_tedious && state.aside.is_none()
        };
        let (help, wait) =
            if self.foreground.was_lately() { HELP_BATCHES_SEARCHED } else { HELP_BATCHES };
        if !is_much(help) {
            return;
        }
        let folding = match self.folding.try_lock() {
            Ok(right) => Folding::of(right),
            Err(_) if is_much(wait) => self.folding(),
            Err(_) => return,
        };
        if is_much(help) {
            // Who reads is told what is wrong.
            let _folded = self.fold(&folding);
        }
    }

    /// Folds the journal entries before this one that are not folded yet.
    fn fold_and(
        &self,
        _: &Folding<'_>,
        end: u64,
        then: impl FnOnce(&mut Base) -> Result<(), Error>,
    ) -> Result<Arc<Base>, Error> {
        let (base, fresh) = {
            let state = self.state();
            let count = end.saturating_sub(state.base.journal_next);
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let fresh: Vec<Fresh> = state.fresh.iter().take(count).cloned().collect();
            (Arc::clone(&state.base), fresh)
        };
        if fresh.is_empty() {
            return Ok(base);
        }
        let rows: u64 = fresh.iter().map(|one| one.size().rows).sum();
        let mut folded = Base::clone(&base);
        folded.journal_next += u64_of(fresh.len());
        self.fold_into(&mut folded, &fresh)?;
        folded.journal_bytes += fresh.iter().map(|one| one.size().journal_bytes).sum::<u64>();
        then(&mut folded)?;
        let is_tedious = folded.refolded_rows - base.refolded_rows > rows * TEDIOUS_TIMES;
        let folded = Arc::new(folded);
        let mut state = self.state();
        let spent = state.folded(Arc::clone(&folded), fresh.len());
        state.is_tedious = is_tedious;
        let is_dropped_later = self.options.maintenance == Maintenance::Background;
        if is_dropped_later && state.spent.len() < SPENT_MAX {
            state.spent.push(spent);
            return Ok(folded);
        }
        drop(state);
        drop(spent);
        Ok(folded)
    }

    /// Replaces the base.
    pub(super) fn publish(&self, _: &Folding<'_>, base: Base) {
        let base = Arc::new(base);
        let mut state = self.state();
        let before = std::mem::replace(&mut state.base, base);
        let left = (before, state.aside.take(), std::mem::take(&mut state.spent));
        drop(state);
        drop(left);
    }

    /// Gives back the memory of what foldings left.
    pub(super) fn drop_spent(&self) {
        let spent = std::mem::take(&mut self.state().spent);
        drop(spent);
    }

    /// Adds `fresh` to a base, in order.
    pub(super) fn fold_into(&self, base: &mut Base, fresh: &[Fresh]) -> Result<(), Error> {
        let mut run: Vec<Waiting<'_>> = Vec::new();
        for one in fresh {
            match one {
                Fresh::Spans(id, block, staged) => run.push((*id, block, staged.as_deref())),
                Fresh::Deleted(ids) => {
                    self.add_waiting(base, std::mem::take(&mut run))?;
                    delete(base, ids)?;
                }
            }
        }
        self.add_waiting(base, run)
    }

    /// Adds what waits: small batches together, as they were staged, other blocks as they are.
    fn add_waiting(&self, base: &mut Base, run: Vec<Waiting<'_>>) -> Result<(), Error> {
        let (mut blocks, mut small) = (Vec::with_capacity(run.len()), Vec::new());
        let mut rows = 0;
        for (id, block, staged) in run {
            match staged {
                Some(staged) if rows + block.made.rows <= TOGETHER_ROWS_MAX => {
                    rows += block.made.rows;
                    small.push((id, block, staged));
                }
                _ => blocks.push((id, block.clone())),
            }
        }
        if small.len() < 2 {
            blocks.extend(small.into_iter().map(|(id, block, _)| (id, block.clone())));
            return self.add_blocks(base, blocks);
        }
        let arrived = small.iter().map(|(_, block, _)| block.made.retention).max();
        let batches = small.iter().map(|(_, _, staged)| *staged);
        let views: Vec<(BlockId, Arc<BlockView>)> =
            base.views().map(|(id, view)| (id, Arc::clone(view))).collect();
        let places: Vec<Place<'_>> = views.iter().map(|(_, view)| place(view)).collect();
        let (mut united, is_whole) =
            together(&places, batches, self.rows_max(), arrived.unwrap_or_default())?;
        for (_, block, _) in &small {
            united.settled.duplicates += block.made.settled.duplicates;
            united.settled.replaced += block.made.settled.replaced;
        }
        let made = std::mem::take(&mut united.made);
        take(base, &views, united);
        let made = made.into_iter().map(|made| self.head_block(made));
        if is_whole && blocks.is_empty() {
            base.head.extend(made);
            return Ok(());
        }
        blocks.extend(made);
        self.add_blocks(base, blocks)
    }

    /// Adds blocks, each trace of theirs made whole.
    pub(super) fn add_blocks(
        &self,
        base: &mut Base,
        run: Vec<(BlockId, HeadBlock)>,
    ) -> Result<(), Error> {
        let views: Vec<(BlockId, Arc<BlockView>)> = {
            let fresh = run.iter().map(|(id, block)| (*id, &block.view));
            base.views().chain(fresh).map(|(id, view)| (id, Arc::clone(view))).collect()
        };
        let places: Vec<Place<'_>> = views.iter().map(|(_, view)| place(view)).collect();
        let mut united = unite(&places, views.len() - run.len(), self.rows_max())?;
        for (_, block) in &run {
            united.settled.duplicates += block.made.settled.duplicates;
            united.settled.replaced += block.made.settled.replaced;
        }
        base.head.extend(run);
        base.refolded_rows += united.made.iter().map(|made| u64::from(made.rows)).sum::<u64>();
        let made = std::mem::take(&mut united.made);
        take(base, &views, united);
        base.head.extend(made.into_iter().map(|made| self.head_block(made)));
        Ok(())
    }
}

/// Takes over what folding changed of blocks that there were, and what it counted.
fn take(base: &mut Base, views: &[(BlockId, Arc<BlockView>)], united: United) {
    for (at, mask) in &united.masks {
        if let Some((id, _)) = views.get(*at) {
            base.mask(*id, mask);
        }
    }
    if !united.kept.is_empty() {
        base.resent.push((base.journal_next, united.kept.into()));
    }
    base.duplicate_spans += united.settled.duplicates;
    base.replaced_spans += united.settled.replaced;
}

/// Masks traces wherever they lie.
fn delete(base: &mut Base, ids: &[TraceId]) -> Result<(), Error> {
    let mut masks: BTreeMap<BlockId, RoaringBitmap> = BTreeMap::new();
    for (block, view) in base.views() {
        for id in ids {
            if let Some(number) = view.block.find_trace(*id)? {
                masks.entry(block).or_default().insert(number);
            }
        }
    }
    for (block, mask) in &masks {
        base.mask(*block, mask);
    }
    Ok(())
}
