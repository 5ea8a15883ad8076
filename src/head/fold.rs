//! Folding: traces that lie in several blocks become whole in one. Invariant: afterwards, masks
//! considered, every trace lies in one place, and holds what it held in all of them.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::gather::{Made, Place, make, pull};
use crate::block::{BlockError, Section, Settled, Staging, arrange};
use crate::codec::cast::usize_of;
use crate::id::TraceId;

/// What folding changes.
#[derive(Debug, Default)]
pub(crate) struct United {
    /// New blocks of the traces that lay in several places.
    pub(crate) made: Vec<Made>,
    /// Traces that count no more, by the number of their place.
    pub(crate) masks: BTreeMap<usize, RoaringBitmap>,
    /// How spans that were there more than once were settled.
    pub(crate) settled: Settled,
}

/// Where a trace lies: the number of the place, and its own number there.
type Spot = (usize, u32);

/// Makes the traces whole that the places from `fresh` on have spans of; the places before it hold
/// every trace at most once.
pub(crate) fn unite(
    places: &[Place<'_>],
    fresh: usize,
    rows_max: usize,
) -> Result<United, BlockError> {
    let mut split = spots(places, fresh)?;
    split.retain(|_, spots| spots.len() > 1);
    let mut united = United::default();
    if split.is_empty() {
        return Ok(united);
    }
    let mut wanted: BTreeMap<usize, BTreeMap<u32, TraceId>> = BTreeMap::new();
    for (id, spots) in &split {
        for (place, number) in spots {
            wanted.entry(*place).or_default().insert(*number, *id);
        }
    }
    let mut staging = Staging::default();
    let mut groups: BTreeMap<TraceId, Vec<u32>> = BTreeMap::new();
    for (at, traces) in &wanted {
        let Some(place) = places.get(*at) else { continue };
        let numbers: Vec<u32> = traces.keys().copied().collect();
        pull(place.block, &numbers, &mut staging, |number, staged| {
            if let Some(id) = traces.get(&number) {
                groups.entry(*id).or_default().extend(staged);
            }
        })?;
    }
    let mut traces = Vec::new();
    for (id, numbers) in groups {
        let (trace, settled) = arrange(&staging, id, numbers);
        united.settled.duplicates += settled.duplicates;
        united.settled.replaced += settled.replaced;
        let spots = split.get(&id).map(Vec::as_slice).unwrap_or_default();
        let kept = kept_as_is(places, spots, trace.spans.len(), settled)?;
        for (place, number) in spots.iter().filter(|spot| Some(**spot) != kept) {
            united.masks.entry(*place).or_default().insert(*number);
        }
        if kept.is_none() {
            traces.push(trace);
        }
    }
    let used = wanted.keys().filter_map(|at| places.get(*at));
    let arrived = used.map(|place| place.retention).max().unwrap_or_default();
    united.made = make(&staging, &mut traces, rows_max, arrived)?;
    Ok(united)
}

/// The place where a trace has all its spans already, so that it can stay there.
fn kept_as_is(
    places: &[Place<'_>],
    spots: &[Spot],
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
