//! The rooms of the library and who may import whom. Invariant: the table here is the one of
//! `ARCHITECTURE.md`, which a test compares.

use crate::source::File;

/// The rooms, each with its layer. A room imports lower layers and itself.
pub(crate) const ROOMS: [(&str, u8); 16] = [
    ("lib", 6),
    ("store", 5),
    ("error", 5),
    ("search", 4),
    ("storage", 3),
    ("head", 3),
    ("block", 2),
    ("query", 2),
    ("otlp", 2),
    ("model", 1),
    ("options", 1),
    ("id", 0),
    ("time", 0),
    ("kind", 0),
    ("foreground", 0),
    ("codec", 0),
];

/// Imports between rooms of one layer that are meant, with the reason.
const PEERS: [(&str, &str, &str); 4] = [
    ("store", "error", "the handle's methods return the public error"),
    ("id", "codec", "an id is written and read as hex digits"),
    ("time", "codec", "a time is written and read as decimal digits"),
    ("codec", "foreground", "to encode many numbers is long work, which gives way to searches"),
];

/// What is wrong with the imports of a file of the library.
pub(crate) fn wrong_imports(file: &File) -> Vec<String> {
    let Some(room) = room_of(&file.path) else { return Vec::new() };
    let depth = module_depth(&file.path);
    let mut wrong = Vec::new();
    for (line, text) in file.shipped.lines().enumerate() {
        for target in targets(text, &rest_from(&file.shipped, line), depth) {
            if let Some(reason) = fault(room, &target) {
                wrong.push(format!("{}:{}: {reason}", file.path, line + 1));
            }
        }
    }
    wrong
}

/// The room that a file belongs to; the grammar is a part of the query room.
fn room_of(path: &str) -> Option<&str> {
    if path.starts_with("grammar/") {
        return Some("query");
    }
    let rest = path.strip_prefix("src/")?;
    Some(rest.split('/').next()?.trim_end_matches(".rs"))
}

/// How many modules there are between a file's items and the root of the crate.
fn module_depth(path: &str) -> usize {
    let parts = path.trim_start_matches("src/").split('/').count();
    if path.ends_with("/mod.rs") || path == "src/lib.rs" { parts - 1 } else { parts }
}

fn rest_from(code: &str, line: usize) -> String {
    code.lines().skip(line).take(40).collect::<Vec<_>>().join("\n")
}

/// The names at the crate's root that a line of code reaches for. `rest` is the code from this line
/// on, for lists that go over several lines.
fn targets(line: &str, rest: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    let climb = "super::".repeat(depth);
    for root in ["crate::", climb.as_str()] {
        if depth == 0 && root.is_empty() {
            continue;
        }
        for (at, _) in line.match_indices(root) {
            let before = line[..at].chars().next_back();
            let continues =
                before.is_some_and(|char| char.is_alphanumeric() || "_$:".contains(char));
            let after = &rest[at + root.len()..];
            if !continues && !after.starts_with("super::") {
                found.extend(first_names(after));
            }
        }
    }
    found
}

/// The name that a path starts with; or, of a list in braces, the first name of each path in it.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(list) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, char) in list.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&list[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn fault(room: &str, target: &str) -> Option<String> {
    let layer = |name: &str| ROOMS.iter().find(|row| row.0 == name).map(|row| row.1);
    let Some(own) = layer(room) else {
        return Some(format!("`{room}` is no room: give it a layer in tests/tidy/layers.rs"));
    };
    if target == room || target == "self" {
        return None;
    }
    let Some(other) = layer(target) else {
        return Some(format!(
            "`crate::{target}` comes from lib.rs, above `{room}`: name the room that defines it"
        ));
    };
    let meant = PEERS.iter().any(|(from, to, _)| (*from, *to) == (room, target));
    (other >= own && !meant).then(|| {
        format!(
            "`{room}` (layer {own}) imports `{target}` (layer {other}): imports go to lower layers \
             only; move what is shared down, or pass it in"
        )
    })
}

#[test]
fn names_at_the_root_are_found_in_paths_and_lists() {
    let names = |line: &str, depth| targets(line, line, depth);
    assert_eq!(names("use crate::block::{Block, Image};", 2), ["block"]);
    assert_eq!(
        names("use crate::{id::SpanId, model::{Span, Value}, Error};", 1),
        ["id", "model", "Error"]
    );
    assert_eq!(names("use super::store::Store;", 1), ["store"]);
    assert!(names("use super::store::Store;", 2).is_empty());
    assert_eq!(
        names("fn f(x: &crate::query::Rows, y: super::super::error::E)", 2),
        ["query", "error"]
    );
    assert!(fault("query", "block").is_some() && fault("search", "block").is_none());
    assert!(fault("store", "error").is_none() && fault("error", "store").is_some());
    assert!(fault("block", "Error").is_some() && fault("nowhere", "id").is_some());
}
