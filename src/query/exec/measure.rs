//! What the structural passes cost, next to merely reading both sides. Not run by default:
//! `cargo test --release --lib passes_against_reading -- --ignored --nocapture`.

use std::convert::Infallible;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::relate::relate;
use super::testing::{Forest, Random, large_forest};
use super::traces::{both, for_each_trace};
use crate::query::rows::Rows;
use crate::query::source::{Column, Estimate, Loose, Predicate, Source, Space};
use crate::query::syntax::{Form, Relation};
use crate::query::value::Scalar;

const ROWS: u32 = 1_000_000;

/// A forest whose arrays are shared, as a block's caches share them.
struct Shared {
    parents: Arc<[u32]>,
    ends: Arc<[u32]>,
    starts: Arc<[u32]>,
    loose: Arc<[Loose]>,
}

impl Source for Shared {
    type Error = Infallible;

    fn row_count(&self) -> u32 {
        ROWS
    }
    fn space_len(&self, _: Space) -> u32 {
        ROWS
    }
    fn stops(&self) -> bool {
        false
    }
    fn is_stopped(&self) -> bool {
        false
    }
    fn live(&self) -> Option<Rows> {
        None
    }
    fn trace_starts(&self) -> Result<Arc<[u32]>, Infallible> {
        Ok(Arc::clone(&self.starts))
    }
    fn ends(&self) -> Result<Arc<[u32]>, Infallible> {
        Ok(Arc::clone(&self.ends))
    }
    fn parents(&self) -> Result<Arc<[u32]>, Infallible> {
        Ok(Arc::clone(&self.parents))
    }
    fn loose(&self) -> Result<Arc<[Loose]>, Infallible> {
        Ok(Arc::clone(&self.loose))
    }
    fn owners(&self, _: Space) -> Result<Arc<[u32]>, Infallible> {
        Ok(Arc::new([]))
    }
    fn estimate(&self, _: &Predicate) -> Result<Estimate, Infallible> {
        Ok(Estimate { matches_max: ROWS, indexed: true, texts: 0 })
    }
    fn is_indexed(&self, _: &Column) -> bool {
        true
    }
    fn find(&self, _: &Predicate, _: Range<u32>) -> Result<Rows, Infallible> {
        Ok(Rows::empty())
    }
    fn check(&self, _: &Predicate, _: &Rows) -> Result<Rows, Infallible> {
        Ok(Rows::empty())
    }
    fn values(&self, _: &Column, _: &[u32], _: &mut Vec<Scalar>) -> Result<(), Infallible> {
        Ok(())
    }
}

impl From<Forest> for Shared {
    fn from(forest: Forest) -> Self {
        Self {
            parents: forest.parents().unwrap(),
            ends: forest.ends().unwrap(),
            starts: forest.trace_starts().unwrap(),
            loose: forest.loose().unwrap(),
        }
    }
}

fn best(mut run: impl FnMut() -> Rows) -> (Duration, u64) {
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..30 {
        let start = Instant::now();
        let rows = black_box(run());
        best = best.min(start.elapsed());
        found = rows.len();
    }
    (best, found)
}

#[test]
#[ignore = "a measurement, for release builds"]
fn passes_against_reading() {
    let mut random = Random(42);
    let forest = Shared::from(large_forest(&mut random, ROWS));
    let shares = [(86, 86), (171, 171), (20, 151), (151, 20), (1, 170), (170, 1), (1000, 171)];
    for (left, right) in shares {
        let mut pick = |per_mille| (0..ROWS).filter(|_| random.below(1000) < per_mille).collect();
        let (a, b): (Rows, Rows) = (pick(left), pick(right));
        let read = best(|| {
            let mut sum = 0_u32;
            for rows in [&a, &b] {
                rows.for_each_batch(|batch| {
                    sum = batch.iter().fold(sum, |sum, row| sum.wrapping_add(*row));
                });
            }
            black_box(sum);
            Rows::empty()
        });
        println!("{} and {} of {ROWS} rows: reading both {:?}", a.len(), b.len(), read.0);
        for relation in [
            Relation::Descendant,
            Relation::Ancestor,
            Relation::Child,
            Relation::Parent,
            Relation::Sibling,
        ] {
            let (time, found) = best(|| relate(&forest, (relation, Form::Plain), &a, &b).unwrap());
            println!("  {relation:?}: {time:?}, {found} rows");
        }
        let (time, found) = best(|| both(&a, &b, &forest.starts));
        println!("  both in one trace: {time:?}, {found} rows");
        let (time, found) = best(|| {
            let mut traces = 0;
            let visit = |trace: u32, rows: &[u32]| {
                traces += u64::from(rows.len() > 5 && trace > 0);
                Ok::<(), Infallible>(())
            };
            for_each_trace(&b, &forest.starts, visit).unwrap();
            (0..u32::try_from(traces).unwrap()).collect()
        });
        println!("  rows of each trace: {time:?}, {found} traces of more than 5");
    }
}
