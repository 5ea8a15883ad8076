//! Damage to a store's file: flipped bits, cut ends, zeroed ranges. Invariant: opening and asking give
//! the right answer or an error; no panic escapes, nothing hangs, no answer is wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use treering::model::{Attribute, Event, Resource, Span};
use treering::{Options, SearchOptions, Store};

use crate::making::{Numbers, by_hand, ingest, place, span, trace_id};

/// A question's answer as text, or `None` where it is an error.
type Answers = Vec<Option<String>>;

const QUERIES: [&str; 8] = [
    "{ }",
    "{ name = \"span 3\" }",
    "{ name =~ \"span [12].*\" } < { }",
    "{ span.n > 40 }",
    "{ span.text = \"text 5\" } || { resource.service.name = \"shop 2\" }",
    "{ event:name = \"tick\" && event.k = 4 }",
    "{ span:childCount > 1 } >> { }",
    "{ } | by(name) | count() > 1",
];
const TRACES: u64 = 12;

/// A store with blocks, masks and a journal.
pub(crate) fn make(path: &Path) -> Store {
    let mut options = by_hand(40);
    options.chunk_bytes = 1000;
    let store = Store::open(path, options).unwrap();
    let shops: Vec<Arc<Resource>> = (0..3)
        .map(|shop| {
            let attributes = vec![Attribute::new("service.name", format!("shop {shop}"))];
            Arc::new(Resource { attributes, ..Resource::default() })
        })
        .collect();
    let one = |number: u64| Span {
        attributes: vec![
            Attribute::new("n", i64::try_from(number).unwrap()),
            Attribute::new("text", format!("text {}", number % 9)),
        ],
        events: vec![Event {
            name: "tick".to_owned(),
            attributes: vec![Attribute::new("k", i64::try_from(number % 6).unwrap())],
            ..Event::default()
        }],
        resource: Arc::clone(&shops[usize::try_from(number % 3).unwrap()]),
        ..span(number * 7 % TRACES, number / 8, 100 + number)
    };
    for batch in 0..10 {
        let spans: Vec<Span> = (batch * 11..batch * 11 + 11).map(one).collect();
        ingest(&store, &spans);
        if batch % 3 == 1 {
            store.maintain().unwrap();
        }
    }
    store
}

fn answers(path: &Path, options: Options) -> Result<Answers, String> {
    let store = Store::open(path, options).map_err(|error| error.to_string())?;
    let mut answers = Answers::new();
    for query in QUERIES {
        let mut ten = SearchOptions::all();
        ten.limit = Some(3);
        for options in [SearchOptions::all(), ten] {
            let found = store.search(query, &options);
            answers.push(found.ok().map(|found| format!("{:?}", found.traces)));
        }
        let counts = store.count(query, &SearchOptions::all());
        answers.push(counts.ok().map(|counts| format!("{} {}", counts.traces, counts.spans)));
    }
    for trace in 0..=TRACES {
        let found = store.trace(trace_id(trace));
        answers.push(found.ok().map(|found| format!("{found:?}")));
    }
    answers.push(store.stats().ok().map(|stats| {
        let (sections, range) = (stats.section_bytes, stats.time_range);
        format!("{} {} {} {sections:?} {range:?}", stats.spans, stats.traces, stats.blocks)
    }));
    Ok(answers)
}

#[derive(Debug, Default)]
struct Tally {
    right: u32,
    refused: u32,
    partly: u32,
    faults: Vec<String>,
}

/// Asks a damaged file everything, on a thread of its own so that hanging is noticed.
fn judge(tally: &mut Tally, what: &str, path: &Path, expected: &Answers, options: &Options) {
    let (send, receive) = mpsc::channel();
    let (file, options): (PathBuf, Options) = (path.to_owned(), options.clone());
    let asking = std::thread::spawn(move || drop(send.send(answers(&file, options))));
    match receive.recv_timeout(Duration::from_secs(60)) {
        Ok(Err(_)) => tally.refused += 1,
        Ok(Ok(got)) if got == *expected => tally.right += 1,
        Ok(Ok(got)) => {
            let wrong =
                got.iter().zip(expected).filter(|(got, e)| got.is_some() && got != e).count();
            match wrong {
                0 => tally.partly += 1,
                wrong => tally.faults.push(format!("{what}: {wrong} wrong answers")),
            }
        }
        Err(mpsc::RecvTimeoutError::Timeout) => {
            tally.faults.push(format!("{what}: hangs"));
            return;
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {}
    }
    if asking.join().is_err() {
        tally.faults.push(format!("{what}: a panic escapes"));
    }
}

/// The bytes damaged in many ways, the same every time, each with what was done.
pub(crate) fn damages(
    sound: &[u8],
    seed: u64,
    rounds: usize,
) -> impl Iterator<Item = (String, Vec<u8>)> {
    let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
    let mut numbers = Numbers(seed);
    let mut below =
        move |limit: usize| usize::try_from(numbers.below(u64::try_from(limit).unwrap())).unwrap();
    (0..rounds).map(move |round| {
        let mut bytes = sound.to_vec();
        // Where the file is not empty, and often in its first pages, which say where all is.
        let at = match round % 8 {
            0 => below(320),
            1 => below(bytes.len().min(8192)),
            _ => used[below(used.len())],
        };
        let what = match below(10) {
            0..7 => {
                let bit = below(8);
                bytes[at] ^= 1 << bit;
                format!("bit {bit} of byte {at} flipped")
            }
            7 => {
                bytes.truncate(at);
                format!("cut to {at} bytes")
            }
            _ => {
                let len = 1 + below(5000);
                let end = (at + len).min(bytes.len());
                bytes[at..end].fill(0);
                format!("bytes {at} to {end} zeroed")
            }
        };
        (what, bytes)
    })
}

/// Damages a store in many ways and asks it everything each time.
fn damage_all(sound: &[u8], expected: &Answers, seed: u64, options: &Options) {
    let folder = place();
    let rounds: usize = std::env::var("TREERING_DAMAGES").map_or(300, |text| text.parse().unwrap());
    let mut tally = Tally::default();
    for (what, bytes) in damages(sound, seed, rounds) {
        std::fs::write(&folder.path, &bytes).unwrap();
        judge(&mut tally, &what, &folder.path, expected, options);
    }
    let Tally { right, refused, partly, faults } = &tally;
    println!("{right} right, {refused} refused, {partly} partly refused of {rounds}");
    assert!(*right > 0 && *refused > 0 && (*partly > 0 || options.paranoid_open), "{tally:?}");
    assert!(faults.is_empty(), "{} of {rounds}: {faults:#?}", faults.len());
}

#[test]
fn damage_to_a_closed_store_is_an_error_or_does_not_matter() {
    let place = place();
    drop(make(&place.path));
    let sound = std::fs::read(&place.path).unwrap();
    let expected = answers(&place.path, by_hand(1 << 18)).unwrap();
    assert!(expected.iter().all(Option::is_some));
    damage_all(&sound, &expected, 0x7265_6572_7473_6772, &by_hand(1 << 18));
}

#[test]
fn damage_to_a_store_that_was_killed_is_an_error_or_does_not_matter() {
    let place = place();
    let store = make(&place.path);
    let sound = std::fs::read(&place.path).unwrap();
    drop(store);
    let expected = answers(&place.path, by_hand(1 << 18)).unwrap();
    damage_all(&sound, &expected, 0x6b69_6c6c_6564_2121, &by_hand(1 << 18));
}

#[test]
fn a_store_that_is_checked_on_opening_is_right_or_refused() {
    let place = place();
    let store = make(&place.path);
    let sound = std::fs::read(&place.path).unwrap();
    drop(store);
    let expected = answers(&place.path, by_hand(1 << 18)).unwrap();
    let mut options = by_hand(1 << 18);
    options.paranoid_open = true;
    damage_all(&sound, &expected, 0x7061_7261_6e6f_6964, &options);
}

/// Flips bits of redb's header, all of those in the byte of flags. Gives those that gave wrong answers.
fn header_faults(sound: &[u8], expected: &Answers, options: &Options) -> Vec<String> {
    let folder = place();
    let mut tally = Tally::default();
    for at in (0..64).chain((64..320).step_by(7)) {
        for bit in if at == 9 { 0..8 } else { at % 8..at % 8 + 1 } {
            let mut bytes = sound.to_vec();
            bytes[at] ^= 1 << bit;
            std::fs::write(&folder.path, &bytes).unwrap();
            let what = format!("bit {bit} of byte {at}");
            judge(&mut tally, &what, &folder.path, expected, options);
        }
    }
    assert!(tally.right > 0 && tally.refused > 0, "{tally:?}");
    tally.faults
}

/// Redb keeps two commits, and zeroes over one and the flags beside it make it take the other.
#[test]
fn an_older_commit_is_not_taken_for_the_newest() {
    let place = place();
    let store = make(&place.path);
    let killed = std::fs::read(&place.path).unwrap();
    drop(store);
    let closed = std::fs::read(&place.path).unwrap();
    let expected = answers(&place.path, by_hand(1 << 18)).unwrap();
    for sound in [&killed, &closed] {
        for (from, to) in [(9, 192), (9, 10), (9, 320), (10, 192)] {
            let mut bytes = sound.clone();
            bytes[from..to].fill(0);
            std::fs::write(&place.path, &bytes).unwrap();
            let mut tally = Tally::default();
            let what = format!("bytes {from} to {to} zeroed");
            judge(&mut tally, &what, &place.path, &expected, &by_hand(1 << 18));
            assert!(tally.faults.is_empty(), "{tally:?}");
        }
    }
}

#[test]
fn a_flipped_bit_in_the_header_is_noticed() {
    let place = place();
    let store = make(&place.path);
    let killed = std::fs::read(&place.path).unwrap();
    drop(store);
    let closed = std::fs::read(&place.path).unwrap();
    let expected = answers(&place.path, by_hand(1 << 18)).unwrap();
    let options = by_hand(1 << 18);
    assert_eq!(header_faults(&closed, &expected, &options), [""; 0]);
    // Of the two commits of a file whose writer was killed the older may be the last that was ended:
    // this one bit says it, and nothing else does; but checked on opening, one that is whole counts.
    let faults = header_faults(&killed, &expected, &options);
    let mut checked = by_hand(1 << 18);
    checked.paranoid_open = true;
    assert_eq!(header_faults(&killed, &expected, &checked), [""; 0]);
    let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
    assert!(fault.starts_with("bit 0 of byte 9:"), "{fault}");
}
