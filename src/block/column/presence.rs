//! Which rows have a value of a column. Rows that have values of the same columns have one *shape*: the
//! section begins with the shape of each row as packed integers, where that is smaller than the sets of
//! rows, and a column names the shapes that have it. Bytes of a column: a form; then the shapes as bits,
//! or a roaring bitmap of the rows. Columns of the same rows share their bytes. Invariant: both forms
//! say exactly which rows have a value.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::directory::Run;
use super::reader::ColumnReader;
use super::row_bits::{Filling, RowBits, for_each_row};
use crate::block::error::BlockError;
use crate::block::format::{Part, Section};
use crate::block::packed::Packed;
use crate::codec::bytes::Malformed;
use crate::codec::cast::{u32_of, u64_of, usize_of, usize_of_u64};
use crate::codec::packed;

/// A roaring bitmap of the rows.
pub(crate) const PRESENCE_ROWS: u8 = 1;
/// The shapes that have a value, a bit each.
pub(crate) const PRESENCE_SHAPES: u8 = 2;
/// Of more shapes than this nothing is to be gained.
const SHAPES_MAX: usize = 1 << 12;
/// A column whose set of rows takes less than a byte for so many rows of the table is no part of shapes.
const SMALL_SHARE: usize = 64;

/// Appends the presences of columns with these rows (ascending) to a section that is empty, and says
/// where each lies; nowhere for those that every row has.
pub(super) fn encode(columns: &[&[u32]], table_rows: usize, out: &mut Vec<u8>) -> Vec<Run> {
    let (distinct, numbers) = distinct(columns);
    let mut chosen: Vec<Vec<u8>> =
        distinct.iter().map(|rows| set_bytes(rows, table_rows)).collect();
    let (mut large, mut sets_len) = (Vec::new(), 0);
    for (set, rows) in chosen.iter_mut().zip(&distinct) {
        if set.len() * SMALL_SHARE > table_rows {
            sets_len += set.len();
            large.push((set, *rows));
        }
    }
    let large_rows: Vec<&[u32]> = large.iter().map(|(_, rows)| *rows).collect();
    if let Some(shapes) = Shapes::of(&large_rows, table_rows) {
        let mut bytes = Vec::new();
        packed::encode(&shapes.of_row, &mut bytes);
        let bits: Vec<Vec<u8>> = large_rows.iter().map(|rows| shapes.bits(rows)).collect();
        let bits_len: usize = bits.iter().map(Vec::len).sum();
        if bytes.len() + bits_len < sets_len {
            out.append(&mut bytes);
            for ((set, _), bits) in large.into_iter().zip(bits) {
                *set = bits;
            }
        }
    }
    let put = |bytes: &Vec<u8>| -> Run {
        if bytes.is_empty() {
            return Run::default();
        }
        let run = Run { offset: u64_of(out.len()), len: u64_of(bytes.len()) };
        out.extend_from_slice(bytes);
        run
    };
    let runs: Vec<Run> = chosen.iter().map(put).collect();
    numbers.iter().map(|number| runs.get(*number).copied().unwrap_or_default()).collect()
}

/// The lists of rows that differ, and which of them each column has: attributes mostly come together.
fn distinct<'r>(columns: &[&'r [u32]]) -> (Vec<&'r [u32]>, Vec<usize>) {
    let mut known: BTreeMap<&[u32], usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    let number = |rows: &&'r [u32]| {
        *known.entry(rows).or_insert_with(|| {
            distinct.push(*rows);
            distinct.len() - 1
        })
    };
    let numbers = columns.iter().map(number).collect();
    (distinct, numbers)
}

fn set_bytes(rows: &[u32], table_rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rows.len() < table_rows {
        let mut set = RoaringBitmap::from_sorted_iter(rows.iter().copied()).unwrap_or_default();
        set.optimize();
        bytes.reserve_exact(1 + set.serialized_size());
        bytes.push(PRESENCE_ROWS);
        if set.serialize_into(&mut bytes).is_err() {
            // Writing to memory cannot fail; nothing would be noticed by the reader.
            bytes.clear();
        }
    }
    bytes
}

/// The shapes of rows.
struct Shapes {
    of_row: Vec<u64>,
    /// A row of each.
    examples: Vec<u32>,
}

impl Shapes {
    /// Parts the rows by one column after the other.
    fn of(columns: &[&[u32]], table_rows: usize) -> Option<Self> {
        if columns.len() < 2 {
            return None;
        }
        let mut of_row = vec![0u32; table_rows];
        let mut count = 1;
        for rows in columns {
            // What the shapes so far are called where the column has a value.
            let mut with: Vec<u32> = vec![u32::MAX; usize_of(count)];
            for row in *rows {
                let Some(shape) = of_row.get_mut(usize_of(*row)) else { continue };
                let Some(with) = with.get_mut(usize_of(*shape)) else { continue };
                if *with == u32::MAX {
                    *with = count;
                    count += 1;
                }
                *shape = *with;
            }
            if usize_of(count) > SHAPES_MAX {
                return None;
            }
        }
        // Shapes are numbered anew by their first rows, for some have no rows left.
        let mut numbers = vec![u32::MAX; usize_of(count)];
        let mut examples = Vec::new();
        for (shape, row) in of_row.iter_mut().zip(0u32..) {
            let number = numbers.get_mut(usize_of(*shape))?;
            if *number == u32::MAX {
                *number = u32_of(examples.len())?;
                examples.push(row);
            }
            *shape = *number;
        }
        Some(Self { of_row: of_row.into_iter().map(u64::from).collect(), examples })
    }

    /// The bytes of a column with these rows.
    fn bits(&self, rows: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 1 + self.examples.len().div_ceil(8)];
        if let Some(form) = bytes.first_mut() {
            *form = PRESENCE_SHAPES;
        }
        for (row, shape) in self.examples.iter().zip(0usize..) {
            if rows.binary_search(row).is_ok()
                && let Some(byte) = bytes.get_mut(1 + shape / 8)
            {
                *byte |= 1 << (shape % 8);
            }
        }
        bytes
    }
}

/// The shapes that are wanted, a bit each; a table as large as there may be shapes, so that reading it needs no
/// look at its length.
struct Wanted(Box<[u8; SHAPES_MAX]>);

/// The shapes that are wanted, where there are few: a bit each.
fn few(bits: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..bits.len())?.copy_from_slice(bits);
    Some(u64::from_le_bytes(bytes))
}

impl Wanted {
    fn new(bits: &[u8]) -> Self {
        let mut table = Box::new([0; SHAPES_MAX]);
        let shapes = bits.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1));
        for (wanted, bit) in table.iter_mut().zip(shapes) {
            *wanted = bit;
        }
        Self(table)
    }

    #[inline]
    fn bit(&self, shape: u64) -> u64 {
        self.0.get(usize_of_u64(shape)).copied().map_or(0, u64::from)
    }
}

impl ColumnReader<'_> {
    /// The rows that have a value, of a column that not every row has.
    pub(super) fn read_presence(&self) -> Result<RoaringBitmap, BlockError> {
        let rows = self.read_by(|set| set, RowBits::into_rows)?;
        self.check_count(rows.len())?;
        Ok(rows)
    }

    /// The same as bits.
    pub(super) fn presence_bits(&self) -> Result<RowBits, BlockError> {
        let of_set = |set: RoaringBitmap| {
            let mut bits = RowBits::new(self.table_rows());
            for_each_row(&set, |row| bits.or(row, true));
            bits
        };
        let bits = self.read_by(of_set, |bits| bits)?;
        self.check_count(bits.count())?;
        Ok(bits)
    }

    fn check_count(&self, count: u64) -> Result<(), BlockError> {
        if count == u64::from(self.rows()) {
            return Ok(());
        }
        let what = format!("{count} rows, {} expected", self.rows());
        Err(self.corrupt(Part::Presence, what))
    }

    /// Reads a presence of either form.
    fn read_by<T>(
        &self,
        of_set: impl FnOnce(RoaringBitmap) -> T,
        of_bits: impl FnOnce(RowBits) -> T,
    ) -> Result<T, BlockError> {
        let run = self.run(|entry| entry.presence);
        let bytes = self.bytes(Part::Presence, run.offset, run.len)?;
        match bytes.split_first() {
            Some((&PRESENCE_ROWS, set)) => {
                let set = decode_set(set, self.table_rows())
                    .map_err(|cause| self.corrupt(Part::Presence, cause.to_string()))?;
                Ok(of_set(set))
            }
            Some((&PRESENCE_SHAPES, bits)) => Ok(of_bits(self.rows_of_shapes(bits)?)),
            other => {
                let what = format!("form {:?} of a presence", other.map(|(form, _)| form));
                Err(self.corrupt(Part::Presence, what))
            }
        }
    }

    fn rows_of_shapes(&self, bits: &[u8]) -> Result<RowBits, BlockError> {
        let shapes = self.shapes()?;
        if shapes.count() != usize_of(self.table_rows()) {
            let what = format!("shapes of {} rows of {}", shapes.count(), self.table_rows());
            return Err(self.corrupt(Part::Presence, what));
        }
        let mut rows = Filling::new(shapes.count());
        if let Some(wanted) = few(bits) {
            shapes.decode(|shape| rows.push(if shape < 64 { wanted >> shape & 1 } else { 0 }))?;
        } else {
            let wanted = Wanted::new(bits);
            shapes.decode(|shape| rows.push(wanted.bit(shape)))?;
        }
        Ok(rows.finish())
    }

    fn shapes(&self) -> Result<Packed<'_>, BlockError> {
        let (table, _) = self.place();
        let extent = self.block().extent(Section::Table(table, Part::Presence))?;
        let len = extent.map_or(0, |extent| extent.len);
        self.packed(Part::Presence, Run { offset: 0, len }, 0)
    }
}

/// A set of rows from roaring's portable format, if all of them are below `rows_max`.
fn decode_set(bytes: &[u8], rows_max: u32) -> Result<RoaringBitmap, Malformed> {
    let rows = RoaringBitmap::deserialize_from(bytes)
        .map_err(|error| Malformed::new(0, format!("a roaring bitmap: {error}")))?;
    match rows.max() {
        Some(max) if max >= rows_max => {
            Err(Malformed::new(0, format!("row {max} in a table of {rows_max}")))
        }
        _ => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shapes_say_which_rows_have_a_value(
            kinds in prop::collection::vec(0u8..64, 1..500),
            columns in prop::collection::vec(any::<u64>(), 2..20),
        ) {
            let rows: Vec<Vec<u32>> = columns
                .iter()
                .map(|kinds_of| {
                    let has = |(_, kind): &(u32, &u8)| kinds_of >> **kind & 1 == 1;
                    (0u32..).zip(&kinds).filter(has).map(|(row, _)| row).collect()
                })
                .collect();
            let slices: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
            let shapes = Shapes::of(&slices, kinds.len()).unwrap();
            for rows in slices {
                let bits = shapes.bits(rows);
                let has = |shape: usize| bits[1 + shape / 8] >> (shape % 8) & 1 == 1;
                let found: Vec<u32> = (0u32..)
                    .zip(&shapes.of_row)
                    .filter(|(_, shape)| has(usize::try_from(**shape).unwrap()))
                    .map(|(row, _)| row)
                    .collect();
                prop_assert_eq!(&found, rows);
            }
        }

        #[test]
        fn arbitrary_sets_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let outcome = decode_set(&bytes, 1000);
            prop_assert!(outcome.is_err() || outcome.is_ok_and(|rows| rows.max() < Some(1000)));
        }
    }

    #[test]
    fn columns_of_the_same_rows_share_their_bytes() {
        let (some, others): (Vec<u32>, Vec<u32>) = (0..3000).partition(|row| row % 3 == 0);
        let all: Vec<u32> = (0..3000).collect();
        let mut out = Vec::new();
        let runs = encode(&[&some, &others, &some, &all], 3000, &mut out);
        assert_eq!((runs[0], runs[3]), (runs[2], Run::default()));
        assert_ne!(runs[0], runs[1]);
        assert!(out.len() < 800, "{}", out.len());
    }
}
