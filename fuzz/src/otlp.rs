//! Any bytes as an OTLP request: they are read or refused, and what is read is written, stored, and
//! comes back.

use treering::model::{Attribute, Span, Value};
use treering::otlp::{Rejection, write_json, write_protobuf};
use treering::{Batch, Options, Store};

use crate::collect::{from_json, from_protobuf};
use crate::oracle::{normalised, pre_order, stored};

/// Bytes that a batch may take beside what it takes for its request.
const BATCH_BYTES: usize = 64 << 10;
/// Bytes that a batch may take for each byte of its request: a span can be 30 bytes long and takes
/// hundreds staged.
const BATCH_BYTES_PER_BYTE: usize = 64;
/// Spans from which on the oracle takes too long to be asked.
const SPANS_MAX: usize = 200;

/// Puts bytes to the reader of protobuf.
pub(crate) fn protobuf(bytes: &[u8]) {
    let read = from_protobuf(bytes);
    let mut batch = Batch::new();
    let refused = batch.push_protobuf(bytes);
    assert_eq!(read.is_ok(), refused.is_ok());
    if let (Ok((spans, _)), Ok(rejections)) = (read, refused) {
        comes_back(spans, &rejections, batch, bytes);
    }
}

/// Puts bytes to the reader of JSON.
pub(crate) fn json(bytes: &[u8]) {
    let read = from_json(bytes);
    let mut batch = Batch::new();
    let refused = batch.push_json(bytes);
    assert_eq!(read.is_ok(), refused.is_ok());
    if let (Ok((spans, _)), Ok(rejections)) = (read, refused) {
        comes_back(spans, &rejections, batch, bytes);
    }
}

fn comes_back(mut spans: Vec<Span>, rejections: &[Rejection], batch: Batch, request: &[u8]) {
    for rejection in rejections {
        assert!(!rejection.to_string().is_empty() && !rejection.reason.is_empty());
    }
    // The reader of the tests refuses spans of this name.
    if spans.len() != batch.len() {
        let request = String::from_utf8_lossy(request);
        assert!(request.contains("refuse me") || request.contains('\\'), "{request}");
        return;
    }
    let bytes_max = BATCH_BYTES + request.len() * BATCH_BYTES_PER_BYTE;
    assert!(batch.memory_bytes() <= bytes_max, "{} bytes", batch.memory_bytes());
    spans.sort();
    let (mut again, left_out) = from_protobuf(&write_protobuf(&spans)).expect("what we wrote");
    again.sort();
    assert_eq!((&again, &left_out), (&spans, &Vec::new()), "by protobuf");
    let (mut again, left_out) = from_json(write_json(&spans)).expect("what we wrote");
    again.sort();
    let mut expected: Vec<Span> = spans.iter().map(with_plain_nan).collect();
    expected.sort();
    assert_eq!((again, left_out), (expected, Vec::new()), "by JSON");
    if !spans.is_empty() && spans.len() <= SPANS_MAX {
        is_stored(&spans, batch);
    }
}

fn is_stored(spans: &[Span], batch: Batch) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let store = Store::open(folder.path().join("store"), Options::default()).expect("a new store");
    store.ingest(batch).expect("a writable file");
    for (id, spans) in stored(spans) {
        let trace = store.trace(id).expect("a readable file").expect("a trace that was stored");
        let found: Vec<Span> = trace.spans().iter().map(normalised).collect();
        let parents: Vec<_> = (0..found.len()).map(|at| trace.parent(at)).collect();
        assert_eq!((found, parents), pre_order(spans), "trace {id}");
    }
}

/// JSON has one NaN.
fn with_plain_nan(span: &Span) -> Span {
    let mut span = span.clone();
    plain(&mut span.attributes);
    for event in &mut span.events {
        plain(&mut event.attributes);
    }
    for link in &mut span.links {
        plain(&mut link.attributes);
    }
    plain(&mut std::sync::Arc::make_mut(&mut span.resource).attributes);
    plain(&mut std::sync::Arc::make_mut(&mut span.scope).attributes);
    span
}

fn plain(attributes: &mut [Attribute]) {
    for attribute in attributes {
        plain_value(&mut attribute.value);
    }
}

fn plain_value(value: &mut Value) {
    match value {
        Value::Double(number) if number.is_nan() => *number = f64::NAN,
        Value::Array(values) => values.iter_mut().for_each(plain_value),
        Value::KeyValues(list) => plain(list),
        _ => {}
    }
}
