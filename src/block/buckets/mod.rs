//! Buckets of the span durations, so that a range of durations is found without reading each. Invariant: a
//! range finds the rows that a look at every duration finds.

mod encode;
mod index;
#[cfg(test)]
mod tests;

pub(super) use encode::encode;
pub(crate) use index::{Buckets, Marked, Members};
