//! Names and values of one block with their counts. Invariant: what a column holds is counted by its
//! dictionary and postings; only what no column holds is computed for single rows.

use super::brake::Brake;
use super::convert::{self, Convert};
use super::options::SearchOptions;
use super::prepare::Prepared;
use super::source::BlockSource;
use super::tag_tally::{Names, Tally, Weights, column_types};
use super::tags::TagScope;
use super::times::rows_in_time;
use super::view::BlockView;
use crate::block::{Block, BlockError, ColumnKey, Table, field};
use crate::codec::cast::usize_of;
use crate::query::exec::{execute, items_of, read_field};
use crate::query::plan::field::{Lookup, Resolved, SERVICE_NAME, resolve};
use crate::query::rows::Rows;
use crate::query::source::{Column, Source, Space, Unit, Wholes};
use crate::query::syntax::{Field, Intrinsic};
use crate::query::value::Scalar;

/// Of one in so many rows of a block, a whole column is read.
const MANY_ROWS_SHARE: u64 = 16;

/// So many values are computed between two looks at the clock.
const LOOK_ROWS: usize = 1 << 16;

/// The rows of a block that count.
pub(super) struct Selection<'a> {
    block: &'a Block,
    source: BlockSource<'a>,
    /// `None` for all.
    rows: Option<Rows>,
}

impl<'a> Selection<'a> {
    /// The rows of traces in time that no mask hides; with a query, those that it finds, and none
    /// where that was stopped.
    pub(super) fn new(
        view: &'a BlockView,
        query: Option<&Prepared>,
        bounds: &SearchOptions,
    ) -> Result<Self, BlockError> {
        let source = BlockSource::new(view, rows_in_time(view, bounds)?, Brake::new(bounds))?;
        let rows = match query {
            None => source.live(),
            Some(query) => {
                let (found, _) = execute(&query.plan, &source, 0..source.row_count())?;
                Some(found.map(|found| found.rows()).unwrap_or_default())
            }
        };
        Ok(Self { block: &view.block, source, rows })
    }

    /// True where no row counts.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.as_ref().map_or(self.source.row_count() == 0, Rows::is_empty)
    }

    /// True once it was stopped: then not all that counts was counted.
    pub(super) fn is_stopped(&self) -> bool {
        self.source.is_stopped()
    }

    /// Adds the names of a scope.
    pub(super) fn names(&self, scope: TagScope, names: &mut Names) -> Result<(), BlockError> {
        let table = match scope {
            TagScope::Span => Table::Spans,
            TagScope::Resource => Table::Resources,
            TagScope::Event => Table::Events,
            TagScope::Link => Table::Links,
            TagScope::Instrumentation => Table::Scopes,
            TagScope::Intrinsic => return self.intrinsics(names),
        };
        let directory = self.block.directory(table)?;
        let mut keys: Vec<&ColumnKey> = directory.columns.iter().map(|entry| &entry.key).collect();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        let weights = self.weights(table)?;
        for key in keys {
            let ColumnKey::Attribute(name) = key else { continue };
            if self.source.stops() {
                return Ok(());
            }
            for column in self.block.columns(table, key)? {
                let count = weights.present(&column)?;
                if count > 0 {
                    names.add(name, count, column_types(&column, &weights)?);
                }
            }
        }
        Ok(())
    }

    fn intrinsics(&self, names: &mut Names) -> Result<(), BlockError> {
        let totals = [Space::Spans, Space::Events, Space::Links]
            .map(|space| Ok((space, self.weights(table_of(space))?.total())));
        let totals = totals.into_iter().collect::<Result<Vec<_>, BlockError>>()?;
        for intrinsic in Intrinsic::all() {
            let own = Column::Intrinsic(intrinsic).space();
            let total = totals.iter().find(|(space, _)| *space == own).map_or(0, |(_, all)| *all);
            names.add(intrinsic.short_name(), total, [intrinsic.value_type()]);
        }
        Ok(())
    }

    /// Adds the values of a field.
    pub(super) fn values(&self, field: &Field, tally: &mut Tally) -> Result<(), BlockError> {
        let empty = Scalar::text("");
        match resolve(field) {
            Resolved::Span(of) if of.parent => {
                let rows = self.listed(Space::Spans)?;
                self.each_value(&rows, tally, |rows| read_field(&self.source, field, rows))
            }
            Resolved::Item(column) => self.column(&column, tally),
            Resolved::Span(of) => match &of.lookup {
                Lookup::Plain(column) => self.column(column, tally),
                Lookup::SpanThenResource(key) => self.span_then_resource(key, tally),
                Lookup::ServiceName => {
                    let weights = self.weights(Table::Resources)?;
                    self.attribute(Table::Resources, SERVICE_NAME, Some(&empty), &weights, tally)
                }
            },
        }
    }

    /// Span values, and the resource's for spans that have none of any type.
    fn span_then_resource(&self, key: &str, tally: &mut Tally) -> Result<(), BlockError> {
        let own = self.block.columns(Table::Spans, &ColumnKey::Attribute(key.to_owned()))?;
        tally.add_columns(&own, Scalar::of, None, &self.weights(Table::Spans)?)?;
        let mut rest = self.rows.clone();
        for column in &own {
            let present = Rows::from_shared(column.presence()?);
            rest = Some(match rest {
                None => present.complement(0..self.source.row_count()),
                Some(rest) => rest.minus(&present),
            });
        }
        let empty = Scalar::text("");
        let default = (key == SERVICE_NAME).then_some(&empty);
        let weights = self.shared(field::RESOURCE, rest.as_ref())?;
        self.attribute(Table::Resources, key, default, &weights, tally)
    }

    fn attribute(
        &self,
        table: Table,
        key: &str,
        default: Option<&Scalar>,
        weights: &Weights,
        tally: &mut Tally,
    ) -> Result<(), BlockError> {
        let columns = self.block.columns(table, &ColumnKey::Attribute(key.to_owned()))?;
        tally.add_columns(&columns, Scalar::of, default, weights)
    }

    fn column(&self, column: &Column, tally: &mut Tally) -> Result<(), BlockError> {
        let stored = match column {
            Column::SpanAttribute(key) => (Table::Spans, key),
            Column::ResourceAttribute(key) => (Table::Resources, key),
            Column::ScopeAttribute(key) => (Table::Scopes, key),
            Column::EventAttribute(key) => (Table::Events, key),
            Column::LinkAttribute(key) => (Table::Links, key),
            Column::Intrinsic(which) => return self.intrinsic(*which, tally),
        };
        let (table, key) = stored;
        self.attribute(table, key, None, &self.weights(table)?, tally)
    }

    fn intrinsic(&self, which: Intrinsic, tally: &mut Tally) -> Result<(), BlockError> {
        let plain: Convert = Scalar::of;
        let (table, code, convert, has_default): (Table, u8, Convert, bool) = match which {
            Intrinsic::Name => (Table::Spans, field::NAME, plain, false),
            Intrinsic::Status => (Table::Spans, field::STATUS, convert::status, false),
            Intrinsic::Kind => (Table::Spans, field::KIND, convert::kind, false),
            Intrinsic::StatusMessage => (Table::Spans, field::STATUS_MESSAGE, plain, true),
            Intrinsic::EventName => (Table::Events, field::NAME, plain, false),
            Intrinsic::InstrumentationName => (Table::Scopes, field::NAME, plain, true),
            Intrinsic::InstrumentationVersion => (Table::Scopes, field::VERSION, plain, true),
            Intrinsic::TraceId
            | Intrinsic::TraceDuration
            | Intrinsic::TraceStartTime
            | Intrinsic::TraceSpanCount
            | Intrinsic::TraceServiceCount
            | Intrinsic::TraceErrorCount
            | Intrinsic::RootName
            | Intrinsic::RootService => return self.of_traces(which, tally),
            _ => return self.computed(which, tally),
        };
        let columns = self.block.columns(table, &ColumnKey::Field(code))?;
        let empty = Scalar::text("");
        tally.add_columns(&columns, convert, has_default.then_some(&empty), &self.weights(table)?)
    }

    /// Counts what all spans of a trace have in common: one value a trace.
    fn of_traces(&self, which: Intrinsic, tally: &mut Tally) -> Result<(), BlockError> {
        let firsts = self.block.trace_first_rows()?;
        let (_, rows) = firsts.split_last().unwrap_or((&0, &[]));
        let mut values = Vec::with_capacity(rows.len());
        self.source.values(&Column::Intrinsic(which), rows, &mut values)?;
        for (bounds, value) in firsts.windows(2).zip(values) {
            let [first, next] = bounds else { continue };
            let count = match &self.rows {
                None => u64::from(next.saturating_sub(*first)),
                Some(rows) => rows.count_in(*first..*next),
            };
            tally.add(value, count);
        }
        Ok(())
    }

    /// Counts what no column holds, row by row.
    fn computed(&self, which: Intrinsic, tally: &mut Tally) -> Result<(), BlockError> {
        let column = Column::Intrinsic(which);
        if self.is_many()
            && let Some((Unit::Duration, Wholes::Each(numbers))) = self.source.wholes(&column)?
        {
            self.durations(&numbers, tally);
            return Ok(());
        }
        let rows = self.listed(column.space())?;
        self.each_value(&rows, tally, |rows| {
            let mut values = Vec::with_capacity(rows.len());
            self.source.values(&column, rows, &mut values)?;
            Ok(values)
        })
    }

    /// Counts what `values` gives of rows, once each, until it is stopped.
    fn each_value(
        &self,
        rows: &[u32],
        tally: &mut Tally,
        values: impl Fn(&[u32]) -> Result<Vec<Scalar>, BlockError>,
    ) -> Result<(), BlockError> {
        for rows in rows.chunks(LOOK_ROWS) {
            if self.source.stops() {
                break;
            }
            let values = values(rows)?;
            // Values that were read while it stopped may not be those of the rows.
            if self.is_stopped() {
                break;
            }
            for value in values {
                tally.add(value, 1);
            }
        }
        Ok(())
    }

    /// True where reading a whole column pays.
    fn is_many(&self) -> bool {
        let all = u64::from(self.source.row_count());
        self.rows.as_ref().is_none_or(|rows| rows.len().saturating_mul(MANY_ROWS_SHARE) >= all)
    }

    /// Counts the durations of spans.
    fn durations(&self, numbers: &[u64], tally: &mut Tally) {
        let whole = |number: &u64| i64::try_from(*number).unwrap_or(i64::MAX);
        match &self.rows {
            None => tally.add_durations(numbers.iter().map(whole)),
            Some(rows) => rows.for_each_batch(|batch| {
                let of_rows = batch.iter().filter_map(|row| numbers.get(usize_of(*row)));
                tally.add_durations(of_rows.map(whole));
            }),
        }
    }

    /// The spans (events, links) that count.
    fn listed(&self, space: Space) -> Result<Vec<u32>, BlockError> {
        Ok(match self.weights(table_of(space))? {
            Weights::Rows(Some(rows), _) => rows.to_vec(),
            Weights::Rows(None, all) => (0..all).collect(),
            Weights::Shared(_) => Vec::new(),
        })
    }

    /// How much the rows of a table count.
    fn weights(&self, table: Table) -> Result<Weights, BlockError> {
        let space = match table {
            Table::Spans => Space::Spans,
            Table::Events => Space::Events,
            Table::Links => Space::Links,
            Table::Resources => return self.shared(field::RESOURCE, self.rows.as_ref()),
            Table::Scopes => return self.shared(field::SCOPE, self.rows.as_ref()),
        };
        let all = self.source.space_len(space);
        Ok(match &self.rows {
            None => Weights::Rows(None, all),
            Some(rows) if space == Space::Spans => Weights::Rows(Some(rows.clone()), all),
            Some(_) if all == 0 => Weights::Rows(None, 0),
            Some(rows) => Weights::Rows(Some(items_of(rows, &self.source.owners(space)?)), all),
        })
    }

    /// How many of the spans have each resource or scope.
    fn shared(&self, code: u8, rows: Option<&Rows>) -> Result<Weights, BlockError> {
        let columns = self.block.columns(Table::Spans, &ColumnKey::Field(code))?;
        let Some(column) = columns.first() else { return Ok(Weights::Shared(Vec::new())) };
        Ok(Weights::Shared(column.value_counts(rows.map(Rows::bitmap))?))
    }
}

fn table_of(space: Space) -> Table {
    match space {
        Space::Spans => Table::Spans,
        Space::Events => Table::Events,
        Space::Links => Table::Links,
    }
}
