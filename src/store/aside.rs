//! What readers see while something that came in cannot be joined with a damaged block. Invariants: no
//! trace is shown in part; what would need what is put aside, or the damaged block, is an error that
//! names the block, and everything else is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::shared::Shared;
use super::state::{Base, Fresh};
use crate::block::{Block, BlockError, BlockId, Cache, Chunks, Image, Section};
use crate::error::Error;
use crate::id::TraceId;
use crate::search::BlockView;

/// Chunks of what is put aside: who asks for one is told why.
#[derive(Debug)]
struct Broken(String);

impl Chunks for Broken {
    fn chunk(
        &self,
        _: BlockId,
        _: u32,
    ) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
        Err(self.0.clone().into())
    }
}

/// Blocks that must not be read, each with the damaged block and what is wrong with it.
type Shut = BTreeMap<BlockId, (BlockId, String)>;

/// The block that an error is about, if it is one of the file.
fn damaged(base: &Base, error: &Error) -> Option<(BlockId, String)> {
    let Error::Block(cause) = error else { return None };
    let cause = cause.downcast_ref::<BlockError>()?;
    let (BlockError::Corrupt { block, .. } | BlockError::Chunk { block, .. }) = cause;
    base.stored.contains_key(block).then(|| (*block, super::verify::chain(cause)))
}

impl Shared {
    /// What readers see where folding `fresh` into `base` failed with `error`; the error again where
    /// it is not about a block of the file.
    pub(super) fn aside(&self, base: &Base, fresh: &[Fresh], error: Error) -> Result<Base, Error> {
        if damaged(base, &error).is_none() {
            return Err(error);
        }
        let mut seen = base.clone();
        let mut shut = Shut::new();
        let mut waiting: BTreeSet<TraceId> = BTreeSet::new();
        for one in fresh {
            match one {
                Fresh::Deleted(ids) => mask(&mut seen, ids, &mut shut),
                Fresh::Spans(id, block, _) => {
                    let ids = trace_ids(&block.view)?;
                    let why = if ids.iter().any(|id| waiting.contains(id)) {
                        shut.values().next().cloned()
                    } else {
                        let mut joined = seen.clone();
                        match self.add_blocks(&mut joined, vec![(*id, block.clone())]) {
                            Ok(()) => {
                                seen = joined;
                                continue;
                            }
                            Err(error) => Some(damaged(base, &error).ok_or(error)?),
                        }
                    };
                    let Some(why) = why else { continue };
                    // What these traces have elsewhere is a part of them only.
                    shut.insert(why.0, why.clone());
                    for (other, view) in seen.views() {
                        let has = |id: &TraceId| {
                            let found = view.block.find_trace(*id);
                            found.map_or(true, |at| at.is_some_and(|at| !view.masked.contains(at)))
                        };
                        if ids.iter().any(has) {
                            shut.insert(other, why.clone());
                        }
                    }
                    waiting.extend(ids);
                    seen.head.insert(*id, block.clone());
                    shut.insert(*id, why);
                }
            }
        }
        for (id, why) in &shut {
            if let Some(stored) = seen.stored.get_mut(id) {
                stored.view = Arc::new(closed(&stored.view, why));
            }
            if let Some(head) = seen.head.get_mut(id) {
                head.view = Arc::new(closed(&head.view, why));
            }
        }
        Ok(seen)
    }
}

fn trace_ids(view: &BlockView) -> Result<Vec<TraceId>, Error> {
    let count = view.block.header()?.traces;
    let ids = view.block.records(Section::TraceIds, 16, 0, count)?;
    Ok(ids.chunks_exact(16).map(|id| TraceId::from_slice(id).unwrap_or_default()).collect())
}

/// Masks deleted traces; where it cannot be said whether a block has them, it is shut.
fn mask(base: &mut Base, ids: &[TraceId], shut: &mut Shut) {
    let mut masks = Vec::new();
    for (block, view) in base.views() {
        for id in ids {
            match view.block.find_trace(*id) {
                Ok(found) => masks.extend(found.map(|number| (block, number))),
                Err(error) => {
                    shut.insert(block, (block, super::verify::chain(&error)));
                }
            }
        }
    }
    for (block, number) in masks {
        base.mask(block, &std::iter::once(number).collect());
    }
}

/// The same view, of which nothing can be read but whether it has a trace.
fn closed(view: &BlockView, (damaged, why): &(BlockId, String)) -> BlockView {
    let block = Block::new(Image {
        block: *damaged,
        len: view.block.image().len.max(1),
        chunk_len: view.block.image().chunk_len,
        chunks: Arc::new(Broken(why.clone())),
        cache: Arc::new(Cache::new(0)),
    });
    view.closed(Arc::new(block))
}
