//! Measures what the generator draws, to tune it: `cargo run --release --example profile -- 1000000`.
//! Answers are computed naively, from parent ids alone.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;

use treering::SpanId;
use treering::model::{Span, StatusCode, Value};
use treering_generator::{GATEWAY, Generator};

/// The service that the questions are about.
const SERVICE: &str = "service-a.default";

#[derive(Debug, Default)]
struct Counts {
    spans: usize,
    traces: usize,
    largest: usize,
    events: usize,
    links: usize,
    deepest: usize,
    keys: BTreeSet<String>,
    gateway: usize,
    service: usize,
    gateway_below: usize,
    connects_below: usize,
    errors: usize,
    last_errors: usize,
    incomplete: usize,
}

fn text<'s>(span: &'s Span, key: &str) -> &'s str {
    match span.attributes.iter().find(|attribute| attribute.key == key).map(|found| &found.value) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

impl Counts {
    fn add(&mut self, trace: &[Span]) {
        self.spans += trace.len();
        self.traces += 1;
        self.largest = self.largest.max(trace.len());
        let by_id: HashMap<SpanId, &Span> = trace.iter().map(|span| (span.span_id, span)).collect();
        let parent = |span: &Span| span.parent_span_id.and_then(|id| by_id.get(&id).copied());
        let is_error = |span: &Span| span.status.code == StatusCode::ERROR;
        let mut error_parents = BTreeSet::new();
        let fragments = trace.iter().filter(|span| parent(span).is_none()).count();
        self.incomplete += usize::from(
            fragments > 1
                || trace.iter().any(|s| s.parent_span_id.is_some() && parent(s).is_none()),
        );
        for span in trace {
            self.events += span.events.len();
            self.links += span.links.len();
            for attribute in span.attributes.iter().chain(&span.resource.attributes) {
                if !self.keys.contains(&attribute.key) {
                    self.keys.insert(attribute.key.clone());
                }
            }
            self.gateway += usize::from(span.service_name() == GATEWAY);
            self.service += usize::from(span.service_name() == SERVICE);
            if is_error(span) {
                self.errors += 1;
                error_parents.extend(span.parent_span_id);
            }
            let connect = text(span, "net.peer.name") == "db.example.com"
                && text(span, "db.operation") == "CONNECT"
                && span.duration_nanos() > 50_000_000;
            let (mut depth, mut below, mut above) = (0, false, parent(span));
            while let Some(ancestor) = above {
                depth += 1;
                below |= ancestor.service_name() == SERVICE;
                above = parent(ancestor);
            }
            self.deepest = self.deepest.max(depth);
            self.gateway_below += usize::from(below && span.service_name() == GATEWAY);
            self.connects_below += usize::from(below && connect);
        }
        let last = |span: &&Span| is_error(span) && !error_parents.contains(&span.span_id);
        self.last_errors += trace.iter().filter(last).count();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spans = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let mut counts = Counts::default();
    let started = std::time::Instant::now();
    for trace in Generator::new(1).traces(spans) {
        counts.add(&trace);
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut bytes = 0;
    let mut zstd = zstd::Encoder::new(Vec::new(), 3)?;
    for request in Generator::new(1).requests(spans) {
        bytes += request.len();
        zstd.write_all(&request)?;
    }
    let packed = zstd.finish()?.len();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{counts:#?}")?;
    writeln!(out, "keys: {}, generated and counted in {seconds:.2} s", counts.keys.len())?;
    writeln!(out, "candidates of the first question: {}", counts.gateway + counts.service)?;
    writeln!(out, "spans a trace: {:.2}", ratio(counts.spans, counts.traces))?;
    let (plain, packed) = (ratio(bytes, counts.spans), ratio(packed, counts.spans));
    writeln!(out, "OTLP protobuf: {plain:.1} B a span, zstd -3: {packed:.1} B a span")?;
    Ok(())
}

/// `all` divided by `parts`.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "figures for people")]
fn ratio(all: usize, parts: usize) -> f64 {
    all as f64 / parts.max(1) as f64
}
