//! Queries that are read once and run often. Invariant: what can be run is read, checked and planned;
//! a query belongs to no store and does not change.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use super::prepare::{Prepared, prepare};
use crate::query::{QueryError, check};

/// A search that is read, checked and planned, to be run any number of times on any store. Cheap to
/// clone. `Display` is its canonical text; two with the same one are equal.
///
/// A text can be given instead wherever one is taken ([`ToQuery`]); reading and planning it takes some
/// microseconds, but for the last few texts that a store was asked.
///
/// ```
/// use treering::{Options, PreparedQuery, SearchOptions, Store};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let store = Store::open(folder.path().join("traces.redb"), Options::default())?;
/// let slow: PreparedQuery = "{ kind=server && duration>1s }".parse()?;
/// assert_eq!(slow.to_string(), "{ span:kind = server && span:duration > 1s }");
/// let now = store.count(&slow, &SearchOptions::default())?;
/// let later = store.count(&slow, &SearchOptions::default())?;
/// # assert_eq!((now.traces, later.traces), (0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PreparedQuery(Arc<Prepared>);

impl PreparedQuery {
    /// Reads, checks and plans `text`.
    ///
    /// # Errors
    /// If it is no `TraceQL`, or a metrics query; the error has the place and what would be right.
    pub fn new(text: &str) -> Result<Self, QueryError> {
        Ok(Self(Arc::new(prepare(&check(text)?)?)))
    }

    /// Things in it that are legal and probably not meant; each answer has them too.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    pub(crate) fn prepared(&self) -> &Arc<Prepared> {
        &self.0
    }
}

impl FromStr for PreparedQuery {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::new(text)
    }
}

impl fmt::Display for PreparedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.canonical)
    }
}

impl PartialEq for PreparedQuery {
    fn eq(&self, other: &Self) -> bool {
        self.0.canonical == other.0.canonical
    }
}

impl Eq for PreparedQuery {}

impl Hash for PreparedQuery {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.canonical.hash(state);
    }
}

/// What a store takes as a query: a text, or one that is prepared.
pub trait ToQuery {
    /// The query, ready to run. Cost: reading and planning a text; a prepared one is cloned.
    ///
    /// # Errors
    /// If it is a text that is no query.
    fn to_query(&self) -> Result<PreparedQuery, QueryError>;

    /// The text, where it is one: a store keeps what it made of the last few.
    fn text(&self) -> Option<&str> {
        None
    }
}

impl ToQuery for str {
    fn to_query(&self) -> Result<PreparedQuery, QueryError> {
        PreparedQuery::new(self)
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl ToQuery for String {
    fn to_query(&self) -> Result<PreparedQuery, QueryError> {
        PreparedQuery::new(self)
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl ToQuery for PreparedQuery {
    fn to_query(&self) -> Result<PreparedQuery, QueryError> {
        Ok(self.clone())
    }
}

impl<Q: ToQuery + ?Sized> ToQuery for &Q {
    fn to_query(&self) -> Result<PreparedQuery, QueryError> {
        (**self).to_query()
    }

    fn text(&self) -> Option<&str> {
        (**self).text()
    }
}
