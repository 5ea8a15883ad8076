//! Folding: traces that lie in several blocks become whole in one, and small new blocks become one with
//! them. Invariant: afterwards, masks considered, every trace lies in one place, and holds what it held
//! in all of them.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::gather::{Made, Place, make_of};
use crate::block::{BlockError, MergedTrace, Pulled, Section, Settled, whole_traces};
use crate::codec::cast::usize_of;
use crate::id::TraceId;

/// Of several new blocks those of at most so many rows become one: to take half of the traces out of a
/// small block takes as long as to take all, and a search has fewer blocks to look at.
const SMALL_ROWS_MAX: u32 = 1 << 10;
/// As long as they have no more rows together than this, so that it takes moments.
const SMALL_ROWS_SUM_MAX: u32 = 1 << 14;

/// What folding changes.
#[derive(Debug, Default)]
pub(crate) struct United {
    /// New blocks of the traces that lay in several places or in small ones.
    pub(crate) made: Vec<Made>,
    /// Traces that count no more, by the number of their place.
    pub(crate) masks: BTreeMap<usize, RoaringBitmap>,
    /// Traces that stay where they lay, as nothing came that was not there.
    pub(crate) kept: Vec<TraceId>,
    /// How spans that were there more than once were settled.
    pub(crate) settled: Settled,
}

/// Where a trace lies: the number of the place, and its own number there.
pub(super) type Spot = (usize, u32);

/// Makes the traces whole that the places from `fresh` on have spans of; the places before it hold
/// every trace at most once.
pub(crate) fn unite(
    places: &[Place<'_>],
    fresh: usize,
    rows_max: usize,
) -> Result<United, BlockError> {
    let small = small(places, fresh)?;
    let mut moving = spots(places, fresh)?;
    moving.retain(|_, spots| spots.len() > 1 || spots.iter().any(|(at, _)| small.contains(at)));
    let mut united = United::default();
    if moving.is_empty() {
        return Ok(united);
    }
    let mut wanted: BTreeMap<usize, BTreeMap<u32, TraceId>> = BTreeMap::new();
    for (id, spots) in &moving {
        for (place, number) in spots {
            wanted.entry(*place).or_default().insert(*number, *id);
        }
    }
    let is_split = |id: &TraceId| moving.get(id).is_some_and(|spots| spots.len() > 1);
    let mut pulled = Pulled::default();
    let mut groups: BTreeMap<TraceId, Vec<u32>> = BTreeMap::new();
    let mut traces: Vec<MergedTrace> = Vec::new();
    for (at, numbered) in &wanted {
        let Some(place) = places.get(*at) else { continue };
        let numbers: Vec<u32> = numbered.keys().copied().collect();
        let taken = pulled.take(place.block, &numbers)?;
        let (split, alone): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|(entry, _)| is_split(&entry.id));
        for (entry, spans) in split {
            groups.entry(entry.id).or_default().extend(spans);
        }
        if !alone.is_empty() {
            traces.extend(whole_traces(place.block, alone)?);
            let alone = numbered.iter().filter(|(_, id)| !is_split(id)).map(|(number, _)| *number);
            united.masks.entry(*at).or_default().extend(alone);
        }
    }
    let facts = pulled.facts()?;
    for (id, numbers) in groups {
        let (trace, settled) = facts.join(id, numbers)?;
        united.settled.duplicates += settled.duplicates;
        united.settled.replaced += settled.replaced;
        let spots = moving.get(&id).map(Vec::as_slice).unwrap_or_default();
        let staying = || spots.iter().filter(|(at, _)| !small.contains(at));
        let kept = kept_as_is(places, staying(), trace.trace.spans.len(), settled)?;
        for (place, number) in spots.iter().filter(|spot| Some(**spot) != kept) {
            united.masks.entry(*place).or_default().insert(*number);
        }
        match kept {
            Some(_) => united.kept.push(id),
            None => traces.push(trace),
        }
    }
    let used = wanted.keys().filter_map(|at| places.get(*at));
    let arrived = used.map(|place| place.retention).max().unwrap_or_default();
    united.made = make_of(&pulled, &mut traces, rows_max, arrived)?;
    Ok(united)
}

/// The fresh places that become one, if they are several.
fn small(places: &[Place<'_>], fresh: usize) -> Result<BTreeSet<usize>, BlockError> {
    let (mut small, mut sum) = (BTreeSet::new(), 0);
    for (at, place) in places.iter().enumerate().skip(fresh) {
        let rows = place.block.header()?.rows;
        if rows <= SMALL_ROWS_MAX && sum + rows <= SMALL_ROWS_SUM_MAX {
            sum += rows;
            small.insert(at);
        }
    }
    Ok(if small.len() > 1 { small } else { BTreeSet::new() })
}

/// The place where a trace has all its spans already, so that it can stay there.
fn kept_as_is<'s>(
    places: &[Place<'_>],
    spots: impl Iterator<Item = &'s Spot>,
    spans: usize,
    settled: Settled,
) -> Result<Option<Spot>, BlockError> {
    if settled.replaced > 0 {
        return Ok(None);
    }
    for (at, number) in spots {
        let Some(place) = places.get(*at) else { continue };
        if usize_of(place.block.trace_entry(*number)?.rows) == spans {
            return Ok(Some((*at, *number)));
        }
    }
    Ok(None)
}

/// Where the traces of the fresh places lie, in all places.
fn spots(places: &[Place<'_>], fresh: usize) -> Result<HashMap<TraceId, Vec<Spot>>, BlockError> {
    let mut spots: HashMap<TraceId, Vec<Spot>> = HashMap::new();
    for (at, place) in places.iter().enumerate().skip(fresh) {
        let count = place.block.header()?.traces;
        if count == 0 {
            continue;
        }
        let ids = place.block.records(Section::TraceIds, 16, 0, count)?;
        for (id, number) in ids.chunks_exact(16).zip(0u32..) {
            if !place.masked.contains(number) {
                let id = TraceId::from_slice(id).unwrap_or_default();
                spots.entry(id).or_default().push((at, number));
            }
        }
    }
    let ids: Vec<TraceId> = spots.keys().copied().collect();
    for (at, place) in places.iter().enumerate().take(fresh) {
        for (found, number) in place.block.find_traces(&ids)? {
            let spots = ids.get(found).and_then(|id| spots.get_mut(id));
            if let Some(spots) = spots.filter(|_| !place.masked.contains(number)) {
                spots.insert(0, (at, number));
            }
        }
    }
    Ok(spots)
}
