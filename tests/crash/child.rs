//! The process that is killed. Invariant: it says that an operation is done only after the store said
//! so, and says it in one write.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use treering::{Batch, Durability, Event, Options, Store};

use crate::aged;
use crate::script::{Operation, THREADS, operation};

/// The first argument of the process; then the file, whether its traces age, and each thread's first
/// operation.
pub(crate) const ARGUMENT: &str = "--to-be-killed";

/// Options that make everything happen often.
pub(crate) fn options() -> Options {
    let mut options = Options::default();
    (options.block_rows_max, options.chunk_bytes) = (900, 2000);
    options.head_bytes_max = 40_000;
    options.seal_after = Duration::from_millis(200);
    options.durability = Durability::EachCommit;
    options
}

/// Writes a line as a whole: what was written before the kill is read after it.
pub(crate) fn say(line: &str) {
    static OUT: Mutex<()> = Mutex::new(());
    let _turn = OUT.lock().unwrap();
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Stores and deletes until it is killed.
pub(crate) fn run(arguments: &[String]) {
    let is_aged: bool = arguments[1].parse().unwrap();
    let mut options = options();
    options.retention_age = is_aged.then_some(aged::AGE);
    let store = Store::open_with(&arguments[0], options, |event| match event {
        Event::Began(work) => say(&format!("began {work:?}")),
        Event::Ended(work) => say(&format!("ended {work:?}")),
        other => say(&format!("other {other:?}")),
    });
    let store = store.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            let first: u64 = arguments[2 + usize::try_from(thread).unwrap()].parse().unwrap();
            if is_aged {
                scope.spawn(move || aged::live(store, thread, first));
            } else {
                scope.spawn(move || live(store, thread, first));
            }
        }
    });
}

fn live(store: &Store, thread: u64, first: u64) {
    for number in first.. {
        match operation(thread, number) {
            Operation::Ingest(spans) => {
                let mut batch = Batch::new();
                for span in &spans {
                    batch.push(span).unwrap();
                }
                store.ingest(batch).unwrap();
            }
            Operation::Delete(trace) => drop(store.delete(&[trace]).unwrap()),
            Operation::Purge => drop(store.purge().unwrap()),
        }
        say(&format!("done {thread} {number}"));
    }
}
