//! Writing to a damaged file: opening, storing, maintaining, deleting, purging and closing end with an
//! error at worst. Invariant: the process that does it is never ended by redb, which may panic on such
//! a file, and panic again while it unwinds.

use std::path::Path;
use std::process::{Command, Stdio};

use treering::{Batch, Maintenance, Options, Store};

use crate::child;
use crate::script::{Operation, mixed, operation};

/// The first argument of the process that writes; then the file.
pub(crate) const ARGUMENT: &str = "--on-a-damaged-file";
/// Damages of a plain run.
const DAMAGES: u64 = 40;
/// Operations before the damage, and after it.
const BEFORE: u64 = 40;
const AFTER: u64 = 30;

fn by_hand() -> Options {
    let mut options = child::options();
    options.maintenance = Maintenance::ByHand;
    options
}

fn live(store: &Store, from: u64, to: u64) {
    // Who sees an error goes on: it is the process that has to live.
    for number in from..to {
        match operation(0, number) {
            Operation::Ingest(spans) => {
                let mut batch = Batch::new();
                for span in &spans {
                    batch.push(span).unwrap();
                }
                drop(store.ingest(batch));
            }
            Operation::Delete(trace) => drop(store.delete(&[trace])),
            Operation::Purge => drop(store.purge()),
        }
        if number % 6 == 5 {
            drop(store.maintain());
        }
    }
}

/// Writes to the file as long as it can, and ends well.
pub(crate) fn run(arguments: &[String]) {
    // What redb panics with is no concern of this test.
    std::panic::set_hook(Box::new(|_| {}));
    if let Ok(store) = Store::open(&arguments[0], by_hand()) {
        live(&store, BEFORE, BEFORE + AFTER);
        drop(store.close());
    }
}

/// Damages files in many ways, and has a process write to each.
pub(crate) fn damage_all() {
    let rounds = std::env::var("TREERING_DAMAGES").map_or(DAMAGES, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.redb");
    let store = Store::open(&path, by_hand()).unwrap();
    live(&store, 0, BEFORE);
    let killed = std::fs::read(&path).unwrap();
    drop(store);
    let closed = std::fs::read(&path).unwrap();
    let mut ended = Vec::new();
    for round in 0..rounds {
        let sound = if round % 2 == 0 { &killed } else { &closed };
        let (what, bytes) = damaged(sound, round);
        std::fs::write(&path, bytes).unwrap();
        if !writes(&path) {
            ended.push(format!("round {round}: {what}"));
        }
    }
    println!("{rounds} damaged files written to; processes that were ended: {}", ended.len());
    assert!(ended.is_empty(), "{ended:#?}");
}

/// Flips a bit, or zeroes some bytes, where the file is not empty.
fn damaged(sound: &[u8], round: u64) -> (String, Vec<u8>) {
    let below = |what: u64, limit: usize| {
        usize::try_from(mixed(mixed(round, 77), what) % u64::try_from(limit).unwrap()).unwrap()
    };
    // By pages, so that those with little in them are hit as often.
    let pages: Vec<usize> = (0..sound.len() / 4096)
        .filter(|page| sound[page * 4096..][..4096].iter().any(|byte| *byte != 0))
        .collect();
    let page = pages[below(0, pages.len())] * 4096;
    let used: Vec<usize> = (page..page + 4096).filter(|at| sound[*at] != 0).collect();
    let at = used[below(1, used.len())];
    let mut bytes = sound.to_vec();
    if below(2, 4) > 0 {
        bytes[at] ^= 1 << below(3, 8);
        return (format!("byte {at} flipped"), bytes);
    }
    let end = (at + 1 + below(4, 600)).min(bytes.len());
    bytes[at..end].fill(0);
    (format!("bytes {at} to {end} zeroed"), bytes)
}

fn writes(path: &Path) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(ARGUMENT).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}
