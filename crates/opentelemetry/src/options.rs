//! What a service may choose about exporting: one struct with documented defaults and units.

use std::time::Duration;

/// How spans get from the service into its store. `ExporterOptions::default()` is right for most.
///
/// ```
/// # use treering_opentelemetry::ExporterOptions;
/// let mut options = ExporterOptions::default();
/// options.queue_bytes_max = 8 << 20;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterOptions {
    /// Most bytes of spans that wait for the disk, those that are being written among them; further
    /// spans are dropped and counted ([`Dropped::queue_full`](crate::Dropped::queue_full)). A span
    /// counts with some 350 bytes, 56 for each attribute, and its text. Default 32 MiB: some 25,000
    /// spans of ten attributes, or 16,000 of those that `tracing-opentelemetry` makes.
    pub queue_bytes_max: usize,
    /// How long a span may wait for others, to be stored with them in one durable write. Shorter is
    /// sooner to be found and more writes; an idle service writes nothing. It is cut short by a flush
    /// and once much waits. Default 200 ms.
    pub linger: Duration,
    /// How long `force_flush`, `shutdown` without a time, and an `export` that waits
    /// ([`ExporterOptions::export_wait`]) wait for the disk at most. Default 5 s, as in the SDK.
    pub flush_timeout: Duration,
    /// When `export` waits until its spans are durable. Default: on threads of span processors.
    pub export_wait: ExportWait,
}

/// When [`StoreExporter`](crate::StoreExporter)'s `export` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportWait {
    /// Once the spans wait in the queue, whoever calls.
    Never,
    /// Once the spans are durable, where the calling thread is one that a span processor keeps for
    /// exporting; else as [`ExportWait::Never`]. Such threads are those on which telemetry is
    /// suppressed ([`Context::is_current_telemetry_suppressed`]), as on the SDK's batch processor's.
    /// That processor has no other way to flush an exporter, so this makes its `force_flush` durable.
    ///
    /// [`Context::is_current_telemetry_suppressed`]:
    ///     opentelemetry::Context::is_current_telemetry_suppressed
    OnProcessorThreads,
}

impl Default for ExporterOptions {
    fn default() -> Self {
        Self {
            queue_bytes_max: 32 << 20,
            linger: Duration::from_millis(200),
            flush_timeout: Duration::from_secs(5),
            export_wait: ExportWait::OnProcessorThreads,
        }
    }
}
