//! Regular expressions of `=~` and `!~`. Invariant: a pattern matches a whole text or not at all,
//! and `.` matches a newline too.

use std::fmt;
use std::sync::Arc;

use regex_automata::meta::Regex;

use super::check::pattern::compile;

/// A compiled regular expression; a clone is cheap.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Arc<str>,
    // Shared, because a regex's clone makes working memory of its own.
    regex: Arc<Regex>,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// If it is no regular expression, or one that grows too large; the message says why.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let compiled = compile(text).map_err(|error| error.message().to_owned())?;
        Ok(Self { text: Arc::from(text), regex: Arc::new(compiled.regex) })
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
        assert!(matches("(?x) a # comment", "a"));
        assert!(matches("", "") && !matches("", "a"));
        assert!(!matches("a", "a\n"));
    }

    #[test]
    fn a_pattern_that_is_none_or_too_large_is_an_error() {
        assert!(Pattern::new("a)(?:b").is_err());
        assert!(Pattern::new("[").is_err());
        assert!(Pattern::new("((((a{99}){99}){99}){99})").is_err());
    }
}
