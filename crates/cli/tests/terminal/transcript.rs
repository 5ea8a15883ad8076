//! A first visit, command by command, as a person would see it; compared with `tests/golden/visit.txt`.
//! `TREERING_BLESS=1 cargo test --package treering-cli --test terminal` writes that file anew.

use std::path::Path;

use regex::Regex;

use crate::home::{FAILED, Home};
use crate::pty::Terminal;

/// Columns of the terminal.
const COLUMNS: u16 = 100;

const PROMPT: &str = "\ntreering>";

/// What differs from run to run, and what is shown in its place.
const MASKS: [(&str, &str); 8] = [
    (r"in \d[\d.]* ?(ns|µs|ms|s)\b", "in TIME"),
    (r"asked again \d[\d.]* ms", "asked again TIME"),
    (r"\([\d,]+ spans/s", "(RATE spans/s"),
    (r"(?m)^(bytes of file  )[\d,]+$", "${1}SIZE"),
    (r"(?m)^(bytes on disk  )[\d,]+ \([\d.]+ B/span\)$", "${1}SIZE (SIZE B/span)"),
    (r"(?m)^( [a-z ]+?) +[\d,]+ +[\d.]+$", "$1  SIZE  SIZE"),
    (r"(?m)^ SECTION +BYTES +B/SPAN\n─+$", " SECTION  BYTES  B/SPAN"),
    (r"\S*/treering-demo-\d+-\d+/", "TEMP/"),
];

fn masked(screen: &str) -> String {
    MASKS.iter().fold(screen.to_owned(), |screen, (pattern, mask)| {
        Regex::new(pattern).unwrap().replace_all(&screen, *mask).into_owned()
    })
}

/// The sections of a store's file depend on its layout, which is no matter of the command line.
fn without_sections(screen: &str) -> String {
    let lines = screen.lines().filter(|line| !line.ends_with("  SIZE  SIZE"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_first_visit_looks_as_it_did() {
    let home = Home::empty();
    let commands: [&[&str]; 12] = [
        &[],
        &["ingest", "shop.jsonl"],
        &["query", "{ status = error }"],
        &["query", "{ status = eror }"],
        &["query", "{ name = \"nothing\" }"],
        &["query", "{ kind = server } >> { status = error }", "--since", "sooner"],
        &["trace", FAILED],
        &["tags", "--scope", "span"],
        &["values", "resource.service.name"],
        &["stats"],
        &["verify"],
        &["stats", "--store", "nowhere.redb"],
    ];
    let mut transcript = String::new();
    for args in commands {
        let (screen, _) = Terminal::run(&home, COLUMNS, args).end();
        add(&mut transcript, args, &screen);
    }
    add(&mut transcript, &["shell"], &shell(&home));
    // The demo makes a store of its own; its path is as long as the temporary folder's, so it stands
    // on lines of their own.
    let demo = ["demo", "--spans", "500"];
    let (screen, _) = Terminal::run(&home, COLUMNS * 2, &demo).end();
    add(&mut transcript, &demo, &screen);
    compare(&transcript);
}

fn shell(home: &Home) -> String {
    let mut terminal = Terminal::run(home, COLUMNS, &["shell"]);
    terminal.until(PROMPT);
    // One field begins so; of two services, what they have in common is typed, then both are shown.
    terminal.press("{ .serv\t");
    terminal.until("{ .service.name");
    terminal.press(" = \"\t\t");
    terminal.until_shown("both services", |screen| {
        screen.contains("\"shop\"") && screen.ends_with("{ .service.name = \"")
    });
    terminal.press("d\t\n");
    terminal.press("&& status = e\t }\n");
    terminal.until(PROMPT);
    for line in [
        "{ status = }",
        ":limit 1",
        "{ }",
        ":next",
        ":output jsonl",
        "{ status = error }",
        ":output table",
        ":help",
        ":nonsense",
    ] {
        terminal.press(line);
        terminal.until(line);
        terminal.press("\n");
        terminal.until(PROMPT);
    }
    terminal.press("{ given up");
    terminal.until("given up");
    terminal.press("\u{3}");
    terminal.until(PROMPT);
    terminal.press("\u{4}");
    terminal.end().0
}

fn add(transcript: &mut String, args: &[&str], screen: &str) {
    let quoted = |arg: &&str| {
        let plain = !arg.contains([' ', '{']);
        if plain { (*arg).to_owned() } else { format!("'{arg}'") }
    };
    let args: Vec<String> =
        std::iter::once("treering".to_owned()).chain(args.iter().map(quoted)).collect();
    let screen = without_sections(&masked(screen));
    let visit = format!("$ {}\n{screen}\n\n", args.join(" "));
    transcript.push_str(&visit);
}

fn compare(transcript: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/visit.txt");
    if std::env::var_os("TREERING_BLESS").is_some() {
        std::fs::write(&path, transcript).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    let lines = expected.lines().zip(transcript.lines()).enumerate();
    for (number, (expected, shown)) in lines {
        assert_eq!(
            shown,
            expected,
            "line {} of {}; it shows:\n{transcript}",
            number + 1,
            path.display()
        );
    }
    assert_eq!(transcript.lines().count(), expected.lines().count(), "it shows:\n{transcript}");
}
