//! What a span costs the thread of the service that ends it: with the SDK's simple and batch processors
//! before an exporter that does nothing, before a `StoreExporter`, and with a `StoreProcessor`, all in
//! one run and by turns. A program that prints figures:
//! `cargo bench -p treering-opentelemetry --bench caller [-- --rounds N]`.
//!
//! The first figures time `end()` alone, from the end of the span until it is in a queue: nanoseconds a
//! span, the median and the tenth percentile of rounds of 256 spans with eight attributes and an event.
//! Between rounds everything is flushed, so no queue is full. The last one is the processor time of the
//! whole process for 100,000 spans from their start until they are durable, a span: what the threads
//! behind the queues do is in it. Where there is no `/proc/self/stat` it is 0.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::future::ready;
use std::path::Path;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SimpleSpanProcessor,
    Span, SpanData, SpanExporter,
};
use treering::{Options, Store};
use treering_opentelemetry::{ExporterHandle, StoreExporter, StoreProcessor};

const ROUND_SPANS: usize = 256;
const PROCESS_SPANS: u32 = 100_000;
const LONG: Duration = Duration::from_secs(60);

/// An exporter that does nothing.
#[derive(Debug)]
struct Nothing;

impl SpanExporter for Nothing {
    fn export(&self, _batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(Ok(()))
    }
}

/// A way of spans, and what times it took.
struct Way {
    name: &'static str,
    provider: SdkTracerProvider,
    handle: Option<ExporterHandle>,
    round_nanos: Vec<u128>,
}

impl Way {
    fn new(
        name: &'static str,
        provider: SdkTracerProvider,
        handle: Option<ExporterHandle>,
    ) -> Self {
        Self { name, provider, handle, round_nanos: Vec::new() }
    }

    /// Waits until nothing is under way. A busy machine may need longer than the SDK waits.
    fn flush(&self) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        while let Err(error) = self.provider.force_flush() {
            if began.elapsed() > LONG {
                return Err(error.into());
            }
        }
        if let Some(handle) = &self.handle {
            handle.flush(LONG)?;
        }
        Ok(())
    }
}

/// A batch processor whose queue takes what is sent here between two flushes.
fn batch(exporter: impl SpanExporter + 'static) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default().with_max_queue_size(1 << 14).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    SdkTracerProvider::builder().with_span_processor(processor).build()
}

fn simple(exporter: impl SpanExporter + 'static) -> SdkTracerProvider {
    SdkTracerProvider::builder().with_span_processor(SimpleSpanProcessor::new(exporter)).build()
}

/// The ways, each to a store of its own.
fn ways(folder: &Path) -> Result<Vec<Way>, Box<dyn Error>> {
    let mut options = Options::default();
    // What a store moves to its blocks by the clock would come while another way is measured.
    options.seal_after = Duration::from_secs(3600);
    let store = |name: &str| Store::open(folder.join(name), options.clone());
    let first = StoreExporter::new(store("simple")?)?;
    let second = StoreExporter::new(store("batch")?)?;
    let handles = (first.handle(), second.handle());
    let processor = StoreProcessor::new(store("processor")?)?;
    let handle = processor.handle();
    let own = SdkTracerProvider::builder().with_span_processor(processor).build();
    Ok(vec![
        Way::new("no processor", SdkTracerProvider::builder().build(), None),
        Way::new("simple, an exporter of nothing", simple(Nothing), None),
        Way::new("simple, StoreExporter", simple(first), Some(handles.0)),
        Way::new("batch, an exporter of nothing", batch(Nothing), None),
        Way::new("batch, StoreExporter", batch(second), Some(handles.1)),
        Way::new("StoreProcessor", own, Some(handle)),
    ])
}

fn begin(tracer: &SdkTracer, number: i64) -> Span {
    let mut span = tracer.start("GET /cart/:id");
    span.set_attributes([
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.route", "/cart/:id"),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("url.path", format!("/cart/{number}")),
        KeyValue::new("server.address", "cart.example.com"),
        KeyValue::new("server.port", 8080),
        KeyValue::new("user.id", number % 1_000),
        KeyValue::new("cache.hit", number % 3 == 0),
    ]);
    span.add_event("looked up", vec![KeyValue::new("items", number % 10)]);
    span
}

/// Ends spans, and gives how long that took.
fn round(tracer: &SdkTracer) -> Duration {
    let mut spans: Vec<Span> = (0_i64..).take(ROUND_SPANS).map(|at| begin(tracer, at)).collect();
    let began = Instant::now();
    for span in &mut spans {
        span.end();
    }
    began.elapsed()
}

/// Processor time of this process so far, in hundredths of a second.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let times = after_name.split(' ').skip(11).take(2);
    times.map(|time| time.parse::<u64>().unwrap_or(0)).sum()
}

fn process_nanos(way: &Way) -> Result<u64, Box<dyn Error>> {
    let tracer = way.provider.tracer("bench");
    let before = processor_time();
    for number in 0..PROCESS_SPANS {
        begin(&tracer, number.into()).end();
        if number % 4_096 == 0 {
            way.flush()?;
        }
    }
    way.flush()?;
    Ok((processor_time() - before) * 10_000_000 / u64::from(PROCESS_SPANS))
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = match std::env::args().skip_while(|word| word != "--rounds").nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 300,
    };
    let folder = tempfile::tempdir()?;
    let mut ways = ways(folder.path())?;
    for _ in 0..rounds.max(1) {
        for way in &mut ways {
            let nanos = round(&way.provider.tracer("bench")).as_nanos();
            way.round_nanos.push(nanos);
            way.flush()?;
        }
    }
    println!("{:<32} {:>9} {:>9} {:>14}", "ns a span", "median", "10 %", "whole process");
    for way in &mut ways {
        way.round_nanos.sort_unstable();
        let at = |rank: usize| {
            let nanos = way.round_nanos.get(rank).copied().unwrap_or_default();
            nanos / u128::try_from(ROUND_SPANS).unwrap_or(1)
        };
        let (median, low) = (at(way.round_nanos.len() / 2), at(way.round_nanos.len() / 10));
        println!("{:<32} {median:>9} {low:>9} {:>14}", way.name, process_nanos(way)?);
    }
    for way in &ways {
        let dropped = way.handle.as_ref().map_or(0, |handle| handle.stats().dropped.total());
        if dropped > 0 {
            println!("{}: {dropped} spans were dropped, so the figures do not hold", way.name);
        }
    }
    Ok(())
}
