//! Searches over real traces: the answers that a running Tempo gave, and hundreds of queries on
//! which engine and oracle agree.

use std::collections::BTreeMap;

use treering::model::Span;
use treering::query::check;
use treering::query::syntax::{
    BinaryOp, FieldExpr, FieldExprKind, Intrinsic, Pipeline, Query, SpansetExpr, Stage,
};
use treering::{Options, SearchOptions, Store};

use crate::asking::{ingest, parse, search};
use crate::oracle::{Answer, Ask, Oracle};
use crate::round_trip::{load, load_lines};

/// Query, traces and spans in otel-demo.
const CHECKED: [(&str, usize, u64); 13] = [
    ("{ kind = server }", 996, 2723),
    ("{ resource.service.name !~ \"front.*\" }", 583, 1226),
    ("{ span.http.status_code = 200 }", 913, 1372),
    ("{ span.http.status_code = \"200\" }", 962, 1920),
    ("{ .http.status_code >= 400 }", 2, 2),
    ("{ resource.process.command_args = \"/usr/local/bin/node\" }", 610, 1541),
    ("{ event.message.type = \"RECEIVED\" }", 77, 85),
    ("{ event:name != \"message\" }", 180, 530),
    ("{ span.http.target > \"/api/p\" }", 434, 530),
    ("{ kind = client } | { duration > 10ms } | count() > 1", 16, 54),
    ("{ } | by(kind) | count() > 5", 51, 979),
    ("{ resource.service.name = \"frontend\" } && { resource.service.name = \"cart\" }", 77, 495),
    ("{ trace:duration > 1s }", 38, 195),
];

struct Filled {
    store: Store,
    _folder: tempfile::TempDir,
}

fn filled(spans: &[Span]) -> Filled {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.block_rows_max = 1000;
    let store = Store::open(folder.path().join("store.redb"), options).unwrap();
    for part in spans.chunks(300) {
        ingest(&store, part);
    }
    Filled { store, _folder: folder }
}

#[test]
fn the_oracle_gives_the_checked_answers() {
    let Some(spans) = load("otel-demo") else { return };
    let oracle = Oracle::new(&spans);
    for (query, traces, spans) in CHECKED {
        let answer = oracle.search(&parse(query), &Ask::default()).unwrap();
        assert_eq!((answer.traces.len(), answer.spans()), (traces, spans), "{query}");
    }
}

#[test]
fn the_engine_gives_the_checked_answers() {
    let Some(spans) = load("otel-demo") else { return };
    let filled = filled(&spans);
    for (query, traces, spans) in CHECKED {
        match search(&filled.store, query, &Ask::default()) {
            Some(answer) => {
                assert_eq!((answer.traces.len(), answer.spans()), (traces, spans), "{query}");
            }
            None => panic!("refused: {query}"),
        }
    }
}

/// The queries of `queries.txt`, each with the file it is for.
fn listed() -> Vec<(&'static str, &'static str)> {
    let mut file = "";
    let mut listed = Vec::new();
    for line in include_str!("queries.txt").lines().map(str::trim) {
        match line.strip_prefix("# on ") {
            Some(name) => file = name,
            None if line.is_empty() || line.starts_with('#') => {}
            None => listed.push((file, line)),
        }
    }
    listed
}

#[test]
fn the_list_has_every_operator_five_times() {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let listed = listed();
    assert!(listed.len() >= 300, "only {} queries", listed.len());
    let wrong = |(_, query): &(&str, &str)| check(query).err().map(|error| error.report(query));
    let wrong: Vec<String> = listed.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (_, query) in listed {
        let Query::Search(pipeline, _) = parse(query) else { panic!("{query}") };
        count_pipeline(&pipeline, &mut counts);
    }
    println!("{counts:#?}");
    // Fifteen structural operators and three of sets; in filters two, eight comparisons, six of
    // arithmetic.
    for (prefix, kinds) in
        [("Structural", 15), ("set ", 3), ("logic ", 2), ("Compare", 8), ("Arithmetic", 6)]
    {
        let counted: Vec<_> = counts.iter().filter(|(op, _)| op.starts_with(prefix)).collect();
        assert_eq!(counted.len(), kinds, "{counted:?}");
        for (op, count) in counted {
            assert!(*count >= 5, "{op} stands in the list only {count} times");
        }
    }
}

#[test]
fn the_list_has_every_intrinsic_and_every_scope() {
    let all: String = listed().iter().map(|(_, query)| parse(query).to_string() + "\n").collect();
    let parts = Intrinsic::all().map(Intrinsic::canonical_name);
    let scopes = ["{ .", " span.", " resource.", " event.", " link.", " instrumentation."];
    let parents = ["parent.span:", "parent.resource.", "parent.span.", " parent.http"];
    for part in parts.chain(scopes).chain(parents) {
        assert!(all.contains(part), "no query of the list names {part}");
    }
}

fn count_pipeline(pipeline: &Pipeline, counts: &mut BTreeMap<String, u32>) {
    for stage in &pipeline.stages {
        if let Stage::Spanset(expr) = stage {
            count_spanset(expr, counts);
        }
    }
}

fn count_spanset(expr: &SpansetExpr, counts: &mut BTreeMap<String, u32>) {
    match expr {
        SpansetExpr::Filter(filter) => count_field(filter, counts),
        SpansetExpr::Pipeline(pipeline) => count_pipeline(pipeline, counts),
        SpansetExpr::Chain { first, rest } => {
            count_spanset(first, counts);
            for (op, next) in rest {
                let name = format!("{op:?}");
                let name =
                    if name.starts_with("Structural") { name } else { format!("set {name}") };
                *counts.entry(name).or_default() += 1;
                count_spanset(next, counts);
            }
        }
        other => panic!("the counting does not know {other:?}"),
    }
}

fn count_field(expr: &FieldExpr, counts: &mut BTreeMap<String, u32>) {
    match &expr.kind {
        FieldExprKind::Literal(_) | FieldExprKind::Field(_) => {}
        FieldExprKind::Unary(_, inner) => count_field(inner, counts),
        FieldExprKind::Chain { first, rest } => {
            count_field(first, counts);
            for (op, next) in rest {
                let name = match op {
                    BinaryOp::And | BinaryOp::Or => format!("logic {op:?}"),
                    _ => format!("{op:?}"),
                };
                *counts.entry(name).or_default() += 1;
                count_field(next, counts);
            }
        }
        other => panic!("the counting does not know {other:?}"),
    }
}

/// A query of the list on both.
#[derive(Debug, Default)]
struct Outcome {
    /// What the two disagree on.
    disagreements: Vec<String>,
    asked: u32,
    /// Queries that return some of the spans and not all.
    telling: u32,
}

/// Spans of the largest file that are looked at: the first ones.
const NEZHA_LINES: usize = 3;

/// Puts some of the queries for one file to engine and oracle.
fn ask_both(spans: &[Span], queries: &[&str]) -> Outcome {
    let oracle = Oracle::new(spans);
    let all = u64::try_from(oracle.spans()).unwrap();
    let filled = filled(spans);
    let mut outcome = Outcome::default();
    for query in queries {
        let expected = oracle.search(&parse(query), &Ask::default()).unwrap();
        let (traces, spans) = (expected.traces.len(), expected.spans());
        println!("{traces} traces, {spans} of {all} spans: {query}");
        outcome.asked += 1;
        outcome.telling += u32::from(spans > 0 && spans < all);
        match search(&filled.store, query, &Ask::default()) {
            Some(found) if found == expected => {}
            Some(found) => {
                outcome
                    .disagreements
                    .push(format!("{query}\n{}", first_difference(&found, &expected)));
            }
            None => outcome.disagreements.push(format!("{query}\n  the engine refuses it")),
        }
        let counts = filled.store.count(query, &SearchOptions::default()).unwrap();
        if (counts.traces, counts.spans) != (u64::try_from(traces).unwrap(), spans) {
            outcome
                .disagreements
                .push(format!("{query}\n  {counts:?}, the oracle: {traces}, {spans}"));
        }
    }
    outcome
}

/// The first trace on which two answers differ.
fn first_difference(found: &Answer, expected: &Answer) -> String {
    let length = found.traces.len().max(expected.traces.len());
    let pairs = (0..length).map(|at| (found.traces.get(at), expected.traces.get(at)));
    let (found, expected) = pairs.into_iter().find(|(a, b)| a != b).unwrap_or_default();
    format!("  engine: {found:?}\n  oracle: {expected:?}")
}

#[test]
fn engine_and_oracle_agree_on_the_list() {
    let listed = listed();
    let mut outcomes = Vec::new();
    for name in ["otel-demo", "zipkin-edge", "nezha-tt"] {
        let lines = if name == "nezha-tt" { NEZHA_LINES } else { usize::MAX };
        let Some(spans) = load_lines(name, lines) else { return };
        let queries = listed.iter().filter(|(file, _)| *file == name).map(|(_, query)| *query);
        let queries: Vec<&str> = queries.collect();
        let (first, second) = queries.split_at(queries.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| ask_both(&spans, first));
            outcomes.push(ask_both(&spans, second));
            outcomes.push(other.join().unwrap());
        });
    }
    let disagreements: Vec<&str> =
        outcomes.iter().flat_map(|outcome| &outcome.disagreements).map(String::as_str).collect();
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    let asked: u32 = outcomes.iter().map(|outcome| outcome.asked).sum();
    let telling: u32 = outcomes.iter().map(|outcome| outcome.telling).sum();
    println!("{telling} of {asked} queries return some spans and not all");
    assert!(asked >= 300 && telling >= 240, "only {telling} of {asked} return some but not all");
}
