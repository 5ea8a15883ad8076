//! Merging small blocks in memory, so that a search looks at few. It is done aside: readers see the
//! blocks as they are until the one made of them takes their place. Invariant: a trace that moved on
//! meanwhile is masked in the new block, and where the blocks themselves went, nothing changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fold::Folding;
use super::seal::{moved_on, numbers_of};
use super::shared::Shared;
use super::state::{Base, HeadBlock, place};
use crate::block::BlockId;
use crate::codec::cast::u64_of;
use crate::error::Error;
use crate::head::{Place, merge};

/// Blocks in memory fall in size classes: of one class the largest has fewer than so many times the
/// spans of the smallest, and so many of one class are merged. A span moves once a class at most.
const CLASS_BLOCKS: usize = 16;
/// Blocks in memory are merged up to so many rows; sealing makes larger ones.
const MERGED_ROWS_MAX: u64 = 1 << 15;
/// With more blocks than this in memory a reader merges before it searches,
const SEEN_BLOCKS_MAX: usize = 256;
/// but so many rows at a time at most: others wait meanwhile.
const SEEN_ROWS_MAX: u64 = 1 << 12;

/// Blocks of one size class that are to become one, with what of them counts.
fn crowded(base: &Base, blocks_min: usize, rows_max: u64) -> Vec<(BlockId, HeadBlock)> {
    let class = |rows: u64| rows.max(1).ilog2() / CLASS_BLOCKS.ilog2();
    let mut classes: BTreeMap<u32, Vec<(BlockId, HeadBlock)>> = BTreeMap::new();
    for (id, block) in base.head.iter().filter(|(id, _)| !base.sealing.contains(id)) {
        let class = class(u64::from(block.made.rows));
        classes.entry(class).or_default().push((*id, block.clone()));
    }
    for mut peers in classes.into_values() {
        let mut rows = 0;
        let fitting = peers.iter().take_while(|(_, block)| {
            rows += u64::from(block.made.rows);
            rows <= rows_max
        });
        let count = fitting.count();
        if count >= blocks_min {
            peers.truncate(count);
            return peers;
        }
    }
    Vec::new()
}

impl Shared {
    fn merged_rows_max(&self) -> u64 {
        u64_of(self.rows_max()).min(MERGED_ROWS_MAX)
    }

    /// The blocks made of some, without what is masked in these.
    fn merged(&self, blocks: &[(BlockId, HeadBlock)]) -> Result<Vec<(BlockId, HeadBlock)>, Error> {
        let places: Vec<Place<'_>> = blocks.iter().map(|(_, block)| place(&block.view)).collect();
        let made = merge(&places, self.rows_max())?;
        Ok(made.into_iter().map(|made| self.head_block(made)).collect())
    }

    /// Merges blocks in memory where a reader would have to look at too many.
    pub(super) fn merge_many(&self, base: &mut Base) -> Result<(), Error> {
        while base.head.len() - base.sealing.len().min(base.head.len()) > SEEN_BLOCKS_MAX {
            let blocks = crowded(base, CLASS_BLOCKS, self.merged_rows_max().min(SEEN_ROWS_MAX));
            if blocks.is_empty() {
                return Ok(());
            }
            let made = self.merged(&blocks)?;
            for (id, _) in &blocks {
                base.head.remove(id);
            }
            base.head.extend(made);
            base.reshaped += 1;
        }
        Ok(())
    }

    /// Merges blocks in memory where there are enough of one size; false where there are not. Only
    /// taking the result over needs the right to replace the base.
    pub(super) fn merge_aside(&self) -> Result<bool, Error> {
        let before = Arc::clone(&self.state().base);
        let blocks = crowded(&before, CLASS_BLOCKS, self.merged_rows_max());
        if blocks.is_empty() {
            return Ok(false);
        }
        let made = self.merged(&blocks)?;
        for (_, block) in &made {
            self.warm(&block.view);
        }
        self.take_over(&self.folding(), &before, &blocks, made)?;
        Ok(true)
    }

    /// Puts what was made of blocks of `before` in their place, unless they went otherwise.
    fn take_over(
        &self,
        folding: &Folding<'_>,
        before: &Base,
        blocks: &[(BlockId, HeadBlock)],
        made: Vec<(BlockId, HeadBlock)>,
    ) -> Result<(), Error> {
        let now = Arc::clone(&self.state().base);
        if now.reshaped != before.reshaped {
            return Ok(());
        }
        let moved = moved_on(blocks.iter().map(|(id, block)| (id, block)), &now)?;
        let mut after = Base::clone(&now);
        for (id, _) in blocks {
            after.head.remove(id);
        }
        for (id, block) in made {
            let block = block.masked(numbers_of(&block.view, &moved)?);
            if !block.is_empty() {
                after.head.insert(id, block);
            }
        }
        after.reshaped += 1;
        self.publish(folding, after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::model::Span;
    use crate::options::{Maintenance, Options};
    use crate::search::SearchOptions;
    use crate::store::{Batch, Store};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { maintenance: Maintenance::ByHand, ..Options::default() };
        let store = Store::open(folder.path().join("store.redb"), options).unwrap();
        (folder, store)
    }

    fn trace_id(number: u8) -> TraceId {
        TraceId::from_bytes([number; 16])
    }

    fn ingest(store: &Store, trace: u8, span: u8) {
        ingest_only(store, trace, span);
        // What waits to be folded becomes one block.
        store.shared.base().unwrap();
    }

    fn ingest_only(store: &Store, trace: u8, span: u8) {
        let mut batch = Batch::new();
        let span = Span {
            trace_id: trace_id(trace),
            span_id: SpanId::from_bytes([span; 8]),
            ..Span::default()
        };
        batch.push(&span).unwrap();
        store.ingest(batch).unwrap();
    }

    /// Each trace that a search finds, with how many spans it has.
    fn content(store: &Store) -> Vec<(TraceId, usize)> {
        let found = store.search("{ }", &SearchOptions::all()).unwrap().traces;
        let ids: BTreeSet<TraceId> = found.iter().map(|found| found.trace_id).collect();
        assert_eq!(ids.len(), found.len(), "a trace twice");
        let spans = |id: TraceId| store.trace(id).unwrap().map_or(0, |trace| trace.spans().len());
        ids.into_iter().map(|id| (id, spans(id))).collect()
    }

    fn blocks(store: &Store) -> usize {
        store.shared.state().base.head.len()
    }

    /// What is to be merged, and what is made of it.
    type Aside = (Arc<Base>, Vec<(BlockId, HeadBlock)>, Vec<(BlockId, HeadBlock)>);

    fn aside(store: &Store) -> Aside {
        let before = store.shared.base().unwrap();
        let blocks = crowded(&before, CLASS_BLOCKS, MERGED_ROWS_MAX);
        let made = store.shared.merged(&blocks).unwrap();
        assert!(blocks.len() >= CLASS_BLOCKS && made.len() == 1);
        (before, blocks, made)
    }

    fn take_over(store: &Store, (before, blocks, made): Aside) {
        let shared = &store.shared;
        shared.take_over(&shared.folding(), &before, &blocks, made).unwrap();
    }

    #[test]
    fn blocks_are_merged_where_there_are_enough() {
        let (_folder, store) = store();
        for trace in 1..=40 {
            ingest(&store, trace, 1);
        }
        let expected = content(&store);
        assert_eq!((expected.len(), blocks(&store)), (40, 40));
        while store.shared.merge_aside().unwrap() {}
        assert_eq!((content(&store), blocks(&store)), (expected, 1));
    }

    #[test]
    fn what_waits_to_be_folded_becomes_one_block() {
        let (_folder, store) = store();
        ingest(&store, 1, 1);
        for trace in 1..=9 {
            ingest_only(&store, trace, 2);
            ingest_only(&store, trace / 2 + 1, trace + 10);
            // The same span again, which is dropped.
            ingest_only(&store, trace, 2);
        }
        let found = content(&store);
        assert_eq!((found.len(), blocks(&store)), (9, 1));
        assert_eq!(found.iter().map(|(_, spans)| spans).sum::<usize>(), 19);
        assert_eq!(store.stats().unwrap().duplicate_spans, 9);
    }

    #[test]
    fn a_writer_folds_where_much_waits() {
        let (_folder, store) = store();
        let waiting = || store.shared.state().fresh.len();
        for trace in 1..=15 {
            ingest_only(&store, trace, 1);
            store.shared.help_folding();
            assert_eq!(waiting(), usize::from(trace));
        }
        ingest_only(&store, 16, 1);
        {
            let _folding = store.shared.folding();
            store.shared.help_folding();
            assert_eq!(waiting(), 16, "somebody is at it");
        }
        store.shared.help_folding();
        assert_eq!((waiting(), blocks(&store)), (0, 1));
        assert_eq!(content(&store).len(), 16);
        // Where somebody searched, it folds earlier.
        for trace in 1..=6 {
            assert_eq!(waiting(), usize::from(trace) - 1);
            ingest_only(&store, trace, 2);
            store.shared.help_folding();
        }
        assert_eq!(waiting(), 0);
    }

    #[test]
    fn what_moved_on_meanwhile_stays_where_it_went() {
        let (_folder, store) = store();
        for trace in 1..=20 {
            ingest(&store, trace, 1);
        }
        let aside = aside(&store);
        ingest(&store, 3, 2);
        ingest(&store, 30, 1);
        store.delete(&[trace_id(5)]).unwrap();
        let expected = content(&store);
        take_over(&store, aside);
        assert_eq!(content(&store), expected);
        // The one that was made, that of the trace that grew, and that of the new trace.
        assert_eq!((expected.len(), blocks(&store)), (20, 3));
        store.maintain().unwrap();
        assert_eq!(content(&store), expected);
    }

    #[test]
    fn what_was_sealed_or_merged_meanwhile_stays_as_it_is() {
        for seal in [true, false] {
            let (_folder, store) = store();
            for trace in 1..=20 {
                ingest(&store, trace, 1);
            }
            let aside = aside(&store);
            if seal {
                store.maintain().unwrap();
            } else {
                assert!(store.shared.merge_aside().unwrap());
            }
            ingest(&store, 3, 2);
            let expected = (content(&store), blocks(&store));
            take_over(&store, aside);
            assert_eq!((content(&store), blocks(&store)), expected);
        }
    }

    #[test]
    fn a_reader_merges_where_nobody_else_does() {
        let (_folder, store) = store();
        let most = u16::try_from(SEEN_BLOCKS_MAX + 4).unwrap();
        for number in 0..most {
            let [low, high] = number.to_le_bytes();
            let mut batch = Batch::new();
            let mut id = [low; 16];
            id[0] = high + 1;
            let span = Span {
                trace_id: TraceId::from_bytes(id),
                span_id: SpanId::from_bytes([1; 8]),
                ..Span::default()
            };
            batch.push(&span).unwrap();
            store.ingest(batch).unwrap();
            store.shared.base().unwrap();
        }
        assert_eq!(content(&store).len(), usize::from(most));
        // One of those that there were when they became too many, and three that came after.
        assert_eq!(blocks(&store), 4);
    }
}
