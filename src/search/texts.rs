//! Which texts of a dictionary match a pattern. Invariant: exactly those for which the pattern says so;
//! literals of the pattern only spare asking it. Within a search of one block each dictionary is asked
//! once.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::seek::seek;
use crate::block::{BlockError, ColumnReader, Fronts, Numbers, Runs, Table, Whole};
use crate::query::automaton::{Automaton, Verdict};
use crate::query::{Literal, Pattern};

/// For fewer texts than this, a pattern's table takes longer to make than it spares.
const TABLE_TEXTS_MIN: usize = 1024;

/// Texts asked between two looks whether to stop: each may take a microsecond.
const LOOK_TEXTS: usize = 512;

/// What patterns were found to match, by column.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    column: (Table, usize),
    pattern: Pattern,
    runs: Arc<Runs>,
}

impl Memo {
    /// The numbers of the texts that match; any of them once `stops` says that they do not matter.
    pub(super) fn matching(
        &self,
        column: &ColumnReader<'_>,
        pattern: &Pattern,
        stops: &dyn Fn() -> bool,
    ) -> Result<Arc<Runs>, BlockError> {
        if let Some(runs) = self.known(column, pattern) {
            return Ok(runs);
        }
        let runs = Arc::new(matching(column, pattern, stops)?);
        let (column, pattern) = (column.place(), pattern.clone());
        let answer = Answer { column, pattern, runs: Arc::clone(&runs) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        Ok(runs)
    }

    /// The same where it is known.
    fn known(&self, column: &ColumnReader<'_>, pattern: &Pattern) -> Option<Arc<Runs>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |answer: &&Answer| answer.column == column.place() && answer.pattern == *pattern;
        answers.iter().find(is_it).map(|answer| Arc::clone(&answer.runs))
    }

    /// True where looking at the values of so many rows is less work than asking the dictionary.
    pub(super) fn rows_first(
        &self,
        column: &ColumnReader<'_>,
        pattern: &Pattern,
        rows: u64,
    ) -> bool {
        // Single values cost several times what they cost in a row.
        let many = rows.saturating_mul(8) >= u64::from(column.values());
        !many && pattern.prefixes().is_empty() && self.known(column, pattern).is_none()
    }
}

/// The numbers of the texts that may match for how they begin.
pub(super) fn asked(
    column: &ColumnReader<'_>,
    pattern: &Pattern,
) -> Result<Vec<Range<u32>>, BlockError> {
    if pattern.prefixes().is_empty() {
        return Ok(std::iter::once(0..column.values()).collect());
    }
    let mut strings = column.strings()?;
    pattern.prefixes().iter().map(|prefix| strings.with_prefix(prefix)).collect()
}

fn matching(
    column: &ColumnReader<'_>,
    pattern: &Pattern,
    stops: &dyn Fn() -> bool,
) -> Result<Runs, BlockError> {
    let ranges = asked(column, pattern)?;
    let mut found = Runs::default();
    if pattern.prefixes_suffice() {
        for range in ranges {
            found.push(range);
        }
        return Ok(found);
    }
    let texts: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    // A literal that all texts of the ranges begin with tells none of them from the others.
    let is_common = |literal: &Literal| match pattern.prefixes() {
        [] => false,
        prefixes => prefixes.iter().all(|prefix| literal.is_in(prefix)),
    };
    let literal = pattern.required().filter(|literal| !is_common(literal));
    let is_table_worth = literal.is_none() && texts >= TABLE_TEXTS_MIN;
    let automaton = if is_table_worth { pattern.automaton() } else { None };
    let mut strings = column.strings()?;
    for range in ranges {
        strings.for_each_front(range, |texts, places| {
            if stops() {
                return Ok(());
            }
            match (literal, automaton) {
                (Some(literal), _) => look_for(texts, places, (pattern, literal), &mut found),
                (None, Some(automaton)) => walk(texts, places, automaton, &mut found),
                (None, None) => ask(texts, places, pattern, stops, &mut found),
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Finds those that match by the pattern's table. Texts ascend, so that those which begin alike lie
/// together: what the first of them settles is not asked again, and what was read of one is not read again.
fn walk(texts: &Fronts, places: Range<usize>, automaton: &Automaton, found: &mut Runs) {
    let (mut whole, mut states) = (Whole::default(), Vec::new());
    let mut place = places.start;
    while place < places.end {
        let verdict = if place == places.start {
            automaton.ask(&mut states, 0, texts.whole(place, &mut whole))
        } else {
            automaton.ask(&mut states, texts.shared_of(place), texts.rest(place))
        };
        let (matches, next) = match verdict {
            Verdict::Whole(matches) => (matches, place + 1),
            Verdict::Settled { matches, read } => (matches, texts.past(place, read, places.end)),
        };
        if matches {
            found.push(texts.numbers(place..next));
        }
        place = next;
    }
}

/// Finds those that match by asking each that has the literal which every match has.
fn look_for(
    texts: &Fronts,
    places: Range<usize>,
    (pattern, literal): (&Pattern, &Literal),
    found: &mut Runs,
) {
    let mut whole = Whole::default();
    seek(texts, places, literal, &mut whole, |run, end, whole| {
        if pattern.suffices() {
            return found.push(texts.numbers(run));
        }
        let from = end.saturating_sub(literal.bytes().len());
        let from = if pattern.matches_from_literal() { from } else { 0 };
        for place in run.filter(|place| matches(pattern, texts.from(*place, from, whole))) {
            found.push(texts.numbers(place..place + 1));
        }
    });
}

/// Finds those that match by asking each.
fn ask(
    texts: &Fronts,
    places: Range<usize>,
    pattern: &Pattern,
    stops: &dyn Fn() -> bool,
    found: &mut Runs,
) {
    let mut whole = Whole::default();
    for place in places {
        if place.is_multiple_of(LOOK_TEXTS) && stops() {
            return;
        }
        if matches(pattern, texts.whole(place, &mut whole)) {
            found.push(texts.numbers(place..place + 1));
        }
    }
}

fn matches(pattern: &Pattern, text: &[u8]) -> bool {
    pattern.matches(std::str::from_utf8(text).unwrap_or_default())
}

/// The numbers of all texts but these.
pub(super) fn all_but(column: &ColumnReader<'_>, runs: &Runs) -> Numbers {
    let (mut others, mut next) = (Runs::default(), 0);
    for run in runs.iter() {
        others.push(next..run.start);
        next = run.end;
    }
    others.push(next..column.values());
    Numbers::Runs(Arc::new(others))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The numbers of the texts at these places that match, by each way that there is.
    fn found(texts: &Fronts, places: &Range<usize>, pattern: &Pattern) -> Vec<Vec<u32>> {
        let mut all = Vec::new();
        let mut take = |find: &dyn Fn(&mut Runs)| {
            let mut runs = Runs::default();
            find(&mut runs);
            all.push(Numbers::Runs(Arc::new(runs)).to_vec());
        };
        take(&|runs| ask(texts, places.clone(), pattern, &|| false, runs));
        if let Some(automaton) = pattern.automaton() {
            take(&|runs| walk(texts, places.clone(), automaton, runs));
        }
        if let Some(literal) = pattern.required() {
            take(&|runs| look_for(texts, places.clone(), (pattern, literal), runs));
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn each_way_finds_the_texts_that_match(
            groups in prop::collection::vec(
                prop::collection::btree_set("(/cart|/car|t/|art/users/|users/cart){0,5}[a-c]{0,4}", 1..30), 1..4,
            ),
            pattern in prop::sample::select(vec![
                ".*/cart.*", ".*art.*", ".*/users/cart.*", ".*rt/users/users/.*", ".*/cart/cart/cart.*",
                ".*/cart", "/cart.*", ".*/cart[ab].*", ".*t/users/.*c", "[^a]*users/cart.*", "(.*a)?", ".+",
                "[/a-u]*b", "/c.*", ".*",
            ]),
            from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
        ) {
            let groups: Vec<Vec<&[u8]>> =
                groups.iter().map(|group| group.iter().map(String::as_bytes).collect()).collect();
            let (fronts, texts) = (Fronts::of(100, &groups), groups.concat());
            let pattern = Pattern::new(pattern).unwrap();
            let from = from.index(texts.len() + 1);
            let places = from..from + to.index(texts.len() + 1 - from);
            let expected: Vec<u32> = (100..)
                .zip(&texts)
                .enumerate()
                .filter(|(place, (_, text))| places.contains(place) && matches(&pattern, text))
                .map(|(_, (number, _))| number)
                .collect();
            for found in found(&fronts, &places, &pattern) {
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
