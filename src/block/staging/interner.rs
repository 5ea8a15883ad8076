//! Byte strings stored once, by number. Invariant: equal strings have equal numbers, number 0 is the
//! empty string, and a string is hashed once for each time it arrives.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::codec::cast::{u32_of, usize_of};

/// The strings seen so far.
#[derive(Debug)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    /// Where each string ends; it starts where the one before it ends.
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
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
        let hash = self.hasher.hash_one(bytes);
        let (ends, arena) = (&self.ends, &self.bytes);
        if let Some(known) = self.table.find(hash, |known| slice(ends, arena, *known) == bytes) {
            return *known;
        }
        let number = u32_of(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        let (ends, arena, hasher) = (&self.ends, &self.bytes, &self.hasher);
        self.table.insert_unique(hash, number, |known| hasher.hash_one(slice(ends, arena, *known)));
        number
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
        self.bytes.len() + self.ends.len() * (size_of::<usize>() + 2 * size_of::<u32>())
    }
}

fn slice<'a>(ends: &[usize], bytes: &'a [u8], number: u32) -> &'a [u8] {
    let at = usize_of(number);
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(at).and_then(|end| bytes.get(start..*end)).unwrap_or_default()
}
