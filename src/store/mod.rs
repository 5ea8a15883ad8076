//! The handle that users hold. It wires the rooms: batches go to the journal and into memory, memory
//! becomes blocks of the file, and both are searched. Invariants: a trace lives whole in exactly one
//! block; a reader sees one instant, and no reader waits for a write.

mod aside;
mod background;
mod backup;
mod batch;
mod compact;
mod entry;
mod events;
#[cfg(test)]
mod faults;
mod fold;
mod follow;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handle;
mod ingest;
mod known;
mod limits;
mod maintain;
mod matches;
mod merge;
mod queue;
mod removal;
mod resume;
mod retain;
mod retired;
mod salvage;
mod seal;
mod share;
mod shared;
#[cfg(test)]
mod shares;
mod state;
mod stats;
mod surplus;
#[cfg(test)]
mod tests;
mod verify;
mod warm;

pub use batch::Batch;
pub use events::{Event, Work};
pub use handle::Store;
pub use ingest::Ingested;
pub use maintain::Maintained;
pub use matches::Matches;
pub use removal::Purged;
pub use salvage::Salvaged;
pub use stats::Stats;
pub use verify::{Fault, Place, Verification};
