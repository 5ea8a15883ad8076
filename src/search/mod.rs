//! Searching blocks: the engine's `Source` over the columns of a block, and the fan-out over blocks
//! with order, limits and merging. Invariant: a block is read through its columns and indexes; whole
//! spans are rebuilt for results only.

mod computed;
mod source;
mod structure;
mod table;
mod traces;
mod view;

pub(crate) use view::BlockView;
