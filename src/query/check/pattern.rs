//! The patterns of `=~`: RE2's syntax, anchored at both ends, `.` matching line breaks too.
//! Invariant: a pattern that compiles here means what RE2 documents.
//!
//! The engine's own syntax differs from RE2's in a few places that people do meet: `{` in
//! `/users/{id}` stands for itself, `[` within a class too, `\d \s \w \b` are of ASCII, `\101` is a
//! character in octal, and there is no set arithmetic within classes. So a pattern is first written anew (syntax as documented on RE2's page
//! "Syntax"), and a place in the new text is led back to the old.

use super::literals::{Literals, is_anything};
use regex_automata::meta::{Config, Regex};
use regex_syntax::ast::ErrorKind;
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Dot, Hir,
    HirKind, Look, Repetition,
};

use super::class_chars::class_chars;

/// Most bytes of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// Most levels of groups and repetitions in a pattern.
const PATTERN_DEPTH_MAX: u32 = 100;

/// Most classes that are taken by the lengths of characters: each is some 2 KB until it is compiled.
const BY_LENGTH_MAX: usize = 500;

/// Most characters in the classes of a pattern, and of all patterns of a query.
pub(super) const CLASS_CHARS_MAX: u64 = 1 << 24;

/// A pattern that matches a whole value or not at all.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// What it matches, anchored at both ends.
    hir: Hir,
    /// What all texts that match have.
    pub(crate) literals: Literals,
    /// Characters in its classes.
    pub(super) class_chars: u64,
    /// Bytes of the pattern.
    len: usize,
}

/// Why a pattern does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternError {
    pub(super) message: String,
    pub(super) help: String,
    /// The bytes of the pattern that are wrong.
    pub(super) range: (usize, usize),
}

impl PatternError {
    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// Compiles `pattern`, so that it matches a whole value or not at all; with what all matches have.
pub(crate) fn compile(pattern: &str) -> Result<Compiled, PatternError> {
    let rewritten = rewrite(pattern);
    if let Some(at) = rewritten.unknown_flag {
        return Err(PatternError {
            message: "this pattern is wrong: unrecognized flag".into(),
            help: "RE2 syntax has the flags `i`, `m`, `s` and `U`".into(),
            range: (at, at + 1),
        });
    }
    let refused = |error| refusal(&error, &rewritten, pattern);
    let mut parser = ParserBuilder::new().nest_limit(PATTERN_DEPTH_MAX).build();
    let ast = parser.parse(&rewritten.text).map_err(|error| refused(error.into()))?;
    let class_chars = class_chars(&ast);
    if class_chars > CLASS_CHARS_MAX {
        return Err(too_large(pattern.len(), "use fewer or smaller classes of characters"));
    }
    let mut translator = TranslatorBuilder::new().dot_matches_new_line(true).build();
    let inner = translator.translate(&rewritten.text, &ast);
    let inner = inner.map_err(|error| refused(error.into()))?;
    let literals = Literals::of(&inner);
    Ok(Compiled { hir: anchored(inner), literals, class_chars, len: pattern.len() })
}

fn too_large(len: usize, help: &str) -> PatternError {
    let message = "this pattern is too large".into();
    PatternError { message, help: help.into(), range: (0, len) }
}

impl Compiled {
    /// What matches texts one by one, which are UTF-8.
    ///
    /// # Errors
    /// If it grows too large.
    pub(crate) fn regex(&self) -> Result<Regex, PatternError> {
        let config = Config::new()
            .nfa_size_limit(Some(PATTERN_BYTES_MAX))
            .onepass_size_limit(Some(PATTERN_BYTES_MAX));
        let built = Regex::builder().configure(config).build_from_hir(&self.of_bytes());
        built.map_err(|_too_large| {
            too_large(self.len, "shorten its repetitions: `x{100}` counts as a hundred `x`")
        })
    }

    /// What matches any texts one by one, for tests: nothing is said of bytes.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> Regex {
        Regex::builder().build_from_hir(&self.hir).unwrap()
    }

    /// The same for texts that are known to be UTF-8: `.*` takes any bytes there, and other classes
    /// that have all characters beyond ASCII tell these by their length. So there are fewer states,
    /// and such from which every text matches.
    pub(crate) fn of_bytes(&self) -> Hir {
        let HirKind::Concat(parts) = self.hir.kind() else { return self.hir.clone() };
        let looks = |hir: &&Hir| !hir.properties().look_set().is_empty();
        // Anything that looks around could look into a character. The two ends look.
        if parts.iter().filter(looks).count() > 2 {
            return self.hir.clone();
        }
        let mut left = BY_LENGTH_MAX;
        Hir::concat(parts.iter().map(|part| with_any_bytes(part, &mut left)).collect())
    }
}

/// `hir` with any bytes where it has any number of any characters, and with classes by length, as
/// many as are `left`. What it takes is whole characters all the same where the text has no others.
fn with_any_bytes(hir: &Hir, left: &mut usize) -> Hir {
    let again = |sub: Hir, repeated: &Repetition| {
        Hir::repetition(Repetition { sub: Box::new(sub), ..repeated.clone() })
    };
    let mut each = |parts: &[Hir]| parts.iter().map(|part| with_any_bytes(part, left)).collect();
    match hir.kind() {
        HirKind::Repetition(repeated) if is_anything(hir) => {
            again(Hir::dot(Dot::AnyByte), repeated)
        }
        HirKind::Repetition(repeated) => again(with_any_bytes(&repeated.sub, left), repeated),
        HirKind::Capture(group) => {
            let sub = Box::new(with_any_bytes(&group.sub, left));
            Hir::capture(Capture { sub, ..group.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(each(parts)),
        HirKind::Alternation(parts) => Hir::alternation(each(parts)),
        HirKind::Class(Class::Unicode(class)) if *left > 0 => match by_length(class) {
            Some(class) => {
                *left -= 1;
                class
            }
            None => hir.clone(),
        },
        _ => hir.clone(),
    }
}

/// A class that has all characters beyond ASCII, these by how many bytes the first one says that
/// there are ([RFC 3629]): far fewer states than for the bytes that there can be. It takes bytes that
/// are none in UTF-8, too, of which texts have none.
///
/// [RFC 3629]: https://www.rfc-editor.org/rfc/rfc3629#section-3
fn by_length(class: &ClassUnicode) -> Option<Hir> {
    let has_all = |last: &ClassUnicodeRange| last.start() <= '\u{80}' && last.end() == char::MAX;
    class.ranges().last().filter(|last| has_all(last))?;
    let bytes = |first, last| ClassBytesRange::new(first, last);
    let one_of = |ranges: Vec<_>| Hir::class(Class::Bytes(ClassBytes::new(ranges)));
    let ascii = class.ranges().iter().filter_map(|range| {
        let first = u8::try_from(range.start()).ok().filter(u8::is_ascii)?;
        Some(bytes(first, u8::try_from(range.end()).map_or(0x7f, |last| last.min(0x7f))))
    });
    let longer = [(0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7)].into_iter().zip(1..);
    let longer = longer.map(|((first, last), more)| {
        let more = std::iter::repeat_n(one_of(vec![bytes(0x80, 0xbf)]), more);
        Hir::concat(std::iter::once(one_of(vec![bytes(first, last)])).chain(more).collect())
    });
    // A class of no bytes takes nothing.
    Some(Hir::alternation(std::iter::once(one_of(ascii.collect())).chain(longer).collect()))
}

fn anchored(inner: Hir) -> Hir {
    Hir::concat(vec![Hir::look(Look::Start), inner, Hir::look(Look::End)])
}

fn refusal(error: &regex_syntax::Error, rewritten: &Rewritten, pattern: &str) -> PatternError {
    let other = "patterns are in RE2 syntax and match the whole value";
    let (reason, help, span) = match error {
        regex_syntax::Error::Parse(error) => {
            (error.kind().to_string(), help(error.kind()).unwrap_or(other), Some(error.span()))
        }
        regex_syntax::Error::Translate(error) => {
            (error.kind().to_string(), other, Some(error.span()))
        }
        _ => ("it is not in RE2 syntax".into(), other, None),
    };
    let range = span.map_or((0, pattern.len()), |span| {
        (rewritten.source(span.start.offset), rewritten.source(span.end.offset))
    });
    let reason = reason.lines().next().unwrap_or_default().to_owned();
    PatternError { message: format!("this pattern is wrong: {reason}"), help: help.into(), range }
}

fn help(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::ClassUnclosed => "to match a bracket itself, write `\\\\[` (in backticks `\\[`)",
        ErrorKind::GroupUnclosed | ErrorKind::GroupUnopened => {
            "to match a parenthesis itself, write `\\\\(` (in backticks `\\(`)"
        }
        ErrorKind::RepetitionMissing => "any text is `.*`, not `*`",
        ErrorKind::UnsupportedBackreference | ErrorKind::UnsupportedLookAround => {
            "RE2 syntax has no backreferences and no look-around"
        }
        ErrorKind::EscapeUnrecognized | ErrorKind::EscapeUnexpectedEof => {
            "to match a backslash itself, write `\\\\\\\\` (in backticks `\\\\`)"
        }
        _ => return None,
    })
}

/// A pattern in the engine's syntax, and for each byte of it (and its end) the byte it comes from.
struct Rewritten {
    text: String,
    sources: Vec<usize>,
    /// Where the pattern sets a flag that only the engine knows.
    unknown_flag: Option<usize>,
}

impl Rewritten {
    fn push(&mut self, text: &str, source: usize) {
        self.text.push_str(text);
        self.sources.resize(self.text.len(), source);
    }

    fn source(&self, at: usize) -> usize {
        self.sources.get(at).or(self.sources.last()).copied().unwrap_or(0)
    }
}

/// Rewrites RE2's syntax as the engine's.
fn rewrite(pattern: &str) -> Rewritten {
    let mut to = Rewritten { text: String::new(), sources: Vec::new(), unknown_flag: None };
    let mut at = 0;
    let mut in_class = false;
    while let Some(rest) = pattern.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with('\\') {
            escape(rest, at, in_class, &mut to)
        } else if in_class {
            let length = class_item(rest, at, &mut to);
            in_class = !rest.starts_with(']');
            length
        } else if rest.starts_with('[') {
            in_class = true;
            let opening = [r"[^]", "[]", "[^", "["];
            let opening = opening.into_iter().find(|opening| rest.starts_with(opening));
            let opening = opening.unwrap_or("[");
            to.push(opening, at);
            opening.len()
        } else if rest.starts_with('{') && !is_repetition(rest) {
            to.push(r"\{", at);
            1
        } else {
            to.unknown_flag = to.unknown_flag.or_else(|| Some(at + unknown_flag(rest)?));
            let length = rest.chars().next().map_or(1, char::len_utf8);
            to.push(rest.get(..length).unwrap_or(""), at);
            length
        };
        at += length;
    }
    to.sources.push(pattern.len());
    to
}

/// The place of the first flag that RE2 does not know where `rest` begins with flags, as `(?i)` does.
fn unknown_flag(rest: &str) -> Option<usize> {
    let (flags, _) = rest.strip_prefix("(?")?.split_once([':', ')'])?;
    if !flags.bytes().all(|flag| flag == b'-' || flag.is_ascii_alphabetic()) {
        return None;
    }
    flags.find(|flag| !"-imsU".contains(flag)).map(|at| at + 2)
}

/// Rewrites the escape that `rest`, at `at`, begins with; returns its bytes.
fn escape(rest: &str, at: usize, in_class: bool, to: &mut Rewritten) -> usize {
    let Some(kind) = rest.chars().nth(1) else {
        to.push(r"\", at);
        return 1;
    };
    // Classes keep their brackets within a class, so that a `-` beside them stays a character.
    let rewritten = match (kind, in_class) {
        ('d', _) => "[0-9]",
        ('D', _) => "[^0-9]",
        ('w', _) => "[0-9A-Za-z_]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', _) => r"[\t\n\f\r ]",
        ('S', _) => r"[^\t\n\f\r ]",
        ('b', false) => r"(?-u:\b)",
        ('B', false) => r"(?-u:\B)",
        _ => "",
    };
    if !rewritten.is_empty() {
        to.push(rewritten, at);
        return 2;
    }
    if let Some((code, length)) = octal(rest) {
        to.push(&format!(r"\x{{{code:x}}}"), at);
        return length;
    }
    if let Some((name, length)) = braced(rest) {
        let (kind, name) = match (kind, name.strip_prefix('^')) {
            ('p', Some(name)) => ('P', name),
            ('P', Some(name)) => ('p', name),
            _ => (kind, name),
        };
        to.push(&format!(r"\{kind}{{{name}}}"), at);
        return length;
    }
    if let (Some(quoted), false) = (rest.strip_prefix(r"\Q"), in_class) {
        let content = quoted.split(r"\E").next().unwrap_or(quoted);
        for (offset, char) in content.char_indices() {
            push_itself(char, at + 2 + offset, to);
        }
        return (2 + content.len() + 2).min(rest.len());
    }
    if kind.is_ascii_punctuation() {
        push_itself(kind, at, to);
    } else {
        to.push(rest.get(..1 + kind.len_utf8()).unwrap_or(""), at);
    }
    1 + kind.len_utf8()
}

/// The character that an escape in octal says, and the bytes of the escape: `\0` to `\777`. A single
/// digit from 1 up would be a reference back, which RE2 does not know.
fn octal(escape: &str) -> Option<(u32, usize)> {
    let digits: String = escape.chars().skip(1).take(3).take_while(|c| c.is_digit(8)).collect();
    let is_octal = digits.starts_with('0') || digits.len() > 1;
    let code = u32::from_str_radix(&digits, 8).ok().filter(|_| is_octal)?;
    Some((code, 1 + digits.len()))
}

/// What stands in the braces of `\x{41}`, `\p{Greek}` or `\P{Greek}`, and the bytes of all of it.
fn braced(escape: &str) -> Option<(&str, usize)> {
    let inner = [r"\x{", r"\p{", r"\P{"].iter().find_map(|start| escape.strip_prefix(start))?;
    let (name, _) = inner.split_once('}')?;
    Some((name, name.len() + 4))
}

fn push_itself(char: char, at: usize, to: &mut Rewritten) {
    if regex_syntax::is_meta_character(char) {
        to.push(r"\", at);
    }
    to.push(char.encode_utf8(&mut [0; 4]), at);
}

/// Rewrites the first item of `rest`, which is within a class and no escape; returns its bytes.
fn class_item(rest: &str, at: usize, to: &mut Rewritten) -> usize {
    if let Some(name) = rest.strip_prefix("[:").and_then(|name| name.split_once(":]")) {
        let length = name.0.len() + 4;
        to.push(rest.get(..length).unwrap_or(""), at);
        return length;
    }
    if rest.starts_with('[') {
        to.push(r"\[", at);
        return 1;
    }
    for operator in ["&&", "--", "~~"] {
        if let (true, Some(char)) = (rest.starts_with(operator), operator.get(..1)) {
            to.push(char, at);
            to.push(r"\", at + 1);
            to.push(char, at + 1);
            return 2;
        }
    }
    let length = rest.chars().next().map_or(1, char::len_utf8);
    to.push(rest.get(..length).unwrap_or(""), at);
    length
}

/// Whether `rest` begins with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(rest: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((content, _)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return false;
    };
    let (low, high) = content.split_once(',').unwrap_or((content, ""));
    !low.is_empty() && digits(low) && digits(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().regex().unwrap().is_match(text)
    }

    #[test]
    fn only_so_many_classes_grow() {
        let of_bytes = compile(&".".repeat(BY_LENGTH_MAX + 10)).unwrap().of_bytes();
        let HirKind::Concat(parts) = of_bytes.kind() else { panic!("{of_bytes:?}") };
        let grown = parts.iter().filter(|part| matches!(part.kind(), HirKind::Alternation(_)));
        assert_eq!((grown.count(), parts.len()), (BY_LENGTH_MAX, BY_LENGTH_MAX + 12));
    }

    #[test]
    fn a_pattern_matches_the_whole_value() {
        assert!(matches("a|ab", "ab"));
        assert!(!matches("a", "ab"));
        assert!(matches("a.b", "a\nb"));
        assert!(!matches("a", "a\n"));
        assert!(matches("", ""));
    }

    #[test]
    fn braces_and_brackets_stand_for_themselves_where_re2_says_so() {
        assert!(matches("/users/{id}", "/users/{id}"));
        assert!(matches("a{2}", "aa"));
        assert!(matches("a{2,}b{,3}", "aaab{,3}"));
        assert!(matches("[[]", "["));
        assert!(matches("[]a]+", "]a"));
        assert!(matches("[^]]", "["));
        assert!(matches("[[:alpha:]&&~~]+", "x&~"));
        assert!(matches("[+--]+", "+,-"));
        assert!(matches(r"\Qa.b[\E.", "a.b[x"));
        assert!(matches(r"\<\_\[", "<_["));
    }

    #[test]
    fn perl_classes_are_ascii() {
        assert!(matches(r"\d\w\s[\d\s]", "1a 2"));
        assert!(!matches(r"\w", "\u{e9}"));
        assert!(matches(r"\W[^\W]", "\u{e9}a"));
        assert!(matches(r"[\w-]+[\d-z]", "a-b-"));
        assert!(!matches(r"[\w-z]", "`"));
    }

    #[test]
    fn word_boundaries_are_ascii() {
        assert!(matches(r"X\b\x{e9}", "X\u{e9}"));
        assert!(!matches(r"X\B\x{e9}", "X\u{e9}"));
        assert!(matches(r"\B\x{e9}", "\u{e9}"));
        assert!(matches(r"a\b.\bb", "a b"));
        assert!(!matches(r"a\bb", "ab"));
        assert!(matches(r"a\Bb", "ab"));
        assert!(matches(r"a\b{x}", "a{x}") && !matches(r"\b{x}", "{x}"));
        assert!(compile(r"[\b]").is_err());
    }

    #[test]
    fn case_folds_as_unicode_says() {
        assert!(matches("(?i)straSSe", "STRASSE"));
        assert!(matches("(?i)\u{e9}", "\u{c9}"));
        assert!(matches("(?i)[k-l]+", "\u{212a}L"));
        assert!(!matches("(?i)ss", "\u{df}"));
        assert!(matches("a(?i)b(?-i)c", "aBc"));
        assert!(!matches("a(?i)b(?-i)c", "aBC"));
    }

    #[test]
    fn flags_and_anchors_are_those_of_re2() {
        assert!(!matches("(?-s)a.b", "a\nb"));
        assert!(!matches("a$.b", "a\nb"));
        assert!(matches("(?m)a$.^b", "a\nb"));
        assert!(matches("(?P<x>a)(?<y>b)(?:c)", "abc"));
        assert!(matches("(?s-i:a(?U)b*)", "abb") && matches(r"\(?x\)[(?u)]", "x)u"));
        for pattern in ["(?x)a b", "a(?i-u:b)", "(?R)a"] {
            let error = compile(pattern).unwrap_err();
            let flag = pattern.get(error.range.0..error.range.1).unwrap();
            assert!(error.message.contains("unrecognized flag") && "xuR".contains(flag));
        }
        assert!(matches(r"\Aab\z", "ab"));
        assert!(matches(r"\101\x42\x{43}\060", "ABC0"));
        assert!(matches(r"[\x{41}-\x{43}\p{Greek}\060]+", "AB\u{3b1}0"));
        assert!(compile(r"(a)\1").is_err() && compile(r"\8").is_err());
        assert!(matches(r"\p{Greek}\PL\p{^Greek}", "\u{3b1}1a"));
    }

    #[test]
    fn a_mistake_is_found_where_it_is() {
        assert_eq!(compile(r"\d+[").unwrap_err().range, (3, 4));
        assert_eq!(compile("a)").unwrap_err().range, (1, 2));
        assert!(
            compile(r"(\pL{900}){900}").unwrap().regex().unwrap_err().message.contains("too large")
        );
        assert!(compile(&"(".repeat(5_000)).is_err());
    }

    #[test]
    fn classes_of_very_many_characters_in_all_are_refused() {
        let all = r"[\x{0}-\x{10ffff}]";
        assert!(compile(&format!("(?i){}", all.repeat(12))).is_ok());
        for pattern in [all.repeat(1_000), r"\pL".repeat(1_000), r"[^\PL]".repeat(1_000)] {
            let error = compile(&format!("(?i){pattern}")).unwrap_err();
            assert!(error.message.contains("too large") && error.help.contains("classes"));
        }
    }
}
