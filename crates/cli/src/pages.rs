//! `treering completions` and `treering man`: what shells and `man` read, made from the arguments
//! themselves. Invariant: it is made in memory first, so a pipe that closes is no panic.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::failure::Failure;

/// What examples begin with, in every help text.
const EXAMPLES: &str = "\nExamples:\n";

/// Runs `treering completions`.
pub(crate) fn completions(args: &CompletionsArgs, out: &mut impl Write) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "treering", &mut script);
    Ok(out.write_all(&script)?)
}

/// Runs `treering man`.
pub(crate) fn man(args: &ManArgs, out: &mut impl Write) -> Result<(), Failure> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.folder else {
        return Ok(out.write_all(page(command)?.1.as_bytes())?);
    };
    write_pages(&command, folder).map_err(|source| Failure::Io {
        doing: format!("write to {}", folder.display()),
        source,
    })?;
    Ok(writeln!(out, "wrote treering.1 and a page for each command to {}", folder.display())?)
}

fn write_pages(command: &clap::Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for command in std::iter::once(command).chain(command.get_subcommands()) {
        let (name, text) = page(command.clone())?;
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// The name and the text of a command's page.
fn page(command: clap::Command) -> io::Result<(String, String)> {
    let man = Man::new(command).source(concat!("treering ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok((man.get_filename(), unfilled(&String::from_utf8_lossy(&page))))
}

/// Keeps the lines of examples as they are: filled, blanks would be put between their words, and who
/// copies one would copy these.
fn unfilled(page: &str) -> String {
    let Some((before, examples)) = page.split_once(EXAMPLES) else { return page.to_owned() };
    let is_end = |line: &str| line.is_empty() || line.starts_with(".SH");
    let end = examples.lines().take_while(|line| !is_end(line)).map(|line| line.len() + 1).sum();
    let (examples, after) = examples.split_at_checked(end).unwrap_or((examples, ""));
    format!("{before}{EXAMPLES}.nf\n{examples}.fi\n{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines() {
        let page = "a\nExamples:\n  one\n  two\n.SH VERSION\n";
        assert_eq!(unfilled(page), "a\nExamples:\n.nf\n  one\n  two\n.fi\n.SH VERSION\n");
        assert_eq!(unfilled("a\n"), "a\n");
    }
}
