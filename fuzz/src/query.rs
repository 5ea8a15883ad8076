//! Any text as a query: it is read or refused, and what is read is written and read again.

use std::sync::OnceLock;

use treering::query::QueryErrorKind::Limit;
use treering::query::{QueryError, check, field, parse};
use treering::{Error, Options, SearchOptions, Store};

/// Puts one text to the reader of queries and of fields, and what is a query to a planner.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = field(text) {
        shows_its_place(&error, text);
    }
    if let Err(error) = parse(text) {
        shows_its_place(&error, text);
    }
    match check(text) {
        Err(error) => shows_its_place(&error, text),
        Ok(checked) => {
            let canonical = checked.to_string();
            let again = match check(&canonical) {
                Ok(again) => again,
                // Blanks make a text longer that is as long as a query may be.
                Err(error) if error.kind() == Limit && canonical.len() > text.len() => return,
                Err(error) => panic!("{text}\nis printed\n{}", error.report(&canonical)),
            };
            assert_eq!(again.to_string(), canonical, "{text}");
            assert_eq!(format!("{:?}", bare(&again)), format!("{:?}", bare(&checked)), "{text}");
            plans(text);
        }
    }
}

/// The tree as text without places in the query.
fn bare(checked: &treering::query::CheckedQuery) -> String {
    let tree = format!("{:?}", checked.query());
    let mut parts = tree.split("TextRange { start: ");
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        bare.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    bare
}

fn shows_its_place(error: &QueryError, text: &str) {
    let range = error.range();
    assert!(range.start <= range.end, "{range:?}: {text:?}");
    assert!(text.get(range.start..range.end).is_some(), "{range:?} of {text:?}");
    assert!(!error.message().is_empty() && !error.message().contains('\n'));
    assert!(!error.help().is_some_and(|help| help.is_empty() || help.contains('\n')));
    let report = error.report(text);
    let carets = report.lines().filter(|line| line.trim_start_matches([' ', '|']).starts_with('^'));
    assert!(carets.count() >= 1 && report.len() < 4_000, "{report}");
}

/// Plans the query, runs it on no spans, and prints the plan.
fn plans(text: &str) {
    static EMPTY: OnceLock<(tempfile::TempDir, Store)> = OnceLock::new();
    let (_, store) = EMPTY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let store = Store::open(folder.path().join("store"), Options::default());
        (folder, store.expect("a new store"))
    });
    match store.explain(text, &SearchOptions::default()) {
        Ok(explanation) => assert!(!explanation.to_string().is_empty()),
        Err(Error::Query(error)) => shows_its_place(&error, text),
        Err(error) => panic!("{text}: {error:?}"),
    }
}
