//! The way from the threads that bring spans to the one that stores them. Invariant: nobody who brings
//! spans waits, neither for the disk nor for room; what is in the queue is bounded in bytes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SpanData;
use treering::{Store, model::Resource};

use crate::notice::{Handler, Teller};
use crate::options::ExporterOptions;
use crate::stats::{Counts, ExporterStats, count};
use crate::weight::bytes_of;
use crate::worker::Worker;

/// So many bytes in the queue end the waiting for more, or a quarter of the queue.
const WAKE_BYTES: usize = 4 << 20;

/// What goes through the queue, in order.
#[derive(Debug)]
pub(crate) enum Message {
    Spans(Parcel),
    /// The resource of the spans that follow.
    Resource(Box<Resource>),
    /// Answered once everything before it is settled.
    Flush(SyncSender<()>),
    /// Nothing that follows counts.
    Shutdown,
}

/// Spans that came together, and what they weigh in the queue.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) spans: Vec<SpanData>,
    pub(crate) bytes: usize,
}

/// What both sides of the queue know.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: ExporterOptions,
    pub(crate) counts: Counts,
    /// Flushes and shutdowns in the queue, for which the thread hurries.
    pub(crate) controls: AtomicUsize,
    /// True once the thread has let go of the store.
    ended: Mutex<bool>,
    end: Condvar,
}

impl Shared {
    /// Bytes in the queue from which on the thread does not wait for more.
    pub(crate) fn wake_bytes(&self) -> usize {
        WAKE_BYTES.min(self.options.queue_bytes_max / 4)
    }

    fn has_ended(&self) -> bool {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the thread has ended, however it did.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.end.notify_all();
    }
}

/// The side of those who bring spans.
#[derive(Debug)]
pub(crate) struct Intake {
    sender: Sender<Message>,
    shared: Arc<Shared>,
    thread: Thread,
    closed: AtomicBool,
}

impl Intake {
    /// Starts the thread that stores what is brought.
    pub(crate) fn start(
        store: Store,
        options: ExporterOptions,
        handler: Handler,
    ) -> io::Result<Arc<Self>> {
        let shared = Arc::new(Shared {
            options,
            counts: Counts::default(),
            controls: AtomicUsize::new(0),
            ended: Mutex::new(false),
            end: Condvar::new(),
        });
        let (sender, receiver) = mpsc::channel();
        let worker = Worker::new(store, receiver, Arc::clone(&shared), Teller::new(handler));
        let end = End(Arc::clone(&shared));
        let run = move || {
            worker.run();
            drop(end);
        };
        let handle = thread::Builder::new().name("treering-exporter".to_owned()).spawn(run)?;
        let thread = handle.thread().clone();
        Ok(Arc::new(Self { sender, shared, thread, closed: AtomicBool::new(false) }))
    }

    pub(crate) fn options(&self) -> &ExporterOptions {
        &self.shared.options
    }

    pub(crate) fn stats(&self) -> ExporterStats {
        self.shared.counts.stats(self.shared.has_ended())
    }

    /// The resource of the spans that are brought from now on.
    pub(crate) fn set_resource(&self, resource: Resource) {
        // It fails once the thread has ended, and then nothing is stored any more.
        let _sent = self.sender.send(Message::Resource(Box::new(resource)));
    }

    /// Puts spans into the queue, as far as there is room.
    pub(crate) fn push(&self, mut spans: Vec<SpanData>) -> OTelSdkResult {
        let counts = &self.shared.counts;
        let came = spans.len();
        if self.closed.load(Ordering::Acquire) {
            counts.after_shutdown.fetch_add(count(came), Ordering::Relaxed);
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let wake_bytes = self.shared.wake_bytes();
        let (mut bytes, mut wakes) = (0, false);
        spans.retain(|span| {
            let weight = bytes_of(span);
            let before = self.reserve(weight);
            if let Some(before) = before {
                bytes += weight;
                wakes |= before < wake_bytes && wake_bytes <= before + weight;
            }
            before.is_some()
        });
        let dropped = came - spans.len();
        if !spans.is_empty() {
            let kept = count(spans.len());
            counts.accepted.fetch_add(kept, Ordering::AcqRel);
            if self.sender.send(Message::Spans(Parcel { spans, bytes })).is_err() {
                counts.accepted.fetch_sub(kept, Ordering::AcqRel);
                counts.after_shutdown.fetch_add(kept, Ordering::Relaxed);
                return Err(OTelSdkError::AlreadyShutdown);
            }
            if wakes {
                self.thread.unpark();
            }
        }
        if dropped == 0 {
            return Ok(());
        }
        counts.queue_full.fetch_add(count(dropped), Ordering::Relaxed);
        Err(OTelSdkError::InternalFailure(format!("{dropped} spans dropped: the queue is full")))
    }

    /// Takes `bytes` of the queue, if there are as many left; gives how many were taken before.
    fn reserve(&self, bytes: usize) -> Option<usize> {
        let max = self.shared.options.queue_bytes_max;
        let more = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= max);
        let queued = &self.shared.counts.queued_bytes;
        queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()
    }

    /// Waits until what was brought before is stored or lost; an error if some of it was lost.
    pub(crate) fn flush(&self, timeout: Duration) -> OTelSdkResult {
        if self.is_own_thread() {
            let message = "the exporter's own thread cannot wait for itself";
            return Err(OTelSdkError::InternalFailure(message.to_owned()));
        }
        let lost = self.lost();
        let (answer, answered) = mpsc::sync_channel(1);
        if !self.control(Message::Flush(answer)) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        match answered.recv_timeout(timeout) {
            Ok(()) => self.lost_since(lost),
            Err(RecvTimeoutError::Timeout) => Err(OTelSdkError::Timeout(timeout)),
            Err(RecvTimeoutError::Disconnected) => Err(OTelSdkError::AlreadyShutdown),
        }
    }

    /// Takes no more spans, and waits until those there are are stored or lost and the store is let
    /// go of.
    pub(crate) fn shutdown(&self, timeout: Duration) -> OTelSdkResult {
        let lost = self.lost();
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.control(Message::Shutdown);
        } else if self.shared.has_ended() {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        if self.is_own_thread() {
            return Ok(());
        }
        let ended = self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.end.wait_timeout_while(ended, timeout, |ended| !*ended);
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *ended { self.lost_since(lost) } else { Err(OTelSdkError::Timeout(timeout)) }
    }

    /// Sends what the thread hurries for; false if the thread has ended.
    fn control(&self, message: Message) -> bool {
        self.shared.controls.fetch_add(1, Ordering::AcqRel);
        let sent = self.sender.send(message).is_ok();
        self.thread.unpark();
        sent
    }

    fn is_own_thread(&self) -> bool {
        thread::current().id() == self.thread.id()
    }

    /// Spans that the store failed to take so far.
    fn lost(&self) -> u64 {
        self.shared.counts.settled().dropped.failed
    }

    fn lost_since(&self, before: u64) -> OTelSdkResult {
        let settled = self.shared.counts.settled();
        let lost = settled.dropped.failed.saturating_sub(before);
        if lost == 0 {
            return Ok(());
        }
        let reason = settled.failing.as_deref().unwrap_or("the store did not take them");
        Err(OTelSdkError::InternalFailure(format!("{lost} spans dropped: {reason}")))
    }
}

/// The intake of an exporter or a processor, shut down with it.
#[derive(Debug)]
pub(crate) struct Owned(pub(crate) Arc<Intake>);

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.0.closed.load(Ordering::Acquire) {
            // Whoever wants to know how it went calls `shutdown`.
            let _outcome = self.0.shutdown(self.0.options().flush_timeout);
        }
    }
}
