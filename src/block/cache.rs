//! What blocks keep in memory, under one byte budget. *Materials* are chunks, which are quickly had again;
//! *results* are what was decoded or made from them. When the budget is passed, entries go until an eighth
//! of it is free, so that choosing them is rare: first materials used longest ago, as far as they have more
//! than their share; then the older half of the results, those first that nobody asked for again: what is read
//! once, to make another result of it, makes room for that; of these and of the others the large ones first,
//! one here and one there, for where blocks are asked in turn and do not all fit, the one used longest ago is
//! the next that is needed; then the rest by age. What is kept of a block in memory goes with it. Invariant:
//! after a call the entries never take more than the budget.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{HashMap, HashSet};
use roaring::RoaringBitmap;

use super::buckets::{Buckets, Members};
use super::column::{Directory, RankTable, TextGroup};
use super::error::BlockId;
use crate::codec::cast::u64_of;
use crate::codec::narrow::Narrow;

/// What is cached, within a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    /// A chunk of the image.
    Chunk(u32),
    /// A whole section, decoded.
    Section(u32),
    /// A part of a column: section code, offset in the section, value number.
    Column(u32, u64, u32),
    /// What follows from whole sections.
    Derived(Derived),
    /// The union of a column's postings: offset of the postings in their section, value numbers.
    Union(u32, u64, Arc<[u32]>),
    /// The rows of a column whose texts match a pattern: offset of the dictionary in its section.
    Matches(u32, u64, Arc<str>),
    /// What a room above keeps of the block, by a name that says all that it depends on.
    Named(Arc<str>),
}

/// What follows from whole sections of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Derived {
    /// Between which two numbers those of a section lie, by its code.
    Bounds(u32),
    /// The rows of a bucket of durations.
    Members(u32),
    /// How many stored ancestors each row has.
    Depths,
    /// How many children each row has.
    ChildCounts,
    /// For how long none of its children runs, for each row.
    SelfDurations,
    /// How long one span of each trace takes, sorted: the longest where true, else the shortest.
    Extremes(bool),
    /// That these were asked for, and how often.
    ExtremesAsked(bool),
    /// How many rows of each trace are errors.
    TraceErrors,
    /// How many services each trace has.
    TraceServices,
    /// The rows without stored parent of the traces that have several, and what makes them siblings.
    Kin,
    /// The parent of each row, in a byte.
    NearParents,
    /// The rows next to their parent, as bits.
    CloseParents,
    /// The last descendant of each row, in a byte.
    NearEnds,
    /// The last row of each trace, as bits.
    TraceLasts,
}

/// A cached thing.
#[derive(Debug, Clone)]
pub(crate) enum Cached {
    Bytes(Arc<[u8]>),
    Numbers(Arc<[u32]>),
    Wide(Arc<[u64]>),
    Narrow(Narrow),
    Rows(Arc<RoaringBitmap>),
    Ranks(Arc<RankTable>),
    Directory(Arc<Directory>),
    Texts(Arc<TextGroup>),
    Buckets(Arc<Buckets>),
    Members(Members),
    /// Something of a room above, with its bytes.
    Kept(Arc<dyn Any + Send + Sync>, usize),
}

/// Materials keep at least one part of this many of the budget.
const MATERIALS_SHARE: u64 = 8;
/// What takes one part of this many of the budget, or less, is small: much of it fits.
const SMALL_SHARE: u64 = 256;
/// Of what takes one part of this many, or less, nothing is gained.
const TINY_SHARE: u64 = 1 << 15;
/// Who asks for something within so many uses of its last one mostly goes on with the same work.
const SAME_WORK_USES: u64 = 64;
/// An odd number far from any pattern of uses (2^64 divided by the golden ratio).
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Cached {
    fn bytes_len(&self) -> u64 {
        const ENTRY: usize = 96;
        let len = match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Numbers(numbers) => numbers.len() * 4,
            Self::Wide(numbers) => numbers.len() * 8,
            Self::Narrow(numbers) => numbers.bytes_len(),
            Self::Rows(rows) => rows.serialized_size(),
            Self::Ranks(ranks) => ranks.bytes_len(),
            Self::Directory(directory) => directory.columns.len() * 160,
            Self::Texts(texts) => texts.bytes_len(),
            Self::Buckets(buckets) => buckets.bytes_len(),
            Self::Members(members) => size_of_val::<[_]>(members),
            Self::Kept(_, bytes) => *bytes,
        };
        u64_of(len + ENTRY)
    }
}

/// A cache shared by all blocks of a store.
#[derive(Debug)]
pub(crate) struct Cache {
    budget: u64,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    blocks: HashMap<BlockId, HashMap<Slot, Entry>>,
    bytes: u64,
    /// Counts uses; an entry's age is the count at its last use.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    value: Cached,
    bytes: u64,
    last_use: u64,
    /// Asked for again, when the work that it was made for was done.
    is_reused: bool,
}

/// What choosing entries looks at.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    last_use: u64,
    bytes: u64,
    is_reused: bool,
}

impl Cache {
    /// An empty cache of at most `budget` bytes.
    pub(crate) fn new(budget: u64) -> Self {
        Self { budget, entries: Mutex::default() }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.entries.lock().unwrap_or_else(PoisonError::into_inner) = Entries::default();
    }

    /// What is cached under `slot`.
    pub(crate) fn get(&self, block: BlockId, slot: &Slot) -> Option<Cached> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.uses += 1;
        let now = entries.uses;
        let entry = entries.blocks.get_mut(&block)?.get_mut(slot)?;
        entry.is_reused |= now - entry.last_use > SAME_WORK_USES;
        entry.last_use = now;
        Some(entry.value.clone())
    }

    /// Forgets what is cached under `slot`.
    pub(crate) fn forget(&self, block: BlockId, slot: &Slot) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.blocks.get_mut(&block).and_then(|slots| slots.remove(slot));
        if let Some(entry) = &entry {
            entries.bytes = entries.bytes.saturating_sub(entry.bytes);
        }
        drop(entries);
    }

    /// Forgets all of a block that nobody reads any more.
    pub(crate) fn forget_block(&self, block: BlockId) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = entries.blocks.remove(&block);
        let bytes: u64 = slots.iter().flat_map(HashMap::values).map(|entry| entry.bytes).sum();
        entries.bytes = entries.bytes.saturating_sub(bytes);
        // To give memory back may take longer than others should wait.
        drop(entries);
        drop(slots);
    }

    /// Caches `value` under `slot`; nothing at all where it is larger than the budget.
    pub(crate) fn put(&self, block: BlockId, slot: Slot, value: Cached) {
        let bytes = value.bytes_len();
        if bytes > self.budget {
            self.forget(block, &slot);
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.uses += 1;
        let last_use = entries.uses;
        entries.bytes += bytes;
        let slots = entries.blocks.entry(block).or_default();
        // What is cached anew, because it grew, was asked for as often as before.
        let is_reused = slots.get(&slot).is_some_and(|before| before.is_reused);
        let before = slots.insert(slot, Entry { value, bytes, last_use, is_reused });
        if let Some(before) = &before {
            entries.bytes = entries.bytes.saturating_sub(before.bytes);
        }
        let gone = if entries.bytes > self.budget {
            entries.shrink(self.budget, (self.budget - self.budget / 8).max(bytes))
        } else {
            Vec::new()
        };
        drop(entries);
        drop((before, gone));
    }
}

impl Entries {
    /// Takes out entries until the rest takes at most `target` bytes of the budget.
    fn shrink(&mut self, budget: u64, target: u64) -> Vec<Entry> {
        let (materials, results) = (self.by_age(true), self.by_age(false));
        let taken: u64 = materials.iter().map(|one| one.bytes).sum();
        let mut surplus = taken.saturating_sub(budget / MATERIALS_SHARE);
        let is_surplus = |one: &&Candidate| {
            let is = surplus > 0;
            surplus = surplus.saturating_sub(one.bytes);
            is
        };
        let surplus = materials.iter().take_while(is_surplus).count();
        let (first, last) = materials.split_at(surplus);
        let (older, newer) = results.split_at(results.len() / 2);
        let mut older = older.to_vec();
        older.sort_by_key(|one| {
            let is_small = one.bytes <= budget / SMALL_SHARE;
            let is_kept = one.is_reused || one.bytes <= budget / TINY_SHARE;
            (is_kept, is_small, (one.last_use ^ self.uses).wrapping_mul(SCATTER))
        });
        let in_turn = [first, &older, newer, last].into_iter().flatten();
        let (mut going, newest) = (HashSet::new(), self.uses);
        // What was put just now stays.
        for one in in_turn.filter(|one| one.last_use != newest) {
            if self.bytes <= target {
                break;
            }
            self.bytes = self.bytes.saturating_sub(one.bytes);
            going.insert(one.last_use);
        }
        let mut gone = Vec::with_capacity(going.len());
        for slots in self.blocks.values_mut() {
            let taken = slots.extract_if(|_, entry| going.contains(&entry.last_use));
            gone.extend(taken.map(|(_, entry)| entry));
        }
        self.blocks.retain(|_, slots| !slots.is_empty());
        gone
    }

    /// Materials or results, used longest ago first.
    fn by_age(&self, materials: bool) -> Vec<Candidate> {
        let is_material = |slot: &Slot| matches!(slot, Slot::Chunk(_));
        let all = self.blocks.values().flatten();
        let mut ages: Vec<Candidate> = all
            .filter(|(slot, _)| is_material(slot) == materials)
            .map(|(_, entry)| {
                let Entry { last_use, bytes, is_reused, .. } = *entry;
                Candidate { last_use, bytes, is_reused }
            })
            .collect();
        ages.sort_unstable_by_key(|one| one.last_use);
        ages
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
            assert!(cache.get(BlockId(1), &Slot::Chunk(0)).is_some(), "after chunk {chunk}");
            let entries = cache.entries.lock().unwrap();
            let all = entries.blocks.values().flat_map(HashMap::values);
            let bytes: u64 = all.map(|entry| entry.bytes).sum();
            assert_eq!(bytes, entries.bytes);
            assert!(bytes <= 10_000 && (chunk < 10 || bytes >= 7_000), "{bytes} bytes");
        }
        assert!(cache.get(BlockId(1), &Slot::Chunk(500)).is_none());
        assert!(cache.get(BlockId(2), &Slot::Chunk(0)).is_none());
        let kept = Cached::Kept(Arc::new(7u8), 9_000);
        cache.put(BlockId(2), Slot::Named("large".into()), kept);
        assert!(cache.get(BlockId(1), &Slot::Chunk(500)).is_none(), "what is kept takes its bytes");
        assert!(cache.entries.lock().unwrap().bytes <= 10_000);
        assert!(cache.get(BlockId(2), &Slot::Named("large".into())).is_some());
        cache.forget(BlockId(2), &Slot::Named("large".into()));
        assert!(cache.get(BlockId(2), &Slot::Named("large".into())).is_none());
        assert_eq!(cache.entries.lock().unwrap().bytes, 0);
        cache.forget(BlockId(2), &Slot::Named("large".into()));
        for block in 1..=3 {
            cache.put(BlockId(block), Slot::Chunk(0), bytes());
            cache.put(BlockId(block), Slot::Chunk(1), bytes());
        }
        cache.forget_block(BlockId(2));
        cache.forget_block(BlockId(7));
        let has = |block| cache.get(BlockId(block), &Slot::Chunk(1)).is_some();
        assert!(has(1) && !has(2) && has(3));
        assert_eq!(cache.entries.lock().unwrap().bytes, 4_000);
        cache.put(BlockId(1), Slot::Chunk(0), bytes());
        cache.clear();
        assert!(cache.get(BlockId(1), &Slot::Chunk(0)).is_none());
        assert_eq!(cache.entries.lock().unwrap().bytes, 0);
    }

    #[test]
    fn materials_make_room_for_results_down_to_their_share() {
        let cache = Cache::new(100_000);
        let has = |slot: &Slot| cache.get(BlockId(1), slot).is_some();
        let chunks: Vec<Slot> = (0..90).map(Slot::Chunk).collect();
        for slot in &chunks {
            cache.put(BlockId(1), slot.clone(), Cached::Bytes(vec![0; 904].into()));
        }
        let results: Vec<Slot> = (0..60).map(|number| Slot::Column(1, 0, number)).collect();
        for slot in &results {
            cache.put(BlockId(1), slot.clone(), Cached::Numbers(vec![0; 226].into()));
            assert!(results.iter().take_while(|other| *other != slot).all(has));
        }
        assert!(chunks.iter().filter(|slot| has(slot)).count() >= 24);
        for slot in (100..120).map(Slot::Chunk) {
            cache.put(BlockId(1), slot, Cached::Bytes(vec![0; 904].into()));
        }
        assert!(results.iter().all(has), "materials make room for each other");
    }

    #[test]
    fn of_what_is_asked_in_turn_and_does_not_fit_a_part_is_found() {
        let cache = Cache::new(100_000);
        let mut found = 0;
        for number in (0..150).cycle().take(15_000) {
            let slot = Slot::Column(1, 0, number);
            match cache.get(BlockId(1), &slot) {
                Some(_) => found += 1,
                None => cache.put(BlockId(1), slot, Cached::Numbers(vec![0; 226].into())),
            }
        }
        assert!(found > 15_000 / 10, "{found} found, by age alone it would be none");
    }

    #[test]
    fn what_is_read_to_make_results_makes_room_for_them() {
        let cache = Cache::new(100_000);
        let numbers = || Cached::Numbers(vec![0; 226].into());
        let mut missed = 0;
        for turn in 0..100 {
            missed = 0;
            for block in 0..60 {
                if cache.get(BlockId(block), &Slot::Section(0)).is_none() {
                    missed += 1;
                    (1..3)
                        .for_each(|part| cache.put(BlockId(block), Slot::Section(part), numbers()));
                    cache.put(BlockId(block), Slot::Section(0), numbers());
                }
            }
            assert!(turn > 0 || missed == 60);
        }
        assert_eq!(missed, 0, "what is asked for in turn fits");
    }

    #[test]
    fn small_results_outlive_large_ones_as_old() {
        let cache = Cache::new(1_000_000);
        let small: Vec<Slot> = (0..100).map(|number| Slot::Column(1, 0, number)).collect();
        for (slot, number) in small.iter().zip(0..) {
            cache.put(BlockId(1), slot.clone(), Cached::Numbers(vec![0; 10].into()));
            cache.put(BlockId(1), Slot::Section(number), Cached::Numbers(vec![0; 2_450].into()));
        }
        for number in 1_000..1_050 {
            cache.put(BlockId(1), Slot::Section(number), Cached::Numbers(vec![0; 2_450].into()));
        }
        assert!(small.iter().all(|slot| cache.get(BlockId(1), slot).is_some()));
    }
}
