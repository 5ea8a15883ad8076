//! Facts of whole traces, and rows chosen by them. Invariant: a trace's rows pass together or not at
//! all.

use crate::block::{Block, BlockError, ColumnKey, Section, Table, field};
use crate::codec::cast::{low_u32, u32_of, usize_of};
use crate::id::TraceId;
use crate::query::rows::Rows;
use crate::query::syntax::Intrinsic;
use crate::query::value::{Id, Scalar};
use crate::time::Timestamp;

/// The rows of those traces for which `holds` is true, by trace number.
pub(super) fn rows_where(
    block: &Block,
    mut holds: impl FnMut(u32) -> Result<bool, BlockError>,
) -> Result<Rows, BlockError> {
    let firsts = block.trace_first_rows()?;
    let mut ranges = Vec::new();
    for (bounds, number) in firsts.windows(2).zip(0u32..) {
        if let [first, next] = bounds
            && holds(number)?
        {
            ranges.push(*first..*next);
        }
    }
    Ok(Rows::from_ranges(ranges.into_iter()))
}

/// The number of the trace that `row` belongs to.
pub(super) fn trace_of(firsts: &[u32], row: u32) -> u32 {
    let after = firsts.partition_point(|first| *first <= row);
    u32_of(after).unwrap_or(0).saturating_sub(1)
}

/// The row of the span that names each trace.
pub(super) fn roots(block: &Block) -> Result<Vec<u32>, BlockError> {
    let firsts = block.trace_first_rows()?;
    let roots = block.wide(Section::TraceRoots)?;
    let last = block.header()?.rows.saturating_sub(1);
    let row = |(first, root): (&u32, &u64)| first.saturating_add(low_u32(*root)).min(last);
    Ok(firsts.iter().zip(roots.iter()).map(row).collect())
}

/// The value of a trace-level intrinsic for every trace; `None` for other intrinsics.
pub(super) fn values(block: &Block, which: Intrinsic) -> Result<Option<Vec<Scalar>>, BlockError> {
    let times = |section| block.wide(section);
    Ok(Some(match which {
        Intrinsic::TraceId => {
            let count = block.header()?.traces;
            let ids = block.records(Section::TraceIds, 16, 0, count)?;
            let id = |bytes: &[u8]| TraceId::from_slice(bytes).unwrap_or_default();
            ids.chunks_exact(16).map(|bytes| Scalar::Id(Id::from(id(bytes)))).collect()
        }
        Intrinsic::TraceDuration => {
            let (starts, ends) = (times(Section::TraceStarts)?, times(Section::TraceEnds)?);
            let spans = starts.iter().zip(ends.iter());
            spans.map(|(start, end)| Scalar::of_nanos(end.saturating_sub(*start))).collect()
        }
        Intrinsic::TraceStartTime => {
            let starts = times(Section::TraceStarts)?;
            let time = |nanos: &u64| Scalar::Time(Timestamp::from_unix_nanos(*nanos));
            starts.iter().map(time).collect()
        }
        Intrinsic::TraceSpanCount => {
            let firsts = block.trace_first_rows()?;
            let sizes = firsts.windows(2).map(|bounds| match bounds {
                [first, next] => next.saturating_sub(*first),
                _ => 0,
            });
            sizes.map(|size| Scalar::Int(i64::from(size))).collect()
        }
        Intrinsic::TraceErrorCount => counts(block, &error_rows(block)?)?,
        Intrinsic::TraceServiceCount => service_counts(block)?,
        _ => return Ok(None),
    }))
}

fn error_rows(block: &Block) -> Result<Rows, BlockError> {
    let status = super::table::Field::converted(block, Table::Spans, field::STATUS, |value| {
        super::source::status(value)
    })?;
    let error = crate::query::value::Test::Compare(
        crate::query::syntax::CompareOp::Equal,
        Scalar::Status(crate::model::StatusCode::ERROR.0),
    );
    status.find(&error, 0..block.header()?.rows)
}

fn counts(block: &Block, rows: &Rows) -> Result<Vec<Scalar>, BlockError> {
    let firsts = block.trace_first_rows()?;
    let count = |bounds: &[u32]| match bounds {
        [first, next] => i64::try_from(rows.count_in(*first..*next)).unwrap_or(i64::MAX),
        _ => 0,
    };
    Ok(firsts.windows(2).map(|bounds| Scalar::Int(count(bounds))).collect())
}

/// How many different texts `resource.service.name` has in each trace; absent counts as `""`, and so
/// does what is no text.
fn service_counts(block: &Block) -> Result<Vec<Scalar>, BlockError> {
    let resources: Vec<u32> = (0..block.table_rows(Table::Resources)?).collect();
    let names = super::table::Field::service_name(block)?;
    let mut services = vec![Scalar::text(""); resources.len()];
    names.values(&resources, &mut services)?;
    let columns = block.columns(Table::Spans, &ColumnKey::Field(field::RESOURCE))?;
    let numbers = match columns.first() {
        Some(column) => column.numbers()?,
        None => return Ok(Vec::new()),
    };
    let firsts = block.trace_first_rows()?;
    let mut result = Vec::new();
    for bounds in firsts.windows(2) {
        let [first, next] = bounds else { continue };
        let mut seen: Vec<&Scalar> = Vec::new();
        for resource in numbers.get(usize_of(*first)..usize_of(*next)).unwrap_or_default() {
            if let Some(service) = services.get(usize_of(*resource))
                && !seen.contains(&service)
            {
                seen.push(service);
            }
        }
        result.push(Scalar::Int(i64::try_from(seen.len()).unwrap_or(i64::MAX)));
    }
    Ok(result)
}
