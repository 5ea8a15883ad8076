//! A store under a script of operations gives, at every point, what the oracle gives.

use std::collections::{BTreeMap, BTreeSet};

use treering::model::{Span, Value};
use treering::query::syntax::{Query, Stage};
use treering::query::{FieldValue, check};
use treering::{Maintenance, Options, SearchOptions, Store, TagOptions, Timestamp};

use crate::asking::{ingest, parse, search};
use crate::bytes::Bytes;
use crate::oracle::{Ask, Oracle, normalised, pre_order, stored};
use crate::{questions, spans};

/// Spans of one script; the oracle takes time in proportion to the square of it.
const SPANS_MAX: usize = 60;
const OPERATIONS_MAX: u32 = 24;

/// A store, and what it was given.
struct Script {
    folder: tempfile::TempDir,
    options: Options,
    store: Option<Store>,
    arrived: Vec<Span>,
    /// How often something was done that is no answer and no span.
    turns: u8,
}

/// Runs a script.
pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut options = Options::default();
    options.block_rows_max = bytes.pick(&[7, 1, 3, 20, 1_000]);
    options.chunk_bytes = bytes.pick(&[64, 100, 199, 65_000]);
    options.cache_bytes = bytes.pick(&[1 << 20, 0, 2_000]);
    options.page_cache_bytes = 1 << 20;
    // The same script does the same every time.
    options.maintenance = Maintenance::ByHand;
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let mut script = Script { folder, options, store: None, arrived: Vec::new(), turns: 0 };
    for _ in 0..OPERATIONS_MAX {
        if bytes.is_empty() {
            break;
        }
        script.step(&mut bytes);
    }
    script.reopen();
    script.ask("{ }", &Ask::default());
    let stats = script.store().stats().expect("a readable file");
    let spans = u64::try_from(Oracle::new(&script.arrived).spans()).expect("a few");
    assert_eq!(stats.spans, spans);
    for number in 0..6 {
        script.trace(number);
    }
}

impl Script {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(10) {
            0..3 => {
                let spans = bytes.list(7, spans::span);
                self.ingest(&spans);
            }
            3 | 4 => self.resend(bytes),
            5 => self.keep_up(),
            6 => self.trace(bytes.below(6)),
            7 => self.tags(),
            // A commit takes as long as many queries.
            _ => {
                for _ in 0..=bytes.below(6) {
                    let ask = ask(bytes);
                    let query = questions::search(bytes);
                    self.ask(&query, &ask);
                }
            }
        }
    }

    fn store(&mut self) -> &Store {
        let path = self.folder.path().join("store");
        let open = || Store::open(path, self.options.clone()).expect("a sound store");
        self.store.get_or_insert_with(open)
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store();
    }

    /// Opens anew, seals and compacts, deletes, closes: in turns.
    fn keep_up(&mut self) {
        self.turns += 1;
        match self.turns % 4 {
            1 => self.reopen(),
            2 => drop(self.store().maintain().expect("a file that can be written")),
            3 => {
                let id = spans::trace_id(self.turns / 4 % 6);
                let deleted = self.store().delete(&[id]).expect("a file that can be written");
                let there = self.arrived.iter().any(|span| span.trace_id == id);
                assert_eq!(deleted, u64::from(there), "trace {id}");
                self.arrived.retain(|span| span.trace_id != id);
            }
            _ => {
                let store = self.store.take();
                store.map_or(Ok(()), Store::close).expect("a file that can be written");
            }
        }
    }

    fn ingest(&mut self, spans: &[Span]) {
        if self.arrived.len() + spans.len() <= SPANS_MAX {
            ingest(self.store(), spans);
            self.arrived.extend_from_slice(spans);
        }
    }

    /// Sends spans again, some of them changed, in another order.
    fn resend(&mut self, bytes: &mut Bytes<'_>) {
        let Some(last) = self.arrived.len().checked_sub(1) else { return };
        let again = bytes.list(4, |bytes| {
            let mut span = self.arrived[usize::from(bytes.byte()) % (last + 1)].clone();
            match bytes.below(6) {
                0..2 => {}
                2 => span.attributes.sort_by(|a, b| b.key.cmp(&a.key)),
                3 => span.attributes.push(spans::attribute(bytes)),
                4 => {
                    let end = span.end.unix_nanos().wrapping_add(bytes.byte().into());
                    span.end = Timestamp::from_unix_nanos(end);
                }
                _ => {
                    let (kind, id) = (span.kind, span.span_id);
                    span = Span { kind, span_id: id, ..spans::span(bytes) };
                }
            }
            span
        });
        self.ingest(&again);
    }

    fn ask(&mut self, query: &str, ask: &Ask) {
        if let Err(error) = check(query) {
            assert!(self.store().search(query, &SearchOptions::default()).is_err(), "{error}");
            return;
        }
        let expected = Oracle::new(&self.arrived).search(&parse(query), ask);
        let (Ok(expected), Some(found)) = (expected, search(self.store(), query, ask)) else {
            return;
        };
        assert_eq!(found, expected, "{query}\n{ask:?}");
        let mut options = SearchOptions::default();
        (options.start, options.end) = (ask.start, ask.end);
        let counts = self.store().count(query, &options).expect("a query that was searched for");
        if ask.limit.is_none() {
            let traces = u64::try_from(expected.traces.len()).expect("a few");
            assert_eq!((counts.traces, counts.spans), (traces, expected.spans()), "{query}");
        }
    }

    fn trace(&mut self, number: u8) {
        let id = spans::trace_id(number);
        let expected = stored(&self.arrived).remove(&id).map(pre_order);
        let found = self.store().trace(id).expect("a readable file").map(|trace| {
            let parents = (0..trace.spans().len()).map(|at| trace.parent(at)).collect();
            (trace.spans().iter().map(normalised).collect(), parents)
        });
        assert_eq!(found, expected, "trace {id}");
    }

    fn tags(&mut self) {
        let mut options = TagOptions::default();
        options.limit = None;
        let stored = stored(&self.arrived);
        for field in ["name", "kind", "span.a", "resource.service.name", "event.a"] {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for value in stored.values().flatten().flat_map(|span| values(span, field)).flatten() {
                *expected.entry(value).or_default() += 1;
            }
            let found = self.store().tag_values(field, None, &options).expect("a field");
            let pairs = found.values.iter().map(|value| (shown(&value.value), value.count));
            assert_eq!(pairs.collect::<BTreeMap<_, _>>(), expected, "{field}");
        }
        let oracle = Oracle::new(&self.arrived);
        for field in ["span:childCount", "trace:spanCount", "rootName", "parent.name"] {
            let Query::Search(pipeline, _) = parse(&format!("select({field})")) else {
                panic!("{field}")
            };
            let [Stage::Select(fields)] = pipeline.stages.as_slice() else { panic!("{field}") };
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            let values = fields.iter().flat_map(|field| oracle.values(field)).flatten();
            for value in values.map(|(_, value)| value).filter(|value| *value != FieldValue::Nil) {
                *expected.entry(shown(&value)).or_default() += 1;
            }
            let found = self.store().tag_values(field, None, &options).expect("a field");
            let pairs = found.values.iter().map(|value| (shown(&value.value), value.count));
            assert_eq!(pairs.collect::<BTreeMap<_, _>>(), expected, "{field}");
        }
    }
}

fn ask(bytes: &mut Bytes<'_>) -> Ask {
    let time = |bytes: &mut Bytes<'_>| {
        let after = u64::from(bytes.byte());
        (after > 0).then(|| Timestamp::from_unix_nanos(spans::BASE + after - 1))
    };
    if !bytes.once_in(3) {
        return Ask::default();
    }
    let some = |count: u8| (count > 0).then_some(usize::from(count));
    Ask {
        start: time(bytes),
        end: time(bytes),
        limit: some(bytes.below(4)),
        spans_per_spanset: some(bytes.below(3)),
    }
}

/// The values that a field counts for on a span; on an event of it each.
fn values(span: &Span, field: &str) -> Vec<BTreeSet<String>> {
    let of = |list: &[treering::model::Attribute], key: &str| {
        let found = list.iter().find(|attribute| attribute.key == key);
        found.map(|attribute| elements(&attribute.value))
    };
    let text = |text: &str| BTreeSet::from([shown(&FieldValue::String(text.into()))]);
    match field {
        "name" => vec![text(&span.name)],
        "kind" => vec![BTreeSet::from([shown(&FieldValue::Kind(span.kind.0))])],
        "resource.service.name" => {
            // A span without one counts as one of the service "".
            vec![of(&span.resource.attributes, "service.name").unwrap_or_else(|| text(""))]
        }
        "span.a" => of(&span.attributes, "a").into_iter().collect(),
        _ => span.events.iter().filter_map(|event| of(&event.attributes, "a")).collect(),
    }
}

fn elements(value: &Value) -> BTreeSet<String> {
    let Value::Array(list) = value else { return single(value).into_iter().collect() };
    let kind = std::mem::discriminant(list.first().unwrap_or(&Value::Empty));
    let alike = list.iter().all(|value| std::mem::discriminant(value) == kind);
    let all: Option<BTreeSet<String>> = list.iter().map(single).collect();
    all.filter(|_| alike).unwrap_or_default()
}

fn single(value: &Value) -> Option<String> {
    Some(shown(&match value {
        Value::String(text) => FieldValue::String(text.as_str().into()),
        Value::Bool(flag) => FieldValue::Bool(*flag),
        Value::Int(number) => FieldValue::Int(*number),
        Value::Double(number) => FieldValue::Float(*number),
        _ => return None,
    }))
}

/// A value as text, with the bits of a float.
fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::Float(number) => format!("float {:016x}", number.to_bits()),
        other => format!("{other:?}"),
    }
}
