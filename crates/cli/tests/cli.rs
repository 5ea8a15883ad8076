//! Runs the built binary as its users do: files in, text and exit status out.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use treering_generator::Generator;

/// Two requests with one span each: one trace, `shop` calling `db`, which fails.
const ROOT: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"lib"},"spans":[{"traceId":"000000000000000000000000000000aa","spanId":"0000000000000001","name":"GET /buy","kind":2,"startTimeUnixNano":"1795334400000000000","endTimeUnixNano":"1795334401000000000","attributes":[{"key":"http.status_code","value":{"intValue":"500"}},{"key":"ok","value":{"boolValue":true}},{"key":"ratio","value":{"doubleValue":0.5}},{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}}]}]}]}]}"#;
const CHILD: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"db"}}]},"scopeSpans":[{"scope":{"name":"lib"},"spans":[{"traceId":"000000000000000000000000000000aa","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"SELECT","kind":3,"startTimeUnixNano":"1795334400250000000","endTimeUnixNano":"1795334400750000000","status":{"code":2,"message":"no such table"}}]}]}]}"#;

/// A span without a name is fine; one with an all-zero trace id is not.
const REFUSED: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000000","spanId":"0000000000000003","name":"x"}]}]}]}"#;

struct Cli {
    folder: TempDir,
}

struct Answer {
    out: String,
    err: String,
    status: i32,
}

impl Answer {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.status, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.out
    }

    #[track_caller]
    fn fails(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

impl Cli {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_treering"));
        // Of the one who runs the tests, and of where they run, it sees nothing.
        command.env_clear().current_dir(self.folder.path()).env("TMPDIR", self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Answer {
        self.run_with(args, b"")
    }

    fn run_with(&self, args: &[&str], stdin: &[u8]) -> Answer {
        let mut child = self
            .command()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        // The command may end without reading all of it.
        let writer = std::thread::spawn(move || input.write_all(&bytes).is_ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Answer {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap(),
        }
    }

    fn with_trace() -> Self {
        let cli = Self::new();
        let file = cli.write("a.jsonl", format!("{ROOT}\n{CHILD}\n"));
        cli.run(&["ingest", &file]).ok();
        cli
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.run(args).ok()).unwrap()
    }

    /// How many spans the store has.
    fn spans(&self) -> u64 {
        let args = ["query", "{ }", "--limit", "all", "--output", "json"];
        let answer = self.json(&args);
        let traces = answer["traces"].as_array().unwrap().iter();
        traces.map(|trace| trace["spanSets"][0]["matched"].as_u64().unwrap()).sum()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Made-up spans as length-delimited protobuf, and how many there are.
fn protobuf(spans: usize) -> (Vec<u8>, u64) {
    let mut bytes = Vec::new();
    for request in Generator::new(7).requests(spans) {
        let mut length = request.len();
        while length >= 0x80 {
            bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes.extend(request);
    }
    (bytes, Generator::new(7).spans(spans).count().try_into().unwrap())
}

#[test]
fn ingest_reads_every_format_and_compression() {
    let lines = format!("{ROOT}\n\n{CHILD}\n");
    let value: Value = serde_json::from_str(ROOT).unwrap();
    let document = serde_json::to_string_pretty(&value).unwrap();
    let (pb, pb_spans) = protobuf(700);
    let files: [(&str, Vec<u8>, u64); 8] = [
        ("a.jsonl", lines.clone().into(), 2),
        ("a.json", lines.clone().into(), 2),
        ("doc.json", document.clone().into(), 1),
        ("a.jsonl.gz", gzip(lines.as_bytes()), 2),
        ("doc.json.zst", zstd(document.as_bytes()), 1),
        ("a.pb", pb.clone(), pb_spans),
        ("a.pb.gz", gzip(&pb), pb_spans),
        ("a.pb.zst", zstd(&pb), pb_spans),
    ];
    for (name, content, spans) in files {
        let cli = Cli::new();
        let file = cli.write(name, content);
        let out = cli.run(&["ingest", &file]).ok();
        assert!(out.starts_with("stored ") && out.contains("spans/s)"), "{name}: {out}");
        assert_eq!(cli.spans(), spans, "{name}");
    }
}

#[test]
fn ingest_reads_stdin_and_says_when_the_format_is_missing() {
    let cli = Cli::new();
    let asked = cli.run_with(&["ingest", "-"], ROOT.as_bytes()).fails(2);
    assert!(asked.err.starts_with("error: stdin needs --format"), "{}", asked.err);
    cli.run_with(&["ingest", "-", "--format", "json"], ROOT.as_bytes()).ok();
    cli.run_with(&["ingest", "-", "--format", "json"], &gzip(CHILD.as_bytes())).ok();
    assert_eq!(cli.spans(), 2);
    let (pb, spans) = protobuf(300);
    cli.run_with(&["ingest", "--format", "pb", "-"], &pb).ok();
    assert_eq!(cli.spans(), 2 + spans);
}

#[test]
fn ingest_again_stores_nothing_twice() {
    let cli = Cli::with_trace();
    let out = cli.run(&["ingest", "a.jsonl"]).ok();
    assert!(out.contains("stored 0 spans of 0 new traces"), "{out}");
    assert!(out.contains("2 spans there already"), "{out}");
    assert_eq!(cli.spans(), 2);
}

#[test]
fn bad_lines_and_spans_are_named_and_left_out() {
    let cli = Cli::new();
    cli.write("a.jsonl", format!("{ROOT}\nnonsense\n{REFUSED}\n{CHILD}\n"));
    let answer = cli.run(&["ingest", "a.jsonl", "missing.json"]).fails(1);
    assert!(answer.err.contains("a.jsonl:2: "), "{}", answer.err);
    assert!(
        answer.err.contains("a.jsonl:3: resourceSpans[0].scopeSpans[0].spans[0]"),
        "{}",
        answer.err
    );
    assert!(answer.err.contains("traceId"), "{}", answer.err);
    assert!(answer.err.contains("cannot read missing.json"), "{}", answer.err);
    assert!(answer.out.contains("stored 2 spans of 1 new trace"), "{}", answer.out);
    assert_eq!(cli.spans(), 2);
}

#[test]
fn broken_protobuf_ends_its_file_alone() {
    let cli = Cli::new();
    let (pb, spans) = protobuf(600);
    cli.write("cut.pb", &pb[..pb.len() - 9]);
    cli.write("whole.pb", &pb);
    let answer = cli.run(&["ingest", "cut.pb", "whole.pb"]).fails(1);
    assert!(answer.err.contains("cut.pb: request 2: the request ends after"), "{}", answer.err);
    assert_eq!(cli.spans(), spans);
    let damaged = cli.write("damaged.pb.gz", &gzip(&pb)[..2000]);
    let answer = cli.run(&["ingest", &damaged]).fails(1);
    assert!(answer.err.contains("damaged.pb.gz"), "{}", answer.err);
}

#[test]
fn strict_stops_at_the_first_fault_and_keeps_what_came_before() {
    let cli = Cli::new();
    cli.write("a.jsonl", format!("{ROOT}\nnonsense\n{CHILD}\n"));
    let answer = cli.run(&["ingest", "--strict", "a.jsonl"]).fails(1);
    assert!(answer.err.contains("a.jsonl:2: "), "{}", answer.err);
    assert_eq!(cli.spans(), 1);
}

#[test]
fn query_answers_in_the_shape_of_tempo() {
    let cli = Cli::with_trace();
    let query = "{ .http.status_code = 500 && kind = server && duration > 1ms } \
         | select(.ok, .ratio, .tags) | count() > 0";
    let answer = cli.json(&["query", query, "--output", "json"]);
    let trace = &answer["traces"][0];
    assert_eq!(trace["traceID"], "000000000000000000000000000000aa");
    assert_eq!(trace["rootServiceName"], "shop");
    assert_eq!(trace["rootTraceName"], "GET /buy");
    assert_eq!(trace["startTimeUnixNano"], "1795334400000000000");
    assert_eq!(trace["durationMs"], 1000);
    let spanset = &trace["spanSets"][0];
    assert_eq!(spanset["matched"], 1);
    assert_eq!(spanset["attributes"][0]["key"], "count()");
    assert_eq!(spanset["attributes"][0]["value"]["intValue"], "1");
    let span = &spanset["spans"][0];
    assert_eq!(span["spanID"], "0000000000000001");
    assert_eq!(span["name"], "GET /buy");
    assert_eq!(span["startTimeUnixNano"], "1795334400000000000");
    assert_eq!(span["durationNanos"], "1000000000");
    let value = |key: &str| {
        let attributes = span["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key);
        found.unwrap_or_else(|| panic!("{key} in {span}"))["value"].to_string()
    };
    assert_eq!(value("http.status_code"), r#"{"intValue":"500"}"#);
    assert_eq!(value("kind"), r#"{"stringValue":"server"}"#);
    assert_eq!(value("duration"), r#"{"stringValue":"1s"}"#);
    assert_eq!(value("ok"), r#"{"boolValue":true}"#);
    assert_eq!(value("ratio"), r#"{"doubleValue":0.5}"#);
    assert_eq!(
        value("tags"),
        r#"{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}"#
    );
    assert!(answer["metrics"].is_object());
}

#[test]
fn query_shows_a_table_and_its_plan() {
    let cli = Cli::with_trace();
    let out = cli.run(&["query", "{ status = error }"]).ok();
    assert!(out.contains("000000000000000000000000000000aa"), "{out}");
    assert!(out.contains("0000000000000002"), "{out}");
    assert!(out.contains("+250ms"), "{out}");
    assert!(out.contains("status=error"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours in a pipe: {out:?}");
    let answer = cli.run(&["query", "{ status = error }"]);
    assert!(answer.err.starts_with("1 trace, 1 span matched, in "), "{}", answer.err);
    let answer = cli.run(&["query", "{ .no = 1 }"]);
    assert!(answer.err.starts_with("no trace matches, in "), "{}", answer.err);
    assert_eq!(answer.ok(), "");
    assert!(!cli.run(&["query", "{ status = error }", "--explain"]).ok().is_empty());
}

#[test]
fn query_takes_times_and_limits() {
    let cli = Cli::with_trace();
    let found = |args: &[&str]| {
        let args = [&["query", "{ }", "--output", "json"], args].concat();
        cli.json(&args)["traces"].as_array().unwrap().len()
    };
    assert_eq!(found(&["--start", "2026-11-22T08:00:01Z"]), 1);
    assert_eq!(found(&["--start", "1795334401.000000001"]), 0);
    assert_eq!(found(&["--end", "2026-11-22T07:59:59Z"]), 0);
    assert_eq!(found(&["--start", "-99999h"]), 1);
    let one = cli.json(&["query", "{ }", "--spans", "1", "--output", "json"]);
    assert_eq!(one["traces"][0]["spanSets"][0]["spans"].as_array().unwrap().len(), 1);
    assert_eq!(one["traces"][0]["spanSets"][0]["matched"], 2);
    let all = cli.json(&["query", "{ }", "--spans", "all", "--limit", "all", "--output", "json"]);
    assert_eq!(all["traces"][0]["spanSets"][0]["spans"].as_array().unwrap().len(), 2);
    cli.run(&["query", "{ }", "--limit", "0"]).fails(2);
    assert_eq!(found(&["--since", "2026-11-22 08:00", "--until", "2026-11-22 08:01"]), 1);
    assert_eq!(found(&["--from", "2026-11-23"]), 0);
    assert_eq!(found(&["--to", "2026-11-22"]), 0);
    cli.run(&["query", "{ }", "--start", "sooner"]).fails(2);
    let answer = cli.run(&["query", "{ }", "--from", "2026-11-22", "--to", "2026-11-20"]).fails(2);
    let expected = "error: --from (2026-11-22T00:00:00Z) is after --to (2026-11-20T00:00:00Z)\n";
    assert_eq!(answer.err, expected);
}

#[test]
fn a_wrong_query_is_shown_with_its_place_before_any_store_is_opened() {
    let cli = Cli::new();
    let answer = cli.run(&["query", "{ status = }"]).fails(2);
    assert!(answer.err.starts_with("error: "), "{}", answer.err);
    assert!(answer.err.contains("\n  | { status = }\n"), "{}", answer.err);
    assert!(answer.err.contains('^'), "{}", answer.err);
    let answer = cli.run(&["query", "{ }"]).fails(1);
    assert!(answer.err.starts_with("error: there is no store at treering.redb"), "{}", answer.err);
    assert!(!cli.path("treering.redb").exists());
}

#[test]
fn a_metrics_query_is_no_search() {
    let cli = Cli::with_trace();
    let answer = cli.run(&["query", "{ } | rate()"]).fails(2);
    assert!(answer.err.starts_with("error: "), "{}", answer.err);
}

#[test]
fn trace_is_drawn_as_a_waterfall() {
    let cli = Cli::with_trace();
    let expected = "\
trace 000000000000000000000000000000aa
2026-11-22T08:00:00.000Z, 1s, 2 spans, 2 services, 1 error
  shop GET /buy                              ━━━━━━━━━━━━━━━━━━━━━━━━━━       1s
  └ db SELECT ✗                                    ━━━━━━━━━━━━━           500ms
";
    let run = |id: &str| {
        let output = cli.command().env("COLUMNS", "80").args(["trace", id]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let out = run("000000000000000000000000000000aa");
    assert_eq!(out, expected, "\n{out}");
    assert_eq!(run("AA"), expected);
}

#[test]
fn trace_gives_back_what_went_in() {
    let cli = Cli::with_trace();
    let out = cli.run(&["trace", "aa", "--output", "json"]).ok();
    let other = Cli::new();
    other.write("back.json", &out);
    other.run(&["ingest", "back.json"]).ok();
    assert_eq!(other.run(&["trace", "aa", "--output", "json"]).ok(), out);
    let answer = cli.run(&["trace", "bb"]).fails(1);
    assert!(answer.err.starts_with("error: there is no trace 0000"), "{}", answer.err);
    cli.run(&["trace", "xyz"]).fails(2);
}

#[test]
fn tags_and_values_answer_in_the_shape_of_tempo() {
    let cli = Cli::with_trace();
    let tags = cli.json(&["tags", "--scope", "span", "--output", "json"]);
    let expected = serde_json::json!({ "scopes": [{
        "name": "span",
        "tags": ["http.status_code", "ok", "ratio", "tags"],
        "counts": [1, 1, 1, 1],
        "types": [["int"], ["bool"], ["float"], ["string"]],
    }]});
    assert_eq!(tags, expected);
    let values = |args: &[&str]| cli.json(&[&["values"], args, &["--output", "json"]].concat());
    let expected = serde_json::json!({ "tagValues": [
        { "type": "string", "value": "db", "count": 1 },
        { "type": "string", "value": "shop", "count": 1 },
    ]});
    assert_eq!(values(&[".service.name"]), expected);
    let errors = serde_json::json!({ "tagValues": [
        { "type": "keyword", "value": "client", "count": 1 },
    ]});
    assert_eq!(values(&["kind", "--query", "{ status = error }"]), errors);
    let cut = values(&["name", "--limit", "1"]);
    assert_eq!((cut["tagValues"].as_array().unwrap().len(), &cut["truncated"]), (1, &true.into()));
    assert_eq!(values(&["name", "--end", "1"])["tagValues"], serde_json::json!([]));
}

#[test]
fn tags_and_values_out_of_time_say_that_they_are_partial() {
    let cli = Cli::with_trace();
    for args in [["tags", "--timeout"].as_slice(), &["values", "name", "--timeout"]] {
        let with = |more: &[&'static str]| [args, more].concat();
        assert_eq!(cli.json(&with(&["0s", "--output", "json"]))["partial"], true);
        assert!(cli.json(&with(&["1h", "--output", "json"]))["partial"].is_null());
        for output in ["table", "jsonl"] {
            let answer = cli.run(&with(&["0s", "--output", output]));
            assert_eq!(answer.err, "partial: stopped before the end\n");
        }
    }
}

#[test]
fn tags_and_values_are_tables_for_people() {
    let cli = Cli::with_trace();
    let out = cli.run(&["tags"]).ok();
    assert!(out.contains("resource") && out.contains("service.name"), "{out}");
    assert!(out.contains("rootServiceName"), "{out}");
    let out = cli.run(&["values", "name", "--limit", "1"]).ok();
    assert!(out.contains("GET /buy"), "{out}");
    let answer = cli.run(&["values", "name", "--limit", "1"]);
    assert!(answer.err.contains("more than these"), "{}", answer.err);
    let answer = cli.run(&["values", ".none"]);
    assert_eq!(answer.err, "no span has a value of it\n");
    assert_eq!(answer.ok(), "");
    let answer = cli.run(&["values", "foo"]).fails(2);
    assert!(answer.err.contains("  | foo\n"), "{}", answer.err);
    cli.run(&["values", "name", "--query", "{ } | rate()"]).fails(2);
    cli.run(&["values", "name", "--start", "2", "--end", "1"]).fails(2);
    cli.run(&["tags", "--scope", "nothing"]).fails(2);
}

#[test]
fn check_prints_the_canonical_form_or_the_place() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["check", "{status=error}"]).ok(), "{ span:status = error }\n");
    let answer = cli.run(&["check", "{ foo = 1 }"]).fails(2);
    assert_eq!(answer.out, "");
    assert!(answer.err.contains("  | { foo = 1 }\n  |   ^^^\n"), "{}", answer.err);
    cli.run(&["check"]).fails(2);
    cli.run(&["check", "{ }", "--stdin"]).fails(2);
}

#[test]
fn check_answers_a_line_for_a_line() {
    let cli = Cli::new();
    let answer =
        cli.run_with(&["check", "--stdin"], b"{}\r\n{ foo = 1 }\n\n{ .a = \"\xff\" }").ok();
    let lines: Vec<Value> =
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(answer.lines().next(), Some(r#"{"query":"{}","ok":true,"canonical":"{ }"}"#));
    assert_eq!(lines[1]["query"], "{ foo = 1 }");
    assert_eq!(lines[1]["ok"], false);
    assert_eq!(lines[1]["error"]["start"], 2);
    assert_eq!(lines[1]["error"]["end"], 5);
    assert!(lines[1]["error"]["kind"].is_string());
    assert!(lines[1]["error"]["message"].is_string());
    assert_eq!(lines[2]["ok"], false);
    assert_eq!(lines[3]["ok"], true);
}

#[test]
fn stats_counts_spans_and_bytes() {
    let cli = Cli::with_trace();
    let out = cli.run(&["stats"]).ok();
    let line = |start: &str| out.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("spans ").ends_with(" 2"), "{out}");
    assert!(line("traces ").ends_with(" 1"), "{out}");
    assert!(line("bytes on disk").contains("B/span"), "{out}");
    assert!(
        line("time ").contains("2026-11-22T08:00:00.000Z to 2026-11-22T08:00:01.000Z"),
        "{out}"
    );
    cli.run(&["--store", "none.redb", "stats"]).fails(1);
}

#[test]
fn what_is_too_old_or_too_much_is_dropped_and_told() {
    let cli = Cli::new();
    let old = |id: &str| {
        let old = ROOT.replace("17953344", "10000000").replace("00000000000000aa", id);
        cli.write(&format!("{id}.json"), old)
    };
    cli.run(&["ingest", &old("00000000000000bb")]).ok();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let new = ROOT.replace("1795334400", &now.to_string()).replace("1795334401", &now.to_string());
    let new = cli.write("new.json", new);
    let out = cli.run(&[
        "ingest",
        &new,
        &old("00000000000000cc"),
        "--max-age",
        "7d",
        "--max-bytes",
        "20MB",
    ]);
    let out = out.ok();
    assert!(out.contains("stored 1 span of 1 new trace"), "{out}");
    assert!(out.contains("1 span too old") && out.contains("1 span of 1 trace dropped"), "{out}");
    let out = cli.run(&["stats"]).ok();
    let line = |start: &str| out.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("spans ").ends_with(" 1") && line("too old ").ends_with(" 1 span"), "{out}");
    assert!(line("dropped ").contains("1 span of 1 trace, 2001-09-09T01:46:40.000Z to "), "{out}");

    let wrong = cli.run(&["ingest", &new, "--max-bytes", "5 apples"]).fails(2);
    assert!(wrong.err.contains("such as `500MB`"), "{}", wrong.err);
    let wrong = cli.run(&["ingest", &new, "--max-bytes", "1MB"]).fails(1);
    assert!(wrong.err.contains("at least 16777216"), "{}", wrong.err);
}

#[test]
fn demo_fills_a_store_of_its_own_and_asks_it() {
    let cli = Cli::new();
    let out = cli.run(&["demo", "--spans", "5000"]).ok();
    let store = out.lines().next().unwrap().strip_prefix("store: ").unwrap();
    assert!(Path::new(store).starts_with(cli.folder.path()), "{store}");
    assert!(!cli.path("treering.redb").exists());
    assert!(out.contains("spans/s"), "{out}");
    assert_eq!(out.matches("newest ").count(), 3, "{out}");
    assert!(out.contains("▶ "), "{out}");
    assert!(out.contains(&format!("treering query --store {store} ")), "{out}");
    let last =
        cli.run(&["--store", store, "query", "{ status = error } !< { status = error }"]).ok();
    assert!(last.contains("SPAN"), "{last}");
}

#[test]
fn demo_uses_the_store_it_is_given() {
    let cli = Cli::new();
    cli.run(&["demo", "--spans", "500", "--store", "given.redb"]).ok();
    assert!(cli.path("given.redb").exists());
    let output = cli.command().env("TREERING_STORE", "given.redb").arg("stats").output().unwrap();
    assert!(output.status.success());
}

#[test]
fn a_file_that_is_no_store_is_an_error_with_its_cause() {
    let cli = Cli::new();
    cli.write("treering.redb", "this is no store");
    let answer = cli.run(&["stats"]).fails(1);
    assert!(answer.err.starts_with("error: the store at treering.redb cannot"), "{}", answer.err);
    assert!(answer.err.contains("\n  because: "), "{}", answer.err);
    assert!(
        answer.err.ends_with("\n  = it is no store of Treering's; --store names another file\n")
    );
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let cli = Cli::new();
    let mut child = cli
        .command()
        .args(["check", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&b"{ }\n".repeat(100_000)).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn an_empty_file_is_no_store_and_stays_empty() {
    let cli = Cli::new();
    cli.write("treering.redb", "");
    for args in [["query", "{ }"].as_slice(), &["trace", "aa"], &["stats"]] {
        let answer = cli.run(args).fails(1);
        let expected = "error: treering.redb is empty, so it is no store\n  = ";
        assert!(answer.err.starts_with(expected), "{}", answer.err);
        assert_eq!(std::fs::read(cli.path("treering.redb")).unwrap(), b"");
    }
}

#[test]
fn damaged_stores_are_reported_without_panics() {
    let cli = Cli::with_trace();
    let whole = std::fs::read(cli.path("treering.redb")).unwrap();
    let mut failed = 0;
    for place in (0..whole.len()).step_by(whole.len() / 32) {
        let mut damaged = whole.clone();
        let end = (place + 4096).min(damaged.len());
        damaged[place..end].fill(0xa5);
        cli.write("treering.redb", &damaged);
        let answer = cli.run(&["query", "{ }"]);
        assert!(!answer.err.contains("panicked"), "at {place}: {}", answer.err);
        if answer.status != 0 {
            assert!(answer.err.starts_with("error: "), "at {place}: {}", answer.err);
            failed += 1;
        }
    }
    assert!(failed > 0);
    cli.write("treering.redb", &whole[..whole.len() / 2]);
    let answer = cli.run(&["stats"]).fails(1);
    assert!(answer.err.starts_with("error: "), "{}", answer.err);
    assert!(answer.err.contains("\n  = `treering verify --store "), "{}", answer.err);
}

#[test]
fn a_plan_can_be_json() {
    let cli = Cli::with_trace();
    let answer = cli.json(&["query", "{ }", "--explain", "--output", "json"]);
    assert!(!answer["explain"].as_str().unwrap().is_empty());
}

#[test]
fn demo_shows_no_rate_where_nothing_is_stored() {
    let cli = Cli::new();
    let args = ["demo", "--spans", "500", "--store", "given.redb"];
    assert!(cli.run(&args).ok().contains("spans/s"));
    let again = cli.run(&args).ok();
    assert!(again.contains("stored 0 spans of 0 new traces in "), "{again}");
    assert!(again.contains("there already"), "{again}");
    assert!(!again.contains("spans/s"), "{again}");
}

#[test]
fn negative_numbers_are_refused_as_numbers() {
    let cli = Cli::new();
    for args in [["query", "{ }", "--limit", "-1"].as_slice(), &["query", "{ }", "--spans", "-2"]] {
        let answer = cli.run(args).fails(2);
        assert!(answer.err.contains("expected a number from 1, or `all`"), "{}", answer.err);
    }
    let answer = cli.run(&["demo", "--spans", "-5"]).fails(2);
    assert!(answer.err.contains("expected a number from 0"), "{}", answer.err);
}

#[test]
fn pages_make_up_the_whole_answer() {
    let cli = Cli::new();
    cli.write("a.pb", protobuf(600).0);
    cli.run(&["ingest", "a.pb"]).ok();
    let ids = |answer: &Value| -> Vec<String> {
        answer["traces"].as_array().unwrap().iter().map(|t| t["traceID"].to_string()).collect()
    };
    for order in ["newest", "oldest"] {
        let query = ["query", "{ }", "--output", "json", "--order", order];
        let whole = cli.json(&[&query[..], &["--limit", "all"]].concat());
        assert!(whole["next"].is_null() && whole["metrics"].is_object(), "{whole}");
        let (mut pages, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut args = [&query[..], &["--limit", "3"]].concat();
            if let Some(after) = &after {
                args.extend(["--after", after]);
            }
            let page = cli.json(&args);
            assert!(page["partial"].is_null(), "{page}");
            pages.extend(ids(&page));
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        assert!(pages.len() > 3);
        assert_eq!(pages, ids(&whole), "{order}");
    }
    let answer = cli.run(&["query", "{ }", "--limit", "1"]);
    assert!(answer.err.contains("; next: --after "), "{}", answer.err);
    let longest =
        cli.json(&["query", "{ }", "--limit", "2", "--output", "json", "--order", "longest"]);
    assert!(longest["next"].is_null());
    cli.run(&["query", "{ }", "--order", "most-spans"]).ok();
    cli.run(&["query", "{ }", "--after", "nonsense"]).fails(2);
    let cursor = "1795334400000000000-0af7651916cd43dd8448eb211c80319c";
    let answer = cli.run(&["query", "{ }", "--order", "longest", "--after", cursor]).fails(2);
    assert_eq!(answer.err, "error: --after goes with --order newest or oldest\n");
}

#[test]
fn a_search_out_of_time_says_that_it_is_partial() {
    let cli = Cli::with_trace();
    for limit in ["20", "all"] {
        let args = ["query", "{ }", "--output", "json", "--timeout", "0s", "--limit", limit];
        let answer = cli.json(&args);
        assert_eq!(answer["partial"], true, "{answer}");
        assert!(answer["traces"].is_array(), "{answer}");
    }
    let answer = cli.run(&["query", "{ }", "--timeout", "0s"]);
    assert!(answer.err.ends_with("; partial: stopped before the end\n"), "{}", answer.err);
    let answer = cli.run(&["query", "{ }", "--timeout", "1h"]);
    assert!(answer.err.starts_with("1 trace, 2 spans matched, in "), "{}", answer.err);
    let answer = cli.run(&["query", "{ }", "--timeout", "soon"]).fails(2);
    assert!(answer.err.contains("expected a length of time"), "{}", answer.err);
}

/// The store of the command line, open in this process as in a service.
fn held(cli: &Cli) -> treering::Store {
    treering::Store::open(cli.path("treering.redb"), treering::Options::default()).unwrap()
}

#[test]
fn a_store_that_a_service_has_open_can_be_asked() {
    let cli = Cli::with_trace();
    let service = held(&cli);
    assert_eq!(cli.spans(), 2);
    let mut batch = treering::Batch::new();
    let more = ROOT.replace("000000000000000000000000000000aa", "000000000000000000000000000000bb");
    assert!(batch.push_json(more.as_bytes()).unwrap().is_empty());
    service.ingest(batch).unwrap();
    assert_eq!(cli.spans(), 3, "what the service took in a moment ago");
    assert!(cli.run(&["trace", "bb"]).ok().contains("GET /buy"));
    assert!(cli.run(&["tags"]).ok().contains("http.status_code"));
    assert!(cli.run(&["values", "resource.service.name"]).ok().contains("shop"));
    assert!(cli.run(&["stats"]).ok().contains("spans          3"));
    assert!(cli.run(&["query", "{ }", "--explain"]).ok().contains("block"));
    assert!(cli.run(&["verify"]).ok().contains("another process has it open"));
    let file = cli.write("more.jsonl", CHILD);
    let refused = cli.run(&["ingest", &file]).fails(1).err;
    assert!(refused.contains("is open already") && refused.contains("= stop what has it open"));
    // And the service goes on.
    service.maintain().unwrap();
    assert_eq!(cli.spans(), 3);
}

#[test]
fn what_is_exported_can_be_taken_in_again() {
    let cli = Cli::with_trace();
    let whole = cli.run(&["trace", "aa", "--output", "json"]).ok();
    for (format, name) in [("json", "out.jsonl"), ("pb", "out.pb")] {
        let output = cli.command().args(["export", "--format", format]).output().unwrap();
        assert!(output.status.success());
        let file = cli.write(name, &output.stdout);
        let store = format!("{format}.redb");
        cli.run(&["ingest", &file, "--store", &store]).ok();
        let again = cli.run(&["trace", "aa", "--output", "json", "--store", &store]).ok();
        assert_eq!(again, whole);
    }
    assert_eq!(cli.run(&["export", "--query", "{ name = `none` }"]).ok(), "");
    assert!(cli.run(&["export", "--query", "{ nam }"]).fails(2).err.contains("nam"));
}

#[test]
fn a_backup_is_a_store_and_overwrites_nothing() {
    let cli = Cli::with_trace();
    let service = held(&cli);
    cli.run(&["backup", "copy.redb"]).ok();
    drop(service);
    assert_eq!(
        cli.run(&["verify", "--store", "copy.redb"]).ok().lines().last(),
        Some("all is whole")
    );
    let whole = cli.run(&["trace", "aa", "--output", "json"]).ok();
    assert_eq!(cli.run(&["trace", "aa", "--output", "json", "--store", "copy.redb"]).ok(), whole);
    assert!(cli.run(&["backup", "copy.redb"]).fails(1).err.contains("is not overwritten"));
}

#[test]
fn damage_is_found_and_the_rest_salvaged() {
    let cli = Cli::with_trace();
    let sound = cli.run(&["verify"]).ok();
    assert!(sound.ends_with("all is whole\n"), "{sound}");
    // A second trace in a block of its own, whose name is damaged.
    let more = ROOT.replace("000000000000000000000000000000aa", "000000000000000000000000000000bb");
    let file = cli.write("more.jsonl", more.replace("GET /buy", "POST /spoilt"));
    cli.run(&["ingest", &file]).ok();
    let mut bytes = std::fs::read(cli.path("treering.redb")).unwrap();
    let text = b"POST /spoilt";
    let places: Vec<usize> =
        (0..bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
    for at in places {
        bytes[at] = b'X';
    }
    std::fs::write(cli.path("treering.redb"), &bytes).unwrap();
    let answer = cli.run(&["verify"]).fails(1);
    assert!(answer.out.contains("treering salvage NEW --store treering.redb"), "{}", answer.out);
    assert!(answer.out.contains("checksum"), "{}", answer.out);
    let answer = cli.run(&["salvage", "new.redb"]).fails(1);
    assert!(answer.out.contains("are in new.redb"), "{}", answer.out);
    assert!(std::fs::read(cli.path("treering.redb")).unwrap() == bytes, "the file changed");
    assert!(cli.run(&["verify", "--store", "new.redb"]).ok().ends_with("all is whole\n"));
    assert!(cli.run(&["salvage", "new.redb"]).fails(1).err.contains("is not overwritten"));
    assert!(cli.run(&["verify", "--store", "none.redb"]).fails(1).err.contains("no store"));
}
