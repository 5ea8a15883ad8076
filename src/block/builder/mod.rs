//! Builds the image of a block from staged spans whose traces are ordered. Invariant: the same spans
//! give the same bytes, in whatever order they arrived.

mod assemble;
mod children;
mod origin;
mod spans;
mod traces;

pub(super) use assemble::{Sections, image, put_packed, put_plain};
pub(super) use spans::{put_durations, structure as structure_sections};
pub(super) use traces::sections as trace_sections;

#[cfg(test)]
pub(crate) use assemble::build_on;
pub(crate) use assemble::{Built, build};
pub(crate) use origin::entities_of;
pub(crate) use traces::{OrderedTrace, root_of};
