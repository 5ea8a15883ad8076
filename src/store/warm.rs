//! New blocks made ready for the questions of late: whoever asks first would read all that the query
//! needs of a block and decode it, and that takes several times as long as the search itself. Invariant:
//! only what the cache holds changes, and what cannot be read is left to whoever asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::state::{Base, Stored};
use crate::block::{Block, BlockError};
use crate::search::{self, BlockView, PreparedQuery, SearchOptions};
use crate::storage::BlockRecord;

/// So many queries are kept in mind, those asked last,
const QUERIES_MAX: usize = 4;
/// for so long.
const RECENT: Duration = Duration::from_secs(5);
/// No further query is put to a new block once it took so long.
const LONG: Duration = Duration::from_millis(100);
/// The latest traces of a block are the likeliest to go on; of so many of them
const TRACES: u32 = 4;
/// those of no more rows are read.
const TRACE_ROWS_MAX: u32 = 1 << 7;

/// What was asked lately.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<VecDeque<Question>>);

#[derive(Debug, Clone)]
struct Question {
    query: PreparedQuery,
    /// `None` where matches are only counted.
    options: Option<SearchOptions>,
    asked: Instant,
}

impl Question {
    fn is_like(&self, other: &Self) -> bool {
        self.query == other.query && self.options.is_some() == other.options.is_some()
    }
}

impl Asked {
    /// Keeps a search in mind.
    pub(super) fn searched(&self, query: &PreparedQuery, options: &SearchOptions) {
        // Where it ends is the caller's, and a block is looked at by one thread.
        let options = SearchOptions {
            after: None,
            deadline: None,
            cancel: None,
            threads: Some(1),
            ..options.clone()
        };
        self.note(query, Some(options));
    }

    /// Keeps in mind that matches were counted.
    pub(super) fn counted(&self, query: &PreparedQuery) {
        self.note(query, None);
    }

    fn note(&self, query: &PreparedQuery, options: Option<SearchOptions>) {
        let question = Question { query: query.clone(), options, asked: Instant::now() };
        let mut questions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        questions.retain(|other| !other.is_like(&question));
        questions.truncate(QUERIES_MAX - 1);
        questions.push_front(question);
    }

    /// The questions of late, the latest first.
    fn recent(&self) -> Vec<Question> {
        let questions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |one: &&Question| one.asked.elapsed() < RECENT;
        questions.iter().take_while(is_recent).cloned().collect()
    }
}

impl Shared {
    /// Puts the questions of late to a new block, and reads traces of it as they are read when more of
    /// them comes: what is large takes several milliseconds to be read for the first time.
    pub(super) fn warm(&self, view: &Arc<BlockView>) {
        if self.foreground.was_lately() {
            // Whatever is wrong with the block, who asks is told.
            let _warm = read_latest(&view.block);
        }
        self.ask(view);
    }

    /// Puts the questions of late to a new block.
    fn ask(&self, view: &Arc<BlockView>) {
        let begun = Instant::now();
        for question in self.asked.recent() {
            if begun.elapsed() >= LONG {
                return;
            }
            let (pool, views) = (&self.pool, std::slice::from_ref(view));
            // Whatever is wrong with the block, who asks is told.
            let _warm = search::warm(pool, views, &question.query, question.options.as_ref());
        }
    }

    /// Puts the questions of late to what was folded.
    pub(super) fn warm_new(&self, before: &Base, folded: &Base) {
        for (_, block) in folded.head.iter().filter(|(id, _)| !before.head.contains_key(*id)) {
            self.ask(&block.view);
        }
    }

    /// The same to blocks that were written to the file and are not yet shown.
    pub(super) fn warm_stored(&self, added: &[BlockRecord]) {
        for record in added {
            let Stored { view, .. } = self.stored(record.clone(), <_>::default(), <_>::default());
            self.warm(&view);
        }
    }
}

/// Reads the latest traces of a block.
fn read_latest(block: &Block) -> Result<(), BlockError> {
    let traces = block.header()?.traces;
    let mut entries = Vec::new();
    for number in traces.saturating_sub(TRACES)..traces {
        let entry = block.trace_entry(number)?;
        if entry.rows <= TRACE_ROWS_MAX {
            entries.push(entry);
        }
    }
    entries.sort_unstable_by_key(|entry| entry.first_row);
    block.traces_spans(&entries).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Section, Slot};
    use crate::id::{SpanId, TraceId};
    use crate::model::Span;
    use crate::options::{Maintenance, Options};
    use crate::store::{Batch, Store};

    #[test]
    fn a_block_that_was_asked_ahead_is_read_when_it_is_seen() {
        let place = tempfile::tempdir().unwrap();
        let options = Options { maintenance: Maintenance::ByHand, ..Options::default() };
        let store = Store::open(place.path().join("store.redb"), options).unwrap();
        for is_asked in [false, true] {
            let span = Span {
                trace_id: TraceId::from_bytes([1 + u8::from(is_asked); 16]),
                span_id: SpanId::from_bytes([1; 8]),
                ..Span::default()
            };
            let mut batch = Batch::new();
            batch.push(&span).unwrap();
            store.ingest(batch).unwrap();
            if is_asked {
                store.search("{ }", &SearchOptions::default()).unwrap();
            }
            store.maintain().unwrap();
            let newest = *store.shared.state().base.stored.last_key_value().unwrap().0;
            for section in [Section::TraceFirstRows, Section::Parents] {
                let slot = Slot::Section(section.code());
                assert_eq!(store.shared.cache.get(newest, &slot).is_some(), is_asked);
            }
        }
    }

    #[test]
    fn the_latest_questions_are_kept_in_mind() {
        let asked = Asked::default();
        let query = |number: usize| PreparedQuery::new(&format!("{{ .x = {number} }}")).unwrap();
        for number in [0, 1, 2, 3, 4, 5, 3] {
            asked.searched(&query(number), &SearchOptions::default());
        }
        asked.counted(&query(3));
        let recent = asked.recent();
        let said = |one: &Question| (one.query.to_string(), one.options.is_some());
        let expected = [(3, false), (3, true), (5, true), (4, true)];
        let expected = expected.map(|(number, is_search)| (query(number).to_string(), is_search));
        assert_eq!(recent.iter().map(said).collect::<Vec<_>>(), expected);
    }
}
