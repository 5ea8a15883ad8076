//! Running a plan over a window of one block's traces: filters give sets of rows, structural
//! operators are linear passes over two such sets, pipelines cut them into spansets.

mod aggregate;
mod answers;
mod candidates;
mod counter;
mod execution;
mod filter;
mod groups;
mod items;
mod keep;
mod loaded;
mod nothing;
mod operand;
mod passes;
mod reached;
mod relate;
mod row_counter;
mod spansets;
mod stages;
mod tally;
mod totals;
mod traces;
mod work;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use execution::{Execution, Figures, execute, explain, read_field};
pub(crate) use items::items_of;
pub(crate) use passes::select;
pub(crate) use stages::Found;
pub(crate) use tally::{Tally, tally};
pub(crate) use traces::for_each_trace;
pub(crate) use work::work;
