//! Small sets of spans in a text for people, a span a line, and what a search finds in them.
//! Invariant: every word of a line is understood, or the test fails.
//!
//! A line is `TRACE/SPAN service name kind START+LENGTH` and any of the words below. Ids are
//! hexadecimal numbers, times are milliseconds after [`BASE_NANOS`], `-` stands for no service.
//!
//! | word | means |
//! |---|---|
//! | `<SPAN` | the id of the parent |
//! | `error`, `error:message`, `ok` | the status |
//! | `key=value` | an attribute; `a=1 a=2` are two of one key |
//! | `resource.key=value`, `scope.key=value` | an attribute of the resource or the scope |
//! | `scope:name/version` | the instrumentation scope |
//! | `event:name@MILLIS(key=value,key=value)` | an event, so long after the span's start |
//! | `link:TRACE/SPAN(key=value)` | a link |
//!
//! A value is an integer, a float with a dot, `true` or `false`, `[a;b]` for an array, `empty` for
//! one without value, and else a text, in which `_` is a blank. In a key `~` is one.

use std::fmt::Write as _;
use std::sync::Arc;

use treering::model::{
    Attribute, Event, InstrumentationScope, Link, Resource, Span, SpanKind, Status, StatusCode,
    Value,
};
use treering::query::{FieldValue, SearchResult, Spanset};
use treering::{Batch, Options, SearchOptions, SpanId, Store, Timestamp, TraceId};

/// 2026-11-22T08:00:00Z, from which times count.
pub(crate) const BASE_NANOS: u64 = 1_795_334_400_000_000_000;

/// A store of a text's spans.
pub(crate) struct Small {
    pub(crate) store: Store,
    _folder: tempfile::TempDir,
}

impl Small {
    /// Reads the lines and stores their spans; lines that begin with `#` say nothing.
    pub(crate) fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("small.redb"), Options::default()).unwrap();
        let mut batch = Batch::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            batch.push(&span(line)).unwrap();
        }
        store.ingest(batch).unwrap();
        Self { store, _folder: folder }
    }

    /// How many spans a search finds; counting them gives the same.
    pub(crate) fn spans_found(&self, query: &str) -> u64 {
        let options = SearchOptions::all();
        let result = self.store.search(query, &options).unwrap();
        let sets = result.traces.iter().flat_map(|found| &found.spansets);
        let spans = sets.map(|set| set.matched).sum();
        assert_eq!(self.store.count(query, &options).unwrap().spans, spans, "{query}");
        spans
    }

    /// How a search runs and what it finds. A first line `from MILLIS to MILLIS` is a time range.
    pub(crate) fn answer(&self, question: &str) -> String {
        let mut options = SearchOptions::all();
        let mut query = question;
        if let Some((range, rest)) = question.split_once('\n')
            && let Some(range) = range.strip_prefix("from ")
        {
            let (start, end) = range.split_once(" to ").expect("from MILLIS to MILLIS");
            (options.start, options.end) = (Some(time(start)), Some(time(end)));
            query = rest;
        }
        let explained = match self.store.explain(query, &options) {
            Ok(explained) => explained.to_string(),
            Err(treering::Error::Query(error)) => return error.report(query),
            Err(error) => panic!("{query}: {error}"),
        };
        let (plan, _time) = explained.rsplit_once(" in ").expect("the time comes last");
        let result = self.store.search(query, &options).unwrap();
        format!("{plan}\n{}", rows(&result)).trim_end().to_owned()
    }
}

/// What was found, a line for each trace, spanset and span.
fn rows(result: &SearchResult) -> String {
    let mut text = String::new();
    for warning in &result.warnings {
        writeln!(text, "warning: {warning}").unwrap();
    }
    for found in &result.traces {
        let id = found.trace_id.to_string();
        let id = id.trim_start_matches('0');
        writeln!(text, "\ntrace {id}: {} {}", found.root_service, found.root_name).unwrap();
        found.spansets.iter().for_each(|set| spanset(set, &mut text));
    }
    text
}

fn spanset(set: &Spanset, text: &mut String) {
    let values = |values: &[(String, FieldValue)]| -> String {
        let parts: Vec<String> =
            values.iter().map(|(name, value)| format!(", {name} = {}", shown(value))).collect();
        parts.concat()
    };
    writeln!(text, "  {} of {}{}", set.spans.len(), set.matched, values(&set.attributes)).unwrap();
    for span in &set.spans {
        let id = span.span_id.to_string();
        let id = id.trim_start_matches('0');
        let fields = values(&span.attributes);
        let service = if span.service.is_empty() { "-" } else { &span.service };
        writeln!(text, "    {id} {service} {}{fields}", span.name).unwrap();
    }
}

fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::String(text) => format!("{text:?}"),
        FieldValue::Int(value) => value.to_string(),
        FieldValue::Float(value) => format!("{value:?}"),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Duration(nanos) => format!("{nanos}ns"),
        FieldValue::Array(values) => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        FieldValue::Nil => "nil".to_owned(),
        FieldValue::Status(number) => word(&["unset", "ok", "error"], *number),
        FieldValue::Kind(number) => {
            let kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];
            word(&kinds, *number)
        }
        FieldValue::Time(time) => {
            format!("{}ms", (time.unix_nanos() - BASE_NANOS) / 1_000_000)
        }
        other => format!("{other:?}"),
    }
}

fn word(words: &[&str], number: i32) -> String {
    let word = usize::try_from(number).ok().and_then(|number| words.get(number));
    word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

fn time(millis: &str) -> Timestamp {
    let millis: u64 = millis.parse().expect("a time in milliseconds");
    Timestamp::from_unix_nanos(BASE_NANOS + millis * 1_000_000)
}

fn trace_id(hex: &str) -> TraceId {
    format!("{hex:0>32}").parse().expect("a trace id")
}

fn span_id(hex: &str) -> SpanId {
    format!("{hex:0>16}").parse().expect("a span id")
}

/// The span of a line.
fn span(line: &str) -> Span {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or_else(|| panic!("five words or more: {line}"));
    let (id, service, name, kind, times) = (next(), next(), next(), next(), next());
    let (trace, own) = id.split_once('/').expect("TRACE/SPAN");
    let (start, length) = times.split_once('+').expect("START+LENGTH");
    let length: u64 = length.parse().expect("a length in milliseconds");
    let start = time(start);
    let mut span = Span {
        trace_id: trace_id(trace),
        span_id: span_id(own),
        name: name.replace('_', " "),
        kind: kind_of(kind),
        start,
        end: Timestamp::from_unix_nanos(start.unix_nanos() + length * 1_000_000),
        ..Span::default()
    };
    let mut resource = Resource::default();
    let mut scope = InstrumentationScope::default();
    if service != "-" {
        resource.attributes.push(Attribute::new("service.name", service));
    }
    for word in words {
        if let Some(key) = word.strip_prefix("resource.") {
            resource.attributes.push(attribute(key));
        } else if let Some(key) = word.strip_prefix("scope.") {
            scope.attributes.push(attribute(key));
        } else if let Some(named) = word.strip_prefix("scope:") {
            let (name, version) = named.split_once('/').unwrap_or((named, ""));
            (scope.name, scope.version) = (name.to_owned(), version.to_owned());
        } else {
            add(&mut span, word);
        }
    }
    Span { resource: Arc::new(resource), scope: Arc::new(scope), ..span }
}

fn kind_of(word: &str) -> SpanKind {
    match word {
        "unspecified" => SpanKind::UNSPECIFIED,
        "internal" => SpanKind::INTERNAL,
        "server" => SpanKind::SERVER,
        "client" => SpanKind::CLIENT,
        "producer" => SpanKind::PRODUCER,
        "consumer" => SpanKind::CONSUMER,
        _ => panic!("no kind: {word}"),
    }
}

/// Adds what a word says to a span.
fn add(span: &mut Span, word: &str) {
    if let Some(parent) = word.strip_prefix('<') {
        span.parent_span_id = Some(span_id(parent));
    } else if let Some(event) = word.strip_prefix("event:") {
        let (head, attributes) = with_attributes(event);
        let (name, after) = head.split_once('@').unwrap_or((head, "0"));
        let after: u64 = after.parse().expect("a time in milliseconds");
        let time = Timestamp::from_unix_nanos(span.start.unix_nanos() + after * 1_000_000);
        span.events.push(Event { time, name: name.to_owned(), attributes, ..Event::default() });
    } else if let Some(link) = word.strip_prefix("link:") {
        let (head, attributes) = with_attributes(link);
        let (trace, own) = head.split_once('/').expect("link:TRACE/SPAN");
        let (trace_id, span_id) = (trace_id(trace), span_id(own));
        span.links.push(Link { trace_id, span_id, attributes, ..Link::default() });
    } else if let Some(message) = word.strip_prefix("error") {
        let message = message.trim_start_matches(':').replace('_', " ");
        span.status = Status { code: StatusCode::ERROR, message };
    } else if word == "ok" {
        span.status.code = StatusCode::OK;
    } else {
        span.attributes.push(attribute(word));
    }
}

/// `head(key=value,key=value)`.
fn with_attributes(text: &str) -> (&str, Vec<Attribute>) {
    let Some((head, rest)) = text.split_once('(') else { return (text, Vec::new()) };
    let inner = rest.strip_suffix(')').expect("a closing parenthesis");
    (head, inner.split(',').map(attribute).collect())
}

fn attribute(word: &str) -> Attribute {
    let (key, text) = word.split_once('=').unwrap_or_else(|| panic!("no word: {word}"));
    Attribute::new(key.replace('~', " "), value(text))
}

fn value(text: &str) -> Value {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').expect("a closing bracket");
        return Value::Array(inner.split(';').filter(|part| !part.is_empty()).map(value).collect());
    }
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "empty" => Value::Empty,
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(value), _) => Value::Int(value),
            (_, Ok(value)) if text.contains('.') => Value::Double(value),
            _ => Value::String(text.replace('_', " ")),
        },
    }
}
