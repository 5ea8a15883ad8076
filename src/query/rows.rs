//! Sets of rows. Invariant: no container of the bitmap inside is one run over all its 65,536 rows,
//! because roaring 0.12's `next_many` passes over such a container; every constructor sees to that.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use roaring::RoaringBitmap;

use crate::codec::cast;
use crate::query::bits::Bits;
use crate::query::cursor::Cursor;
use crate::query::distant::Distant;
use crate::query::few;

pub(crate) use crate::query::cursor::gallop;

/// How many rows are read from a bitmap at once.
pub(crate) const BATCH: usize = 512;

/// A set of rows of one block (or of its events, or its links), as a bitmap of containers, as flat
/// words of bits, or as a list where there are few. The one is made of the other when it is first asked
/// for, and kept. A clone costs one reference count, so sets from caches are shared without copying.
#[derive(Debug, Clone)]
pub(crate) struct Rows(Arc<Forms>);

/// The forms of a set: one at least is there.
#[derive(Debug, Default)]
struct Forms {
    bitmap: OnceLock<Arc<RoaringBitmap>>,
    bits: OnceLock<Bits>,
    few: OnceLock<Vec<u32>>,
    /// Of a set that is kept and has more than a few, once asked for; then `None` where there would be too many.
    distant: Option<OnceLock<Option<Distant>>>,
    /// Whether the memory of `distant` is charged, or about to be.
    is_charged: AtomicBool,
    len: OnceLock<u64>,
}

impl Default for Rows {
    fn default() -> Self {
        Self::of_bits(Bits::over(0..0))
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.bits().minus(other.bits()).is_empty()
    }
}

impl Rows {
    /// The rows of `bitmap`.
    pub(crate) fn new(mut bitmap: RoaringBitmap) -> Self {
        if has_full_run(&bitmap) {
            bitmap.remove_run_compression();
        }
        Self::of_bitmap(Arc::new(bitmap))
    }

    /// The rows of a shared bitmap; copied only where it holds a run over a whole container.
    pub(crate) fn from_shared(bitmap: Arc<RoaringBitmap>) -> Self {
        if has_full_run(&bitmap) {
            return Self::new(RoaringBitmap::clone(&bitmap));
        }
        Self::of_bitmap(bitmap)
    }

    fn of_bitmap(bitmap: Arc<RoaringBitmap>) -> Self {
        Self(Arc::new(Forms { bitmap: OnceLock::from(bitmap), ..Forms::default() }))
    }

    /// The rows of flat bits.
    pub(super) fn of_bits(bits: Bits) -> Self {
        Self(Arc::new(Forms { bits: OnceLock::from(bits), ..Forms::default() }))
    }

    /// The rows of flat bits, of which it is known how many there are.
    pub(crate) fn counted(bits: Bits, len: u64) -> Self {
        let (bits, len) = (OnceLock::from(bits), OnceLock::from(len));
        Self(Arc::new(Forms { bits, len, ..Forms::default() }))
    }

    /// No rows.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// All rows of `range`.
    pub(crate) fn range(range: Range<u32>) -> Self {
        Self::of_bits(if range.is_empty() { Bits::over(0..0) } else { Bits::range(range) })
    }

    /// The rows of a list that should ascend without repetitions; where what it was made of is damaged, it
    /// may not.
    pub(crate) fn from_sorted(rows: &[u32]) -> Self {
        if rows.is_sorted_by(|one, next| one < next) {
            Self::of_list(Cow::Borrowed(rows))
        } else {
            Self::from_unsorted(rows.to_vec())
        }
    }

    /// The rows of a list that ascends without repetitions, as what is left of such a list does.
    pub(crate) fn from_list(rows: Vec<u32>) -> Self {
        Self::of_list(Cow::Owned(rows))
    }

    fn of_list(rows: Cow<'_, [u32]>) -> Self {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Self::empty() };
        let width = cast::usize_of(last.saturating_sub(*first)) + 1;
        if rows.len() >= DENSE_MIN && rows.len().saturating_mul(DENSE_SHARE) >= width {
            return Bits::of_list(&rows).into_rows();
        }
        Self(Arc::new(Forms { few: OnceLock::from(rows.into_owned()), ..Forms::default() }))
    }

    /// The rows of a list in any order.
    pub(crate) fn from_unsorted(mut rows: Vec<u32>) -> Self {
        let first = rows.iter().min().copied().unwrap_or(0);
        let end = rows.iter().max().map_or(0, |last| last.saturating_add(1));
        if rows.len().saturating_mul(DENSE_SHARE) < cast::usize_of(end.saturating_sub(first)) {
            rows.sort_unstable();
            rows.dedup();
            return Self::from_sorted(&rows);
        }
        let mut bits = Bits::over(first..end);
        for row in rows {
            bits.set(row);
        }
        bits.into_rows()
    }

    /// The union of ascending, disjoint ranges.
    pub(crate) fn from_ranges(ranges: impl Iterator<Item = Range<u32>>) -> Self {
        let mut bitmap = RoaringBitmap::new();
        for range in ranges.filter(|range| !range.is_empty()) {
            bitmap.insert_range(range);
        }
        Self::new(bitmap)
    }

    /// The rows as a bitmap.
    pub(crate) fn bitmap(&self) -> &RoaringBitmap {
        self.shared()
    }

    /// The same, to be kept by others too.
    pub(crate) fn shared(&self) -> &Arc<RoaringBitmap> {
        self.0.bitmap.get_or_init(|| {
            if let Some(list) = self.few() {
                let mut bitmap = RoaringBitmap::new();
                // The count of rows taken says nothing more than the bitmap.
                let _taken = bitmap.append(list.iter().copied());
                return Arc::new(bitmap);
            }
            let mut bitmap = self.bits().to_bitmap();
            if has_full_run(&bitmap) {
                bitmap.remove_run_compression();
            }
            Arc::new(bitmap)
        })
    }

    /// The rows as flat bits: an eighth of a byte for each row from the first to the last.
    pub(crate) fn bits(&self) -> &Bits {
        self.0.bits.get_or_init(|| match (self.few(), self.0.bitmap.get()) {
            (Some(list), _) => Bits::of_list(list),
            (None, Some(bitmap)) => Bits::of(bitmap),
            (None, None) => Bits::over(0..0),
        })
    }

    /// A list of the rows, where they are few and it is there already.
    pub(crate) fn few(&self) -> Option<&[u32]> {
        self.0.few.get().map(Vec::as_slice)
    }

    /// What is left to look up of the parents of a set that is [`settled`](Self::settled), made when it is first
    /// asked for and kept, so `make` has to take the parents of the block that the rows are of; `None` of other
    /// sets, and where `make` makes none.
    pub(crate) fn distant(&self, make: impl FnOnce(&Bits) -> Option<Distant>) -> Option<&Distant> {
        self.0.distant.as_ref()?.get_or_init(|| make(self.bits())).as_ref()
    }

    fn made_distant(&self) -> Option<&Distant> {
        self.0.distant.as_ref().and_then(OnceLock::get).and_then(Option::as_ref)
    }

    /// True when it is first asked after [`Self::distant`] was made and takes memory, and false ever after: whoever
    /// hears that charges it.
    pub(crate) fn take_growth(&self) -> bool {
        let has_grown = self.made_distant().is_some_and(|distant| distant.bytes_len() > 0);
        has_grown && !self.0.is_charged.swap(true, Ordering::Relaxed)
    }

    /// A list of the rows, where there are fewer than words of bits from the first to the last.
    pub(crate) fn listed(&self) -> Option<Cow<'_, [u32]>> {
        if let Some(list) = self.few() {
            return Some(Cow::Borrowed(list));
        }
        let words = cast::u64_of(self.bits().span().len());
        (self.len() < words).then(|| Cow::Owned(self.to_vec()))
    }

    /// The same as what passes over the rows read, and no more: bits, and a list where there are few, or room for
    /// what is [`distant`](Self::distant).
    pub(crate) fn settled(self) -> Self {
        let (bits, len) = (self.bits(), self.len());
        let is_few = len < cast::u64_of(bits.span().len()) / 2;
        let few = if is_few { OnceLock::from(self.to_vec()) } else { OnceLock::new() };
        let distant = (!is_few).then(OnceLock::new);
        let (bits, len) = (OnceLock::from(bits.clone()), OnceLock::from(len));
        Self(Arc::new(Forms { bits, few, distant, len, ..Forms::default() }))
    }

    /// The flat bits, where they are there already.
    pub(crate) fn flat(&self) -> Option<&Bits> {
        self.0.bits.get()
    }

    /// The bits of both sets, where those of one are there: the other's are then worth making.
    fn both_flat<'a>(&'a self, other: &'a Self) -> Option<(&'a Bits, &'a Bits)> {
        let is_flat = self.flat().is_some() || other.flat().is_some();
        is_flat.then(|| (self.bits(), other.bits()))
    }

    /// How many rows there are. Counted when it is first asked for.
    pub(crate) fn len(&self) -> u64 {
        *self.0.len.get_or_init(|| match (self.few(), self.flat()) {
            (Some(list), _) => cast::u64_of(list.len()),
            (None, Some(bits)) => bits.count(),
            (None, None) => self.bitmap().len(),
        })
    }

    /// True where there are none.
    pub(crate) fn is_empty(&self) -> bool {
        match (self.0.len.get(), self.few(), self.flat()) {
            (Some(len), ..) => *len == 0,
            (None, Some(list), _) => list.is_empty(),
            (None, None, Some(bits)) => bits.is_empty(),
            (None, None, None) => self.bitmap().is_empty(),
        }
    }

    /// True where `row` is one of them.
    pub(crate) fn contains(&self, row: u32) -> bool {
        match (self.flat(), self.few()) {
            (Some(bits), _) => bits.get(row),
            (None, Some(list)) => list.binary_search(&row).is_ok(),
            (None, None) => self.bitmap().contains(row),
        }
    }

    /// The first row and the row after the last; an empty range where there are none.
    pub(crate) fn bounds(&self) -> Range<u32> {
        if let Some(list) = self.few() {
            return few::bounds(list);
        }
        if self.0.len.get() == Some(&0) {
            return 0..0;
        }
        if let Some(bits) = self.flat() {
            return bits.bounds();
        }
        match (self.bitmap().min(), self.bitmap().max()) {
            (Some(first), Some(last)) => first..last.saturating_add(1),
            _ => 0..0,
        }
    }

    /// The rows of both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        if Arc::ptr_eq(&self.0, &other.0) {
            return self.clone();
        }
        if self.is_empty() || other.is_empty() {
            return Self::empty();
        }
        match (self.few(), other.few()) {
            (Some(list), Some(others)) if list.len() > others.len() => {
                return self.part_of(others, true);
            }
            (Some(list), _) => return other.part_of(list, true),
            (None, Some(list)) => return self.part_of(list, true),
            (None, None) => {}
        }
        match self.both_flat(other) {
            Some((own, other)) => Self::of_bits(own.and(other)),
            None => Self::new(self.bitmap() & other.bitmap()),
        }
    }

    /// The rows of either.
    pub(crate) fn or(&self, other: &Self) -> Self {
        if other.is_empty() || Arc::ptr_eq(&self.0, &other.0) {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        if let (Some(list), Some(others)) = (self.few(), other.few()) {
            return Self::from_list(few::either(list, others));
        }
        match self.both_flat(other) {
            Some((own, other)) => Self::of_bits(own.with(other)),
            None => Self::new(self.bitmap() | other.bitmap()),
        }
    }

    /// The rows that are not in `other`.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        if Arc::ptr_eq(&self.0, &other.0) {
            return Self::empty();
        }
        if let Some(list) = self.few() {
            return other.part_of(list, false);
        }
        match self.both_flat(other) {
            Some((own, other)) => Self::of_bits(own.minus(other)),
            None => Self::new(self.bitmap() - other.bitmap()),
        }
    }

    /// The rows of a list that are in the set, or those that are not.
    fn part_of(&self, list: &[u32], wanted: bool) -> Self {
        Self::from_list(match (self.flat(), self.few()) {
            (Some(bits), _) => few::select(list, |row| bits.get(row) == wanted),
            (None, Some(others)) => few::part(list, others, wanted),
            (None, None) => few::select(list, |row| self.bitmap().contains(row) == wanted),
        })
    }

    /// The rows of `range` that are not in the set.
    pub(crate) fn complement(&self, range: Range<u32>) -> Self {
        Self::range(range).minus(self)
    }

    /// The rows that lie in `range`; shared where all do.
    pub(crate) fn within(&self, range: Range<u32>) -> Self {
        let bounds = self.bounds();
        if range.start <= bounds.start && bounds.end <= range.end {
            return self.clone();
        }
        if range.is_empty() || range.end <= bounds.start || bounds.end <= range.start {
            return Self::empty();
        }
        if let Some(list) = self.few() {
            return Self::from_sorted(few::within(list, &range));
        }
        if let Some(bits) = self.flat() {
            return Self::of_bits(bits.within(range));
        }
        let mut bitmap = self.bitmap().clone();
        bitmap.remove_range(..range.start);
        bitmap.remove_range(range.end..);
        Self::new(bitmap)
    }

    /// How many rows lie in `range`.
    pub(crate) fn count_in(&self, range: Range<u32>) -> u64 {
        match (self.few(), self.flat()) {
            _ if range.is_empty() => 0,
            (Some(list), _) => cast::u64_of(few::within(list, &range).len()),
            (None, Some(_)) => self.within(range).len(),
            (None, None) => self.bitmap().range_cardinality(range),
        }
    }

    /// A reader of all rows, ascending.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        match (self.few(), self.flat()) {
            (Some(list), _) => Cursor::of_list(list),
            (None, Some(bits)) => Cursor::of_bits(bits),
            (None, None) => Cursor::of_bitmap(self.bitmap()),
        }
    }

    /// Calls `visit` with all rows, ascending, in batches of at most [`BATCH`].
    pub(crate) fn for_each_batch(&self, mut visit: impl FnMut(&[u32])) {
        if let Some(list) = self.few() {
            return list.chunks(BATCH).for_each(visit);
        }
        if let Some(bits) = self.flat() {
            return bits.for_each_batch(self.len(), visit);
        }
        let mut batch = [0; BATCH];
        let mut rows = self.bitmap().iter();
        loop {
            let filled = rows.next_many(&mut batch);
            if filled.is_empty() {
                return;
            }
            visit(filled);
        }
    }

    /// Like [`Rows::for_each_batch`], ending at the first error.
    pub(crate) fn try_for_each_batch<E>(
        &self,
        mut visit: impl FnMut(&[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(list) = self.few() {
            return list.chunks(BATCH).try_for_each(visit);
        }
        if let Some(bits) = self.flat() {
            return bits.try_for_each_batch(self.len(), visit);
        }
        let mut batch = [0; BATCH];
        let mut rows = self.bitmap().iter();
        loop {
            let filled = rows.next_many(&mut batch);
            if filled.is_empty() {
                return Ok(());
            }
            visit(filled)?;
        }
    }

    /// All rows in a list: four bytes each.
    pub(crate) fn to_vec(&self) -> Vec<u32> {
        let mut all = Vec::with_capacity(cast::usize_of_u64(self.len()));
        self.for_each_batch(|batch| all.extend_from_slice(batch));
        all
    }

    /// The last row before `end`.
    pub(crate) fn last_before(&self, end: u32) -> Option<u32> {
        match (self.few(), self.flat()) {
            (Some(list), _) => few::within(list, &(0..end)).last().copied(),
            (None, Some(bits)) => bits.last_before(end),
            (None, None) => self.bitmap().range(..end).next_back(),
        }
    }

    /// Bytes of memory that all forms of a set that is not settled take together, those that are yet to be made
    /// among them.
    pub(crate) fn bytes_max(&self) -> usize {
        let bounds = self.bounds();
        let flat = cast::usize_of(bounds.end.saturating_sub(bounds.start)) / 8;
        // A container of a bitmap takes two bytes a row, or a bit for each row there may be.
        self.few().map_or(0, size_of_val)
            + flat
            + flat.min(cast::usize_of_u64(self.len().saturating_mul(2)))
    }

    /// Bytes of memory that the forms take that are there.
    pub(crate) fn bytes_len(&self) -> usize {
        let list = self.few().map_or(0, size_of_val);
        let bitmap = self.0.bitmap.get().map_or(0, |bitmap| bitmap.serialized_size());
        let distant = self.made_distant().map_or(0, Distant::bytes_len);
        list + self.flat().map_or(0, Bits::bytes_len) + bitmap + distant
    }
}

/// Lists shorter than this stay lists.
const DENSE_MIN: usize = 1024;

/// Longer ones with at least one row in so many become bits.
const DENSE_SHARE: usize = 256;

fn has_full_run(bitmap: &RoaringBitmap) -> bool {
    let statistics = bitmap.statistics();
    statistics.n_values_run_containers >= 1 << 16
}

impl FromIterator<u32> for Rows {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        Self::new(rows.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Rows at and around the ends of words and containers, and others.
    fn near_borders() -> impl Strategy<Value = u32> {
        let near =
            |step: u32| (0..3u32, 0..3u32).prop_map(move |(at, by)| (at * step + by).max(1) - 1);
        prop_oneof![near(64), near(65_536), 0u32..150_000]
    }

    #[test]
    fn batches_do_not_lose_a_full_container_of_a_run() {
        for range in [0..200_000, 65_536..131_072, 3..65_536] {
            let rows = Rows::range(range.clone());
            assert_eq!(rows.to_vec(), range.clone().collect::<Vec<_>>());
            let mut bitmap = RoaringBitmap::new();
            bitmap.insert_range(range.clone());
            bitmap.optimize();
            assert_eq!(Rows::from_shared(Arc::new(bitmap)).to_vec(), range.collect::<Vec<_>>());
        }
    }

    proptest! {
        #[test]
        fn sets_are_what_their_rows_are(
            rows in proptest::collection::btree_set(0u32..200_000, 0..3000),
            start in 0u32..200_000, length in 0u32..100_000,
        ) {
            let list: Vec<u32> = rows.iter().copied().collect();
            let set = Rows::from_sorted(&list);
            prop_assert_eq!(set.to_vec(), list.clone());
            let backwards = Rows::from_unsorted(list.iter().rev().copied().collect());
            prop_assert_eq!(backwards.to_vec(), list.clone());
            let range = start..start + length;
            let inside: Vec<u32> = list.iter().copied().filter(|row| range.contains(row)).collect();
            prop_assert_eq!(set.within(range.clone()).to_vec(), inside.clone());
            prop_assert_eq!(set.count_in(range.clone()), cast::u64_of(inside.len()));
            let mut cursor = set.cursor();
            cursor.peek();
            cursor.advance_to(start);
            prop_assert_eq!(cursor.peek(), list.iter().copied().find(|row| *row >= start));
        }

        #[test]
        fn bitmaps_and_bits_are_the_same_sets(
            one in proptest::collection::btree_set(near_borders(), 0..60),
            other in proptest::collection::btree_set(near_borders(), 0..60),
            run in 0u32..140_000, length in prop_oneof![Just(0u32), 1u32..200, Just(66_000)],
            (first, second) in (0u8..4, 0u8..4),
            start in near_borders(), end in near_borders(),
        ) {
            let mut one = one;
            one.extend(run..run + length);
            let form = |rows: &BTreeSet<u32>, form: u8| {
                let set: Rows = rows.iter().copied().collect();
                let list: Vec<u32> = rows.iter().copied().collect();
                match form {
                    0 => set,
                    1 => Bits::of(set.bitmap()).into_rows(),
                    2 => Rows(Arc::new(Forms { few: OnceLock::from(list), ..Forms::default() })),
                    _ => set.settled(),
                }
            };
            let (a, b) = (form(&one, first), form(&other, second));
            let list = |rows: &Rows| rows.to_vec();
            prop_assert_eq!(list(&a.and(&b)), one.intersection(&other).copied().collect::<Vec<_>>());
            prop_assert_eq!(list(&a.or(&b)), one.union(&other).copied().collect::<Vec<_>>());
            prop_assert_eq!(list(&a.minus(&b)), one.difference(&other).copied().collect::<Vec<_>>());
            let range = start..end.max(start);
            let inside: Vec<u32> = one.range(range.clone()).copied().collect();
            prop_assert_eq!(list(&a.within(range.clone())), inside.clone());
            prop_assert_eq!(a.count_in(range), cast::u64_of(inside.len()));
            prop_assert_eq!((a.len(), a.is_empty()), (cast::u64_of(one.len()), one.is_empty()));
            let bounds = one.first().zip(one.last()).map_or(0..0, |(first, last)| *first..last + 1);
            prop_assert_eq!(a.bounds(), bounds);
            prop_assert!(one.iter().all(|row| a.contains(*row)) && !a.contains(300_000));
            prop_assert_eq!(a.last_before(end), one.range(..end).next_back().copied());
            prop_assert_eq!(a.last_before(u32::MAX), one.last().copied());
            prop_assert_eq!(a == b, one == other);
            let mut cursor = a.cursor();
            let mut read = Vec::new();
            while let Some(row) = cursor.peek() {
                read.push(row);
                cursor.advance_to(row + 1);
            }
            prop_assert_eq!(read, one.into_iter().collect::<Vec<_>>());
            for others in 1..4 {
                let (another, bitmap) = (form(&other, others), form(&other, 0));
                prop_assert_eq!(another.bitmap(), bitmap.bitmap());
                prop_assert_eq!(another, bitmap);
            }
        }
    }
}
