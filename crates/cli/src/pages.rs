//! `treering completions` and `treering man`: what shells and `man` read, made from the arguments
//! themselves. Invariant: it is made in memory first, so a pipe that closes is no panic.

use std::io::Write;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::failure::Failure;

/// Runs `treering completions`.
pub(crate) fn completions(args: &CompletionsArgs, out: &mut impl Write) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "treering", &mut script);
    Ok(out.write_all(&script)?)
}

/// Runs `treering man`.
pub(crate) fn man(args: &ManArgs, out: &mut impl Write) -> Result<(), Failure> {
    let command = Args::command();
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return Ok(out.write_all(&page)?);
    };
    let failure = |source| Failure::Io { doing: format!("write to {}", folder.display()), source };
    std::fs::create_dir_all(folder).map_err(failure)?;
    clap_mangen::generate_to(command, folder).map_err(failure)?;
    Ok(writeln!(out, "wrote treering.1 and a page for each command to {}", folder.display())?)
}
