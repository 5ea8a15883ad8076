//! What is said where no command was asked for: what this is, and where to begin.

use std::io::{self, Write};

use crate::terminal;

/// Commands to begin with, and what they do.
const FIRST: [(&str, &str); 4] = [
    ("treering demo", "make up traces, store them, ask three questions of them"),
    ("treering ingest traces.jsonl.gz", "store the spans of OTLP files in treering.redb"),
    ("treering query '{ status = error }'", "find traces with a TraceQL query"),
    ("treering shell", "ask one query after the other, with completion"),
];

/// Says what Treering is.
pub(crate) fn write(out: &mut impl Write) -> io::Result<()> {
    let strong = terminal::STRONG;
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        out,
        "{strong}Treering {version}{strong:#}: traces in one local file, asked in TraceQL."
    )?;
    writeln!(out, "\nBegin with:")?;
    let widest = FIRST.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    for (command, does) in FIRST {
        let blanks = " ".repeat(widest - command.len());
        writeln!(out, "  {strong}{command}{strong:#}{blanks}  {does}")?;
    }
    writeln!(out, "\nAll commands: treering --help. One, with examples: treering query --help.")
}
