//! The process that kills and judges. Invariant: nothing is judged that the child did not say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use treering::{Maintenance, SearchOptions, Store};

use crate::child;
use crate::script::{Content, THREADS, apply, operation, thread_of};

/// Kills of a plain run.
const KILLS: usize = 16;
/// Work that kills are aimed at, in turns; the last is any moment.
const AIMS: [&str; 5] = ["Seal", "Compaction", "Deletion", "Recovery", ""];
/// A child that says nothing for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Operations of each thread after which a new file is begun, so that judging stays quick.
const OPERATIONS_MAX: u64 = 900;

/// How far a thread is known to have come, and what its traces hold then.
#[derive(Default)]
struct Progress {
    done: u64,
    content: Content,
}

/// Kills, judges, and prints what the kills hit.
pub(crate) fn run() {
    let kills = std::env::var("TREERING_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    let mut folder = tempfile::tempdir().unwrap();
    let mut threads: Vec<Progress> = (0..THREADS).map(|_| Progress::default()).collect();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let path = folder.path().join("traces.redb");
        let under_way = one(&path, AIMS[kill % AIMS.len()], random, &mut threads);
        for work in under_way {
            *hits.entry(work).or_default() += 1;
        }
        judge(&path, &mut threads, kill);
        if threads.iter().any(|thread| thread.done > OPERATIONS_MAX) {
            folder = tempfile::tempdir().unwrap();
            threads = (0..THREADS).map(|_| Progress::default()).collect();
        }
    }
    println!("{kills} kills passed; of these during: {hits:?}");
    println!("test result: ok. 1 passed; 0 failed");
}

/// Starts a child and kills it; gives the work that was under way. Threads move on by what it said.
fn one(path: &Path, aim: &str, random: u64, threads: &mut [Progress]) -> BTreeSet<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(child::ARGUMENT).arg(path).stdout(Stdio::piped());
    command.args(threads.iter().map(|thread| thread.done.to_string()));
    let mut child = command.spawn().unwrap();
    let (send, lines) = channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let mut under_way = BTreeSet::new();
    let mut take = |line: &str| note(line, threads, &mut under_way);
    // Let it live for a while; then wait for the work that is aimed at.
    let alive = Duration::from_millis(if aim == "Recovery" { 0 } else { 20 + random % 400 });
    wait(&mut child, &lines, &mut take, alive, |_| false);
    if !aim.is_empty() {
        let began = format!("began {aim}");
        wait(&mut child, &lines, &mut take, Duration::from_secs(5), |line| line == began);
        // Opening takes less than a millisecond, the others several.
        let most = if aim == "Recovery" { 400 } else { 3000 };
        std::thread::sleep(Duration::from_micros((random >> 32) % most));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it was killed is still to be read.
    for line in &lines {
        take(&line);
    }
    reader.join().unwrap();
    under_way
}

/// Takes note of lines until the time is up or one is the `last`.
fn wait(
    child: &mut Child,
    lines: &Receiver<String>,
    take: &mut impl FnMut(&str),
    time: Duration,
    last: impl Fn(&str) -> bool,
) {
    let until = Instant::now() + time;
    let mut silent = Instant::now();
    while Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => {
                silent = Instant::now();
                take(&line);
                if last(&line) {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the child ended by itself: {:?}", child.wait());
            }
        }
        assert!(silent.elapsed() < SILENCE_MAX, "the child hangs");
    }
}

fn note(line: &str, threads: &mut [Progress], under_way: &mut BTreeSet<String>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["began", work] => drop(under_way.insert((*work).to_owned())),
        ["ended", work] => drop(under_way.remove(*work)),
        ["done", thread, number] => {
            let thread: usize = thread.parse().unwrap();
            let number: u64 = number.parse().unwrap();
            let progress = &mut threads[thread];
            assert_eq!(progress.done, number, "operations of a thread are said in order");
            apply(&mut progress.content, &operation(u64::try_from(thread).unwrap(), number));
            progress.done += 1;
        }
        // A line that the kill cut.
        _ => assert!(!line.starts_with("other"), "{line}"),
    }
}

/// Opens the file and fails unless it holds what was said, or that and the next operation of a thread.
fn judge(path: &Path, threads: &mut [Progress], kill: usize) {
    let mut options = child::options();
    // So that the next child finds the journal as the kill left it.
    options.maintenance = Maintenance::ByHand;
    let store = Store::open(path, options).unwrap_or_else(|error| panic!("kill {kill}: {error:?}"));
    let mut found: Vec<Content> = threads.iter().map(|_| Content::new()).collect();
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
    for ((progress, got), thread) in threads.iter_mut().zip(found).zip(0..) {
        let mut next = progress.content.clone();
        apply(&mut next, &operation(thread, progress.done));
        assert!(
            got == progress.content || got == next,
            "kill {kill}: thread {thread} after {} operations: {} traces, {} expected",
            progress.done,
            got.len(),
            progress.content.len()
        );
    }
}
