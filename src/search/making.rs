//! Results of matches of one block, each column read once for all of them: to open a column takes longer
//! than to read a value of it. Invariant: a result does not depend on what it is made with.

use super::brake::Brake;
use super::options::SearchOptions;
use super::prepare::Prepared;
use super::source::BlockSource;
use super::wanted::Match;
use crate::block::{Block, BlockError, Section};
use crate::codec::cast::{u64_of, usize_of};
use crate::id::SpanId;
use crate::query::exec::read_field;
use crate::query::plan::field::SERVICE_NAME;
use crate::query::source::{Column, Source};
use crate::query::syntax::Intrinsic;
use crate::query::value::Scalar;
use crate::query::{FieldValue, SpanMatch, Spanset, TraceMatch};
use crate::time::Timestamp;

/// The results of `found`, which are matches of one block.
pub(super) fn make(
    found: &[Match],
    prepared: &Prepared,
    options: &SearchOptions,
) -> Result<Vec<TraceMatch>, BlockError> {
    let Some(view) = found.first().map(|found| &found.view) else { return Ok(Vec::new()) };
    let (block, source) = (&view.block, BlockSource::new(view, None, Brake::default())?);
    let entries = found.iter().map(|found| block.trace_entry(found.trace));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let roots = Texts::read(&source, ascending(entries.iter().map(|entry| entry.root)))?;
    let all_sets = || found.iter().flat_map(|found| &found.sets);
    let count = options.spans_per_spanset.unwrap_or(usize::MAX);
    let mut starts = block.cursor(Section::Starts)?;
    let mut start = |row: u32| starts.get(usize_of(row));
    let earliest = all_sets().map(|set| earliest(&set.rows, count, &mut start));
    let earliest = earliest.collect::<Result<Vec<_>, _>>()?;
    let keys = Keys::read(block, &source, ascending(earliest.iter().flatten().copied()))?;
    let shown: Vec<Vec<u32>> = earliest.iter().map(|rows| keys.first(rows, count)).collect();
    let spans = Spans::read(block, &source, ascending(shown.iter().flatten().copied()), prepared)?;
    let mut shown = shown.into_iter();
    let mut made = Vec::with_capacity(found.len());
    for (found, entry) in found.iter().zip(&entries) {
        let (root_name, root_service) = roots.of(entry.root);
        let span = |row: &u32| spans.of(*row, entry.start, &keys);
        let sets = found.sets.iter().zip(shown.by_ref()).map(|(set, rows)| {
            let attributes = set.attributes.iter();
            Spanset {
                spans: rows.iter().filter_map(span).collect(),
                matched: u64_of(set.rows.len()),
                attributes: attributes
                    .map(|(name, value)| (name.as_ref().to_owned(), value.to_field_value()))
                    .collect(),
            }
        });
        made.push(TraceMatch {
            trace_id: found.id,
            root_service,
            root_name,
            start: entry.start,
            duration_nanos: entry.end.nanos_since(entry.start),
            spansets: sets.collect(),
        });
    }
    Ok(made)
}

/// The same rows, each once.
fn ascending(rows: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut rows: Vec<u32> = rows.collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// Names and services of rows.
struct Texts {
    rows: Vec<u32>,
    names: Vec<String>,
    services: Vec<String>,
}

impl Texts {
    fn read(source: &BlockSource<'_>, rows: Vec<u32>) -> Result<Self, BlockError> {
        let names = texts(source, &Column::Intrinsic(Intrinsic::Name), &rows)?;
        let services = texts(source, &Column::ResourceAttribute(SERVICE_NAME.to_owned()), &rows)?;
        Ok(Self { rows, names, services })
    }

    /// Name and service of a row.
    fn of(&self, row: u32) -> (String, String) {
        let at = self.rows.binary_search(&row).ok();
        let text = |texts: &[String]| at.and_then(|at| texts.get(at)).cloned().unwrap_or_default();
        (text(&self.names), text(&self.services))
    }
}

/// A column's text for some rows; empty where it has none or it is no text.
fn texts(
    source: &BlockSource<'_>,
    column: &Column,
    rows: &[u32],
) -> Result<Vec<String>, BlockError> {
    let mut values = Vec::with_capacity(rows.len());
    source.values(column, rows, &mut values)?;
    values.resize(rows.len(), Scalar::Nil);
    let text = |value: &Scalar| match value {
        Scalar::String(text) => text.as_ref().to_owned(),
        _ => String::new(),
    };
    Ok(values.iter().map(text).collect())
}

/// Those of some rows that may be among the first so many by their starts: where several start when the
/// last of these does, all of them.
fn earliest(
    rows: &[u32],
    count: usize,
    start: impl FnMut(u32) -> Result<u64, BlockError>,
) -> Result<Vec<u32>, BlockError> {
    if rows.len() <= count {
        return Ok(rows.to_vec());
    }
    let Some(last) = count.checked_sub(1) else { return Ok(Vec::new()) };
    let starts = rows.iter().copied().map(start).collect::<Result<Vec<u64>, _>>()?;
    let mut ordered = starts.clone();
    let latest = *ordered.select_nth_unstable(last).1;
    let early = rows.iter().zip(starts).filter(|(_, start)| *start <= latest);
    Ok(early.map(|(row, _)| *row).collect())
}

/// What spans of a set are sorted by: start within the trace, id and kind.
type Key = (u64, SpanId, i32);

/// The keys of rows.
struct Keys {
    rows: Vec<u32>,
    keys: Vec<Key>,
}

impl Keys {
    fn read(block: &Block, source: &BlockSource<'_>, rows: Vec<u32>) -> Result<Self, BlockError> {
        let mut starts = block.cursor(Section::Starts)?;
        let mut kinds = Vec::with_capacity(rows.len());
        source.values(&Column::Intrinsic(Intrinsic::Kind), &rows, &mut kinds)?;
        let mut keys = Vec::with_capacity(rows.len());
        for (row, kind) in rows.iter().zip(&kinds) {
            let kind = if let Scalar::Kind(number) = kind { *number } else { 0 };
            keys.push((starts.get(usize_of(*row))?, block.span_id(*row)?, kind));
        }
        Ok(Self { rows, keys })
    }

    fn of(&self, row: u32) -> Option<Key> {
        let at = self.rows.binary_search(&row).ok()?;
        self.keys.get(at).copied()
    }

    /// The first of some rows.
    fn first(&self, rows: &[u32], count: usize) -> Vec<u32> {
        let keyed = rows.iter().filter_map(|row| Some((self.of(*row)?, *row)));
        let mut keyed: Vec<(Key, u32)> = keyed.collect();
        keyed.sort_unstable();
        keyed.truncate(count);
        keyed.into_iter().map(|(_, row)| row).collect()
    }
}

/// What is shown of spans.
struct Spans<'p> {
    texts: Texts,
    durations: Vec<u64>,
    /// The fields that the query speaks of, with their values.
    fields: Vec<(&'p str, Vec<Scalar>)>,
}

impl<'p> Spans<'p> {
    fn read(
        block: &Block,
        source: &BlockSource<'_>,
        rows: Vec<u32>,
        prepared: &'p Prepared,
    ) -> Result<Self, BlockError> {
        let fields = prepared.fields.iter();
        let fields = fields
            .map(|(name, field)| Ok((name.as_str(), read_field(source, field, &rows)?)))
            .collect::<Result<_, BlockError>>()?;
        let mut cursor = block.cursor(Section::Durations)?;
        let durations = rows.iter().map(|row| cursor.get(usize_of(*row)));
        let durations = durations.collect::<Result<_, _>>()?;
        Ok(Self { texts: Texts::read(source, rows)?, durations, fields })
    }

    /// A span of a trace that starts at `start`.
    fn of(&self, row: u32, start: Timestamp, keys: &Keys) -> Option<SpanMatch> {
        let at = self.texts.rows.binary_search(&row).ok()?;
        let (after, span_id, _) = keys.of(row)?;
        let attributes = self.fields.iter().map(|(name, values)| {
            let value = values.get(at).map_or(FieldValue::Nil, Scalar::to_field_value);
            ((*name).to_owned(), value)
        });
        Some(SpanMatch {
            span_id,
            name: self.texts.names.get(at).cloned().unwrap_or_default(),
            service: self.texts.services.get(at).cloned().unwrap_or_default(),
            start: Timestamp::from_unix_nanos(start.unix_nanos().saturating_add(after)),
            duration_nanos: self.durations.get(at).copied()?,
            attributes: attributes.filter(|(_, value)| *value != FieldValue::Nil).collect(),
        })
    }
}
