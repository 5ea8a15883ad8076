//! Chunks and decoded sections kept in memory under one byte budget. Two generations: what is used
//! moves to the young one; when that is half the budget, it becomes the old one, and what was old is
//! forgotten. Invariant: the entries never take more than the budget, unless a single one does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use roaring::RoaringBitmap;

use super::column::Directory;
use super::error::BlockId;
use crate::codec::cast::u64_of;

/// What is cached, within a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    /// A chunk of the image.
    Chunk(u32),
    /// A whole section, decoded.
    Section(u32),
    /// A part of a column: section code, offset in the section, value number.
    Column(u32, u64, u32),
    /// The union of a column's postings: offset of the postings in their section, value numbers.
    Union(u32, u64, Arc<[u32]>),
}

/// A cached thing.
#[derive(Debug, Clone)]
pub(crate) enum Cached {
    Bytes(Arc<[u8]>),
    Numbers(Arc<[u32]>),
    Wide(Arc<[u64]>),
    Rows(Arc<RoaringBitmap>),
    Directory(Arc<Directory>),
}

impl Cached {
    fn bytes_len(&self) -> u64 {
        const ENTRY: usize = 96;
        let len = match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Numbers(numbers) => numbers.len() * 4,
            Self::Wide(numbers) => numbers.len() * 8,
            Self::Rows(rows) => rows.serialized_size(),
            Self::Directory(directory) => directory.columns.len() * 160,
        };
        u64_of(len + ENTRY)
    }
}

/// A cache shared by all blocks of a store.
#[derive(Debug)]
pub(crate) struct Cache {
    budget: u64,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<(BlockId, Slot), Cached>,
    young_bytes: u64,
    old: HashMap<(BlockId, Slot), Cached>,
}

impl Cache {
    /// An empty cache of at most `budget` bytes.
    pub(crate) fn new(budget: u64) -> Self {
        Self { budget, generations: Mutex::default() }
    }

    /// What is cached under `slot`.
    pub(crate) fn get(&self, block: BlockId, slot: Slot) -> Option<Cached> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (block, slot);
        if let Some(found) = generations.young.get(&key) {
            return Some(found.clone());
        }
        let found = generations.old.remove(&key)?;
        generations.insert(self.budget, key, found.clone());
        Some(found)
    }

    /// Caches `value` under `slot`.
    pub(crate) fn put(&self, block: BlockId, slot: Slot, value: Cached) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.insert(self.budget, (block, slot), value);
    }
}

impl Generations {
    fn insert(&mut self, budget: u64, key: (BlockId, Slot), value: Cached) {
        let bytes = value.bytes_len();
        if self.young_bytes + bytes > budget / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if bytes <= budget {
            self.young_bytes += bytes;
            if let Some(before) = self.young.insert(key, value) {
                self.young_bytes = self.young_bytes.saturating_sub(before.bytes_len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_and_what_is_used_stays() {
        let cache = Cache::new(10_000);
        let bytes = || Cached::Bytes(vec![0; 904].into());
        for chunk in 0..1000 {
            cache.put(BlockId(1), Slot::Chunk(chunk), bytes());
            assert!(cache.get(BlockId(1), Slot::Chunk(0)).is_some(), "after chunk {chunk}");
            let generations = cache.generations.lock().unwrap();
            assert!(generations.young.len() + generations.old.len() <= 10);
        }
        assert!(cache.get(BlockId(1), Slot::Chunk(500)).is_none());
        assert!(cache.get(BlockId(2), Slot::Chunk(0)).is_none());
    }
}
