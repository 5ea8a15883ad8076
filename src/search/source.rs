//! The engine's view of a block. Invariant: a predicate is answered by dictionaries and postings where
//! there are some, by a scan of one column otherwise.

use std::ops::Range;
use std::sync::Arc;

use super::brake::Brake;
use super::convert::{kind, status};
use super::numbered::{each_once, placed, shared_of};
use super::passed::{UNION_MAX, rows_of};
use super::table::Field;
use super::texts::Memo;
use super::{computed, durations, structure, traces, view::BlockView, whole};
use crate::block::{Block, BlockError, ColumnKey, Numbers, Slot, Table, field};
use crate::codec::cast::{u64_of, usize_of};
use crate::query::bits::Bits;
use crate::query::close::Close;
use crate::query::near::{Ends, Parents};
use crate::query::rows::Rows;
use crate::query::source::{
    Answer, Column, Estimate, Grouping, Integers, Loose, MarkedRows, Numbered, Predicate, Source,
    Space, Unit, Wholes,
};
use crate::query::syntax::Intrinsic;
use crate::query::value::{Scalar, Test};

/// A block as one query reads it.
pub(super) struct BlockSource<'a> {
    block: &'a Block,
    rows: u32,
    events: u32,
    links: u32,
    live: Option<Rows>,
    memo: Arc<Memo>,
    brake: Brake,
}

/// Where the values of a column lie.
pub(super) enum Place<'a> {
    /// In columns of this table; what is missing reads as the default, where there is one.
    Table(Table, Field<'a>, Option<Scalar>),
    /// On the span that names the trace.
    Root(Box<Place<'a>>),
    /// Nowhere: they are computed.
    Computed(Intrinsic),
}

impl<'a> BlockSource<'a> {
    /// A source of the rows of `view` that count and, where given, are in `within`.
    pub(super) fn new(
        view: &'a BlockView,
        within: Option<Rows>,
        brake: Brake,
    ) -> Result<Self, BlockError> {
        let header = view.block.header()?;
        let live = match (within, view.live_rows()?) {
            (within, None) => within,
            (None, live) => live,
            (Some(within), Some(live)) => Some(within.and(&live)),
        };
        Ok(Self {
            block: &view.block,
            rows: header.rows,
            events: header.events,
            links: header.links,
            live,
            memo: Arc::default(),
            brake,
        })
    }

    fn place(&self, column: &Column) -> Result<Place<'_>, BlockError> {
        let attribute = |table, key| {
            let columns = Field::attribute(self.block, table, key)?
                .remembering(&self.memo)
                .braked(&self.brake);
            Ok(Place::Table(table, columns, None))
        };
        let text = |table, code, default: Option<&str>| {
            let default = default.map(Scalar::text);
            let columns =
                Field::stored(self.block, table, code)?.remembering(&self.memo).braked(&self.brake);
            Ok(Place::Table(table, columns, default))
        };
        match column {
            Column::SpanAttribute(key) => attribute(Table::Spans, key),
            Column::ResourceAttribute(key) => attribute(Table::Resources, key),
            Column::ScopeAttribute(key) => attribute(Table::Scopes, key),
            Column::EventAttribute(key) => attribute(Table::Events, key),
            Column::LinkAttribute(key) => attribute(Table::Links, key),
            Column::Intrinsic(which) => match which {
                Intrinsic::Name => text(Table::Spans, field::NAME, None),
                Intrinsic::StatusMessage => text(Table::Spans, field::STATUS_MESSAGE, Some("")),
                Intrinsic::EventName => text(Table::Events, field::NAME, None),
                Intrinsic::InstrumentationName => text(Table::Scopes, field::NAME, Some("")),
                Intrinsic::InstrumentationVersion => text(Table::Scopes, field::VERSION, Some("")),
                Intrinsic::Status => {
                    let columns =
                        Field::converted(self.block, Table::Spans, field::STATUS, status)?;
                    Ok(Place::Table(Table::Spans, columns, None))
                }
                Intrinsic::Kind => {
                    let columns = Field::converted(self.block, Table::Spans, field::KIND, kind)?;
                    Ok(Place::Table(Table::Spans, columns, None))
                }
                Intrinsic::RootName => {
                    let name = self.place(&Column::Intrinsic(Intrinsic::Name))?;
                    Ok(Place::Root(Box::new(name)))
                }
                Intrinsic::RootService => {
                    let name = Field::service_name(self.block)?;
                    let default = Some(Scalar::text(""));
                    Ok(Place::Root(Box::new(Place::Table(Table::Resources, name, default))))
                }
                other => Ok(Place::Computed(*other)),
            },
        }
    }

    /// The events or links that the spans of a window own, or the window itself.
    fn window_in(&self, space: Space, window: &Range<u32>) -> Result<Range<u32>, BlockError> {
        if space == Space::Spans {
            return Ok(window.start.min(self.rows)..window.end.min(self.rows));
        }
        if window.start == 0 && window.end >= self.rows {
            return Ok(0..self.space_len(space));
        }
        let owners = self.owners(space)?;
        let at = |row: u32| owners.partition_point(|owner| *owner < row);
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Ok(position(at(window.start))..position(at(window.end)))
    }

    /// Rows of the block whose resource or scope is in `shared`.
    fn spread(&self, table: Table, shared: &Rows, window: Range<u32>) -> Result<Rows, BlockError> {
        let code = if table == Table::Resources { field::RESOURCE } else { field::SCOPE };
        let columns = self.block.columns(Table::Spans, &ColumnKey::Field(code))?;
        let Some(column) = columns.first() else { return Ok(Rows::empty()) };
        let numbers = Numbers::List(shared.to_vec());
        Ok(rows_of(column, &numbers, window.clone())?.within(window))
    }

    /// At most so many rows have their resource or scope in `shared`.
    fn spread_max(&self, table: Table, shared: &Rows) -> Result<u32, BlockError> {
        let code = if table == Table::Resources { field::RESOURCE } else { field::SCOPE };
        let columns = self.block.columns(Table::Spans, &ColumnKey::Field(code))?;
        let Some(column) = columns.first() else { return Ok(0) };
        if shared.len() > u64_of(UNION_MAX) {
            return Ok(self.rows);
        }
        Ok(u32::try_from(column.rows_max(&shared.to_vec())?).unwrap_or(self.rows))
    }

    fn find_in(
        &self,
        place: &Place<'_>,
        test: &Test,
        window: Range<u32>,
    ) -> Result<Rows, BlockError> {
        match place {
            Place::Table(table @ (Table::Resources | Table::Scopes), columns, default) => {
                let all = 0..self.block.table_rows(*table)?;
                let shared = columns.find_or_default(default.as_ref(), test, all)?;
                self.spread(*table, &shared, window)
            }
            Place::Table(_, columns, default) => {
                columns.find_or_default(default.as_ref(), test, window)
            }
            Place::Root(inner) => {
                let firsts = self.block.trace_first_rows()?;
                let first = traces::trace_of(&firsts, window.start);
                let mut roots = traces::roots_from(self.block, first)?;
                // A trace's root is within the trace, which may begin before the window.
                let start = firsts.get(usize_of(first)).copied().unwrap_or(0);
                let last = traces::trace_of(&firsts, window.end.saturating_sub(1));
                let end = firsts.get(usize_of(last) + 1).copied().unwrap_or(self.rows);
                let rows = self.find_in(inner, test, start..end)?;
                let holds = |_| Ok(roots.next().is_some_and(|root| rows.contains(root)));
                Ok(traces::rows_within(self.block, window.clone(), holds)?.within(window))
            }
            Place::Computed(which) => computed::find(self.block, *which, test, window),
        }
    }

    fn check_in(&self, place: &Place<'_>, test: &Test, rows: &Rows) -> Result<Rows, BlockError> {
        match place {
            Place::Table(Table::Resources | Table::Scopes, ..) | Place::Root(_) => {
                Ok(self.find_in(place, test, rows.bounds())?.and(rows))
            }
            Place::Table(_, columns, None) => columns.check(test, rows),
            Place::Table(_, columns, Some(default)) => {
                let passed = columns.check(test, rows)?;
                if !test.holds(default) {
                    return Ok(passed);
                }
                let present = columns.check(&Test::Present, rows)?;
                Ok(rows.minus(&present).or(&passed))
            }
            Place::Computed(which) => computed::check(self.block, *which, test, rows),
        }
    }

    fn values_in(
        &self,
        place: &Place<'_>,
        rows: &[u32],
        out: &mut Vec<Scalar>,
    ) -> Result<(), BlockError> {
        let start = out.len();
        match place {
            Place::Table(table @ (Table::Resources | Table::Scopes), columns, default) => {
                let shared = shared_of(self.block, *table, rows)?;
                out.extend(columns.values_of_each(&shared, default.as_ref())?);
            }
            Place::Table(_, columns, default) => {
                out.resize(start + rows.len(), default.clone().unwrap_or_default());
                columns.values(rows, out.get_mut(start..).unwrap_or_default())?;
            }
            Place::Root(inner) => {
                let mut cursor = traces::TraceCursor::new(self.block)?;
                let first = rows.first().map_or(0, |row| cursor.trace_of(*row));
                let mut roots = traces::roots_from(self.block, first)?.zip(first..).peekable();
                let mut root = |row: &u32| {
                    let trace = cursor.trace_of(*row);
                    while roots.next_if(|(_, other)| *other < trace).is_some() {}
                    roots.peek().map_or(0, |(root, _)| *root)
                };
                let of: Vec<u32> = rows.iter().map(&mut root).collect();
                out.extend(each_once(&of, |roots| {
                    let mut values = Vec::new();
                    self.values_in(inner, roots, &mut values)?;
                    Ok(values)
                })?);
            }
            Place::Computed(which) => computed::values(self.block, *which, rows, out)?,
        }
        Ok(())
    }
}

impl Source for BlockSource<'_> {
    type Error = BlockError;

    fn row_count(&self) -> u32 {
        self.rows
    }

    fn space_len(&self, space: Space) -> u32 {
        match space {
            Space::Spans => self.rows,
            Space::Events => self.events,
            Space::Links => self.links,
        }
    }

    fn stops(&self) -> bool {
        self.brake.stops()
    }

    fn is_stopped(&self) -> bool {
        self.brake.is_stopped()
    }

    fn live(&self) -> Option<Rows> {
        self.live.clone()
    }

    fn trace_starts(&self) -> Result<Arc<[u32]>, BlockError> {
        self.block.trace_first_rows()
    }

    fn ends(&self) -> Result<Arc<[u32]>, BlockError> {
        self.block.ends()
    }

    fn parents(&self) -> Result<Arc<[u32]>, BlockError> {
        self.block.parents()
    }

    fn near_parents(&self) -> Result<Arc<Parents>, BlockError> {
        structure::near_parents(self.block)
    }

    fn close_parents(&self) -> Result<Arc<Close>, BlockError> {
        structure::close_parents(self.block)
    }

    fn near_ends(&self) -> Result<Arc<Ends>, BlockError> {
        structure::near_ends(self.block)
    }

    fn trace_lasts(&self) -> Result<Arc<Bits>, BlockError> {
        structure::trace_lasts(self.block)
    }

    fn answer(&self, name: &Arc<str>) -> Option<Arc<Answer>> {
        self.block.kept(&Slot::Named(Arc::clone(name)))
    }

    fn keep_answer(&self, name: &Arc<str>, answer: &Arc<Answer>) {
        self.block.keep(Slot::Named(Arc::clone(name)), answer, answer.bytes_len() + name.len());
    }

    fn loose(&self) -> Result<Arc<[Loose]>, BlockError> {
        structure::loose(self.block)
    }

    fn owners(&self, space: Space) -> Result<Arc<[u32]>, BlockError> {
        match space {
            Space::Spans => Ok((0..self.rows).collect()),
            Space::Events => self.block.event_owners(),
            Space::Links => self.block.link_owners(),
        }
    }

    fn estimate(&self, predicate: &Predicate) -> Result<Estimate, BlockError> {
        let all = self.space_len(predicate.column.space());
        let (matches_max, texts) = match self.place(&predicate.column)? {
            Place::Table(table @ (Table::Resources | Table::Scopes), columns, default) => {
                let shared = 0..self.block.table_rows(table)?;
                let shared = columns.find_or_default(default.as_ref(), &predicate.test, shared)?;
                (self.spread_max(table, &shared)?, 0)
            }
            Place::Table(_, columns, None) => {
                (columns.estimate(&predicate.test)?, columns.texts_to_ask(&predicate.test)?)
            }
            Place::Table(..) | Place::Root(_) | Place::Computed(_) => (all, 0),
        };
        Ok(Estimate { matches_max, indexed: self.is_indexed(&predicate.column), texts })
    }

    /// Attributes and what is stored as a column of values have an index; what is computed row by row
    /// has none, but for what traces are numbered by.
    fn is_indexed(&self, column: &Column) -> bool {
        let Column::Intrinsic(which) = column else { return true };
        matches!(
            which,
            Intrinsic::Name
                | Intrinsic::Status
                | Intrinsic::StatusMessage
                | Intrinsic::Kind
                | Intrinsic::EventName
                | Intrinsic::InstrumentationName
                | Intrinsic::InstrumentationVersion
                | Intrinsic::RootName
                | Intrinsic::RootService
                | Intrinsic::TraceId
                | Intrinsic::TraceDuration
        )
    }

    fn find(&self, predicate: &Predicate, window: Range<u32>) -> Result<Rows, BlockError> {
        let window = self.window_in(predicate.column.space(), &window)?;
        self.find_in(&self.place(&predicate.column)?, &predicate.test, window)
    }

    fn find_marked(
        &self,
        predicate: &Predicate,
        window: &Range<u32>,
    ) -> Result<Option<MarkedRows>, BlockError> {
        match predicate.column {
            Column::Intrinsic(Intrinsic::Duration) => {
                let window = self.window_in(Space::Spans, window)?;
                durations::marked(self.block, &predicate.test, &window)
            }
            _ => Ok(None),
        }
    }

    fn check(&self, predicate: &Predicate, rows: &Rows) -> Result<Rows, BlockError> {
        if rows.is_empty() {
            return Ok(Rows::empty());
        }
        self.check_in(&self.place(&predicate.column)?, &predicate.test, rows)
    }

    fn check_kept(
        &self,
        names: &[Arc<str>],
        predicate: &Predicate,
        rows: &Rows,
    ) -> Result<Option<Rows>, BlockError> {
        if predicate.column != Column::Intrinsic(Intrinsic::Duration) {
            return Ok(None);
        }
        durations::check_kept(self.block, (names, |name| self.answer(name)), &predicate.test, rows)
    }

    fn numbered(&self, column: &Column, rows: &[u32]) -> Result<Option<Numbered>, BlockError> {
        let Place::Table(table, columns, default) = self.place(column)? else { return Ok(None) };
        if table == Table::Spans {
            return columns.numbered(rows, &default.unwrap_or_default());
        }
        let shared = shared_of(self.block, table, rows)?;
        let (places, distinct) = placed(shared, self.block.table_rows(table)?);
        let values = columns.values_of_each(&distinct, default.as_ref())?;
        Ok(Some(Numbered::Listed { places, values }))
    }

    fn integers(
        &self,
        column: &Column,
        rows: &[u32],
        out: &mut Integers,
    ) -> Result<Option<Unit>, BlockError> {
        match self.place(column)? {
            Place::Table(Table::Spans, columns, None) => columns.integers(rows, out),
            Place::Computed(Intrinsic::Duration) => {
                computed::durations_of(self.block, rows, &mut out.values)?;
                out.rows.extend_from_slice(rows);
                Ok(Some(Unit::Duration))
            }
            _ => Ok(None),
        }
    }

    fn grouping(&self, column: &Column, default: &Scalar) -> Result<Option<Grouping>, BlockError> {
        whole::grouping(self.block, &self.place(column)?, default)
    }

    fn wholes(&self, column: &Column) -> Result<Option<(Unit, Wholes)>, BlockError> {
        whole::wholes(self.block, &self.place(column)?)
    }

    fn values(
        &self,
        column: &Column,
        rows: &[u32],
        out: &mut Vec<Scalar>,
    ) -> Result<(), BlockError> {
        self.values_in(&self.place(column)?, rows, out)
    }
}
