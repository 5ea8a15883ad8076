//! The fifteen structural operators, put together from the passes.

use std::cmp::Ordering;

use super::passes::{self, Around};
use crate::query::bits::Bits;
use crate::query::rows::Rows;
use crate::query::source::{Kin, Loose, Source};
use crate::query::syntax::{Form, Relation};

/// What `left op right` yields.
pub(crate) fn relate<S: Source>(
    source: &S,
    (relation, form): (Relation, Form),
    left: &Rows,
    right: &Rows,
) -> Result<Rows, S::Error> {
    let related = plain(source, relation, left, right)?;
    Ok(match form {
        Form::Plain => within(relation, related, right),
        Form::Not => right.minus(&related),
        Form::Union => {
            let other = mirrored(relation);
            let others = within(other, plain(source, other, right, left)?, left);
            within(relation, related, right).or(&others)
        }
    })
}

/// The relation of the left side's spans to the right side's.
fn mirrored(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// What [`plain`] finds, without what is not asked for.
fn within(relation: Relation, found: Rows, asked: &Rows) -> Rows {
    if relation == Relation::Parent { found.and(asked) } else { found }
}

/// The rows of `right` that are related to one of `left`; of parents others too.
fn plain<S: Source>(
    source: &S,
    relation: Relation,
    left: &Rows,
    right: &Rows,
) -> Result<Rows, S::Error> {
    if left.is_empty() || right.is_empty() {
        return Ok(Rows::empty());
    }
    match relation {
        Relation::Descendant | Relation::Ancestor => apart(source, relation, left, right),
        Relation::Child | Relation::Parent | Relation::Sibling => {
            let parents = source.near_parents()?;
            let wants_ends = passes::needs_ends(left, right);
            let ends = wants_ends.then(|| source.near_ends()).transpose()?;
            let (close, lasts) = (source.close_parents()?, source.trace_lasts()?);
            let around =
                Around { parents: &parents, close: &close, ends: ends.as_deref(), lasts: &lasts };
            Ok(match relation {
                Relation::Child => passes::children(left, right, around),
                Relation::Parent => passes::parents_of(left, Some(right), around),
                _ => {
                    let loose = loose_siblings(left, right, &source.loose()?, &lasts);
                    passes::siblings(left, right, around).or(&loose)
                }
            })
        }
    }
}

/// The relations over any number of steps.
fn apart<S: Source>(
    source: &S,
    relation: Relation,
    left: &Rows,
    right: &Rows,
) -> Result<Rows, S::Error> {
    let is_descendant = relation == Relation::Descendant;
    let (high, low) = if is_descendant { (left, right) } else { (right, left) };
    let lasts = source.trace_lasts()?;
    if is_descendant
        && let Some(few) = low.listed()
        && let Some(found) =
            passes::descendants_by_sweeping(high, &few, (&*source.near_ends()?, &*lasts))
    {
        return Ok(found);
    }
    let near = passes::after(high, low, &lasts);
    if near.is_empty() {
        return Ok(near);
    }
    if is_descendant {
        let climbed = passes::descendants_by_climbing(left, &near, &*source.near_parents()?);
        return Ok(match climbed {
            Some(found) => found,
            None => passes::subtrees(left, &near, &*source.near_ends()?),
        });
    }
    let parents = source.near_parents()?;
    if passes::climbing_pays(&near) {
        return Ok(passes::ancestors_by_climbing(&near, right, &parents));
    }
    Ok(passes::ancestors(&near, right, (&parents, &*source.close_parents()?)))
}

/// The rows of `right` without stored parent that have a sibling in `left`: per trace, because
/// such siblings share nothing but their trace and the parent they lack.
fn loose_siblings(left: &Rows, right: &Rows, loose: &[Loose], lasts: &Bits) -> Rows {
    let (lefts, rights) = (left.bounds(), right.bounds());
    let first = lefts.start.min(rights.start);
    let end = lefts.end.max(rights.end);
    let is_asked = |loose: &&Loose| left.contains(loose.row) | right.contains(loose.row);
    let asked: Vec<Loose> = between(loose, first, end).iter().filter(is_asked).copied().collect();
    let mut rest = asked.as_slice();
    let mut kept = Vec::new();
    let mut one_trace: Vec<Loose> = Vec::new();
    while let Some(next) = rest.first() {
        let last = lasts.next_set(next.row).unwrap_or(u32::MAX);
        let count = rest.iter().take_while(|loose| loose.row <= last).count();
        let (trace, after) = rest.split_at(count);
        rest = after;
        // Most traces have one root and no orphan.
        if trace.len() > 1 {
            one_trace.clear();
            one_trace.extend(trace.iter().filter(|loose| loose.kin != Kin::Nobody));
            one_trace.sort_unstable_by_key(|loose| (loose.kin, loose.row));
            for kin in one_trace.chunk_by(|a, b| a.kin == b.kin) {
                keep_siblings(kin, left, right, &mut kept);
            }
        }
    }
    kept.sort_unstable();
    Rows::from_sorted(&kept)
}

fn keep_siblings(kin: &[Loose], left: &Rows, right: &Rows, kept: &mut Vec<u32>) {
    let mut on_left = kin.iter().filter(|loose| left.contains(loose.row));
    let (Some(first), second) = (on_left.next(), on_left.next()) else { return };
    let counts = |loose: &&Loose| match loose.row.cmp(&first.row) {
        Ordering::Equal => second.is_some(),
        _ => true,
    };
    let on_right = kin.iter().filter(|loose| right.contains(loose.row));
    kept.extend(on_right.filter(counts).map(|loose| loose.row));
}

fn between(loose: &[Loose], first: u32, end: u32) -> &[Loose] {
    let start = loose.partition_point(|loose| loose.row < first);
    let stop = loose.partition_point(|loose| loose.row < end);
    loose.get(start..stop).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::cast;
    use crate::query::exec::reached::count_traces;
    use crate::query::exec::testing::{Forest, Random, forests, large_forest};
    use crate::query::exec::traces::count_traces_of;
    use crate::query::source::NO_ROW;

    const RELATIONS: [Relation; 5] = [
        Relation::Child,
        Relation::Descendant,
        Relation::Parent,
        Relation::Ancestor,
        Relation::Sibling,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn operators_are_what_nested_loops_find(
            (forest, left, right) in forests(120).prop_flat_map(|forest| {
                let rows = forest.rows();
                let sets = (subset(rows), subset(rows));
                (Just(forest), sets.0, sets.1)
            }),
            forms in (0u8..3, 0u8..3),
        ) {
            let set = |rows: &[u32], form| match form {
                0 => Bits::of_list(rows).into_rows(),
                1 => Rows::from_sorted(rows),
                _ => Rows::from_sorted(rows).settled(),
            };
            let (a, b) = (set(&left, forms.0), set(&right, forms.1));
            for relation in RELATIONS {
                let pair = |l: &u32, r: &u32| forest.related(relation, *l, *r);
                let related = |r: &u32| left.iter().any(|l| pair(l, r));
                let relating = |l: &u32| right.iter().any(|r| pair(l, r));
                let of = |form| relate(&forest, (relation, form), &a, &b).unwrap().to_vec();
                let plain: Vec<u32> = right.iter().copied().filter(related).collect();
                let not: Vec<u32> = right.iter().copied().filter(|r| !related(r)).collect();
                let mut union: Vec<u32> = left.iter().copied().filter(relating).collect();
                union.extend(&plain);
                union.sort_unstable();
                union.dedup();
                prop_assert_eq!(of(Form::Plain), plain, "{:?}", relation);
                prop_assert_eq!(of(Form::Not), not, "! {:?}", relation);
                prop_assert_eq!(of(Form::Union), union, "& {:?}", relation);
            }
        }
    }

    /// The rows that a relation holds for, one column after another.
    fn expected(forest: &Forest, relation: Relation, left: &[bool]) -> Vec<bool> {
        let rows = left.len();
        let parent = |row: usize| forest.parent(u32::try_from(row).unwrap()).map(cast::usize_of);
        let mut holds = vec![false; rows];
        match relation {
            Relation::Child => {
                let below = |row| parent(row).is_some_and(|above| left[above]);
                return (0..rows).map(below).collect();
            }
            Relation::Descendant => {
                for row in 0..rows {
                    holds[row] = parent(row).is_some_and(|above| left[above] || holds[above]);
                }
            }
            Relation::Parent | Relation::Ancestor => {
                for row in (0..rows).rev() {
                    let Some(above) = parent(row) else { continue };
                    holds[above] |= left[row] || relation == Relation::Ancestor && holds[row];
                }
            }
            Relation::Sibling => {
                let kin = |row: usize| {
                    let row = u32::try_from(row).unwrap();
                    let key = (forest.parent(row), forest.kin.get(&row), forest.trace_of(row));
                    (key.1 != Some(&Kin::Nobody)).then_some(key)
                };
                let mut counts = BTreeMap::new();
                for row in (0..rows).filter(|row| left[*row]) {
                    *counts.entry(kin(row)).or_insert(0) += 1;
                }
                let others =
                    |row| counts.get(&kin(row)).copied().unwrap_or(0) - i32::from(left[row]);
                return (0..rows).map(|row| kin(row).is_some() && others(row) > 0).collect();
            }
        }
        holds
    }

    #[test]
    fn operators_are_right_on_large_sets_of_unlike_sizes() {
        let rows = 140_000;
        let mut random = Random(7);
        let forest = large_forest(&mut random, rows);
        let shares = [
            (1, 9999),
            (9999, 1),
            (1, 300),
            (2500, 2500),
            (40, 9000),
            (9000, 40),
            (200, 200),
            (300, 2500),
            (2500, 300),
        ];
        for (left, right) in shares {
            let mut pick =
                |share| -> Vec<bool> { (0..rows).map(|_| random.below(10_000) < share).collect() };
            let (left, right) = (pick(left), pick(right));
            let set = |of: &[bool]| -> Rows {
                (0..rows).zip(of).filter(|(_, of)| **of).map(|(row, _)| row).collect()
            };
            for relation in RELATIONS {
                let holds = expected(&forest, relation, &left);
                let both: Vec<bool> = holds.iter().zip(&right).map(|(a, b)| *a && *b).collect();
                let operator = (relation, Form::Plain);
                let (left, right) = (set(&left), set(&right));
                let found = relate(&forest, operator, &left, &right).unwrap();
                assert!(found == set(&both), "{relation:?}");
                // Lists beside bits, as answers that are kept have them.
                let (left, right) = (left.settled(), right.settled());
                let found = relate(&forest, operator, &left, &right).unwrap();
                assert!(found == set(&both), "{relation:?} of lists");
            }
        }
    }

    /// Three children of each root are in the set, so that more parents are marked again than are put together
    /// at once.
    #[test]
    fn siblings_of_a_list_are_found_however_many_there_are() {
        let (rows, trace) = (96_000, 96);
        let parent = |row| if row % trace == 0 { NO_ROW } else { row - row % trace };
        let roots = (0..rows).step_by(96).map(|row| (row, Kin::NoParentId));
        let forest = Forest {
            parents: (0..rows).map(parent).collect(),
            trace_starts: (0..=rows).step_by(96).collect(),
            kin: roots.collect(),
            ..Forest::default()
        };
        let picked: Vec<u32> =
            (0..rows).filter(|row| [3, 50, 70].contains(&(row % trace))).collect();
        let set = Rows::from_sorted(&picked).settled();
        assert!(set.few().is_none() && !set.take_growth());
        let found = relate(&forest, (Relation::Sibling, Form::Plain), &set, &set).unwrap();
        assert_eq!(found.to_vec(), picked);
        assert!(set.take_growth() && !set.take_growth(), "it is to be charged once");
    }

    #[test]
    fn operators_are_right_at_the_ends_of_words_and_containers() {
        let rows = 66_000;
        let forest = large_forest(&mut Random(11), rows);
        let ones = [0, 63, 64, 65_535, 65_536, rows - 1].map(|row| (row, row + 1));
        let all = (0, rows);
        let others = [(0, 0), all, (0, 64), (60, 70), (65_500, 65_600), (65_536, rows)];
        let flags = |(first, end): (u32, u32)| -> Vec<bool> {
            (0..rows).map(|row| row >= first && row < end).collect()
        };
        let set = |of: (u32, u32)| Rows::range(of.0..of.1);
        for left in ones.into_iter().chain(others) {
            let pairs = [(left, all), (all, left), (left, (65_500, 65_600)), ((60, 130), left)];
            for (left, right) in pairs {
                let (lefts, rights) = (flags(left), flags(right));
                let listed = Rows::from_ranges(std::iter::once(right.0..right.1));
                for relation in RELATIONS {
                    let operator = (relation, Form::Plain);
                    let found = relate(&forest, operator, &set(left), &listed).unwrap();
                    let holds = expected(&forest, relation, &lefts);
                    let both = (0..rows).zip(holds).zip(&rights);
                    let both = both.filter(|((_, holds), right)| *holds && **right);
                    let both: Rows = both.map(|((row, _), _)| row).collect();
                    assert!(found == both, "{relation:?} of {left:?} and {right:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn traces_are_counted(
            (forest, rows) in forests(700).prop_flat_map(|forest| {
                let rows = forest.rows();
                (Just(forest), subset(rows))
            }),
        ) {
            let traces: std::collections::BTreeSet<usize> =
                rows.iter().map(|row| forest.trace_of(*row)).collect();
            let lasts = forest.trace_lasts().unwrap();
            let found = count_traces(Rows::from_sorted(&rows).bits(), &lasts);
            prop_assert_eq!(found, cast::u64_of(traces.len()));
            prop_assert_eq!(count_traces_of(&rows, &lasts), found);
        }
    }

    /// Sets from nearly empty to full, so that the paths for one small side run too.
    fn subset(rows: u32) -> impl Strategy<Value = Vec<u32>> {
        (0_u32..=8).prop_flat_map(move |eighths| {
            let picks = proptest::collection::vec(0_u32..64, cast::usize_of(rows));
            picks.prop_map(move |picks| {
                let picked = (0..rows).zip(picks);
                let limit = if eighths == 0 { 1 } else { eighths * 8 };
                picked.filter(|(_, pick)| *pick < limit).map(|(row, _)| row).collect()
            })
        })
    }
}
