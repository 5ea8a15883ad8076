//! Searching blocks: the engine's `Source` over the columns of a block, and the fan-out over blocks
//! with order, limits and merging. Invariant: a block is read through its columns and indexes; whole
//! spans are rebuilt for `trace` only.

mod brake;
mod charges;
mod computed;
mod convert;
mod count;
mod crew;
mod durations;
mod explain;
mod extremes;
mod ids;
mod making;
mod numbered;
mod options;
mod order;
mod passed;
mod patience;
mod pool;
mod prepare;
mod query;
mod ranks;
mod results;
mod run;
mod seek;
mod source;
mod structure;
mod table;
mod tag_counts;
mod tag_tally;
mod tags;
mod texts;
mod times;
mod traces;
mod view;
mod wanted;
mod whole;
mod window;

pub(crate) use charges::{Charge, charges};
pub(crate) use count::count;
pub use explain::Explanation;
pub(crate) use explain::explain;
pub use options::{CancelToken, Counts, SearchOptions};
pub use order::{Cursor, Order, ParseCursorError};
pub(crate) use pool::Pool;
pub use query::{PreparedQuery, ToQuery};
pub(crate) use results::{Findings, has_trace, trace, warm};
pub use tags::{
    ParseTagScopeError, ScopeTags, TagName, TagNames, TagOptions, TagScope, TagValue, TagValues,
};
pub(crate) use tags::{tag_names, tag_values};
pub(crate) use view::{BlockTimes, BlockView};
