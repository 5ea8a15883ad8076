//! A scripted life on a medium that stops, fails or loses power at every single operation. Invariant:
//! after opening again every acknowledged span is there and every deleted one gone, each trace whole;
//! what was under way is there as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Error;
use crate::id::{SpanId, TraceId};
use crate::model::{Attribute, Resource, Span};
use crate::options::{Maintenance, Options};
use crate::search::SearchOptions;
use crate::storage::Medium;
use crate::store::shared::Shared;
use crate::store::{Batch, Store};
use crate::time::Timestamp;

type Content = BTreeMap<TraceId, BTreeSet<SpanId>>;

/// A step of the life.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Takes in spans: of traces from a first one on, so many; of each from a first span on, so many.
    Ingest(u8, u8, u8, u8),
    Delete(u8),
    Maintain,
    Purge,
    Ask,
    /// Seals, drops every block of the file, and makes it small.
    Retain,
    /// Seals, and drops what is charged to the noisy service, as where it has more than its share.
    Share,
}

use Step::{Ask, Delete, Ingest, Maintain, Purge, Retain, Share};

/// Traces from this one on are those of the noisy service.
const NOISY: u8 = 70;

/// Small and large batches, late and repeated spans, seals, compactions, deletions, purges, shares.
const LIFE: [Step; 52] = [
    Ingest(0, 4, 0, 3),
    Ingest(2, 3, 2, 2),
    Maintain,
    Ingest(0, 1, 3, 2),
    Ask,
    Ingest(5, 30, 0, 1),
    Ingest(6, 2, 1, 2),
    Delete(1),
    Maintain,
    Ingest(1, 1, 5, 1),
    Ingest(40, 3, 0, 2),
    Maintain,
    Ingest(50, 3, 0, 2),
    Delete(50),
    Purge,
    Maintain,
    Ingest(0, 8, 0, 2),
    Ingest(60, 3, 0, 2),
    Maintain,
    // A late span, then compaction of its old block, then nothing that seals.
    Ingest(60, 1, 7, 1),
    Maintain,
    Ingest(51, 1, 8, 1),
    Ask,
    Ingest(61, 2, 9, 1),
    Delete(61),
    Ingest(61, 1, 3, 1),
    Ask,
    Purge,
    Ingest(61, 1, 4, 1),
    Retain,
    // Late spans of traces that were dropped, and a trace that stays in memory.
    Ingest(60, 3, 4, 2),
    Ingest(2, 2, 9, 1),
    Maintain,
    Ingest(60, 1, 8, 1),
    Ask,
    Retain,
    Ingest(60, 1, 9, 1),
    Maintain,
    // Of some blocks all is noise, of some a part, and what is left is late spans' and merged.
    Ingest(66, 8, 0, 3),
    Maintain,
    Ingest(74, 6, 0, 2),
    Maintain,
    Ingest(68, 3, 5, 1),
    Share,
    Ingest(69, 2, 7, 1),
    Ingest(74, 1, 9, 1),
    Ask,
    Share,
    Maintain,
    Ingest(66, 1, 9, 1),
    Delete(67),
    Share,
];

fn options() -> Options {
    Options {
        block_rows_max: 24,
        chunk_bytes: 1000,
        cache_bytes: 0,
        page_cache_bytes: 0,
        maintenance: Maintenance::ByHand,
        ..Options::default()
    }
}

fn trace_id(number: u8) -> TraceId {
    TraceId::from_bytes([number + 1; 16])
}

fn resource(trace: u8) -> Arc<Resource> {
    let service = if trace < NOISY { "quiet" } else { "noisy" };
    Arc::new(Resource {
        attributes: vec![Attribute::new("service.name", service)],
        ..Resource::default()
    })
}

fn open(medium: &Medium) -> Result<Store, Error> {
    let (storage, opened) = medium.storage(&options())?;
    Ok(Store::on(Arc::new(Shared::on(storage, &opened, options())?)))
}

/// What a step makes of a content.
fn after(step: Step, content: &Content) -> Content {
    let mut content = content.clone();
    match step {
        Ingest(first, traces, span, spans) => {
            for trace in first..first + traces {
                let ids = (span..span + spans).map(|span| SpanId::from_bytes([span + 1; 8]));
                content.entry(trace_id(trace)).or_default().extend(ids);
            }
        }
        Delete(trace) => drop(content.remove(&trace_id(trace))),
        Retain => content.clear(),
        Share => content.retain(|id, _| *id < trace_id(NOISY)),
        Maintain | Purge | Ask => {}
    }
    content
}

fn run(store: &Store, step: Step) -> Result<(), Error> {
    match step {
        Ingest(first, traces, span, spans) => {
            let mut batch = Batch::new();
            for trace in first..first + traces {
                for number in span..span + spans {
                    let span = Span {
                        trace_id: trace_id(trace),
                        span_id: SpanId::from_bytes([number + 1; 8]),
                        parent_span_id: (number > 0).then(|| SpanId::from_bytes([number; 8])),
                        name: format!("span {number} of {trace}"),
                        resource: resource(trace),
                        start: Timestamp::from_unix_nanos(1000 + u64::from(trace)),
                        end: Timestamp::from_unix_nanos(1001 + u64::from(trace)),
                        ..Span::default()
                    };
                    batch.push(&span).unwrap();
                }
            }
            store.ingest(batch).map(drop)
        }
        Delete(trace) => store.delete(&[trace_id(trace)]).map(drop),
        Maintain => store.maintain().map(drop),
        Retain => store.shared.drop_all(),
        Share => store.shared.drop_service("noisy"),
        Purge => store.purge().map(drop),
        Ask => store.count("{ }", &SearchOptions::all()).map(drop),
    }
}

/// What a store holds, by search and trace by trace; each trace is found once.
fn content(store: &Store) -> Result<Content, Error> {
    let found = store.search("{ }", &SearchOptions::all())?;
    let mut content = Content::new();
    for found in found.traces {
        assert_eq!(found.spansets.len(), 1);
        let ids: BTreeSet<SpanId> =
            found.spansets[0].spans.iter().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), found.spansets[0].spans.len(), "a span twice");
        let whole = store.trace(found.trace_id)?.expect("the trace that was found");
        let whole: BTreeSet<SpanId> = whole.spans().iter().map(|span| span.span_id).collect();
        assert_eq!(whole, ids, "the trace is another one");
        assert!(content.insert(found.trace_id, ids).is_none(), "a trace twice");
    }
    Ok(content)
}

/// Runs steps from `from` on until one fails; gives its number, and the content before it.
fn live(store: &Store, from: usize, mut content: Content) -> (usize, Content) {
    for (at, step) in LIFE.iter().enumerate().skip(from) {
        if run(store, *step).is_err() {
            return (at, content);
        }
        content = after(*step, &content);
    }
    (LIFE.len(), content)
}

/// Fails unless the store holds what was acknowledged, with the step that failed or without it.
fn judge(got: &Content, before: &Content, failed: usize, when: &str) {
    let with = LIFE.get(failed).map(|step| after(*step, before));
    assert!(got == before || Some(got) == with.as_ref(), "{when}, step {failed}: {got:?}");
}

/// A medium with a store in which nothing is: a new file appears under its name only when it is whole,
/// so that no life begins earlier.
fn made() -> Medium {
    let medium = Medium::default();
    drop(open(&medium).unwrap());
    medium.copy()
}

/// Operations of the whole life when nothing fails.
fn operations() -> u64 {
    let medium = made();
    let store = open(&medium).unwrap();
    let (at, expected) = live(&store, 0, Content::new());
    assert_eq!(at, LIFE.len());
    assert_eq!(content(&store).unwrap(), expected);
    drop(store);
    medium.operations()
}

/// A coin that falls the same way each time.
fn coin(seed: u64) -> impl FnMut() -> bool {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 63 == 1
    }
}

/// Every so many operations are tried; all with `TREERING_FAULTS=1`.
fn stride() -> usize {
    std::env::var("TREERING_FAULTS").map_or(43, |text| text.parse().unwrap())
}

#[test]
fn a_loss_of_power_at_any_operation_loses_nothing() {
    let all = operations();
    let mut hit = BTreeSet::new();
    for good in (0..all).step_by(stride()) {
        let medium = made();
        medium.fail_after(good, false);
        let (failed, before) = match open(&medium) {
            Ok(store) => live(&store, 0, Content::new()),
            Err(_) => (0, Content::new()),
        };
        hit.insert(failed);
        // Nothing that was written since the last sync survives, all of it, or any part.
        for keep in 0..3 {
            let medium = medium.clone_unsynced();
            let mut coin = coin(good * 3 + keep);
            medium.lose_power(|| match keep {
                0 => false,
                1 => true,
                _ => coin(),
            });
            let when = format!("after {good} operations, case {keep}");
            // Power may be lost once more while it is opened.
            let again = medium.copy();
            again.fail_after(good % 11, false);
            drop(open(&again).and_then(|store| content(&store)));
            again.lose_power(|| keep == 1);
            for medium in [medium, again] {
                let store = open(&medium).unwrap_or_else(|error| panic!("{when}: {error:?}"));
                let got = content(&store).unwrap();
                judge(&got, &before, failed, &when);
                // And life goes on.
                let (end, expected) = live(&store, failed, before.clone());
                assert_eq!(end, LIFE.len(), "{when}");
                assert_eq!(content(&store).unwrap(), expected, "{when}, to the end");
            }
        }
    }
    assert!(hit.len() > LIFE.len() / 2, "only steps {hit:?} were hit");
}

#[test]
fn a_failed_operation_is_survived_and_nothing_is_written_after_it() {
    let all = operations();
    let (mut refused, mut untouched, mut resumed, mut tried) = (0, 0, 0, 0);
    for good in (0..all).step_by(stride()) {
        let medium = made();
        let Ok(store) = open(&medium) else { continue };
        medium.fail_after(good, true);
        tried += 1;
        let (failed, mut before) = live(&store, 0, Content::new());
        let when = format!("after {good} operations");
        judge(&content(&store).unwrap(), &before, failed, &when);
        if failed < LIFE.len() {
            let one_more = Ingest(90, 1, 0, 1);
            let outcome = run(&store, one_more);
            if outcome.is_ok() {
                // The new file could not be made, and the old one is as it was.
                assert!(matches!(LIFE[failed], Purge), "{when}");
                before = after(one_more, &before);
                assert_eq!(content(&store).unwrap(), before, "{when}");
                let (end, expected) = live(&store, failed, before);
                assert_eq!(end, LIFE.len(), "{when}");
                assert_eq!(content(&store).unwrap(), expected, "{when}, to the end");
                assert!(!medium.has_leftover(), "{when}");
                untouched += 1;
                continue;
            }
            let again = outcome.unwrap_err();
            let mut text = again.to_string();
            let mut cause = std::error::Error::source(&again);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            assert!(text.contains("an earlier write failed"), "{when}: {text}");
            judge(&content(&store).unwrap(), &before, failed, &when);
            refused += 1;
        }
        let store = if failed < LIFE.len() && good % 2 == 0 {
            assert!(store.resume().unwrap(), "{when}: nothing to resume");
            resumed += 1;
            store
        } else {
            drop(store);
            // Where the life ended before, closing or this opening is what fails, and the next one goes well.
            match open(&medium) {
                Err(_) if failed == LIFE.len() => open(&medium).unwrap(),
                opened => opened.unwrap_or_else(|error| panic!("{when}: {error:?}")),
            }
        };
        assert!(!store.resume().unwrap(), "{when}: still refused");
        judge(&content(&store).unwrap(), &before, failed, &when);
        let (end, expected) = live(&store, failed, before);
        assert_eq!(end, LIFE.len(), "{when}, to the end");
        assert_eq!(content(&store).unwrap(), expected, "{when}, to the end");
        drop(store);
        assert_eq!(content(&open(&medium).unwrap()).unwrap(), expected, "{when}, opened again");
    }
    assert!((refused + untouched) * 5 > tried, "{refused} of {tried} failures were seen");
    assert!(untouched > 0, "no purge failed");
    assert!(resumed > 0, "nothing was resumed");
}
