//! Regular expressions of `=~` and `!~`. Invariant: a pattern matches a whole text or not at all,
//! and `.` matches a newline too.

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex_automata::meta::Regex;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, Span};

use super::automaton::Automaton;
use super::check::Literals;
use super::check::pattern::{Compiled, PatternError, compile};

/// A compiled regular expression; a clone is cheap.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Arc<str>,
    // Shared, because a regex's clone makes working memory of its own.
    regex: Arc<Regex>,
    /// Finds the literal that every match has in it.
    required: Option<Prefilter>,
    compiled: Arc<Compiled>,
    automaton: Arc<OnceLock<Option<Automaton>>>,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// If it is no regular expression, or one that grows too large; the message says why.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let told = |error: PatternError| error.message().to_owned();
        let compiled = compile(text).map_err(told)?;
        let regex = compiled.regex().map_err(told)?;
        Ok(Self::of(text, compiled, regex))
    }

    /// What `text` was compiled to.
    pub(super) fn of(text: &str, compiled: Compiled, regex: Regex) -> Self {
        let required = compiled.literals.required.as_ref();
        Self {
            required: required.and_then(|part| Prefilter::new(MatchKind::All, &[part])),
            text: Arc::from(text),
            regex: Arc::new(regex),
            compiled: Arc::new(compiled),
            automaton: Arc::default(),
        }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// A table of states that says the same, for going over many texts: some 0.1 ms to make. `None` where
    /// it would be large.
    pub(crate) fn automaton(&self) -> Option<&Automaton> {
        self.automaton.get_or_init(|| Automaton::new(&self.compiled.of_bytes())).as_ref()
    }

    fn literals(&self) -> &Literals {
        &self.compiled.literals
    }

    /// A text that matches begins with one of these, ascending and none the beginning of another;
    /// empty where nothing is known.
    pub(crate) fn prefixes(&self) -> &[Vec<u8>] {
        &self.literals().prefixes
    }

    /// True if every text that matches has a known literal in it.
    pub(crate) fn has_required(&self) -> bool {
        self.required.is_some()
    }

    /// How long that literal is, where every text with it matches.
    pub(crate) fn suffices(&self) -> Option<usize> {
        let literals = self.literals();
        literals.required.as_ref().filter(|_| literals.suffices).map(Vec::len)
    }

    /// Where that literal is next, from `from` on, in texts written one after another.
    pub(crate) fn next_required(&self, texts: &[u8], from: usize) -> Option<usize> {
        let required = self.required.as_ref().filter(|_| from < texts.len())?;
        required.find(texts, Span::from(from..texts.len())).map(|found| found.start)
    }

    /// True where the pattern matches all of `text`.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn a_pattern_matches_the_whole_text_and_newlines() {
        assert!(matches("a.c", "a\nc") && !matches("a.c", "xa.cx"));
        assert!(matches("a|bc", "bc") && !matches("a|bc", "ac"));
        assert!(matches("", "") && !matches("", "a"));
        assert!(!matches("a", "a\n"));
    }

    #[test]
    fn a_pattern_that_is_none_or_too_large_is_an_error() {
        assert!(Pattern::new("a)(?:b").is_err());
        assert!(Pattern::new("[").is_err());
        assert!(Pattern::new("(?x) a # comment").is_err());
        assert!(Pattern::new("((((a{99}){99}){99}){99})").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_matches_has_the_literals(
            pattern in "(\\(\\?i\\))?[ab.]{0,3}(\\[ab\\]|\\.\\*|(a|ab|bab)\\?|(ab|b)\\+)?[ab]{0,4}(\\.\\*)?",
            texts in proptest::collection::vec("[abAB]{0,8}", 1..20),
        ) {
            let Ok(pattern) = Pattern::new(&pattern) else { return Ok(()) };
            for text in texts.iter().filter(|text| pattern.matches(text)) {
                let bytes = text.as_bytes();
                let begins = pattern.prefixes().iter().any(|prefix| bytes.starts_with(prefix));
                proptest::prop_assert!(begins || pattern.prefixes().is_empty(), "{text}");
                let found = pattern.next_required(bytes, 0).is_some();
                proptest::prop_assert!(found || !pattern.has_required(), "{text}");
            }
        }
    }
}
