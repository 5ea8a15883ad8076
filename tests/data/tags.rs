//! Tags of real traces, counted straight from the spans.

use std::collections::BTreeMap;

use treering::model::{Attribute, Span, Value};
use treering::query::FieldValue;
use treering::{Options, Store, TagOptions, TagScope};

use crate::asking::ingest;
use crate::round_trip::load;

fn text(list: &[Attribute], key: &str) -> Option<String> {
    let found = list.iter().find(|attribute| attribute.key == key)?;
    if let Value::String(text) = &found.value { Some(text.clone()) } else { None }
}

fn counts(values: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

#[test]
fn tags_of_the_demo_shop_are_those_of_its_spans() {
    let Some(spans) = load("otel-demo") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.block_rows_max = 1000;
    let store = Store::open(folder.path().join("store.redb"), options).unwrap();
    for part in spans.chunks(300) {
        ingest(&store, part);
    }
    let mut options = TagOptions::default();
    options.limit = None;
    let found = |field: &str, query: Option<&str>| -> BTreeMap<String, u64> {
        let found = store.tag_values(field, query, &options).unwrap();
        let texts = found.values.into_iter().filter_map(|value| match value.value {
            FieldValue::String(text) => Some((text, value.count)),
            _ => None,
        });
        texts.collect()
    };
    let service = |span: &Span| text(&span.resource.attributes, "service.name");
    assert_eq!(found("resource.service.name", None), counts(spans.iter().filter_map(service)));
    assert_eq!(found("name", None), counts(spans.iter().map(|span| span.name.clone())));
    let method = |span: &Span| text(&span.attributes, "http.method");
    assert_eq!(found(".http.method", None), counts(spans.iter().filter_map(method)));
    let servers = || spans.iter().filter(|span| span.kind.0 == 2);
    assert_eq!(
        found("span.http.method", Some("{ kind = server }")),
        counts(servers().filter_map(method))
    );
    let events = spans.iter().flat_map(|span| &span.events).map(|event| event.name.clone());
    assert_eq!(found("event:name", None), counts(events));
    // From the checked answers of searches: spans of two kinds of value, 200 and "200".
    let status = store.tag_values("span.http.status_code", None, &options).unwrap();
    let of = |wanted: FieldValue| status.values.iter().find(|v| v.value == wanted).map(|v| v.count);
    assert_eq!(of(FieldValue::Int(200)), Some(1372));
    assert_eq!(of(FieldValue::String("200".to_owned())), Some(1920));
    let names = store.tag_names(Some(TagScope::Span), None, &options).unwrap();
    let method = names.scopes[0].tags.iter().find(|tag| tag.name == "http.status_code").unwrap();
    assert_eq!((method.types.len(), method.count >= 1372 + 1920), (2, true));
}
