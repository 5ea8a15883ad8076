//! The sequence of traces, and ways to cut it. Invariant: trace number n depends on the seed and n
//! alone.

use treering::model::Span;
use treering::{SpanId, Timestamp, TraceId, otlp};

use crate::catalogue::Catalogue;
use crate::rng::{Rng, mix};
use crate::weaver::Weaver;

/// Every attribute key of resources and spans, sorted.
pub const KEYS: [&str; 26] = [
    "cache.hit",
    "db.operation",
    "db.rows",
    "db.statement",
    "db.system",
    "enduser.id",
    "http.method",
    "http.request.header.x-forwarded-for",
    "http.request_id",
    "http.response_size",
    "http.route",
    "http.status_code",
    "http.url",
    "http.user_agent",
    "k8s.namespace.name",
    "k8s.pod.name",
    "messaging.destination",
    "messaging.message_id",
    "net.peer.name",
    "queue.wait_ms",
    "retry.count",
    "rpc.grpc.status_code",
    "rpc.method",
    "service.name",
    "service.version",
    "telemetry.sdk.language",
];

/// 2026-11-22T08:00:00Z: traces begin an hour before it, 20 a second, so that the first 1,000,000
/// spans end about here.
pub const END: Timestamp = Timestamp::from_unix_nanos(1_795_334_400_000_000_000);

/// Spans in each request of [`Generator::requests`].
pub const REQUEST_SPANS: usize = 500;

/// Nanoseconds from the start of the first trace to [`END`].
const HOUR_NANOS: u64 = 3_600_000_000_000;

/// Nanoseconds between the starts of traces, on average.
const GAP_NANOS: u64 = 50_000_000;

/// An endless sequence of traces: each item is the spans of one, in the order they would arrive
/// (by end time). Traces come by start time, apart from a few milliseconds' jitter.
#[derive(Debug, Clone)]
pub struct Generator {
    seed: u64,
    next: u64,
    catalogue: Catalogue,
}

impl Generator {
    /// The traces of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: 0, catalogue: Catalogue::new() }
    }

    /// Traces up to the first boundary at or after `spans` spans.
    pub fn traces(self, spans: usize) -> Traces {
        Traces { generator: self, left: spans }
    }

    /// The spans of [`Generator::traces`], one after another.
    pub fn spans(self, spans: usize) -> impl Iterator<Item = Span> {
        self.traces(spans).flatten()
    }

    /// The spans of [`Generator::traces`] as OTLP protobuf requests of [`REQUEST_SPANS`] spans each,
    /// the last one shorter. Traces may be split between requests, as they are in life.
    pub fn requests(self, spans: usize) -> Requests {
        Requests { traces: self.traces(spans), pending: Vec::new() }
    }

    fn trace(&self, number: u64) -> Vec<Span> {
        let mut rng = Rng::new(self.seed, number);
        let back = rng.zipf(number.min(2000) + 1);
        let user = 1000 + rng.zipf(120_000);
        let jitter = rng.below(4 * GAP_NANOS);
        let begin = END.unix_nanos() - HOUR_NANOS;
        let start = begin.saturating_add(number.saturating_mul(GAP_NANOS)).saturating_add(jitter);
        let budget = budget(&mut rng);
        let (trace_id, span_id) = ids(self.seed, number);
        let mut weaver = Weaver {
            catalogue: &self.catalogue,
            rng,
            trace_id,
            earlier: ids(self.seed, number.saturating_sub(back)),
            user,
            first_id: Some(span_id),
            spans: Vec::with_capacity(budget),
            begun: 0,
        };
        weaver.weave(start, budget);
        let Weaver { mut spans, mut rng, .. } = weaver;
        if rng.chance(14) {
            lose_one(&mut spans, &mut rng);
        }
        spans.sort_by_key(|span| (span.end, span.span_id));
        spans
    }
}

impl Iterator for Generator {
    type Item = Vec<Span>;

    fn next(&mut self) -> Option<Vec<Span>> {
        let trace = self.trace(self.next);
        self.next = self.next.wrapping_add(1);
        Some(trace)
    }
}

/// The ids of trace `number` and of its first span.
fn ids(seed: u64, number: u64) -> (TraceId, SpanId) {
    let base = mix(seed).wrapping_add(number);
    let (high, low) = (mix(base ^ 0x5eed), mix(base.rotate_left(32)));
    let bytes = (u128::from(high) << 64 | u128::from(low)).max(1).to_le_bytes();
    let first = mix(base.rotate_left(17)).max(1).to_le_bytes();
    (TraceId::from_bytes(bytes), SpanId::from_bytes(first))
}

/// How many spans a trace may have: most a few, some hundreds, one in 5,000 thousands.
fn budget(rng: &mut Rng) -> usize {
    let budget = match rng.below(5000) {
        0 => rng.between(800, 5000),
        1..700 => rng.between(1, 3),
        _ => rng.log_normal(10, 140).clamp(2, 700),
    };
    usize::try_from(budget).unwrap_or(1)
}

/// Takes one span out: the root half of the time, any other otherwise. Never the last span.
fn lose_one(spans: &mut Vec<Span>, rng: &mut Rng) {
    if spans.len() < 2 {
        return;
    }
    let any = usize::try_from(rng.below(u64::try_from(spans.len()).unwrap_or(0))).unwrap_or(0);
    let root = spans.iter().position(|span| span.parent_span_id.is_none());
    let lost = if rng.chance(500) { root.unwrap_or(any) } else { any };
    spans.remove(lost);
}

/// Whole traces up to a number of spans; made by [`Generator::traces`].
#[derive(Debug, Clone)]
pub struct Traces {
    generator: Generator,
    left: usize,
}

impl Iterator for Traces {
    type Item = Vec<Span>;

    fn next(&mut self) -> Option<Vec<Span>> {
        if self.left == 0 {
            return None;
        }
        let trace = self.generator.next()?;
        self.left = self.left.saturating_sub(trace.len());
        Some(trace)
    }
}

/// OTLP protobuf requests; made by [`Generator::requests`].
#[derive(Debug, Clone)]
pub struct Requests {
    traces: Traces,
    pending: Vec<Span>,
}

impl Iterator for Requests {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        while self.pending.len() < REQUEST_SPANS {
            let Some(trace) = self.traces.next() else { break };
            self.pending.extend(trace);
        }
        if self.pending.is_empty() {
            return None;
        }
        let rest = self.pending.split_off(self.pending.len().min(REQUEST_SPANS));
        let request = std::mem::replace(&mut self.pending, rest);
        Some(otlp::write_protobuf(&request))
    }
}
