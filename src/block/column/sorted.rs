//! Sorts the strings of a dictionary. Invariant: they come in order of their bytes, whatever the order
//! in which they came; strings are looked into once for eight bytes, not once for each comparison.

use crate::block::staging::Interner;

/// Few strings, and what is left of long ones, are compared as they are.
const FEW: usize = 16;
const DEPTH_MAX: usize = 64;
/// Bytes that are compared at a time.
const PIECE: usize = size_of::<u64>();

/// A string by its number, and the piece of it that is compared.
#[derive(Debug, Clone, Copy)]
struct Keyed {
    piece: u64,
    /// Bytes of the piece: of two that are equal but for that, one is the beginning of the other.
    len: u8,
    number: u32,
}

/// Sorts `numbers` by the strings that they are the numbers of; each is there once.
pub(super) fn sort(numbers: &[u32], strings: &Interner) -> Vec<u32> {
    let keyed = numbers.iter().map(|number| Keyed { piece: 0, len: 0, number: *number });
    let mut keyed: Vec<Keyed> = keyed.collect();
    sort_from(&mut keyed, 0, strings);
    keyed.into_iter().map(|keyed| keyed.number).collect()
}

/// Sorts strings that are equal up to `depth`.
fn sort_from(keyed: &mut [Keyed], depth: usize, strings: &Interner) {
    let rest = |number| strings.get(number).get(depth..).unwrap_or_default();
    if keyed.len() <= FEW || depth >= DEPTH_MAX {
        keyed.sort_unstable_by(|a, b| rest(a.number).cmp(rest(b.number)));
        return;
    }
    for one in &mut *keyed {
        (one.piece, one.len) = piece(rest(one.number));
    }
    keyed.sort_unstable_by_key(|one| (one.piece, one.len));
    for run in keyed.chunk_by_mut(|a, b| (a.piece, a.len) == (b.piece, b.len)) {
        if run.len() > 1 {
            sort_from(run, depth + PIECE, strings);
        }
    }
}

/// The first eight bytes as a number that sorts as they do, short strings filled up with zeros.
pub(crate) fn prefix(bytes: &[u8]) -> u64 {
    piece(bytes).0
}

/// The first eight bytes as a number that sorts as they do, short strings filled up with zeros, and
/// how many of them there are.
fn piece(bytes: &[u8]) -> (u64, u8) {
    if let Some(first) = bytes.first_chunk::<PIECE>() {
        return (u64::from_le_bytes(*first).swap_bytes(), 8);
    }
    let mut first = [0; PIECE];
    let mut len = 0;
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
        len += 1;
    }
    (u64::from_le_bytes(first).swap_bytes(), len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_come_in_the_order_of_their_bytes(
            raw in prop::collection::vec(
                (0usize..90, prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..20)),
                0..200,
            ),
        ) {
            let mut strings = Interner::default();
            let mut texts: Vec<Vec<u8>> = raw
                .into_iter()
                .map(|(shared, rest)| [vec![7; shared / 10 * 10], rest].concat())
                .collect();
            let mut numbers: Vec<u32> = texts.iter().map(|text| strings.intern(text)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let sorted = sort(&numbers, &strings);
            let sorted: Vec<&[u8]> = sorted.iter().map(|number| strings.get(*number)).collect();
            texts.sort();
            texts.dedup();
            prop_assert_eq!(sorted, texts);
        }
    }
}
