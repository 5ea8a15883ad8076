//! The files of the repository, and Rust text with everything but code blanked out. Invariant:
//! blanking keeps every line break, so a line of the blanked text is the same line of the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with `/` between the parts.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
    /// The same without comments and without the contents of strings; empty where it is no Rust.
    pub(crate) code: String,
    /// The same without code that only tests see.
    pub(crate) shipped: String,
}

impl File {
    /// True for Rust.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// True where the file is part of a library or a program, not of its tests.
    pub(crate) fn is_shipped(&self) -> bool {
        self.is_rust()
            && (self.path.starts_with("src/") || self.path.contains("/src/"))
            && !self.shipped.is_empty()
    }
}

/// Every text file of the repository, sorted by path.
pub(crate) fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(read_all)
}

fn read_all() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let mut files: Vec<File> = paths.iter().filter_map(|path| read(root, path)).collect();
    let test_only: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in &mut files {
        let within = |module: &String| {
            file.path == format!("{module}.rs") || file.path.starts_with(&format!("{module}/"))
        };
        if test_only.iter().any(within) {
            file.shipped.clear();
        }
    }
    files
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // The last four are what a fuzzer made.
        let skipped = [
            "target",
            ".git",
            "proptest-regressions",
            "artifacts",
            "corpus",
            "corpus-regressions",
            "coverage",
        ]
        .contains(&name.as_str());
        if path.is_dir() && !skipped {
            walk(&path, paths);
        } else if path.is_file() && !skipped {
            paths.push(path);
        }
    }
}

/// The file at `path`, unless it is no text.
fn read(root: &Path, path: &Path) -> Option<File> {
    let text = fs::read_to_string(path).ok()?;
    let parts = path.strip_prefix(root).unwrap().components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_str().unwrap()).collect();
    let path = parts.join("/");
    let extension = Path::new(&path).extension().unwrap_or_default();
    let is_rust = extension == "rs" || extension == "lalrpop";
    let code = if is_rust { code_of(&text) } else { String::new() };
    let shipped = without_tests(&code);
    Some(File { path, text, code, shipped })
}

/// Rust text with comments, and the contents of strings and of character literals, made blank.
pub(crate) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let end = comment_end(rest).or_else(|| string_end(rest, code.chars().next_back()));
        if let Some(len) = end {
            let blank = |char: &char| if *char == '\n' { '\n' } else { ' ' };
            code.extend(rest[..len].iter().map(blank));
            at += len;
        } else {
            code.push(chars[at]);
            at += 1;
        }
    }
    code
}

/// How long the comment is that `rest` starts with.
fn comment_end(rest: &[char]) -> Option<usize> {
    if rest.starts_with(&['/', '/']) {
        return Some(rest.iter().position(|char| *char == '\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with(&['/', '*']) {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(rest.len())
}

/// How long the string or character literal is that `rest` starts with.
fn string_end(rest: &[char], before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(|char| char.is_alphanumeric() || char == '_');
    if rest[0] == '"' {
        return Some(quoted_end(rest, '"'));
    }
    if rest[0] == 'r' && !in_word {
        let hashes = rest[1..].iter().take_while(|char| **char == '#').count();
        if rest.get(1 + hashes) == Some(&'"') {
            let mut close = vec!['"'];
            close.extend(std::iter::repeat_n('#', hashes));
            let from = 2 + hashes;
            let found = rest[from..].windows(close.len()).position(|window| window == close);
            return Some(found.map_or(rest.len(), |found| from + found + close.len()));
        }
    }
    // A quote that does not close after one character, or after an escape, begins a lifetime.
    let is_char = rest[0] == '\'' && (rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\''));
    is_char.then(|| quoted_end(rest, '\''))
}

fn quoted_end(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

const TEST_ONLY: &str = "#[cfg(test)]";

/// Code without the items under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut shipped = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, item)) = rest.split_once(TEST_ONLY) {
        shipped.push_str(before);
        let (test, after) = item.split_at(item_end(item));
        shipped.extend(test.chars().filter(|char| *char == '\n'));
        rest = after;
    }
    shipped + rest
}

/// Where the item ends that `code` starts with: after its block, or at its semicolon.
fn item_end(code: &str) -> usize {
    let mut depth = 0;
    for (at, char) in code.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The modules in files of their own that `file` declares for tests, as paths without `.rs`.
fn test_modules(file: &File) -> Vec<String> {
    let folder = match file.path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
        _ => file.path.trim_end_matches(".rs").to_owned(),
    };
    let items = file.code.split(TEST_ONLY).skip(1);
    let names = items.filter_map(|item| item[..item_end(item)].trim().strip_suffix(';'));
    let names = names.filter_map(|item| item.rsplit_once("mod ").map(|(_, name)| name.trim()));
    names.map(|name| format!("{folder}/{name}")).collect()
}
