//! What is written is read back, by us and by prost, in both encodings.

use proptest::prelude::*;
use prost::Message;
use treering::otlp::{write_json, write_protobuf};

use super::prost_messages::{Request, from_prost, to_prost};
use crate::collect::{from_json, from_protobuf};
use crate::spans::{sorted, spans, with_plain_nan};

proptest! {
    #[test]
    fn protobuf_written_is_read_back_bit_for_bit(spans in spans(8)) {
        let (read, rejections) = from_protobuf(&write_protobuf(&spans)).unwrap();
        prop_assert!(rejections.is_empty(), "{rejections:?}");
        prop_assert_eq!(sorted(read), sorted(spans));
    }

    #[test]
    fn json_written_is_read_back_with_plain_nan(spans in spans(8)) {
        let json = write_json(&spans);
        prop_assert!(!json.contains('\n'));
        let (read, rejections) = from_json(&json).unwrap();
        prop_assert!(rejections.is_empty(), "{rejections:?} {json}");
        prop_assert_eq!(sorted(read), sorted(with_plain_nan(&spans)));
    }

    #[test]
    fn prost_reads_what_we_write_and_would_write_the_same(spans in spans(8)) {
        let ours = write_protobuf(&spans);
        let request = Request::decode(&*ours).unwrap();
        prop_assert_eq!(request.encode_to_vec(), ours);
        prop_assert_eq!(sorted(from_prost(&request)), sorted(spans));
    }

    #[test]
    fn we_read_what_prost_writes(spans in spans(8)) {
        let (read, rejections) = from_protobuf(&to_prost(&spans).encode_to_vec()).unwrap();
        prop_assert!(rejections.is_empty(), "{rejections:?}");
        prop_assert_eq!(read, spans);
    }
}

#[test]
fn groups_come_in_the_order_of_their_first_span() {
    use std::sync::Arc;
    use treering::model::{Resource, Span};
    let resource =
        |name: &str| Arc::new(Resource { schema_url: name.to_owned(), ..Resource::default() });
    let span = |id: u8, resource: &Arc<Resource>| Span {
        trace_id: treering::TraceId::from_bytes([id; 16]),
        span_id: treering::SpanId::from_bytes([id; 8]),
        resource: Arc::clone(resource),
        ..Span::default()
    };
    let (b, a, b_again) = (resource("b"), resource("a"), resource("b"));
    let spans = [span(1, &b), span(2, &a), span(3, &b_again)];
    let (read, _) = from_protobuf(&write_protobuf(&spans)).unwrap();
    assert_eq!(read, [spans[0].clone(), spans[2].clone(), spans[1].clone()]);
    assert_eq!(from_json(write_json(&spans)).unwrap().0, read);
    assert_eq!(Request::decode(&*write_protobuf(&spans)).unwrap().resource_spans.len(), 2);
}

#[test]
fn no_spans_make_a_request_that_is_read() {
    assert_eq!(from_protobuf(&write_protobuf(&[])).unwrap(), (vec![], vec![]));
    assert_eq!(write_json(&[]), "{\"resourceSpans\":[]}");
    assert_eq!(from_json(write_json(&[])).unwrap(), (vec![], vec![]));
}
