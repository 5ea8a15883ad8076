//! Which texts of a dictionary match a pattern. Invariant: exactly those for which the pattern says so;
//! literals of the pattern only spare asking it. Within a search of one block each dictionary is asked
//! once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::block::{BlockError, ColumnReader, Numbers, Table, Texts};
use crate::codec::cast::{u32_of, usize_of};
use crate::query::Pattern;
use crate::query::automaton::{Automaton, Verdict};

/// For fewer texts than this, a pattern's table takes longer to make than it spares.
const TABLE_TEXTS_MIN: usize = 1024;

/// What patterns were found to match, by column.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    column: (Table, usize),
    pattern: Pattern,
    numbers: Arc<[u32]>,
}

impl Memo {
    /// The numbers of the texts that match; any of them once `stops` says that they do not matter.
    pub(super) fn matching(
        &self,
        column: &ColumnReader<'_>,
        pattern: &Pattern,
        stops: &dyn Fn() -> bool,
    ) -> Result<Arc<[u32]>, BlockError> {
        if let Some(numbers) = self.known(column, pattern) {
            return Ok(numbers);
        }
        let numbers: Arc<[u32]> = matching(column, pattern, stops)?.into();
        let answer = Answer {
            column: column.place(),
            pattern: pattern.clone(),
            numbers: Arc::clone(&numbers),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        Ok(numbers)
    }

    /// The same where it is known.
    fn known(&self, column: &ColumnReader<'_>, pattern: &Pattern) -> Option<Arc<[u32]>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |answer: &&Answer| answer.column == column.place() && answer.pattern == *pattern;
        answers.iter().find(is_it).map(|answer| Arc::clone(&answer.numbers))
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

fn matching(
    column: &ColumnReader<'_>,
    pattern: &Pattern,
    stops: &dyn Fn() -> bool,
) -> Result<Vec<u32>, BlockError> {
    let mut strings = column.strings()?;
    let ranges: Vec<_> = match pattern.prefixes() {
        [] => std::iter::once(0..column.values()).collect(),
        prefixes => {
            let ranges = prefixes.iter().map(|prefix| strings.with_prefix(prefix));
            ranges.collect::<Result<_, _>>()?
        }
    };
    let texts: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    let is_table_worth = !pattern.has_required() && texts >= TABLE_TEXTS_MIN;
    let automaton = if is_table_worth { pattern.automaton() } else { None };
    let mut found = Vec::new();
    for range in ranges {
        strings.for_each(range, |texts| {
            if stops() {
                return Ok(());
            }
            match automaton {
                Some(automaton) => walk(texts, automaton, &mut found),
                None => ask(texts, pattern, &mut found),
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Finds those that match by the pattern's table. Texts ascend, so that those which begin alike lie
/// together: what the first of them settles is not asked again.
fn walk(texts: &Texts, automaton: &Automaton, found: &mut Vec<u32>) {
    let mut place = 0;
    while place < texts.len() {
        let (matches, next) = match automaton.ask(texts.get(place)) {
            Verdict::Whole(matches) => (matches, place + 1),
            Verdict::Settled { matches, read } => (matches, texts.past(place, read)),
        };
        if matches {
            found.extend((place..next).map(|place| number_of(texts, place)));
        }
        place = next;
    }
}

/// Finds those that match by asking each, or each that has the literal that every match has.
fn ask(texts: &Texts, pattern: &Pattern, found: &mut Vec<u32>) {
    let matches = |place: usize| {
        let text = std::str::from_utf8(texts.get(place)).unwrap_or_default();
        pattern.matches(text)
    };
    if !pattern.has_required() {
        let numbers = (0..texts.len()).filter(|place| matches(*place));
        found.extend(numbers.map(|place| number_of(texts, place)));
        return;
    }
    let (mut from, mut place) = (0, 0);
    while let Some(at) = pattern.next_required(texts.bytes(), from) {
        place = texts.place_of(at, place);
        let end = texts.range(place).end;
        let holds = match pattern.suffices() {
            // What is found may lie in two texts.
            Some(len) if at + len > end => {
                from = at + 1;
                continue;
            }
            Some(_) => true,
            None => matches(place),
        };
        if holds {
            found.push(number_of(texts, place));
        }
        from = end.max(at + 1);
    }
}

fn number_of(texts: &Texts, place: usize) -> u32 {
    texts.first.saturating_add(u32_of(place).unwrap_or(u32::MAX))
}

/// The numbers of all texts but these, ascending ones.
pub(super) fn all_but(column: &ColumnReader<'_>, numbers: &[u32]) -> Numbers {
    let mut others = Vec::with_capacity(usize_of(column.values()).saturating_sub(numbers.len()));
    let mut left = numbers;
    for number in 0..column.values() {
        match left.split_first() {
            Some((first, rest)) if *first == number => left = rest,
            _ => others.push(number),
        }
    }
    Numbers::List(others)
}
