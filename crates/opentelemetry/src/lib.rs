//! Spans of the OpenTelemetry SDK into a [`treering::Store`] of the same process: [`StoreProcessor`]
//! and [`StoreExporter`] take them, [`ExporterOptions`] says how, [`Notice`] is what a service is told,
//! [`ExporterHandle`] has the counts.
//!
#![doc = include_str!("../README.md")]

mod convert;
mod exporter;
mod handle;
mod intake;
mod notice;
mod options;
mod processor;
mod stats;
mod weight;
mod worker;

pub use exporter::StoreExporter;
pub use handle::ExporterHandle;
pub use notice::Notice;
pub use options::{ExportWait, ExporterOptions};
pub use processor::StoreProcessor;
pub use stats::{Dropped, ExporterStats};
