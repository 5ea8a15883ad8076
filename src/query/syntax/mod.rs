//! From query text to a tree: tokens, grammar, tree, printer.

mod ast;
mod metrics;
mod range;

pub use ast::*;
pub use metrics::MetricsExpr;
pub use range::TextRange;
