//! What a stored field is asked. Invariant: `holds` is the whole meaning of a test; an index that
//! answers one gives exactly the rows whose value it holds for.

use super::{Scalar, compare};
use crate::query::Pattern;
use crate::query::syntax::CompareOp;

/// What a stored field is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// The field is there, whatever its type: `!= nil`.
    Present,
    /// The comparison with a constant holds; the operator is none of the regex ones, the constant
    /// is neither nil nor opaque nor an array.
    Compare(CompareOp, Scalar),
    /// The text, or an element of the array, matches.
    Matches(Pattern),
    /// The value is text, or an array of text, and does not match, not even an element.
    NotMatches(Pattern),
}

impl Test {
    /// True where the test holds for `value`.
    pub(crate) fn holds(&self, value: &Scalar) -> bool {
        match self {
            Self::Present => value.is_present(),
            Self::Compare(op, constant) => compare(*op, value, constant),
            Self::Matches(pattern) => matches(pattern, value) == Some(true),
            Self::NotMatches(pattern) => matches(pattern, value) == Some(false),
        }
    }
}

/// Whether the text or any element of the array matches; `None` where the value is no text.
fn matches(pattern: &Pattern, value: &Scalar) -> Option<bool> {
    match value {
        Scalar::String(text) => Some(pattern.matches(text)),
        Scalar::Id(id) => Some(pattern.matches(&id.to_string())),
        Scalar::Array(elements) => {
            let mut results = elements.iter().map(|element| matches(pattern, element));
            results.try_fold(false, |any, result| Some(any | result?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_want_text() {
        let pattern = || Pattern::new("a.*").unwrap();
        let (matches, not) = (Test::Matches(pattern()), Test::NotMatches(pattern()));
        let array = Scalar::Array([Scalar::text("b"), Scalar::text("ab")].into());
        assert!(matches.holds(&array) && !not.holds(&array));
        let other = Scalar::Array([Scalar::text("b"), Scalar::text("c")].into());
        assert!(!matches.holds(&other) && not.holds(&other));
        assert!(!matches.holds(&Scalar::Int(1)) && !not.holds(&Scalar::Int(1)));
        assert!(!matches.holds(&Scalar::Nil) && !not.holds(&Scalar::Nil));
    }
}
