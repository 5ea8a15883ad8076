//! Every message of a rejection and of a refused request, word for word; and that a fault costs
//! only the span it is in.

use prost::Message;
use treering::otlp::{Rejection, write_protobuf};

use super::prost_messages::to_prost;
use crate::collect::{from_json, from_protobuf};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn shown(rejections: &[Rejection]) -> Vec<String> {
    rejections.iter().map(ToString::to_string).collect()
}

/// The rejection of a JSON span with these members, between two good spans that must be kept.
fn json_span(members: &str) -> String {
    let good =
        |id: &str| format!("{{\"traceId\":\"{TRACE}\",\"spanId\":\"{id}\",\"name\":\"kept\"}}");
    let (first, last) = (good("00f067aa0ba902b7"), good("00f067aa0ba902b8"));
    let json = format!(
        "{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{first},{members},{last}]}}]}}]}}"
    );
    let (spans, rejections) = from_json(json).unwrap();
    assert_eq!(spans.len(), 2, "{rejections:?}");
    assert!(spans.iter().all(|span| span.name == "kept"));
    let [rejection] = &rejections[..] else { panic!("{rejections:?}") };
    assert_eq!(rejection.path, "resourceSpans[0].scopeSpans[0].spans[1]");
    format!("{}|{}|{}", rejection.span_id, rejection.field, rejection.reason)
}

/// The same for a span with good ids and one more member.
fn json_member(member: &str) -> String {
    let span = format!("{{\"traceId\":\"{TRACE}\",{member},\"spanId\":\"53995c3f42cd8ad8\"}}");
    let shown = json_span(&span);
    shown.strip_prefix("53995c3f42cd8ad8|").expect(&shown).to_owned()
}

#[test]
fn json_ids() {
    let cases = [
        ("{}", "|traceId|expected 32 hex digits, got \"\""),
        ("{\"spanId\":\"abc\"}", "abc|traceId|expected 32 hex digits, got \"\""),
        (
            "{\"traceId\":\"zz\",\"spanId\":\"00f067aa0ba902b9\"}",
            "00f067aa0ba902b9|traceId|expected 32 hex digits, got \"zz\"",
        ),
        (
            "{\"traceId\":7,\"spanId\":\"00f067aa0ba902b9\"}",
            "00f067aa0ba902b9|traceId|expected a string, got 7",
        ),
        (
            "{\"traceId\":\"00000000000000000000000000000000\",\"spanId\":\"00f067aa0ba902b9\"}",
            "00f067aa0ba902b9|traceId|expected an id that is not all zeros",
        ),
        (
            "{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"0000000000000000\"}",
            "0000000000000000|spanId|expected an id that is not all zeros",
        ),
        (
            "{\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"00f0\"}",
            "00f0|spanId|expected 16 hex digits, got \"00f0\"",
        ),
        ("5", "||expected an object, got 5"),
        ("[{}]", "||expected an object, got a list"),
        ("null", "|traceId|expected 32 hex digits, got \"\""),
    ];
    for (span, expected) in cases {
        assert_eq!(json_span(span), expected);
    }
}

/// A member of a span, and what its rejection says.
const JSON_MEMBERS: &[(&str, &str)] = &[
    ("\"parentSpanId\":\"12\"", "parentSpanId|expected 16 hex digits, got \"12\""),
    ("\"name\":{\"a\":[1]}", "name|expected a string, got an object"),
    ("\"name\":\"refuse me\"", "name|expected another name"),
    ("\"name\":\"\\ud800\"", "name|expected valid JSON, got: unexpected end of hex escape"),
    (
        "\"kind\":\"SERVER\"",
        "kind|expected a 32-bit integer or one of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER, got \"SERVER\"",
    ),
    (
        "\"status\":{\"code\":2147483648}",
        "status.code|expected a 32-bit integer or one of STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR, got 2147483648",
    ),
    ("\"status\":true", "status|expected an object, got true"),
    (
        "\"startTimeUnixNano\":-1",
        "startTimeUnixNano|expected an integer from 0 to 2^64 - 1, got -1",
    ),
    (
        "\"endTimeUnixNano\":\"18446744073709551616\"",
        "endTimeUnixNano|expected an integer from 0 to 2^64 - 1, got \"18446744073709551616\"",
    ),
    (
        "\"endTimeUnixNano\":1.7953344e18",
        "endTimeUnixNano|expected an integer from 0 to 2^64 - 1, got 1.7953344e18",
    ),
    (
        "\"endTimeUnixNano\":\"2026-11-22T08:00:00Z\"",
        "endTimeUnixNano|expected an integer from 0 to 2^64 - 1, got \"2026-11-22T08:00:00Z\"",
    ),
    ("\"flags\":4294967296", "flags|expected an integer from 0 to 2^32 - 1, got 4294967296"),
    ("\"attributes\":{}", "attributes|expected a list, got an object"),
    ("\"attributes\":[{\"key\":\"a\"},7]", "attributes[1]|expected an object, got 7"),
    ("\"attributes\":[{\"key\":[]}]", "attributes[0].key|expected a string, got a list"),
    (
        "\"attributes\":[{\"key\":\"a\",\"value\":\"b\"}]",
        "attributes[0].value|expected an object, got \"b\"",
    ),
    (
        "\"attributes\":[{\"value\":{\"intValue\":1.5}}]",
        "attributes[0].value.intValue|expected an integer from -2^63 to 2^63 - 1, got 1.5",
    ),
    (
        "\"attributes\":[{\"value\":{\"doubleValue\":\"nan\"}}]",
        "attributes[0].value.doubleValue|expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", got \"nan\"",
    ),
    (
        "\"attributes\":[{\"value\":{\"doubleValue\":1e999}}]",
        "attributes[0].value.doubleValue|expected valid JSON, got: number out of range",
    ),
    (
        "\"attributes\":[{\"value\":{\"boolValue\":\"true\"}}]",
        "attributes[0].value.boolValue|expected true or false, got \"true\"",
    ),
    (
        "\"attributes\":[{\"value\":{\"bytesValue\":\"?\"}}]",
        "attributes[0].value.bytesValue|expected base64, got \"?\"",
    ),
    (
        "\"attributes\":[{\"value\":{\"arrayValue\":{\"values\":[{},{\"int_value\":\"x\"}]}}}]",
        "attributes[0].value.arrayValue.values[1].int_value|expected an integer from -2^63 to 2^63 - 1, got \"x\"",
    ),
    (
        "\"events\":[{},{\"timeUnixNano\":\"soon\"}]",
        "events[1].timeUnixNano|expected an integer from 0 to 2^64 - 1, got \"soon\"",
    ),
    ("\"links\":[{\"traceId\":\"00\"}]", "links[0].traceId|expected 32 hex digits, got \"00\""),
];

#[test]
fn json_members() {
    for (member, expected) in JSON_MEMBERS {
        assert_eq!(json_member(member), *expected, "{member}");
    }
    let long = format!("\"name\":{{}},\"kind\":\"{}\"", "x".repeat(1_000));
    assert!(json_member(&long).len() < 300);
}

#[test]
fn json_nesting() {
    let nested = |depth: usize| {
        let value = "{\"arrayValue\":{\"values\":[".repeat(depth) + &"]}}".repeat(depth);
        format!("\"attributes\":[{{\"key\":\"a\",\"value\":{value}}}]")
    };
    let wrong = json_member(&nested(65));
    assert!(wrong.starts_with("attributes[0].value.arrayValue.values[0].arrayValue"), "{wrong}");
    assert!(wrong.ends_with("|expected arrays and lists nested at most 64 deep"), "{wrong}");
    drop(json_member(&nested(50_000)));
    drop(json_member(&format!("\"name\":{}{}", "[".repeat(50_000), "]".repeat(50_000))));
}

#[test]
fn json_bytes_that_are_no_utf_8_cost_one_span() {
    let json = |members: &[u8]| {
        let mut json = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{{\"traceId\":\"{TRACE}\",\"spanId\":\"00f067aa0ba902b7\"}},{{\"traceId\":\"{TRACE}\",\"spanId\":\"53995c3f42cd8ad8\",").into_bytes();
        json.extend(members);
        json.extend(b"}]}]}]}");
        from_json(json)
    };
    let (spans, rejections) = json(b"\"name\":\"caf\xe9\"").unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(
        shown(&rejections),
        [
            "resourceSpans[0].scopeSpans[0].spans[1] (span 53995c3f42cd8ad8), name: expected UTF-8, got bytes that are none"
        ]
    );
    // Characters that could serve as marks are no fault themselves.
    let (spans, rejections) =
        json("\"name\":\"\u{fdd0}\\uFDD1\",\"x\":\"\0\"".replace('\0', "?").as_bytes()).unwrap();
    assert_eq!((spans.len(), rejections), (2, vec![]));
    let (spans, rejections) =
        json(b"\"name\":\"\xef\xb7\x90\\uFDD1\",\"links\":[{\"traceState\":\"\xff\"}]").unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(rejections[0].field, "links[0].traceState");
    // What is passed over is not looked at.
    assert_eq!(json(b"\"unknown\":\"\xff\"").unwrap().0.len(), 2);
    assert!(json(b"\"name\":\xff").is_err());
    let (spans, rejections) = json(b"\"na\xffme\":\"x\"").unwrap();
    assert_eq!((spans.len(), &*rejections[0].reason), (1, "expected a name in UTF-8"));
    let error = from_json(b"{\"resourceSpans\":[{\"scope\xffSpans\":[]}]}").unwrap_err();
    let expected = "no OTLP request in JSON: resourceSpans[0]: expected a name in UTF-8";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn json_parts() {
    let span = format!("{{\"traceId\":\"{TRACE}\",\"spanId\":\"00f067aa0ba902b7\"}}");
    let good = format!("{{\"scopeSpans\":[{{\"spans\":[{span}]}}]}}");
    let cases = [
        (
            format!(
                "{{\"resource\":{{\"attributes\":[{{\"key\":1}}]}},\"scopeSpans\":[{{\"spans\":[{span},{span}]}}]}}"
            ),
            vec![
                "resourceSpans[0].scopeSpans[0].spans[0] (span 00f067aa0ba902b7), resource.attributes[0].key: expected a string, got 1",
                "resourceSpans[0].scopeSpans[0].spans[1] (span 00f067aa0ba902b7), resource.attributes[0].key: expected a string, got 1",
            ],
        ),
        (
            format!("{{\"scopeSpans\":[{{\"spans\":[{span}],\"scope\":{{\"name\":[]}}}}]}}"),
            vec![
                "resourceSpans[0].scopeSpans[0].spans[0] (span 00f067aa0ba902b7), scope.name: expected a string, got a list",
            ],
        ),
        (
            format!("{{\"schemaUrl\":7,\"scopeSpans\":[{{\"spans\":[{span}]}}]}}"),
            vec![
                "resourceSpans[0].scopeSpans[0].spans[0] (span 00f067aa0ba902b7), schemaUrl: expected a string, got 7",
            ],
        ),
        (
            "{\"resource\":7}".to_owned(),
            vec!["resourceSpans[0], resource: expected an object, got 7"],
        ),
        (
            "{\"scopeSpans\":[{\"scope\":7}]}".to_owned(),
            vec!["resourceSpans[0].scopeSpans[0], scope: expected an object, got 7"],
        ),
        (
            "{\"scopeSpans\":7}".to_owned(),
            vec!["resourceSpans[0], scopeSpans: expected a list, got 7"],
        ),
        (
            "{\"scopeSpans\":[7]}".to_owned(),
            vec!["resourceSpans[0].scopeSpans[0]: expected an object, got 7"],
        ),
        (
            "{\"scopeSpans\":[{\"spans\":{}}]}".to_owned(),
            vec!["resourceSpans[0].scopeSpans[0], spans: expected a list, got an object"],
        ),
        ("\"x\"".to_owned(), vec!["resourceSpans[0]: expected an object, got \"x\""]),
        ("null".to_owned(), vec!["resourceSpans[0]: expected an object, got null"]),
    ];
    for (part, expected) in cases {
        let (spans, rejections) =
            from_json(format!("{{\"resourceSpans\":[{part},{good}]}}")).unwrap();
        assert_eq!(shown(&rejections), expected);
        assert_eq!(spans.len(), 1, "{part}");
    }
}

#[test]
fn json_requests() {
    let cases = [
        ("", "no OTLP request in JSON: EOF while parsing a value at line 1 column 0"),
        ("{\"resourceSpans\":[}", "no OTLP request in JSON: expected value at line 1 column 19"),
        (
            "{\"resourceSpans\":[]}\n{}",
            "no OTLP request in JSON: trailing characters at line 2 column 1",
        ),
        ("[]", "no OTLP request in JSON: expected an object, got a list"),
        ("null", "no OTLP request in JSON: expected an object, got null"),
        (
            "{\"resource_Spans\":[]}",
            "no OTLP request in JSON: expected an object with resourceSpans, got one without",
        ),
        (
            "{\"resourceSpans\":{}}",
            "no OTLP request in JSON: resourceSpans: expected a list, got an object",
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(from_json(json).unwrap_err().to_string(), expected);
    }
}

/// A field of text, bytes or a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let length = content.len();
    if length < 128 {
        bytes.push(u8::try_from(length).unwrap());
    } else {
        bytes.extend([
            u8::try_from(length % 128).unwrap() | 128,
            u8::try_from(length / 128).unwrap(),
        ]);
    }
    bytes.extend(content);
    bytes
}

fn ids(last: u8) -> Vec<u8> {
    [field(1, &[1; 16]), field(2, &[2, 2, 2, 2, 2, 2, 2, last])].concat()
}

fn request(spans: &[Vec<u8>]) -> Vec<u8> {
    field(1, &field(2, &spans.iter().flat_map(|span| field(2, span)).collect::<Vec<u8>>()))
}

/// A span with good ids and more bytes.
fn with(more: &[u8]) -> Vec<u8> {
    [ids(9), more.to_vec()].concat()
}

/// The rejection of a span between two good ones, which must be kept.
fn protobuf_span(span: Vec<u8>) -> String {
    let (spans, rejections) = from_protobuf(&request(&[ids(1), span, ids(2)])).unwrap();
    assert_eq!(spans.len(), 2, "{rejections:?}");
    let [rejection] = &rejections[..] else { panic!("{rejections:?}") };
    assert_eq!(rejection.path, "resourceSpans[0].scopeSpans[0].spans[1]");
    let Rejection { span_id, field, reason, .. } = rejection;
    format!("{span_id}|{field}|{reason}")
}

#[test]
fn protobuf_ids() {
    let cases = [
        (vec![], "|traceId|expected 16 bytes, got 0 bytes"),
        (field(2, &[7; 9]), "070707070707070707|traceId|expected 16 bytes, got 0 bytes"),
        (
            [field(1, &[1; 16]), field(2, &[7; 9])].concat(),
            "070707070707070707|spanId|expected 8 bytes, got 9 bytes",
        ),
        (
            [field(1, &[0; 16]), field(2, &[7; 8])].concat(),
            "0707070707070707|traceId|expected an id that is not all zeros",
        ),
        (
            [field(1, &[1; 16]), field(2, &[0; 8])].concat(),
            "0000000000000000|spanId|expected an id that is not all zeros",
        ),
        (with(&field(4, &[1; 7])), "0202020202020209|parentSpanId|expected 8 bytes, got 7 bytes"),
    ];
    for (span, expected) in cases {
        assert_eq!(protobuf_span(span), expected);
    }
}

#[test]
fn protobuf_text() {
    let bad = |number: u8| with(&field(number, b"a\xffb"));
    let at = |within: &[u8], number: u8| with(&field(number, within));
    let cases = [
        (bad(5), "0202020202020209|name|expected UTF-8, got byte 0xff at offset 1"),
        (bad(3), "0202020202020209|traceState|expected UTF-8, got byte 0xff at offset 1"),
        (with(&field(5, b"refuse me")), "0202020202020209|name|expected another name"),
        (
            at(&field(2, b"\xff"), 15),
            "0202020202020209|status.message|expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            at(&field(1, b"\xff"), 9),
            "0202020202020209|attributes[0].key|expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            at(&field(2, &field(1, b"\xff")), 9),
            "0202020202020209|attributes[0].value.stringValue|expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            at(&field(2, &field(6, &field(1, &field(1, b"\xff")))), 9),
            "0202020202020209|attributes[0].value.kvlistValue.values[0].key|expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            at(&field(2, b"\xff"), 11),
            "0202020202020209|events[0].name|expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            at(&field(3, &field(1, b"\xff")), 11),
            "0202020202020209|events[0].attributes[0].key|expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            at(&field(1, b"\xff"), 13),
            "0202020202020209|links[0].traceId|expected 16 bytes, got 1 bytes",
        ),
    ];
    for (span, expected) in cases {
        assert_eq!(protobuf_span(span), expected);
    }
}

#[test]
fn protobuf_wire() {
    let cases = [
        (
            with(&[0x2a, 9, 1]),
            "0202020202020209|name|expected 9 more bytes, got 1, at byte 65 of the request",
        ),
        (
            with(&[0x39, 9, 1]),
            "0202020202020209|startTimeUnixNano|the message ends within a number, at byte 65 of the request",
        ),
        (
            with(&[0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
            "0202020202020209|kind|expected a varint of at most 64 bits, at byte 65 of the request",
        ),
        (
            with(&[0x28, 9]),
            "0202020202020209||field 5 cannot have wire type 0, at byte 65 of the request",
        ),
        (
            with(&[0x07]),
            "0202020202020209||7 announces no field of protobuf, at byte 64 of the request",
        ),
        (
            with(&[0x9c, 0x06]),
            "0202020202020209||a group ends that was not begun, at byte 66 of the request",
        ),
        (
            with(&[0x9b, 0x06].repeat(65)),
            "0202020202020209||groups nest deeper than 64, at byte 195 of the request",
        ),
    ];
    for (span, expected) in cases {
        assert_eq!(protobuf_span(span), expected);
    }
    let mut deep = Vec::new();
    for _ in 0..65 {
        deep = field(5, &field(1, &deep));
    }
    let rejection = protobuf_span(with(&field(9, &field(2, &deep))));
    assert!(
        rejection.ends_with("|expected arrays and lists nested at most 64 deep"),
        "{rejection}"
    );
}

#[test]
fn protobuf_parts() {
    let scope_spans = field(2, &field(2, &ids(1)));
    let resource = field(1, &field(1, &field(1, b"\xff")));
    let cases = [
        (
            [resource.clone(), scope_spans.clone()].concat(),
            "resourceSpans[0].scopeSpans[0].spans[0] (span 0202020202020201), resource.attributes[0].key: expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            [scope_spans.clone(), field(3, b"\xff")].concat(),
            "resourceSpans[0].scopeSpans[0].spans[0] (span 0202020202020201), schemaUrl: expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            field(2, &[field(2, &ids(1)), field(1, &field(1, b"\xff"))].concat()),
            "resourceSpans[0].scopeSpans[0].spans[0] (span 0202020202020201), scope.name: expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            resource,
            "resourceSpans[0], resource.attributes[0].key: expected UTF-8, got byte 0xff at offset 0",
        ),
        (
            [scope_spans, vec![0x12, 100]].concat(),
            "resourceSpans[0], scopeSpans: expected 100 more bytes, got 0, at byte 35 of the request",
        ),
        (
            field(2, &[field(2, &ids(1)), vec![0x12, 100]].concat()),
            "resourceSpans[0].scopeSpans[0], spans: expected 100 more bytes, got 0, at byte 35 of the request",
        ),
    ];
    for (part, expected) in cases {
        let mut bytes = field(1, &part);
        bytes.extend(request(&[ids(2)]));
        let (spans, rejections) = from_protobuf(&bytes).unwrap();
        assert_eq!(shown(&rejections), [expected]);
        assert_eq!(spans.len(), 1);
    }
}

#[test]
fn protobuf_requests() {
    let cases = [
        (
            &[0x0a, 5, 1][..],
            "no OTLP request in protobuf: expected 5 more bytes, got 1, at byte 1 of the request",
        ),
        (
            &[0x08, 5],
            "no OTLP request in protobuf: field 1 cannot have wire type 0, at byte 1 of the request",
        ),
        (
            b"{}",
            "no OTLP request in protobuf: the message ends within a number, at byte 2 of the request",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(from_protobuf(bytes).unwrap_err().to_string(), expected);
    }
    let mut bytes = request(&[ids(1)]);
    bytes.extend([0x0a, 5, 1]);
    let mut sink = crate::collect::Collect::default();
    assert!(treering::otlp::read_protobuf(&bytes, &mut sink).is_err());
    assert_eq!(sink.spans.len(), 1, "what was read before stays");
}

#[test]
fn rejections_beyond_a_bound_are_only_counted() {
    let bytes = field(1, &field(2, &[0x12, 0].repeat(8_000)));
    let bytes = bytes.repeat(2);
    let (spans, rejections) = from_protobuf(&bytes).unwrap();
    assert_eq!((spans.len(), rejections.len()), (0, 10_001));
    assert_eq!(rejections[10_000].to_string(), "resourceSpans: 6000 more were left out");
    let json = format!("{{\"resourceSpans\":[{}7]}}", "7,".repeat(10_001));
    assert_eq!(
        from_json(json).unwrap().1[10_000].to_string(),
        "resourceSpans: 2 more were left out"
    );
}

#[test]
fn values_may_nest_as_deep_as_the_limit_and_no_deeper() {
    use treering::model::{Attribute, Span, Value};
    let nested = |depth: u32| {
        let deepen = |value, level| match level % 2 {
            0 => Value::Array(vec![value]),
            _ => Value::KeyValues(vec![Attribute::new("k", value)]),
        };
        let value = (0..depth).fold(Value::Int(1), deepen);
        let attributes = vec![Attribute::new("a", value)];
        let trace_id = TRACE.parse().unwrap();
        let span_id = "00f067aa0ba902b7".parse().unwrap();
        vec![Span { trace_id, span_id, attributes, ..Span::default() }]
    };
    let deepest = nested(Value::DEPTH_MAX);
    let deeper = nested(Value::DEPTH_MAX + 1);
    // A service's threads may have small stacks.
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let check = move || {
        for request in [write_protobuf(&deepest), to_prost(&deepest).encode_to_vec()] {
            assert_eq!(from_protobuf(&request).unwrap(), (deepest.clone(), vec![]));
        }
        let json = treering::otlp::write_json(&deepest);
        assert_eq!(from_json(json).unwrap(), (deepest, vec![]));
        assert_eq!(from_protobuf(&write_protobuf(&deeper)).unwrap().1.len(), 1);
        assert_eq!(from_json(treering::otlp::write_json(&deeper)).unwrap().1.len(), 1);
    };
    small.spawn(check).unwrap().join().unwrap();
}
