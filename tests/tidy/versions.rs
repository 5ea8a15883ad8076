//! Versions of packages that pages tell readers to name. Invariant: they are those that the examples
//! beside them are compiled with.

use super::source::files;

/// The pages with a box of dependencies, and the package that they are about.
const PAGES: [(&str, &str); 2] = [
    ("crates/opentelemetry/README.md", "crates/opentelemetry/Cargo.toml"),
    ("docs/guide.md", "Cargo.toml"),
];

/// The text of the file at `path`.
fn text_of(path: &str) -> &'static str {
    &files().iter().find(|file| file.path == path).unwrap().text
}

/// The version that `manifest` has of `package`, up to `length` numbers.
fn version_in(manifest: &str, package: &str, length: usize) -> Option<String> {
    let line = manifest
        .lines()
        .find(|line| line.strip_prefix(package).is_some_and(|rest| rest.starts_with([' ', '.'])))?;
    let versions = line.split('"').skip(1).step_by(2);
    let version =
        versions.into_iter().find(|text| text.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(version.split('.').take(length).collect::<Vec<_>>().join("."))
}

#[test]
fn pages_name_the_versions_that_examples_are_compiled_with() {
    let ours = version_in(text_of("Cargo.toml"), "version", 2).unwrap();
    for (page, manifest) in PAGES {
        let boxes = text_of(page).split("```toml\n").skip(1);
        let lines = boxes.flat_map(|text| text.split("```").next().unwrap().lines());
        let named = lines.filter_map(|line| line.split('#').next()?.trim().split_once(" = \""));
        let named: Vec<_> = named.collect();
        assert!(!named.is_empty(), "{page} names no dependency");
        for (package, version) in named {
            let version = version.trim_end_matches('"');
            let length = version.split('.').count();
            let right = if package.starts_with("treering") {
                Some(ours.clone())
            } else {
                version_in(text_of(manifest), package, length)
            };
            assert_eq!(Some(version), right.as_deref(), "{page}: {package}");
        }
    }
}
