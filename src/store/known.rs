//! The texts of queries that were read of late, with what was made of them: who asks the same again
//! and again, as dashboards do, has it read and planned once. Invariant: what is given back for a text
//! is what reading it gives.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::shared::Shared;
use crate::error::Error;
use crate::query::QueryError;
use crate::search::{Order, PreparedQuery, SearchOptions, ToQuery};

/// So many texts are kept in mind, those asked last,
const TEXTS_MAX: usize = 16;
/// of no more bytes each: what is read of a longer one may take much memory.
const TEXT_BYTES_MAX: usize = 1 << 12;

/// Queries by the texts they were given as, the one asked last first.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<VecDeque<(Box<str>, PreparedQuery)>>);

impl Known {
    /// The query, read and planned where its text is not known.
    pub(super) fn query(
        &self,
        query: &(impl ToQuery + ?Sized),
    ) -> Result<PreparedQuery, QueryError> {
        let Some(text) = query.text().filter(|text| text.len() <= TEXT_BYTES_MAX) else {
            return query.to_query();
        };
        if let Some(known) = self.get(text) {
            return Ok(known);
        }
        let query = query.to_query()?;
        let mut known = self.known();
        known.truncate(TEXTS_MAX - 1);
        known.push_front((text.into(), query.clone()));
        Ok(query)
    }

    fn get(&self, text: &str) -> Option<PreparedQuery> {
        let mut known = self.known();
        let at = known.iter().position(|(known, _)| **known == *text)?;
        let (text, query) = known.remove(at)?;
        let found = query.clone();
        known.push_front((text, query));
        Some(found)
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(Box<str>, PreparedQuery)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Reads and plans a query, and checks that the options go together.
    pub(super) fn prepare(
        &self,
        query: &(impl ToQuery + ?Sized),
        options: &SearchOptions,
    ) -> Result<PreparedQuery, Error> {
        let by_start = matches!(options.order, Order::NewestFirst | Order::OldestFirst);
        if options.after.is_some() && !by_start {
            let message = "`after` goes with an order by start, newest or oldest first";
            return Err(Error::Options(message.to_owned()));
        }
        Ok(self.known.query(query)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn is_same(one: &PreparedQuery, other: &PreparedQuery) -> bool {
        Arc::ptr_eq(one.prepared(), other.prepared())
    }

    #[test]
    fn texts_asked_of_late_are_read_once() {
        let known = Known::default();
        let texts: Vec<String> = (0..=TEXTS_MAX).map(|at| format!("{{ .at = {at} }}")).collect();
        let read: Vec<PreparedQuery> =
            texts.iter().map(|text| known.query(text).unwrap()).collect();
        // The first had to go; as it comes back, the next one goes, but not one that was asked since.
        assert!(is_same(&known.query(&texts[1]).unwrap(), &read[1]));
        let again = known.query(&texts[0]).unwrap();
        assert!(again == read[0] && !is_same(&again, &read[0]));
        assert!(!is_same(&known.query(&texts[2]).unwrap(), &read[2]));
        assert!(is_same(&known.query(texts[1].as_str()).unwrap(), &read[1]));
        assert_eq!(known.known().len(), TEXTS_MAX);
    }

    #[test]
    fn what_is_wrong_or_long_or_prepared_is_not_kept() {
        let known = Known::default();
        let wrong = known.query("{ .a = }").unwrap_err();
        assert_eq!(known.query("{ .a = }").unwrap_err().to_string(), wrong.to_string());
        let long = format!("{{ .a = `{}` }}", "a".repeat(TEXT_BYTES_MAX));
        assert!(!is_same(&known.query(&long).unwrap(), &known.query(&long).unwrap()));
        let prepared = PreparedQuery::new("{ .a = 1 }").unwrap();
        assert!(is_same(&known.query(&&prepared).unwrap(), &prepared));
        assert!(known.known().is_empty());
    }
}
