//! The types that the libraries offer. Invariant: each is named where a test says that it goes from
//! thread to thread, so that none is forgotten there.

use super::source::{File, files};
use super::{check, has_word};

/// The pages that offer types, and the test that has to name them.
const PAGES: [(&str, &str); 8] = [
    ("src/lib.rs", "tests/store/traits.rs"),
    ("src/model/mod.rs", "tests/store/traits.rs"),
    ("src/otlp/mod.rs", "tests/store/traits.rs"),
    ("src/query/mod.rs", "tests/store/traits.rs"),
    ("src/query/syntax/mod.rs", "tests/store/traits.rs"),
    ("src/query/syntax/ast.rs", "tests/store/traits.rs"),
    ("crates/opentelemetry/src/lib.rs", "crates/opentelemetry/tests/export/life.rs"),
    ("crates/generator/src/lib.rs", "crates/generator/tests/data.rs"),
];

/// The types that `code` offers: by `pub use`, or as its own.
fn types_of(code: &str) -> Vec<&str> {
    let uses = code.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let own = ["\npub struct ", "\npub enum ", "\npub trait "].into_iter();
    let own = own.flat_map(|item| code.split(item).skip(1).filter_map(|rest| rest.lines().next()));
    let own = own.filter_map(|rest| rest.split(|char: char| !char.is_alphanumeric()).next());
    let words =
        uses.flat_map(|list| list.split(|char: char| !char.is_alphanumeric() && char != '_'));
    let is_type =
        |word: &&str| word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase);
    words.chain(own).filter(is_type).collect()
}

#[test]
fn every_public_type_goes_from_thread_to_thread() {
    let find = |path: &str| files().iter().find(|file| file.path == path).unwrap();
    let mut seen = 0;
    for (page, test) in PAGES {
        let types = types_of(&find(page).shipped);
        assert!(!types.is_empty(), "{page} offers no type");
        seen += types.len();
        check(files(), |file: &File| {
            if file.path != test {
                return Vec::new();
            }
            let is_lost = |name: &&&str| !has_word(&file.code, name) && **name != "Readme";
            let lost = types.iter().filter(is_lost);
            lost.map(|name| format!("{test}: say there that {name} is `Send`, if it is")).collect()
        });
    }
    assert!(seen > 100, "{seen} types");
    assert_eq!(
        types_of("\npub use a::{B_C, Dd, e};\npub(crate) use f::Gg;\npub enum Hh {"),
        ["Dd", "Hh"]
    );
}
