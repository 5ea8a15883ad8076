//! Puts the values of a block in buckets. Invariant: the bytes follow from the values and their order alone.

use super::index::{BUCKETS_MAX, RUN_ROWS, RUN_WORDS, bits_for};
use crate::codec::cast::{low_u8, u64_of, usize_of};
use crate::codec::packed;

/// Blocks of fewer rows have no buckets: all their durations are looked at.
pub(crate) const BUCKETS_ROWS_MIN: usize = 16_384;
/// Of so many rows one is looked at to say where buckets begin.
const SAMPLED: usize = 8;

/// The bytes of the section for these values; none where they are few.
pub(in crate::block) fn encode(values: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    if values.len() < BUCKETS_ROWS_MIN {
        return out;
    }
    let mut numbers = numbers_of(values, &starts(values));
    let bounds = renumber(values, &mut numbers);
    let mut counts = vec![0u64; bounds.len()];
    for number in &numbers {
        if let Some(count) = counts.get_mut(usize::from(*number)) {
            *count += 1;
        }
    }
    let heads = bounds.iter().zip(counts).flat_map(|((least, most), rows)| [*least, *most, rows]);
    packed::encode(&heads.collect::<Vec<u64>>(), &mut out);
    let bits = bits_for(bounds.len());
    out.reserve_exact(values.len().div_ceil(RUN_ROWS) * usize_of(bits) * RUN_ROWS / 8);
    for run in numbers.chunks(RUN_ROWS) {
        for bit in (0..bits).rev() {
            let mut words = [0u64; RUN_WORDS];
            for (word, numbers) in words.iter_mut().zip(run.chunks(64)) {
                let ones = numbers.iter().zip(0u32..);
                *word =
                    ones.fold(0, |word, (number, at)| word | u64::from(*number >> bit & 1) << at);
            }
            out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
    }
    out
}

/// The value with which each bucket but the first begins, filled up with the largest there is. A value
/// that makes up a bucket's share has one of its own.
fn starts(values: &[u64]) -> [u64; BUCKETS_MAX] {
    let mut sample: Vec<u64> = values.iter().copied().step_by(SAMPLED).collect();
    sample.sort_unstable();
    let share = |part: usize| sample.get(part * sample.len() / BUCKETS_MAX).copied();
    let mut starts = [u64::MAX; BUCKETS_MAX];
    let mut before = None;
    let mut slots = starts.iter_mut();
    for start in (1..BUCKETS_MAX).filter_map(share) {
        let next = match before {
            // The third of the same and those after it have nothing to add.
            Some(before) if start < before => continue,
            Some(before) if start == before => start.saturating_add(1),
            _ => start,
        };
        before = Some(next);
        if let Some(slot) = slots.next() {
            *slot = next;
        }
    }
    starts
}

/// For each value how many starts are not after it: a search of as many steps for all.
fn numbers_of(values: &[u64], starts: &[u64; BUCKETS_MAX]) -> Vec<u8> {
    let number = |value: &u64| {
        let mut at = 0;
        for step in (0..u8::BITS).rev().map(|bit| 1 << bit) {
            let start = starts.get(at + step - 1).copied().unwrap_or(u64::MAX);
            at += if start <= *value { step } else { 0 };
        }
        low_u8(u64_of(at))
    };
    values.iter().map(number).collect()
}

/// Numbers the buckets that have values one after another; their smallest and largest values.
fn renumber(values: &[u64], numbers: &mut [u8]) -> Vec<(u64, u64)> {
    let mut bounds = [(u64::MAX, 0u64); BUCKETS_MAX];
    for (value, number) in values.iter().zip(&*numbers) {
        if let Some((least, most)) = bounds.get_mut(usize::from(*number)) {
            (*least, *most) = ((*least).min(*value), (*most).max(*value));
        }
    }
    let is_used = |bounds: &&(u64, u64)| bounds.0 <= bounds.1;
    let used: Vec<(u64, u64)> = bounds.iter().filter(is_used).copied().collect();
    if used.len() < BUCKETS_MAX {
        let mut next = 0u64;
        let new = bounds.each_ref().map(|bounds| {
            let number = low_u8(next);
            next += u64::from(is_used(&bounds));
            number
        });
        for number in numbers {
            *number = new.get(usize::from(*number)).copied().unwrap_or(0);
        }
    }
    used
}
