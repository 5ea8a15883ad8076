//! Spans on their way into a block: text interned, attributes as small cells, in order of arrival.
//! Invariant: what was staged is complete, as far as it is within the limits; nothing of a refused span
//! stays.

mod append;
mod check;
mod interner;
mod origins;
mod sink;
mod spans;
mod trim;
mod unstage;

pub(crate) use interner::Interner;
pub(crate) use spans::{
    Cell, FIELD_KEYS, StagedEvent, StagedLink, StagedSpan, Staging, ValueKind, payload_of_bits,
};
