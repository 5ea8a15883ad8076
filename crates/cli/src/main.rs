//! The command line of Treering: reads arguments, runs one command, and says how it went. Invariant:
//! no input makes it panic, and a closed pipe ends it quietly.

mod args;
mod check;
mod delete;
mod demo;
mod export;
mod failure;
mod ingest;
mod query;
mod size;
mod stats;
mod store;
mod tags;
mod terminal;
mod time;
mod trace;
mod upkeep;
mod waterfall;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use anstream::AutoStream;
use clap::Parser;

use crate::args::{Args, Command, QueryOutput, TraceOutput};
use crate::failure::Failure;

fn main() -> ExitCode {
    quiet_panics_of_redb();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Where neither help nor error can be shown, the status is all that can be said.
            return error.print().map_or(ExitCode::from(2), |()| ExitCode::from(code));
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
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
    let mut out = BufWriter::new(output(&args.command));
    let result = match &args.command {
        Command::Ingest(options) => ingest::run(args.store(), options, &mut out),
        Command::Query(options) => query::run(args.store(), options, &mut out),
        Command::Trace(options) => trace::run(args.store(), options, &mut out),
        Command::Tags(options) => tags::run_names(args.store(), options, &mut out),
        Command::Values(options) => tags::run_values(args.store(), options, &mut out),
        Command::Check(options) => check::run(options, &mut out),
        Command::Stats => stats::run(args.store(), &mut out),
        Command::Delete(options) => delete::run(args.store(), options, &mut out),
        Command::Export(options) => export::run(args.store(), options, &mut out),
        Command::Verify => upkeep::verify(args.store(), &mut out),
        Command::Salvage(options) => upkeep::salvage(args.store(), options, &mut out),
        Command::Backup(options) => upkeep::backup(args.store(), options, &mut out),
        Command::Demo(options) => demo::run(args.store_given(), options, &mut out),
    };
    let flushed = out.flush();
    result?;
    Ok(flushed?)
}

/// Stdout. What programs read goes out byte for byte; what people read loses its colours where they
/// are not wanted or not shown.
fn output(command: &Command) -> Box<dyn Write> {
    let for_programs = match command {
        Command::Check(_) | Command::Export(_) => true,
        Command::Query(options) => options.output == QueryOutput::Json,
        Command::Tags(options) => options.of.output == QueryOutput::Json,
        Command::Values(options) => options.of.output == QueryOutput::Json,
        Command::Trace(options) => options.output == TraceOutput::Json,
        Command::Ingest(_)
        | Command::Stats
        | Command::Delete(_)
        | Command::Verify
        | Command::Salvage(_)
        | Command::Backup(_)
        | Command::Demo(_) => false,
    };
    let stdout = std::io::stdout();
    if for_programs { Box::new(stdout.lock()) } else { Box::new(AutoStream::auto(stdout.lock())) }
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
