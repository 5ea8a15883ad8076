//! What every text that matches a pattern has in it, so that most texts need not be matched. Invariant: a
//! text that begins with none of the prefixes, or lacks the required part, does not match.

use regex_syntax::hir::literal::{ExtractKind, Extractor, Literal};
use regex_syntax::hir::{Dot, Hir, HirKind};

/// A required part shorter than this is found too often to be worth looking for.
const REQUIRED_MIN: usize = 3;

/// Literals of a pattern that matches whole texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Literals {
    /// A match begins with one of these, ascending, none of them the beginning of another; none where
    /// nothing is known.
    pub(crate) prefixes: Vec<Vec<u8>>,
    /// Every text that begins with one of these matches.
    pub(crate) prefixes_suffice: bool,
    /// A match has this in it.
    pub(crate) required: Option<Vec<u8>>,
    /// Every text that has that in it matches.
    pub(crate) suffices: bool,
    /// Before that there is anything, so that a text matches if what begins with it does.
    pub(crate) after_anything: bool,
}

impl Literals {
    /// The literals of `hir`, which is not anchored yet.
    pub(super) fn of(hir: &Hir) -> Self {
        let mut required = None;
        longest(hir, &mut required);
        let suffices = required.is_some() && is_literal_in_anything(hir);
        let after_anything = required.as_deref().is_some_and(|part| begins_anyhow(hir, part));
        let (prefixes, prefixes_suffice) = match before_anything(hir) {
            Some(head) => prefixes(&head),
            None => (prefixes(hir).0, false),
        };
        Self { prefixes, prefixes_suffice, required, suffices, after_anything }
    }

    /// True where a text matches if, and only if, it has what they say.
    pub(crate) fn say_all(&self) -> bool {
        self.suffices || self.prefixes_suffice
    }

    /// True for a text that has what they say, where that is all.
    pub(crate) fn match_alone(&self, text: &str) -> bool {
        if self.prefixes_suffice {
            return self.prefixes.iter().any(|prefix| text.as_bytes().starts_with(prefix));
        }
        let required = self.required.as_deref().and_then(|part| std::str::from_utf8(part).ok());
        required.is_some_and(|part| text.contains(part))
    }
}

/// What comes before anything, or nothing, at the end.
fn before_anything(hir: &Hir) -> Option<Hir> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let (last, head) = parts.split_last()?;
    is_anything(last).then(|| Hir::concat(head.to_vec()))
}

/// The literals that matches of `hir` begin with, and whether each of them is a match.
fn prefixes(hir: &Hir) -> (Vec<Vec<u8>>, bool) {
    let found = Extractor::new().kind(ExtractKind::Prefix).extract(hir);
    let literals = found.literals().unwrap_or_default();
    let mut all: Vec<Vec<u8>> =
        literals.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    if all.iter().any(Vec::is_empty) {
        return (Vec::new(), false);
    }
    // Literals know nothing of what is around them.
    let are_matches = !all.is_empty()
        && hir.properties().look_set().is_empty()
        && literals.iter().all(Literal::is_exact);
    all.sort_unstable();
    // What begins with another prefix comes right after it.
    all.dedup_by(|later, earlier| later.starts_with(earlier));
    (all, are_matches)
}

/// True for a literal with anything, or nothing, before and after it.
fn is_literal_in_anything(hir: &Hir) -> bool {
    let HirKind::Concat(parts) = hir.kind() else { return false };
    let [before, literal, after] = parts.as_slice() else { return false };
    matches!(literal.kind(), HirKind::Literal(_)) && is_anything(before) && is_anything(after)
}

/// True for anything, or nothing, before a literal, and whatever after it.
fn begins_anyhow(hir: &Hir, literal: &[u8]) -> bool {
    let HirKind::Concat(parts) = hir.kind() else { return false };
    let [before, first, ..] = parts.as_slice() else { return false };
    matches!(first.kind(), HirKind::Literal(first) if *first.0 == *literal) && is_anything(before)
}

/// True for any number of any characters.
pub(super) fn is_anything(hir: &Hir) -> bool {
    let HirKind::Repetition(repeated) = hir.kind() else { return false };
    repeated.min == 0 && repeated.max.is_none() && *repeated.sub == Hir::dot(Dot::AnyChar)
}

/// The longest literal that is passed on every way through `hir`.
fn longest(hir: &Hir, best: &mut Option<Vec<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let known = best.as_ref().map_or(REQUIRED_MIN - 1, Vec::len);
            if literal.0.len() > known {
                *best = Some(literal.0.to_vec());
            }
        }
        HirKind::Concat(parts) => parts.iter().for_each(|part| longest(part, best)),
        HirKind::Capture(group) => longest(&group.sub, best),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_suffices_only_where_nothing_else_is_asked_for() {
        let suffices = |pattern: &str| {
            let mut parser = regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build();
            Literals::of(&parser.parse(pattern).unwrap()).suffices
        };
        assert!(suffices(".*cart.*") && suffices("(?s:.*)/cart.*?"));
        for other in
            ["cart", ".*cart", "cart.*", ".+cart.*", "(?-s).*cart.*", ".*ca[rt].*", ".*ca.*"]
        {
            assert!(!suffices(other), "{other}");
        }
    }

    #[test]
    fn what_is_before_a_literal_counts_unless_it_may_be_anything() {
        let anything = |pattern: &str| {
            let mut parser = regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build();
            Literals::of(&parser.parse(pattern).unwrap()).after_anything
        };
        assert!(anything(".*cart.*") && anything(".*cart[ab]x?") && anything(".*?cart"));
        for other in
            ["cart.*", ".+cart", ".*?.cart", r".*\bcart", ".*(cart)", ".*ca", ".*car[rt].*longer"]
        {
            assert!(!anything(other), "{other}");
        }
    }

    #[test]
    fn prefixes_suffice_only_before_anything() {
        let suffice = |pattern: &str| {
            let mut parser = regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build();
            Literals::of(&parser.parse(pattern).unwrap()).prefixes_suffice
        };
        for pattern in ["cart.*", "(?:GET|POST) /.*", "(?i)ab.*?", "ca[rt]+?x{2}.*"] {
            assert_eq!(suffice(pattern), pattern != "ca[rt]+?x{2}.*", "{pattern}");
        }
        for other in [
            "cart",
            "cart.+",
            r"cart\b.*",
            "(?-s)cart.*",
            ".*",
            "(?:cart)?.*",
            "^cart.*",
            "car.t.*",
        ] {
            assert!(!suffice(other), "{other}");
        }
    }

    fn literals(pattern: &str) -> (Vec<String>, Option<String>) {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let literals = Literals::of(&regex_syntax::parse(pattern).unwrap());
        (literals.prefixes.into_iter().map(text).collect(), literals.required.map(text))
    }

    fn expect(pattern: &str, prefixes: &[&str], required: Option<&str>) {
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect::<Vec<_>>();
        assert_eq!(literals(pattern), (prefixes, required.map(str::to_owned)), "{pattern}");
    }

    #[test]
    fn prefixes_and_required_parts_are_found() {
        expect("GET /cart.*", &["GET /cart"], Some("GET /cart"));
        expect(".*cart.*", &[], Some("cart"));
        expect("(?:ab|cd|abc)x?", &["ab", "cd"], None);
        expect("a[bc]d.*(long)er", &["abd", "acd"], Some("long"));
        expect("(?i)ab", &["AB", "Ab", "aB", "ab"], None);
        expect("(?:cart)?.*", &[], None);
        expect("", &[], None);
        expect(".*x.*", &[], None);
    }
}
