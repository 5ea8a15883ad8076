//! The pieces of a query that may be half typed: words, texts, numbers, signs. Invariant: pieces come
//! in the order of the text and without overlap; whatever the text, it is cut somehow.

use treering::query::syntax::{prefixes, signs};

/// A piece of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    pub(super) kind: Kind,
    /// Where it begins in the whole text.
    pub(super) start: usize,
    pub(super) text: &'t str,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field, a function or a keyword.
    Word,
    /// A string in quotes, which may lack the last one.
    Text {
        /// True where the last quote is there.
        closed: bool,
    },
    /// A number or a duration.
    Number,
    /// An operator, a bracket or any other sign.
    Sign,
    /// A comment, which may not have ended.
    Comment {
        /// True where its end is there.
        closed: bool,
    },
}

impl Piece<'_> {
    /// Where it ends in the whole text.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// True for this sign.
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }
}

/// The pieces of `text`.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        let rest = rest.get(blank..).unwrap_or("");
        let Some((kind, length)) = first(rest) else { break };
        let piece = rest.get(..length).unwrap_or(rest);
        pieces.push(Piece { kind, start: at, text: piece });
        at += piece.len();
    }
    pieces
}

/// True where a query that ends here goes on in the next line: a brace, a parenthesis or a comment is
/// open, or the last sign wants something after it. After an empty line it does not.
pub(super) fn goes_on(text: &str) -> bool {
    let last_line = text.rsplit('\n').next().unwrap_or("");
    if last_line.trim().is_empty() {
        return false;
    }
    let pieces = pieces(text);
    let mut depth = 0_i64;
    for piece in &pieces {
        match (piece.kind, piece.text) {
            (Kind::Sign, "{" | "(") => depth += 1,
            (Kind::Sign, "}" | ")") => depth -= 1,
            // Quotes end on their line, so this one is a mistake; of raw texts that is not so.
            (Kind::Text { closed: false }, text) => return text.starts_with('`'),
            (Kind::Comment { closed: false }, _) => return true,
            _ => {}
        }
    }
    let code = pieces.iter().rfind(|piece| !matches!(piece.kind, Kind::Comment { .. }));
    let wants =
        code.is_some_and(|piece| piece.kind == Kind::Sign && !["}", ")"].contains(&piece.text));
    depth > 0 || (depth == 0 && wants)
}

/// Whether a name ends before `c`, unless it is quoted.
pub(super) fn ends_name(c: char) -> bool {
    c.is_whitespace() || "{}()=~!<>&|^,".contains(c)
}

/// The kind and the length of the piece that `rest` begins with.
fn first(rest: &str) -> Option<(Kind, usize)> {
    let mut chars = rest.chars();
    let char = chars.next()?;
    let digit_next = chars.next().is_some_and(|next| next.is_ascii_digit());
    if rest.starts_with("//") {
        return Some((Kind::Comment { closed: true }, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        let end = rest.find("*/").map(|at| at + 2);
        let closed = end.is_some();
        return Some((Kind::Comment { closed }, end.unwrap_or(rest.len())));
    }
    if char == '"' || char == '`' {
        let (length, closed) = quoted(rest, char);
        return Some((Kind::Text { closed }, length));
    }
    if char.is_ascii_digit() || (char == '.' && digit_next) {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '.');
        return Some((Kind::Number, end.unwrap_or(rest.len())));
    }
    if prefixes().any(|prefix| rest.starts_with(prefix)) {
        return Some((Kind::Word, name_length(rest)));
    }
    if char.is_alphabetic() || char == '_' {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        return Some((Kind::Word, end.unwrap_or(rest.len())));
    }
    let sign = signs().find(|sign| rest.starts_with(sign));
    Some((Kind::Sign, sign.map_or(char.len_utf8(), str::len)))
}

/// The length of the text that begins with `quote`, and whether it is closed.
fn quoted(text: &str, quote: char) -> (usize, bool) {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if char == quote => return (at + quote.len_utf8(), true),
            _ => {}
        }
    }
    (text.len(), false)
}

/// The length of a name, parts of which may be quoted.
fn name_length(text: &str) -> usize {
    let mut at = 0;
    while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if char == '"' {
            at += quoted(text.get(at..).unwrap_or(""), '"').0;
        } else if ends_name(char) {
            break;
        } else {
            at += char.len_utf8();
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        pieces(text).iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn texts_are_cut_as_the_language_does() {
        assert_eq!(
            texts("{ .a+1 = 2 }>>{name=\"a \\\" b\"}| by(.x)"),
            [
                "{",
                ".a+1",
                "=",
                "2",
                "}",
                ">>",
                "{",
                "name",
                "=",
                "\"a \\\" b\"",
                "}",
                "|",
                "by",
                "(",
                ".x",
                ")"
            ]
        );
        assert_eq!(texts("{ span.\"a b\".c > 1.5ms }"), ["{", "span.\"a b\".c", ">", "1.5ms", "}"]);
        assert_eq!(
            texts("{ event:name != nil } // x"),
            ["{", "event:name", "!=", "nil", "}", "// x"]
        );
        assert_eq!(texts("{ .é = \"ü"), ["{", ".é", "=", "\"ü"]);
        assert_eq!(texts("\u{0}&"), ["\u{0}", "&"]);
        assert!(texts(" \n").is_empty());
    }

    #[test]
    fn a_query_goes_on_until_its_braces_close() {
        for text in
            ["{", "{ .a = 1", "{ }\n>>", "{ } |", "{ } | by(", "{ } /* x", "({ }", "{ .a = `x"]
        {
            assert!(goes_on(text), "{text}");
        }
        for text in ["", "{ }", "{ .a = \"x", "{ } }", "{ } // {", "{ .a = 1\n", "{ } >>\n  ", ")"]
        {
            assert!(!goes_on(text), "{text}");
        }
    }
}
