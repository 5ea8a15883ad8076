//! For each value of a column, the rows that have it. Bytes: a form; then either, where every value
//! has exactly one row, those rows as packed integers; or packed offsets (one more than values) and the
//! row sets one after another. A set is a tag and either ascending differences as varints, or a
//! roaring bitmap in its portable format (github.com/RoaringBitmap/RoaringFormatSpec).
//! Invariant: a set is never empty; of both forms of a set the smaller is stored.

use roaring::RoaringBitmap;

use crate::codec::bytes::{Malformed, Reader, put_varint};
use crate::codec::cast::{u32_of, u64_of, usize_of};
use crate::codec::packed;

/// Every value has exactly one row.
pub(crate) const FORM_SINGLE: u8 = 1;
/// Row sets with offsets.
pub(crate) const FORM_SETS: u8 = 2;
const TAG_LIST: u8 = 1;
const TAG_BITMAP: u8 = 2;
/// Lists beyond this many rows are never smaller than a bitmap.
const LIST_ROWS_MAX: usize = 4096;

/// Appends the postings of a column whose `rows` (ascending) have the values `numbers`.
pub(crate) fn encode(rows: &[u32], numbers: &[u32], values: usize, out: &mut Vec<u8>) {
    let grouped = group(rows, numbers, values);
    if rows.len() == values {
        out.push(FORM_SINGLE);
        let singles: Vec<u64> = grouped.rows.iter().map(|row| u64::from(*row)).collect();
        packed::encode(&singles, out);
        return;
    }
    out.push(FORM_SETS);
    let mut sets = Vec::new();
    let mut offsets = vec![0];
    for bounds in grouped.starts.windows(2) {
        let (first, last) = (bounds.first().copied(), bounds.last().copied());
        let range = usize_of(first.unwrap_or(0))..usize_of(last.unwrap_or(0));
        encode_set(grouped.rows.get(range).unwrap_or_default(), &mut sets);
        offsets.push(u64_of(sets.len()));
    }
    packed::encode(&offsets, out);
    out.extend_from_slice(&sets);
}

struct Grouped {
    /// Where each value's rows start, and the end of the last.
    starts: Vec<u32>,
    /// Rows by value, ascending within one.
    rows: Vec<u32>,
}

fn group(rows: &[u32], numbers: &[u32], values: usize) -> Grouped {
    let mut starts = vec![0u32; values + 1];
    for number in numbers {
        if let Some(count) = starts.get_mut(usize_of(*number) + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut next = starts.clone();
    let mut grouped = vec![0u32; rows.len()];
    for (row, number) in rows.iter().zip(numbers) {
        if let Some(at) = next.get_mut(usize_of(*number)) {
            if let Some(slot) = grouped.get_mut(usize_of(*at)) {
                *slot = *row;
            }
            *at += 1;
        }
    }
    Grouped { starts, rows: grouped }
}

/// Appends one set of ascending rows.
fn encode_set(rows: &[u32], out: &mut Vec<u8>) {
    let bitmap = bitmap_of(rows);
    let bitmap_len = bitmap.serialized_size();
    let start = out.len();
    if rows.len() <= LIST_ROWS_MAX {
        out.push(TAG_LIST);
        let mut last = 0;
        for row in rows {
            put_varint(out, u64::from(row - last));
            last = *row;
        }
        if out.len() - start <= bitmap_len + 1 {
            return;
        }
        out.truncate(start);
    }
    out.push(TAG_BITMAP);
    put_bitmap(&bitmap, out);
}

/// A bitmap of ascending rows, in its smallest form.
pub(crate) fn bitmap_of(rows: &[u32]) -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::from_sorted_iter(rows.iter().copied()).unwrap_or_default();
    bitmap.optimize();
    bitmap
}

/// Appends a bitmap in roaring's portable format.
pub(crate) fn put_bitmap(bitmap: &RoaringBitmap, out: &mut Vec<u8>) {
    let before = out.len();
    if bitmap.serialize_into(&mut *out).is_err() {
        // Writing to memory cannot fail; an empty run would be noticed by the reader.
        out.truncate(before);
    }
}

/// A bitmap from roaring's portable format, if all of its rows are below `rows_max`.
pub(crate) fn bitmap_from(bytes: &[u8], rows_max: u32) -> Result<RoaringBitmap, Malformed> {
    let bitmap = RoaringBitmap::deserialize_from(bytes)
        .map_err(|error| Malformed::new(0, format!("a roaring bitmap: {error}")))?;
    match bitmap.max() {
        Some(max) if max >= rows_max => {
            Err(Malformed::new(0, format!("row {max} in a table of {rows_max}")))
        }
        _ => Ok(bitmap),
    }
}

/// One set, from its bytes.
pub(crate) fn decode_set(bytes: &[u8], rows_max: u32) -> Result<RoaringBitmap, Malformed> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        TAG_BITMAP => {
            let mut rows = bitmap_from(bytes.get(1..).unwrap_or_default(), rows_max)?;
            shorten_runs(&mut rows);
            Ok(rows)
        }
        TAG_LIST => {
            let mut rows = RoaringBitmap::new();
            let mut row = 0u64;
            while !reader.is_at_end() {
                let at = reader.offset();
                row = row.saturating_add(reader.varint()?);
                let fits = u32_of(crate::codec::cast::usize_of_u64(row)).filter(|r| *r < rows_max);
                let pushed = fits.is_some_and(|row| rows.try_push(row).is_ok());
                if !pushed {
                    return Err(Malformed::new(at, format!("row {row} in a table of {rows_max}")));
                }
            }
            Ok(rows)
        }
        other => Err(Malformed::new(0, format!("posting tag {other}"))),
    }
}

/// Runs are small in a file, but short ones are slow to read and to unite: where runs are short on
/// average, the set is kept in memory without them.
fn shorten_runs(rows: &mut RoaringBitmap) {
    /// Bytes of a run in roaring's format.
    const RUN_LEN: u64 = 4;
    /// Runs longer than this on average stay.
    const SHORT_RUN_ROWS: u64 = 32;
    let statistics = rows.statistics();
    let runs = statistics.n_bytes_run_containers / RUN_LEN;
    if u64::from(statistics.n_values_run_containers) < runs.saturating_mul(SHORT_RUN_ROWS) {
        rows.remove_run_compression();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sets_come_back(rows in prop::collection::btree_set(0u32..200_000, 1..6000)) {
            let rows: Vec<u32> = rows.into_iter().collect();
            let mut bytes = Vec::new();
            encode_set(&rows, &mut bytes);
            let decoded = decode_set(&bytes, 200_000).unwrap();
            prop_assert_eq!(decoded.iter().collect::<Vec<_>>(), rows);
        }

        #[test]
        fn arbitrary_sets_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let outcome = decode_set(&bytes, 1000);
            prop_assert!(outcome.is_err() || outcome.is_ok_and(|rows| rows.max() < Some(1000)));
        }
    }
}
