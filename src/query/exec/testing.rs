//! A source over plain vectors, for tests of the engine alone. Invariant: it has no index and no
//! shortcut: every answer comes from looking at each row.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use crate::codec::cast::usize_of;
use crate::id::SpanId;
use crate::query::rows::Rows;
use crate::query::source::{
    Answer, Column, Estimate, Kin, Loose, NO_ROW, Predicate, Source, Space,
};
use crate::query::syntax::Relation;
use crate::query::value::Scalar;

/// Answers by their names, each with the bytes that it took each time that it was kept.
pub(crate) type Answers = BTreeMap<Arc<str>, (Arc<Answer>, Vec<usize>)>;

/// A block of nothing but shape and values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forest {
    pub(crate) parents: Vec<u32>,
    pub(crate) trace_starts: Vec<u32>,
    pub(crate) kin: BTreeMap<u32, Kin>,
    pub(crate) event_owners: Vec<u32>,
    pub(crate) link_owners: Vec<u32>,
    pub(crate) columns: BTreeMap<Column, Vec<Scalar>>,
    pub(crate) live: Option<Rows>,
    /// Where answers are kept.
    pub(crate) answers: Option<RefCell<Answers>>,
    /// Whether predicates claim to be indexed.
    pub(crate) indexed: bool,
    /// How many values were looked at, over all calls.
    pub(crate) looked_at: Cell<u64>,
    /// The values looked at by each time that the engine asked whether to stop.
    pub(crate) asked_at: RefCell<Vec<u64>>,
    /// The time of asking from which on the answer is yes; `None` for never.
    pub(crate) stops_at: Option<usize>,
}

impl Forest {
    pub(crate) fn rows(&self) -> u32 {
        u32::try_from(self.parents.len()).unwrap()
    }

    pub(crate) fn parent(&self, row: u32) -> Option<u32> {
        Some(self.parents[usize_of(row)]).filter(|parent| *parent != NO_ROW)
    }

    pub(crate) fn trace_of(&self, row: u32) -> usize {
        self.trace_starts.partition_point(|start| *start <= row) - 1
    }

    pub(crate) fn are_siblings(&self, a: u32, b: u32) -> bool {
        let alike = match (self.parent(a), self.parent(b)) {
            (None, None) => self.kin[&a] == self.kin[&b] && self.kin[&a] != Kin::Nobody,
            (a, b) => a == b,
        };
        alike && self.trace_of(a) == self.trace_of(b)
    }

    /// True where `right` is to `left` what the relation says, straight from parents.
    pub(crate) fn related(&self, relation: Relation, left: u32, right: u32) -> bool {
        let below = |low: u32, high: u32| {
            let above = std::iter::successors(self.parent(low), |row| self.parent(*row));
            above.into_iter().any(|row| row == high)
        };
        match relation {
            Relation::Child => self.parent(right) == Some(left),
            Relation::Parent => self.parent(left) == Some(right),
            Relation::Descendant => below(right, left),
            Relation::Ancestor => below(left, right),
            Relation::Sibling => left != right && self.are_siblings(left, right),
        }
    }

    pub(crate) fn value(&self, column: &Column, row: u32) -> Scalar {
        self.looked_at.set(self.looked_at.get() + 1);
        self.columns.get(column).map_or(Scalar::Nil, |values| values[usize_of(row)].clone())
    }

    pub(crate) fn owner(&self, space: Space, row: u32) -> u32 {
        match space {
            Space::Spans => row,
            Space::Events => self.event_owners[usize_of(row)],
            Space::Links => self.link_owners[usize_of(row)],
        }
    }

    fn ends_vec(&self) -> Vec<u32> {
        let mut ends: Vec<u32> = (0..self.rows()).collect();
        for row in (0..self.rows()).rev() {
            if let Some(parent) = self.parent(row) {
                ends[usize_of(parent)] = ends[usize_of(parent)].max(ends[usize_of(row)]);
            }
        }
        ends
    }
}

impl Source for Forest {
    type Error = Infallible;

    fn row_count(&self) -> u32 {
        self.rows()
    }

    fn space_len(&self, space: Space) -> u32 {
        match space {
            Space::Spans => self.rows(),
            Space::Events => u32::try_from(self.event_owners.len()).unwrap(),
            Space::Links => u32::try_from(self.link_owners.len()).unwrap(),
        }
    }

    fn stops(&self) -> bool {
        self.asked_at.borrow_mut().push(self.looked_at.get());
        self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.stops_at.is_some_and(|at| self.asked_at.borrow().len() > at)
    }

    fn live(&self) -> Option<Rows> {
        self.live.clone()
    }

    fn trace_starts(&self) -> Result<Arc<[u32]>, Infallible> {
        Ok(self.trace_starts.clone().into())
    }

    fn ends(&self) -> Result<Arc<[u32]>, Infallible> {
        Ok(self.ends_vec().into())
    }

    fn parents(&self) -> Result<Arc<[u32]>, Infallible> {
        Ok(self.parents.clone().into())
    }

    fn loose(&self) -> Result<Arc<[Loose]>, Infallible> {
        Ok(self.kin.iter().map(|(row, kin)| Loose { row: *row, kin: *kin }).collect())
    }

    fn owners(&self, space: Space) -> Result<Arc<[u32]>, Infallible> {
        Ok((0..self.space_len(space)).map(|row| self.owner(space, row)).collect())
    }

    fn estimate(&self, predicate: &Predicate) -> Result<Estimate, Infallible> {
        let space = predicate.column.space();
        let matches_max = self.columns.get(&predicate.column).map_or(0, |_| self.space_len(space));
        Ok(Estimate { matches_max, indexed: self.indexed, texts: 0 })
    }

    fn answer(&self, name: &Arc<str>) -> Option<Arc<Answer>> {
        let answers = self.answers.as_ref()?.borrow();
        answers.get(name).map(|(answer, _)| Arc::clone(answer))
    }

    fn keep_answer(&self, name: &Arc<str>, answer: &Arc<Answer>) {
        let Some(answers) = &self.answers else { return };
        let mut answers = answers.borrow_mut();
        let new = || (Arc::clone(answer), Vec::new());
        answers.entry(Arc::clone(name)).or_insert_with(new).1.push(answer.bytes_len());
    }

    fn is_indexed(&self, _: &Column) -> bool {
        self.indexed
    }

    fn find(&self, predicate: &Predicate, window: Range<u32>) -> Result<Rows, Infallible> {
        let space = predicate.column.space();
        let inside = |row: &u32| window.contains(&self.owner(space, *row));
        let holds = |row: &u32| predicate.test.holds(&self.value(&predicate.column, *row));
        Ok((0..self.space_len(space)).filter(inside).filter(holds).collect())
    }

    fn check(&self, predicate: &Predicate, rows: &Rows) -> Result<Rows, Infallible> {
        let holds = |row: &u32| predicate.test.holds(&self.value(&predicate.column, *row));
        Ok(rows.to_vec().into_iter().filter(holds).collect())
    }

    fn values(
        &self,
        column: &Column,
        rows: &[u32],
        out: &mut Vec<Scalar>,
    ) -> Result<(), Infallible> {
        assert!(rows.is_sorted(), "values are asked for in ascending order");
        out.extend(rows.iter().map(|row| self.value(column, *row)));
        Ok(())
    }
}

/// Forests of up to `rows_max` rows in traces of all shapes, with roots, orphans and cut cycles.
pub(crate) fn forests(rows_max: usize) -> impl Strategy<Value = Forest> {
    // For each row: whether a trace begins, how far up from the row before its parent is, and its
    // kin where it has no parent.
    let row = (0_u8..12, 0_usize..5, 0_u8..5);
    proptest::collection::vec(row, 0..=rows_max).prop_map(|rows| {
        let mut forest = Forest::default();
        // The rows from the trace's root down to the row before.
        let mut path: Vec<u32> = Vec::new();
        for (at, (start, up, kin)) in rows.into_iter().enumerate() {
            let at = u32::try_from(at).unwrap();
            if start == 0 || at == 0 {
                path.clear();
                forest.trace_starts.push(at);
            }
            path.truncate(path.len().saturating_sub(up));
            forest.parents.push(path.last().copied().unwrap_or(NO_ROW));
            if path.is_empty() {
                let missing = |id| Kin::Missing(SpanId::from_bytes([id; 8]));
                let kin = match kin {
                    0 | 1 => Kin::NoParentId,
                    2 => Kin::Nobody,
                    id => missing(id),
                };
                forest.kin.insert(at, kin);
            }
            path.push(at);
        }
        forest.trace_starts.push(forest.rows());
        forest
    })
}

/// Numbers that look random and are the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

/// A forest of about 60 spans a trace, with some orphans.
pub(crate) fn large_forest(random: &mut Random, rows: u32) -> Forest {
    let mut forest = Forest::default();
    let mut path: Vec<u32> = Vec::new();
    for row in 0..rows {
        if row == 0 || random.below(60) == 0 {
            path.clear();
            forest.trace_starts.push(row);
        }
        let up = usize_of(random.below(3));
        let depth = path.len().saturating_sub(up).max(1);
        path.truncate(if random.below(200) == 0 { 0 } else { depth });
        if path.is_empty() {
            let kin = [Kin::NoParentId, Kin::Missing(SpanId::from_bytes([7; 8])), Kin::Nobody];
            forest.kin.insert(row, kin[usize_of(random.below(3))]);
        }
        forest.parents.push(path.last().copied().unwrap_or(NO_ROW));
        path.push(row);
    }
    forest.trace_starts.push(rows);
    forest
}
