//! The spans as a table for DuckDB, with the same intervals that Treering has. Invariant: rows are
//! numbered in pre-order, trace after trace by start and id, so a span's descendants are the rows
//! from its own to its `end`.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use treering::model::{Span, Trace, Value};
use treering::{Order, SearchOptions, SpanId, Store};

use crate::duck::Duck;

/// Attributes that questions ask for, each with its column and its type there. Others are left out:
/// a table of few columns is to DuckDB's advantage.
const ATTRIBUTES: [(&str, &str, &str); 5] = [
    ("net.peer.name", "peer", "varchar"),
    ("db.operation", "operation", "varchar"),
    ("http.url", "url", "varchar"),
    ("http.request_id", "request", "varchar"),
    ("http.response_size", "size", "integer"),
];

/// Columns that every span has.
const COLUMNS: [(&str, &str); 11] = [
    ("row", "integer"),
    ("last", "integer"),
    ("parent", "integer"),
    ("family", "integer"),
    ("trace", "integer"),
    ("start", "bigint"),
    ("duration", "bigint"),
    ("service", "varchar"),
    ("name", "varchar"),
    ("kind", "tinyint"),
    ("status", "tinyint"),
];

/// What a span without stored parent has in common with its siblings: the parent id that it names.
type Families = HashMap<Option<SpanId>, u64>;

/// Writes the spans of `store` to `folder` and loads them into the database.
pub(crate) fn load(store: &Store, duck: &mut Duck, folder: &Path) -> Result<u64, Box<dyn Error>> {
    let path = folder.join("spans.csv");
    let rows = write(store, &path)?;
    let attributes = ATTRIBUTES.iter().map(|(_, column, kind)| (*column, *kind));
    let columns = COLUMNS.into_iter().chain(attributes);
    let columns: Vec<String> = columns.map(|(name, kind)| format!("'{name}': '{kind}'")).collect();
    let path = path.display();
    duck.run(&format!(
        "create table loaded as select * from read_csv('{path}', header = false, \
         columns = {{{}}})",
        columns.join(", ")
    ))?;
    // Few values as numbers, as Treering's dictionaries have them.
    duck.run("create type service as enum (select distinct service from loaded order by service)")?;
    duck.run("create type name as enum (select distinct name from loaded order by name)")?;
    duck.run(
        "create table spans as select * replace (service::service as service, name::name as name) \
         from loaded order by row",
    )?;
    duck.run("drop table loaded")?;
    duck.run("create index by_request on spans (request)")?;
    duck.run("checkpoint")?;
    Ok(rows)
}

fn write(store: &Store, path: &Path) -> Result<u64, Box<dyn Error>> {
    let mut options = SearchOptions::all();
    options.order = Order::OldestFirst;
    options.spans_per_spanset = Some(0);
    let mut file = BufWriter::new(File::create(path)?);
    let (mut first, mut number) = (0, 0);
    for found in store.search("{ }", &options)?.traces {
        let trace = store.trace(found.trace_id)?.ok_or("a trace that was found is not there")?;
        write_trace(&mut file, &trace, first, number)?;
        first += u64::try_from(trace.spans().len())?;
        number += 1;
    }
    file.flush()?;
    Ok(first)
}

fn write_trace(
    file: &mut impl Write,
    trace: &Trace,
    first: u64,
    number: u64,
) -> Result<(), Box<dyn Error>> {
    let spans = trace.spans();
    let mut last: Vec<usize> = (0..spans.len()).collect();
    for at in (0..spans.len()).rev() {
        if let Some(parent) = trace.parent(at) {
            last[parent] = last[parent].max(last[at]);
        }
    }
    let mut families = Families::new();
    for ((at, span), last) in spans.iter().enumerate().zip(last) {
        let row = first + u64::try_from(at)?;
        let parent = match trace.parent(at) {
            Some(parent) => Some(first + u64::try_from(parent)?),
            None => None,
        };
        // A row has no negative number, so a family of spans without stored parent has one.
        let family = match parent {
            Some(parent) => i64::try_from(parent)?,
            None => -1 - i64::try_from(*families.entry(span.parent_span_id).or_insert(row))?,
        };
        let last = first + u64::try_from(last)?;
        let parent = parent.map(|parent| parent.to_string()).unwrap_or_default();
        write!(file, "{row},{last},{parent},{family},{number}")?;
        let (start, duration) = (span.start.unix_nanos(), span.duration_nanos());
        write!(file, ",{start},{duration},{}", quoted(span.service_name()))?;
        write!(file, ",{},{},{}", quoted(&span.name), span.kind.0, span.status.code.0)?;
        for (key, ..) in ATTRIBUTES {
            write!(file, ",{}", attribute(span, key))?;
        }
        writeln!(file)?;
    }
    Ok(())
}

/// The attribute of the span, or of its resource where the span has none; nothing where neither has.
fn attribute(span: &Span, key: &str) -> String {
    let mut all = span.attributes.iter().chain(&span.resource.attributes);
    match all.find(|attribute| attribute.key == key).map(|attribute| &attribute.value) {
        Some(Value::String(text)) => quoted(text),
        Some(Value::Int(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
