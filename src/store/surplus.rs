//! What is over the share of one service: who is charged for how much of the blocks, and which traces
//! are the oldest of those who have too much. Invariant: nothing is changed here but what is known of
//! blocks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::state::{Base, Stored};
use crate::block::{BlockError, BlockId, Section};
use crate::codec::cast::usize_of;
use crate::search::{Charge, charges};
use crate::time::Timestamp;

/// Traces by block.
pub(super) type Chosen = BTreeMap<BlockId, RoaringBitmap>;

/// To whom the traces of blocks are charged; kept while the blocks are there.
#[derive(Debug, Default)]
pub(super) struct ChargeTables {
    tables: BTreeMap<BlockId, Arc<ChargeTable>>,
    /// The blocks that were last looked at and found to need nothing, with how much of each is masked.
    pub(super) settled: Vec<(BlockId, u64)>,
}

/// To whom the traces of a block are charged.
#[derive(Debug)]
struct ChargeTable {
    charges: Vec<Charge>,
    /// The first row of each trace, and the number of rows.
    firsts: Arc<[u32]>,
}

/// What a share is taken of.
pub(super) struct Weighed<'a> {
    pub(super) stored: &'a Stored,
    table: Option<Arc<ChargeTable>>,
}

/// The most that a service may have, and how much is to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) percent: u64,
    /// Bytes over what the store may be filled with while somebody has too much.
    pub(super) over: u64,
    /// Bytes of a block.
    pub(super) block_bytes: u64,
}

impl ChargeTable {
    fn rows(&self, trace: u32) -> u64 {
        let at = usize_of(trace);
        let bounds = self.firsts.get(at).zip(self.firsts.get(at + 1));
        bounds.map_or(0, |(first, next)| u64::from(next.saturating_sub(*first)))
    }
}

impl Weighed<'_> {
    /// Bytes of the image that so many rows take.
    fn bytes(&self, rows: u64) -> u64 {
        let record = &self.stored.record;
        let bytes = u128::from(record.image_len) * u128::from(rows);
        u64::try_from(bytes / u128::from(record.rows.max(1))).unwrap_or(u64::MAX)
    }

    /// The traces of a service that count, less those in `gone`.
    pub(super) fn traces_of(&self, service: &str, gone: Option<&RoaringBitmap>) -> RoaringBitmap {
        let mut charges = self.table.iter().flat_map(|table| &table.charges);
        let own = charges.find(|charge| *charge.service == *service);
        let traces = own.map(|charge| &charge.traces - &self.stored.view.masked);
        traces.map_or_else(RoaringBitmap::new, |traces| match gone {
            Some(gone) => traces - gone,
            None => traces,
        })
    }

    fn bytes_of(&self, trace: u32) -> u64 {
        self.bytes(self.table.as_ref().map_or(0, |table| table.rows(trace)))
    }
}

/// Bytes that count, by service, and those of all.
fn weigh(blocks: &[Weighed<'_>]) -> (HashMap<Arc<str>, u64>, u64) {
    let mut sums: HashMap<Arc<str>, u64> = HashMap::new();
    let mut total = 0;
    for block in blocks {
        let Some(table) = &block.table else {
            // Who has how much of a block that cannot be read is not known.
            total += block.stored.record.image_len;
            continue;
        };
        for charge in &table.charges {
            let traces = &charge.traces - &block.stored.view.masked;
            let rows = traces.iter().map(|trace| table.rows(trace)).sum();
            *sums.entry(Arc::clone(&charge.service)).or_default() += block.bytes(rows);
            total += block.bytes(rows);
        }
    }
    (sums, total)
}

/// The traces to drop.
pub(super) fn chosen(blocks: &[Weighed<'_>], wanted: Wanted) -> Chosen {
    let (mut sums, mut total) = weigh(blocks);
    let mut over = wanted.over;
    let mut chosen = Chosen::new();
    while over > 0 {
        let most = sums.iter().max_by_key(|(name, bytes)| (**bytes, Reverse(*name)));
        let Some((service, bytes)) = most.map(|(name, bytes)| (Arc::clone(name), *bytes)) else {
            break;
        };
        let share = share(total - bytes, wanted.percent);
        if bytes <= share {
            break;
        }
        let goal = share.max(bytes.saturating_sub(over));
        // A block is not written anew for few traces.
        let least = goal - wanted.block_bytes.min(goal / 4);
        let gone = take(blocks, &service, (bytes, least), &mut chosen);
        if gone == 0 {
            break;
        }
        sums.insert(service, bytes.saturating_sub(gone));
        total -= gone;
        over = over.saturating_sub(gone);
    }
    chosen
}

/// The bytes that are `percent` of all where the `others` are the rest.
pub(super) fn share(others: u64, percent: u64) -> u64 {
    let rest = 100_u64.saturating_sub(percent);
    if rest == 0 {
        return u64::MAX;
    }
    u64::try_from(u128::from(others) * u128::from(percent) / u128::from(rest)).unwrap_or(u64::MAX)
}

/// The traces of a service in a block that are still to go, the oldest first.
struct Rest {
    traces: roaring::bitmap::IntoIter,
    starts: Arc<[u64]>,
    /// No trace is taken for younger: clocks may run ahead.
    newest: Timestamp,
}

impl Rest {
    fn of(block: &Weighed<'_>, service: &str, gone: Option<&RoaringBitmap>) -> Self {
        let view = &block.stored.view;
        Self {
            traces: block.traces_of(service, gone).into_iter(),
            // Without its times a block's traces are as old as its oldest.
            starts: view.block.wide(Section::TraceStarts).unwrap_or_default(),
            newest: view.retention,
        }
    }

    /// The next trace, and when it was.
    fn next(&mut self) -> Option<(Timestamp, u32)> {
        let trace = self.traces.next()?;
        let start = self.starts.get(usize_of(trace)).copied().unwrap_or(0);
        Some((Timestamp::from_unix_nanos(start).min(self.newest), trace))
    }
}

/// Takes the oldest traces of a service until no more than `least` of its bytes are left. Gives theirs.
fn take(
    blocks: &[Weighed<'_>],
    service: &str,
    (bytes, least): (u64, u64),
    chosen: &mut Chosen,
) -> u64 {
    let mut left = bytes;
    // Blocks are looked into when their turn comes: until then they stand for their oldest trace.
    let mut rests: BTreeMap<usize, Rest> = BTreeMap::new();
    let first = |(at, block): (usize, &Weighed<'_>)| {
        let view = &block.stored.view;
        Reverse((view.start.min(view.retention), at, None))
    };
    let mut turns: BinaryHeap<Reverse<(Timestamp, usize, Option<u32>)>> =
        blocks.iter().enumerate().map(first).collect();
    while left > least {
        let Some(Reverse((_, at, trace))) = turns.pop() else { break };
        let Some(block) = blocks.get(at) else { continue };
        let id = block.stored.record.id;
        let rest = match trace {
            None => rests.entry(at).or_insert_with(|| Rest::of(block, service, chosen.get(&id))),
            Some(trace) => {
                left = left.saturating_sub(block.bytes_of(trace));
                chosen.entry(id).or_default().insert(trace);
                let Some(rest) = rests.get_mut(&at) else { continue };
                rest
            }
        };
        turns.extend(rest.next().map(|(time, trace)| Reverse((time, at, Some(trace)))));
    }
    bytes - left
}

/// The blocks, with who is charged for what.
pub(super) fn weighed<'a>(base: &'a Base, known: &mut ChargeTables) -> Vec<Weighed<'a>> {
    let there: BTreeSet<BlockId> = base.stored.keys().copied().collect();
    known.tables.retain(|id, _| there.contains(id));
    let weighed = |stored| Weighed { stored, table: table(stored, known).ok() };
    base.stored.values().map(weighed).collect()
}

fn table(stored: &Stored, known: &mut ChargeTables) -> Result<Arc<ChargeTable>, BlockError> {
    if let Some(table) = known.tables.get(&stored.record.id) {
        return Ok(Arc::clone(table));
    }
    let block = &stored.view.block;
    let table = ChargeTable { charges: charges(block)?, firsts: block.trace_first_rows()? };
    let table = Arc::new(table);
    known.tables.insert(stored.record.id, Arc::clone(&table));
    Ok(table)
}
