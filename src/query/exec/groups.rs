//! `by`: spansets split by a value. Invariant: groups are ordered by value, and rows ascend within a
//! group, whether values were compared themselves or by their places in a sorted list.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Execution;
use super::operand::Prepared;
use super::stages::{Found, NUMBERS_MAX, Set, VALUES_MAX};
use crate::codec::{cast, order};
use crate::query::plan::field::{Lookup, SERVICE_NAME, SpanField};
use crate::query::plan::filter::Operand;
use crate::query::plan::mirrored;
use crate::query::plan::pipeline::{Number, Stage};
use crate::query::rows::gallop;
use crate::query::source::{Column, Numbered, Source};
use crate::query::syntax::CompareOp;
use crate::query::value::{NumberRange, Scalar};

/// Which groups the stage after `by` keeps, where that follows from how many rows they have: others
/// need not be made.
pub(super) enum Kept {
    /// Any.
    All,
    /// Those of so many rows, by the order of bits.
    Count(NumberRange),
}

/// Up to so many different values, rows are counted value by value.
const COUNTED_MAX: usize = 32;

impl Kept {
    /// Those that `next` keeps, the stage after `by`.
    pub(super) fn by(next: Option<&Stage>) -> Self {
        let Some(Stage::Filter { left, op, right }) = next else { return Self::All };
        Self::counted(left, *op, right).unwrap_or(Self::All)
    }

    /// Those that a filter keeps; `None` where that takes more than their counts.
    pub(super) fn counted(left: &Number, op: CompareOp, right: &Number) -> Option<Self> {
        let (constant, op) = match (left, right) {
            (Number::Count, Number::Literal(constant)) => (constant, op),
            (Number::Literal(constant), Number::Count) => (constant, mirrored(op)),
            _ => return None,
        };
        // Of an array any element counts, so that what is kept need be no range.
        if matches!(constant, Scalar::Array(_)) {
            return None;
        }
        let count = |place| Scalar::Int(order::to_i64(place));
        Some(Self::Count(NumberRange::new(op, constant, count)))
    }

    /// True where groups of so many rows are kept.
    #[inline]
    pub(super) fn has(&self, rows: usize) -> bool {
        match self {
            Self::All => true,
            Self::Count(counts) => counts.contains(place_of(rows)),
        }
    }

    /// The count from which on all are kept, at least 1; `None` where it is not so.
    pub(super) fn least(&self) -> Option<u64> {
        let Self::Count(counts) = self else { return Some(1) };
        let (places, inside) = counts.values();
        let least = order::to_i64(*places.start()).max(1);
        (inside && *places.end() == place_of(usize::MAX))
            .then(|| u64::try_from(least).ok())
            .flatten()
    }

    /// The counts from 1 to `most` that are kept, where they follow one another and there is one.
    pub(super) fn range(&self, most: u8) -> Option<RangeInclusive<u8>> {
        let count = |place| u8::try_from(order::to_i64(place).max(1)).unwrap_or(u8::MAX).min(most);
        match self {
            Self::All => Some(1..=most),
            Self::Count(counts) => {
                let (places, inside) = counts.values();
                let range = count(*places.start())..=count(*places.end());
                let is_kept = inside && self.has(usize::from(*range.start()));
                (is_kept && self.has(usize::from(*range.end()))).then_some(range)
            }
        }
    }
}

fn place_of(rows: usize) -> u64 {
    order::of_i64(i64::try_from(rows).unwrap_or(i64::MAX))
}

impl<S: Source> Execution<'_, S> {
    /// Splits each spanset by the value of `operand`; leaves out groups that are not `kept`.
    pub(super) fn split(
        &mut self,
        name: &Arc<str>,
        operand: &Operand,
        found: Found,
        kept: &Kept,
    ) -> Result<Vec<Set>, S::Error> {
        let prepared = self.prepare(operand, &found.candidates)?;
        let all = found.rows().to_vec();
        if found.sets.is_none()
            && let Prepared::Field(field) = &prepared
            && let Some(groups) = self.split_traces(name, field, &all, kept)?
        {
            return Ok(groups);
        }
        let sets = self.sets_of(found)?;
        let mut groups = Vec::with_capacity(sets.len());
        // Values are computed for many rows at once: chunks of `all` that end with a trace.
        let mut sets = sets.into_iter().peekable();
        let mut rest = all.as_slice();
        while let Some(first) = rest.first() {
            let width = self.whole_traces_len(rest, VALUES_MAX)?;
            let (rows, after) = rest.split_at(width.min(rest.len()));
            let values = self.operand_values(&prepared, rows)?;
            let last = rows.last().unwrap_or(first);
            while let Some(set) = sets.next_if(|set| set.rows.first() <= Some(last)) {
                if self.stops_before(set.rows.len() * (1 + set.attributes.len())) {
                    return Ok(groups);
                }
                split_set(&set, name, rows, &values, (kept, &mut groups));
            }
            rest = after;
        }
        Ok(groups)
    }

    /// The same where each trace has one spanset, of `all`, and a column has value numbers: values are
    /// read of groups, not of rows. `None` where it has none.
    fn split_traces(
        &self,
        name: &Arc<str>,
        field: &SpanField,
        all: &[u32],
        kept: &Kept,
    ) -> Result<Option<Vec<Set>>, S::Error> {
        let starts = self.trace_starts()?;
        let mut groups = Groups { name, kept, made: Vec::new(), keyed: Vec::new() };
        let (mut rest, mut next) = (all, 0);
        while !rest.is_empty() {
            let width = self.whole_traces_len(rest, NUMBERS_MAX)?;
            let (mut rows, after) = rest.split_at(width.min(rest.len()));
            let Some(numbered) = self.numbered(field, rows)? else { return Ok(None) };
            let (places, values) = match numbered {
                Numbered::Listed { places, values } => sorted(places, &values),
                Numbered::Ordered(places) => (places, Vec::new()),
            };
            let (first_group, mut places) = (groups.made.len(), places.as_slice());
            while let Some(first) = rows.first() {
                next = gallop(&starts, next, first.saturating_add(1));
                let end = starts.get(next).copied().unwrap_or(u32::MAX);
                let width = gallop(rows, 0, end).max(1).min(rows.len());
                let ((set, others), (of_set, of_others)) =
                    (rows.split_at(width), places.split_at(width.min(places.len())));
                (rows, places) = (others, of_others);
                if self.stops_before(width) {
                    return Ok(Some(groups.made));
                }
                let trace = u32::try_from(next.saturating_sub(1)).unwrap_or(u32::MAX);
                groups.add(trace, (set, of_set), &values);
            }
            if values.is_empty() {
                self.name_groups(field, groups.made.get_mut(first_group..).unwrap_or_default())?;
            }
            rest = after;
        }
        Ok(Some(groups.made))
    }

    /// Reads the values of groups whose rows all have the same.
    fn name_groups(&self, field: &SpanField, groups: &mut [Set]) -> Result<(), S::Error> {
        let first = |group: &Set| group.rows.first().copied().unwrap_or(0);
        let mut order: Vec<&mut Set> = groups.iter_mut().collect();
        order.sort_unstable_by_key(|group| first(group));
        for some in order.chunks_mut(VALUES_MAX) {
            if self.stops_before(some.len()) {
                break;
            }
            let rows: Vec<u32> = some.iter().map(|group| first(group)).collect();
            let values = self.field_values(field, &rows)?;
            for (group, value) in some.iter_mut().zip(values) {
                if let Some((_, slot)) = group.attributes.last_mut() {
                    *slot = value;
                }
            }
        }
        Ok(())
    }

    /// The values of a field as places in a list, where a column gives them so.
    pub(super) fn numbered(
        &self,
        field: &SpanField,
        rows: &[u32],
    ) -> Result<Option<Numbered>, S::Error> {
        match &field.lookup {
            _ if field.parent => Ok(None),
            Lookup::Plain(column) => self.source.numbered(column, rows),
            Lookup::ServiceName => {
                let column = Column::ResourceAttribute(SERVICE_NAME.to_owned());
                Ok(match self.source.numbered(&column, rows)? {
                    Some(Numbered::Listed { places, mut values }) => {
                        for value in values.iter_mut().filter(|value| !value.is_present()) {
                            *value = Scalar::text("");
                        }
                        Some(Numbered::Listed { places, values })
                    }
                    // What is missing has a place of its own there.
                    Some(Numbered::Ordered(_)) | None => None,
                })
            }
            Lookup::SpanThenResource(_) => Ok(None),
        }
    }

    /// How many of `rows` to take for about `rows_max` of them and whole traces.
    pub(super) fn whole_traces_len(
        &self,
        rows: &[u32],
        rows_max: usize,
    ) -> Result<usize, S::Error> {
        let Some(beyond) = rows.get(rows_max) else { return Ok(rows.len()) };
        let starts = self.trace_starts()?;
        let next = starts.partition_point(|start| *start <= *beyond);
        let end = starts.get(next).copied().unwrap_or(u32::MAX);
        Ok(rows.partition_point(|row| *row < end).max(1))
    }
}

/// The groups of traces, as they are made.
struct Groups<'a> {
    name: &'a Arc<str>,
    kept: &'a Kept,
    made: Vec<Set>,
    /// Rows with the places of their values before them; empty between traces.
    keyed: Vec<u64>,
}

impl Groups<'_> {
    /// Adds the groups of a trace's rows, whose values have these places among sorted values.
    fn add(&mut self, trace: u32, (rows, places): (&[u32], &[u32]), values: &[Scalar]) {
        // Most traces are small, and a few values come again and again.
        if let (Some(first), true) = (places.first(), self.kept.has(rows.len()))
            && places.iter().all(|place| place == first)
        {
            return self.push(trace, *first, rows.to_vec(), values);
        }
        if (1..=COUNTED_MAX).contains(&values.len()) {
            return self.add_counted(trace, (rows, places), values);
        }
        let key = |(place, row): (&u32, &u32)| u64::from(*place) << 32 | u64::from(*row);
        let mut keyed = std::mem::take(&mut self.keyed);
        keyed.extend(places.iter().zip(rows).map(key));
        keyed.sort_unstable();
        for group in keyed.chunk_by(|a, b| a >> 32 == b >> 32) {
            if self.kept.has(group.len()) {
                let place = group.first().map_or(0, |key| cast::low_u32(key >> 32));
                let rows = group.iter().map(|key| cast::low_u32(*key)).collect();
                self.push(trace, place, rows, values);
            }
        }
        keyed.clear();
        self.keyed = keyed;
    }

    /// The same for few values, without sorting.
    fn add_counted(&mut self, trace: u32, (rows, places): (&[u32], &[u32]), values: &[Scalar]) {
        let mut counts = [0_usize; COUNTED_MAX];
        for place in places {
            if let Some(count) = counts.get_mut(cast::usize_of(*place)) {
                *count += 1;
            }
        }
        for (count, place) in counts.into_iter().zip(0..).take(values.len()) {
            if count > 0 && self.kept.has(count) {
                let of_group = places.iter().zip(rows).filter(|(other, _)| **other == place);
                let mut group = Vec::with_capacity(count);
                group.extend(of_group.map(|(_, row)| *row));
                self.push(trace, place, group, values);
            }
        }
    }

    fn push(&mut self, trace: u32, place: u32, rows: Vec<u32>, values: &[Scalar]) {
        let value = values.get(cast::usize_of(place)).cloned().unwrap_or_default();
        // Most often one stage more sets a value.
        let mut attributes = Vec::with_capacity(2);
        attributes.push((Arc::clone(self.name), value));
        self.made.push(Set { trace, origin: 0, rows, attributes });
    }
}

/// Places among values that are sorted, each there once, for places in a list.
pub(super) fn sorted(mut places: Vec<u32>, values: &[Scalar]) -> (Vec<u32>, Vec<Scalar>) {
    let mut order: Vec<(&Scalar, usize)> = values.iter().map(Scalar::group).zip(0..).collect();
    order.sort_by(|(a, _), (b, _)| a.group_order(b));
    let mut place_of = vec![0; values.len()];
    let mut groups = Vec::with_capacity(order.len());
    for (equal, place) in order.chunk_by(|(a, _), (b, _)| a.group_order(b).is_eq()).zip(0..) {
        groups.extend(equal.first().map(|(value, _)| Scalar::clone(value)));
        for (_, old) in equal {
            if let Some(new) = place_of.get_mut(*old) {
                *new = place;
            }
        }
    }
    for place in &mut places {
        *place = place_of.get(cast::usize_of(*place)).copied().unwrap_or(0);
    }
    (places, groups)
}

/// Splits one spanset; `values` are those of `rows`, which hold all its rows.
fn split_set(
    set: &Set,
    name: &Arc<str>,
    rows: &[u32],
    values: &[Scalar],
    (kept, groups): (&Kept, &mut Vec<Set>),
) {
    let mut keyed: Vec<(&Scalar, u32)> = Vec::with_capacity(set.rows.len());
    let mut at = set.rows.first().map_or(0, |first| rows.partition_point(|row| row < first));
    for row in &set.rows {
        at = gallop(rows, at, *row);
        let value = values.get(at);
        keyed.push((value.map_or(&Scalar::Nil, Scalar::group), *row));
    }
    // The sort is stable: rows stay ascending within a group.
    keyed.sort_by(|(a, _), (b, _)| a.group_order(b));
    for group in keyed.chunk_by(|(a, _), (b, _)| a.group_order(b).is_eq()) {
        let Some((value, _)) = group.first().filter(|_| kept.has(group.len())) else { continue };
        let rows = group.iter().map(|(_, row)| *row).collect();
        let mut attributes = Vec::with_capacity(set.attributes.len() + 1);
        attributes.extend_from_slice(&set.attributes);
        let mut group = Set { trace: set.trace, origin: set.origin, rows, attributes };
        group.put(Arc::clone(name), Scalar::clone(value));
        groups.push(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_kept_as_they_compare() {
        use crate::query::value::compare;
        use CompareOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        let constants = [
            Scalar::Int(0),
            Scalar::Int(-3),
            Scalar::Int(2),
            Scalar::Int(250),
            Scalar::Int(300),
            Scalar::Float(2.5),
            Scalar::Float(f64::NAN),
            Scalar::text("2"),
        ];
        for op in [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual] {
            for constant in &constants {
                let number = || Number::Literal(constant.clone());
                let left = Kept::counted(&Number::Count, op, &number()).unwrap();
                let right = Kept::counted(&number(), mirrored(op), &Number::Count).unwrap();
                let holds = |rows: i64| compare(op, &Scalar::Int(rows), constant);
                for rows in 1..400 {
                    assert_eq!(left.has(rows), holds(i64::try_from(rows).unwrap()));
                    assert_eq!(right.has(rows), left.has(rows));
                }
                let kept: Vec<u8> = (1..=250).filter(|rows| left.has(usize::from(*rows))).collect();
                if let Some(range) = left.range(250) {
                    assert_eq!(range.collect::<Vec<u8>>(), kept, "{op:?} {constant:?}");
                } else {
                    assert!(kept.is_empty() || op == NotEqual, "{op:?} {constant:?}");
                }
            }
        }
    }
}
