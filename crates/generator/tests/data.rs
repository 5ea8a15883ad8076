//! Pins the generator's data: a hash of the first spans, so that nothing changes silently, and the
//! figures that make the data as hard as real life.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write;

use treering::SpanId;
use treering::model::{Span, StatusCode, Value};
use treering_generator::{END, GATEWAY, Generator, KEYS, REQUEST_SPANS, Requests, Traces};

/// Spans that the figures are taken from.
const SPANS: usize = 100_000;

/// FNV-1a over the debug text of `span`, which names every field; see
/// <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn hash(hash: u64, span: &Span) -> u64 {
    let text = format!("{span:?}");
    text.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn text<'s>(span: &'s Span, key: &str) -> &'s str {
    match span.attributes.iter().find(|attribute| attribute.key == key).map(|found| &found.value) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

#[test]
fn sequences_go_to_threads_and_can_be_kept_for_later() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<(Generator, Traces, Requests)>();
    let mut traces = Generator::new(3).traces(500);
    let first = traces.next();
    let rest: Vec<_> = traces.clone().collect();
    assert_eq!(
        first.into_iter().chain(rest).flatten().count(),
        Generator::new(3).spans(500).count()
    );
    assert_eq!(traces.count() + 1, Generator::new(3).traces(500).count());
}

#[test]
fn first_spans_never_change() {
    let spans = Generator::new(1).spans(2_000);
    let all = spans.fold(0xcbf2_9ce4_8422_2325, |seen, span| hash(seen, &span));
    assert_eq!(format!("{all:016x}"), "609ae9ee4701c370");
}

#[test]
fn seeds_differ_and_traces_are_drawn_alike_however_they_are_cut() {
    let one: Vec<Span> = Generator::new(1).traces(500).flatten().collect();
    let same: Vec<Span> = Generator::new(1).spans(400).collect();
    assert_eq!(one.get(..same.len()), Some(&same[..]));
    let other: Vec<Span> = Generator::new(2).spans(500).collect();
    assert_ne!(one[0].trace_id, other[0].trace_id);
}

#[test]
fn keys_are_the_documented_ones() {
    let mut keys = BTreeSet::new();
    for span in Generator::new(1).spans(SPANS) {
        for attribute in span.attributes.iter().chain(&span.resource.attributes) {
            if !keys.contains(&attribute.key) {
                keys.insert(attribute.key.clone());
            }
        }
    }
    assert_eq!(keys.iter().map(String::as_str).collect::<Vec<_>>(), KEYS);
}

#[test]
fn shape_and_answers_are_those_of_real_life() {
    let (mut spans, mut traces, mut largest, mut incomplete) = (0, 0, 0, 0);
    let (mut candidates, mut answers, mut connects, mut last_errors) = (0, 0, 0, 0);
    let (mut requests, mut request_ids) = (0, HashSet::new());
    let mut latest = END.unix_nanos() - 3_600_000_000_000;
    for trace in Generator::new(1).traces(SPANS) {
        spans += trace.len();
        traces += 1;
        largest = largest.max(trace.len());
        let by_id: HashMap<SpanId, &Span> = trace.iter().map(|span| (span.span_id, span)).collect();
        assert_eq!(by_id.len(), trace.len(), "span ids are unique within a trace");
        let parent = |span: &Span| span.parent_span_id.and_then(|id| by_id.get(&id).copied());
        let orphan = |span: &Span| span.parent_span_id.is_some() && parent(span).is_none();
        incomplete += usize::from(trace.iter().any(orphan));
        let is_error = |span: &Span| span.status.code == StatusCode::ERROR;
        let causes: HashSet<SpanId> = trace
            .iter()
            .filter(|span| is_error(span))
            .filter_map(|span| span.parent_span_id)
            .collect();
        for span in &trace {
            assert!(span.end >= span.start);
            latest = latest.max(span.start.unix_nanos());
            let id = text(span, "http.request_id");
            requests += usize::from(!id.is_empty());
            if !id.is_empty() {
                request_ids.insert(id.to_owned());
            }
            let gateway = span.service_name() == GATEWAY;
            candidates += usize::from(gateway || span.service_name() == "service-a.default");
            last_errors += usize::from(is_error(span) && !causes.contains(&span.span_id));
            let above = std::iter::successors(parent(span), |span| parent(span));
            let below = above.into_iter().any(|span| span.service_name() == "service-a.default");
            answers += usize::from(below && gateway);
            let connect = text(span, "net.peer.name") == "db.example.com"
                && text(span, "db.operation") == "CONNECT"
                && span.duration_nanos() > 50_000_000;
            connects += usize::from(below && connect);
        }
    }
    assert!((SPANS..SPANS + 5_000).contains(&spans), "{spans} spans");
    assert!((7_000..7_500).contains(&traces), "{traces} traces");
    assert!((800..5_000).contains(&largest), "{largest} spans in the largest trace");
    assert!((50..110).contains(&incomplete), "{incomplete} incomplete traces");
    assert!((16_500..18_200).contains(&candidates), "{candidates} candidates");
    assert!((600..740).contains(&answers), "{answers} answers");
    assert!((50..150).contains(&connects), "{connects} slow connects");
    assert!((500..1_000).contains(&last_errors), "{last_errors} last errors");
    assert_eq!(request_ids.len(), requests, "request ids are unique");
    assert!(latest < END.unix_nanos() - 3_000_000_000_000, "a tenth of an hour is drawn");
}

#[test]
fn requests_are_as_large_and_as_hard_to_pack_as_real_ones() {
    let spans = Generator::new(1).spans(SPANS).count();
    let mut bytes = 0;
    let mut requests = 0;
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for request in Generator::new(1).requests(SPANS) {
        requests += 1;
        bytes += request.len();
        zstd.write_all(&request).unwrap();
    }
    assert_eq!(requests, spans.div_ceil(REQUEST_SPANS));
    let packed = zstd.finish().unwrap().len();
    assert!((280..310).contains(&(bytes / spans)), "{bytes} bytes for {spans} spans");
    assert!(packed >= 55 * spans, "{packed} bytes packed for {spans} spans");
}
