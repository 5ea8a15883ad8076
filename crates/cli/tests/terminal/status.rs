//! Exit statuses and the words beside them: 0 is done, 1 failed, 2 is wrong usage; and one `--output`
//! for all commands that give data.

use serde_json::Value;

use crate::home::{Answer, FAILED, Home};

#[track_caller]
fn ends(answer: &Answer, status: i32, says: &str) {
    assert_eq!(answer.status, Some(status), "{}{}", answer.out, answer.err);
    assert!(answer.err.contains(says), "{says}: {}", answer.err);
}

#[test]
fn statuses_say_how_it_went() {
    let home = Home::with_shop();
    std::fs::write(home.path().join("text.redb"), "this is no store").unwrap();
    for (args, status, says) in [
        (&["query", "{ status = error }"][..], 0, "1 trace, 2 spans matched"),
        (&["query", "{ name = \"nothing\" }"], 0, "no trace matches"),
        (&["values", ".nothing"], 0, "no span has a value of it"),
        (&["verify"], 0, ""),
        (&["check", "{ }"], 0, ""),
        (&["query", "{ }", "--store", "no.redb"], 1, "  = `treering ingest FILE` makes one"),
        (&["shell", "no.redb"], 1, "  = `treering ingest FILE` makes one"),
        (&["stats", "--store", "text.redb"], 1, "--store names another file"),
        (&["trace", "ff"], 1, "  = `treering query '{ }'` shows"),
        (&["ingest", "missing.jsonl"], 1, "cannot read missing.jsonl"),
        (&["backup", "treering.redb"], 1, "  = name a new file"),
        (&["query", "{ status = }"], 2, "  |          ^"),
        (&["check", "{ status = }"], 2, "  |          ^"),
        (&["check", "{ status = }", "--output", "json"], 2, "  |          ^"),
        (&["query", "{ }", "--from", "2h", "--to", "3h"], 2, "is after --to"),
        (&["query", "{ }", "--since", "sooner"], 2, "`yesterday`"),
        (&["query", "{ }", "--output", "xml"], 2, "table, json, jsonl"),
        (&["query"], 2, "<QUERY>"),
        (&["qeury", "{ }"], 2, "'query'"),
        (&["delete", "--where", "{ }", "--from", "2h", "--to", "3h", "--yes"], 2, "is after --to"),
    ] {
        ends(&home.run(args), status, says);
    }
}

#[test]
fn a_store_in_use_says_what_to_do() {
    let home = Home::with_shop();
    let options = treering::Options::default();
    let service = treering::Store::open(home.path().join("treering.redb"), options).unwrap();
    ends(&home.run(&["ingest", "shop.jsonl"]), 1, "\n  = stop what has it open");
    ends(&home.run(&["query", "{ }"]), 0, "2 traces");
    drop(service);
}

#[test]
fn damage_is_a_failure_that_says_what_to_do() {
    let home = Home::with_shop();
    let path = home.path().join("treering.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    let text = b"INSERT order";
    let places = (0..bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text));
    for at in places.collect::<Vec<_>>() {
        bytes[at] ^= 1;
    }
    std::fs::write(&path, bytes).unwrap();
    let answer = home.run(&["verify"]);
    assert_eq!(answer.status, Some(1));
    assert!(answer.out.contains("treering salvage NEW --store treering.redb"), "{}", answer.out);
    let answer = home.run(&["verify", "--output", "json"]);
    assert_eq!(answer.status, Some(1));
    let verdict: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(verdict["sound"], false);
    let place = verdict["faults"][0]["place"].clone();
    let answer = home.run(&["verify", "--output", "jsonl"]);
    assert_eq!(answer.status, Some(1));
    let fault: Value = serde_json::from_str(answer.out.lines().next().unwrap()).unwrap();
    assert_eq!(fault["place"], place);
    ends(&home.run(&["query", "{ name =~ `.*order` }"]), 1, "\n  = `treering verify --store ");
}

#[test]
fn every_command_that_gives_data_has_the_same_outputs() {
    let home = Home::with_shop();
    for args in [
        &["query", "{ }"][..],
        &["query", "{ }", "--limit", "all"],
        &["query", "{ }", "--explain"],
        &["trace", FAILED],
        &["tags"],
        &["values", "name"],
        &["check", "{ }"],
        &["stats"],
        &["verify"],
    ] {
        let with = |output: &str| {
            let answer = home.run(&[args, &["--output", output]].concat());
            assert_eq!(answer.status, Some(0), "{args:?}: {}", answer.err);
            answer.out
        };
        // Plans are shown with what they took.
        let lines = |text: String| text.lines().map(str::len).take(3).collect::<Vec<_>>();
        assert_eq!(lines(with("table")), lines(home.run(args).out), "{args:?}");
        let document: Value = serde_json::from_str(&with("json")).unwrap();
        assert!(document.is_object(), "{args:?}");
        for line in with("jsonl").lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            assert!(value.is_object(), "{args:?}: {line}");
        }
    }
    let traces = home.run(&["query", "{ }", "--output", "jsonl", "--limit", "1"]);
    assert_eq!(traces.out.lines().count(), 1);
    assert!(traces.err.contains("next: --after "), "{}", traces.err);
    assert_eq!(
        home.run(&["tags", "--scope", "resource", "--output", "jsonl"]).out.lines().count(),
        1
    );
    // What `trace` writes can be taken in again, either way.
    for output in ["json", "jsonl"] {
        let again = Home::empty();
        let lines = home.run(&["trace", FAILED, "--output", output]).out;
        std::fs::write(again.path().join("a.jsonl"), lines).unwrap();
        assert_eq!(again.run(&["ingest", "a.jsonl"]).status, Some(0));
        let shown = again.run(&["trace", FAILED]).out;
        assert_eq!(shown, home.run(&["trace", FAILED]).out);
    }
}
