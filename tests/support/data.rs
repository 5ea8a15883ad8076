//! Real requests, read from beside the repository. Invariant: their absence is said loudly and is
//! no failure.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

/// The lines of one file, each an OTLP/JSON request; `None` where the file is absent.
pub(crate) fn lines(name: &str) -> Option<impl Iterator<Item = String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("../shared/data").join(format!("{name}.otlp.jsonl.gz"));
    let Ok(file) = std::fs::File::open(&path) else {
        // Written past the capture of a test's output, which would hide it where tests pass.
        let message = format!("\n!!! SKIPPED: {} is not there !!!\n\n", path.display());
        std::io::stderr().write_all(message.as_bytes()).expect("standard error is open");
        return None;
    };
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
    Some(lines.map(|line| line.expect("the file is gzip of UTF-8 lines")))
}
