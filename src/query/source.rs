//! The seam: how the engine reads a block. Invariant: rows are numbered in pre-order, traces one
//! after another, oldest first, so a span's descendants are the rows from its own to its `end`; a
//! source answers tests exactly, by the meaning of `Test::holds` on the values it gives.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::bits::Bits;
use super::close::Close;
use super::near::{Ends, Parents};
use super::rows::Rows;
use super::syntax::Intrinsic;
use super::value::{Scalar, Test};
use crate::codec::cast;
use crate::codec::narrow::Narrow;
use crate::id::SpanId;

/// In [`Source::parents`]: the span has no stored parent.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// What a column has one value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Space {
    /// Each span.
    Spans,
    /// Each event of a span.
    Events,
    /// Each link of a span.
    Links,
}

/// A stored field, without fallbacks: `.x`, `parent.` and defaults are resolved by the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Column {
    /// `span.x`
    SpanAttribute(String),
    /// `resource.x`; absent (not `""`) where the resource has none, `service.name` too.
    ResourceAttribute(String),
    /// `instrumentation.x`
    ScopeAttribute(String),
    /// `event.x`
    EventAttribute(String),
    /// `link.x`
    LinkAttribute(String),
    /// A field that every span (event, link) has; never nil.
    Intrinsic(Intrinsic),
}

impl Column {
    /// What it has one value for.
    pub(crate) fn space(&self) -> Space {
        match self {
            Self::EventAttribute(_)
            | Self::Intrinsic(Intrinsic::EventName | Intrinsic::EventTimeSinceStart) => {
                Space::Events
            }
            Self::LinkAttribute(_)
            | Self::Intrinsic(Intrinsic::LinkTraceId | Intrinsic::LinkSpanId) => Space::Links,
            _ => Space::Spans,
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpanAttribute(key) => write!(f, "span.{key}"),
            Self::ResourceAttribute(key) => write!(f, "resource.{key}"),
            Self::ScopeAttribute(key) => write!(f, "instrumentation.{key}"),
            Self::EventAttribute(key) => write!(f, "event.{key}"),
            Self::LinkAttribute(key) => write!(f, "link.{key}"),
            Self::Intrinsic(intrinsic) => write!(f, "{intrinsic}"),
        }
    }
}

/// A test of one stored field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Predicate {
    /// The field.
    pub(crate) column: Column,
    /// The test.
    pub(crate) test: Test,
}

/// How much work a predicate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// At most so many rows (events, links) of the whole block match.
    pub(crate) matches_max: u32,
    /// True where an index gives the matches, false where the column is scanned.
    pub(crate) indexed: bool,
    /// So many texts are asked first whether they match a pattern.
    pub(crate) texts: u64,
}

/// A row without stored parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loose {
    /// The row.
    pub(crate) row: u32,
    /// Which other such rows of its trace are its siblings.
    pub(crate) kin: Kin,
}

/// What spans without stored parent have in common with their siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kin {
    /// They name no parent.
    NoParentId,
    /// They name this parent, which is not stored.
    Missing(SpanId),
    /// Nothing: a cycle was cut here.
    Nobody,
}

/// Values of rows as numbers, one for each row.
#[derive(Debug)]
pub(crate) enum Numbered {
    /// Places in a list, which may hold a value twice, nil where a row has none.
    Listed {
        /// Of the rows.
        places: Vec<u32>,
        /// No more than there are rows.
        values: Vec<Scalar>,
    },
    /// Numbers in the order of groups, the same where values are the same, and no others.
    Ordered(Vec<u32>),
}

/// The values of all rows of a block as numbers.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// Of each row.
    pub(crate) numbers: Narrow,
    /// The group of each number, the same where values are the same; where it is empty, each number
    /// is a group.
    pub(crate) groups: Vec<u32>,
    /// More than any number and any group.
    pub(crate) end: u32,
}

/// The whole numbers of all rows of a block.
#[derive(Debug)]
pub(crate) enum Wholes {
    /// Every row has one; those above the largest of 64 bits with a sign count as that.
    Each(Arc<[u64]>),
    /// Each row has a place in a list, the last where it has no number.
    Listed {
        /// Of the rows.
        places: Narrow,
        /// The bits of the numbers in the list, and a zero at the end.
        values: Arc<[u64]>,
    },
}

impl Wholes {
    /// The number of a row; `None` where it has none.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> Option<i64> {
        match self {
            Self::Each(numbers) => {
                let number = numbers.get(cast::usize_of(row))?;
                Some(i64::try_from(*number).unwrap_or(i64::MAX))
            }
            Self::Listed { places, values } => {
                let place = cast::usize_of(places.get(cast::usize_of(row))?);
                let (_, values) = values.split_last()?;
                values.get(place).copied().map(cast::i64_of_bits)
            }
        }
    }
}

/// Rows, ascending, each with a whole number.
#[derive(Debug, Default)]
pub(crate) struct Integers {
    /// The rows.
    pub(crate) rows: Vec<u32>,
    /// Their numbers.
    pub(crate) values: Vec<i64>,
}

impl Integers {
    /// Forgets them; keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.values.clear();
    }
}

/// What a whole number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nothing: it is an integer.
    Int,
    /// Nanoseconds of a duration.
    Duration,
}

impl Unit {
    /// The value that a number is.
    pub(crate) fn scalar(self, number: i64) -> Scalar {
        match self {
            Self::Int => Scalar::Int(number),
            Self::Duration => Scalar::Duration(number),
        }
    }
}

/// Rows that pass a test, as bits.
#[derive(Debug)]
pub(crate) struct MarkedRows {
    /// The rows.
    pub(crate) bits: Bits,
    /// How many they are, where that is known without counting.
    pub(crate) spans: Option<u64>,
    /// Of how many traces they are, where that is known without counting.
    pub(crate) traces: Option<u64>,
}

/// What a test that an index answers finds in all rows of a block.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The rows that pass.
    pub(crate) rows: Rows,
    /// How many rows indexes gave until these were known.
    pub(crate) considered: u64,
    /// Whether some rows were looked at one by one.
    pub(crate) checked: bool,
    /// At most so many rows were expected.
    pub(crate) matches_max: u64,
}

impl Answer {
    /// Bytes that it takes.
    pub(crate) fn bytes_len(&self) -> usize {
        self.rows.bytes_len() + size_of::<Self>()
    }
}

/// The last row of each trace, of the first row of each and the row count.
pub(crate) fn last_rows(trace_starts: &[u32]) -> Bits {
    let mut lasts = Bits::over(0..trace_starts.last().copied().unwrap_or(0));
    for start in trace_starts {
        lasts.set(start.wrapping_sub(1));
    }
    lasts
}

/// A block, as the engine reads it. Sets that a source gives are of the predicate's space; windows
/// and `rows` are those rows to which the answer is limited.
pub(crate) trait Source {
    /// Why reading may fail.
    type Error;

    /// How many rows the block has.
    fn row_count(&self) -> u32;

    /// How many rows, events or links the block has.
    fn space_len(&self, space: Space) -> u32;

    /// Looks whether the run is to stop. Once it is, it stays so, answers may lack anything, and what
    /// the run found is not used. Asked once a stage and once in some thousand values, so it has to
    /// be cheap.
    fn stops(&self) -> bool;

    /// True once a look of [`Source::stops`] has said so; looks at nothing itself.
    fn is_stopped(&self) -> bool;

    /// The rows that count, whole traces of them; `None` for all.
    fn live(&self) -> Option<Rows>;

    /// The first row of each trace, and the row count at the end.
    fn trace_starts(&self) -> Result<Arc<[u32]>, Self::Error>;

    /// The last descendant of each row; the row itself for a leaf.
    fn ends(&self) -> Result<Arc<[u32]>, Self::Error>;

    /// The parent of each row, or [`NO_ROW`].
    fn parents(&self) -> Result<Arc<[u32]>, Self::Error>;

    /// The parents for passes over many rows.
    fn near_parents(&self) -> Result<Arc<Parents>, Self::Error> {
        self.parents().map(|parents| Arc::new(Parents::of_whole(&parents)))
    }

    /// The rows that are close to their parents.
    fn close_parents(&self) -> Result<Arc<Close>, Self::Error> {
        Ok(Arc::new(Close::new(self.near_parents()?.steps())))
    }

    /// The ends for passes over many rows.
    fn near_ends(&self) -> Result<Arc<Ends>, Self::Error> {
        self.ends().map(|ends| Arc::new(Ends::of_whole(&ends)))
    }

    /// The last row of each trace.
    fn trace_lasts(&self) -> Result<Arc<Bits>, Self::Error> {
        self.trace_starts().map(|starts| Arc::new(last_rows(&starts)))
    }

    /// The rows without stored parent, ascending; at least those of traces that have several, as only
    /// these may be siblings.
    fn loose(&self) -> Result<Arc<[Loose]>, Self::Error>;

    /// The span row of each event or link, ascending.
    fn owners(&self, space: Space) -> Result<Arc<[u32]>, Self::Error>;

    /// How much work `predicate` is: an upper bound that costs less than finding the matches. It
    /// is asked for more than once.
    fn estimate(&self, predicate: &Predicate) -> Result<Estimate, Self::Error>;

    /// Whether an index gives the rows of a column that pass a test, as [`Estimate::indexed`] says.
    fn is_indexed(&self, column: &Column) -> bool;

    /// What was found in the whole block under a name that says all that it depends on.
    fn answer(&self, _: &Arc<str>) -> Option<Arc<Answer>> {
        None
    }

    /// Keeps what was found in the whole block, for as long as there is room for it.
    fn keep_answer(&self, _: &Arc<str>, _: &Arc<Answer>) {}

    /// Exactly the rows for which the predicate holds and that lie within the window of span rows;
    /// of events and links those owned by such rows.
    fn find(&self, predicate: &Predicate, window: Range<u32>) -> Result<Rows, Self::Error>;

    /// The same as [`Source::find`] gives for spans, as bits, where the source comes by bits first, and how
    /// many they are where it knows; who only counts needs no set. `None` where it does not.
    fn find_marked(
        &self,
        _: &Predicate,
        _: &Range<u32>,
    ) -> Result<Option<MarkedRows>, Self::Error> {
        Ok(None)
    }

    /// Those of `rows` for which it holds, by looking at the column for these rows only.
    fn check(&self, predicate: &Predicate, rows: &Rows) -> Result<Rows, Self::Error>;

    /// The same as [`Source::check`] gives for `rows` that are all in the answers kept under some names;
    /// `None` where the values of the rows that are in all of these answers are not kept.
    fn check_kept(
        &self,
        _: &[Arc<str>],
        _: &Predicate,
        _: &Rows,
    ) -> Result<Option<Rows>, Self::Error> {
        Ok(None)
    }

    /// The values of a column for ascending rows as small numbers. `None` where it is no less work to
    /// ask for the values themselves; that does not depend on the rows.
    fn numbered(&self, _: &Column, _: &[u32]) -> Result<Option<Numbered>, Self::Error> {
        Ok(None)
    }

    /// Appends the values of a column for those of ascending rows that have one. `None`, and nothing
    /// appended, where not all values that the column has are whole numbers of one unit; that does not
    /// depend on the rows.
    fn integers(
        &self,
        _: &Column,
        _: &[u32],
        _: &mut Integers,
    ) -> Result<Option<Unit>, Self::Error> {
        Ok(None)
    }

    /// The values of a column for all rows as numbers, a row without one as if it had `default`.
    /// `None` where there are too many different ones for that to be worth while. Costs a look at
    /// each row and each value, so it is for questions about many rows.
    fn grouping(&self, _: &Column, _: &Scalar) -> Result<Option<Grouping>, Self::Error> {
        Ok(None)
    }

    /// The values of a column for all rows. `None` where not all values that it has are whole numbers
    /// of one unit. Costs as much as [`Source::grouping`].
    fn wholes(&self, _: &Column) -> Result<Option<(Unit, Wholes)>, Self::Error> {
        Ok(None)
    }

    /// Appends the values of a column for ascending rows, nil where there is none.
    fn values(
        &self,
        column: &Column,
        rows: &[u32],
        out: &mut Vec<Scalar>,
    ) -> Result<(), Self::Error>;
}
