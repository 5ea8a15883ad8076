//! `treering stats`: what is stored and what it takes. Invariant: figures are the store's own; only
//! sums and ratios are computed here.

use std::io::Write;
use std::path::Path;

use comfy_table::CellAlignment;
use serde_json::{Value, json};
use treering::model::{OneLine, ShortDuration};
use treering::{Stats, Timestamp};

use crate::args::{Output, ReportArgs};
use crate::failure::Failure;
use crate::store::Opened;
use crate::terminal;

/// Runs `treering stats`.
pub(crate) fn run(store: &Path, args: &ReportArgs, out: &mut impl Write) -> Result<(), Failure> {
    show(&Opened::existing(store)?, args.output.output, out)
}

/// Shows the figures of the store.
pub(crate) fn show(opened: &Opened, output: Output, out: &mut impl Write) -> Result<(), Failure> {
    let stats = opened.store.stats().map_err(|source| opened.failure("count", source))?;
    match output {
        Output::Table => write(&stats, out)?,
        Output::Json | Output::Jsonl => writeln!(out, "{}", figures(&stats))?,
    }
    Ok(())
}

/// All figures, named as in the library; times as RFC 3339.
fn figures(stats: &Stats) -> Value {
    let range = |range: Option<(Timestamp, Timestamp)>| {
        range.map(|(start, end)| json!([start.to_string(), end.to_string()]))
    };
    let sections = stats.section_bytes.iter().cloned();
    let sections: serde_json::Map<_, _> =
        sections.map(|(name, bytes)| (name, Value::from(bytes))).collect();
    json!({
        "spans": stats.spans,
        "traces": stats.traces,
        "blocks": stats.blocks,
        "head_spans": stats.head_spans,
        "head_bytes": stats.head_bytes,
        "file_bytes": stats.file_bytes,
        "allocated_bytes": stats.allocated_bytes,
        "time_range": range(stats.time_range),
        "replaced_spans": stats.replaced_spans,
        "duplicate_spans": stats.duplicate_spans,
        "too_old_spans": stats.too_old_spans,
        "dropped_blocks": stats.dropped_blocks,
        "dropped_traces": stats.dropped_traces,
        "dropped_spans": stats.dropped_spans,
        "dropped_time_range": range(stats.dropped_time_range),
        "over_share_traces": stats.over_share_traces,
        "over_share_spans": stats.over_share_spans,
        "over_share_time_range": range(stats.over_share_time_range),
        "section_bytes": sections,
    })
}

/// A range of time and how long it is.
fn shown((start, end): (Timestamp, Timestamp)) -> String {
    format!("{start:.3} to {end:.3} ({})", ShortDuration(end.nanos_since(start)))
}

fn write(stats: &Stats, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "spans          {}", terminal::count(stats.spans))?;
    writeln!(out, "traces         {}", terminal::count(stats.traces))?;
    writeln!(out, "blocks         {}", terminal::count(stats.blocks))?;
    if stats.head_spans > 0 {
        let spans = terminal::plural(stats.head_spans, "span");
        let bytes = terminal::count(stats.head_bytes);
        writeln!(out, "in the journal {spans} ({bytes} bytes)")?;
    }
    writeln!(out, "bytes of file  {}", terminal::count(stats.file_bytes))?;
    let each = terminal::ratio(stats.allocated_bytes, stats.spans);
    writeln!(out, "bytes on disk  {} ({each:.1} B/span)", terminal::count(stats.allocated_bytes))?;
    if stats.replaced_spans > 0 {
        writeln!(out, "replaced       {}", terminal::plural(stats.replaced_spans, "span"))?;
    }
    if stats.duplicate_spans > 0 {
        writeln!(out, "repeated       {}", terminal::plural(stats.duplicate_spans, "span"))?;
    }
    if let Some(range) = stats.time_range {
        writeln!(out, "time           {}", shown(range))?;
    }
    if stats.too_old_spans > 0 {
        writeln!(out, "too old        {}", terminal::plural(stats.too_old_spans, "span"))?;
    }
    if let Some(range) = stats.dropped_time_range {
        let spans = terminal::plural(stats.dropped_spans, "span");
        let traces = terminal::plural(stats.dropped_traces, "trace");
        writeln!(out, "dropped        {spans} of {traces}, {}", shown(range))?;
    }
    if let Some(range) = stats.over_share_time_range {
        let spans = terminal::plural(stats.over_share_spans, "span");
        let traces = terminal::plural(stats.over_share_traces, "trace");
        writeln!(out, "over share     {spans} of {traces}, {}", shown(range))?;
    }
    if stats.section_bytes.is_empty() {
        return Ok(());
    }
    let mut sections = stats.section_bytes.clone();
    sections.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    let total = sections.iter().map(|(_, bytes)| *bytes).fold(0_u64, u64::saturating_add);
    sections.push(("all sections".to_owned(), total));
    let mut table = terminal::table(&["SECTION", "BYTES", "B/SPAN"]);
    for (name, bytes) in &sections {
        let each = terminal::ratio(*bytes, stats.spans);
        table.add_row([OneLine(name).to_string(), terminal::count(*bytes), format!("{each:.2}")]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out)?;
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
