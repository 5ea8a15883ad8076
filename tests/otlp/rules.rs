//! The rules of protobuf and of its JSON mapping that well-behaved senders seldom use.

use prost::Message;
use treering::model::{Attribute, SpanKind, Value};

use super::prost_messages::{Request, from_prost};
use crate::collect::{from_json, from_protobuf};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len().try_into().unwrap()), content.to_vec()].concat()
}

fn number(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn ids(last: u8) -> Vec<u8> {
    [field(1, &[1; 16]), field(2, &[2, 2, 2, 2, 2, 2, 2, last])].concat()
}

/// Reads the request, and checks that prost reads the same.
fn read(request: &[u8]) -> Vec<treering::model::Span> {
    let (spans, rejections) = from_protobuf(request).unwrap();
    assert!(rejections.is_empty(), "{rejections:?}");
    assert_eq!(spans, from_prost(&Request::decode(request).unwrap()));
    spans
}

#[test]
fn resource_and_scope_may_come_behind_their_spans_and_in_pieces() {
    let attribute = |key: &str| field(1, &field(1, key.as_bytes()));
    let scope = |text: &str| field(1, &field(1, text.as_bytes()));
    let scope_spans = [field(2, &ids(1)), scope("old"), scope("new"), field(3, b"scope url")];
    let part = [
        field(1, &attribute("a")),
        field(2, &scope_spans.concat()),
        field(1, &[attribute("b"), number(2, 7)].concat()),
        field(2, &field(2, &ids(2))),
        field(3, b"url"),
    ];
    let spans = read(&field(1, &part.concat()));
    assert_eq!(spans.len(), 2);
    for span in &spans {
        assert_eq!(span.resource.attributes.len(), 2);
        assert_eq!(span.resource.dropped_attributes_count, 7);
        assert_eq!(span.resource.schema_url, "url");
    }
    assert_eq!((&*spans[0].scope.name, &*spans[0].scope.schema_url), ("new", "scope url"));
    assert_eq!(spans[1].scope.name, "");
}

#[test]
fn the_last_of_a_field_wins_and_messages_are_merged() {
    let any = |content: &[u8]| field(2, content);
    let strings = |text: &str| field(5, &field(1, &field(1, text.as_bytes())));
    let value = |values: &[Vec<u8>]| field(9, &values.concat());
    let span = [
        field(1, &[9; 3]),
        ids(1),
        field(5, b"first"),
        number(6, 1),
        number(6, (-5_i64).cast_unsigned()),
        number(10, 1 << 33 | 3),
        field(15, &field(2, b"why")),
        field(5, b"last"),
        field(15, &number(3, 2)),
        field(4, &[0; 8]),
        // The oneof: the last member wins, but arrays grow.
        value(&[any(&field(1, b"text")), any(&number(3, 5))]),
        value(&[any(&strings("a")), any(&strings("b"))]),
        value(&[any(&[strings("a"), field(1, b"text"), strings("b")].concat())]),
        value(&[any(&field(1, b"text")), any(&[])]),
        value(&[any(&number(2, 300))]),
        value(&[]),
    ];
    let spans = read(&field(1, &field(2, &field(2, &span.concat()))));
    let span = &spans[0];
    assert_eq!((&*span.name, span.kind, span.dropped_attributes_count), ("last", SpanKind(-5), 3));
    assert_eq!((&*span.status.message, span.status.code.0), ("why", 2));
    assert_eq!(span.parent_span_id, None);
    let values: Vec<Value> = span.attributes.iter().map(|a| a.value.clone()).collect();
    let expected =
        [5.into(), ["a", "b"].into(), ["b"].into(), "text".into(), true.into(), Value::Empty];
    assert_eq!(values, expected);
}

#[test]
fn unknown_fields_of_every_wire_type_are_passed_over() {
    let unknown = [
        number(100, 7),
        [varint(101 << 3 | 1), vec![0; 8]].concat(),
        field(102, b"x"),
        [
            varint(103 << 3 | 3),
            number(1, 1),
            varint(104 << 3 | 3),
            varint(104 << 3 | 4),
            varint(103 << 3 | 4),
        ]
        .concat(),
        [varint(105 << 3 | 5), vec![0; 4]].concat(),
    ]
    .concat();
    let around = |content: Vec<u8>| [unknown.clone(), content, unknown.clone()].concat();
    let value = around(field(1, b"text"));
    let attribute = around([field(1, b"key"), field(2, &value), number(3, 0)].concat());
    let event = around(field(3, &attribute));
    let link = around(field(4, &attribute));
    // Number 1 of a status is no longer in use.
    let status = around([number(1, 2), number(3, 2)].concat());
    let span = around(
        [ids(1), field(9, &attribute), field(11, &event), field(13, &link), field(15, &status)]
            .concat(),
    );
    let entity = around(field(2, b"service"));
    let resource = around([field(1, &attribute), field(3, &entity)].concat());
    let scope = around(field(3, &attribute));
    let scope_spans = around([field(1, &scope), field(2, &span)].concat());
    let part = around([field(1, &resource), field(2, &scope_spans)].concat());
    let spans = read(&around(field(1, &part)));
    let expected = [Attribute::new("key", "text")];
    let span = &spans[0];
    for attributes in [&span.attributes, &span.events[0].attributes, &span.links[0].attributes] {
        assert_eq!(*attributes, expected);
    }
    assert_eq!(
        (&*span.resource.attributes, &*span.scope.attributes),
        (&expected[..], &expected[..])
    );
    assert_eq!(span.resource.entity_refs[0].entity_type, "service");
}

#[test]
fn json_may_be_written_in_many_ways() {
    let canonical = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}],"droppedAttributesCount":1,"entityRefs":[{"schemaUrl":"u","type":"t","idKeys":["i"],"descriptionKeys":["d"]}]},
        "scopeSpans":[{"scope":{"name":"n","version":"v"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7","parentSpanId":"00f067aa0ba902b8","traceState":"a=b","flags":257,"name":"GET","kind":2,
        "startTimeUnixNano":"1795334400000000001","endTimeUnixNano":"18446744073709551615","droppedAttributesCount":1,"droppedEventsCount":2,"droppedLinksCount":3,"status":{"code":2,"message":"no"},
        "attributes":[{"key":"int","value":{"intValue":"9223372036854775807"}},{"key":"low","value":{"intValue":"-9223372036854775808"}},{"key":"one","value":{"intValue":1}},{"key":"double","value":{"doubleValue":3.0}},{"key":"nan","value":{"doubleValue":"NaN"}},
          {"key":"down","value":{"doubleValue":"-Infinity"}},{"key":"bytes","value":{"bytesValue":"+/8="}},{"key":"yes","value":{"boolValue":true}},{"key":"none","value":{}},{"key":"array","value":{"arrayValue":{"values":[{"stringValue":"x"}]}}},{"key":"list","value":{"kvlistValue":{"values":[{"key":"y","value":{"intValue":"1"}}]}}}],
        "events":[{"timeUnixNano":"5","name":"e","droppedAttributesCount":1}],"links":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b9","traceState":"c=d","flags":1}]}],"schemaUrl":"s"}],"schemaUrl":"r"}]}"#;
    let odd = r#" {"unknown":[{}],"resourceSpans":7,"resource_spans":[{"schema_url":"r","scope_spans":[{"schema_url":"s","spans":[{"links":[{"span_id":"00F067AA0BA902B9","trace_id":"0AF7651916CD43DD8448EB211C80319C","trace_state":"c=d","flags":"1","attributes":null}],
        "attributes":[{"value":{"int_value":9223372036854775807},"key":"int"},{"key":"low","value":{"int_value":-9223372036854775808}},{"key":"one","value":{"intValue":1e0}},{"key":"double","value":{"double_value":3}},{"key":"nan","value":{"double_value":"NaN"}},
          {"key":"down","value":{"double_value":"-Infinity"}},{"key":"bytes","value":{"bytes_value":"-_8"}},{"key":"yes","value":{"boolValue":false,"bool_value":true}},{"key":"none","value":null},{"key":"array","value":{"string_value":null,"array_value":{"values":[{"string_value":"x","unknown":1}]}}},{"key":"list","value":{"stringValue":"old","kvlist_value":{"values":[{"key":"y","value":{"int_value":"1","stringValue":null}}]}}}],
        "events":[{"time_unix_nano":5,"name":"e","dropped_attributes_count":"1"}],"kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR","message":"\u006e\u006f"},"dropped_attributes_count":1,"dropped_events_count":2,"dropped_links_count":3,
        "start_time_unix_nano":1795334400000000001,"end_time_unix_nano":18446744073709551615,"name":"POST","name":"\u0047ET","flags":257,"trace_state":"a=b","span_id":"00F067AA0BA902B7","trace_id":"old","trace_id":"0AF7651916CD43DD8448EB211C80319C","parent_span_id":"00F067AA0BA902B8","\u0078":{"deep":[[[]]]}}],"scope":{"version":"v","name":"n"}}],
        "resource":{"dropped_attributes_count":1,"entity_refs":[{"schema_url":"u","type":"t","id_keys":["i"],"description_keys":["d"]}],"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]}}]} "#;
    let (spans, rejections) = from_json(canonical).unwrap();
    assert_eq!((spans.len(), rejections), (1, vec![]));
    let span = &spans[0];
    assert_eq!(span.end.unix_nanos(), u64::MAX);
    assert_eq!(span.start.unix_nanos(), 1_795_334_400_000_000_001);
    assert_eq!(span.attributes[0].value, Value::Int(i64::MAX));
    assert_eq!(span.attributes[6].value, Value::Bytes(vec![0xfb, 0xff]));
    assert_eq!(from_json(odd).unwrap(), (spans, vec![]));
}

#[test]
fn json_null_is_absence_and_the_last_of_equal_names_wins() {
    let request = |members: &str| {
        let json = format!(
            "{{\"resourceSpans\":[{{\"resource\":null,\"schemaUrl\":null,\"scopeSpans\":[{{\"scope\":null,\"spans\":[{{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"00f067aa0ba902b7\",{members}}}]}},{{\"spans\":null}}]}},{{\"scopeSpans\":null}}]}}"
        );
        let (mut spans, rejections) = from_json(json).unwrap();
        assert_eq!(rejections, []);
        spans.remove(0)
    };
    let plain = request("\"name\":\"\"");
    for nothing in [
        "\"parentSpanId\":null,\"traceState\":null,\"flags\":null,\"name\":null,\"kind\":null",
        "\"startTimeUnixNano\":null,\"endTimeUnixNano\":null,\"attributes\":null,\"events\":null",
        "\"links\":null,\"status\":null,\"droppedAttributesCount\":null",
        "\"parentSpanId\":\"\",\"status\":{\"code\":null,\"message\":null}",
        "\"parentSpanId\":\"0000000000000000\"",
        "\"status\":{\"code\":2},\"status\":null",
        "\"attributes\":[{\"key\":\"a\"}],\"attributes\":[]",
        "\"kind\":3,\"kind\":-0",
    ] {
        assert_eq!(request(nothing), plain, "{nothing}");
    }
    let value = |value: &str| {
        request(&format!("\"attributes\":[{{\"key\":\"a\",\"value\":{value}}}]"))
            .attributes
            .remove(0)
            .value
    };
    assert_eq!(value("{\"stringValue\":\"a\",\"stringValue\":null}"), Value::Empty);
    assert_eq!(value("{\"stringValue\":\"a\",\"intValue\":null}"), "a".into());
    assert_eq!(value("{\"arrayValue\":{}}"), Value::Array(vec![]));
    assert_eq!(value("{\"arrayValue\":null}"), Value::Empty);
    assert_eq!(value("{\"kvlistValue\":{\"values\":null}}"), Value::KeyValues(vec![]));
    assert_eq!(value("{\"doubleValue\":-0.0}"), Value::Double(-0.0));
    assert_eq!(value("{\"doubleValue\":\"2.5\"}"), Value::Double(2.5));
}
