//! The words of a store: names of attributes and values of fields, as they are stored now. Invariant:
//! what cannot be read is no word; completing never fails, and never computes a value for each span.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use treering::query::syntax::{FieldKind, Intrinsic};
use treering::query::{self, FieldValue};
use treering::{Store, TagNames, TagOptions, TagScope, Timestamp};

use super::complete::Vocabulary;

/// Most names of a scope, and values of a field.
const WORDS_MAX: usize = 1000;

/// How long words are kept before the store is asked again: one who presses the key twice waits once,
/// and what a service stores meanwhile shows soon.
const KEPT: Duration = Duration::from_secs(10);

/// How long completing may take; words that were found until then are better than none.
const PATIENCE: Duration = Duration::from_millis(500);

/// The words of a store.
#[derive(Debug)]
pub(super) struct StoreWords<'s> {
    store: &'s Store,
    since: Cell<Option<Timestamp>>,
    names: RefCell<Option<(Instant, TagNames)>>,
    values: RefCell<HashMap<String, (Instant, Vec<FieldValue>)>>,
}

impl<'s> StoreWords<'s> {
    /// The words of `store`.
    pub(super) fn new(store: &'s Store) -> Self {
        let (since, names, values) = (Cell::default(), RefCell::default(), RefCell::default());
        Self { store, since, names, values }
    }

    /// From now on, only words of traces that end at or after `since`.
    pub(super) fn look_since(&self, since: Option<Timestamp>) {
        self.since.set(since);
        self.names.take();
        self.values.take();
    }

    fn options(&self) -> TagOptions {
        let mut options = TagOptions::default();
        (options.start, options.limit) = (self.since.get(), Some(WORDS_MAX));
        options.deadline = Instant::now().checked_add(PATIENCE);
        options
    }
}

impl Vocabulary for StoreWords<'_> {
    fn names(&self, scope: TagScope) -> Vec<String> {
        let mut kept = self.names.borrow_mut();
        if kept.as_ref().is_none_or(|(read, _)| read.elapsed() > KEPT) {
            let names = self.store.tag_names(None, None, &self.options()).unwrap_or_default();
            *kept = Some((Instant::now(), names));
        }
        let scopes = kept.iter().flat_map(|(_, names)| &names.scopes);
        let tags = scopes.filter(|found| found.scope == scope).flat_map(|found| &found.tags);
        tags.map(|tag| tag.name.clone()).collect()
    }

    fn values(&self, field: &str) -> Vec<FieldValue> {
        if !is_cheap(field) {
            return Vec::new();
        }
        let mut kept = self.values.borrow_mut();
        if let Some((read, values)) = kept.get(field)
            && read.elapsed() <= KEPT
        {
            return values.clone();
        }
        let found = self.store.tag_values(field, None, &self.options()).unwrap_or_default();
        let values: Vec<FieldValue> = found.values.into_iter().map(|value| value.value).collect();
        kept.insert(field.to_owned(), (Instant::now(), values.clone()));
        values
    }
}

/// True for a field whose values lie in columns. Others would be computed for every span, and there
/// would be too many of them to choose from.
fn is_cheap(field: &str) -> bool {
    let Ok(field) = query::field(field) else { return false };
    match field.kind {
        _ if field.parent => false,
        FieldKind::Attribute(..) => true,
        FieldKind::Intrinsic(intrinsic) => matches!(
            intrinsic,
            Intrinsic::Name
                | Intrinsic::StatusMessage
                | Intrinsic::RootName
                | Intrinsic::RootService
                | Intrinsic::EventName
                | Intrinsic::InstrumentationName
                | Intrinsic::InstrumentationVersion
        ),
        _ => false,
    }
}
