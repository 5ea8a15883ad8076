//! Ctrl-C while a command asks the store. Invariant: what was found until then is shown, said to be
//! partial, and the exit status says that it was stopped.

use treering_generator::Generator;

use crate::home::Home;
use crate::pty::Terminal;

/// A home whose store has so many spans that a slow query takes many seconds over them.
fn home() -> Home {
    let home = Home::empty();
    let path = home.path().join("treering.redb");
    let store = treering::Store::open(path, treering::Options::default()).unwrap();
    let mut batch = store.batch();
    for request in Generator::new(1).requests(20_000) {
        assert!(batch.push_protobuf(&request).unwrap().is_empty());
    }
    store.ingest(batch).unwrap();
    store.close().unwrap();
    home
}

/// A query as long as may be, of conditions that are computed for each span.
fn slow() -> String {
    let condition = "((duration * 3 + 1ns) / 7 > 0ns || span:selfDuration * 2 < 1ns)";
    format!("{{ {} }}", vec![condition; 900].join(" && "))
}

#[test]
fn what_asks_is_stopped_by_ctrl_c_and_shows_what_it_has() {
    let (home, slow) = (home(), slow());
    for (args, doing) in [
        (&["query", &slow, "--limit", "all"][..], "searching; Ctrl-C stops"),
        (&["query", &slow, "--explain"], "searching; Ctrl-C stops"),
        (&["tags", "--query", &slow], "counting; Ctrl-C stops"),
        (&["values", "name", "--query", &slow], "counting; Ctrl-C stops"),
        (&["values", "name", "--query", &slow, "--output", "json"], "counting; Ctrl-C stops"),
    ] {
        let what = (args[0], args.last());
        let mut terminal = Terminal::run(&home, 80, args);
        // Pressed before the command has taken it over, the signal itself would end it.
        terminal.until_shown(doing, |screen| screen.contains(doing));
        terminal.press("\u{3}");
        let (screen, status) = terminal.end_with_status();
        assert_eq!(status, Some(130), "{what:?}: {screen}");
        let says =
            if args.contains(&"json") { "\"partial\":true" } else { "stopped before the end" };
        assert!(screen.contains(says), "{what:?}: {screen}");
    }
}
