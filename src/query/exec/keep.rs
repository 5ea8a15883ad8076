//! Scalar filters: which spansets stay. Invariant: values are read for many spansets at once, but
//! never for more rows than a look at the brake may wait for.

use super::Execution;
use super::aggregate::Ready;
use super::stages::{Found, NUMBERS_MAX, Set, VALUES_MAX};
use crate::query::plan::pipeline::Number;
use crate::query::rows::gallop;
use crate::query::source::Source;
use crate::query::syntax::CompareOp;
use crate::query::value::compare;

impl<S: Source> Execution<'_, S> {
    /// The spansets for which `left op right` holds, with what was computed for them.
    pub(super) fn keep_sets(
        &mut self,
        left: &Number,
        op: CompareOp,
        right: &Number,
        found: Found,
    ) -> Result<Vec<Set>, S::Error> {
        let (mut left, mut right) = (self.ready(left, &found)?, self.ready(right, &found)?);
        let Some(sets) = found.sets else {
            return self.keep_traces(&mut left, op, &mut right, &found.candidates.rows().to_vec());
        };
        let mut kept = Vec::new();
        let mut computed = Vec::new();
        let (mut together, mut rows) = (Vec::new(), Vec::new());
        let is_bare = left.is_bare() && right.is_bare();
        let mut sets = sets.into_iter().peekable();
        while sets.peek().is_some() && !self.source.stops() {
            rows.clear();
            let mut width = 0;
            while width < VALUES_MAX {
                let Some(set) = sets.next() else { break };
                width += set.rows.len();
                if !is_bare {
                    rows.extend_from_slice(&set.rows);
                }
                together.push(set);
            }
            // Spansets of one trace lie between each other.
            if !rows.is_sorted() {
                rows.sort_unstable();
            }
            self.load(&mut left, &rows)?;
            self.load(&mut right, &rows)?;
            for mut set in together.drain(..) {
                if self.stops_before(set.rows.len()) {
                    break;
                }
                computed.clear();
                let a = self.number(&left, &set.rows, &mut computed)?;
                let b = self.number(&right, &set.rows, &mut computed)?;
                if compare(op, &a, &b) {
                    for (name, value) in computed.drain(..) {
                        set.put(name, value);
                    }
                    kept.push(set);
                }
            }
        }
        Ok(kept)
    }

    /// The same where each trace has one spanset, of `all`: most are never made.
    fn keep_traces(
        &mut self,
        left: &mut Ready<'_>,
        op: CompareOp,
        right: &mut Ready<'_>,
        all: &[u32],
    ) -> Result<Vec<Set>, S::Error> {
        let width = if left.is_small() && right.is_small() { NUMBERS_MAX } else { VALUES_MAX };
        let starts = self.trace_starts()?;
        let (mut kept, mut computed) = (Vec::new(), Vec::new());
        let (mut rest, mut next) = (all, 0);
        while !rest.is_empty() && !self.source.stops() {
            let width = self.whole_traces_len(rest, width)?;
            let (mut rows, after) = rest.split_at(width.min(rest.len()));
            self.load(left, rows)?;
            self.load(right, rows)?;
            while let Some(first) = rows.first() {
                next = gallop(&starts, next, first.saturating_add(1));
                let end = starts.get(next).copied().unwrap_or(u32::MAX);
                let (set, others) = rows.split_at(gallop(rows, 0, end).max(1).min(rows.len()));
                rows = others;
                if self.stops_before(set.len()) {
                    return Ok(kept);
                }
                computed.clear();
                let a = self.number(left, set, &mut computed)?;
                let b = self.number(right, set, &mut computed)?;
                if compare(op, &a, &b) {
                    let trace = u32::try_from(next.saturating_sub(1)).unwrap_or(u32::MAX);
                    let attributes = std::mem::take(&mut computed);
                    kept.push(Set { trace, origin: 0, rows: set.to_vec(), attributes });
                }
            }
            rest = after;
        }
        Ok(kept)
    }
}
