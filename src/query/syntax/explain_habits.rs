//! What words and signs of other query languages would be in `TraceQL`, said for the query at hand.
//! Invariant: as `explain`'s; a proposal is made of what was written, and is general where that is
//! not enough.

use super::explain::syntax;
use super::suggest::one_of;
use super::token::{Placed, Token};
use super::{CompareOp, FieldKind, Literal, TextRange, ValueType};
use crate::query::QueryError;

/// Most characters of a text that a proposal repeats.
const REPEATED_CHARS_MAX: usize = 80;

/// A word and what stands around it.
#[derive(Clone, Copy)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Placed],
    /// Its place among the tokens.
    pub(super) at: usize,
    pub(super) in_braces: bool,
}

impl<'t> Word<'t> {
    fn slice(&self, range: TextRange) -> &'t str {
        self.text.get(range.start..range.end).unwrap_or("")
    }

    fn range(&self) -> TextRange {
        self.tokens.get(self.at).map_or_else(TextRange::default, |placed| placed.range)
    }

    /// The token so many places further on.
    fn next(&self, by: usize) -> Option<&'t Token> {
        self.tokens.get(self.at + by).map(|placed| &placed.token)
    }

    /// The word so many places further on, in lower case.
    fn next_word(&self, by: usize) -> Option<String> {
        match self.next(by) {
            Some(Token::Word(word)) => Some(word.to_lowercase()),
            Some(Token::By) => Some("by".to_owned()),
            _ => None,
        }
    }

    /// The literal so many places further on, as it is written.
    fn next_literal(&self, by: usize) -> Option<&'t str> {
        let placed = self.tokens.get(self.at + by)?;
        matches!(placed.token, Token::Literal(_)).then(|| self.slice(placed.range))
    }

    /// The field before, as it is written.
    fn subject(&self) -> Option<&'t str> {
        let before = self.tokens.get(self.at.checked_sub(1)?)?;
        matches!(before.token, Token::Field(_)).then(|| self.slice(before.range))
    }

    /// What is written from `start` to the end of the condition or stage that stands there.
    pub(super) fn rest(&self, start: usize) -> Option<&'t str> {
        let rest = self.text.get(start..)?;
        let end = rest.find(['}', '|', '\n', ';']).unwrap_or(rest.len());
        short(rest.get(..end)?.trim())
    }

    /// The rest of the condition or stage after the word.
    fn after(&self) -> Option<&'t str> {
        self.rest(self.range().end)
    }
}

/// `text`, unless there is nothing or too much of it.
fn short(text: &str) -> Option<&str> {
    let fits = !text.is_empty() && text.chars().count() <= REPEATED_CHARS_MAX;
    fits.then_some(text)
}

/// The error for a word that other query languages have.
pub(super) fn other_language(word: Word<'_>) -> Option<QueryError> {
    let written = word.slice(word.range());
    let right = right(word, &written.to_lowercase())?;
    let right = if right.starts_with('`') { format!("write {right}") } else { right };
    Some(syntax(word.range(), format!("`{written}` is no word of TraceQL")).with_help(right))
}

/// What to write for the word `meant`, in backticks, or what to do instead.
fn right(word: Word<'_>, meant: &str) -> Option<String> {
    Some(match meant {
        "and" => "`&&`".into(),
        "or" => "`||`".into(),
        "not" => return Some(not(word)),
        "null" | "none" | "undefined" => "`nil`".into(),
        "is" => is(word),
        "exists" => format!("`{} != nil`", word.subject().unwrap_or(".x")),
        "between" => between(word),
        "where" | "filter" | "from" | "having" => match word.after() {
            Some(rest) if meant != "from" => {
                format!("conditions stand within braces: `{{ {rest} }}`")
            }
            _ => "conditions stand within braces: `{ status = error }`".into(),
        },
        "limit" | "top" | "head" | "first" => {
            "leave it out: how many traces come back is an option of the search".into()
        }
        "order" | "sort" => {
            "leave it out: the order of traces is an option of the search, newest first".into()
        }
        "group" => {
            let fields = word.next_word(1).filter(|next| next == "by");
            let fields = fields.and_then(|_| word.tokens.get(word.at + 1));
            let fields = fields.and_then(|by| word.rest(by.range.end)).unwrap_or("name");
            let fields = fields.trim_start_matches('(').trim_end_matches(')');
            format!("a stage of its own does it: `| by({fields})`")
        }
        _ => return comparison(word, meant, false),
    })
}

/// `not`, alone or before another word.
fn not(word: Word<'_>) -> String {
    if let Some(next) = word.next_word(1)
        && let Some(subject) = word.subject()
    {
        let moved = Word { at: word.at + 1, ..word };
        if let Some(right) = negated(moved, &next, subject) {
            return right;
        }
    }
    if let (Some(subject), Some(value)) = (word.subject(), word.next_literal(1)) {
        return format!("`{subject} != {value}`");
    }
    if !word.in_braces {
        return "`unless` for traces without the right side, or `!(...)` within braces".into();
    }
    let end = |text: &str| {
        text.split("&&").next().unwrap_or("").trim_matches(['(', ')', ' ', '!']).to_owned()
    };
    match word.after().map(end) {
        Some(condition) if !condition.is_empty() => format!("`!({condition})`"),
        _ => "`!(...)`, `!=` or `!~`".into(),
    }
}

fn negated(word: Word<'_>, meant: &str, subject: &str) -> Option<String> {
    if meant == "null" || meant == "none" {
        return Some(format!("`{subject} != nil`"));
    }
    comparison_of(word, meant, subject, true)
}

fn is(word: Word<'_>) -> String {
    let subject = word.subject().unwrap_or(".x");
    let negated = word.next_word(1).is_some_and(|next| next == "not");
    let op = if negated { "!=" } else { "=" };
    match word.next_literal(1 + usize::from(negated)) {
        Some(value) => format!("`{subject} {op} {value}`"),
        None => format!("`{subject} {op} nil`"),
    }
}

fn between(word: Word<'_>) -> String {
    let subject = word.subject().unwrap_or(".x");
    let (low, high) = match (word.next_literal(1), word.next_word(2), word.next_literal(3)) {
        (Some(low), Some(and), Some(high)) if and == "and" => (low, high),
        _ => ("...", "..."),
    };
    format!("`{subject} >= {low} && {subject} <= {high}`")
}

fn comparison(word: Word<'_>, meant: &str, negated: bool) -> Option<String> {
    comparison_of(word, meant, word.subject().unwrap_or(".x"), negated)
}

/// A comparison of `subject` that another language says with the word `meant`.
fn comparison_of(word: Word<'_>, meant: &str, subject: &str, negated: bool) -> Option<String> {
    let op = match meant {
        "equals" | "eq" => "=",
        "ne" | "neq" => "!=",
        "gt" => ">",
        "lt" => "<",
        "gte" | "ge" => ">=",
        "lte" | "le" => "<=",
        "in" => return Some(one_of_several(word, subject, negated)),
        "like" | "ilike" | "contains" | "startswith" | "endswith" | "matches" => {
            let op = if negated { CompareOp::NotMatch } else { CompareOp::Match };
            return Some(format!("`{subject} {op} {}`", pattern(word, meant)));
        }
        _ => return None,
    };
    let value = word.next_literal(1).unwrap_or("...");
    Some(format!("`{subject} {op} {value}`"))
}

/// `subject in (value, ...)`.
fn one_of_several(word: Word<'_>, subject: &str, negated: bool) -> String {
    let mut strings = Vec::new();
    let mut values = Vec::new();
    let list = word.tokens.iter().skip(word.at + 2);
    for placed in list.take_while(|placed| placed.token != Token::CloseParen) {
        match &placed.token {
            Token::Literal(Literal::String(text)) => {
                strings.push(escaped(text));
                values.push(word.slice(placed.range));
            }
            Token::Literal(_) => values.push(word.slice(placed.range)),
            _ => {}
        }
    }
    let all_strings = !values.is_empty() && strings.len() == values.len();
    if all_strings {
        let op = if negated { CompareOp::NotMatch } else { CompareOp::Match };
        return format!("`{subject} {op} {}`", Literal::String(strings.join("|")));
    }
    if values.is_empty() {
        values = vec!["..."; 2];
    }
    let (op, join) = if negated { ("!=", " && ") } else { ("=", " || ") };
    let each: Vec<String> = values.iter().map(|value| format!("{subject} {op} {value}")).collect();
    format!("`{}`", each.join(join))
}

/// The pattern for the string after a word such as `like`.
fn pattern(word: Word<'_>, meant: &str) -> String {
    let Some(Token::Literal(Literal::String(text))) = word.next(1) else {
        return "\".*part.*\"".into();
    };
    let pattern = match meant {
        "contains" => format!(".*{}.*", escaped(text)),
        "startswith" => format!("{}.*", escaped(text)),
        "endswith" => format!(".*{}", escaped(text)),
        "matches" => text.clone(),
        _ => {
            let pattern = escaped(text).replace('%', ".*").replace('_', ".");
            if meant == "ilike" { format!("(?i){pattern}") } else { pattern }
        }
    };
    Literal::String(pattern).to_string()
}

/// A pattern that matches `text` and nothing else.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for char in text.chars() {
        if r"\.+*?()|[]{}^$".contains(char) {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}

/// A word after a comparison, where a value has to stand.
pub(super) fn no_value(word: Word<'_>, written: &str, near: Option<&str>) -> QueryError {
    let field = word.at.checked_sub(2).and_then(|at| word.tokens.get(at));
    let value_type = field.and_then(|placed| match &placed.token {
        Token::Field(field) => match field.kind {
            FieldKind::Intrinsic(intrinsic) => Some(intrinsic.value_type()),
            FieldKind::Attribute(..) => None,
        },
        _ => None,
    });
    let error = syntax(word.range(), format!("`{written}` is no value"));
    let words = match value_type {
        Some(ValueType::Status) => Some(("status", &STATUSES[..])),
        Some(ValueType::Kind) => Some(("kind", &KINDS[..])),
        _ => None,
    };
    if let Some((what, words)) = words {
        return error.with_help(match one_of(written, words) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("a {what} is one of `{}`", words.join("`, `")),
        });
    }
    if let Some(meant) = near {
        return error.with_help(format!("did you mean `{meant}`? A string is `\"{written}\"`"));
    }
    let is_plain = |text: &&str| !text.contains(['"', '`', '\'', '=', '<', '>', '&']);
    let whole = word.rest(word.range().start).filter(is_plain).unwrap_or(written);
    error.with_help(format!("strings are written in quotes: `\"{whole}\"`"))
}

/// The words of the kinds of spans.
pub(crate) const KINDS: [&str; 6] =
    ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// The words of the statuses of spans.
pub(crate) const STATUSES: [&str; 3] = ["error", "ok", "unset"];

/// An operator of sets of spans at `range` within braces.
pub(super) fn relation_within(text: &str, open: TextRange, range: TextRange) -> Option<String> {
    let written = text.get(range.start..range.end)?;
    let left = short(text.get(open.end..range.start)?.trim())?;
    let right = text.get(range.end..)?;
    let right = short(right.get(..right.find('}').unwrap_or(right.len()))?.trim())?;
    let is_plain = |side: &str| !side.contains(['{', '(', ')', '|', '&', '\n']);
    (is_plain(left) && is_plain(right)).then(|| format!("{{ {left} }} {written} {{ {right} }}"))
}

/// A `/` after `=~`, as the pattern's quote.
pub(super) fn slashed_pattern(text: &str, range: TextRange) -> QueryError {
    let rest = text.get(range.end..).unwrap_or("");
    let content = rest.split('\n').next().and_then(|line| line.split_once('/'));
    let end = content.map_or(range.end, |(content, _)| range.end + content.len() + 1);
    let pattern = content.map_or("...", |(content, _)| content);
    syntax(TextRange { start: range.start, end }, "`/` does not quote a pattern")
        .with_help(format!("write `{}`", Literal::String(pattern.to_owned())))
}

/// `by` after the word `name`: `sum by (...)`.
pub(super) fn by_after_word(word: Word<'_>, name: &str) -> QueryError {
    let by = word.tokens.get(word.at + 1).map_or_else(|| word.range(), |placed| placed.range);
    let fields = word.text.get(by.end..).and_then(|rest| {
        let inner = rest.trim_start().strip_prefix('(')?;
        short(inner.split(')').next()?.trim())
    });
    let fields = fields.unwrap_or("name");
    let range = TextRange { start: word.range().start, end: by.end };
    if name == "rate" || name.ends_with("_over_time") {
        return syntax(range, format!("`{name}` needs parentheses"))
            .with_help(format!("write `| {} by ({fields})`", call_example(name)));
    }
    let example = call_example(name);
    syntax(range, format!("`by` does not follow `{name}`")).with_help(format!(
        "groups of a trace's spans are `{{ }} | by({fields}) | {example} > 2`, \
         numbers over time `{{ }} | rate() by ({fields})`"
    ))
}

/// A call of the function, with an argument where it takes one.
pub(super) fn call_example(name: &str) -> String {
    let argument = match name {
        "count" | "rate" | "count_over_time" | "coalesce" => "",
        "by" | "select" => "name",
        "topk" | "bottomk" => "5",
        "quantile_over_time" => "duration, 0.9",
        "compare" => "{ status = error }",
        _ => "duration",
    };
    format!("{name}({argument})")
}

/// `SELECT ... WHERE ...`.
pub(super) fn select(text: &str, range: TextRange) -> QueryError {
    let error = syntax(range, "this is no TraceQL query");
    let conditions = text.to_ascii_lowercase().find(" where ").and_then(|at| text.get(at + 7..));
    match conditions.map(|text| text.trim().trim_end_matches(';')).and_then(short) {
        Some(conditions) => error.with_help(format!(
            "a query begins with conditions in braces: `{{ {conditions} }}`; `| select(name)` after it adds fields"
        )),
        None => error.with_help(
            "a query begins with conditions in braces: `{ span.http.status_code >= 500 }`; \
             `| select(name)` after it adds fields",
        ),
    }
}

/// A word outside braces that is none of the language's.
pub(super) fn outside(word: Word<'_>, written: &str, meant: Option<&str>) -> QueryError {
    let error = syntax(word.range(), format!("`{written}` cannot stand outside braces"));
    let is_comparison = word.next(1).is_some_and(Token::is_comparison);
    let name = meant.map_or_else(|| format!(".{written}"), str::to_owned);
    match word.after() {
        Some(rest) if is_comparison => {
            error.with_help(format!("conditions stand within braces: `{{ {name} {rest} }}`"))
        }
        None if word.tokens.len() == 1 => error.with_help(format!(
            "`{{ name = \"{written}\" }}` finds spans of that name, \
             `{{ resource.service.name = \"{written}\" }}` those of a service"
        )),
        _ => error.with_help("conditions stand within braces: `{ status = error }`"),
    }
}
