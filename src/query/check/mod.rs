//! From a tree to a checked query.
//!
//! What the text alone tells about types is checked here, so that a plan need not: operands that never
//! go together, conditions that are none, `nil` where it means nothing, patterns that do not compile,
//! constants that overflow. An attribute's type is known only at run time and goes with everything.
//! `checker` walks the tree; `types` and `scalar` have the rules, `mismatch` the words; `pattern`
//! reads what strings mean beside `=~`, and `class_chars` what that costs.

mod checked;
mod checker;
mod literals;

mod mismatch;
pub(crate) mod scalar;
mod types;

mod class_chars;
pub(crate) mod pattern;

pub use checked::{CheckedQuery, check, check_search};
pub(crate) use literals::Literals;
