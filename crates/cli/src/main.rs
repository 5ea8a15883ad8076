//! The command line of Treering: reads arguments, runs one command, and says how it went. Invariant:
//! no input makes it panic, and a closed pipe ends it quietly.

mod args;
mod check;
mod delete;
mod demo;
mod export;
mod failure;
mod ingest;
mod interrupt;
mod pages;
mod progress;
mod query;
mod shell;
mod size;
mod stats;
mod store;
mod tags;
mod terminal;
mod time;
mod trace;
mod upkeep;
mod waterfall;
mod welcome;

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use anstream::AutoStream;
use clap::Parser;

use crate::args::{Args, Command, Output};
use crate::failure::Failure;

fn main() -> ExitCode {
    quiet_panics_of_redb();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return match error.print() {
                // Where neither help nor error can be shown, the status is all that can be said.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::from(2),
                _ => ExitCode::from(code),
            };
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.status())
        }
    }
}

/// Keeps panics of redb off stderr: on a damaged file the library turns them into errors, which are
/// reported once. Other panics are shown as ever.
fn quiet_panics_of_redb() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| is_of_redb(place.file())) {
            usual(panic);
        }
    }));
}

/// True for a file of redb's source, which lies in a folder named after the crate and its version.
fn is_of_redb(file: &str) -> bool {
    file.split(['/', '\\']).any(|part| part.starts_with("redb-"))
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut out = BufWriter::new(output(args.command.as_ref()));
    let result = run_command(args, &mut out);
    let flushed = out.flush();
    result?;
    Ok(flushed?)
}

fn run_command(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let Some(command) = &args.command else { return Ok(welcome::write(out)?) };
    let store = args.store();
    match command {
        Command::Ingest(options) => ingest::run(store, options, out),
        Command::Query(options) => query::run(store, options, out),
        Command::Shell(options) => shell::run(store, options, out),
        Command::Trace(options) => trace::run(store, options, out),
        Command::Tags(options) => tags::run_names(store, options, out),
        Command::Values(options) => tags::run_values(store, options, out),
        Command::Check(options) => check::run(options, out),
        Command::Stats(options) => stats::run(store, options, out),
        Command::Delete(options) => delete::run(store, options, out),
        Command::Export(options) => export::run(store, options, out),
        Command::Verify(options) => upkeep::verify(store, options, out),
        Command::Salvage(options) => upkeep::salvage(store, options, out),
        Command::Backup(options) => upkeep::backup(store, options, out),
        Command::Demo(options) => demo::run(args.store_given(), options, out),
        Command::Completions(options) => pages::completions(options, out),
        Command::Man(options) => pages::man(options, out),
    }
}

/// Stdout. What programs read goes out byte for byte; what people read loses its colours where they
/// are not wanted or not shown.
fn output(command: Option<&Command>) -> Box<dyn Write> {
    let form = match command {
        Some(Command::Query(options)) => options.output.output,
        Some(Command::Tags(options)) => options.of.output.output,
        Some(Command::Values(options)) => options.of.output.output,
        Some(Command::Trace(options)) => options.output.output,
        Some(Command::Stats(options) | Command::Verify(options)) => options.output.output,
        Some(
            Command::Check(_) | Command::Export(_) | Command::Completions(_) | Command::Man(_),
        ) => Output::Jsonl,
        _ => Output::Table,
    };
    let stdout = std::io::stdout();
    if form == Output::Table {
        Box::new(AutoStream::auto(stdout.lock()))
    } else {
        Box::new(stdout.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_redb_are_of_redb() {
        assert!(is_of_redb("deps/redb-4.5.0/src/tree_store/page.rs"));
        assert!(is_of_redb(r"C:\registry\redb-4.5.0\src\db.rs"));
        assert!(!is_of_redb("crates/cli/src/main.rs"));
        assert!(!is_of_redb("deps/myredb-1/src/lib.rs"));
        assert!(!is_of_redb("deps/redb.rs"));
    }
}
