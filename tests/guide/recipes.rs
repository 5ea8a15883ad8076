//! Recipes and what they find.

use std::sync::Arc;

use treering::model::{Attribute, Resource, Span, SpanKind, StatusCode, Value};
use treering::{Options, SearchOptions, SpanId, Store, Timestamp, TraceId};

const PAGE: &str = include_str!("../../docs/guide.md");

/// The headings of the recipes, each with the names that its queries find, in order of the page.
const EXPECTED: [(&str, &[&[&str]]); 10] = [
    (
        "Which endpoint is slow?",
        &[&["GET /stock", "GET /stock"], &["GET /stock", "GET /stock", "POST /orders"]],
    ),
    ("Where in a slow request did the time go?", &[&["POST /orders", "pack"]]),
    ("N+1 queries", &[&["SELECT 0", "SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5"]]),
    ("Where did an error come from?", &[&["charge card (first)", "connect"]]),
    ("Retries", &[&["charge card (second)"]]),
    ("A step that is missing", &[&["place order"]]),
    ("Calls that cross an environment", &[&["pack"]]),
    (
        "What runs below a service, and is slow",
        &[&["SELECT 0", "SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5"]],
    ),
    ("Fan-out", &[&["GET /cart"]]),
    ("Traces that are not whole", &[&["lost its parent"]]),
];

/// The recipes of the page: headings and queries.
fn recipes() -> Vec<(String, Vec<String>)> {
    let (_, recipes) = PAGE.split_once("## Recipes").unwrap();
    let sections = recipes.split("\n### ").skip(1);
    let of = |section: &str| {
        let (heading, text) = section.split_once('\n').unwrap();
        let blocks = text.split("```traceql\n").skip(1);
        let query = |block: &str| block.split_once("```").unwrap().0.trim().to_owned();
        (heading.to_owned(), blocks.map(query).collect())
    };
    sections.map(of).collect()
}

/// A trace that is being made.
struct Making {
    trace: u8,
    spans: Vec<Span>,
}

impl Making {
    fn new(trace: u8) -> Self {
        Self { trace, spans: Vec::new() }
    }

    /// Adds a span below that of a number, 0 for none, from a millisecond to another; gives its number.
    fn span(&mut self, parent: u8, name: &str, (from, to): (u64, u64)) -> u8 {
        let number = u8::try_from(self.spans.len()).unwrap() + 1;
        let time = |millis: u64| {
            let trace = u64::from(self.trace) * 60_000;
            Timestamp::from_unix_nanos((1_795_334_400_000 + trace + millis) * 1_000_000)
        };
        self.spans.push(Span {
            trace_id: TraceId::from_bytes([self.trace; 16]),
            span_id: SpanId::from_bytes([number; 8]),
            parent_span_id: (parent > 0).then(|| SpanId::from_bytes([parent; 8])),
            name: name.to_owned(),
            start: time(from),
            end: time(to),
            resource: resource("shop", "production"),
            ..Span::default()
        });
        number
    }

    /// The span that was added last.
    fn last(&mut self) -> &mut Span {
        self.spans.last_mut().unwrap()
    }
}

fn resource(service: &str, environment: &str) -> Arc<Resource> {
    Arc::new(Resource {
        attributes: vec![
            Attribute::new("service.name", service),
            Attribute::new("deployment.environment", environment),
        ],
        ..Resource::default()
    })
}

/// An order whose card is charged at the second attempt, and packed in another environment's hands.
fn order(trace: u8) -> Vec<Span> {
    let mut made = Making::new(trace);
    let root = made.span(0, "POST /orders", (0, 900));
    made.last().kind = SpanKind::SERVER;
    made.last().attributes.push(Attribute::new("http.route", "/orders"));
    made.span(root, "charge card (first)", (10, 60));
    (made.last().kind, made.last().status.code) = (SpanKind::CLIENT, StatusCode::ERROR);
    made.span(root, "charge card (second)", (70, 120));
    made.last().kind = SpanKind::CLIENT;
    let staging = made.span(root, "choose depot", (130, 400));
    made.last().resource = resource("depot", "staging");
    made.span(staging, "pack", (140, 380));
    made.spans
}

/// An order for which nothing is charged, because a connection failed below.
fn forgotten(trace: u8) -> Vec<Span> {
    let mut made = Making::new(trace);
    let root = made.span(0, "place order", (0, 40));
    made.last().status.code = StatusCode::ERROR;
    let reserve = made.span(root, "reserve", (5, 30));
    made.last().status.code = StatusCode::ERROR;
    made.span(reserve, "connect", (6, 20));
    made.last().status.code = StatusCode::ERROR;
    made.spans
}

/// A cart that is read item by item, and stock asked for twice.
fn cart(trace: u8) -> Vec<Span> {
    let mut made = Making::new(trace);
    let root = made.span(0, "GET /cart", (0, 450));
    made.last().kind = SpanKind::SERVER;
    made.last().attributes.push(Attribute::new("http.route", "/cart"));
    for item in 0..6 {
        made.span(root, &format!("SELECT {item}"), (item * 70, item * 70 + 60));
        made.last().attributes.push(Attribute::new("db.system", Value::from("sqlite")));
    }
    made.spans
}

/// One request that asks twice for stock, and slowly.
fn stock(trace: u8) -> Vec<Span> {
    let mut made = Making::new(trace);
    let root = made.span(0, "refresh", (0, 1500));
    for from in [0, 700] {
        let request = made.span(root, "GET /stock", (from, from + 600));
        made.last().kind = SpanKind::SERVER;
        made.last().resource = resource("stock", "production");
        made.last().attributes.push(Attribute::new("http.route", "/stock"));
        for part in 0..4 {
            let begin = from + part * 150;
            made.span(request, "page", (begin, begin + 150));
        }
    }
    made.spans
}

fn orphan(trace: u8) -> Vec<Span> {
    let mut made = Making::new(trace);
    made.span(9, "lost its parent", (0, 5));
    made.spans
}

#[test]
fn each_recipe_finds_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.redb"), Options::default()).unwrap();
    let mut batch = store.batch();
    for span in [order(1), forgotten(2), cart(3), stock(4), orphan(5)].concat() {
        batch.push(&span).unwrap();
    }
    store.ingest(batch).unwrap();
    let recipes = recipes();
    assert_eq!(recipes.len(), EXPECTED.len(), "a recipe is not in the table");
    for ((heading, queries), (expected_heading, expected)) in recipes.iter().zip(EXPECTED) {
        assert_eq!(heading, expected_heading);
        assert_eq!(queries.len(), expected.len(), "{heading}");
        for (query, expected) in queries.iter().zip(expected) {
            let found = store.search(query, &SearchOptions::all()).unwrap();
            assert_eq!(found.warnings, [""; 0], "{query}");
            let sets = found.traces.iter().flat_map(|found| &found.spansets);
            let spans = sets.flat_map(|set| &set.spans);
            let mut names: Vec<&str> = spans.map(|span| span.name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, *expected, "{heading}: {query}");
        }
    }
}
