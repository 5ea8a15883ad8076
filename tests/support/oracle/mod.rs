//! The naive oracle: `TraceQL` read straight off its description, by nested loops over model spans.
//! Invariant: nothing of the engine is used but the model and the syntax tree, so that an error is
//! not made twice.
//!
//! `tree` says who is whose parent, `fields` what a field of a span is, `values` how values compare
//! and calculate, `expr` what an expression is on one span, `spansets` what operators select, and
//! `pipeline` what stages do with it, and `shown` which values come with the answer.

mod answer;
mod expr;
mod fields;
mod pipeline;
mod scalar;
mod shown;
mod spansets;
mod time;
mod tree;
mod unknown;
mod values;

pub(crate) use answer::{Answer, Ask, Oracle, SpanAnswer, SpansetAnswer, TraceAnswer};
pub(crate) use shown::text;
pub(crate) use tree::{normalised, pre_order, stored};
use unknown::unknown;
