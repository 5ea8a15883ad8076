//! `treering verify`, `salvage` and `backup`: is a store whole, what of it is, and a copy of it.
//! Invariant: the store that is looked at does not change.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use treering::model::OneLine;
use treering::{Fault, Options, Salvaged, Store, TraceId, Verification};

use crate::args::{CopyArgs, Output, ReportArgs};
use crate::failure::{Failure, shell_word};
use crate::progress::Spinner;
use crate::store::{self, Opened};
use crate::terminal;

/// Traces named of a fault; the others are counted.
const TRACES_SHOWN: usize = 20;

/// Runs `treering verify`.
pub(crate) fn verify(path: &Path, args: &ReportArgs, out: &mut impl Write) -> Result<(), Failure> {
    store::must_be_there(path)?;
    let failure = |source| Failure::Store { path: path.to_owned(), doing: "be read", source };
    let spinner = Spinner::start("reading the store");
    let found = Store::verify_file(path);
    spinner.stop();
    let found = found.map_err(failure)?;
    match args.output.output {
        Output::Table => return write_verdict(path, &found, out),
        Output::Json => writeln!(out, "{}", verdict(&found))?,
        Output::Jsonl => {
            for fault in &found.faults {
                writeln!(out, "{}", fault_json(fault))?;
            }
        }
    }
    if found.is_sound() { Ok(()) } else { Err(Failure::Reported) }
}

fn verdict(found: &Verification) -> Value {
    json!({
        "sound": found.is_sound(),
        "blocks": found.blocks,
        "traces": found.traces,
        "journal_entries": found.journal_entries,
        "pages_unchecked": found.pages_unchecked,
        "faults": found.faults.iter().map(fault_json).collect::<Vec<_>>(),
    })
}

fn fault_json(fault: &Fault) -> Value {
    let traces: Vec<String> = fault.traces.iter().map(ToString::to_string).collect();
    json!({ "place": fault.place.to_string(), "what": fault.what, "traces": traces })
}

fn write_verdict(path: &Path, found: &Verification, out: &mut impl Write) -> Result<(), Failure> {
    for fault in &found.faults {
        write_fault(fault, out)?;
    }
    write_sums(found, out)?;
    if found.is_sound() {
        return Ok(());
    }
    let (shown, count) = (
        path.display(),
        terminal::plural(u64::try_from(found.faults.len()).unwrap_or(u64::MAX), "fault"),
    );
    writeln!(
        out,
        "{count} in {shown}. Leave the file as it is; copy what is whole to a new store:"
    )?;
    writeln!(out, "  treering salvage NEW --store {}", shell_word(path))?;
    Err(Failure::Reported)
}

fn write_fault(fault: &Fault, out: &mut impl Write) -> std::io::Result<()> {
    let place = fault.place.to_string();
    writeln!(out, "{}: {}", OneLine(&place), OneLine(&fault.what))?;
    write_traces("touches", &fault.traces, out)
}

fn write_traces(verb: &str, traces: &[TraceId], out: &mut impl Write) -> std::io::Result<()> {
    for id in traces.iter().take(TRACES_SHOWN) {
        writeln!(out, "  {verb} trace {id}")?;
    }
    match traces.len().saturating_sub(TRACES_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  {verb} {more} more traces"),
    }
}

fn write_sums(found: &Verification, out: &mut impl Write) -> std::io::Result<()> {
    let entries = match found.journal_entries {
        1 => "1 journal entry".to_owned(),
        entries => format!("{} journal entries", terminal::count(entries)),
    };
    writeln!(
        out,
        "read {} of {}, and {entries}",
        terminal::plural(found.blocks, "block"),
        terminal::plural(found.traces, "trace"),
    )?;
    match &found.pages_unchecked {
        Some(why) => writeln!(out, "pages of the file were not checked: {}", OneLine(why)),
        None if found.is_sound() => writeln!(out, "all is whole"),
        None => Ok(()),
    }
}

/// Runs `treering salvage`.
pub(crate) fn salvage(path: &Path, args: &CopyArgs, out: &mut impl Write) -> Result<(), Failure> {
    store::must_be_there(path)?;
    let failure = |source| Failure::Store { path: path.to_owned(), doing: "be salvaged", source };
    let spinner = Spinner::start("copying what is whole");
    let salvaged = Store::salvage(path, &args.out, Options::default());
    spinner.stop();
    let salvaged = salvaged.map_err(failure)?;
    write_salvaged(&salvaged, &args.out, out)?;
    if salvaged.notes.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

fn write_salvaged(done: &Salvaged, path: &Path, out: &mut impl Write) -> std::io::Result<()> {
    for note in &done.notes {
        writeln!(out, "{}", OneLine(note))?;
    }
    write_traces("lost, or not whole:", &done.lost_traces, out)?;
    let (traces, spans) = (terminal::plural(done.traces, "trace"), terminal::count(done.spans));
    writeln!(out, "{traces} of {spans} spans are in {}", path.display())
}

/// Runs `treering backup`.
pub(crate) fn backup(path: &Path, args: &CopyArgs, out: &mut impl Write) -> Result<(), Failure> {
    let opened = Opened::existing(path)?;
    let spinner = Spinner::start("copying the store");
    let copied = opened.store.backup(&args.out);
    spinner.stop();
    copied.map_err(|source| opened.failure("be copied", source))?;
    writeln!(out, "copied to {}", args.out.display())?;
    Ok(())
}
