//! Which texts of a dictionary match a pattern. Invariant: exactly those for which the pattern says so;
//! literals of the pattern only spare asking it. Within a search of one block each dictionary is asked
//! once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::block::{BlockError, ColumnReader, Numbers, Table};
use crate::codec::cast::{u32_of, usize_of};
use crate::query::Pattern;

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
    let ranges = match pattern.prefixes() {
        [] => std::iter::once(0..column.values()).collect(),
        prefixes => {
            let ranges = prefixes.iter().map(|prefix| strings.with_prefix(prefix));
            ranges.collect::<Result<Vec<_>, _>>()?
        }
    };
    let mut found = Vec::new();
    for range in ranges {
        strings.for_each(range, |texts| {
            if stops() {
                return Ok(());
            }
            let mut ask = |place: usize| {
                let text = std::str::from_utf8(texts.get(place)).unwrap_or_default();
                if pattern.matches(text) {
                    found.push(texts.first.saturating_add(u32_of(place).unwrap_or(u32::MAX)));
                }
            };
            if !pattern.has_required() {
                (0..texts.len()).for_each(ask);
                return Ok(());
            }
            let mut from = 0;
            while let Some(at) = pattern.next_required(texts.bytes(), from) {
                let place = texts.place_of(at);
                ask(place);
                from = texts.range(place).end.max(at + 1);
            }
            Ok(())
        })?;
    }
    Ok(found)
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
