//! `TraceQL`: from text to tree to plan to rows. Each step is a plain function between printable
//! types; blocks are seen only through a narrow trait.

mod above;
pub(crate) mod automaton;
pub(crate) mod bits;
pub(crate) mod check;
pub(crate) mod close;
pub(crate) mod cursor;
mod distant;
mod error;
pub(crate) mod exec;
pub(crate) mod few;
mod field;
mod marking;
pub(crate) mod near;
mod pattern;
pub(crate) mod plan;
mod result;
pub(crate) mod rows;
pub(crate) mod source;
mod subsets;
pub(crate) mod sweep;
pub mod syntax;
pub(crate) mod value;
mod words;

pub use check::{CheckedQuery, check, check_search};
pub use error::{QueryError, QueryErrorKind};
pub use field::field;
pub(crate) use pattern::{Literal, Pattern};
pub use result::{FieldValue, SearchMetrics, SearchResult, SpanMatch, Spanset, TraceMatch};
pub use syntax::parse;
