//! `treering shell` from a pipe, as a follower, and what only a terminal has: colours, completion that
//! is learnt from the store, a history, Ctrl-C.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use treering_generator::Generator;

use crate::home::{Answer, FAILED, Home, SHOP};
use crate::pty::Terminal;

const PROMPT: &str = "\ntreering>";

fn piped(home: &Home, args: &[&str], lines: &str) -> Answer {
    let mut command = home.treering(&[&["shell"], args].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!err.contains("panicked"), "{err}");
    Answer { out, err, status: output.status.code() }
}

#[test]
fn a_pipe_is_answered_line_by_line() {
    let home = Home::with_shop();
    let answer = piped(&home, &[], "{ status = error }\n");
    assert_eq!(answer.status, Some(0));
    assert_eq!(
        answer.out,
        home.run(&["query", "{ status = error }"]).out,
        "no prompt, no greeting"
    );
    let lines = "{ kind = server\n}\n:output json\n:limit 1\n{ }\n:next\n:quit\n{ status = }";
    let answer = piped(&home, &["--output", "jsonl"], lines);
    assert_eq!(answer.status, Some(0), "nothing is read after :quit: {}", answer.err);
    assert_eq!(answer.out.lines().count(), 4, "{}", answer.out);
    let answer = piped(&home, &[], &format!(":trace {FAILED}\n:stats\n:explain {{ }}\n:help"));
    assert_eq!(answer.status, Some(0), "{}", answer.err);
    for part in ["INSERT order", "bytes on disk", "rows considered", ":limit N|all"] {
        assert!(answer.out.contains(part), "{part}: {}", answer.out);
    }
}

#[test]
fn a_mistake_is_shown_as_query_shows_it_and_the_rest_is_done() {
    let home = Home::with_shop();
    let wrong = "{ status = }";
    let answer = piped(&home, &[], &format!("{wrong}\n{{ status = error }}\n:trace ff\n"));
    assert_eq!(answer.status, Some(2), "that of the first");
    assert!(answer.err.starts_with(&home.run(&["query", wrong]).err), "{}", answer.err);
    assert!(answer.out.contains(FAILED), "{}", answer.out);
    assert_eq!(piped(&home, &[], ":trace ff\n{ status = }\n").status, Some(1));
    let answer = piped(&home, &[], "{ .a = \n\n{ status = error }\n");
    assert!(answer.out.contains(FAILED), "an empty line ends a query: {}", answer.err);
}

#[test]
fn since_and_limit_hold_for_what_follows() {
    let home = Home::with_shop();
    let ids = |lines: &str| piped(&home, &["--output", "jsonl"], lines).out.lines().count();
    assert_eq!(ids("{ }"), 2);
    assert_eq!(ids(":limit 1\n{ }"), 1);
    assert_eq!(ids(":since 2026-11-22 08:00:01\n{ }"), 1);
    assert_eq!(ids(":since 2026-11-23\n{ }\n:since all\n{ }"), 2);
    let args = ["--output", "jsonl", "--since", "2026-11-23", "--limit", "all"];
    assert_eq!(piped(&home, &args, "{ }").out, "");
}

#[test]
fn a_shell_follows_what_a_service_stores() {
    let home = Home::with_shop();
    let path = home.path().join("treering.redb");
    let service = treering::Store::open(&path, treering::Options::default()).unwrap();
    let mut command = home.treering(&["shell", "treering.redb", "--output", "jsonl"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |query: &str| {
        writeln!(input, "{query}").unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        line
    };
    assert!(ask("{ name = \"POST /order\" }").contains(FAILED));
    let later =
        SHOP.replace("POST /order", "POST /later").replace(FAILED, &FAILED.replace('4', "5"));
    let mut batch = service.batch();
    for line in later.lines().take(2) {
        assert!(batch.push_json(line.as_bytes()).unwrap().is_empty());
    }
    service.ingest(batch).unwrap();
    assert!(ask("{ name = \"POST /later\" }").contains(&FAILED.replace('4', "5")));
    // Nor does the shell keep the service from its file.
    service.maintain().unwrap();
    drop(service);
    assert_eq!(home.run(&["ingest", "shop.jsonl"]).status, Some(0));
    assert!(ask("{ name = \"POST /later\" }").contains("POST /later"));
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_history_is_for_its_owner_alone() {
    let home = Home::with_shop();
    let mut terminal = Terminal::run(&home, 80, &["shell"]);
    terminal.until(PROMPT);
    terminal.press("{ name = \"secret\"\n}\n");
    terminal.until_shown("an answer", |screen| screen.contains("no trace matches"));
    terminal.until(PROMPT);
    terminal.press("\u{4}");
    terminal.end();
    let file = home.state().join("treering").join("history");
    assert!(std::fs::read_to_string(&file).unwrap().contains("secret"));
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    // The next shell has it, in one piece; and keeps nothing where it is asked not to.
    let mut terminal = Terminal::run(&home, 80, &["shell", "--no-history"]);
    terminal.until(PROMPT);
    terminal.press("\u{1b}[A{ name = \"other\" }\n");
    terminal.until_shown("an answer", |screen| screen.contains("no trace matches"));
    assert!(!terminal.screen().contains("secret"), "{}", terminal.screen());
    // Before there is a prompt, the end of input is the terminal's business.
    terminal.until(PROMPT);
    terminal.press("\u{4}");
    terminal.end();
    let mut terminal = Terminal::run(&home, 80, &["shell"]);
    terminal.until(PROMPT);
    terminal.press("\u{1b}[A");
    terminal.until("treering> { name = \"secret\"\n}");
    terminal.press("\u{3}");
    terminal.until(PROMPT);
    terminal.press("\u{4}");
    terminal.end();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("other"));
}

#[test]
fn a_running_query_is_stopped_by_ctrl_c() {
    let home = Home::empty();
    let path = home.path().join("treering.redb");
    let store = treering::Store::open(&path, treering::Options::default()).unwrap();
    let mut batch = store.batch();
    for request in Generator::new(1).requests(20_000) {
        assert!(batch.push_protobuf(&request).unwrap().is_empty());
    }
    store.ingest(batch).unwrap();
    store.close().unwrap();
    let slow = vec!["{ (duration * 3 + 1ns) / 7 > 0ns || span:selfDuration * 2 < 1ns }"; 110];
    let slow = format!("{} | count() > 1000000", slow.join(" && "));
    let mut terminal = Terminal::run(&home, 80, &["shell", "--limit", "all", "--no-history"]);
    terminal.until(PROMPT);
    // As a terminal pastes it.
    terminal.press(&format!("\u{1b}[200~{slow}\u{1b}[201~"));
    terminal.until("count() > 1000000");
    let mut asked = 0;
    while !terminal.screen().contains("stopped before the end") {
        // One key a query, and none before the editor has let go of the terminal: what is typed with
        // a Ctrl-C that the editor reads is given up with it.
        let seen = terminal.bytes.len();
        terminal.press("\n");
        let let_go = b"\x1b[?2004l";
        while !terminal.bytes[seen..].windows(let_go.len()).any(|bytes| bytes == let_go) {
            assert!(terminal.look(Duration::from_millis(20)), "{}", terminal.screen());
        }
        terminal.press("\u{3}");
        asked += 1;
        let answers = |screen: &str| screen.matches("no trace ").count();
        terminal.until_shown("an answer", |screen| answers(screen) == asked);
        terminal.until(PROMPT);
        assert!(asked < 20, "{}", terminal.screen());
        if !terminal.screen().contains("stopped before the end") {
            // The key came before the query began; the same again.
            terminal.press("\u{1b}[A");
            terminal.until("count() > 1000000");
        }
    }
    // The shell is there still.
    terminal.press("{ name = \"nothing\" }\n");
    terminal.until_shown("an answer", |screen| screen.contains("no trace matches"));
    terminal.press(":quit\n");
    terminal.end();
}

#[test]
fn what_is_typed_ahead_is_not_lost() {
    let home = Home::with_shop();
    let mut terminal = Terminal::run(&home, 80, &["shell", "--no-history"]);
    terminal.until(PROMPT);
    terminal.press(":limit 1\n:output jsonl\n{ status = error }\n");
    terminal.until_shown("an answer", |screen| screen.contains("1 trace, 2 spans matched"));
    assert!(terminal.screen().contains("\"traceID\""), "{}", terminal.screen());
    terminal.until(PROMPT);
    terminal.press("\u{4}");
    terminal.end();
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let home = Home::with_shop();
    let coloured = |change: &dyn Fn(&mut std::process::Command)| {
        let args = ["query", "{ status = error }"];
        let (screen, bytes) = Terminal::run_with(&home, 80, &args, change).end();
        assert!(screen.contains(FAILED), "{screen}");
        bytes.windows(2).any(|pair| pair == b"\x1b[")
    };
    assert!(coloured(&|_| {}));
    assert!(!coloured(&|command| {
        command.env("NO_COLOR", "1");
    }));
    assert!(!coloured(&|command| {
        command.env("TERM", "dumb");
    }));
    let (_, bytes) = Terminal::run(&home, 80, &["trace", FAILED]).end();
    assert!(bytes.windows(2).any(|pair| pair == b"\x1b["));
    assert!(!home.run(&["trace", FAILED]).out.contains('\u{1b}'));
    let (_, bytes) = Terminal::run(&home, 80, &["query", "{ }", "--output", "json"]).end();
    assert!(!bytes.contains(&0x1b));
}
