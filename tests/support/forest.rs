//! Random small traces and the ways in which they can arrive. Invariant: everything a sender may get
//! wrong is in here: orphans, cycles, shared ids, equal and turned-round times, values of any type,
//! repeated and resent spans, any order; and words are few, so that conditions often meet.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use treering::model::{
    Attribute, Event, InstrumentationScope, Link, Resource, Span, SpanKind, Status, StatusCode,
    Value,
};
use treering::{SpanId, Timestamp, TraceId};

/// The first nanosecond that a span may start at.
pub(crate) const BASE: u64 = 1_795_334_400_000_000_000;

/// Spans in the order and the portions in which they come.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// One after the other; some may be empty.
    pub(crate) batches: Vec<Vec<Span>>,
}

impl Arrival {
    /// All spans, as they come.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.batches.concat()
    }
}

/// What a span is called and what it does, without its place in a trace.
#[derive(Debug, Clone)]
struct Content {
    name: &'static str,
    kind: i32,
    status: Status,
    attributes: Vec<Attribute>,
    events: Vec<Event>,
    links: Vec<Link>,
    resource: Resource,
    scope: InstrumentationScope,
}

/// The id a span has.
#[derive(Debug, Clone)]
enum Identity {
    Own,
    /// That of another span, as the other half of a client/server pair.
    Pair(Index),
    /// That of another span.
    Shared(Index),
}

/// The parent a span names.
#[derive(Debug, Clone)]
enum Origin {
    Root,
    /// A span before it.
    Earlier(Index),
    /// Any span, itself too.
    Any(Index),
    Missing(u8),
}

type Sketch = (Identity, Origin, u64, i64, Content);

/// Spans of one to six traces, in no order that matters.
pub(crate) fn forest() -> impl Strategy<Value = Vec<Span>> {
    let sizes = prop_oneof![5 => 1..8_usize, 3 => 8..16_usize, 1 => 16..=30_usize];
    let trace = sizes.prop_flat_map(|size| vec(sketch(), size));
    vec((trace, prop_oneof![Just(0), 0..100_u64]), 1..=6).prop_map(|traces| {
        let mut spans = Vec::new();
        for (number, (sketches, offset)) in (0_u8..).zip(traces) {
            spans.extend(draw(number, offset, sketches));
        }
        spans
    })
}

/// A forest as it may arrive: shuffled, cut, with spans repeated and resent.
pub(crate) fn arrival() -> impl Strategy<Value = Arrival> {
    let resend = (any::<Index>(), 0..5_u8, content());
    (forest(), vec(resend, 0..6))
        .prop_map(|(mut spans, resends)| {
            let originals = spans.len();
            for (index, how, content) in resends {
                let again = resent(&spans[index.index(originals)], how, content);
                spans.push(again);
            }
            spans
        })
        .prop_flat_map(|spans| (Just(spans).prop_shuffle(), vec(any::<Index>(), 0..6)))
        .prop_map(|(spans, cuts)| cut(&spans, &cuts))
}

/// The spans in batches, cut at random places.
pub(crate) fn cut(spans: &[Span], cuts: &[Index]) -> Arrival {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(spans.len() + 1)).collect();
    ends.push(spans.len());
    ends.sort_unstable();
    let mut start = 0;
    let mut batches = Vec::new();
    for end in ends {
        batches.push(spans[start..end].to_vec());
        start = end;
    }
    Arrival { batches }
}

fn resent(span: &Span, how: u8, content: Content) -> Span {
    let mut span = span.clone();
    match how {
        0 => {}
        1 => {
            // The order of attributes of one key says which one counts, so it has to stay.
            span.attributes.sort_by(|a, b| b.key.cmp(&a.key));
        }
        2 => span.end = Timestamp::from_unix_nanos(span.end.unix_nanos() + 3),
        3 => span.attributes = content.attributes,
        _ => {
            let kind = span.kind;
            fill(&mut span, content);
            span.kind = kind;
        }
    }
    span
}

fn draw(number: u8, offset: u64, sketches: Vec<Sketch>) -> Vec<Span> {
    let id = |at: usize| {
        let byte = u8::try_from(at).unwrap_or(u8::MAX);
        // Ids with and without leading zeros, and with digits that have cases.
        SpanId::from_bytes([if at.is_multiple_of(3) { 0xab } else { 0 }, 0, 0, 0, 0, 0, 1, byte])
    };
    let mut spans: Vec<Span> = Vec::new();
    let size = sketches.len();
    for (at, (identity, origin, start, length, content)) in sketches.into_iter().enumerate() {
        let mut span = Span::default();
        let mut trace = [0; 16];
        trace[if number.is_multiple_of(2) { 0 } else { 15 }] = 0xd0 + number;
        span.trace_id = TraceId::from_bytes(trace);
        fill(&mut span, content);
        span.span_id = match identity {
            Identity::Pair(other) if at > 0 => {
                let other = &mut spans[other.index(at)];
                other.kind = SpanKind::CLIENT;
                span.kind = SpanKind::SERVER;
                other.span_id
            }
            Identity::Shared(other) if at > 0 => spans[other.index(at)].span_id,
            _ => id(at),
        };
        span.parent_span_id = match origin {
            Origin::Root => None,
            Origin::Earlier(_) if at == 0 => None,
            Origin::Earlier(other) => Some(spans[other.index(at)].span_id),
            Origin::Any(other) => Some(id(other.index(size))),
            Origin::Missing(which) => Some(SpanId::from_bytes([9, 9, 9, 9, 9, 9, 9, which])),
        };
        let start = BASE + offset + start;
        span.start = Timestamp::from_unix_nanos(start);
        span.end = Timestamp::from_unix_nanos(start.saturating_add_signed(length));
        for event in &mut span.events {
            // Up to 2 ns before the span.
            event.time = Timestamp::from_unix_nanos(start + event.time.unix_nanos() - 2);
        }
        spans.push(span);
    }
    spans
}

fn fill(span: &mut Span, content: Content) {
    span.name = content.name.to_owned();
    span.kind = SpanKind(content.kind);
    span.status = content.status;
    span.attributes = content.attributes;
    span.events = content.events;
    span.links = content.links;
    span.resource = Arc::new(content.resource);
    span.scope = Arc::new(content.scope);
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let identity = prop_oneof![
        16 => Just(Identity::Own),
        3 => any::<Index>().prop_map(Identity::Pair),
        1 => any::<Index>().prop_map(Identity::Shared),
    ];
    let origin = prop_oneof![
        2 => Just(Origin::Root),
        14 => any::<Index>().prop_map(Origin::Earlier),
        2 => any::<Index>().prop_map(Origin::Any),
        2 => (0..3_u8).prop_map(Origin::Missing),
    ];
    let length = prop_oneof![8 => 0..30_i64, 1 => -5..0_i64, 1 => Just(2_000_000_000)];
    (identity, origin, 0..20_u64, length, content())
}

fn content() -> impl Strategy<Value = Content> {
    let kind = prop_oneof![9 => 0..=5_i32, 1 => Just(9)];
    let status = (prop_oneof![9 => 0..=2_i32, 1 => Just(7)], select(&["", "", "broken", "x"][..]))
        .prop_map(|(code, text)| Status { code: StatusCode(code), message: text.to_owned() });
    let name = select(&["get", "put", "GET /cart", "", "zz"][..]);
    let parts = (attributes(0..5), vec(event(), 0..3), vec(link(), 0..2), resource(), scope());
    (name, kind, status, parts).prop_map(|(name, kind, status, parts)| {
        let (attributes, events, links, resource, scope) = parts;
        Content { name, kind, status, attributes, events, links, resource, scope }
    })
}

fn attributes(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Attribute>> {
    let key = select(&["a", "a", "b", "b", "n", "flag", "arr", "two words"][..]);
    vec((key, value()).prop_map(|(key, value)| Attribute::new(key, value)), count)
}

fn value() -> impl Strategy<Value = Value> {
    let int = prop_oneof![
        6 => -2..6_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => Just(200),
        1 => select(&[(1 << 53) - 1, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1][..]),
    ];
    let float = select(vec![
        0.0,
        -0.0,
        0.5,
        1.0,
        2.0,
        3.5,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        9_007_199_254_740_992.0,
        2.0_f64.powi(63),
    ]);
    let text = select(&["x", "y", "xyz", "200", "", "x\ny", "Xé", "two words", "1"][..]);
    let strings = vec(text.clone().prop_map(Value::from), 1..4).prop_map(Value::Array);
    let ints = vec(int.clone().prop_map(Value::from), 1..4).prop_map(Value::Array);
    let floats = vec(float.clone().prop_map(Value::from), 1..4).prop_map(Value::Array);
    let flags = vec(any::<bool>().prop_map(Value::from), 1..3).prop_map(Value::Array);
    let plain = prop_oneof![
        6 => text.prop_map(Value::from),
        6 => int.prop_map(Value::from),
        4 => float.prop_map(Value::from),
        4 => any::<bool>().prop_map(Value::from),
    ];
    let mixed = vec(plain.clone(), 0..3).prop_map(Value::Array);
    let odd = prop_oneof![
        Just(Value::Empty),
        Just(Value::Bytes(vec![1, 2])),
        Just(Value::KeyValues(vec![Attribute::new("a", 1_i64)])),
        Just(Value::Array(vec![Value::Array(vec![Value::Int(1)])])),
        Just(Value::Array(vec![])),
    ];
    prop_oneof![
        20 => plain, 2 => strings, 2 => ints, 1 => floats, 1 => flags, 1 => mixed, 2 => odd
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let name = select(&["exception", "message", ""][..]);
    (name, 0..7_u64, attributes(0..4)).prop_map(|(name, after, attributes)| Event {
        time: Timestamp::from_unix_nanos(after),
        name: name.to_owned(),
        attributes,
        dropped_attributes_count: 0,
    })
}

fn link() -> impl Strategy<Value = Link> {
    (0..3_u8, 0..3_u8, attributes(0..3)).prop_map(|(trace, span, attributes)| Link {
        trace_id: TraceId::from_bytes([trace; 16]),
        span_id: SpanId::from_bytes([0, 0, 0, 0, 0, 0, span, span]),
        attributes,
        ..Link::default()
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let service = prop_oneof![
        6 => select(&["web", "cart", "db"][..]).prop_map(|name| Some(Value::from(name))),
        1 => Just(None),
        1 => select(&["xyz", ""][..]).prop_map(|name| Some(Value::from([name]))),
    ];
    (service, attributes(0..2)).prop_map(|(service, mut attributes)| {
        attributes.extend(service.map(|service| Attribute::new("service.name", service)));
        Resource { attributes, ..Resource::default() }
    })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    let name = select(&["", "lib", "http"][..]);
    (name, select(&["", "1.2"][..]), attributes(0..2)).prop_map(|(name, version, attributes)| {
        InstrumentationScope {
            name: name.to_owned(),
            version: version.to_owned(),
            attributes,
            ..InstrumentationScope::default()
        }
    })
}
