//! What can be typed at a place of a line. Invariant: the answer depends on nothing but the text, the
//! place and the words there are; each candidate replaces the text from `start` to the place.

use treering::TagScope;
use treering::query::syntax::{FieldKind, Intrinsic, ValueType, prefixes};
use treering::query::{self, FieldValue};

use super::pieces::ends_name;
use super::place::{Wants, place};
use super::{command, operators};
use crate::query::words;

/// The words of a store.
pub(super) trait Vocabulary {
    /// Names of attributes in a scope.
    fn names(&self, scope: TagScope) -> Vec<String>;

    /// Values of a field, the most frequent first.
    fn values(&self, field: &str) -> Vec<FieldValue>;
}

/// What can be typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    /// The byte from which on a candidate replaces the text.
    pub(super) start: usize,
    pub(super) candidates: Vec<String>,
}

/// What can be typed at byte `cursor` of `text`.
pub(super) fn complete(text: &str, cursor: usize, words: &impl Vocabulary) -> Completion {
    let (before, after) = text.split_at_checked(cursor).unwrap_or((text, ""));
    if before.trim_start().starts_with(':') {
        return complete_command(before, after, words);
    }
    let place = place(before);
    let typed = place.typed;
    let mut candidates = match place.wants {
        Wants::Nothing => Vec::new(),
        Wants::Spanset => owned(&operators::SPANSET, typed),
        Wants::Stage => owned(&operators::STAGES, typed),
        Wants::AfterSpanset => owned(&operators::AFTER_SPANSET, typed),
        Wants::AfterGroup => {
            [owned(&operators::AFTER_SPANSET, typed), owned(&operators::COMPARISONS, typed)]
                .concat()
        }
        Wants::AfterFunction => owned(&operators::AFTER_FUNCTION, typed),
        Wants::AfterField => owned(&operators::AFTER_FIELD, typed),
        Wants::AfterCondition => owned(&operators::AFTER_CONDITION, typed),
        Wants::AfterArgument => owned(&operators::AFTER_ARGUMENT, typed),
        Wants::Field => fields(typed, words),
        Wants::Value(field) => values(field, typed, words),
    };
    // A quote that is there already need not come again.
    let quote = typed.chars().next().filter(|first| "\"`".contains(*first));
    if let Some(quote) = quote.filter(|quote| after.starts_with(*quote)) {
        for candidate in &mut candidates {
            candidate.truncate(candidate.strip_suffix(quote).map_or(candidate.len(), str::len));
        }
    }
    Completion { start: before.len() - typed.len(), candidates }
}

/// Candidates of a line that begins with a colon.
fn complete_command(before: &str, after: &str, words: &impl Vocabulary) -> Completion {
    let blank = before.len() - before.trim_start().len();
    let line = before.get(blank..).unwrap_or("");
    let Some((name, rest)) = line.split_once(char::is_whitespace) else {
        let names = command::NAMES.map(|(name, _, _)| name);
        return Completion { start: blank, candidates: owned(&names, line) };
    };
    let start = before.len() - rest.len();
    if name == ":explain" {
        let text = format!("{rest}{after}");
        let inner = complete(&text, rest.len(), words);
        return Completion { start: start + inner.start, candidates: inner.candidates };
    }
    Completion { start, candidates: owned(command::arguments(name), rest) }
}

fn owned(candidates: &[&str], typed: &str) -> Vec<String> {
    let fitting = candidates.iter().filter(|candidate| candidate.starts_with(typed));
    fitting.map(|candidate| (*candidate).to_owned()).collect()
}

/// Fields that begin with `typed`.
fn fields(typed: &str, words: &impl Vocabulary) -> Vec<String> {
    let (parent, own) = match typed.strip_prefix("parent.") {
        Some(own) => ("parent.", own),
        None => ("", typed),
    };
    if let Some((prefix, name)) = scoped(own) {
        let name = unquoted(name);
        let names = names(prefix, words).into_iter().filter(|other| other.starts_with(&name));
        return names.map(|name| format!("{parent}{prefix}{}", quoted_name(&name))).collect();
    }
    let mut found: Vec<String> = Vec::new();
    let intrinsics = Intrinsic::all().flat_map(|i| [i.short_name(), i.canonical_name()]);
    let is_of_span = |name: &&str| !name.starts_with("event:") && !name.starts_with("link:");
    found
        .extend(intrinsics.filter(|name| parent.is_empty() || is_of_span(name)).map(str::to_owned));
    let of_parent = ["span.", "resource."];
    let scopes = prefixes().filter(|prefix| *prefix != ".");
    found.extend(
        scopes.filter(|prefix| parent.is_empty() || of_parent.contains(prefix)).map(str::to_owned),
    );
    found.retain(|field| field.starts_with(own));
    // One who leaves out the dot means an attribute, too.
    if own.is_empty() || found.is_empty() {
        let dot = if parent.is_empty() { "." } else { "" };
        let named = names(".", words).into_iter().filter(|name| name.starts_with(own));
        found.extend(named.map(|name| format!("{dot}{}", quoted_name(&name))));
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|field| format!("{parent}{field}")).collect()
}

/// The prefix and the name of a field that has a prefix.
fn scoped(field: &str) -> Option<(&'static str, &str)> {
    let mut scopes = prefixes().filter(|prefix| *prefix != "parent.");
    scopes.find_map(|prefix| field.strip_prefix(prefix).map(|name| (prefix, name)))
}

/// The names of attributes that can follow `prefix`.
fn names(prefix: &str, words: &impl Vocabulary) -> Vec<String> {
    let scope =
        TagScope::ALL.into_iter().find(|scope| prefix.strip_suffix('.') == Some(scope.name()));
    let mut names = match scope {
        Some(scope) => words.names(scope),
        None => [TagScope::Span, TagScope::Resource].map(|scope| words.names(scope)).concat(),
    };
    names.sort_unstable();
    names.dedup();
    names
}

/// A name as it is written: in quotes where it would end too early without.
fn quoted_name(name: &str) -> String {
    if !name.is_empty() && !name.contains(|c| ends_name(c) || c == '"') {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A name as it is, of how it is written.
fn unquoted(name: &str) -> String {
    let mut plain = String::new();
    let mut chars = name.chars();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        match char {
            '"' => quoted = !quoted,
            '\\' if quoted => plain.extend(chars.next()),
            char => plain.push(char),
        }
    }
    plain
}

/// Values of `field` that begin with `typed`; or fields, where that begins one.
fn values(field: &str, typed: &str, words: &impl Vocabulary) -> Vec<String> {
    if scoped(typed).is_some() || typed.starts_with("parent.") {
        return fields(typed, words);
    }
    let value_type = query::field(field).ok().and_then(|field| match field.kind {
        FieldKind::Intrinsic(intrinsic) => Some(intrinsic.value_type()),
        _ => None,
    });
    match value_type {
        Some(ValueType::Status) => return owned(&operators::STATUSES, typed),
        Some(ValueType::Kind) => return owned(&operators::KINDS, typed),
        _ => {}
    }
    let raw = typed.starts_with('`');
    let mut found: Vec<String> = Vec::new();
    for value in words.values(field) {
        let literal = literal(&value, raw);
        // The quote may be left out when typing.
        let bare = literal.strip_prefix('"').is_some_and(|text| text.starts_with(typed));
        if (literal.starts_with(typed) || bare) && !found.contains(&literal) {
            found.push(literal);
        }
    }
    found
}

/// A value as a query has it.
fn literal(value: &FieldValue, raw: bool) -> String {
    match value {
        FieldValue::String(text) if raw && !text.contains('`') => format!("`{text}`"),
        FieldValue::Time(_) => FieldValue::String(value.to_string()).to_string(),
        FieldValue::String(_) => value.to_string(),
        other => words(other),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pieces::{Kind, goes_on, pieces};
    use super::*;

    /// A store of three services, as a vocabulary.
    struct Shop;

    impl Vocabulary for Shop {
        fn names(&self, scope: TagScope) -> Vec<String> {
            let names: &[&str] = match scope {
                TagScope::Span => &["http.method", "http.status_code", "two words", "service.name"],
                TagScope::Resource => &["service.name", "host"],
                TagScope::Event => &["exception.type"],
                _ => &[],
            };
            names.iter().map(|name| (*name).to_owned()).collect()
        }

        fn values(&self, field: &str) -> Vec<FieldValue> {
            let text = |text: &str| FieldValue::String(text.to_owned());
            match field {
                ".service.name" => vec![text("cart"), text("checkout"), text("a \"b\"\n")],
                "span.http.status_code" => vec![FieldValue::Int(200), FieldValue::Int(503)],
                "name" => vec![text("GET /"), text("GET /cart")],
                "duration" => vec![FieldValue::Duration(1_500_000)],
                _ => Vec::new(),
            }
        }
    }

    /// Completes at `¦`, and gives back the lines that would come of it.
    fn lines(line: &str) -> Vec<String> {
        let (before, after) = line.split_once('¦').unwrap();
        let completion = complete(&format!("{before}{after}"), before.len(), &Shop);
        let kept = before.get(..completion.start).unwrap();
        let made = completion.candidates.iter();
        made.map(|candidate| format!("{kept}{candidate}{after}")).collect()
    }

    #[test]
    fn fields_are_completed_in_their_scope() {
        assert_eq!(lines("{ .serv¦"), ["{ .service.name"]);
        assert_eq!(lines("{ .http.¦"), ["{ .http.method", "{ .http.status_code"]);
        assert_eq!(lines("{ resource.¦"), ["{ resource.host", "{ resource.service.name"]);
        assert_eq!(lines("{ event.e¦ }"), ["{ event.exception.type }"]);
        assert_eq!(lines("{ reso¦"), ["{ resource."]);
        assert_eq!(lines("{ traceD¦"), ["{ traceDuration"]);
        assert_eq!(lines("{ event:¦"), ["{ event:name", "{ event:timeSinceStart"]);
        assert_eq!(lines("{ host¦"), ["{ .host"], "the dot may be left out");
        assert_eq!(lines("{ .two¦"), ["{ .\"two words\""]);
        assert_eq!(lines("{ .\"two w¦"), ["{ .\"two words\""]);
        assert_eq!(lines("{ parent.resource.h¦"), ["{ parent.resource.host"]);
        assert_eq!(lines("{ parent.statusM¦"), ["{ parent.statusMessage"]);
        assert!(lines("{ parent.event:n¦").is_empty());
        assert_eq!(lines("{ } | by(.ho¦"), ["{ } | by(.host"]);
        assert!(lines("{ ¦").iter().any(|line| line == "{ .http.method"));
        assert!(lines("{ ¦").iter().any(|line| line == "{ duration"));
        assert!(lines("{ .nothing¦").is_empty());
    }

    #[test]
    fn values_are_those_of_the_field() {
        let services = ["{ .service.name = \"cart\"", "{ .service.name = \"checkout\""];
        assert_eq!(lines("{ .service.name = \"¦")[..2], services);
        assert_eq!(lines("{ .service.name = \"che¦"), ["{ .service.name = \"checkout\""]);
        assert_eq!(lines("{ .service.name = \"che¦\" }"), ["{ .service.name = \"checkout\" }"]);
        assert_eq!(lines("{ .service.name = che¦"), ["{ .service.name = \"checkout\""]);
        assert_eq!(lines("{ .service.name=~`ca¦"), ["{ .service.name=~`cart`"]);
        assert_eq!(lines("{ .service.name = \"a ¦"), ["{ .service.name = \"a \\\"b\\\"\\n\""]);
        assert_eq!(lines("{ span.http.status_code >= 5¦"), ["{ span.http.status_code >= 503"]);
        assert_eq!(lines("{ name = \"GET /c¦"), ["{ name = \"GET /cart\""]);
        assert_eq!(lines("{ status = e¦"), ["{ status = error"]);
        assert_eq!(lines("{ kind = c¦"), ["{ kind = client", "{ kind = consumer"]);
        assert_eq!(lines("{ duration > 1¦"), ["{ duration > 1.5ms"]);
        assert_eq!(lines("{ .service.name = .ho¦"), ["{ .service.name = .host"]);
        assert!(lines("{ .none = ¦").is_empty());
    }

    #[test]
    fn operators_and_stages_fit_their_place() {
        assert_eq!(lines("¦"), ["{ ", "("]);
        assert_eq!(lines("{ .host !¦"), ["{ .host !=", "{ .host !~"]);
        assert_eq!(lines("{ .host = 1 &¦"), ["{ .host = 1 &&"]);
        assert_eq!(lines("{ } >¦"), ["{ } >>", "{ } >"]);
        assert_eq!(lines("{ } un¦"), ["{ } unless"]);
        assert_eq!(lines("{ } | co¦"), ["{ } | coalesce()", "{ } | count()"]);
        assert_eq!(lines("{ } | count() ¦")[0], "{ } | count() >");
        assert!(lines("{ } // ¦").is_empty());
        assert!(lines("{ .a = \"x\" && \"¦").is_empty());
    }

    #[test]
    fn commands_are_completed() {
        assert_eq!(lines(":he¦"), [":help"]);
        assert_eq!(lines(":explain { .serv¦ }"), [":explain { .service.name }"]);
        assert_eq!(lines(":output js¦"), [":output json", ":output jsonl"]);
        assert!(lines(":nothing ¦").is_empty());
    }

    /// The queries of the language's page.
    fn queries() -> impl Iterator<Item = &'static str> {
        let page = include_str!("../../../../docs/traceql.md");
        let boxes = page.split("```traceql\n").skip(1);
        boxes.filter_map(|text| text.split("```").next()).flat_map(str::lines)
    }

    #[test]
    fn the_signs_of_right_queries_are_offered_at_their_places() {
        let arithmetic = ["+", "-", "*", "/", "%", "^", "!", "(", "{", ","];
        let (mut offered, mut missing) = (0, Vec::new());
        for query in queries() {
            let pieces = pieces(query);
            for (before, piece) in pieces.iter().zip(pieces.iter().skip(1)) {
                // What has nothing in it is as right as it is rare.
                let is_empty =
                    ["{", "("].contains(&before.text) && ["}", ")"].contains(&piece.text);
                let is_word = piece.kind == Kind::Word && piece.text == "unless";
                let is_sign = piece.kind == Kind::Sign && !arithmetic.contains(&piece.text);
                if is_empty || !(is_word || is_sign) {
                    continue;
                }
                let begun = format!("{} ", query.get(..piece.start).unwrap());
                let candidates = complete(&begun, begun.len(), &Shop).candidates;
                offered += 1;
                if !candidates.iter().any(|candidate| candidate == piece.text) {
                    missing.push(format!("{} at {} of {query}", piece.text, piece.start));
                }
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
        assert!(offered > 500, "{offered}");
    }

    #[test]
    fn right_queries_end_where_they_end() {
        for query in queries() {
            assert!(!goes_on(query), "{query}");
            for piece in pieces(query).iter().filter(|piece| ["{", "("].contains(&piece.text)) {
                let begun = query.get(..piece.end()).unwrap();
                assert!(goes_on(begun), "{begun}");
            }
        }
    }

    #[test]
    fn any_text_and_place_is_answered() {
        let text = "{ .é = \"ü\\\" && parent.\"x } | by( >> ` /* // ::";
        for cursor in 0..text.len() + 3 {
            let completion = complete(text, cursor, &Shop);
            assert!(completion.start <= text.len());
            assert!(text.is_char_boundary(completion.start), "{cursor}");
        }
    }
}
