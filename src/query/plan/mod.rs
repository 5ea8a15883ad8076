//! From a checked query to a plan: fields become columns, conditions become tests that an index may
//! answer, and what no test can say is left to be computed span by span.

mod display;
pub(crate) mod field;
pub(crate) mod filter;
mod lower;
mod named;
pub(crate) mod pipeline;

pub(crate) use lower::{flip, mirrored};
pub(crate) use pipeline::{Plan, plan};
