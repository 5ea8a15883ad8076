//! Putting one question to the engine and to the oracle. Invariant: nothing of the two answers is
//! left out of the comparison.

use treering::model::Span;
use treering::query::syntax::Query;
use treering::query::{FieldValue, QueryErrorKind, SearchResult, check};
use treering::{Batch, Error, SearchOptions, Store};

use super::oracle::{Answer, Ask, SpanAnswer, SpansetAnswer, TraceAnswer, text};

/// The tree of a query that is known to be right.
pub(crate) fn parse(text: &str) -> Query {
    match check(text) {
        Ok(checked) => checked.query().clone(),
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Stores the spans as one batch.
pub(crate) fn ingest(store: &Store, spans: &[Span]) {
    let mut batch = Batch::new();
    for span in spans {
        batch.push(span).unwrap();
    }
    store.ingest(batch).unwrap();
}

/// The engine's answer; `None` where it says that it cannot do that yet.
pub(crate) fn search(store: &Store, text: &str, ask: &Ask) -> Option<Answer> {
    let mut options = SearchOptions::default();
    options.start = ask.start;
    options.end = ask.end;
    options.limit = ask.limit;
    options.spans_per_spanset = ask.spans_per_spanset;
    match store.search(text, &options) {
        Ok(result) => Some(answer(&result)),
        Err(Error::Query(error)) if error.kind() == QueryErrorKind::Unsupported => None,
        Err(error) => panic!("{text}: {error:?}"),
    }
}

fn answer(result: &SearchResult) -> Answer {
    let mut traces = Vec::new();
    for found in &result.traces {
        let mut spansets = Vec::new();
        for set in &found.spansets {
            let spans = set.spans.iter().map(|span| SpanAnswer {
                span_id: span.span_id,
                name: span.name.clone(),
                service: span.service.clone(),
                start: span.start,
                duration_nanos: span.duration_nanos,
                attributes: shown(&span.attributes),
            });
            spansets.push(SpansetAnswer {
                matched: set.matched,
                spans: spans.collect(),
                attributes: shown(&set.attributes),
            });
        }
        traces.push(TraceAnswer {
            trace_id: found.trace_id,
            root_service: found.root_service.clone(),
            root_name: found.root_name.clone(),
            start: found.start,
            duration_nanos: found.duration_nanos,
            spansets,
        });
    }
    Answer { traces }
}

fn shown(values: &[(String, FieldValue)]) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
