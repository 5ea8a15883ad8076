//! Blocks made of blocks: whole traces are taken over column by column, without spans in between.
//! Dictionaries are merged, value numbers and rows are mapped; structure is worked out anew only where
//! the spans of a trace come from several places. Invariant: the image is the one that the builder
//! makes of the same spans.

mod children;
mod columns;
mod dictionary;
mod image;
mod join;
mod origins;
mod part;
mod pulled;

pub(crate) use image::merged;
pub(crate) use pulled::{MergedTrace, Pulled, whole_traces};

#[cfg(test)]
mod tests;
