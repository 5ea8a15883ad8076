//! The span processor: the exporter without another queue before it.

use std::io;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use treering::Store;

use crate::convert::resource_of;
use crate::handle::ExporterHandle;
use crate::intake::{Intake, Owned};
use crate::notice::Notice;
use crate::options::ExporterOptions;

/// A [`SpanProcessor`] that stores sampled spans in a [`Store`] of this process.
///
/// It does what [`StoreExporter`](crate::StoreExporter) does behind the SDK's batch processor, with one
/// queue and one thread instead of two each: spans are found a fifth of a second after they ended and
/// not after up to five seconds, what is dropped is in one place, and `force_flush` is durable. No call
/// of it waits on a thread of the service, but for `force_flush`, `shutdown` and dropping it.
#[derive(Debug)]
pub struct StoreProcessor {
    intake: Owned,
}

impl StoreProcessor {
    /// A processor to `store`, with default options. What goes wrong is counted, and told nobody.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn new(store: Store) -> io::Result<Self> {
        Self::with_options(store, ExporterOptions::default(), |_| ())
    }

    /// A processor to `store` that tells `handler` what goes wrong, as
    /// [`StoreExporter::with_options`](crate::StoreExporter::with_options).
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

    /// Counts and flushes, for after the processor was given to a provider.
    pub fn handle(&self) -> ExporterHandle {
        ExporterHandle::new(&self.intake)
    }
}

impl SpanProcessor for StoreProcessor {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    /// Queues the span, if it is sampled.
    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            // What is dropped is counted, and nobody is here to be told.
            let _outcome = self.intake.0.push(vec![span]);
        }
    }

    /// Waits until all spans that ended before are durable; an error if some of them were lost.
    fn force_flush(&self) -> OTelSdkResult {
        self.intake.0.flush(self.intake.0.options().flush_timeout)
    }

    /// Stores what is queued and ends the processor's thread. What was not stored after `timeout` is
    /// still tried.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.intake.0.shutdown(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.intake.0.shutdown(self.intake.0.options().flush_timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.intake.0.set_resource(resource_of(resource));
    }
}
