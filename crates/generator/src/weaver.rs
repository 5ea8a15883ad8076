//! How a trace grows: entries, requests handled by services, calls from one to the next. Invariant:
//! a trace has at most as many spans as its budget, and recursion stops at [`DEPTH_MAX`].

use std::sync::Arc;

use treering::model::{InstrumentationScope, Span, SpanKind, Status, StatusCode};
use treering::{SpanId, Timestamp, TraceId};

use crate::catalogue::{Catalogue, Pod, SERVICES};
use crate::describe::{Request, set};
use crate::rng::Rng;
use crate::words::{JOBS, TOPICS};

/// Calls and work nest no deeper; below it services only do leaf work.
const DEPTH_MAX: u32 = 40;

/// Services that the gateway lets requests in to, the frequent ones first; 0 is `service-a`.
const ENTRIES: &[usize] = &[0, 0, 0, 1, 2, 3, 6, 9];

/// W3C flags of every span: sampled, and the bit by which OTLP says that it knows of remote parents.
const FLAGS: u32 = 0x101;

/// Nanoseconds in a microsecond.
pub(crate) const MICRO: u64 = 1_000;

/// How a piece of work ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// When, in nanoseconds since the epoch.
    pub(crate) end: u64,
    /// True where it ended in an error that its caller sees.
    pub(crate) failed: bool,
}

/// Where work is done: the pod, and the span that it is done for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside<'p> {
    pub(crate) pod: &'p Pod,
    pub(crate) parent: Option<SpanId>,
    pub(crate) depth: u32,
}

/// Builds one trace.
#[derive(Debug)]
pub(crate) struct Weaver<'c> {
    pub(crate) catalogue: &'c Catalogue,
    pub(crate) rng: Rng,
    pub(crate) trace_id: TraceId,
    /// A span of an earlier trace, for links.
    pub(crate) earlier: (TraceId, SpanId),
    /// The user whose request it is.
    pub(crate) user: u64,
    /// Id of the next span, where it is set already.
    pub(crate) first_id: Option<SpanId>,
    /// Finished spans: children before their parents.
    pub(crate) spans: Vec<Span>,
    /// Spans begun, finished or not.
    pub(crate) begun: usize,
}

impl Weaver<'_> {
    /// Grows the trace from `start` with about `budget` spans.
    pub(crate) fn weave(&mut self, start: u64, budget: usize) {
        let limit = budget.max(1);
        match self.rng.below(100) {
            0..78 => {
                self.through_gateway(None, 0, start, limit);
            }
            78..90 => self.job(start, limit),
            _ => self.message_root(start, limit),
        }
    }

    /// A request that comes in by the gateway.
    pub(crate) fn through_gateway(
        &mut self,
        parent: Option<SpanId>,
        depth: u32,
        start: u64,
        limit: usize,
    ) -> Outcome {
        let gateway = self.catalogue.gateway();
        let entry = self.rng.pick(ENTRIES);
        let pod = self.catalogue.pod(entry, &mut self.rng);
        let request = self.request(false);
        let proxy = Arc::clone(&self.catalogue.proxy);
        let mut span = self.begin(Inside { pod: &gateway, parent, depth }, &proxy, start);
        span.kind = SpanKind::SERVER;
        span.name = format!("ingress {}", pod.host);
        self.describe_gateway(&mut span, &request);
        let cursor = start + self.rng.log_normal(150 * MICRO, 80);
        let outcome = if self.begun < limit {
            let inside = Inside { pod: &pod, parent: Some(span.span_id), depth: depth + 1 };
            self.handle(inside, &request, cursor, limit)
        } else {
            Outcome { end: cursor, failed: self.rng.chance(20) }
        };
        let end = outcome.end + self.rng.log_normal(90 * MICRO, 80);
        self.finish_http(&mut span, outcome.failed);
        self.finish(span, end, outcome.failed)
    }

    fn job(&mut self, start: u64, limit: usize) {
        let service = usize::try_from(self.rng.below(20)).unwrap_or(0);
        let pod = self.catalogue.pod(service, &mut self.rng);
        let library = Arc::clone(&pod.library);
        let mut span = self.begin(Inside { pod: &pod, parent: None, depth: 0 }, &library, start);
        span.kind = SpanKind::INTERNAL;
        self.rng.pick_skewed(JOBS).clone_into(&mut span.name);
        let inside = Inside { pod: &pod, parent: Some(span.span_id), depth: 1 };
        let outcome = self.work(inside, start, limit);
        if outcome.failed {
            self.fail(&mut span, false);
        }
        self.finish(span, outcome.end, outcome.failed);
    }

    fn message_root(&mut self, start: u64, limit: usize) {
        let topic = self.rng.pick_skewed(TOPICS);
        let delay = self.rng.log_normal(40_000 * MICRO, 150);
        self.consume(None, 0, topic, (start, delay), limit);
    }

    /// A service handles a request: its sidecar's span, where it has one, then its own.
    pub(crate) fn handle(
        &mut self,
        inside: Inside<'_>,
        request: &Request,
        start: u64,
        limit: usize,
    ) -> Outcome {
        if self.begun + 2 <= limit && self.rng.chance(170) {
            let proxy = Arc::clone(&self.catalogue.proxy);
            let mut sidecar = self.begin(inside, &proxy, start);
            sidecar.kind = SpanKind::SERVER;
            sidecar.name = format!("inbound {}:8080/*", inside.pod.host);
            self.describe_server(&mut sidecar, request, inside.pod);
            let cursor = start + self.rng.log_normal(60 * MICRO, 60);
            let below = Inside { parent: Some(sidecar.span_id), depth: inside.depth + 1, ..inside };
            let outcome = self.serve(below, request, cursor, limit);
            let end = outcome.end + self.rng.log_normal(40 * MICRO, 60);
            self.finish_request(&mut sidecar, request, outcome.failed);
            return self.finish(sidecar, end, outcome.failed);
        }
        self.serve(inside, request, start, limit)
    }

    fn serve(
        &mut self,
        inside: Inside<'_>,
        request: &Request,
        start: u64,
        limit: usize,
    ) -> Outcome {
        let library = Arc::clone(&inside.pod.library);
        let mut span = self.begin(inside, &library, start);
        span.kind = SpanKind::SERVER;
        request.name_server(&mut span);
        self.describe_server(&mut span, request, inside.pod);
        let below = Inside { parent: Some(span.span_id), depth: inside.depth + 1, ..inside };
        let outcome = self.work(below, start, limit);
        let own = self.rng.chance(14);
        if own || outcome.failed {
            self.fail(&mut span, own);
        }
        self.finish_request(&mut span, request, own || outcome.failed);
        self.finish(span, outcome.end, own || outcome.failed)
    }

    /// What a service does for a request, until `limit` spans are begun.
    pub(crate) fn work(&mut self, inside: Inside<'_>, start: u64, limit: usize) -> Outcome {
        let mut cursor = start + self.rng.log_normal(250 * MICRO, 120);
        let mut end = cursor;
        let mut failed = false;
        while self.begun < limit && !failed {
            let outcome = self.step(inside, cursor, limit);
            end = end.max(outcome.end);
            // One step in six is left running while the next one starts.
            cursor = if self.rng.chance(170) { cursor } else { outcome.end };
            cursor += self.rng.log_normal(80 * MICRO, 130);
            // One failure in four is handled.
            failed = outcome.failed && !self.rng.chance(250);
        }
        Outcome { end: end.max(cursor) + self.rng.log_normal(120 * MICRO, 120), failed }
    }

    fn step(&mut self, inside: Inside<'_>, start: u64, limit: usize) -> Outcome {
        let room = limit.saturating_sub(self.begun);
        let deep = inside.depth >= DEPTH_MAX;
        match self.rng.below(100) {
            0..52 if room >= 2 && !deep && inside.pod.service + 1 < SERVICES => {
                let share = self.share(room);
                self.call(inside, start, self.begun + share)
            }
            52..64 if !deep => {
                let share = self.share(room).min(6);
                self.internal(inside, start, self.begun + share)
            }
            64..68 if room >= 2 && !deep => {
                let share = self.share(room);
                self.publish(inside, start, self.begun + share)
            }
            0..78 => self.cache(inside, start),
            _ => self.query(inside, start, limit),
        }
    }

    /// How many of `room` spans one step may take: mostly few, sometimes nearly all.
    fn share(&mut self, room: usize) -> usize {
        let room_wide = u64::try_from(room).unwrap_or(u64::MAX);
        let share = if self.rng.chance(300) {
            room_wide * self.rng.between(40, 95) / 100
        } else {
            self.rng.log_normal(7, 130)
        };
        usize::try_from(share).unwrap_or(room).clamp(room.min(2), room)
    }

    /// A call to another service, tried up to three times.
    fn call(&mut self, inside: Inside<'_>, start: u64, limit: usize) -> Outcome {
        let outside = self.rng.chance(if inside.pod.service == 0 { 168 } else { 51 });
        let callee = self.callee(inside.pod.service);
        let pod = self.catalogue.pod(callee, &mut self.rng);
        let request = self.request(pod.speaks_grpc && !outside);
        let mut start = start;
        let mut retries = 0_u32;
        loop {
            let library = Arc::clone(&inside.pod.library);
            let mut span = self.begin(inside, &library, start);
            span.kind = SpanKind::CLIENT;
            request.describe_client(&mut span, &pod, outside);
            if retries > 0 {
                set(&mut span, "retry.count", retries);
            }
            let outcome =
                self.attempt((inside, span.span_id), (&pod, outside), &request, (start, limit));
            let end = outcome.end + self.rng.log_normal(220 * MICRO, 130);
            if outcome.failed {
                self.fail(&mut span, false);
            }
            self.finish_request(&mut span, &request, outcome.failed);
            let outcome = self.finish(span, end, outcome.failed);
            if !outcome.failed || retries == 2 || self.begun + 2 > limit || self.rng.chance(600) {
                return outcome;
            }
            retries += 1;
            start = outcome.end + self.rng.log_normal(20_000 * MICRO, 100);
        }
    }

    fn attempt(
        &mut self,
        (inside, client): (Inside<'_>, SpanId),
        (pod, outside): (&Pod, bool),
        request: &Request,
        (start, limit): (u64, usize),
    ) -> Outcome {
        let arrival = start + self.rng.log_normal(350 * MICRO, 130);
        // Some calls get no answer at all: the other side's span never existed.
        if self.begun >= limit || self.rng.chance(4) {
            let patience = self.rng.log_normal(900_000 * MICRO, 60);
            return Outcome { end: arrival + patience, failed: true };
        }
        let depth = inside.depth + 1;
        if outside {
            return self.through_gateway(Some(client), depth, arrival, limit);
        }
        self.handle(Inside { pod, parent: Some(client), depth }, request, arrival, limit)
    }

    /// A service that `service` calls: one with a later letter.
    fn callee(&mut self, service: usize) -> usize {
        let later = SERVICES.saturating_sub(service + 1).max(1);
        let rank = usize::try_from(self.rng.zipf(u64::try_from(later).unwrap_or(1))).unwrap_or(0);
        service + 1 + (rank * 5 + service * 3) % later
    }

    /// A span that starts here.
    pub(crate) fn begin(
        &mut self,
        inside: Inside<'_>,
        scope: &Arc<InstrumentationScope>,
        start: u64,
    ) -> Span {
        self.begun += 1;
        let id = self.rng.next().max(1).to_le_bytes();
        Span {
            trace_id: self.trace_id,
            span_id: self.first_id.take().unwrap_or(SpanId::from_bytes(id)),
            parent_span_id: inside.parent,
            flags: FLAGS,
            start: Timestamp::from_unix_nanos(start),
            resource: Arc::clone(&inside.pod.resource),
            scope: Arc::clone(scope),
            ..Span::default()
        }
    }

    /// The span ends.
    pub(crate) fn finish(&mut self, mut span: Span, end: u64, failed: bool) -> Outcome {
        span.end = Timestamp::from_unix_nanos(end);
        if failed {
            span.status.code = StatusCode::ERROR;
        } else if span.kind == SpanKind::SERVER && self.rng.chance(300) {
            span.status = Status { code: StatusCode::OK, message: String::new() };
        }
        self.spans.push(span);
        Outcome { end, failed }
    }
}
