//! The process that kills. Invariant: a kill is aimed at a piece of work, and counted for what was
//! under way when it hit.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use treering::Timestamp;

use crate::child;
use crate::judging::Line;

/// Kills of a plain run.
const KILLS: usize = 21;
/// In a run of so many each piece of work is hit,
const MANY: usize = 200;
/// at least so often.
const HITS_MIN: usize = 10;
/// A child that says nothing for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Operations of each thread after which a new file is begun, so that judging stays quick.
const OPERATIONS_MAX: u64 = 900;

/// What kills are aimed at in turns, and after how many microseconds of it at most they come: opening
/// takes less than a millisecond, others take several. The last is any moment.
const AIMS: [(&str, u64); 7] = [
    ("Seal", 3000),
    ("Compaction", 3000),
    ("Retention", 2000),
    ("Deletion", 2000),
    ("Purge", 15_000),
    ("Recovery", 400),
    ("", 1),
];

/// How often a piece of work is under way, by threads.
type UnderWay = BTreeMap<String, usize>;

/// Kills, judges, and prints what the kills hit.
pub(crate) fn run() {
    let kills = std::env::var("TREERING_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut hits: UnderWay = BTreeMap::new();
    let mut lines = [Line::new(false), Line::new(true)];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (aim, most) = AIMS[kill % AIMS.len()];
        // Every other time what may hit either file hits the one whose traces age.
        let is_aged = aim == "Retention" || aim != "Purge" && kill / AIMS.len() % 3 == 2;
        let line = &mut lines[usize::from(is_aged)];
        let under_way = one(line, aim, most, random);
        let killed = Timestamp::now();
        let works = under_way.into_iter().filter(|(_, times)| *times > 0);
        works.for_each(|(work, _)| *hits.entry(work).or_default() += 1);
        line.judge(killed, kill);
        if line.threads.iter().any(|thread| thread.next > OPERATIONS_MAX) {
            *line = Line::new(is_aged);
        }
    }
    println!("{kills} kills passed; of these during: {hits:?}");
    for (aim, _) in AIMS.iter().filter(|(aim, _)| kills >= MANY && !aim.is_empty()) {
        let times = hits.get(*aim).copied().unwrap_or(0);
        assert!(times >= HITS_MIN, "{aim} was hit {times} times only");
    }
    println!("test result: ok. 1 passed; 0 failed");
}

/// Starts a child and kills it; gives the work that was under way.
fn one(line: &mut Line, aim: &str, most: u64, random: u64) -> UnderWay {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(child::ARGUMENT).arg(line.path()).arg(line.is_aged.to_string());
    command.args(line.threads.iter().map(|thread| thread.next.to_string()));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let (send, said) = channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let mut under_way = UnderWay::new();
    let mut take = |said: &str| {
        line.note(said);
        match said.split_once(' ') {
            Some(("began", work)) => *under_way.entry(work.to_owned()).or_default() += 1,
            Some(("ended", work)) => {
                under_way.entry(work.to_owned()).and_modify(|times| *times -= 1);
            }
            _ => {}
        }
    };
    // Let it live for a while; then wait for the work that is aimed at.
    let alive = Duration::from_millis(if aim == "Recovery" { 0 } else { 20 + random % 400 });
    wait(&mut child, &said, &mut take, alive, |_| false);
    if !aim.is_empty() {
        let began = format!("began {aim}");
        wait(&mut child, &said, &mut take, Duration::from_secs(5), |line| line == began);
        std::thread::sleep(Duration::from_micros((random >> 32) % most));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it was killed is still to be read.
    for line in &said {
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
