//! `treering tags` and `treering values`: which names there are and which values they have, as tables
//! or in the shape of Tempo's tag endpoints (<https://grafana.com/docs/tempo/latest/api_docs/>).
//! Invariant: counts and types stand beside what Tempo says, never instead of it.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};
use treering::query::{self, syntax::ValueType};
use treering::{CancelToken, TagName, TagNames, TagOptions, TagScope, TagValue, TagValues};

use crate::args::{Output, TagArgs, TagsArgs, ValuesArgs};
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Spinner;
use crate::query::words;
use crate::store::Opened;
use crate::terminal;

/// Widest name or value.
const TEXT_COLUMNS: usize = 100;

/// Said where the limit cut the answer.
const CUT: &str = "there are more than these; --limit all shows them";

/// Shown while it takes long.
const COUNTING: &str = "counting; Ctrl-C stops";

/// Said where the time was over, or Ctrl-C was pressed, before the end.
const STOPPED: &str = "partial: stopped before the end";

/// What an answer lacks.
#[derive(Debug, Clone, Copy)]
struct Lacks {
    truncated: bool,
    partial: bool,
}

/// Runs `treering tags`.
pub(crate) fn run_names(
    store: &Path,
    args: &TagsArgs,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let options = options(&args.of)?;
    let opened = Opened::existing(store)?;
    let spinner = Spinner::start(COUNTING);
    let found = opened.store.tag_names(args.scope, args.of.query.as_deref(), &options);
    spinner.stop();
    let found = found.map_err(|error| failure(error, &args.of, &opened))?;
    let lacks = Lacks { truncated: found.truncated, partial: found.partial };
    match args.of.output.output {
        Output::Table => write_names(&found, lacks, out)?,
        Output::Json => write_json(&names_json(&found), lacks, out)?,
        Output::Jsonl => {
            for scope in &found.scopes {
                write_lines(scope.tags.iter().map(|tag| name_json(scope.scope, tag)), out)?;
            }
            say_lacks(lacks)?;
        }
    }
    end(&options, lacks)
}

/// Runs `treering values`.
pub(crate) fn run_values(
    store: &Path,
    args: &ValuesArgs,
    out: &mut impl Write,
) -> Result<(), Failure> {
    query::field(&args.field).map_err(|error| Failure::Query(error, args.field.clone()))?;
    let options = options(&args.of)?;
    let opened = Opened::existing(store)?;
    let spinner = Spinner::start(COUNTING);
    let found = opened.store.tag_values(&args.field, args.of.query.as_deref(), &options);
    spinner.stop();
    let found = found.map_err(|error| failure(error, &args.of, &opened))?;
    let lacks = Lacks { truncated: found.truncated, partial: found.partial };
    match args.of.output.output {
        Output::Table => write_values(&found, lacks, out)?,
        Output::Json => write_json(&values_json(&found), lacks, out)?,
        Output::Jsonl => {
            write_lines(found.values.iter().map(value_json), out)?;
            say_lacks(lacks)?;
        }
    }
    end(&options, lacks)
}

/// How the command ends.
fn end(options: &TagOptions, lacks: Lacks) -> Result<(), Failure> {
    let is_stopped = options.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
    if lacks.partial && is_stopped { Err(Failure::Interrupted) } else { Ok(()) }
}

/// What was asked for. A wrong query is said to be wrong even where there is no store yet.
fn options(args: &TagArgs) -> Result<TagOptions, Failure> {
    args.times.check()?;
    if let Some(text) = &args.query {
        let checked = query::check(text).map_err(|error| Failure::Query(error, text.clone()))?;
        for warning in checked.warnings() {
            writeln!(anstream::stderr().lock(), "warning: {warning}")?;
        }
    }
    let mut options = TagOptions::default();
    options.start = args.times.from;
    options.end = args.times.to;
    options.limit = args.limit.0;
    options.cancel = Some(interrupt::token());
    options.deadline = args.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    Ok(options)
}

fn failure(error: treering::Error, args: &TagArgs, opened: &Opened) -> Failure {
    Failure::search(error, args.query.as_deref().unwrap_or_default(), opened.path.clone())
}

/// The word for a type, as Tempo has it.
fn type_word(value_type: ValueType) -> String {
    match value_type {
        ValueType::Time => "string".to_owned(),
        ValueType::Status | ValueType::Kind => "keyword".to_owned(),
        other => other.to_string(),
    }
}

fn type_words(types: &[ValueType]) -> Vec<String> {
    types.iter().map(|value_type| type_word(*value_type)).collect()
}

fn names_json(found: &TagNames) -> Value {
    let scope = |scope: &treering::ScopeTags| {
        let tags: Vec<&str> = scope.tags.iter().map(|tag| tag.name.as_str()).collect();
        let counts: Vec<u64> = scope.tags.iter().map(|tag| tag.count).collect();
        let types: Vec<_> = scope.tags.iter().map(|tag| type_words(&tag.types)).collect();
        json!({ "name": scope.scope.name(), "tags": tags, "counts": counts, "types": types })
    };
    json!({ "scopes": found.scopes.iter().map(scope).collect::<Vec<_>>() })
}

fn values_json(found: &TagValues) -> Value {
    json!({ "tagValues": found.values.iter().map(value_json).collect::<Vec<_>>() })
}

fn value_json(value: &TagValue) -> Value {
    let (word, text) = (type_word(value.value_type), words(&value.value));
    json!({ "type": word, "value": text, "count": value.count })
}

/// A name by itself; there is nothing of Tempo's to be like.
fn name_json(scope: TagScope, tag: &TagName) -> Value {
    let types = type_words(&tag.types);
    json!({ "scope": scope.name(), "name": tag.name, "types": types, "count": tag.count })
}

fn write_lines(lines: impl Iterator<Item = Value>, out: &mut impl Write) -> Result<(), Failure> {
    for line in lines {
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Says what the answer lacks, where it has no place for that itself.
fn say_lacks(lacks: Lacks) -> Result<(), Failure> {
    if lacks.truncated {
        writeln!(anstream::stderr().lock(), "{CUT}")?;
    }
    if lacks.partial {
        writeln!(anstream::stderr().lock(), "{STOPPED}")?;
    }
    Ok(())
}

/// Writes the answer; `truncated` and `partial` are Treering's own, and absent where nothing is lacking.
fn write_json(answer: &Value, lacks: Lacks, out: &mut impl Write) -> Result<(), Failure> {
    let mut answer = answer.clone();
    for (lacking, name) in [(lacks.truncated, "truncated"), (lacks.partial, "partial")] {
        if let (true, Some(members)) = (lacking, answer.as_object_mut()) {
            members.insert(name.to_owned(), Value::Bool(true));
        }
    }
    serde_json::to_writer(&mut *out, &answer)?;
    Ok(writeln!(out)?)
}

fn write_names(found: &TagNames, lacks: Lacks, out: &mut impl Write) -> Result<(), Failure> {
    if found.scopes.is_empty() && !lacks.partial {
        return Ok(writeln!(anstream::stderr().lock(), "no span has one")?);
    }
    let mut table = terminal::table(&["SCOPE", "NAME", "TYPES", "COUNT"]);
    for scope in &found.scopes {
        for tag in &scope.tags {
            table.add_row([
                scope.scope.name().to_owned(),
                terminal::fit(&tag.name, TEXT_COLUMNS),
                type_words(&tag.types).join(", "),
                terminal::count(tag.count),
            ]);
        }
    }
    write_table(table, lacks, out)
}

fn write_values(found: &TagValues, lacks: Lacks, out: &mut impl Write) -> Result<(), Failure> {
    if found.values.is_empty() && !lacks.partial {
        return Ok(writeln!(anstream::stderr().lock(), "no span has a value of it")?);
    }
    let mut table = terminal::table(&["VALUE", "TYPE", "COUNT"]);
    for value in &found.values {
        table.add_row([
            terminal::fit(&words(&value.value), TEXT_COLUMNS),
            type_word(value.value_type),
            terminal::count(value.count),
        ]);
    }
    write_table(table, lacks, out)
}

/// Writes a table whose last column has counts.
fn write_table(mut table: Table, lacks: Lacks, out: &mut impl Write) -> Result<(), Failure> {
    if let Some(column) = table.column_iter_mut().last() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    say_lacks(lacks)
}
