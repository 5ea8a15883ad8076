//! Work that calls no service: databases, caches, code, messages. Invariant: every span begun here is
//! finished here.

use std::sync::Arc;

use treering::SpanId;
use treering::model::{Link, Span, SpanKind};

use crate::describe::set;
use crate::weaver::{Inside, MICRO, Outcome, Weaver};
use crate::words::{CACHE_COMMANDS, INTERNAL, STATEMENTS, Statement, TOPICS};

/// The database's host.
const DATABASE: &str = "db.example.com";

impl Weaver<'_> {
    /// A database query, after a connect where no connection is free.
    pub(crate) fn query(&mut self, inside: Inside<'_>, start: u64, limit: usize) -> Outcome {
        let mut start = start;
        if self.begun + 2 <= limit && self.rng.chance(230) {
            let connect = self.connect(inside, start);
            if connect.failed {
                return connect;
            }
            start = connect.end + self.rng.log_normal(30 * MICRO, 90);
        }
        let replica = self.rng.chance(250);
        let statement = self.rng.pick_skewed(STATEMENTS);
        let host = if replica { "db-replica.example.com" } else { DATABASE };
        let mut span = self.database(inside, start, ("postgresql", host), statement);
        let rows = self.rng.zipf(500);
        set(&mut span, "db.rows", i64::try_from(rows).unwrap_or(0));
        let end = start + self.rng.log_normal(1_400 * MICRO, 170) + rows * 2 * MICRO;
        self.leaf(span, end, 14)
    }

    fn connect(&mut self, inside: Inside<'_>, start: u64) -> Outcome {
        let driver = Arc::clone(&self.catalogue.driver);
        let mut span = self.begin(inside, &driver, start);
        span.kind = SpanKind::CLIENT;
        "CONNECT".clone_into(&mut span.name);
        set(&mut span, "db.system", "postgresql");
        set(&mut span, "db.operation", "CONNECT");
        set(&mut span, "net.peer.name", DATABASE);
        let end = start + self.rng.log_normal(9_000 * MICRO, 190);
        self.leaf(span, end, 25)
    }

    /// A cache command.
    pub(crate) fn cache(&mut self, inside: Inside<'_>, start: u64) -> Outcome {
        let command = self.rng.pick_skewed(CACHE_COMMANDS);
        let mut span = self.database(inside, start, ("redis", "cache.example.com"), command);
        if command.0 == "GET" {
            let hit = self.rng.chance(880);
            set(&mut span, "cache.hit", hit);
        }
        let end = start + self.rng.log_normal(320 * MICRO, 110);
        self.leaf(span, end, 2)
    }

    fn database(
        &mut self,
        inside: Inside<'_>,
        start: u64,
        (system, host): (&str, &str),
        (operation, table, text): Statement,
    ) -> Span {
        let driver = Arc::clone(&self.catalogue.driver);
        let mut span = self.begin(inside, &driver, start);
        span.kind = SpanKind::CLIENT;
        span.name = format!("{operation} {table}");
        set(&mut span, "db.system", system);
        set(&mut span, "db.operation", operation);
        let statement = self.fill(text);
        set(&mut span, "db.statement", statement);
        set(&mut span, "net.peer.name", host);
        span
    }

    fn leaf(&mut self, mut span: Span, end: u64, errors_per_mille: u64) -> Outcome {
        let failed = self.rng.chance(errors_per_mille);
        if failed {
            self.fail(&mut span, true);
        }
        self.finish(span, end, failed)
    }

    /// Work within the service, perhaps with more work inside.
    pub(crate) fn internal(&mut self, inside: Inside<'_>, start: u64, limit: usize) -> Outcome {
        let library = Arc::clone(&inside.pod.library);
        let mut span = self.begin(inside, &library, start);
        span.kind = SpanKind::INTERNAL;
        self.rng.pick_skewed(INTERNAL).clone_into(&mut span.name);
        if self.rng.chance(700) {
            set(&mut span, "enduser.id", format!("user-{}", self.user));
        }
        if self.begun >= limit {
            let end = start + self.rng.log_normal(600 * MICRO, 180);
            return self.leaf(span, end, 10);
        }
        let below = Inside { parent: Some(span.span_id), depth: inside.depth + 1, ..inside };
        let outcome = self.work(below, start, limit);
        if outcome.failed {
            self.fail(&mut span, false);
        }
        self.finish(span, outcome.end, outcome.failed)
    }

    /// A message sent, and taken up later by another service. The sender does not wait.
    pub(crate) fn publish(&mut self, inside: Inside<'_>, start: u64, limit: usize) -> Outcome {
        let topic = self.rng.pick_skewed(TOPICS);
        let library = Arc::clone(&inside.pod.library);
        let mut span = self.begin(inside, &library, start);
        span.kind = SpanKind::PRODUCER;
        span.name = format!("{topic} publish");
        set(&mut span, "messaging.destination", topic);
        let message = self.token(24);
        set(&mut span, "messaging.message_id", message);
        let end = start + self.rng.log_normal(900 * MICRO, 130);
        let delay = self.rng.log_normal(15_000 * MICRO, 180);
        self.consume(Some(span.span_id), inside.depth + 1, topic, (end, delay), limit);
        self.leaf(span, end, 4)
    }

    /// A message taken up by a service `delay` nanoseconds after it was sent.
    pub(crate) fn consume(
        &mut self,
        parent: Option<SpanId>,
        depth: u32,
        topic: &str,
        (sent, delay): (u64, u64),
        limit: usize,
    ) {
        let service = 10 + usize::try_from(self.rng.zipf(12)).unwrap_or(0);
        let pod = self.catalogue.pod(service, &mut self.rng);
        let library = Arc::clone(&pod.library);
        let start = sent + delay;
        let mut span = self.begin(Inside { pod: &pod, parent, depth }, &library, start);
        span.kind = SpanKind::CONSUMER;
        span.name = format!("{topic} process");
        set(&mut span, "messaging.destination", topic);
        let message = self.token(24);
        set(&mut span, "messaging.message_id", message);
        let waited = f64::from(u32::try_from(delay / MICRO).unwrap_or(u32::MAX)) / 1000.0;
        set(&mut span, "queue.wait_ms", waited);
        if parent.is_none() || self.rng.chance(150) {
            let (trace_id, span_id) = self.earlier;
            span.links.push(Link { trace_id, span_id, ..Link::default() });
        }
        let inside = Inside { pod: &pod, parent: Some(span.span_id), depth: depth + 1 };
        let outcome = self.work(inside, start, limit);
        if outcome.failed {
            self.fail(&mut span, false);
        }
        self.finish(span, outcome.end, outcome.failed);
    }
}
