//! One query for each kind of condition, operator and stage, over 1,000,000 generated spans, on one
//! thread, warm and on disk. For each: the best and the median time to count every match, the rows
//! considered, the traces and spans found, and the best and the median time of a search for the 20
//! newest traces, results included. Then the time to list names of tags and values of fields, without
//! a query, which dictionaries alone answer, and with one. A program that prints figures:
//! `cargo bench --bench query [-- --spans N] [--runs N] [--only TEXT]`; the last takes the lines whose
//! kind has TEXT in it, and stays on one for profiles.

#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a program that prints figures")]

#[path = "query/questions.rs"]
mod questions;
#[path = "common/timing.rs"]
mod timing;

use std::error::Error;

use treering::model::{Span, Value};
use treering::{Batch, Counts, Options, SearchOptions, Store, TagOptions};
use treering_generator::Generator;

use questions::{Expected, FIELDS, QUESTIONS, Question, TAGS_QUERY};
use timing::{argument, shown, times};

/// How many users a question with `$USERS` names.
const USERS: usize = 40;

/// What is in the middle of the data, for questions that name it.
#[derive(Default)]
struct Examples {
    trace: String,
    span: String,
    parent: String,
    link: String,
    request: String,
    start: u64,
    users: Vec<String>,
}

impl Examples {
    /// Takes what is not known yet.
    fn note(&mut self, span: &Span) {
        if self.parent.is_empty()
            && let Some(parent) = span.parent_span_id
        {
            self.trace = span.trace_id.to_string();
            self.span = span.span_id.to_string();
            self.parent = parent.to_string();
            self.start = span.start.unix_nanos();
        }
        if self.link.is_empty() {
            self.link = span.links.first().map(|link| link.span_id.to_string()).unwrap_or_default();
        }
        for attribute in &span.attributes {
            let Value::String(text) = &attribute.value else { continue };
            match attribute.key.as_str() {
                "http.request_id" if self.request.is_empty() => self.request.clone_from(text),
                "enduser.id" if self.users.len() < USERS && !self.users.contains(text) => {
                    self.users.push(text.clone());
                }
                _ => {}
            }
        }
    }

    fn fill(&self, text: &str) -> String {
        let users: Vec<String> =
            self.users.iter().map(|user| format!("span.enduser.id = \"{user}\"")).collect();
        text.replace("$TRACE", &self.trace)
            .replace("$SPAN", &self.span)
            .replace("$PARENT", &self.parent)
            .replace("$LINK", &self.link)
            .replace("$REQUEST", &self.request)
            .replace("$START", &self.start.to_string())
            .replace("$USERS", &users.join(" || "))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let spans: u64 = argument("--spans")?.unwrap_or(1_000_000);
    let runs: usize = argument("--runs")?.unwrap_or(15);
    let only: String = argument("--only")?.unwrap_or_default();
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("query.redb"), Options::default())?;
    let mut batch = Batch::new();
    let mut examples = Examples::default();
    let mut stored = 0;
    for span in Generator::new(1).spans(usize::try_from(spans)?) {
        batch.push(&span).map_err(|rejection| rejection.to_string())?;
        if stored >= spans / 2 {
            examples.note(&span);
        }
        stored += 1;
    }
    store.ingest(batch)?;
    let blocks = store.stats()?.blocks;
    println!("{stored} spans, {blocks} blocks; times in ms, best / median of {runs}");
    println!(
        "{:<28} {:>19} {:>10} {:>8} {:>8} {:>17}  query",
        "kind", "all, counted", "considered", "traces", "spans", "newest 20"
    );
    for question in QUESTIONS.iter().filter(|question| question.kind.contains(&only)) {
        ask(&store, question, &examples, (runs, stored))?;
    }
    if "tags".contains(&only) {
        list_tags(&store, runs)?;
    }
    Ok(())
}

fn ask(
    store: &Store,
    question: &Question,
    examples: &Examples,
    (runs, stored): (usize, u64),
) -> Result<(), Box<dyn Error>> {
    let (text, options) = (examples.fill(question.text), SearchOptions::default());
    let counts: Counts = store.count(&text, &options)?;
    let as_expected = match question.expected {
        Expected::Some => counts.spans > 0 && counts.spans < stored,
        Expected::Nothing => counts.spans == 0,
        Expected::All => counts.spans == stored,
    };
    let all = times(runs, || store.count(&text, &options))?;
    let newest = times(runs, || store.search(&text, &options))?;
    println!(
        "{:<28} {:>19} {:>10} {:>8} {:>8} {:>17}  {}{}",
        question.kind,
        shown(all),
        counts.rows_considered,
        counts.traces,
        counts.spans,
        shown(newest),
        question.text,
        if as_expected { "" } else { "  <- finds not what it should" },
    );
    Ok(())
}

fn list_tags(store: &Store, runs: usize) -> Result<(), Box<dyn Error>> {
    let options = TagOptions::default();
    println!("{:<40} {:>19} {:>19}", "tags", "of all", TAGS_QUERY);
    let of = |query| times(runs, || store.tag_names(None, query, &options));
    println!("{:<40} {:>19} {:>19}", "names", shown(of(None)?), shown(of(Some(TAGS_QUERY))?));
    for field in FIELDS {
        let of = |query| times(runs, || store.tag_values(field, query, &options));
        let found = store.tag_values(field, None, &options)?.values.len();
        let (plain, queried) = (shown(of(None)?), shown(of(Some(TAGS_QUERY))?));
        println!("{field:<40} {plain:>19} {queried:>19}  {found} values given back");
    }
    Ok(())
}
