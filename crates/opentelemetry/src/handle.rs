//! What is left in the service's hands once the provider has the exporter.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;

use crate::intake::{Intake, Owned};
use crate::stats::ExporterStats;

/// Counts and flushes of a [`StoreExporter`](crate::StoreExporter) or a
/// [`StoreProcessor`](crate::StoreProcessor). Cheap to clone; it keeps neither of them alive, and goes on
/// to count after their end.
#[derive(Debug, Clone)]
pub struct ExporterHandle(Arc<Intake>);

impl ExporterHandle {
    pub(crate) fn new(intake: &Owned) -> Self {
        Self(Arc::clone(&intake.0))
    }

    /// What became of the spans so far. Cost: some atomic reads and a lock held for moments.
    pub fn stats(&self) -> ExporterStats {
        self.0.stats()
    }

    /// Waits until all spans that came before are durable, at most for `timeout`. Spans in the SDK's
    /// batch processor have not come yet: flush the provider for these. From asynchronous code call it
    /// where blocking is right, as in `spawn_blocking`.
    ///
    /// # Errors
    /// If some of them were lost, if it takes longer, or after a shutdown.
    pub fn flush(&self, timeout: Duration) -> OTelSdkResult {
        self.0.flush(timeout)
    }
}
