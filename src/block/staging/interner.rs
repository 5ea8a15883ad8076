//! Byte strings stored once, by number. Invariant: equal strings have equal numbers, number 0 is the
//! empty string, and a string is hashed once for each time it arrives, at most.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hasher};

use crate::codec::cast::{low_u32, u32_of, usize_of};

/// The strings seen so far.
#[derive(Debug)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    /// Where each string ends; it starts where the one before it ends.
    ends: Vec<usize>,
    table: HashTable<Entry>,
    hasher: DefaultHashBuilder,
}

/// A string by its number. Its hash is kept, so that a growing table need not look into the strings,
/// and one that differs is told apart without them.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    number: u32,
}

impl Entry {
    /// The hash that the table is asked with: its upper bits tell strings apart, its lower ones say
    /// where to look.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

impl Default for Interner {
    fn default() -> Self {
        let mut interner = Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        interner.intern(b"");
        interner
    }
}

impl Interner {
    /// The number of `bytes`, a new one if they were not seen before.
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> u32 {
        if bytes.is_empty() && !self.ends.is_empty() {
            return 0;
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        let hash = low_u32(hasher.finish());
        let (ends, arena) = (&self.ends, &self.bytes);
        let is_known =
            |entry: &Entry| entry.hash == hash && slice(ends, arena, entry.number) == bytes;
        if let Some(known) = self.table.find(Entry::spread(hash), is_known) {
            return known.number;
        }
        let number = u32_of(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        let entry = Entry { hash, number };
        self.table.insert_unique(Entry::spread(hash), entry, |entry| Entry::spread(entry.hash));
        number
    }

    /// The number of `bytes`, which are probably those of `guess`: then nothing is hashed.
    #[inline]
    pub(crate) fn intern_guessed(&mut self, bytes: &[u8], guess: u32) -> u32 {
        if self.get(guess) == bytes { guess } else { self.intern(bytes) }
    }

    /// The string with this number; empty if there is none.
    pub(crate) fn get(&self, number: u32) -> &[u8] {
        slice(&self.ends, &self.bytes, number)
    }

    /// How many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that the strings take in memory, with what it takes to find them, roughly.
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len() + self.ends.len() * (size_of::<usize>() + 2 * size_of::<Entry>())
    }
}

fn slice<'a>(ends: &[usize], bytes: &'a [u8], number: u32) -> &'a [u8] {
    let at = usize_of(number);
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(at).and_then(|end| bytes.get(start..*end)).unwrap_or_default()
}
