//! Lines from a terminal, with completion and a history. Invariant: a history that cannot be kept is
//! said once and keeps nobody from asking.

use std::io::Write;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::complete::complete;
use super::history;
use super::pieces::goes_on;
use super::vocabulary::StoreWords;
use crate::failure::Failure;

const PROMPT: &str = "treering> ";

/// Most lines of the history.
const HISTORY_MAX: usize = 1000;

/// What was typed.
#[derive(Debug)]
pub(super) enum Typed {
    Line(String),
    /// The line was given up.
    Cancelled,
    End,
}

/// A terminal to type at.
pub(super) struct Terminal<'s> {
    editor: Editor<Words<'s>, FileHistory>,
    history: Option<PathBuf>,
}

impl<'s> Terminal<'s> {
    /// The terminal of this process; words are completed with those of `words`.
    pub(super) fn new(words: &'s StoreWords<'s>, keeps_history: bool) -> Result<Self, Failure> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_dups(true)
            .and_then(|config| config.max_history_size(HISTORY_MAX))
            .map_err(failure)?
            .build();
        let mut editor = Editor::with_config(config).map_err(failure)?;
        editor.set_helper(Some(Words { words }));
        let mut terminal = Self { editor, history: None };
        if keeps_history {
            match history::file() {
                Ok(file) => terminal.history = file,
                Err(error) => terminal.give_up_history(&error),
            }
        }
        if let Some(file) = terminal.history.clone().filter(|file| file.exists())
            && let Err(error) = terminal.editor.load_history(&file)
        {
            terminal.give_up_history(&error);
        }
        Ok(terminal)
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Typed, Failure> {
        let line = match self.editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => return Ok(Typed::Cancelled),
            Err(ReadlineError::Eof) => return Ok(Typed::End),
            Err(error) => return Err(failure(error)),
        };
        self.keep(line.trim());
        Ok(Typed::Line(line))
    }

    /// Keeps `line` at once, so that it is there however the shell ends.
    fn keep(&mut self, line: &str) {
        let kept = self.editor.add_history_entry(line).and_then(|added| match &self.history {
            Some(file) if added => self.editor.append_history(file),
            _ => Ok(()),
        });
        if let Err(error) = kept {
            self.give_up_history(&error);
        }
    }

    fn give_up_history(&mut self, error: &dyn std::error::Error) {
        self.history = None;
        // Where stderr is closed, nobody is there to be told.
        drop(writeln!(anstream::stderr().lock(), "warning: no history is kept: {error}"));
    }
}

fn failure(error: ReadlineError) -> Failure {
    let source = match error {
        ReadlineError::Io(error) => error,
        other => std::io::Error::other(other),
    };
    Failure::Io { doing: "read from the terminal".to_owned(), source }
}

/// The words of a store, as rustyline asks for them.
struct Words<'s> {
    words: &'s StoreWords<'s>,
}

impl Completer for Words<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let found = complete(line, place, self.words);
        Ok((found.start, found.candidates))
    }
}

impl Validator for Words<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        if goes_on(context.input()) {
            return Ok(ValidationResult::Incomplete);
        }
        Ok(ValidationResult::Valid(None))
    }
}

impl Hinter for Words<'_> {
    type Hint = String;
}

impl Highlighter for Words<'_> {}

impl Helper for Words<'_> {}
