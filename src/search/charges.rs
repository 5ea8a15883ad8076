//! Which service each trace of a block is charged to: the one that has the most of its spans.
//! Invariant: every trace is charged to exactly one.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::table::Field;
use crate::block::{Block, BlockError, ColumnKey, Table, field};
use crate::codec::cast::usize_of;
use crate::query::value::Scalar;

/// The traces of a block that are charged to a service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Charge {
    /// `service.name` of their spans' resource; `""` where that is absent or no text.
    pub(crate) service: Arc<str>,
    /// The numbers of the traces.
    pub(crate) traces: RoaringBitmap,
}

/// The traces of a block by the service that has the most of their spans, of equals the one whose
/// name sorts first; in order of names. Cost: one pass over the spans' resources.
pub(crate) fn charges(block: &Block) -> Result<Vec<Charge>, BlockError> {
    let (names, service_of) = services(block)?;
    let columns = block.columns(Table::Spans, &ColumnKey::Field(field::RESOURCE))?;
    let numbers = match columns.first() {
        Some(column) => column.numbers()?,
        None => Arc::default(),
    };
    let firsts = block.trace_first_rows()?;
    let mut traces = vec![RoaringBitmap::new(); names.len()];
    let mut counts = vec![0_u32; names.len()];
    let mut seen = Vec::new();
    for (bounds, trace) in firsts.windows(2).zip(0..) {
        let [first, next] = bounds else { continue };
        for row in usize_of(*first)..usize_of(*next) {
            let resource = numbers.get(row).map_or(usize::MAX, |number| usize_of(*number));
            let service = service_of.get(resource).copied().unwrap_or(0);
            if let Some(count) = counts.get_mut(service) {
                if *count == 0 {
                    seen.push(service);
                }
                *count += 1;
            }
        }
        let most = |service: &usize| (counts.get(*service).copied(), std::cmp::Reverse(*service));
        let charged = seen.iter().copied().max_by_key(most).unwrap_or(0);
        if let Some(traces) = traces.get_mut(charged) {
            traces.insert(trace);
        }
        for service in seen.drain(..) {
            if let Some(count) = counts.get_mut(service) {
                *count = 0;
            }
        }
    }
    let all = names.into_iter().zip(traces).filter(|(_, traces)| !traces.is_empty());
    Ok(all.map(|(service, traces)| Charge { service, traces }).collect())
}

/// The services of a block, `""` among them, sorted, and the place in there of each resource's.
fn services(block: &Block) -> Result<(Vec<Arc<str>>, Vec<usize>), BlockError> {
    let resources: Vec<u32> = (0..block.table_rows(Table::Resources)?).collect();
    let mut values = vec![Scalar::text(""); resources.len()];
    Field::service_name(block)?.values(&resources, &mut values)?;
    let unknown: Arc<str> = Arc::from("");
    let names: Vec<Arc<str>> = values
        .into_iter()
        .map(|value| match value {
            Scalar::String(name) => name,
            _ => Arc::clone(&unknown),
        })
        .collect();
    let mut sorted: BTreeMap<Arc<str>, usize> = BTreeMap::from([(unknown, 0)]);
    sorted.extend(names.iter().map(|name| (Arc::clone(name), 0)));
    sorted.values_mut().zip(0..).for_each(|(place, number)| *place = number);
    let places = names.iter().map(|name| sorted.get(name).copied().unwrap_or(0)).collect();
    Ok((sorted.into_keys().collect(), places))
}
