//! A pattern as a table of states, for going over very many texts. Invariant: it says of a text of whole
//! characters what the regular expression says; a state is settled where no byte after it changes that.

use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_syntax::hir::Hir;

use super::subsets::Subsets;

/// Most states; patterns with more are matched without a table.
const STATES_MAX: usize = 512;
/// The state in which no text matches any more.
const NEVER: u16 = 0;
/// The state in which every text matches.
const ALWAYS: u16 = 1;
/// The first state of the others.
const OPEN: u16 = 2;

/// The table.
#[derive(Debug)]
pub(crate) struct Automaton {
    /// What bytes are alike to the pattern.
    classes: [u8; 256],
    /// How many kinds of bytes there are.
    stride: usize,
    /// The state after each, kind by kind.
    next: Vec<u16>,
    /// Whether a text that ends in it matches, by state.
    accepts: Vec<bool>,
    start: u16,
}

/// What is said of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Whether it matches, as do all texts that have their first `read` bytes in common with it.
    Settled {
        /// Whether they match.
        matches: bool,
        /// So many bytes say so.
        read: usize,
    },
    /// Whether it matches, itself.
    Whole(bool),
}

impl Automaton {
    /// The table for `hir`, which is anchored at both ends; `None` where it would be large, or where what
    /// matches depends on more than the bytes of the text and its ends.
    pub(crate) fn new(hir: &Hir) -> Option<Self> {
        let config = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir).ok()?;
        let classes = nfa.byte_classes();
        let mut automaton = Self {
            classes: std::array::from_fn(|byte| classes.get(u8::try_from(byte).unwrap_or(0))),
            stride: classes.alphabet_len(),
            next: vec![NEVER; classes.alphabet_len()],
            accepts: vec![false, true],
            start: OPEN,
        };
        automaton.next.resize(automaton.stride * 2, ALWAYS);
        let mut sets = Subsets::of(&nfa, STATES_MAX)?;
        // They are gone over in the order in which they are come to, until there is none that leads to more.
        let mut set = 0;
        while set < sets.len() {
            let row = automaton.next.len();
            automaton.next.resize(row + automaton.stride, NEVER);
            let slots = automaton.next.get_mut(row..)?;
            sets.for_each_after(set, |kind, after| {
                if let Some(slot) = slots.get_mut(kind) {
                    *slot = OPEN + after;
                }
            })?;
            automaton.accepts.push(sets.accepts(set)?);
            set += 1;
        }
        automaton.settle(NEVER);
        automaton.settle(ALWAYS);
        Some(automaton)
    }

    /// Puts `verdict` in place of the states from which nothing else can come: all that would say so of
    /// a text that ends, less those from which a state can come that is not among them.
    fn settle(&mut self, verdict: u16) {
        let accepting = verdict == ALWAYS;
        let mut settled: Vec<bool> =
            self.accepts.iter().map(|accepts| *accepts == accepting).collect();
        let kinds = self.kinds();
        loop {
            let mut changed = false;
            // From the last one found, so that what follows from the states after one is mostly known.
            for state in (0..settled.len()).rev() {
                let row = state * self.stride..state * self.stride + kinds;
                let row = self.next.get(row).unwrap_or_default();
                let stays = row.iter().all(|next| settled.get(usize::from(*next)) == Some(&true));
                if let Some(is_settled) = settled.get_mut(state)
                    && *is_settled
                    && !stays
                {
                    (*is_settled, changed) = (false, true);
                }
            }
            if !changed {
                break;
            }
        }
        let is_settled = |state: u16| settled.get(usize::from(state)) == Some(&true);
        for next in self.next.iter_mut().filter(|next| is_settled(**next)) {
            *next = verdict;
        }
        if is_settled(self.start) {
            self.start = verdict;
        }
    }

    /// Kinds of bytes; one kind more is the end.
    fn kinds(&self) -> usize {
        self.stride.saturating_sub(1)
    }

    /// What is to be said of a text of whole characters. It begins as the text before did, as far as that
    /// is known; `rest` is what follows, and `states` has the state after each byte of that text, one for
    /// each byte that was read and the first before them. It is left with those of this text.
    #[inline]
    pub(crate) fn ask(&self, states: &mut Vec<u16>, known: usize, rest: &[u8]) -> Verdict {
        states.truncate(known.saturating_add(1));
        if states.is_empty() {
            states.push(self.start);
        }
        let mut state = states.last().copied().unwrap_or(NEVER);
        for byte in rest {
            if state < OPEN {
                break;
            }
            let class = self.classes.get(usize::from(*byte)).copied().unwrap_or(0);
            let place = usize::from(state) * self.stride + usize::from(class);
            state = self.next.get(place).copied().unwrap_or(NEVER);
            states.push(state);
        }
        if state < OPEN {
            let read = states.len().saturating_sub(1);
            return Verdict::Settled { matches: state == ALWAYS, read };
        }
        Verdict::Whole(self.accepts.get(usize::from(state)) == Some(&true))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::check::pattern::compile;

    fn automaton(pattern: &str) -> Option<Automaton> {
        let compiled = compile(pattern).unwrap();
        Automaton::new(&compiled.of_bytes())
    }

    #[test]
    fn what_is_settled_is_known_as_soon_as_it_is() {
        let settled = |matches, read| Verdict::Settled { matches, read };
        let asked = |pattern: &str, text: &str| {
            automaton(pattern).unwrap().ask(&mut Vec::new(), 0, text.as_bytes())
        };
        assert_eq!(asked("[0-4]+[a-f]{3}.*", "5abc"), settled(false, 1));
        assert_eq!(asked("[0-4]+[a-f]{3}.*", "12abcdef"), settled(true, 5));
        assert_eq!(asked("[0-4]+[a-f]{3}.*", "12ab"), Verdict::Whole(false));
        assert_eq!(asked(".*b.*", "aaba"), settled(true, 3));
        assert_eq!(asked(".*", "x"), settled(true, 0));
        assert_eq!(asked("a|b", "a"), Verdict::Whole(true));
        assert_eq!(asked("a|b", "ab"), settled(false, 2));
        assert_eq!(asked("a(b|.*c)?.*", "a"), settled(true, 1));
        assert!(automaton("(a|b)*a(a|b){12}").is_none(), "too many states");
        assert!(automaton("(a?){5000}").is_none(), "few states, but too many steps to find them");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_table_says_what_the_regular_expression_says(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "b", "\u{e9}", "[ab]", "[^a]", ".", ".*", ".+", ".*?", "(a|.*b)", "(.*a){2}",
                    "(\u{e9}|\u{20ac}.*)?", "(?i:A)", "\\b", "\\B", "^", "$", "(?-s:.)*", "a{2,3}", "(.*|b)*", "[^\\x00-\\x7f]",
                    "[^\u{e9}]", "[\u{81}-\u{10ffff}]", "[\u{80}-\u{10fffe}]", "\\W", "\\D",
                ]), 0..6,
            ),
            texts in prop::collection::vec("[ab\u{80}\u{e9}\u{7ff}\u{800}\u{20ac}\u{ffff}\u{1f600}\u{10ffff}\n-]{0,7}", 1..30),
        ) {
            let compiled = compile(&parts.concat()).unwrap();
            let regex = compiled.plain();
            let of_bytes = compiled.regex().unwrap();
            for text in &texts {
                prop_assert_eq!(of_bytes.is_match(text), regex.is_match(text), "{}", text);
            }
            let table = Automaton::new(&compiled.of_bytes());
            let looks_around = parts.iter().any(|part| ["\\b", "\\B"].contains(part));
            prop_assert_eq!(table.is_none(), looks_around, "a table of few states");
            let Some(table) = table else { return Ok(()) };
            let (mut states, mut before) = (Vec::new(), "");
            for text in &texts {
                let shared = before.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
                before = text;
                let known = shared.min(states.len().saturating_sub(1));
                let matches = match table.ask(&mut states, known, &text.as_bytes()[known..]) {
                    Verdict::Whole(matches) => matches,
                    Verdict::Settled { matches, read } => {
                        for other in &texts {
                            if other.as_bytes().starts_with(&text.as_bytes()[..read]) {
                                prop_assert_eq!(regex.is_match(other), matches, "{} of {}", other, text);
                            }
                        }
                        matches
                    }
                };
                prop_assert_eq!(regex.is_match(text), matches, "{}", text);
            }
        }
    }
}
