//! `treering delete` as its users run it. Invariant: nothing is deleted without `--yes`, and then
//! what was said before.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::process::Command;

const DIGITS: &str = "000000000000000000000000000000";

/// Three traces, `aa` to `cc`, each of one span, named after it.
fn filled(folder: &Path) {
    let span = |id: &str| {
        format!(
            r#"{{"traceId":"{DIGITS}{id}","spanId":"00000000000000{id}","name":"name-{id}","startTimeUnixNano":"1795334400000000000","endTimeUnixNano":"1795334401000000000"}}"#
        )
    };
    let spans = ["aa", "bb", "cc"].map(span).join(",");
    let request = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    std::fs::write(folder.join("in.json"), request).unwrap();
    run(folder, &["ingest", "in.json"], 0);
}

#[track_caller]
fn run(folder: &Path, args: &[&str], status: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treering"));
    command.current_dir(folder).env_clear().args(args);
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {text}");
    text
}

fn file_holds(folder: &Path, needle: &str) -> bool {
    let bytes = std::fs::read(folder.join("treering.redb")).unwrap();
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn nothing_is_deleted_without_yes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    filled(folder);
    let said = run(folder, &["delete", "aa", "dd", "aa"], 0);
    assert!(said.contains("would delete 1 trace\n") && said.contains("name-aa"), "{said}");
    let said = run(folder, &["delete", "--where", "{ name =~ `name-[ab].` }", "--purge"], 0);
    assert!(said.contains("would delete 2 traces\n") && said.contains("name-bb"), "{said}");
    assert!(!said.contains("name-cc") && said.contains("--yes"), "{said}");
    assert!(run(folder, &["stats"], 0).contains("traces         3"));
}

#[test]
fn traces_are_deleted_by_id_and_by_query_and_purged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    filled(folder);
    let said = run(folder, &["delete", "aa", "dd", "--yes"], 0);
    assert_eq!(said, "deleted 1 trace\n");
    run(folder, &["trace", "aa"], 1);
    assert!(file_holds(folder, "name-aa"));
    let args = ["delete", "--where", "{ name = `name-bb` }", "--end", "2020-01-01T00:00:00Z"];
    assert_eq!(run(folder, &[&args[..], &["--yes"]].concat(), 0), "deleted 0 traces\n");
    let said = run(folder, &["delete", "--where", "{ name = `name-bb` }", "--yes", "--purge"], 0);
    assert!(said.starts_with("deleted 1 trace\npurged the file: "), "{said}");
    assert!(!file_holds(folder, "name-aa") && !file_holds(folder, "name-bb"));
    assert!(file_holds(folder, "name-cc"));
    assert!(run(folder, &["trace", "cc"], 0).contains("name-cc"));
}

#[test]
fn what_is_wrong_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, &["delete", "aa", "--yes"], 1);
    filled(folder);
    run(folder, &["delete", "--yes"], 2);
    run(folder, &["delete", "xyz", "--yes"], 2);
    run(folder, &["delete", "aa", "--where", "{ }", "--yes"], 2);
    run(folder, &["delete", "aa", "--start", "now", "--yes"], 2);
    let said = run(folder, &["delete", "--where", "{ name = ", "--yes"], 2);
    assert!(said.contains("error"), "{said}");
    assert!(run(folder, &["stats"], 0).contains("traces         3"));
}
