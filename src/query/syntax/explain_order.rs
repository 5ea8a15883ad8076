//! What is wrong with tokens in an order that is not `TraceQL`'s. Invariant: as `explain`'s.

use super::explain::{empty, known_word, meant_field, no_scope, syntax, unknown};
use super::explain_habits::{self as habits, Word, call_example};
use super::token::{Placed, Token};
use super::words::FUNCTIONS;
use super::{Literal, TextRange, lexer, number};
use crate::query::QueryError;

/// What stands around an unexpected token.
struct Scene<'t> {
    text: &'t str,
    tokens: &'t [Placed],
    at: usize,
    /// The brackets that are open.
    open: Vec<&'t Placed>,
}

/// The token at `at`, or the end of the text, cannot stand where it does.
pub(super) fn unexpected(text: &str, tokens: &[Placed], at: usize) -> QueryError {
    let mut open = Vec::new();
    for placed in tokens.iter().take(at) {
        match placed.token {
            Token::OpenBrace | Token::OpenParen => open.push(placed),
            Token::CloseBrace | Token::CloseParen => drop(open.pop()),
            _ => {}
        }
    }
    let scene = Scene { text, tokens, at, open };
    let Some(placed) = tokens.get(at) else { return scene.end() };
    let range = placed.range;
    match &placed.token {
        Token::Word(word) if scene.in_braces() => scene.word_in_braces(word, range),
        Token::Word(word) => scene.word_outside(word, range),
        Token::Structural(_) if scene.in_braces() => {
            let written = scene.written(range);
            let error = syntax(range, format!("`{written}` relates sets of spans, not values"));
            if written == "~" {
                return error.with_help("a pattern is compared with `=~`");
            }
            let open = scene.open.iter().find(|open| open.token == Token::OpenBrace);
            let whole = open.and_then(|open| habits::relation_within(text, open.range, range));
            let whole = whole.unwrap_or_else(|| format!("{{ ... }} {written} {{ ... }}"));
            error.with_help(format!("it stands between braces: `{whole}`"))
        }
        Token::Pipe if scene.in_braces() => syntax(range, "a `|` within braces")
            .with_help("either condition: `||`; the next stage comes after the `}`"),
        Token::OpenBrace if scene.in_braces() => syntax(range, "braces do not stand within braces")
            .with_help("close the first with `}`, or group conditions with `(...)`"),
        Token::Comma if scene.in_braces() => {
            let error = syntax(range, "conditions are not joined with commas");
            match scene.after() {
                Some(Token::CloseBrace) => error.with_help("leave it out"),
                _ => error.with_help("write `&&`"),
            }
        }
        Token::Comma if scene.after().is_none() && scene.at > 0 => {
            syntax(range, "`,` cannot stand here").with_help("leave it out")
        }
        Token::CloseBrace | Token::CloseParen => scene.close(placed),
        Token::Unless if scene.in_braces() => {
            syntax(range, "`unless` stands between sets of spans, not between values")
                .with_help("write `{ ... } unless { ... }`, or `&& !(...)` within braces")
        }
        Token::By if scene.word_before().is_some() => scene.by_after_word(range),
        Token::By => syntax(range, "`by` cannot stand here").with_help(
            "it is a stage, `| by(name)`, or follows a metrics function: `| rate() by (name)`",
        ),
        Token::With => syntax(range, "`with` cannot stand here")
            .with_help("hints come at the very end: `{ } with (most_recent = true)`"),
        token => scene.other(token, range),
    }
}

impl Scene<'_> {
    fn written(&self, range: TextRange) -> &str {
        self.text.get(range.start..range.end).unwrap_or("")
    }

    fn in_braces(&self) -> bool {
        self.open.iter().any(|placed| placed.token == Token::OpenBrace)
    }

    /// The word at `at`, with what stands around it.
    fn word(&self, at: usize) -> Word<'_> {
        Word { text: self.text, tokens: self.tokens, at, in_braces: self.in_braces() }
    }

    /// The word whose place is `range`, with what stands around it.
    fn word_at(&self, range: TextRange) -> Word<'_> {
        self.word(self.tokens.partition_point(|placed| placed.range.start < range.start))
    }

    fn word_before(&self) -> Option<&str> {
        match self.before().map(|placed| &placed.token) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn by_after_word(&self, range: TextRange) -> QueryError {
        let word = self.word(self.at.saturating_sub(1));
        let name = self.word_before().unwrap_or("");
        if let Some(error) = habits::other_language(word) {
            return error;
        }
        if FUNCTIONS.contains(&name) {
            return habits::by_after_word(word, name);
        }
        syntax(range, "`by` cannot stand here").with_help(
            "it is a stage, `| by(name)`, or follows a metrics function: `| rate() by (name)`",
        )
    }

    fn before(&self) -> Option<&Placed> {
        self.tokens.get(self.at.checked_sub(1)?)
    }

    fn after(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|placed| &placed.token)
    }

    fn after_comparison(&self) -> bool {
        self.before().is_some_and(|placed| placed.token.is_comparison())
    }

    /// The text ends too early.
    fn end(&self) -> QueryError {
        if let Some(open) = self.open.last() {
            let (what, right) = match open.token {
                Token::OpenBrace => ("brace", "}"),
                _ => ("parenthesis", ")"),
            };
            return syntax(open.range, format!("this {what} is never closed"))
                .with_help(format!("end it with `{right}`"));
        }
        match self.before() {
            Some(Placed { token: Token::Word(word), range }) => self.word_outside(word, *range),
            Some(Placed { token: Token::By | Token::With, range }) => self.no_parentheses(*range),
            Some(last) => self.missing_operand(last.range),
            None => empty(),
        }
    }

    /// A bracket closes what it cannot.
    fn close(&self, placed: &Placed) -> QueryError {
        let written = self.written(placed.range);
        let Some(open) = self.open.last() else {
            return closes_nothing(written, placed.range);
        };
        let pair = matches!(
            (&open.token, &placed.token),
            (Token::OpenBrace, Token::CloseBrace) | (Token::OpenParen, Token::CloseParen)
        );
        if !pair {
            let opened = self.written(open.range);
            let right = if opened == "{" { "}" } else { ")" };
            return syntax(placed.range, format!("`{written}` does not close `{opened}`"))
                .with_help(format!("close it with `{right}` first"));
        }
        match self.before() {
            Some(Placed { token: Token::OpenParen, range }) => {
                let both = TextRange { start: range.start, end: placed.range.end };
                syntax(both, "there is nothing in these parentheses").with_help(
                    if self.in_hints() { HINT_HELP } else { "leave them out, or fill them" },
                )
            }
            Some(Placed { token: Token::Word(_), range }) if self.in_hints() => {
                syntax(*range, "a hint needs a value").with_help(HINT_HELP)
            }
            Some(Placed { token: Token::Word(word), range }) => self.word_outside(word, *range),
            Some(before) => self.missing_operand(before.range),
            None => closes_nothing(written, placed.range),
        }
    }

    /// Whether this place is within the parentheses of `with (...)`.
    fn in_hints(&self) -> bool {
        self.tokens.iter().take(self.at).any(|placed| placed.token == Token::With)
    }

    /// Nothing stands after the operator at `range`.
    fn missing_operand(&self, range: TextRange) -> QueryError {
        let error = syntax(range, format!("something is missing after `{}`", self.written(range)));
        if self.in_hints() {
            return error.with_help(HINT_HELP);
        }
        if self.in_braces() {
            return error.with_help("a field, a value or a condition belongs there");
        }
        error.with_help("a set of spans, a number of it or another stage belongs there")
    }

    fn word_in_braces(&self, word: &str, range: TextRange) -> QueryError {
        if let Some(error) = habits::other_language(self.word_at(range)) {
            return error;
        }
        if self.after() == Some(&Token::OpenParen) {
            let error =
                syntax(range, format!("there are no functions within braces, such as `{word}`"));
            if FUNCTIONS.contains(&word) {
                return error.with_help(format!(
                    "it stands after a `|`: `{{ }} | {}`",
                    self.call_at(range, word)
                ));
            }
            return error.with_help("conditions compare fields with values: `{ duration > 1s }`");
        }
        if self.after_comparison() {
            return habits::no_value(self.word_at(range), word, known_word(word));
        }
        if let Some(name) = self.indexed(range) {
            let scope = lexer::SCOPES.iter().map(|(scope, _)| *scope);
            let scope = scope.into_iter().find(|scope| scope.trim_end_matches('.') == word);
            let scope = scope.unwrap_or(".");
            return unknown(range, "attributes are not written in brackets")
                .with_help(format!("write `{scope}{name}`"));
        }
        if word == "parent" {
            return unknown(range, "`parent` alone is no field").with_help(
                "`parent.x` is an attribute of the parent, `parent.duration` its duration; \
                 a root is found by `span:parentID = \"\"`",
            );
        }
        if lexer::SCOPES.iter().any(|(scope, _)| scope.trim_end_matches('.') == word)
            || word == "trace"
        {
            return unknown(range, format!("`{word}` alone is no field"))
                .with_help(format!("a name follows it at once: `{word}.x`, or `{word}:id`"));
        }
        match self.before() {
            Some(Placed {
                token: Token::Literal(Literal::Int(_) | Literal::Float(_)),
                range: number,
            }) if number::meant_unit(word).is_some() => {
                let both = TextRange { start: number.start, end: range.end };
                let unit = number::meant_unit(word).unwrap_or(word);
                syntax(both, "a duration is written without blanks")
                    .with_help(format!("write `{}{unit}`", self.written(*number)))
            }
            Some(before) if before.token.ends_operand() => self.missing_operator(range),
            _ => no_scope(word, range),
        }
    }

    /// The name in `["name"]` that follows `range`.
    fn indexed(&self, range: TextRange) -> Option<&str> {
        let rest = self.text.get(range.end..)?.strip_prefix("[\"")?;
        rest.split_once("\"]").map(|(name, _)| name)
    }

    fn word_outside(&self, word: &str, range: TextRange) -> QueryError {
        let around = self.word_at(range);
        let before = around.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        if self.in_hints() {
            return syntax(range, format!("`{word}` cannot stand in hints")).with_help(HINT_HELP);
        }
        if self.after() == Some(&Token::OpenParen) && !self.open.is_empty() {
            return syntax(range, "functions do not stand within functions").with_help(
                "they follow one another: `{ } | by(name) | count() > 2`, `{ } | rate() by (name)`",
            );
        }
        let first = self.tokens.first().is_some_and(|placed| placed.range.start == range.start);
        if first && word.eq_ignore_ascii_case("select") {
            return habits::select(self.text, range);
        }
        if let Some(error) = habits::other_language(around) {
            return error;
        }
        if FUNCTIONS.contains(&word) {
            let ends = before.is_some_and(|before| before.token.ends_operand());
            if ends
                && self.tokens.get(around.at + 1).map(|next| &next.token) == Some(&Token::OpenParen)
            {
                return syntax(range, format!("a `|` is missing before `{word}`")).with_help(
                    format!("a stage follows after one: `| {}`", self.call_at(range, word)),
                );
            }
            return syntax(range, format!("`{word}` needs parentheses"))
                .with_help(format!("write `{}`", call_example(word)));
        }
        if self.in_call_of_count() {
            return syntax(range, "`count` takes no argument").with_help("write `count()`");
        }
        habits::outside(around, word, meant_field(word))
    }

    /// The call at `range` and what is written after it; an example of one where that is too long.
    fn call_at(&self, range: TextRange, name: &str) -> String {
        let written = self.word_at(range).rest(range.start);
        written.map_or_else(|| call_example(name), str::to_owned)
    }

    /// Whether the innermost open parenthesis is that of `count(`.
    fn in_call_of_count(&self) -> bool {
        let Some(open) = self.open.last() else { return false };
        let at = self.tokens.partition_point(|placed| placed.range.start < open.range.start);
        let before = at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|placed| placed.token == Token::Word("count".into()))
    }

    fn no_parentheses(&self, range: TextRange) -> QueryError {
        let written = self.written(range);
        let help = if written == "by" { "such as `by (name)`" } else { HINT_HELP };
        syntax(range, format!("`{written}` needs parentheses")).with_help(help)
    }

    fn missing_operator(&self, range: TextRange) -> QueryError {
        let before = self.before().map_or("", |before| self.written(before.range));
        let error = syntax(range, format!("an operator is missing after `{before}`"));
        if let Some(name) = before.strip_suffix(':') {
            let value = self.written(range);
            let quote = if value.starts_with(char::is_alphabetic) { "\"" } else { "" };
            return error.with_help(format!(
                "a name runs until a blank, so `:` is a part of it; write `{name} = {quote}{value}{quote}`"
            ));
        }
        if let (Some(Placed { token: Token::Literal(Literal::Duration(_)), .. }), Some(here)) =
            (self.before(), self.tokens.get(self.at))
            && matches!(here.token, Token::Literal(Literal::Duration(_)))
        {
            let written = self.written(range);
            return error
                .with_help(format!("a duration is written without blanks: `{before}{written}`"));
        }
        if self.in_braces() {
            return error.with_help("conditions are joined with `&&` or `||`");
        }
        error.with_help(
            "sets of spans are joined with `&&`, `||`, `>>` and the like, stages with `|`",
        )
    }

    fn other(&self, token: &Token, range: TextRange) -> QueryError {
        let written = self.written(range);
        let Some(before) = self.before() else {
            return syntax(range, format!("a query cannot begin with `{written}`"))
                .with_help("it begins with conditions in braces: `{ status = error }`");
        };
        let is_operand =
            token.ends_operand() || matches!(token, Token::OpenBrace | Token::OpenParen);
        match (&before.token, is_operand) {
            (Token::Match | Token::NotMatch, false) if *token == Token::Slash => {
                habits::slashed_pattern(self.text, range)
            }
            (Token::OpenParen, false) if self.in_call_of_count() => {
                syntax(range, "`count` takes no argument").with_help("write `count()`")
            }
            _ if self.in_hints() => {
                syntax(range, format!("`{written}` cannot stand after `with`")).with_help(HINT_HELP)
            }
            (Token::Word(word), _) if !self.in_braces() => self.word_outside(word, before.range),
            (Token::Field(field), true) if *token == Token::OpenParen => {
                syntax(before.range, format!("`{field}` is a field, not a function"))
                    .with_help(format!("compare it: `{field} = ...`"))
            }
            (last, true) if last.ends_operand() => self.missing_operator(range),
            (Token::By | Token::With, _) => self.no_parentheses(before.range),
            (Token::OpenBrace | Token::OpenParen, false) => {
                syntax(range, format!("something is missing before `{written}`"))
                    .with_help("a field, a value or a condition belongs there")
            }
            (last, false) if !last.ends_operand() => {
                let last = self.written(before.range);
                syntax(range, format!("something is missing between `{last}` and `{written}`"))
                    .with_help("leave one of them out")
            }
            _ => syntax(range, format!("`{written}` cannot stand here"))
                .with_help("stages follow one another with `|`: `{ } | by(name) | count() > 2`"),
        }
    }
}

/// What hints look like.
const HINT_HELP: &str = "hints come at the very end: `{ } with (most_recent = true)`";

fn closes_nothing(written: &str, range: TextRange) -> QueryError {
    syntax(range, format!("this `{written}` closes nothing")).with_help("leave it out")
}
