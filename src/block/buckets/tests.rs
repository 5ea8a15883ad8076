//! What buckets answer is what a look at every value answers.

use std::ops::{Range, RangeInclusive};

use proptest::prelude::*;
use roaring::RoaringBitmap;

use super::encode::BUCKETS_ROWS_MIN;
use super::encode::encode;
use super::index::{Buckets, Marked};
use crate::block::format::Section;
use crate::block::tests::{block_from, block_of};
use crate::block::verify::block_faults;
use crate::codec::cast::{low_u32, u64_of, usize_of, usize_of_u64};
use crate::codec::packed;
use crate::id::{SpanId, TraceId};
use crate::model::Span;
use crate::time::Timestamp;

/// Values of many kinds: the same for all, few, as in practice, any.
fn values() -> impl Strategy<Value = Vec<u64>> {
    let rows = BUCKETS_ROWS_MIN..BUCKETS_ROWS_MIN + 1200;
    (rows, any::<u64>(), 0u32..64, prop_oneof![Just(1u64), 2u64..600, Just(u64::MAX)]).prop_map(
        |(rows, seed, shift, distinct)| {
            let mut state = seed;
            let mut next = || {
                state =
                    state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                state ^ state >> 31
            };
            (0..rows)
                .map(|_| match distinct {
                    // Every second value the same.
                    u64::MAX => (next() & 1).wrapping_neg() & (next() >> shift >> (next() % 16)),
                    distinct => (next() % distinct).wrapping_mul(seed | 1) >> shift,
                })
                .collect()
        },
    )
}

fn decoded(values: &[u64]) -> Buckets {
    Buckets::decode(&encode(values), u32::try_from(values.len()).unwrap()).unwrap()
}

fn found(
    buckets: &Buckets,
    values: &[u64],
    range: &RangeInclusive<u64>,
    window: &Range<u32>,
) -> RoaringBitmap {
    let member = |row: u32| (row, values.get(usize_of(row)).copied().unwrap());
    let members = |bucket| Ok(buckets.rows_of(bucket).map(member).collect());
    let marked = buckets.find(range, window, members).unwrap();
    let counted = match &marked {
        Marked::Few(rows) => Some(u64_of(rows.len())),
        Marked::Words { count, .. } => *count,
    };
    let rows = marked.into_rows();
    let is_all = *window == (0..low_u32(u64_of(values.len())));
    assert!(counted.map_or(!is_all, |count| count == rows.len()), "{range:?} in {window:?}");
    rows
}

fn looked_up(values: &[u64], range: &RangeInclusive<u64>, window: &Range<u32>) -> RoaringBitmap {
    let rows = values.iter().zip(0u32..);
    rows.filter(|(value, row)| range.contains(value) && window.contains(row))
        .map(|(_, row)| row)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_range_is_what_a_look_at_every_value_finds(
        values in values(),
        ends in prop::collection::vec((any::<prop::sample::Index>(), -1i64..2), 12),
        windows in prop::collection::vec((0u32..17_500, 0u32..17_500), 3),
    ) {
        let buckets = decoded(&values);
        let rows = u32::try_from(values.len()).unwrap();
        prop_assert_eq!(buckets.rows_in(&(0..low_u32(u64_of(buckets.bounds.len())))), u64::from(rows));
        let end = |(at, by): &(prop::sample::Index, i64)| at.get(&values).saturating_add_signed(*by);
        let mut ranges: Vec<_> = ends.windows(2).map(|pair| end(&pair[0])..=end(&pair[1])).collect();
        ranges.extend(ends.iter().map(|from| end(from)..=u64::MAX));
        ranges.extend(ends.iter().map(|to| 0..=end(to)));
        ranges.extend([0..=u64::MAX, u64::MAX..=u64::MAX, 0..=0]);
        let windows = windows.iter().map(|(a, b)| (*a).min(*b)..(*a).max(*b).min(rows));
        for window in windows.chain([0..rows, 0..0, rows..rows, rows - 1..rows]) {
            for range in &ranges {
                let expected = looked_up(&values, range, &window);
                prop_assert_eq!(found(&buckets, &values, range, &window), expected);
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_without_panic(
        values in values(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&values);
        for (at, byte, in_head) in edits {
            let len = if in_head { bytes.len().min(64) } else { bytes.len() };
            bytes[at.index(len)] = byte;
        }
        let rows = u32::try_from(values.len()).unwrap();
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            for rows in [rows, rows / 3, 0] {
                let Ok(buckets) = Buckets::decode(bytes, rows) else { continue };
                for range in [0..=0, 1000..=u64::MAX, 5..=values[0]] {
                    let member = |row| (row, 7);
                    let members = |bucket| Ok(buckets.rows_of(bucket).map(member).collect());
                    let rows_found = buckets.find(&range, &(3..rows), members).unwrap();
                    let rows_found = rows_found.into_rows();
                    prop_assert!(rows_found.max().is_none_or(|row| row < rows));
                }
            }
        }
    }
}

#[test]
fn buckets_that_say_of_more_or_fewer_rows_than_there_are_are_refused() {
    let values: Vec<u64> = (0..20_000).collect();
    let bytes = encode(&values);
    let mut heads = Vec::new();
    packed::decode(&bytes, |head| heads.push(head)).unwrap();
    let mut head = Vec::new();
    packed::encode(&heads, &mut head);
    for rows in [heads[2], heads[2] - 1, heads[2] + 1, 0, u64::MAX] {
        heads[2] = rows;
        let mut changed = Vec::new();
        packed::encode(&heads, &mut changed);
        changed.extend_from_slice(&bytes[head.len()..]);
        let is_right = changed == bytes;
        assert_eq!(Buckets::decode(&changed, 20_000).is_ok(), is_right, "{rows} rows");
    }
}

#[test]
fn few_values_have_no_buckets_and_many_have_as_many_as_fit() {
    let values: Vec<u64> = (0..40_000).collect();
    assert!(encode(&values[..BUCKETS_ROWS_MIN - 1]).is_empty());
    let buckets = decoded(&values);
    assert!(buckets.bounds.len() > 250, "{}", buckets.bounds.len());
    let largest = (0..250).map(|bucket| buckets.rows_in(&(bucket..bucket + 1))).max();
    assert!(largest.is_some_and(|rows| rows < 200), "{largest:?}");
    // One value takes no bits, and a common one shares its bucket with no other.
    assert_eq!(decoded(&vec![7; 20_000]).bits, 0);
    let common: Vec<u64> = (0..40_000).map(|row| if row % 3 == 0 { 20_000 } else { row }).collect();
    assert!(decoded(&common).bounds.contains(&(20_000, 20_000)));
}

#[test]
fn a_block_finds_durations_by_buckets_and_tells_of_damaged_ones() {
    let duration = |number: u64| number * number % 10_007;
    let spans: Vec<Span> = (0..17_000u64)
        .map(|number| Span {
            trace_id: TraceId::from_bytes((u128::from(number) + 1).to_le_bytes()),
            span_id: SpanId::from_bytes((number + 1).to_le_bytes()),
            start: Timestamp::from_unix_nanos(number),
            end: Timestamp::from_unix_nanos(number + duration(number)),
            ..Span::default()
        })
        .collect();
    let block = block_of(&spans, 5000);
    let values: Vec<u64> = (0..17_000).map(duration).collect();
    for (range, window) in
        [(9000..=20_000, 5..16_900), (7..=7, 0..17_000), (10_000..=10_006, 0..17_000)]
    {
        // The second time from the cache.
        for _ in 0..2 {
            let found = block.with_duration(&range, &window).unwrap().unwrap();
            assert_eq!(found.into_rows(), looked_up(&values, &range, &window));
        }
    }
    assert!(block_faults(&block).is_empty());
    let extent = block.extent(Section::DurationBuckets).unwrap().unwrap();
    let image = block.image().read(0, block.image().len).unwrap().to_vec();
    for at in [0, 4, extent.len / 2, extent.len - 1] {
        let mut image = image.clone();
        image[usize_of_u64(extent.offset + at)] ^= 1;
        let faults = block_faults(&block_from(image, 5000));
        assert!(faults.iter().any(|fault| fault.place == "duration buckets"), "{at}: {faults:?}");
    }
    let few = block_of(&spans[..100], 5000);
    assert!(few.with_duration(&(0..=1), &(0..100)).unwrap().is_none());
    assert!(block_faults(&few).is_empty());
}
