//! From a tree to a checked query: types, scopes and regular expressions.

mod checked;

pub use checked::{CheckedQuery, check, check_search};
