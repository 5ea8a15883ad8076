//! What each thread does, operation by operation, the same every time. Invariant: threads have traces
//! of their own, so that what one has done so far says what its traces hold.

use std::collections::{BTreeMap, BTreeSet};

use treering::model::Span;
use treering::{SpanId, Timestamp, TraceId};

/// Threads that store.
pub(crate) const THREADS: u64 = 4;

/// Spans by trace.
pub(crate) type Content = BTreeMap<TraceId, BTreeSet<SpanId>>;

/// One operation of a thread.
pub(crate) enum Operation {
    Ingest(Vec<Span>),
    Delete(TraceId),
    /// Writes the file anew; it holds the same then.
    Purge,
}

/// A number without pattern, the same for the same arguments (the finaliser of `SplitMix64`).
pub(crate) fn mixed(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x5851_f42d_4c95_7f2d);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub(crate) fn trace_id(thread: u64, trace: u64) -> TraceId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(thread + 1).to_le_bytes());
    bytes[8..].copy_from_slice(&trace.to_le_bytes());
    TraceId::from_bytes(bytes)
}

/// The thread that a trace belongs to.
pub(crate) fn thread_of(trace: TraceId) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&trace.to_bytes()[..8]);
    u64::from_le_bytes(bytes) - 1
}

pub(crate) fn span_of(thread: u64, trace: u64, number: u64) -> Span {
    Span {
        trace_id: trace_id(thread, trace),
        span_id: SpanId::from_bytes((number + 1).to_le_bytes()),
        parent_span_id: (number > 0).then(|| SpanId::from_bytes((number / 2 + 1).to_le_bytes())),
        name: format!("span {number} of trace {trace}"),
        start: Timestamp::from_unix_nanos(1_000_000 * (trace + 1)),
        end: Timestamp::from_unix_nanos(1_000_000 * (trace + 1) + number),
        ..Span::default()
    }
}

/// Operation `number` of a thread.
pub(crate) fn operation(thread: u64, number: u64) -> Operation {
    let random = |what: u64| mixed(mixed(thread, number), what);
    if number % 9 == 8 {
        return Operation::Delete(trace_id(thread, random(0) % (number + 1)));
    }
    if thread == 0 && number % 31 == 30 {
        return Operation::Purge;
    }
    // Spans of a new trace, and late ones of older traces; sometimes many.
    let count = if number % 37 == 36 { 300 } else { 2 + random(1) % 20 };
    let one = |at: u64| {
        let back = if at < 3 { 0 } else { random(100 + at) % (number + 1).min(60) };
        span_of(thread, number - back, random(1000 + at) % 40)
    };
    Operation::Ingest((0..count).map(one).collect())
}

/// What an operation makes of a content.
pub(crate) fn apply(content: &mut Content, operation: &Operation) {
    match operation {
        Operation::Ingest(spans) => {
            for span in spans {
                content.entry(span.trace_id).or_default().insert(span.span_id);
            }
        }
        Operation::Delete(trace) => drop(content.remove(trace)),
        Operation::Purge => {}
    }
}
