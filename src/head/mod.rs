//! The head: blocks that are still in memory, and the work of keeping every trace whole in one of
//! them. Invariant: what is done here changes nothing but working memory; the store makes it count.

mod fold;
mod gather;
mod memory;
mod together;

pub(crate) use fold::{United, unite};
pub(crate) use gather::{Made, Place, make, merge};
pub(crate) use memory::in_memory;
pub(crate) use together::{Staged, together};
