//! The rules of the house that no lint of the compiler knows. Each rule goes over the files of the
//! repository and says, for every place that breaks it, the file, the line and what would be right.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking, and may be slow"
)]

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/public.rs"]
mod public;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/versions.rs"]
mod versions;

use source::{File, code_of, files};

/// Lines of code from which on a file is too long to be read at once.
const CODE_LINES_MAX: usize = 400;

/// Fails with one line for each breach of `rule` in `files`.
#[track_caller]
fn check(files: &[File], rule: impl Fn(&File) -> Vec<String>) {
    let wrong: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(wrong.is_empty(), "{} breaches:\n{}", wrong.len(), wrong.join("\n"));
}

/// A breach at each line of `text` for which `is_wrong` holds.
fn lines(file: &File, text: &str, is_wrong: impl Fn(&str) -> bool, right: &str) -> Vec<String> {
    let numbered = text.lines().enumerate().filter(|(_, line)| is_wrong(line));
    numbered
        .map(|(at, line)| format!("{}:{}: `{}`: {right}", file.path, at + 1, line.trim()))
        .collect()
}

/// True if `line` has `word`, not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !part(before.chars().next_back()) && !part(after.chars().next())
    })
}

#[test]
fn imports_go_down() {
    let files = files();
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "the library is found");
    check(files, layers::wrong_imports);
}

#[test]
fn the_architecture_page_shows_the_layers() {
    let files = files();
    let page = files.iter().find(|file| file.path == "ARCHITECTURE.md").unwrap();
    for (room, layer) in layers::ROOMS {
        let is_row = |line: &str| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            cells.get(1) == Some(&layer.to_string().as_str())
                && cells.get(2).is_some_and(|rooms| rooms.contains(&format!("`{room}`")))
        };
        assert!(
            page.text.lines().any(is_row),
            "ARCHITECTURE.md: the table of layers should have `{room}` in the row of layer {layer}"
        );
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    check(files(), |file| {
        if !file.is_rust() || file.text.starts_with("//! ") {
            return Vec::new();
        }
        vec![format!("{}:1: begin with `//!`: what the file is for, and what it keeps", file.path)]
    });
}

#[test]
fn files_are_short() {
    check(files(), |file| {
        if !file.is_shipped() {
            return Vec::new();
        }
        let code = file.shipped.lines().filter(|line| !line.trim().is_empty());
        let count = code.count();
        if count < CODE_LINES_MAX {
            return Vec::new();
        }
        let path = &file.path;
        vec![format!("{path}:{count}: {count} lines of code; split it by meaning, under 400")]
    });
}

#[test]
fn module_files_hold_a_story_and_names() {
    check(files(), |file| {
        if !file.path.ends_with("/mod.rs") || !file.is_shipped() {
            return Vec::new();
        }
        let items = ["fn", "struct", "enum", "trait", "impl", "const", "static", "type"];
        let is_item = |line: &str| items.iter().any(|item| has_word(line, item));
        lines(file, &file.shipped, is_item, "move it to a file of its own")
    });
}

#[test]
fn conversions_live_in_one_file() {
    const NUMBERS: [&str; 14] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64",
    ];
    let casts = NUMBERS.map(|number| format!("as {number}"));
    let is_cast = |line: &str| casts.iter().any(|cast| has_word(line, cast));
    check(files(), |file| {
        if !file.path.starts_with("src/") || file.path == "src/codec/cast.rs" {
            return Vec::new();
        }
        let right = "convert with a function of src/codec/cast.rs, or `from`";
        lines(file, &file.shipped, is_cast, right)
    });
}

#[test]
fn what_could_be_replaced_is_known_to_one_place() {
    for (name, home) in [
        ("bincode", "src/codec/record.rs"),
        ("crc32fast", "src/codec/checksum.rs"),
        ("redb", "src/storage/"),
        ("xxhash_rust", "src/codec/checksum.rs"),
        ("crossbeam_channel", "src/search/pool.rs"),
        ("lalrpop_util", "src/query/syntax/"),
        ("serde_json", "src/otlp/json/"),
    ] {
        check(files(), |file| {
            if !file.path.starts_with("src/") || file.path.starts_with(home) {
                return Vec::new();
            }
            let right = format!("only {home} knows {name}; call what it offers");
            lines(file, &file.code, |line| has_word(line, name), &right)
        });
    }
}

#[test]
fn a_lint_is_set_aside_with_a_reason() {
    let marks = ["#[allow(", "#![allow("];
    let is_wrong = |line: &str| marks.iter().any(|mark| line.contains(mark));
    check(files(), |file| {
        lines(file, &file.code, is_wrong, "write `#[expect(lint, reason = \"...\")]`")
    });
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    check(files(), |file| {
        // The fuzz crate is a workspace of its own. What its targets do is linted in tests/fuzz.rs.
        let is_package = file.path.ends_with("Cargo.toml")
            && file.path != "fuzz/Cargo.toml"
            && file.text.contains("[package]");
        if !is_package || file.text.contains("\n[lints]\nworkspace = true\n") {
            return Vec::new();
        }
        vec![format!("{}:1: add `[lints]` with `workspace = true`", file.path)]
    });
}

#[test]
fn nothing_names_a_machine_or_a_registry() {
    // In pieces, so that this file does not name them either.
    let machine = ["work", "home", "root", "tmp", "Users"].map(|folder| format!("/{folder}/"));
    let index = ["crates.io", "-index"].concat();
    let hosts = ["index.", "static."].map(|host| format!("{host}{}", "crates.io"));
    let sources = ["registry", "sparse"].map(|source| format!("{source}+"));
    let plain = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|char| char.is_alphanumeric() || "._-*".contains(char))
        })
    };
    check(files(), |file| {
        let is_lock = file.path.ends_with("Cargo.lock");
        let is_wrong = |line: &str| {
            machine.iter().any(|folder| plain(line, folder))
                || hosts.iter().any(|host| line.contains(host))
                || (sources.iter().any(|source| line.contains(source))
                    && !(is_lock && line.contains(&index)))
        };
        lines(file, &file.text, is_wrong, "name no place that only one machine or network has")
    });
}

#[test]
fn links_between_pages_lead_somewhere() {
    let is_there = |path: &str| {
        files().iter().any(|file| file.path == path || file.path.starts_with(&format!("{path}/")))
    };
    check(files(), |file| {
        let Some(name) = file.path.strip_suffix(".md") else { return Vec::new() };
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_lost = |link: &str| {
            let path = link.split([')', '#']).next().unwrap();
            let path = match path.strip_prefix("../") {
                Some(path) => path.to_owned(),
                None if folder.is_empty() => path.to_owned(),
                None => format!("{folder}/{path}"),
            };
            !link.starts_with("https://") && !link.starts_with('#') && !is_there(&path)
        };
        let is_wrong = |line: &str| line.split("](").skip(1).any(is_lost);
        lines(file, &file.text, is_wrong, "link to a file that is there")
    });
}

#[test]
fn code_is_told_from_comments_and_strings() {
    let text = "let a = \"x // \\\" y\"; // as u8\nlet b = 'c'; let c: &'static str = r#\"as u8\"#;\n\
                /* as /* u8 */ */ let d = '\\''; let e = b as u8;";
    let code = code_of(text);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(code.matches("as u8").count(), 1, "{code}");
    assert!(code.contains("&'static str") && code.contains("let d =") && !code.contains('y'));
}

/// The compiler that a package says it needs, as numbers.
fn compiler_of(package: &serde_json::Value) -> Option<Vec<u32>> {
    let text = package["rust_version"].as_str()?;
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// What cargo says of all packages that are built, without a look at a registry.
fn metadata(more: &[&str]) -> Result<serde_json::Value, String> {
    let metadata = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    if !metadata.status.success() {
        return Err(String::from_utf8_lossy(&metadata.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&metadata.stdout).unwrap())
}

/// The platform that the compiler runs on.
fn host() -> String {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(compiler).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_we_say() {
    // Whoever has only built for a platform has fetched no packages that other platforms need.
    let metadata = metadata(&[]).or_else(|_| metadata(&["--filter-platform", &host()])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().find(|package| package["name"] == "treering").unwrap();
    let ours = compiler_of(ours).unwrap();
    let newer: Vec<String> = packages
        .iter()
        .filter(|package| compiler_of(package).is_some_and(|needs| needs[..2] > ours[..2]))
        .map(|package| format!("{} needs {}", package["name"], package["rust_version"]))
        .collect();
    assert!(newer.is_empty(), "{newer:?}");
}
