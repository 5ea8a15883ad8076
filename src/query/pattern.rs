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
use crate::codec::cast::usize_of;

/// A compiled regular expression; a clone is cheap.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Arc<str>,
    // Shared, because a regex's clone makes working memory of its own. Not there where literals say it
    // all: it takes longer to make than to find them in a thousand texts.
    regex: Option<Arc<Regex>>,
    /// The literal that every match has in it.
    required: Option<Literal>,
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
        compile(text).and_then(|compiled| Self::of(text, compiled)).map_err(told)
    }

    /// What `text` was compiled to.
    ///
    /// # Errors
    /// If it grows too large.
    pub(super) fn of(text: &str, compiled: Compiled) -> Result<Self, PatternError> {
        let required = compiled.literals.required.as_ref();
        let needs_regex = !compiled.literals.say_all();
        Ok(Self {
            required: required.and_then(|part| Literal::new(part)),
            text: Arc::from(text),
            regex: needs_regex.then(|| compiled.regex().map(Arc::new)).transpose()?,
            compiled: Arc::new(compiled),
            automaton: Arc::default(),
        })
    }

    /// How many bytes it takes.
    pub(super) fn memory_usage(&self) -> usize {
        self.regex.as_ref().map_or(self.text.len(), |regex| regex.memory_usage())
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// A table of states that says the same, for going over many texts: some 0.05 ms to make, or one or two
    /// where it gets too large, which is `None`. So threads that want it at once rather make one each than
    /// sleep until it is made.
    pub(crate) fn automaton(&self) -> Option<&Automaton> {
        if self.automaton.get().is_none() {
            // Whoever comes first has made it; they are all the same.
            drop(self.automaton.set(Automaton::new(&self.compiled.of_bytes())));
        }
        self.automaton.get()?.as_ref()
    }

    fn literals(&self) -> &Literals {
        &self.compiled.literals
    }

    /// A text that matches begins with one of these, ascending and none the beginning of another;
    /// empty where nothing is known.
    pub(crate) fn prefixes(&self) -> &[Vec<u8>] {
        &self.literals().prefixes
    }

    /// True where every text that begins with one of the prefixes matches.
    pub(crate) fn prefixes_suffice(&self) -> bool {
        self.literals().prefixes_suffice
    }

    /// The literal that every text that matches has in it, where one is known.
    pub(crate) fn required(&self) -> Option<&Literal> {
        self.required.as_ref()
    }

    /// True where every text that has that literal in it matches.
    pub(crate) fn suffices(&self) -> bool {
        self.literals().suffices
    }

    /// True where a text with that literal matches if it does from there on.
    pub(crate) fn matches_from_literal(&self) -> bool {
        self.literals().after_anything
    }

    /// True where the pattern matches all of `text`.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(text),
            None => self.literals().match_alone(text),
        }
    }
}

/// Bytes to look for in very many texts.
#[derive(Clone)]
pub(crate) struct Literal {
    bytes: Arc<[u8]>,
    /// Finds its tail.
    finder: Prefilter,
    /// The tail as a number, and which bits of a number of eight bytes that is compared with it count.
    word: (u64, u64),
    /// The tail's first byte, eight times, and its last one.
    ends: (u64, u64),
}

/// A one in each byte.
const EACH_BYTE: u64 = u64::MAX / 0xff;
/// Bytes in which a literal is looked for at once, before something that takes longer to begin is asked:
/// where one text has it, one of the next often does.
const NEAR: usize = 64;
/// Those, and what may be read after them.
const NEAR_READ: usize = NEAR + 16;

impl Literal {
    /// Most bytes of the tail, by which a literal is looked for.
    pub(crate) const TAIL: usize = 8;

    fn new(bytes: &[u8]) -> Option<Self> {
        let tail = bytes.get(bytes.len().saturating_sub(Self::TAIL)..)?;
        let (mut word, mut mask) = ([0; Self::TAIL], [0; Self::TAIL]);
        for ((word, mask), byte) in word.iter_mut().zip(&mut mask).zip(tail) {
            (*word, *mask) = (*byte, u8::MAX);
        }
        let each = |byte: Option<&u8>| byte.map(|byte| u64::from(*byte) * EACH_BYTE);
        Some(Self {
            finder: Prefilter::new(MatchKind::All, &[tail])?,
            word: (u64::from_le_bytes(word), u64::from_le_bytes(mask)),
            ends: (each(tail.first())?, each(tail.last())?),
            bytes: Arc::from(bytes),
        })
    }

    /// What it is.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// True where a text has it.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        text.windows(self.bytes.len()).any(|window| *window == *self.bytes)
    }

    /// How many of its last bytes are looked for.
    pub(crate) fn tail_len(&self) -> usize {
        self.bytes.len().min(Self::TAIL)
    }

    /// Where its tail is next, from `from` on, in bytes of texts written one after another.
    #[inline]
    pub(crate) fn next(&self, texts: &[u8], from: usize) -> Option<usize> {
        let rest = texts.get(from..)?;
        let mut skipped = 0;
        if let Some(near) = rest.first_chunk() {
            if let Some(at) = self.near(near) {
                return Some(from + at);
            }
            skipped = NEAR;
        }
        self.finder.find(texts, Span::from(from + skipped..texts.len())).map(|found| found.start)
    }

    /// Where its tail begins first in the first [`NEAR`] bytes.
    #[inline]
    fn near(&self, bytes: &[u8; NEAR_READ]) -> Option<usize> {
        let (word, mask) = self.word;
        let (first, last) = self.ends;
        let (firsts, _) = bytes.as_chunks::<16>();
        let (lasts, _) = bytes.get(self.tail_len().saturating_sub(1)..)?.as_chunks::<16>();
        let eight = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        // The highest bit of each byte where both the tail's first byte and, as far off as it should be, its
        // last one are; and of some after such a one.
        let marked = |firsts: &[u8; 8], lasts: &[u8; 8]| {
            let differs = eight(firsts) ^ first | eight(lasts) ^ last;
            differs.wrapping_sub(EACH_BYTE) & !differs & EACH_BYTE << 7
        };
        for ((firsts, lasts), at) in firsts.iter().zip(lasts).zip((0..NEAR).step_by(16)) {
            let ([one, other], _) = firsts.as_chunks::<8>() else { return None };
            let ([one_last, other_last], _) = lasts.as_chunks::<8>() else { return None };
            // Together, so that there is one branch for both.
            let (low, high) = (marked(one, one_last), marked(other, other_last));
            let mut found = u128::from(high) << 64 | u128::from(low);
            while found != 0 {
                let place = at + usize_of(found.trailing_zeros() / 8);
                let there = bytes.get(place..)?.first_chunk().map(eight)?;
                if there & mask == word {
                    return Some(place);
                }
                found &= found - 1;
            }
        }
        None
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

    #[test]
    fn a_regex_is_made_only_where_literals_do_not_say_all() {
        for (pattern, is_made) in [
            (".*cart.*", false),
            ("GET /.*", false),
            (".*cart", true),
            ("cart", true),
            (".*", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().regex.is_some(), is_made, "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_literal_is_found_where_its_tail_is_first(
            bytes in "[ab]{1,10}", at in 0..2 * NEAR, texts in proptest::collection::vec("[ab]{0,20}", 1..20),
        ) {
            let literal = Literal::new(bytes.as_bytes()).unwrap();
            let (_, tail) = bytes.split_at(bytes.len().saturating_sub(Literal::TAIL));
            proptest::prop_assert_eq!(tail.len(), literal.tail_len());
            for text in &texts {
                proptest::prop_assert_eq!(literal.next(text.as_bytes(), 0), text.find(tail));
                let padded = ["b".repeat(at), text.clone(), "c".repeat(NEAR)].concat();
                proptest::prop_assert_eq!(literal.next(padded.as_bytes(), 0), padded.find(tail));
            }
        }

        #[test]
        fn what_matches_has_the_literals(
            pattern in "(\\(\\?i\\))?(\\.\\*)?[abö.]{0,3}(\\[ab\\]|\\.\\*|(a|ab|bab)\\?|(ab|b)\\+)?[ab]{0,4}(\\.\\*)?",
            texts in proptest::collection::vec("[abABö]{0,8}", 1..20),
        ) {
            let Ok(pattern) = Pattern::new(&pattern) else { return Ok(()) };
            let plain = pattern.compiled.plain();
            for text in &texts {
                proptest::prop_assert_eq!(pattern.matches(text), plain.is_match(text), "{}", text);
            }
            for text in texts.iter().filter(|text| pattern.matches(text)) {
                let bytes = text.as_bytes();
                let begins = pattern.prefixes().iter().any(|prefix| bytes.starts_with(prefix));
                proptest::prop_assert!(begins || pattern.prefixes().is_empty(), "{text}");
                let found = |literal: &Literal| literal.next(bytes, 0).is_some();
                proptest::prop_assert!(pattern.required().is_none_or(found), "{text}");
            }
            for text in texts.iter().filter(|_| pattern.prefixes_suffice()) {
                let begins = |prefix: &Vec<u8>| text.as_bytes().starts_with(prefix);
                let begins = pattern.prefixes().iter().any(begins);
                proptest::prop_assert_eq!(pattern.matches(text), begins, "{}", text);
            }
        }
    }
}
