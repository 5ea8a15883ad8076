//! The states in which a regular expression can be at once, as sets of the states of its
//! nondeterministic automaton: the [construction of Rabin and Scott]. Invariant: sets are told apart
//! by what can follow, but for the first one, where the text begins; it has a number of its own.
//!
//! [construction of Rabin and Scott]: https://en.wikipedia.org/wiki/Powerset_construction

use std::collections::HashMap;

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::look::{Look, LookSet};
use regex_automata::util::primitives::StateID;

use crate::codec::cast::{low_u16, u64_of};

/// Most steps from state to state, over all sets: a millisecond or two.
const STEPS_MAX: usize = 1 << 18;

/// The sets that were found, numbered in order.
pub(super) struct Subsets<'a> {
    nfa: &'a NFA,
    sets: Vec<Box<[StateID]>>,
    numbers: HashMap<Box<[StateID]>, u16>,
    sets_max: usize,
    /// By state, when it was last come to: the number of the walk.
    seen: Vec<u32>,
    walks: u32,
    /// Steps that may still be taken.
    steps_left: usize,
    /// What can follow, by kind of byte.
    targets: Vec<Vec<StateID>>,
}

/// What a walk without a byte may pass.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    is_start: bool,
    is_end: bool,
}

impl<'a> Subsets<'a> {
    /// Of an automaton that looks around for the two ends of the text at most, `None` for others; with
    /// at most so many sets. The first set, number 0, is there.
    pub(super) fn of(nfa: &'a NFA, sets_max: usize) -> Option<Self> {
        let ends = LookSet::empty().insert(Look::Start).insert(Look::End);
        if !nfa.look_set_any().subtract(ends).is_empty() {
            return None;
        }
        let kinds = nfa.byte_classes().alphabet_len().checked_sub(1)?;
        let mut subsets = Self {
            nfa,
            sets: Vec::new(),
            numbers: HashMap::new(),
            sets_max,
            seen: vec![0; nfa.states().len()],
            walks: 0,
            steps_left: STEPS_MAX,
            targets: vec![Vec::new(); kinds],
        };
        let first =
            subsets.reached(&[nfa.start_anchored()], Place { is_start: true, is_end: false });
        subsets.sets.push(first?);
        Some(subsets)
    }

    /// How many sets are known.
    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// True where a text that ends in a set matches; `None` where that took too many steps.
    pub(super) fn accepts(&mut self, set: usize) -> Option<bool> {
        let from = self.sets.get(set)?.clone();
        let reached = self.reached(&from, Place { is_start: set == 0, is_end: true })?;
        Some(reached.iter().any(|id| matches!(self.nfa.state(*id), State::Match { .. })))
    }

    /// Calls `visit` with the kinds of bytes that can follow a set, ascending, and the number of the
    /// set after each. `None` where that took too many steps, or made too many sets.
    pub(super) fn for_each_after(
        &mut self,
        set: usize,
        mut visit: impl FnMut(usize, u16),
    ) -> Option<()> {
        let from = self.sets.get(set)?.clone();
        let mut targets = std::mem::take(&mut self.targets);
        targets.iter_mut().for_each(Vec::clear);
        for id in &from {
            self.put_targets(*id, &mut targets)?;
        }
        let mut last: Option<(&[StateID], u16)> = None;
        for (kind, targets) in targets.iter().enumerate() {
            // Kinds that are beside each other often lead to the same.
            let number = match last {
                Some((known, number)) if known == targets => number,
                _ if targets.is_empty() => continue,
                _ => self.number(targets)?,
            };
            last = Some((targets, number));
            visit(kind, number);
        }
        self.targets = targets;
        Some(())
    }

    /// Adds the states to which one leads, by kind of byte.
    fn put_targets(&mut self, id: StateID, targets: &mut [Vec<StateID>]) -> Option<()> {
        let (classes, left) = (self.nfa.byte_classes(), &mut self.steps_left);
        let mut put = |start: u8, end: u8, next: StateID| {
            let kinds = usize::from(classes.get(start))..=usize::from(classes.get(end));
            let targets = targets.get_mut(kinds)?;
            *left = left.checked_sub(targets.len())?;
            for targets in targets.iter_mut() {
                targets.push(next);
            }
            Some(())
        };
        match self.nfa.state(id) {
            State::ByteRange { trans } => put(trans.start, trans.end, trans.next)?,
            State::Sparse(sparse) => {
                for trans in &sparse.transitions {
                    put(trans.start, trans.end, trans.next)?;
                }
            }
            // It is not made of expressions.
            State::Dense(_) => return None,
            // Where the end of the text is waited for, or nothing, no byte follows.
            _ => {}
        }
        Some(())
    }

    /// The number of the set that some states lead to, without a byte.
    fn number(&mut self, from: &[StateID]) -> Option<u16> {
        let set = self.reached(from, Place::default())?;
        if let Some(number) = self.numbers.get(&set) {
            return Some(*number);
        }
        if self.sets.len() >= self.sets_max {
            return None;
        }
        let number = low_u16(u64_of(self.sets.len()));
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        Some(number)
    }

    /// The states that some lead to without a byte, ascending: those that take one, that wait for the
    /// end of the text, or match.
    fn reached(&mut self, from: &[StateID], place: Place) -> Option<Box<[StateID]>> {
        self.walks += 1;
        let (mut open, mut reached) = (from.to_vec(), Vec::new());
        while let Some(id) = open.pop() {
            self.steps_left = self.steps_left.checked_sub(1)?;
            let seen = self.seen.get_mut(id.as_usize())?;
            if *seen == self.walks {
                continue;
            }
            *seen = self.walks;
            match self.nfa.state(id) {
                State::Look { look: Look::Start, next } if place.is_start => open.push(*next),
                State::Look { look: Look::End, next } if place.is_end => open.push(*next),
                State::Look { look: Look::End, .. }
                | State::ByteRange { .. }
                | State::Sparse(_)
                | State::Dense(_)
                | State::Match { .. } => reached.push(id),
                State::Look { .. } | State::Fail => {}
                State::Union { alternates } => open.extend_from_slice(alternates),
                State::BinaryUnion { alt1, alt2 } => open.extend([*alt1, *alt2]),
                State::Capture { next, .. } => open.push(*next),
            }
        }
        reached.sort_unstable();
        Some(reached.into())
    }
}
