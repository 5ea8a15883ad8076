//! The handle that users hold. It wires the rooms: batches become blocks, blocks become snapshots,
//! snapshots are searched. Invariants: a trace lives whole in exactly one block; a reader sees one
//! snapshot, and no reader waits for the writer.

mod batch;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handle;
mod ingest;
mod snapshot;
mod stats;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use handle::Store;
pub use ingest::Ingested;
pub use stats::Stats;
