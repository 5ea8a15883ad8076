//! The exporter, for the SDK's span processors.

use std::future::{Future, ready};
use std::io;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use treering::Store;

use crate::convert::resource_of;
use crate::handle::ExporterHandle;
use crate::intake::{Intake, Owned};
use crate::notice::Notice;
use crate::options::{ExportWait, ExporterOptions};

/// A [`SpanExporter`] that stores spans in a [`Store`] of this process.
///
/// `export` puts spans into a queue in memory; a thread of the exporter stores them. It never waits on
/// a thread of the service. It does wait until they are durable on a thread that a span processor
/// keeps for it ([`ExportWait`]), so after `force_flush` of a provider with the batch processor all
/// spans that ended before are durable. The simple processor's `force_flush` does nothing: there it
/// is [`ExporterHandle::flush`] that does, or a [`StoreProcessor`](crate::StoreProcessor).
///
/// `shutdown`, and dropping it without one, wait until what is in the queue is stored, at most for
/// [`ExporterOptions::flush_timeout`]; then the exporter's handle of the store is dropped.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use treering::{Options, Store};
/// use treering_opentelemetry::StoreExporter;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("traces.redb");
/// let store = Store::open(path, Options::default())?;
/// let exporter = StoreExporter::new(store.clone())?;
/// let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
/// # provider.shutdown()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StoreExporter {
    intake: Owned,
}

impl StoreExporter {
    /// An exporter to `store`, with default options. What goes wrong is counted, and told nobody.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn new(store: Store) -> io::Result<Self> {
        Self::with_options(store, ExporterOptions::default(), |_| ())
    }

    /// An exporter to `store` that tells `handler` what goes wrong. It is called by the exporter's
    /// thread, so it may take its time, but spans wait meanwhile; it cannot wait for a flush. What
    /// it panics with is dropped.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn with_options(
        store: Store,
        options: ExporterOptions,
        handler: impl Fn(&Notice<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let intake = Intake::start(store, options, Box::new(handler))?;
        Ok(Self { intake: Owned(intake) })
    }

    /// Counts and flushes, for after the exporter was given to a processor.
    pub fn handle(&self) -> ExporterHandle {
        ExporterHandle::new(&self.intake)
    }

    fn take(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let intake = &self.intake.0;
        intake.push(batch)?;
        match intake.options().export_wait {
            ExportWait::OnProcessorThreads if Context::is_current_telemetry_suppressed() => {
                intake.flush(intake.options().flush_timeout)
            }
            _ => Ok(()),
        }
    }
}

impl SpanExporter for StoreExporter {
    /// Queues the spans. An error if some were dropped; which is counted, too.
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(self.take(batch))
    }

    /// Stores what is queued and ends the exporter's thread. What was not stored after `timeout` is
    /// still tried.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.intake.0.shutdown(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.intake.0.shutdown(self.intake.0.options().flush_timeout)
    }

    /// Waits until all spans that came before are durable; an error if some of them were lost.
    fn force_flush(&self) -> OTelSdkResult {
        self.intake.0.flush(self.intake.0.options().flush_timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.intake.0.set_resource(resource_of(resource));
    }
}
