//! Taking in as services do it: small batches, each durable, while somebody asks. Prints for each case
//! spans/s, times of queries and bytes written for each span; `cargo bench --bench life [-- --only TEXT]`.
//!
//! - `small`: batches of 100 generated spans, one thread;
//! - `threads`: the same by four threads at once;
//! - `giant`: one trace of 200,000 spans in batches of 100, the root last, with a search each second
//!   of which seals run after each second, too;
//! - `late`: 1,000 spans for as many sealed traces, one a batch, over 40 blocks;
//! - `fold`: what a question waits for that finds eight batches that nobody has joined yet;
//! - `asked`: `small` while 20 searches a second come in at fixed times, against the same searches on
//!   a store that is left alone;
//! - `large`: `small` into a store of 20 million spans, some 1 GB; only where it is asked for by name,
//!   for it takes minutes.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a program that prints figures"
)]

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use treering::model::Span;
use treering::{Batch, Options, SearchOptions, SpanId, Store, Timestamp, TraceId};
use treering_generator::Generator;

const BATCH: usize = 100;
/// What `asked` stores: 300,000 spans, so many times, each time so many nanoseconds later; and for how
/// long it asks a store that is left alone. Fewer searches would say little of the slowest in a hundred.
const TIMES: usize = 4;
const LATER: u64 = 3_600_000_000_000;
const ALONE: Duration = Duration::from_secs(15);
const QUERY: &str =
    r#"{ .service.name = "service-a.default" } >> { kind = server && duration > 50ms }"#;

type Outcome<T> = Result<T, Box<dyn Error>>;
/// A name, and what it prints figures of.
type Case = (&'static str, fn() -> Outcome<()>);

fn main() -> Outcome<()> {
    let mut only = std::env::args().skip_while(|argument| argument != "--only").skip(1);
    let only = only.next().unwrap_or_default();
    let cases: [Case; 7] = [
        ("small", small),
        ("threads", threads),
        ("giant", giant),
        ("late", late),
        ("fold", fold),
        ("asked", asked),
        ("large", large),
    ];
    for (name, run) in cases {
        if name.contains(&only) && (name != "large" || only == name) {
            println!("== {name}");
            run()?;
        }
    }
    Ok(())
}

fn open(options: Options) -> Outcome<(tempfile::TempDir, Store)> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("life.redb"), options)?;
    Ok((folder, store))
}

fn batch(spans: &[Span]) -> Outcome<Batch> {
    let mut batch = Batch::new();
    for span in spans {
        batch.push(span)?;
    }
    Ok(batch)
}

/// Bytes that this process has written so far; 0 where the system does not say.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// What was written, and what was done, before something begins.
struct Before {
    written: u64,
    done: treering::Maintained,
}

fn before(store: &Store) -> Outcome<Before> {
    Ok(Before { written: written(), done: store.stats()?.maintenance })
}

/// Prints a rate, and what was written since.
fn report(store: &Store, spans: usize, seconds: f64, before: &Before) -> Outcome<()> {
    let count = spans as f64;
    println!("{:.0} spans/s ({seconds:.2} s)", count / seconds);
    let started = Instant::now();
    store.maintain()?;
    println!("{:.2} s to seal and compact the rest", started.elapsed().as_secs_f64());
    let stats = store.stats()?;
    println!(
        "{:.0} B/span written, of these {:.0} images of blocks ({} seals, {} compactions); {:.0} B/span on disk",
        (written() - before.written) as f64 / count,
        (stats.maintenance.written_bytes - before.done.written_bytes) as f64 / count,
        stats.maintenance.seals - before.done.seals,
        stats.maintenance.compactions - before.done.compactions,
        stats.allocated_bytes as f64 / stats.spans as f64,
    );
    Ok(())
}

/// Prints the middle and the end of some times.
fn times(what: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {} of them, p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        taken.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn small() -> Outcome<()> {
    let spans: Vec<Span> = Generator::new(1).spans(300_000).collect();
    let (_folder, store) = open(Options::default())?;
    let (before, started) = (before(&store)?, Instant::now());
    for part in spans.chunks(BATCH) {
        store.ingest(batch(part)?)?;
    }
    report(&store, spans.len(), started.elapsed().as_secs_f64(), &before)
}

fn large() -> Outcome<()> {
    const LARGE: usize = 1 << 18;
    const SPANS: usize = 20_000_000;
    let (_folder, store) = open(Options::default())?;
    let mut coming = Generator::new(1).spans(SPANS + 300_000);
    let started = Instant::now();
    for _ in 0..SPANS / LARGE {
        let mut batch = Batch::new();
        for span in coming.by_ref().take(LARGE) {
            batch.push(&span)?;
        }
        store.ingest(batch)?;
    }
    store.maintain()?;
    let (stats, seconds) = (store.stats()?, started.elapsed().as_secs_f64());
    println!(
        "{} spans in {} blocks, a file of {} MB; made in {seconds:.0} s",
        stats.spans,
        stats.blocks,
        stats.allocated_bytes / 1_000_000,
    );
    let spans: Vec<Span> = coming.take(300_000).collect();
    let (before, mut taken) = (before(&store)?, Vec::with_capacity(spans.len() / BATCH));
    let started = Instant::now();
    for part in spans.chunks(BATCH) {
        let begun = Instant::now();
        store.ingest(batch(part)?)?;
        taken.push(begun.elapsed());
    }
    let seconds = started.elapsed().as_secs_f64();
    times("batches", taken);
    report(&store, spans.len(), seconds, &before)
}

fn threads() -> Outcome<()> {
    const THREADS: usize = 4;
    let spans: Vec<Span> = Generator::new(1).spans(300_000).collect();
    let (_folder, store) = open(Options::default())?;
    let (before, started) = (before(&store)?, Instant::now());
    std::thread::scope(|scope| {
        let run = |thread: usize| {
            let (store, spans) = (&store, &spans);
            scope.spawn(move || -> Result<(), String> {
                for part in spans.chunks(BATCH).skip(thread).step_by(THREADS) {
                    let batch = batch(part).map_err(|error| error.to_string())?;
                    store.ingest(batch).map_err(|error| error.to_string())?;
                }
                Ok(())
            })
        };
        let running: Vec<_> = (0..THREADS).map(run).collect();
        for thread in running {
            thread.join().expect("no panic").expect("taken in");
        }
    });
    report(&store, spans.len(), started.elapsed().as_secs_f64(), &before)
}

fn giant() -> Outcome<()> {
    let mut spans: Vec<Span> = Generator::new(1).spans(200_000).collect();
    for (number, span) in spans.iter_mut().enumerate() {
        let id = |number: usize| SpanId::from_bytes((number as u64 + 1).to_le_bytes());
        span.trace_id = TraceId::from_bytes([7; 16]);
        (span.span_id, span.parent_span_id) = (id(number), (number > 0).then(|| id(number / 3)));
    }
    spans.reverse();
    let mut options = Options::default();
    options.seal_after = Duration::from_secs(1);
    let (_folder, store) = open(options)?;
    let done = AtomicBool::new(false);
    let (before, started) = (before(&store)?, Instant::now());
    let taken = std::thread::scope(|scope| -> Outcome<Vec<Duration>> {
        let asking = scope.spawn(|| {
            let mut taken = Vec::new();
            while !done.load(Ordering::Acquire) {
                let asked = Instant::now();
                store.count(QUERY, &SearchOptions::all()).expect("an answer");
                taken.push(asked.elapsed());
                std::thread::sleep(Duration::from_secs(1).saturating_sub(asked.elapsed()));
            }
            taken
        });
        for part in spans.chunks(BATCH) {
            store.ingest(batch(part)?)?;
        }
        done.store(true, Ordering::Release);
        Ok(asking.join().expect("no panic"))
    })?;
    let seconds = started.elapsed().as_secs_f64();
    times("searches", taken);
    report(&store, spans.len(), seconds, &before)
}

fn late() -> Outcome<()> {
    const BLOCKS: usize = 40;
    const LATE: usize = 1000;
    let spans: Vec<Span> = Generator::new(1).spans(400_000).collect();
    // Blocks of the file that are full are not merged.
    let mut options = Options::default();
    options.block_rows_max = u32::try_from(spans.len() / BLOCKS)?;
    let (folder, store) = open(options)?;
    for part in spans.chunks(spans.len() / BLOCKS) {
        store.ingest(batch(part)?)?;
    }
    drop(store);
    let mut options = Options::default();
    options.maintenance = treering::Maintenance::ByHand;
    let store = Store::open(folder.path().join("life.redb"), options)?;
    println!("{} blocks of the file", store.stats()?.blocks);
    store.count(QUERY, &SearchOptions::all())?;
    let [mut stored, mut takes, mut asks, mut more] = [(); 4].map(|()| Vec::new());
    for (number, old) in spans.iter().step_by(spans.len() / LATE).take(LATE).enumerate() {
        let late = Span {
            span_id: SpanId::from_bytes((number as u64 + 1).to_le_bytes()),
            parent_span_id: Some(old.span_id),
            start: Timestamp::from_unix_nanos(old.start.unix_nanos() + 1),
            ..old.clone()
        };
        let batch = batch(std::slice::from_ref(&late))?;
        let asked = Instant::now();
        store.trace(old.trace_id)?.expect("the trace is there");
        let as_stored = asked.elapsed();
        stored.push(as_stored);
        let begun = Instant::now();
        store.ingest(batch)?;
        takes.push(begun.elapsed());
        let asked = Instant::now();
        let found = store.trace(old.trace_id)?.expect("the trace is there");
        asks.push(asked.elapsed());
        more.push(asked.elapsed().saturating_sub(as_stored));
        assert!(found.spans().iter().any(|span| span.span_id == late.span_id), "the late span");
    }
    times("the trace as it is stored", stored);
    times("the late span taken in", takes);
    times("the whole trace, right after", asks);
    times("  of that more than as it was stored", more);
    Ok(())
}

fn fold() -> Outcome<()> {
    const WAITING: usize = 8;
    let spans: Vec<Span> = Generator::new(1).spans(80_000).collect();
    let mut options = Options::default();
    options.maintenance = treering::Maintenance::ByHand;
    let (_folder, store) = open(options)?;
    let mut asks = Vec::new();
    for (number, part) in spans.chunks(BATCH).enumerate() {
        store.ingest(batch(part)?)?;
        if (number + 1) % WAITING == 0 {
            let asked = Instant::now();
            store.trace(TraceId::from_bytes([1; 16]))?;
            asks.push(asked.elapsed());
        }
    }
    times("no trace, after 8 batches", asks);
    Ok(())
}

/// Stores `spans` in small batches, so many times, each time as others that come later.
fn again_and_again(store: &Store, spans: &mut [Span]) -> Outcome<f64> {
    let started = Instant::now();
    for _ in 0..TIMES {
        for part in spans.chunks(BATCH) {
            store.ingest(batch(part)?)?;
        }
        for span in spans.iter_mut() {
            let mut id = span.trace_id.to_bytes();
            id[0] = id[0].wrapping_add(1);
            span.trace_id = TraceId::from_bytes(id);
            let later = |time: Timestamp| Timestamp::from_unix_nanos(time.unix_nanos() + LATER);
            (span.start, span.end) = (later(span.start), later(span.end));
        }
    }
    Ok((spans.len() * TIMES) as f64 / started.elapsed().as_secs_f64())
}

fn asked() -> Outcome<()> {
    let mut spans: Vec<Span> = Generator::new(1).spans(600_000).collect();
    let (first, others) = spans.split_at_mut(300_000);
    let (_folder, store) = open(Options::default())?;
    store.ingest(batch(first)?)?;
    let begun = Instant::now();
    open_loop(&store, || begun.elapsed() >= ALONE).print("searches, left alone");
    let (_folder, other) = open(Options::default())?;
    let alone = again_and_again(&other, others)?;
    drop(other);
    println!("{alone:.0} spans/s, not asked");
    let done = AtomicBool::new(false);
    let (taken, rate) = std::thread::scope(|scope| -> Outcome<(Taken, f64)> {
        let asking = scope.spawn(|| open_loop(&store, || done.load(Ordering::Acquire)));
        let rate = again_and_again(&store, others)?;
        done.store(true, Ordering::Release);
        Ok((asking.join().expect("no panic"), rate))
    })?;
    taken.print("searches, while spans come");
    println!("{rate:.0} spans/s, {:.2} of those not asked", rate / alone);
    Ok(())
}

/// For how long this thread has run on a processor, and for how long it has waited for one; nothing
/// where the system does not say.
fn on_processor() -> [Duration; 2] {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut nanos = text.split_whitespace().map_while(|nanos| nanos.parse().ok());
    [(); 2].map(|()| Duration::from_nanos(nanos.next().unwrap_or(0)))
}

/// What searches took.
#[derive(Default)]
struct Taken {
    /// From when each should have begun,
    all: Vec<Duration>,
    /// of that on a processor, and waiting for one while other threads ran.
    running: Vec<Duration>,
    waiting: Vec<Duration>,
}

impl Taken {
    fn print(self, what: &str) {
        times(what, self.all);
        times("  of that on a processor", self.running);
        times("  of that waiting for one", self.waiting);
    }
}

/// Asks 20 times a second, each time counted from when it should have begun.
fn open_loop(store: &Store, ended: impl Fn() -> bool) -> Taken {
    let started = Instant::now();
    let mut taken = Taken::default();
    for number in 0.. {
        let due = started + Duration::from_millis(50) * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if ended() {
            break;
        }
        let [running, waiting] = on_processor();
        store.search(QUERY, &SearchOptions::default()).expect("an answer");
        taken.all.push(due.elapsed());
        let [ran, waited] = on_processor();
        taken.running.push(ran.saturating_sub(running));
        taken.waiting.push(waited.saturating_sub(waiting));
    }
    taken
}
