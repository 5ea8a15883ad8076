//! What the shell knows between lines, and what it does for one. Invariant: a line that fails changes
//! nothing for the next.

use std::io::Write;

use treering::{CancelToken, Cursor, Timestamp};

use super::command::{self, NAMES, Request};
use super::vocabulary::StoreWords;
use crate::args::{Most, Output, OutputArgs, QueryArgs, QueryOrder, ShellArgs, TimeArgs};
use crate::failure::Failure;
use crate::query::{self, Asked};
use crate::store::Opened;
use crate::{stats, trace};

/// Spans shown of a spanset, as `query` has it.
const SPANS: Most = Most(Some(3));

/// Whether the shell goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    End,
}

/// A shell's state.
#[derive(Debug)]
pub(super) struct Session<'s> {
    opened: &'s Opened,
    words: &'s StoreWords<'s>,
    limit: Most,
    spans: Most,
    since: Option<Timestamp>,
    output: Output,
    /// The query that was asked last, and where its next page begins.
    more: Option<(String, Cursor)>,
}

impl<'s> Session<'s> {
    /// A session on `opened`.
    pub(super) fn new(opened: &'s Opened, words: &'s StoreWords<'s>, args: &ShellArgs) -> Self {
        words.look_since(args.since);
        let (limit, since, output) = (args.limit, args.since, args.output.output);
        Self { opened, words, limit, spans: SPANS, since, output, more: None }
    }

    /// Does what `line` asks for; `cancel` ends a search early.
    pub(super) fn run(
        &mut self,
        line: &str,
        cancel: CancelToken,
        out: &mut impl Write,
    ) -> Result<Flow, Failure> {
        match command::parse(line)? {
            Request::Nothing => {}
            Request::Query(text) => self.ask(text, None, cancel, out)?,
            Request::Next => {
                let Some((text, after)) = self.more.take() else {
                    let text = "there is no more to show: no answer before reached its limit";
                    return Err(Failure::Usage(text.to_owned()));
                };
                self.ask(&text, Some(after), cancel, out)?;
            }
            Request::Explain(text) => {
                let mut args = self.args(text);
                args.explain = true;
                query::answer(self.opened, &args, &Asked::Shell(cancel), out)?;
            }
            Request::Help => help(out)?,
            Request::Trace(id) => trace::show(self.opened, id, self.output, out)?,
            Request::Stats => stats::show(self.opened, self.output, out)?,
            Request::Limit(limit) => self.limit = limit,
            Request::Spans(spans) => self.spans = spans,
            Request::Since(since) => {
                self.since = since;
                self.words.look_since(since);
            }
            Request::Output(output) => self.output = output,
            Request::Quit => return Ok(Flow::End),
        }
        out.flush()?;
        Ok(Flow::GoOn)
    }

    fn ask(
        &mut self,
        text: &str,
        after: Option<Cursor>,
        cancel: CancelToken,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        self.more = None;
        let mut args = self.args(text);
        args.after = after;
        let next = query::answer(self.opened, &args, &Asked::Shell(cancel), out)?;
        self.more = next.map(|next| (args.query, next));
        Ok(())
    }

    fn args(&self, text: &str) -> QueryArgs {
        QueryArgs {
            query: text.to_owned(),
            times: TimeArgs { from: self.since, to: None },
            limit: self.limit,
            spans: self.spans,
            order: QueryOrder::Newest,
            after: None,
            timeout: None,
            output: OutputArgs { output: self.output },
            explain: false,
        }
    }
}

fn help(out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "A TraceQL query, or one of these:")?;
    for (name, wants, does) in NAMES {
        let command = format!("{name} {wants}");
        writeln!(out, "  {command:<17} {does}")?;
    }
    writeln!(
        out,
        "The tab key completes fields, values and operators; Ctrl-C stops a query or a line."
    )?;
    writeln!(out, "A query goes on while a brace is open; an empty line ends it.")
}
