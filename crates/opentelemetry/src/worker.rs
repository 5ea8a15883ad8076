//! The thread that stores what was brought. Invariant: it ends only by a shutdown; no failure of the
//! store and no panic ends it, and each span that came to it is settled once.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::trace::SpanData;
use treering::model::{Refusal, Resource, SpanSink};
use treering::{Error, Ingested, Store};

use crate::convert::push_spans;
use crate::intake::{Message, Parcel, Shared};
use crate::notice::{Teller, WithCauses};
use crate::stats::count;

/// Most spans in one durable write, so that its conversion takes little memory beside the queue.
const BATCH_SPANS: usize = 8_192;

/// After a failed write the store is resumed at once, and if that does not last, after so long, and twice as
/// long each time,
const RESUME_PAUSE: Duration = Duration::from_secs(1);
/// but at least so often.
const RESUME_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The thread and what it works with.
pub(crate) struct Worker {
    store: Store,
    receiver: Receiver<Message>,
    shared: Arc<Shared>,
    teller: Teller,
    resource: Resource,
    /// Taken from the queue, and not stored yet.
    waiting: Vec<Parcel>,
    waiting_spans: usize,
    /// Most spans in one batch; less where the store turned out to take less.
    batch_spans: usize,
    /// When the store may be resumed again, and how long after that once more.
    resume_at: Instant,
    resume_pause: Duration,
}

impl Worker {
    pub(crate) fn new(
        store: Store,
        receiver: Receiver<Message>,
        shared: Arc<Shared>,
        teller: Teller,
    ) -> Self {
        Self {
            store,
            receiver,
            shared,
            teller,
            resource: Resource::default(),
            waiting: Vec::new(),
            waiting_spans: 0,
            batch_spans: BATCH_SPANS,
            resume_at: Instant::now(),
            resume_pause: RESUME_PAUSE,
        }
    }

    /// Stores what comes, until it is told to end.
    pub(crate) fn run(mut self) {
        // What the store or a handler logs is no telemetry of the service, and would come back here.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        while let Ok(first) = self.receiver.recv() {
            self.linger();
            if self.take(first).is_break() {
                break;
            }
        }
    }

    /// Waits for more spans to store along, unless somebody waits for these or there are many.
    ///
    /// It parks and does not receive, so that those who bring spans need not wake this thread each
    /// time, which costs them more than all the rest.
    fn linger(&self) {
        let (began, linger) = (Instant::now(), self.shared.options.linger);
        let hurries = || {
            self.shared.controls.load(Ordering::Acquire) > 0
                || self.shared.counts.queued_bytes.load(Ordering::Acquire)
                    >= self.shared.wake_bytes()
        };
        while !hurries() {
            match linger.checked_sub(began.elapsed()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => break,
            }
        }
    }

    /// Stores all there is in the queue.
    fn take(&mut self, first: Message) -> ControlFlow<()> {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Spans(parcel) => {
                    self.waiting_spans += parcel.spans.len();
                    self.waiting.push(parcel);
                    if self.waiting_spans >= self.batch_spans {
                        self.store_waiting();
                    }
                }
                Message::Resource(resource) => {
                    self.store_waiting();
                    self.resource = *resource;
                }
                Message::Flush(answer) => {
                    self.store_waiting();
                    self.shared.controls.fetch_sub(1, Ordering::AcqRel);
                    // Whoever asked may have stopped waiting.
                    let _answered = answer.send(());
                }
                Message::Shutdown => {
                    self.store_waiting();
                    return ControlFlow::Break(());
                }
            }
            next = self.receiver.try_recv().ok();
        }
        self.store_waiting();
        ControlFlow::Continue(())
    }

    fn store_waiting(&mut self) {
        let parcels = std::mem::take(&mut self.waiting);
        self.waiting_spans = 0;
        let spans: Vec<&SpanData> = parcels.iter().flat_map(|parcel| &parcel.spans).collect();
        let mut rest = spans.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(self.batch_spans.min(rest.len()));
            rest = after;
            self.store(batch);
        }
        let bytes: usize = parcels.iter().map(|parcel| parcel.bytes).sum();
        drop(parcels);
        let counts = &self.shared.counts;
        let before = counts.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
        let has_room = bytes > 0 && before == bytes;
        self.teller.queue(counts.queue_full.load(Ordering::Relaxed), has_room);
    }

    /// Stores spans, or counts them as lost.
    fn store(&mut self, spans: &[&SpanData]) {
        match catch_unwind(AssertUnwindSafe(|| self.ingest(spans))) {
            Ok(Ok(taken)) => {
                self.settle(&taken, spans.len());
                self.resume_pause = RESUME_PAUSE;
                self.teller.stored();
                if let Some(refusal) = taken.first_refusal {
                    self.teller.refused(&refusal);
                }
            }
            Ok(Err(Error::BatchTooLarge { spans_max, .. })) if spans.len() > 1 => {
                let spans_max = usize::try_from(spans_max).unwrap_or(usize::MAX);
                self.batch_spans = self.batch_spans.min(spans_max).max(1);
                let (first, second) = spans.split_at(spans.len() / 2);
                self.store(first);
                self.store(second);
            }
            Ok(Err(_)) if self.resumes() => self.store(spans),
            Ok(Err(error)) => {
                self.settle_lost(spans.len(), WithCauses(&error).to_string());
                self.teller.failed(&error, count(spans.len()));
            }
            Err(panic) => {
                let message = message_of(panic.as_ref());
                self.settle_lost(spans.len(), format!("a panic: {message}"));
                self.teller.panicked(message, count(spans.len()));
            }
        }
    }

    /// Has the store write again after a failed write; true if it does, and spans may be tried again.
    fn resumes(&mut self) -> bool {
        let now = Instant::now();
        if now < self.resume_at {
            return false;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.store.resume()));
        let resumes = matches!(outcome, Ok(Ok(true)));
        // Where it was not a write that failed, there was nothing to do, and nothing to wait for.
        if !matches!(outcome, Ok(Ok(false))) {
            self.resume_at = now + self.resume_pause;
            self.resume_pause = (self.resume_pause * 2).min(RESUME_PAUSE_MAX);
        }
        resumes
    }

    fn ingest(&self, spans: &[&SpanData]) -> Result<Taken, Error> {
        let mut batch = self.store.batch();
        batch.resource(&self.resource);
        let (mut refused, mut first_refusal) = (0, None);
        push_spans(spans, &mut batch, |refusal| {
            refused += 1;
            first_refusal.get_or_insert(refusal);
        });
        let empty = batch.is_empty();
        let ingested = if empty { Ingested::default() } else { self.store.ingest(batch)? };
        Ok(Taken { ingested, refused, first_refusal })
    }

    fn settle(&self, taken: &Taken, spans: usize) {
        let Taken { ingested: Ingested { too_old, refused: over_limit, .. }, refused, .. } = taken;
        let mut settled = self.shared.counts.settled();
        settled.exported += count(spans).saturating_sub(refused + too_old + over_limit);
        settled.dropped.refused += refused;
        settled.dropped.too_old += too_old;
        settled.dropped.over_limit += over_limit;
        settled.failing = None;
    }

    fn settle_lost(&self, spans: usize, why: String) {
        let mut settled = self.shared.counts.settled();
        settled.dropped.failed += count(spans);
        // The first failure says more than those that follow from it.
        settled.failing.get_or_insert(why);
    }
}

/// What became of a batch that the store took.
struct Taken {
    ingested: Ingested,
    /// Spans that no store can hold.
    refused: u64,
    first_refusal: Option<Refusal>,
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
