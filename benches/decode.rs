//! What reading OTLP costs: requests of the OpenTelemetry demo in protobuf, read by prost into its
//! messages and by Treering into a sink that does nothing, and the ratio of the two; then
//! OTLP/JSON. Run with `cargo bench --bench decode`. Invariant: both readers get the same bytes, in
//! turns.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a program for people"
)]

#[path = "../tests/support/collect.rs"]
#[expect(dead_code, clippy::indexing_slicing, reason = "tests use all of it, and may panic")]
mod collect;
#[path = "../tests/support/data.rs"]
#[expect(clippy::expect_used, reason = "tests use it, and may panic")]
mod data;

use std::hint::black_box;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use treering::model::{InstrumentationScope, Refusal, Resource, SpanRef, SpanSink};
use treering::otlp::{read_json, read_protobuf, write_protobuf};

const ROUNDS: usize = 41;

/// A sink that only counts.
struct Nothing(u64);

impl SpanSink for Nothing {
    fn resource(&mut self, resource: &Resource) {
        black_box(resource);
    }

    fn scope(&mut self, scope: &InstrumentationScope) {
        black_box(scope);
    }

    fn span(&mut self, span: &SpanRef<'_>) -> Result<(), Refusal> {
        black_box(span);
        self.0 += 1;
        Ok(())
    }
}

fn main() {
    protobuf("otel-demo", usize::MAX);
    protobuf("nezha-tt", 20);
    json("otel-demo", usize::MAX);
    json("nezha-tt", 100);
}

fn protobuf(name: &str, lines_max: usize) {
    let Some(lines) = data::lines(name) else { return };
    let encode = |line: String| {
        let (spans, _) = collect::from_json(line).expect("the data is OTLP");
        write_protobuf(&spans)
    };
    let requests: Vec<Vec<u8>> = lines.take(lines_max).map(encode).collect();
    let ours = || {
        let mut sink = Nothing(0);
        for request in &requests {
            black_box(read_protobuf(black_box(request), &mut sink).expect("written above"));
        }
        sink.0
    };
    let prost = || {
        for request in &requests {
            let request = ExportTraceServiceRequest::decode(black_box(&**request));
            black_box(request.expect("written above"));
        }
    };
    let [mut of_ours, mut of_prost] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        of_prost.push(time(prost));
        of_ours.push(time(|| {
            black_box(ours());
        }));
    }
    let spans = ours();
    let bytes: usize = requests.iter().map(Vec::len).sum();
    let (of_ours, of_prost) = (median(of_ours), median(of_prost));
    println!("{name}: {spans} spans, {bytes} bytes of protobuf");
    report("  prost", of_prost, bytes, spans);
    report("  treering", of_ours, bytes, spans);
    println!("  treering / prost: {:.2}", of_ours.as_secs_f64() / of_prost.as_secs_f64());
}

fn json(name: &str, lines_max: usize) {
    let Some(lines) = data::lines(name) else { return };
    let lines: Vec<String> = lines.take(lines_max).collect();
    let mut spans = 0;
    let mut times = Vec::new();
    for _ in 0..ROUNDS / 4 {
        times.push(time(|| {
            let mut sink = Nothing(0);
            for line in &lines {
                black_box(read_json(line.as_bytes(), &mut sink).expect("the data is OTLP"));
            }
            spans = sink.0;
        }));
    }
    let bytes: usize = lines.iter().map(String::len).sum();
    println!("{name}: {spans} spans, {bytes} bytes of JSON");
    report("  treering", median(times), bytes, spans);
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn report(who: &str, time: Duration, bytes: usize, spans: u64) {
    let seconds = time.as_secs_f64();
    let (megabytes, nanos) = (bytes as f64 / 1e6 / seconds, seconds * 1e9 / spans as f64);
    println!("{who:<12} {megabytes:7.0} MB/s {nanos:7.0} ns/span");
}
