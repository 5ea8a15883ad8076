//! The fuzz targets on the inputs in `fuzz/corpus-regressions`: seeds, and all that fuzzing found.
//! Invariant: a target does here what it does under a fuzzer, but for the count of memory.

#[cfg(test)]
#[path = "support/asking.rs"]
mod asking;
#[cfg(test)]
#[path = "../fuzz/src/block.rs"]
mod block;
#[cfg(test)]
#[path = "../fuzz/src/bytes.rs"]
mod bytes;
#[cfg(test)]
#[path = "support/collect.rs"]
mod collect;
#[cfg(test)]
#[path = "../fuzz/src/operations.rs"]
mod operations;
#[cfg(test)]
#[path = "support/oracle/mod.rs"]
mod oracle;
#[cfg(test)]
#[path = "../fuzz/src/otlp.rs"]
mod otlp;
#[cfg(test)]
#[path = "../fuzz/src/query.rs"]
mod query;
#[cfg(test)]
#[path = "../fuzz/src/questions.rs"]
mod questions;
#[cfg(test)]
#[path = "../fuzz/src/spans.rs"]
mod spans;

/// Runs a target on each of its inputs; all that fail are named.
#[cfg(test)]
fn replay(name: &str, target: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("fuzz/corpus-regressions").join(name);
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{} inputs in {}", files.len(), folder.display());
    let fails = |file: &std::path::PathBuf| {
        let input = std::fs::read(file).unwrap();
        std::panic::catch_unwind(|| target(&input)).is_err()
    };
    files.retain(fails);
    assert!(files.is_empty(), "{name} fails on {files:#?}");
}

#[test]
fn queries() {
    replay("query", query::run);
}

#[test]
fn otlp_protobuf() {
    replay("otlp_protobuf", otlp::protobuf);
}

#[test]
fn otlp_json() {
    replay("otlp_json", otlp::json);
}

#[test]
fn damaged_blocks() {
    replay("block", block::run);
}

#[test]
fn scripts_of_operations() {
    replay("operations", operations::run);
}
