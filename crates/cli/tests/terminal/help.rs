//! What help says: examples that run, exit statuses, scripts and pages for other programs.

use std::path::Path;
use std::process::Stdio;

use crate::home::{Answer, Home, SHOP, answer};

/// The example lines at the end of a help text.
fn examples(help: &str) -> Vec<String> {
    let after = help.split("Examples:\n").nth(1).unwrap_or_default();
    let lines = after.lines().take_while(|line| !line.trim().is_empty());
    lines.map(|line| line.trim().to_owned()).collect()
}

/// The commands that help lists.
fn commands(home: &Home) -> Vec<String> {
    let help = home.run(&["--help"]).out;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// A home with a store and the files that examples name.
fn home_for_examples() -> Home {
    let home = Home::with_shop();
    let file = |name: &str| std::fs::File::create(home.path().join(name)).unwrap();
    std::fs::write(home.path().join("more.jsonl"), SHOP).unwrap();
    let level = flate2::Compression::fast();
    let mut gzip = flate2::write::GzEncoder::new(file("traces.jsonl.gz"), level);
    std::io::Write::write_all(&mut gzip, SHOP.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let mut export = home.treering(&["export", "--format", "pb"]);
    assert!(export.stdout(file("more.pb")).status().unwrap().success());
    let plain = std::fs::File::open(home.path().join("more.pb")).unwrap();
    zstd::stream::copy_encode(plain, file("more.pb.zst"), 1).unwrap();
    home
}

/// Runs a line as a shell does, with `treering` on the path.
fn run_line(home: &Home, line: &str) -> Answer {
    let own = Path::new(env!("CARGO_BIN_EXE_treering")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let paths = std::iter::once(own).chain(std::env::split_paths(&others));
    let mut command = home.program("sh");
    command.args(["-c", line]).env("PATH", std::env::join_paths(paths).unwrap());
    command.stdin(Stdio::null());
    answer(command)
}

#[test]
fn the_examples_of_every_help_run() {
    let home = home_for_examples();
    let commands = commands(&home);
    assert!(commands.len() > 12, "{commands:?}");
    let mut ran = 0;
    for name in std::iter::once(None).chain(commands.iter().map(Some)) {
        let args: Vec<&str> = name.into_iter().map(String::as_str).chain(["--help"]).collect();
        let found = examples(&home.run(&args).out);
        assert!(!found.is_empty(), "{name:?} has no examples");
        for line in found {
            // Some examples change the store.
            let answer = run_line(&home_for_examples(), &line);
            assert_eq!(answer.status, Some(0), "{line}: {}{}", answer.out, answer.err);
            ran += 1;
        }
    }
    assert!(ran > 30, "{ran}");
}

#[test]
fn the_commands_of_the_page_run() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(page).unwrap();
    let boxes = page.split("```sh\n").skip(1).filter_map(|text| text.split("```").next());
    let lines: Vec<&str> = boxes.flat_map(str::lines).filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 5, "{lines:?}");
    for line in lines {
        let answer = run_line(&home_for_examples(), line);
        assert_eq!(answer.status, Some(0), "{line}: {}{}", answer.out, answer.err);
    }
    for name in commands(&Home::empty()) {
        assert!(page.contains(&format!("`{name}")), "docs/cli.md should name `{name}`");
    }
}

#[test]
fn without_a_command_it_says_where_to_begin() {
    let answer = Home::empty().run(&[]);
    assert_eq!(answer.status, Some(0));
    assert!(answer.out.lines().count() < 24, "it fits on a screen: {}", answer.out);
    let first = answer.out.lines().filter(|line| line.starts_with("  treering "));
    assert_eq!(first.count(), 4, "{}", answer.out);
}

#[test]
fn shells_get_their_completions() {
    let home = Home::empty();
    for (shell, sign) in [
        ("bash", "complete -F _treering"),
        ("zsh", "#compdef treering"),
        ("fish", "complete -c treering"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let answer = home.run(&["completions", shell]);
        assert_eq!(answer.status, Some(0));
        assert!(answer.out.contains(sign), "{shell}");
        assert!(answer.out.contains("salvage") && answer.out.contains("jsonl"), "{shell}");
    }
    assert_eq!(home.run(&["completions", "command.com"]).status, Some(2));
    // What bash is given is bash.
    let line = "command -v bash >bash.path || exit 0; treering completions bash >treering.bash && \
                bash --norc -c '. ./treering.bash && complete -p treering'";
    let answer = run_line(&home, line);
    assert_eq!((answer.status, answer.err.as_str()), (Some(0), ""));
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let home = Home::empty();
    let page = home.run(&["man"]).out;
    assert!(page.contains(".TH treering 1") && page.contains("Exit status"), "{page}");
    assert_eq!(home.run(&["man", "pages"]).status, Some(0));
    for name in commands(&home) {
        let page = home.path().join("pages").join(format!("treering-{name}.1"));
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains("Examples:"), "{name}: {page}");
    }
    let answer = home.run(&["man", "shop.jsonl/pages"]);
    assert_eq!(answer.status, Some(1), "{}", answer.err);
}

#[test]
fn output_into_a_closed_pipe_ends_quietly() {
    let home = Home::with_shop();
    for (command, reader) in [
        ("treering", "true"),
        ("treering --help", "true"),
        ("treering completions zsh", "true"),
        ("treering man", "true"),
        ("treering export", "true"),
        ("treering query '{ }'", "head -1"),
        ("treering query '{ }' --limit all --output jsonl", "head -1"),
        ("treering tags", "head -1"),
        ("echo '{ }' | treering shell", "head -1"),
    ] {
        // The reader has gone before the first byte comes.
        let line = format!("{{ sleep 0.2; {command}; echo \"status $?\" >&2; }} | {reader}");
        let answer = run_line(&home, &line);
        assert!(answer.err.ends_with("status 0\n"), "{command}: {}", answer.err);
        assert!(!answer.err.contains("error"), "{command}: {}", answer.err);
    }
}
