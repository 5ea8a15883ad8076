//! Spans from a fuzzer's bytes: small pools of ids, words and times, so that spans meet; and now and
//! then the largest and the oddest there is. Invariant: every span is one that a store takes.

use std::sync::Arc;

use treering::model::{
    Attribute, EntityRef, Event, InstrumentationScope, Link, Resource, Span, SpanKind, Status,
    StatusCode, Value,
};
use treering::{SpanId, Timestamp, TraceId};

use crate::bytes::Bytes;

/// The time around which spans start, in nanoseconds.
pub(crate) const BASE: u64 = 1_795_334_400_000_000_000;

const KEYS: [&str; 8] = ["a", "b", "n", "flag", "arr", "two words", "service.name", ""];
const TEXTS: [&str; 10] = ["x", "y", "", "xyz", "200", "get", "web", "x\ny", "X\u{e9}", "1"];

/// A span of one of a few traces.
pub(crate) fn span(bytes: &mut Bytes<'_>) -> Span {
    let (trace, id, parent) = (bytes.below(5), bytes.below(12), bytes.below(16));
    let start = time(bytes);
    let mut span = Span {
        trace_id: trace_id(trace),
        span_id: span_id(id),
        // Beyond the ids there are, so that some parents are missing.
        parent_span_id: (parent > 0).then(|| span_id(parent - 1)),
        name: text(bytes),
        kind: SpanKind(kind(bytes)),
        start,
        end: end(bytes, start),
        ..Span::default()
    };
    let more = bytes.byte();
    let has = |bit: u8| more >> bit & 1 == 1;
    if has(0) {
        span.attributes = bytes.list(4, attribute);
    }
    if has(1) {
        span.resource = Arc::new(resource(bytes));
    }
    if has(2) {
        span.events = bytes.list(3, |bytes| event(bytes, start));
    }
    if has(3) {
        span.links = bytes.list(2, link);
    }
    if has(4) {
        span.scope = Arc::new(scope(bytes));
    }
    if has(5) {
        span.status = Status { code: StatusCode(code(bytes)), message: text(bytes) };
    }
    if has(6) {
        span.trace_state = text(bytes);
        span.flags = u32::from(bytes.u16()) << 8;
        span.dropped_attributes_count = u32::from(bytes.byte());
        span.dropped_events_count = u32::from(bytes.byte());
        span.dropped_links_count = u32::MAX - u32::from(bytes.byte());
    }
    span
}

/// The id of one of a few traces; number 5 is never a span's.
pub(crate) fn trace_id(number: u8) -> TraceId {
    let mut id = [0; 16];
    id[if number.is_multiple_of(2) { 0 } else { 15 }] = 0xd0 + number;
    TraceId::from_bytes(id)
}

fn span_id(number: u8) -> SpanId {
    SpanId::from_bytes([if number.is_multiple_of(3) { 0xab } else { 0 }, 0, 0, 0, 0, 0, 1, number])
}

fn time(bytes: &mut Bytes<'_>) -> Timestamp {
    let nanos = match bytes.byte() {
        0 => 0,
        1 => u64::MAX,
        2 => bytes.u64(),
        3 => BASE + (u64::from(bytes.u16()) << 20),
        other => BASE + u64::from(other % 24),
    };
    Timestamp::from_unix_nanos(nanos)
}

fn end(bytes: &mut Bytes<'_>, start: Timestamp) -> Timestamp {
    let start = start.unix_nanos();
    let nanos = match bytes.byte() {
        0 => 0,
        1 => u64::MAX,
        2 => bytes.u64(),
        other @ 3..8 => start.saturating_sub(other.into()),
        other => start.saturating_add(u64::from(other % 32)),
    };
    Timestamp::from_unix_nanos(nanos)
}

fn kind(bytes: &mut Bytes<'_>) -> i32 {
    match bytes.byte() {
        255 => i32::MIN,
        254 => 99,
        other => i32::from(other % 6),
    }
}

fn code(bytes: &mut Bytes<'_>) -> i32 {
    match bytes.byte() {
        255 => i32::MAX,
        other => i32::from(other % 3),
    }
}

/// A text of a few.
fn text(bytes: &mut Bytes<'_>) -> String {
    match bytes.byte() {
        // The longest of these are groups of a dictionary by themselves.
        255 => "long ".repeat(usize::from(bytes.byte()) * 16),
        254 => char::from(bytes.byte()).to_string(),
        other => TEXTS[usize::from(other) % TEXTS.len()].to_owned(),
    }
}

/// An attribute with one of a few keys.
pub(crate) fn attribute(bytes: &mut Bytes<'_>) -> Attribute {
    let key = bytes.pick(&KEYS);
    Attribute::new(key, value(bytes, 3))
}

fn value(bytes: &mut Bytes<'_>, depth: u8) -> Value {
    match bytes.byte() % if depth == 0 { 10 } else { 16 } {
        0..3 => Value::String(text(bytes)),
        3 | 4 => Value::Int(i64::from(bytes.below(6)) - 1),
        5 => Value::Int(bytes.pick(&[i64::MIN, i64::MAX, 200, 1 << 53, (1 << 53) + 1])),
        6 => Value::Double(bytes.pick(&[
            0.0,
            -0.0,
            0.5,
            1.0,
            2.0,
            f64::NAN,
            f64::INFINITY,
            1e300,
            2_f64.powi(63),
        ])),
        7 => Value::Bool(bytes.byte() % 2 == 1),
        8 => Value::Empty,
        9 => Value::Bytes(bytes.list(3, Bytes::byte)),
        10 | 11 => Value::Array(bytes.list(3, |bytes| value(bytes, depth - 1))),
        12 => {
            let element = value(bytes, 0);
            Value::Array(vec![element; usize::from(bytes.below(4))])
        }
        13 => Value::KeyValues(
            bytes.list(2, |bytes| Attribute::new(bytes.pick(&KEYS), value(bytes, depth - 1))),
        ),
        14 => {
            let levels = bytes.below(60);
            let one = |inner, _| Value::Array(vec![inner]);
            (0..levels).fold(Value::Int(1), one)
        }
        _ => Value::Array(bytes.list(3, |bytes| Value::Int(i64::from(bytes.below(4))))),
    }
}

fn event(bytes: &mut Bytes<'_>, start: Timestamp) -> Event {
    let after = u64::from(bytes.below(7));
    let near = start.unix_nanos().saturating_add(after).saturating_sub(2);
    Event {
        time: if after == 6 { time(bytes) } else { Timestamp::from_unix_nanos(near) },
        name: bytes.pick(&["exception", "message", ""]).to_owned(),
        attributes: bytes.list(3, attribute),
        dropped_attributes_count: u32::from(bytes.once_in(8)),
    }
}

fn link(bytes: &mut Bytes<'_>) -> Link {
    Link {
        trace_id: TraceId::from_bytes([bytes.below(3); 16]),
        span_id: SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, bytes.below(3)]),
        trace_state: if bytes.once_in(8) { text(bytes) } else { String::new() },
        attributes: bytes.list(2, attribute),
        dropped_attributes_count: u32::from(bytes.once_in(8)),
        flags: u32::from(bytes.once_in(8)),
    }
}

fn resource(bytes: &mut Bytes<'_>) -> Resource {
    let mut attributes = bytes.list(2, attribute);
    if !bytes.once_in(4) {
        attributes.push(Attribute::new("service.name", bytes.pick(&["web", "cart", "db", ""])));
    }
    let entity = |bytes: &mut Bytes<'_>| EntityRef {
        schema_url: text(bytes),
        entity_type: text(bytes),
        id_keys: bytes.list(2, text),
        description_keys: bytes.list(2, text),
    };
    let odd = bytes.once_in(8);
    Resource {
        attributes,
        dropped_attributes_count: u32::from(odd),
        entity_refs: if odd { bytes.list(2, entity) } else { Vec::new() },
        schema_url: if odd { text(bytes) } else { String::new() },
    }
}

fn scope(bytes: &mut Bytes<'_>) -> InstrumentationScope {
    InstrumentationScope {
        name: bytes.pick(&["", "lib", "http"]).to_owned(),
        version: bytes.pick(&["", "1.2"]).to_owned(),
        attributes: bytes.list(2, attribute),
        dropped_attributes_count: u32::from(bytes.once_in(8)),
        schema_url: if bytes.once_in(8) { text(bytes) } else { String::new() },
    }
}
