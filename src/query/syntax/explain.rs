//! What is wrong with words that are not `TraceQL`'s. Invariant: every message names what was written,
//! and a help shows what would be right.

use super::suggest::nearest;
use super::words::KEYWORDS;
use super::{Intrinsic, TextRange, lexer};
use crate::query::{QueryError, QueryErrorKind};

pub(super) fn syntax(range: TextRange, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Syntax, range, message)
}

pub(super) fn unknown(range: TextRange, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::UnknownField, range, message)
}

/// The query has no token.
pub(super) fn empty() -> QueryError {
    syntax(TextRange { start: 0, end: 0 }, "the query is empty")
        .with_help("`{ }` finds every span, `{ status = error }` those that failed")
}

/// The operator of another language that `rest` begins with.
pub(super) fn wrong_operator(rest: &str, start: usize) -> Option<QueryError> {
    const WRONG: [(&str, &str); 15] = [
        ("===", "="),
        ("!==", "!="),
        ("!=~", "!~"),
        ("!~=", "!~"),
        ("~=", "=~"),
        ("->", ">"),
        (">>>", ">>"),
        ("==", "="),
        ("<>", "!="),
        ("=>", ">=` or, between sets of spans, `>"),
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
        ';' if rest.trim_end() == ";" => meaningless.with_help("leave it out"),
        ';' => meaningless.with_help("conditions are joined with `&&`, and one query stands alone"),
        '$' => meaningless.with_help("variables are filled in before the query is read"),
        ':' => meaningless.with_help(
            "a field is compared by `=`; intrinsic fields are written without blanks: `span:duration`",
        ),
        '#' => meaningless.with_help("comments begin with `//`"),
        _ => meaningless.with_help(format!(
            "strings are in quotes, attribute names with such a character too: `.\"a{}b\"`",
            char.escape_debug()
        )),
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
    if lexer::SCOPES.iter().any(|(prefix, _)| prefix.strip_suffix('.') == Some(scope))
        && field.contains('.')
    {
        return error.with_help(format!("attributes are written with a dot: `{scope}.{field}`"));
    }
    if let Some(meant) = meant_field(field) {
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

/// The field of the service.
const SERVICE: &str = "resource.service.name";

/// The field that other tools call `name`.
pub(super) fn meant_field(name: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 16] = [
        ("service", SERVICE),
        ("servicename", SERVICE),
        ("traceid", "trace:id"),
        ("spanid", "span:id"),
        ("parentid", "span:parentID"),
        ("parentspanid", "span:parentID"),
        ("operation", "name"),
        ("operationname", "name"),
        ("spanname", "name"),
        ("latency", "duration"),
        ("elapsed", "duration"),
        ("spankind", "kind"),
        ("statuscode", "status"),
        ("starttime", "span:startTime"),
        ("endtime", "span:endTime"),
        ("rootservice", "rootServiceName"),
    ];
    let plain: String = name.chars().filter(|char| !matches!(char, '_' | '.' | '-')).collect();
    let plain = plain.to_lowercase();
    NAMES.iter().find(|(known, _)| *known == plain).map(|(_, meant)| *meant)
}

/// `name` stands where an attribute would.
pub(super) fn no_scope(name: &str, range: TextRange) -> QueryError {
    let error = unknown(range, "an attribute needs a scope");
    match meant_field(name) {
        Some(SERVICE) => return error.with_help(format!("a service is `{SERVICE}`")),
        Some(meant) => {
            return error.with_help(format!("did you mean `{meant}`? An attribute is `.{name}`"));
        }
        None => {}
    }
    if let Some((prefix, rest)) = name.split_once('.') {
        let lower = prefix.to_lowercase();
        let is_scope = lexer::SCOPES.iter().any(|(scope, _)| scope.trim_end_matches('.') == lower);
        if is_scope || lower == "parent" {
            return error.with_help(format!("did you mean `{lower}.{rest}`?"));
        }
        if matches!(lower.trim_end_matches('s'), "tag" | "attribute" | "attr" | "label") {
            return error.with_help(format!("try `.{rest}`, `span.{rest}` or `resource.{rest}`"));
        }
    }
    let intrinsic = Intrinsic::from_name(&name.replacen('.', ":", 1)).or_else(|| {
        let mut scopes = ["span", "trace", "event", "link"].iter();
        scopes.find_map(|scope| Intrinsic::from_name(&format!("{scope}:{name}")))
    });
    if let Some(meant) = intrinsic.map(Intrinsic::canonical_name).or_else(|| known_word(name)) {
        return error.with_help(format!("did you mean `{meant}`? An attribute is `.{name}`"));
    }
    error.with_help(format!("try `.{name}`, `span.{name}` or `resource.{name}`"))
}

/// The field or value that `word` was meant to be.
pub(super) fn known_word(word: &str) -> Option<&'static str> {
    nearest(word, Intrinsic::all().map(Intrinsic::short_name).chain(KEYWORDS).chain(["parent"]))
}

/// A scope and its dot, at `range`, with no name.
pub(super) fn no_name(text: &str, range: TextRange) -> QueryError {
    let written = text.get(range.start..range.end).unwrap_or(".");
    syntax(range, format!("a name is missing after `{written}`")).with_help(format!(
        "such as `{written}http.method`; a name with blanks is quoted: `{written}\"a b\"`"
    ))
}

/// `parent.` before a field of events or links.
pub(super) fn parents_many(intrinsic: Intrinsic, range: TextRange) -> QueryError {
    let message = format!("`parent.` does not reach events and links, so not `{intrinsic}`");
    QueryError::new(QueryErrorKind::UnknownField, range, message).with_help(format!(
        "spans below a parent with such an event or link: `{{ {intrinsic} = ... }} > {{ }}`"
    ))
}
