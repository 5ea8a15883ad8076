//! What each thread does to a store that keeps traces for a second only. Invariant: a trace comes whole
//! in one operation; of a recent one a span may come again, which changes nothing.

use std::time::Duration;

use treering::model::Span;
use treering::{Batch, Store, Timestamp};

use crate::child::say;
use crate::script::{mixed, span_of, trace_id};

/// How long traces are kept.
pub(crate) const AGE: Duration = Duration::from_secs(1);
/// A span that comes again so long after its end may have been dropped meanwhile.
const LATE: Duration = Duration::from_millis(800);
/// Operations back to what is resent or deleted.
const BACK: u64 = 4;

/// The spans of operation `number`: one trace that ended at `end`.
pub(crate) fn spans(thread: u64, number: u64, end: u64) -> Vec<Span> {
    let count = 1 + mixed(mixed(thread, number), 5) % 30;
    let one = |own| Span {
        start: Timestamp::from_unix_nanos(end - 1000 + own),
        end: Timestamp::from_unix_nanos(end),
        ..span_of(thread, number, own)
    };
    (0..count).map(one).collect()
}

/// Stores, resends and deletes until the process is killed, and says each step before or after it.
pub(crate) fn live(store: &Store, thread: u64, first: u64) {
    let mut ends: Vec<Option<u64>> = Vec::new();
    for number in first.. {
        let back = 1 + mixed(thread, number) % BACK;
        let earlier = usize::try_from(back).unwrap();
        if number % 9 == 8 {
            say(&format!("deleting {thread} {}", number - back));
            store.delete(&[trace_id(thread, number - back)]).unwrap();
            say(&format!("deleted {thread} {number} {}", number - back));
            ends.push(None);
            if let Some(at) = ends.len().checked_sub(earlier + 1) {
                ends[at] = None;
            }
            continue;
        }
        let end = Timestamp::now().unix_nanos();
        let mut spans = spans(thread, number, end);
        let again = ends.len().checked_sub(earlier).and_then(|at| ends[at]);
        if let Some(end) = again {
            say(&format!("resending {thread} {}", number - back));
            spans.push(self::spans(thread, number - back, end)[0].clone());
        }
        let mut batch = Batch::new();
        for span in &spans {
            batch.push(span).unwrap();
        }
        store.ingest(batch).unwrap();
        let late = |end: u64| {
            Timestamp::now().unix_nanos() - end > u64::try_from(LATE.as_nanos()).unwrap()
        };
        let is_late = again.is_some_and(late);
        say(&format!("stored {thread} {number} {end} {is_late}"));
        ends.push(Some(end));
    }
}
