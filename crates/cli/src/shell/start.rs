//! Begins a shell on a terminal or on a pipe. Invariant: on a pipe stdout has answers alone, and the
//! exit status is that of the first line that failed.

use std::io::{IsTerminal, Write};
use std::path::Path;

use treering::model::OneLine;

use super::editor::{Terminal, Typed};
use super::piped::Piped;
use super::session::{Flow, Session};
use super::vocabulary::StoreWords;
use crate::args::ShellArgs;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::store::Opened;
use crate::terminal;

/// Runs `treering shell`.
pub(crate) fn run(store: &Path, args: &ShellArgs, out: &mut impl Write) -> Result<(), Failure> {
    let opened = Opened::following(args.path.as_deref().unwrap_or(store))?;
    let words = StoreWords::new(&opened.store);
    let session = Session::new(&opened, &words, args);
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        greet(&opened, out)?;
        on_terminal(session, Terminal::new(&words, !args.no_history)?, out)
    } else {
        on_pipe(session, out)
    }
}

fn greet(opened: &Opened, out: &mut impl Write) -> Result<(), Failure> {
    let path = opened.path.display().to_string();
    let path = OneLine(&path);
    let holds = match opened.store.stats() {
        Ok(stats) => {
            let spans = terminal::plural(stats.spans, "span");
            format!(": {spans} of {}", terminal::plural(stats.traces, "trace"))
        }
        // A store that is damaged in part can be asked for the rest.
        Err(source) => {
            opened.failure("count", source).report();
            String::new()
        }
    };
    writeln!(out, "{path}{holds}. A query, or :help; Ctrl-D ends.")?;
    Ok(out.flush()?)
}

fn on_terminal(
    mut session: Session<'_>,
    mut terminal: Terminal<'_>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let interrupt = Interrupt::catch();
    loop {
        let line = match terminal.next()? {
            Typed::Line(line) => line,
            Typed::Cancelled => continue,
            Typed::End => return Ok(()),
        };
        match session.run(&line, interrupt.begin(), out) {
            Ok(Flow::GoOn) => {}
            Ok(Flow::End) => return Ok(()),
            Err(failure) if failure.is_closed_pipe() => return Err(failure),
            Err(failure) => {
                out.flush()?;
                failure.report();
            }
        }
    }
}

fn on_pipe(mut session: Session<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let mut input = Piped::new(std::io::stdin().lock());
    let mut status = None;
    let failure = |source| Failure::Io { doing: "read stdin".to_owned(), source };
    while let Some(line) = input.next().map_err(failure)? {
        match session.run(&line, Interrupt::default().begin(), out) {
            Ok(Flow::GoOn) => {}
            Ok(Flow::End) => break,
            Err(failure) if failure.is_closed_pipe() => return Err(failure),
            Err(failure) => {
                out.flush()?;
                failure.report();
                status = status.or(Some(failure.status()));
            }
        }
    }
    status.map_or(Ok(()), |status| Err(Failure::Earlier(status)))
}
