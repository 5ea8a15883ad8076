//! The bytes of a journal entry: a kind, then two counts, a time and an image, or trace ids.
//! Invariant: what was written is read back, and anything else is an error.

use std::sync::Arc;

use crate::block::{Block, BlockError, Settled};
use crate::codec::bytes::{Malformed, Reader};
use crate::codec::cast::u64_of;
use crate::head::Made;
use crate::id::TraceId;
use crate::time::Timestamp;

const SPANS: u8 = 1;
const DELETED: u8 = 2;
const ID_LEN: usize = 16;

/// A journal entry, read.
pub(super) enum Entry {
    /// The image of a block, and its latest retention time.
    Spans(Arc<[u8]>, Settled, Timestamp),
    /// Ids of deleted traces.
    Deleted(Arc<[TraceId]>),
}

/// The entry for a block.
pub(super) fn spans(made: &Made) -> Vec<u8> {
    let Settled { duplicates, replaced } = made.settled;
    let numbers = [duplicates, replaced, made.retention.unix_nanos()].map(u64::to_le_bytes);
    [&[SPANS], numbers.as_flattened(), &made.image].concat()
}

/// The entry for deleted traces.
pub(super) fn deleted(ids: &[TraceId]) -> Vec<u8> {
    let mut bytes = vec![DELETED];
    for id in ids {
        bytes.extend_from_slice(&id.to_bytes());
    }
    bytes
}

/// Reads an entry.
pub(super) fn decode(payload: &[u8]) -> Result<Entry, Malformed> {
    match payload.split_first() {
        Some((&SPANS, rest)) => {
            let mut reader = Reader::new(rest);
            let settled = Settled { duplicates: reader.u64()?, replaced: reader.u64()? };
            let retention = Timestamp::from_unix_nanos(reader.u64()?);
            Ok(Entry::Spans(reader.rest().into(), settled, retention))
        }
        Some((&DELETED, ids)) if ids.len() % ID_LEN == 0 => {
            let id = |bytes: &[u8]| TraceId::from_slice(bytes).unwrap_or_default();
            Ok(Entry::Deleted(ids.chunks_exact(ID_LEN).map(id).collect()))
        }
        Some((&DELETED, ids)) => {
            Err(Malformed::new(1, format!("{} bytes of trace ids of {ID_LEN}", ids.len())))
        }
        Some((kind, _)) => Err(Malformed::new(0, format!("kind {kind} of entry, 1 or 2 expected"))),
        None => Err(Malformed::new(0, "an empty entry")),
    }
}

/// The facts of an image that was read.
pub(super) fn made(
    block: &Block,
    image: Arc<[u8]>,
    settled: Settled,
    retention: Timestamp,
) -> Result<Made, BlockError> {
    let header = block.header()?;
    let starts = block.wide(crate::block::Section::TraceStarts)?;
    let ends = block.wide(crate::block::Section::TraceEnds)?;
    let time = |nanos: Option<&u64>| Timestamp::from_unix_nanos(nanos.copied().unwrap_or(0));
    debug_assert!(u64_of(image.len()) == header.image_len);
    Ok(Made {
        image,
        rows: header.rows,
        traces: header.traces,
        events: header.events,
        links: header.links,
        start: time(starts.iter().min()),
        newest: time(starts.iter().max()),
        end: time(ends.iter().max()),
        retention,
        settled,
    })
}
