//! Questions that are asked again. Invariant: what a store keeps of earlier answers changes no answer
//! and no figure.

use treering::model::{Attribute, Span, Status, StatusCode, Value};
use treering::{SearchOptions, Store};

use crate::making::{Numbers, by_hand, ingest, place, span, span_id};

const QUERIES: [&str; 12] = [
    "{ .x = 1 }",
    "{ .x = 1 && status = error }",
    r#"{ status = error && .x = 2 && span.y = "rare" }"#,
    "{ .x = 1 || .x = 2 }",
    r#"{ .service.name = "a" } >> { .x = 2 }"#,
    r#"{ resource.service.name = "" } > { status = error }"#,
    "{ status = error } !< { status = error }",
    "{ .x = 1 } ~ { .x = 2 }",
    r#"{ .x = 1 } &<< { span.y = "rare" }"#,
    r#"{ .service.name = "nowhere" } >> { }"#,
    r#"{ parent.x = 1 && name = "span 3" }"#,
    "{ kind = unspecified } | by(span.x) | count() > 1",
];

/// Spans whose attribute `x` is their own, their resource's, both or none.
fn spans() -> Vec<Span> {
    let mut numbers = Numbers(3);
    let mut spans = Vec::new();
    for trace in 0..300 {
        for number in 0..8 {
            let mut span = span(trace, number, trace);
            span.parent_span_id =
                number.checked_sub(1).map(|above| span_id(numbers.below(above + 1)));
            let x = Value::Int(i64::try_from(numbers.below(3)).unwrap());
            let mut resource = treering::model::Resource::default();
            if numbers.below(2) == 0 {
                span.attributes.push(Attribute::new("x", x.clone()));
            }
            if numbers.below(40) == 0 {
                span.attributes.push(Attribute::new("y", Value::from("rare")));
            }
            if numbers.below(2) == 0 {
                resource.attributes.push(Attribute::new("x", Value::Int(1)));
            }
            if numbers.below(3) > 0 {
                resource.attributes.push(Attribute::new("service.name", Value::from("a")));
            }
            span.resource = resource.into();
            if numbers.below(5) == 0 {
                span.status = Status { code: StatusCode::ERROR, ..Status::default() };
            }
            spans.push(span);
        }
    }
    spans
}

#[test]
fn answers_and_figures_are_the_same_each_time() {
    let place = place();
    let spans = spans();
    {
        let store = Store::open(&place.path, by_hand(700)).unwrap();
        ingest(&store, &spans);
    }
    let options = SearchOptions::all();
    let answers = |store: &Store, query: &str| {
        let explained = store.explain(query, &options).unwrap().text;
        // The last line has the time it took.
        let explained = explained.trim_end().rsplit_once('\n').unwrap().0.to_owned();
        let counted = store.count(query, &options).unwrap();
        (explained, counted, store.search(query, &options).unwrap())
    };
    for query in QUERIES {
        // Opened anew, it has kept nothing.
        let store = Store::open(&place.path, by_hand(700)).unwrap();
        let first = answers(&store, query);
        assert!(first.1.spans > 0 || query.contains("nowhere"), "{query}");
        for other in QUERIES {
            store.count(other, &options).unwrap();
        }
        assert_eq!(first, answers(&store, query), "{query}");
        // With room for nothing at all, nothing is kept.
        let mut bare = by_hand(700);
        bare.cache_bytes = 0;
        drop(store);
        let store = Store::open(&place.path, bare).unwrap();
        assert_eq!(first, answers(&store, query), "{query}");
    }
}
