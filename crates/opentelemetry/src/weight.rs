//! What a span takes in memory while it waits, roughly. Invariant: at least the bytes of its text and
//! of its lists' entries, so that a queue that is bounded by it is bounded in memory.

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// Bytes of a span in memory. Text counts whoever owns it, for that cannot be told.
pub(crate) fn bytes_of(span: &SpanData) -> usize {
    let events = span.events.iter().map(|event| {
        size_of_val(event) + event.name.len() + attributes_bytes(event.attributes.iter())
    });
    let links =
        span.links.iter().map(|link| size_of_val(link) + attributes_bytes(link.attributes.iter()));
    let message = match &span.status {
        Status::Error { description } => description.len(),
        _ => 0,
    };
    size_of_val(span)
        + span.name.len()
        + message
        + attributes_bytes(span.attributes.iter())
        + attributes_bytes(span.instrumentation_scope.attributes())
        + events.sum::<usize>()
        + links.sum::<usize>()
}

fn attributes_bytes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> usize {
    let bytes = |pair: &KeyValue| {
        let value = match &pair.value {
            Value::String(text) => text.as_str().len(),
            Value::Array(array) => array_bytes(array),
            _ => 0,
        };
        size_of_val(pair) + pair.key.as_str().len() + value
    };
    attributes.map(bytes).sum()
}

fn array_bytes(array: &Array) -> usize {
    match array {
        Array::Bool(values) => size_of_val(values.as_slice()),
        Array::I64(values) => size_of_val(values.as_slice()),
        Array::F64(values) => size_of_val(values.as_slice()),
        Array::String(values) => {
            values.iter().map(|value| size_of_val(value) + value.as_str().len()).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_lists_count() {
        let bytes = |value: Value| attributes_bytes([KeyValue::new("key", value)].iter());
        let plain = bytes(Value::I64(1));
        assert_eq!(plain, size_of::<KeyValue>() + 3);
        assert_eq!(bytes(Value::from("0123456789")), plain + 10);
        assert_eq!(bytes(Value::Array(vec![1_i64, 2].into())), plain + 16);
        let texts: Vec<opentelemetry::StringValue> = vec!["01".into(), "234".into()];
        let each = size_of::<opentelemetry::StringValue>();
        assert_eq!(bytes(Value::Array(texts.into())), plain + 5 + 2 * each);
    }
}
