//! Running a plan over a window of one block's traces: filters give sets of rows, structural
//! operators are linear passes over two such sets, pipelines cut them into spansets.

#[cfg(test)]
mod measure;
pub(crate) mod passes;
pub(crate) mod relate;
#[cfg(test)]
pub(crate) mod testing;
