//! What is wrong with text that is not `TraceQL`: mistakes of words and of order. Invariant: every
//! message names what was written, and a help shows what would be right.

use super::suggest::nearest;
use super::token::{Placed, Token};
use super::{Intrinsic, TextRange, lexer, lower_call};
use crate::query::{QueryError, QueryErrorKind};

pub(super) fn syntax(range: TextRange, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Syntax, range, message)
}

fn unknown(range: TextRange, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::UnknownField, range, message)
}

/// The query has no token.
pub(super) fn empty() -> QueryError {
    syntax(TextRange { start: 0, end: 0 }, "the query is empty")
        .with_help("`{ }` finds every span, `{ status = error }` those that failed")
}

/// The operator of another language that `rest` begins with.
pub(super) fn wrong_operator(rest: &str, start: usize) -> Option<QueryError> {
    const WRONG: [(&str, &str); 8] = [
        ("==", "="),
        ("<>", "!="),
        ("=>", ">="),
        ("=<", "<="),
        ("\u{2260}", "!="),
        ("\u{2264}", "<="),
        ("\u{2265}", ">="),
        ("\u{2212}", "-"),
    ];
    let (wrong, right) = WRONG.iter().find(|(wrong, _)| rest.starts_with(wrong))?;
    let range = TextRange { start, end: start + wrong.len() };
    Some(
        syntax(range, format!("`{wrong}` is no operator of TraceQL"))
            .with_help(format!("write `{right}`")),
    )
}

/// No token begins like `rest`.
pub(super) fn wrong_char(rest: &str, start: usize) -> QueryError {
    let char = rest.chars().next().unwrap_or(' ');
    let quoted = |closing: char| {
        let end = rest.char_indices().skip(1).find(|(_, char)| *char == closing || *char == '\n');
        let end = end.filter(|(_, char)| *char == closing);
        let length = end.map_or(char.len_utf8(), |(at, closing)| at + closing.len_utf8());
        let content = end.and_then(|(at, _)| rest.get(char.len_utf8()..at));
        let range = TextRange { start, end: start + length };
        syntax(range, format!("`{char}` does not quote a string"))
            .with_help(format!("write `\"{}\"`", content.unwrap_or("...")))
    };
    let range = TextRange { start, end: start + char.len_utf8() };
    let meaningless = syntax(range, format!("`{}` has no meaning here", char.escape_debug()));
    match char {
        '\'' => quoted('\''),
        '\u{2018}' | '\u{2019}' => quoted('\u{2019}'),
        '\u{201c}' | '\u{201d}' => quoted('\u{201d}'),
        '&' => meaningless.with_help("both conditions: `&&`; both sides of a relation: `&>>`, `&>` and the like"),
        '[' | ']' => meaningless.with_help(
            "there are no ranges and no lists in brackets; for one of several values write `=~ \"a|b\"`, \
             for metrics `{ } | rate()`",
        ),
        ';' => meaningless.with_help("one query stands alone"),
        '$' => meaningless.with_help("variables are filled in before the query is read"),
        ':' => meaningless.with_help("intrinsic fields are written without blanks: `span:duration`"),
        '#' => meaningless.with_help("comments begin with `//`"),
        _ => meaningless,
    }
}

/// `name`, of the form `scope:name`, is no intrinsic.
pub(super) fn unknown_intrinsic(name: &str, range: TextRange) -> QueryError {
    let error = unknown(range, format!("there is no field `{name}`"));
    let (scope, field) = name.split_once(':').unwrap_or((name, ""));
    let elsewhere = ["span", "trace", "event", "link", "instrumentation"]
        .iter()
        .find_map(|scope| Intrinsic::from_name(&format!("{scope}:{field}")))
        .or_else(|| Intrinsic::from_name(field))
        .map(Intrinsic::canonical_name);
    let names = || Intrinsic::all().map(Intrinsic::canonical_name);
    if let Some(meant) = nearest(name, names()).or(elsewhere) {
        return error.with_help(format!("did you mean `{meant}`?"));
    }
    let of_scope: Vec<&str> = names()
        .filter(|name| name.strip_prefix(scope).is_some_and(|rest| rest.starts_with(':')))
        .collect();
    if of_scope.is_empty() {
        return error.with_help(format!(
            "attributes are written `.{field}`, `span.{field}` or `resource.{field}`"
        ));
    }
    error.with_help(format!("there are `{}`", of_scope.join("`, `")))
}

/// `name` stands where an attribute would.
pub(super) fn no_scope(name: &str, range: TextRange) -> QueryError {
    let error = unknown(range, "an attribute needs a scope");
    let intrinsic = Intrinsic::from_name(&name.replacen('.', ":", 1));
    if let Some(meant) = intrinsic.map(Intrinsic::canonical_name).or_else(|| known_word(name)) {
        return error.with_help(format!("did you mean `{meant}`? An attribute is `.{name}`"));
    }
    error.with_help(format!("try `.{name}`, `span.{name}` or `resource.{name}`"))
}

/// The field or value that `word` was meant to be.
fn known_word(word: &str) -> Option<&'static str> {
    const VALUES: [&str; 15] = [
        "true",
        "false",
        "nil",
        "minInt",
        "maxInt",
        "error",
        "ok",
        "unset",
        "unspecified",
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
        "parent",
    ];
    nearest(word, Intrinsic::all().map(Intrinsic::short_name).chain(VALUES))
}

/// A scope and its dot, at `range`, with no name.
pub(super) fn no_name(text: &str, range: TextRange) -> QueryError {
    let written = text.get(range.start..range.end).unwrap_or(".");
    syntax(range, format!("a name is missing after `{written}`")).with_help(format!(
        "such as `{written}http.method`; a name with blanks is quoted: `{written}\"a b\"`"
    ))
}

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
            error.with_help(format!("it stands between braces: `{{ ... }} {written} {{ ... }}`"))
        }
        Token::Pipe if scene.in_braces() => syntax(range, "a `|` within braces")
            .with_help("either condition: `||`; the next stage comes after the `}`"),
        Token::OpenBrace if scene.in_braces() => syntax(range, "braces do not stand within braces")
            .with_help("close the first with `}`, or group conditions with `(...)`"),
        Token::Comma if scene.in_braces() => {
            syntax(range, "conditions are not joined with commas").with_help("write `&&`")
        }
        Token::CloseBrace | Token::CloseParen => scene.close(placed),
        Token::Unless if scene.in_braces() => {
            syntax(range, "`unless` stands between sets of spans, not between values")
                .with_help("write `{ ... } unless { ... }`, or `&& !(...)` within braces")
        }
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

    fn before(&self) -> Option<&Placed> {
        self.tokens.get(self.at.checked_sub(1)?)
    }

    fn after(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|placed| &placed.token)
    }

    fn after_comparison(&self) -> bool {
        let before = self.before().map(|placed| &placed.token);
        matches!(
            before,
            Some(
                Token::Equal
                    | Token::NotEqual
                    | Token::Less
                    | Token::LessEqual
                    | Token::Greater
                    | Token::GreaterEqual
                    | Token::Match
                    | Token::NotMatch
            )
        )
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
            Some(Placed { token: Token::By | Token::With, range }) => {
                syntax(*range, format!("`{}` needs parentheses", self.written(*range)))
            }
            Some(last) => syntax(
                last.range,
                format!("something is missing after `{}`", self.written(last.range)),
            )
            .with_help("the query ends there"),
            None => empty(),
        }
    }

    /// A bracket closes what it cannot.
    fn close(&self, placed: &Placed) -> QueryError {
        let written = self.written(placed.range);
        let Some(open) = self.open.last() else {
            return syntax(placed.range, format!("this `{written}` closes nothing"));
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
                syntax(both, "there is nothing in these parentheses")
            }
            Some(Placed { token: Token::Word(word), range }) => self.word_outside(word, *range),
            Some(before) => syntax(
                before.range,
                format!("something is missing after `{}`", self.written(before.range)),
            ),
            None => syntax(placed.range, format!("this `{written}` closes nothing")),
        }
    }

    fn word_in_braces(&self, word: &str, range: TextRange) -> QueryError {
        if let Some(error) = other_language(word, range) {
            return error;
        }
        if self.after() == Some(&Token::OpenParen) {
            let error =
                syntax(range, format!("there are no functions within braces, such as `{word}`"));
            return match lower_call::FUNCTIONS.contains(&word) {
                true => {
                    error.with_help(format!("`{word}` stands after a `|`: `{{ }} | {word}(...)`"))
                }
                false => error,
            };
        }
        if self.after_comparison() {
            let error = syntax(range, format!("`{word}` is no value"));
            return match known_word(word) {
                Some(meant) => {
                    error.with_help(format!("did you mean `{meant}`? A string is `\"{word}\"`"))
                }
                None => error.with_help(format!("strings are written in quotes: `\"{word}\"`")),
            };
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
            Some(before) if before.token.ends_operand() => self.missing_operator(range),
            _ => no_scope(word, range),
        }
    }

    fn word_outside(&self, word: &str, range: TextRange) -> QueryError {
        let first = self.tokens.first().is_some_and(|placed| placed.range.start == range.start);
        if first && word.eq_ignore_ascii_case("select") {
            return syntax(range, "this is no TraceQL query").with_help(
                "a query begins with conditions in braces: `{ span.http.status_code >= 500 }`; \
                 `| select(name)` after it adds fields",
            );
        }
        if let Some(error) = other_language(word, range) {
            return error;
        }
        if lower_call::FUNCTIONS.contains(&word) || word == "compare" {
            return syntax(range, format!("`{word}` needs parentheses"))
                .with_help(format!("write `{word}(...)`"));
        }
        syntax(range, format!("`{word}` cannot stand outside braces"))
            .with_help("conditions stand within braces: `{ status = error }`")
    }

    fn missing_operator(&self, range: TextRange) -> QueryError {
        let before = self.before().map_or("", |before| self.written(before.range));
        let error = syntax(range, format!("an operator is missing after `{before}`"));
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
            (Token::Word(word), _) if !self.in_braces() => self.word_outside(word, before.range),
            (Token::Field(field), true) if *token == Token::OpenParen => {
                syntax(before.range, format!("`{field}` is a field, not a function"))
            }
            (last, true) if last.ends_operand() => self.missing_operator(range),
            (Token::By | Token::With, _) => {
                syntax(before.range, format!("`{}` needs parentheses", self.written(before.range)))
            }
            (Token::OpenBrace | Token::OpenParen, false) => {
                syntax(range, format!("something is missing before `{written}`"))
            }
            (last, false) if !last.ends_operand() => {
                let last = self.written(before.range);
                syntax(range, format!("something is missing between `{last}` and `{written}`"))
            }
            _ => syntax(range, format!("`{written}` cannot stand here")),
        }
    }
}

/// A word that other query languages have.
fn other_language(word: &str, range: TextRange) -> Option<QueryError> {
    let right = match word.to_ascii_lowercase().as_str() {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!(...)`, `!=` or `!~`",
        "null" | "none" => "write `nil`",
        "is" => "write `= nil` or `!= nil`",
        "like" | "ilike" | "contains" | "matches" | "startswith" => "write `=~ \".*part.*\"`",
        "in" | "between" => "write `=~ \"a|b\"`, or two comparisons with `&&`",
        "where" | "from" | "filter" => "conditions stand within braces: `{ status = error }`",
        "group" | "order" | "having" => "stages follow with `|`: `{ } | by(name) | count() > 2`",
        _ => return None,
    };
    Some(syntax(range, format!("`{word}` is no word of TraceQL")).with_help(right))
}
