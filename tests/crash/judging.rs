//! What a killed child said, and what the file must hold after it. Invariant: nothing is judged that
//! the child did not say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use treering::{Maintenance, SearchOptions, Stats, Store, Timestamp, TraceId};

use crate::aged::{self, AGE};
use crate::child;
use crate::script::{Content, THREADS, apply, operation, thread_of, trace_id};

/// How far a thread is known to have come, and what its traces hold then.
#[derive(Default)]
pub(crate) struct Progress {
    /// The next operation.
    pub(crate) next: u64,
    content: Content,
    /// When the traces ended, where they age.
    ends: BTreeMap<TraceId, u64>,
    /// Traces of which it cannot be said what is left of them.
    unknown: BTreeSet<TraceId>,
    /// The trace that the operation under way deletes or sends again.
    touched: Option<TraceId>,
    deleted: u64,
}

/// A file through many kills.
pub(crate) struct Line {
    folder: tempfile::TempDir,
    pub(crate) is_aged: bool,
    pub(crate) threads: Vec<Progress>,
}

/// What the file holds of each thread's traces.
type Found = Vec<Content>;

impl Line {
    pub(crate) fn new(is_aged: bool) -> Self {
        let threads = (0..THREADS).map(|_| Progress::default()).collect();
        Self { folder: tempfile::tempdir().unwrap(), is_aged, threads }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("traces.redb")
    }

    /// Takes note of a line that a child said.
    pub(crate) fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| -> u64 { words[at].parse().unwrap() };
        let which = |at| usize::try_from(number(at)).unwrap();
        match words.as_slice() {
            ["done", ..] => {
                let progress = &mut self.threads[which(1)];
                assert_eq!(progress.next, number(2), "operations of a thread are said in order");
                apply(&mut progress.content, &operation(number(1), number(2)));
                progress.next += 1;
            }
            ["deleting" | "resending", ..] => {
                self.threads[which(1)].touched = Some(trace_id(number(1), number(2)));
            }
            ["deleted", _, _, earlier] => {
                let trace = trace_id(number(1), earlier.parse().unwrap());
                let progress = &mut self.threads[which(1)];
                progress.deleted += u64::from(progress.content.remove(&trace).is_some());
                progress.unknown.remove(&trace);
                progress.touched = None;
                progress.next = number(2) + 1;
            }
            ["stored", _, _, end, late] => {
                let (thread, end) = (number(1), end.parse().unwrap());
                let progress = &mut self.threads[which(1)];
                assert_eq!(progress.next, number(2), "operations of a thread are said in order");
                let trace = trace_id(thread, number(2));
                let spans = aged::spans(thread, number(2), end);
                progress.content.insert(trace, spans.iter().map(|span| span.span_id).collect());
                progress.ends.insert(trace, end);
                let touched = progress.touched.take();
                progress.unknown.extend(touched.filter(|_| *late == "true"));
                progress.next += 1;
            }
            // Work that began or ended, or a line that the kill cut.
            _ => assert!(!line.starts_with("other"), "{line}"),
        }
    }

    /// Opens the file and fails unless it holds what was said, or that and the next operation of a
    /// thread; of traces that age, less what may have been dropped.
    pub(crate) fn judge(&mut self, killed: Timestamp, kill: usize) {
        let (mut found, stats) = read(&self.path(), kill);
        if self.is_aged {
            self.judge_aged(&found, &stats, killed, kill);
            return;
        }
        for ((progress, got), thread) in self.threads.iter().zip(found.drain(..)).zip(0..) {
            let mut next = progress.content.clone();
            apply(&mut next, &operation(thread, progress.next));
            assert!(
                got == progress.content || got == next,
                "kill {kill}: thread {thread} after {} operations: {} traces, {} expected",
                progress.next,
                got.len(),
                progress.content.len()
            );
        }
    }

    fn judge_aged(&mut self, found: &Found, stats: &Stats, killed: Timestamp, kill: usize) {
        let oldest = killed.unix_nanos() - u64::try_from(AGE.as_nanos()).unwrap();
        let dropped_to = stats.dropped_time_range.map_or(0, |(_, end)| end.unix_nanos());
        let (mut gone, mut unsure) = (0, 0);
        for ((progress, got), thread) in self.threads.iter_mut().zip(found).zip(0..) {
            let under_way = trace_id(thread, progress.next);
            progress.unknown.extend(progress.touched.take());
            progress.unknown.insert(under_way);
            unsure += u64::try_from(progress.unknown.len()).unwrap() + progress.deleted;
            for (id, spans) in &progress.content {
                if progress.unknown.contains(id) {
                    continue;
                }
                if let Some(got) = got.get(id) {
                    assert_eq!(got, spans, "kill {kill}: {id} is not whole");
                    continue;
                }
                let end = progress.ends[id];
                assert!(end < oldest, "kill {kill}: {id} is gone, and it was young");
                assert!(end <= dropped_to, "kill {kill}: {id} is gone and was not dropped");
                gone += 1;
            }
            let is_known = |id: &&TraceId| {
                progress.content.contains_key(*id) || progress.unknown.contains(*id)
            };
            let back = got.keys().find(|id| !is_known(id));
            assert_eq!(back, None, "kill {kill}: what was deleted or dropped is back");
            // From here on the file says what there is.
            progress.next += u64::from(got.contains_key(&under_way));
            progress.content.clone_from(got);
        }
        let counted = stats.dropped_traces;
        self.threads[0].deleted += gone;
        assert!(gone <= counted, "kill {kill}: {gone} traces are gone, {counted} were counted");
        assert!(counted <= gone + unsure, "kill {kill}: {counted} were dropped, {gone} are gone");
    }
}

/// What the file holds, each trace once and whole.
fn read(path: &Path, kill: usize) -> (Found, Stats) {
    let mut options = child::options();
    // So that the next child finds the journal as the kill left it.
    options.maintenance = Maintenance::ByHand;
    let store = Store::open(path, options).unwrap_or_else(|error| panic!("kill {kill}: {error:?}"));
    let mut found: Found = (0..THREADS).map(|_| Content::new()).collect();
    for trace in store.search("{ }", &SearchOptions::all()).unwrap().traces {
        assert_eq!(trace.spansets.len(), 1);
        let spans = &trace.spansets[0].spans;
        let ids: BTreeSet<_> = spans.iter().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), spans.len(), "kill {kill}: a span twice");
        let whole = store.trace(trace.trace_id).unwrap().expect("the trace that was found");
        assert_eq!(whole.spans().len(), ids.len(), "kill {kill}: trace {}", trace.trace_id);
        let thread = usize::try_from(thread_of(trace.trace_id)).unwrap();
        let before = found[thread].insert(trace.trace_id, ids);
        assert!(before.is_none(), "kill {kill}: trace {} twice", trace.trace_id);
    }
    (found, store.stats().unwrap())
}
