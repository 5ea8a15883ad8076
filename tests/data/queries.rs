//! Searches over real traces: the answers that a running Tempo gave, and a hundred queries on which
//! engine and oracle agree.

use std::collections::BTreeMap;

use treering::model::Span;
use treering::query::syntax::{
    BinaryOp, FieldExpr, FieldExprKind, Pipeline, Query, SpansetExpr, Stage,
};
use treering::{Options, Store};

use crate::asking::{ingest, parse, search};
use crate::oracle::{Ask, Oracle};
use crate::round_trip::load;

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
            None if query.contains('|') => println!("not known yet: {query}"),
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
    assert_eq!(listed.len(), 100);
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
    }
}

/// How many of the queries return some of their file's spans but not all, by the oracle.
#[test]
fn most_of_the_list_returns_some_spans_and_not_all() {
    let mut telling = 0;
    let mut asked = 0;
    for name in ["otel-demo", "zipkin-edge"] {
        let Some(spans) = load(name) else { return };
        let oracle = Oracle::new(&spans);
        let all = u64::try_from(oracle.spans()).unwrap();
        for (_, query) in listed().into_iter().filter(|(file, _)| *file == name) {
            let answer = oracle.search(&parse(query), &Ask::default()).unwrap();
            let count = answer.spans();
            println!("{name}: {} traces, {count} of {all} spans: {query}", answer.traces.len());
            telling += u32::from(count > 0 && count < all);
            asked += 1;
        }
    }
    assert_eq!(asked, 100);
    assert!(telling >= 80, "only {telling} of {asked} queries return some spans but not all");
}

#[test]
fn engine_and_oracle_agree_on_the_list() {
    let mut disagreements = Vec::new();
    for name in ["otel-demo", "zipkin-edge"] {
        let Some(spans) = load(name) else { return };
        let oracle = Oracle::new(&spans);
        let filled = filled(&spans);
        for (_, query) in listed().into_iter().filter(|(file, _)| *file == name) {
            let expected = oracle.search(&parse(query), &Ask::default()).unwrap();
            match search(&filled.store, query, &Ask::default()) {
                Some(found) if found == expected => {}
                Some(found) => disagreements.push(format!(
                    "{name}: {query}\n  engine: {} traces, {} spans; oracle: {} traces, {} spans",
                    found.traces.len(),
                    found.spans(),
                    expected.traces.len(),
                    expected.spans()
                )),
                None => disagreements.push(format!("{name}: {query}\n  the engine refuses it")),
            }
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}
