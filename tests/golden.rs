//! The golden files of the language: under `tests/golden/canonical` queries with their canonical
//! text, under `tests/golden/errors` queries with the report of what is wrong. A file tells one
//! behaviour, which its first line names; its cases are divided by `===`, a case's query and answer
//! by `---`. Under `tests/golden/search` each file has a few spans before its cases, and the answers
//! are the plan of a search and the spans it finds. With `TREERING_BLESS=1` the answers are written
//! anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::format_push_string,
    reason = "a test fails by panicking, and may be slow"
)]

#[cfg(test)]
#[path = "support/small.rs"]
mod small;

use std::fs;
use std::path::{Path, PathBuf};

use treering::query::syntax::{FUNCTIONS, Intrinsic, KEYWORDS, prefixes, signs, units};
use treering::query::{QueryErrorKind, check, check_search, parse};

/// Runs `answer` over the cases of every file of `folder`.
fn run(folder: &str, answer: fn(&str) -> String) {
    run_on(folder, |cases| ("", cases), |_| (), |(), query| answer(query));
}

/// Runs `answer` over the cases of every file of `folder`, on what `prepare` makes of the text that
/// `split` finds before them.
fn run_on<S>(
    folder: &str,
    split: fn(&str) -> (&str, &str),
    prepare: fn(&str) -> S,
    answer: impl Fn(&S, &str) -> String,
) {
    let bless = std::env::var_os("TREERING_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {}", folder.display());
    let mut wrong = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (definition, cases) = text.split_once("\n\n").expect("a definition and a blank line");
        assert!(definition.starts_with("# "), "{}: line 1 says the behaviour", file.display());
        assert!(!definition.contains('\n'), "{}: the definition is one line", file.display());
        let (before, cases) = split(cases);
        let on = prepare(before);
        let mut rewritten = Vec::new();
        for case in cases.trim_end_matches('\n').split("\n===\n") {
            let (query, expected) = case.split_once("\n---\n").unwrap_or((case, ""));
            let actual = answer(&on, query);
            if actual != expected {
                let difference = difference(expected, &actual);
                wrong.push_str(&format!("{}\n{query}\n{difference}\n", file.display()));
            }
            rewritten.push(format!("{query}\n---\n{actual}"));
        }
        if bless {
            fs::write(&file, format!("{definition}\n\n{before}{}\n", rewritten.join("\n===\n")))
                .unwrap();
        }
    }
    assert!(bless || wrong.is_empty(), "expected (-) and actual (+) differ:\n\n{wrong}");
}

/// The lines of both, where they differ.
fn difference(expected: &str, actual: &str) -> String {
    let (mut left, mut right) = (expected.lines(), actual.lines());
    let mut text = String::new();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return text,
            (left, right) if left == right => {
                text.push_str(&format!("    {}\n", left.unwrap_or_default()));
            }
            (left, right) => {
                text.extend(left.map(|line| format!("  - {line}\n")));
                text.extend(right.map(|line| format!("  + {line}\n")));
            }
        }
    }
}

#[test]
fn a_wrong_query_is_told_what_would_be_right() {
    run("errors", |query| match check(query) {
        Ok(checked) => format!("no error: {checked}"),
        Err(error) => {
            let help = error.help();
            assert!(help.is_some(), "{query}: {error}: what would be right?");
            proposals(help.unwrap()).for_each(|proposal| {
                let checked = check(proposal);
                assert!(checked.is_ok(), "{query}: {proposal} is proposed, and wrong too");
            });
            error.report(query)
        }
    });
}

/// The whole queries that a help proposes.
fn proposals(help: &str) -> impl Iterator<Item = &str> {
    let quoted = help.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with('{') && !text.contains("..."))
}

#[test]
fn a_query_has_one_canonical_text() {
    run("canonical", |query| match check(query) {
        Ok(checked) => {
            let text = checked.to_string();
            assert_eq!(parse(&text).as_ref(), Ok(checked.query()), "{text} reads back");
            let warnings = checked.warnings().iter().map(|warning| format!("\nwarning: {warning}"));
            std::iter::once(text).chain(warnings).collect()
        }
        Err(error) => error.report(query),
    });
}

#[test]
fn a_search_finds_what_its_file_says() {
    fn split(text: &str) -> (&str, &str) {
        let end = text.find("\n\n").expect("spans, a blank line, then cases") + 2;
        text.split_at(end)
    }
    run_on("search", split, |spans| small::Small::new(spans.trim_end()), small::Small::answer);
}

#[test]
fn the_page_of_errors_shows_the_real_ones() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut actual = String::new();
    let mut kind = "";
    let mut parts = page.split("```traceql\n");
    let mut before = parts.next().unwrap();
    actual.push_str(before);
    for part in parts {
        let (query, rest) = part.split_once("\n```\n```text\n").expect("a query, then its report");
        let (_, rest) = rest.split_once("```\n").expect("a report that ends");
        let result = check(query).and_then(|checked| check_search(&checked));
        let error = result.expect_err("the page shows errors");
        kind = before.rsplit_once("\n## ").map_or(kind, |(_, after)| after.lines().next().unwrap());
        assert_eq!(format!("{:?}", error.kind()), kind, "{query}");
        let report = error.report(query);
        actual.push_str(&format!("```traceql\n{query}\n```\n```text\n{report}\n```\n{rest}"));
        before = rest;
    }
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let kinds = QueryErrorKind::ALL.map(|kind| format!("{kind:?}"));
    assert_eq!(sections, kinds, "each kind of error has a section, and nothing else has");
    if std::env::var_os("TREERING_BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    } else {
        assert!(actual == page, "{}", difference(&page, &actual));
    }
}

#[test]
fn the_page_of_the_language_shows_queries_that_run() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/page.txt");
    let small = small::Small::new(&fs::read_to_string(tests).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/traceql.md");
    let page = fs::read_to_string(path).unwrap();
    let (before, metrics) = page.split_once("\n## Metrics queries\n").expect("a part on metrics");
    let mut empty = Vec::new();
    for (part, kind) in [(before, None), (metrics, Some(QueryErrorKind::Unsupported))] {
        let boxes = part.split("```traceql\n").skip(1);
        let boxes = boxes.map(|rest| rest.split_once("\n```\n").expect("a box that ends").0);
        let queries: Vec<&str> = boxes.flat_map(str::lines).collect();
        assert!(!queries.is_empty());
        for query in queries {
            let checked = check(query);
            assert!(checked.is_ok(), "{}", checked.unwrap_err().report(query));
            assert_eq!(check_search(&checked.unwrap()).err().map(|error| error.kind()), kind);
            if kind.is_none() && small.spans_found(query) == 0 {
                empty.push(query);
            }
        }
    }
    assert!(empty.is_empty(), "these find nothing in the small store: {empty:#?}");
}

#[test]
fn the_page_of_the_language_has_every_intrinsic() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/traceql.md");
    let page = fs::read_to_string(path).unwrap();
    let mut rows: Vec<String> = Vec::new();
    for intrinsic in Intrinsic::all() {
        let (name, short) = (intrinsic.canonical_name(), intrinsic.short_name());
        let short = if short == name { " ".to_owned() } else { format!(" `{short}` ") };
        let value_type = format!("{:?}", intrinsic.value_type()).to_lowercase();
        rows.push(format!("| `{name}` |{short}| {value_type} | "));
    }
    let missing: Vec<&String> = rows.iter().filter(|row| !page.contains(*row)).collect();
    assert!(missing.is_empty(), "docs/traceql.md should have rows that begin with {missing:#?}");
}

/// The page of the language.
fn language_page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/traceql.md");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_of_the_language_lists_every_word_and_sign() {
    let page = language_page();
    let (_, section) = page.split_once("\n## Words and signs\n").expect("a list of all words");
    let (section, _) = section.split_once("\n## ").expect("another section after it");
    let listed = |label: &str| {
        let (_, rest) = section.split_once(&format!("- {label}: ")).expect(label);
        let list = rest.split("\n- ").next().unwrap();
        let mut words: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        words.sort_unstable();
        words
    };
    let sorted = |mut words: Vec<&'static str>| {
        words.sort_unstable();
        words
    };
    assert_eq!(listed("Functions"), sorted(FUNCTIONS.to_vec()));
    assert_eq!(listed("Keywords"), sorted(KEYWORDS.to_vec()));
    assert_eq!(listed("Signs"), sorted(signs().collect()));
    assert_eq!(listed("Before attribute names"), sorted(prefixes().collect()));
    // The Greek letter mu looks like the sign for micro.
    let written = units().filter(|unit| *unit != "\u{3bc}s").collect();
    assert_eq!(listed("Units of durations"), sorted(written));
}

#[test]
fn the_page_of_the_language_has_an_example_of_each_word_and_sign() {
    let page = language_page();
    let boxes = page.split("```traceql\n").skip(1);
    let boxes = boxes.map(|rest| rest.split_once("\n```\n").expect("a box that ends").0);
    let examples = boxes.collect::<Vec<_>>().join("\n");
    let part = |char: Option<char>| {
        char.is_some_and(|char| char.is_alphanumeric() || "_.:\"".contains(char))
    };
    let has_word = |word: &str| {
        examples.match_indices(word).any(|(at, _)| {
            let (before, after) = examples.split_at(at);
            let after = after.strip_prefix(word).unwrap();
            !part(before.chars().next_back()) && !part(after.chars().next())
        })
    };
    let functions = FUNCTIONS.map(|name| format!("{name}(")).to_vec();
    let functions = functions.into_iter().chain(["rate() by (".to_owned()]);
    let missing: Vec<String> = functions
        .chain(signs().filter(|sign| "{}()!,".contains(sign)).map(str::to_owned))
        .chain(signs().filter(|sign| !"{}()!,".contains(sign)).map(|sign| format!(" {sign} ")))
        .chain(["!(", "!s", "-s", "(", "\"", "`", "//", "/*"].map(str::to_owned))
        .chain(prefixes().map(|prefix| format!(" {prefix}")))
        .filter(|piece| !examples.contains(piece))
        .chain(
            KEYWORDS
                .into_iter()
                .chain(Intrinsic::all().flat_map(|i| [i.canonical_name(), i.short_name()]))
                .filter(|word| !has_word(word))
                .map(str::to_owned),
        )
        .collect();
    assert!(missing.is_empty(), "docs/traceql.md should have examples with {missing:#?}");
}
