//! The staged form of spans. Invariant: a cell list holds a key at most once; attributes whose key
//! stands earlier in the same list are kept in one cell under `field::REPEATED`.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Interner;
use super::origins::Origins;
use super::trim::Largest;
use crate::block::values;
use crate::codec::cast::i64_of_bits;
use crate::codec::order;
use crate::id::{SpanId, TraceId};
use crate::model::{InstrumentationScope, Resource, SpanKind, StatusCode, Value};
use crate::options::Limits;
use crate::time::Timestamp;

/// The type of a column's values. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum ValueKind {
    /// Text; the payload is its number in the interner.
    String,
    /// An integer; the payload sorts as it does.
    Int,
    /// A float; the payload sorts as its total order.
    Double,
    /// 0 or 1.
    Bool,
    /// Anything else, as bytes; the payload is their number in the interner.
    Other,
}

impl ValueKind {
    pub(crate) const COUNT: usize = 5;

    /// A dense number of this kind, below [`ValueKind::COUNT`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::String => 0,
            Self::Int => 1,
            Self::Double => 2,
            Self::Bool => 3,
            Self::Other => 4,
        }
    }

    /// True if payloads are numbers in the interner.
    pub(crate) fn is_interned(self) -> bool {
        matches!(self, Self::String | Self::Other)
    }
}

/// One attribute value of one span, event or link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The key's number in `Staging::keys`; or, from `FIELD_KEYS` up, a field's.
    pub(crate) key: u32,
    pub(crate) kind: ValueKind,
    pub(crate) payload: u64,
}

/// Keys from here up are fields: `FIELD_KEYS + field`.
pub(crate) const FIELD_KEYS: u32 = u32::MAX - 255;

/// A span in staging; text by number.
#[derive(Debug, Clone)]
pub(crate) struct StagedSpan {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) kind: SpanKind,
    pub(crate) status: StatusCode,
    pub(crate) name: u32,
    pub(crate) status_message: u32,
    pub(crate) trace_state: u32,
    pub(crate) flags: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
    pub(crate) resource: u32,
    pub(crate) scope: u32,
    pub(crate) attributes: Range<usize>,
    pub(crate) events: Range<usize>,
    pub(crate) links: Range<usize>,
}

/// An event in staging.
#[derive(Debug, Clone)]
pub(crate) struct StagedEvent {
    pub(crate) time: Timestamp,
    pub(crate) name: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) attributes: Range<usize>,
}

/// A link in staging.
#[derive(Debug, Clone)]
pub(crate) struct StagedLink {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_state: u32,
    pub(crate) flags: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) attributes: Range<usize>,
}

/// Spans in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    pub(crate) keys: Interner,
    pub(crate) strings: Interner,
    pub(crate) spans: Vec<StagedSpan>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) events: Vec<StagedEvent>,
    pub(crate) links: Vec<StagedLink>,
    pub(crate) resources: Vec<Arc<Resource>>,
    pub(crate) scopes: Vec<Arc<InstrumentationScope>>,
    /// Which of them the spans that come next have.
    pub(super) origins: Origins,
    /// For each key, the list in which it was last seen.
    pub(super) seen_in: Vec<u64>,
    pub(super) lists: u64,
    /// For each key, the one that came after it last; for key 0, the one that a list began with.
    pub(super) following: Vec<u32>,
    pub(super) scratch: Vec<u8>,
    /// `None` for what was stored before, which keeps everything.
    pub(super) limits: Option<Limits>,
    pub(super) largest: Largest,
}

impl Staging {
    /// A staging that cuts spans to `limits`.
    pub(crate) fn within(limits: Limits) -> Self {
        Self { limits: Some(limits), ..Self::default() }
    }

    /// The largest of what was staged.
    pub(crate) fn largest(&self) -> Largest {
        self.largest
    }

    /// Bytes in memory, roughly.
    pub(crate) fn bytes_len(&self) -> usize {
        self.strings.bytes_len()
            + self.keys.bytes_len()
            + self.origins.bytes_len()
            + self.links.len() * size_of::<StagedLink>()
            + self.cells.len() * size_of::<Cell>()
            + self.spans.len() * size_of::<StagedSpan>()
            + self.events.len() * size_of::<StagedEvent>()
    }

    /// A cell's value.
    pub(crate) fn value(&self, cell: &Cell) -> Value {
        let interned = || self.strings.get(u32::try_from(cell.payload).unwrap_or(0));
        match cell.kind {
            ValueKind::String => Value::String(String::from_utf8_lossy(interned()).into_owned()),
            ValueKind::Int => Value::Int(order::to_i64(cell.payload)),
            ValueKind::Double => Value::Double(f64::from_bits(order::to_f64_bits(cell.payload))),
            ValueKind::Bool => Value::Bool(cell.payload != 0),
            ValueKind::Other => values::decode(interned()).unwrap_or_default(),
        }
    }
}

/// A `u64` as the payload of an `Int` cell, by its bits.
pub(crate) const fn payload_of_bits(bits: u64) -> u64 {
    order::of_i64(i64_of_bits(bits))
}
