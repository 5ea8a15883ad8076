//! `TraceQL`: from text to tree to plan to rows. Each step is a plain function between printable
//! types; blocks are seen only through a narrow trait.

pub(crate) mod check;
mod error;
mod result;
pub mod syntax;

pub use check::{CheckedQuery, check, check_search};
pub use error::{QueryError, QueryErrorKind};
pub use result::{FieldValue, SearchMetrics, SearchResult, SpanMatch, Spanset, TraceMatch};
pub use syntax::parse;
