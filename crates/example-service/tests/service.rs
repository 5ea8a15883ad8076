//! The example as its users run it: started, asked, killed and started again. Invariant: what one could
//! be told before it was killed, one is told afterwards.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The service, killed when dropped.
struct Service {
    child: Child,
    address: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        // SIGKILL, where there is such a thing: nothing of it gets to flush or to close.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Service {
    fn start(store: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_treering-example-service"));
        let mut child =
            command.arg("127.0.0.1:0").arg(store).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// The status and the body of an answer.
    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: shop\r\n{headers}connection: close\r\n");
        stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn checkout(&self, cart: &str) -> (u16, String) {
        self.get(&format!("/checkout/{cart}"), "")
    }

    fn ask(&self, query: &str) -> String {
        let mut path = "/debug/traces?q=".to_owned();
        for byte in query.bytes() {
            write!(path, "%{byte:02x}").unwrap();
        }
        let (status, text) = self.get(&path, "");
        assert_eq!(status, 200, "{text}");
        text
    }
}

const BELOW: &str = "{ .http.route = `/checkout/{cart}` } >> { .http.route = `/price/{sku}` }";
const SLOW_BELOW: &str = "{ .http.route = `/checkout/{cart}` } >> \
                          { .db.system = `memory` && .db.operation = `SELECT` && duration > 75ms }";
const LAST_ERROR: &str = "{ status = error } !< { status = error }";

/// The lines for traces, and how often `span` is found in them.
fn counts(answer: &str, span: &str) -> (usize, usize) {
    let traces = answer.lines().filter(|line| !line.starts_with(' ')).count();
    let spans = answer.lines().filter(|line| line.starts_with(&format!("  {span} "))).count();
    (traces, spans)
}

#[test]
fn a_killed_service_tells_of_the_traces_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("traces.redb");
    let service = Service::start(&store);
    assert_eq!(service.checkout("small"), (200, "250 cents\n".to_owned()));
    assert_eq!(service.checkout("large"), (200, "760 cents\n".to_owned()));
    assert_eq!(service.checkout("slow"), (200, "2240 cents\n".to_owned()));
    let (status, text) = service.checkout("broken");
    assert_eq!(status, 502);
    assert!(text.contains("ghost has no price"), "{text}");
    assert_eq!(service.checkout("stolen").0, 502);

    let below = service.ask(BELOW);
    assert_eq!(counts(&below, "GET /price/{sku}"), (4, 8), "{below}");
    let slow = service.ask(SLOW_BELOW);
    assert!(slow.contains("GET /checkout/{cart}\n  SELECT price"), "{slow}");
    let last = service.ask(LAST_ERROR);
    // One price is missing; that a cart is missing is no fault of whom was asked for it.
    assert_eq!((counts(&last, "SELECT price"), counts(&last, "GET")), ((2, 1), (2, 1)), "{last}");
    let (status, figures) = service.get("/debug/exporter", "");
    assert_eq!(status, 200);
    assert!(figures.contains("exported: ") && figures.contains("failed: 0"), "{figures}");
    drop(service);

    let service = Service::start(&store);
    assert_eq!(service.ask(BELOW), below);
    assert_eq!(service.ask(SLOW_BELOW), slow);
    assert_eq!(service.ask(LAST_ERROR), last);
    let id = slow.lines().next().unwrap().split(' ').next().unwrap();
    let (status, json) = service.get(&format!("/debug/traces/{id}"), "");
    assert_eq!((status, json.matches("\"spanId\"").count()), (200, 10), "{json}");
    assert_eq!(service.checkout("small").0, 200);
    assert_eq!(counts(&service.ask(BELOW), "GET /price/{sku}"), (5, 9));
}

#[test]
fn a_request_continues_the_trace_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("traces.redb"));
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("traceparent: 00-{id}-00f067aa0ba902b7-01\r\n");
    assert_eq!(service.get("/checkout/small", &parent).0, 200);
    let (status, json) = service.get(&format!("/debug/traces/{id}"), "");
    assert_eq!(status, 200, "{json}");
    assert!(json.contains("\"parentSpanId\":\"00f067aa0ba902b7\""), "{json}");
    assert_eq!(json.matches("\"spanId\"").count(), 7, "{json}");
    let continued = service.ask("{ span:parentID = `00f067aa0ba902b7` } >> { .sku = `tea` }");
    assert_eq!(counts(&continued, "SELECT price"), (1, 1), "{continued}");

    let (status, text) = service.get("/debug/traces/00f067aa0ba902b7", "");
    assert_eq!(status, 400, "{text}");
    assert_eq!(service.get("/debug/traces/00000000000000000000000000000001", "").0, 404);
    let (status, text) = service.get("/debug/traces?q=%7B+nonsense+%7D", "");
    assert_eq!(status, 400);
    assert!(text.contains("{ nonsense }") && text.contains('^'), "{text}");
}
