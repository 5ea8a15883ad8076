//! What keeping traces costs a small service under load: the shop without spans, with spans that are
//! made and thrown away, and with spans that are kept, one after the other, round after round. Clients
//! that keep their connection ask for a checkout, of which each makes seven spans in three calls of the
//! service to itself. Prints requests a second and their times, and ratios within each round.
//!
//! `cargo bench -p treering-example-service [-- --seconds N] [--rounds N] [--clients N]`

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a program that prints figures"
)]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MODES: [&str; 3] = ["none", "made", "kept"];

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The service, killed when dropped.
struct Service {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself, which its clients have found out.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn main() -> Outcome<()> {
    let seconds = argument("--seconds")?.unwrap_or(5);
    let rounds = argument("--rounds")?.unwrap_or(5);
    let clients = argument("--clients")?.unwrap_or(4);
    println!("{clients} clients, {rounds} rounds of {seconds} s each");
    let mut rates = vec![Vec::new(); MODES.len()];
    for round in 1..=rounds {
        for (mode, rates) in MODES.iter().zip(&mut rates) {
            let service = start(mode)?;
            load(&service.address, clients, Duration::from_millis(500))?;
            let mut times = load(&service.address, clients, Duration::from_secs(seconds))?;
            times.sort_unstable();
            let rate = times.len() as f64 / seconds as f64;
            let (median, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
            println!("round {round}, {mode}: {rate:.0} requests/s, {median:.2?}, p99 {late:.2?}");
            rates.push(rate);
        }
    }
    for (at, against) in [(1, 0), (2, 1), (2, 0)] {
        let mut ratios: Vec<f64> =
            rates[at].iter().zip(&rates[against]).map(|(rate, other)| rate / other).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let median = ratios[ratios.len() / 2];
        println!("{} against {}: {median:.3} times the requests", MODES[at], MODES[against]);
    }
    Ok(())
}

/// The number after `name`.
fn argument(name: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    let mut rest = std::env::args().skip_while(|argument| argument != name).skip(1);
    rest.next().map(|number| number.parse()).transpose()
}

fn start(mode: &str) -> Outcome<Service> {
    let folder = tempfile::tempdir()?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_treering-example-service"))
        .arg("127.0.0.1:0")
        .arg(folder.path().join("traces.redb"))
        .env("SHOP_TRACES", mode)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let out = child.stdout.take().ok_or("no output")?;
    BufReader::new(out).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on http://").ok_or("no address")?.to_owned();
    Ok(Service { child, address, _folder: folder })
}

/// Asks for checkouts until the time is over; gives how long each took.
fn load(address: &str, clients: u64, time: Duration) -> Outcome<Vec<Duration>> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(|| client(address, time))).collect();
        let mut times = Vec::new();
        for client in clients {
            times.extend(client.join().map_err(|_panic| "a client panicked")??);
        }
        Ok(times)
    })
}

fn client(address: &str, time: Duration) -> Outcome<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time {
        let asked = Instant::now();
        stream.write_all(b"GET /checkout/small HTTP/1.1\r\nhost: shop\r\n\r\n")?;
        answer(&mut answers)?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

/// Reads an answer to its end; one that is no success is an error.
fn answer(answers: &mut impl BufRead) -> Outcome<()> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(format!("the service answers {line:?}").into());
    }
    let mut length = 0;
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    Ok(())
}
