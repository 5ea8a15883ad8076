//! Values of fields as words and as OTLP/JSON values. Invariant: words are those that `TraceQL` reads.

use serde_json::{Value, json};
use treering::query::FieldValue;

use crate::time;

/// `value` as `TraceQL` writes it, but text without quotes, and lengths of time exactly.
pub(crate) fn words(value: &FieldValue) -> String {
    match value {
        FieldValue::String(text) => text.clone(),
        FieldValue::Float(number) => number.to_string(),
        FieldValue::Duration(nanos) => time::exact(*nanos),
        FieldValue::Array(values) => {
            let words: Vec<String> = values.iter().map(words).collect();
            format!("[{}]", words.join(", "))
        }
        other => other.to_string(),
    }
}

/// `value` as OTLP/JSON's `AnyValue`; what OTLP has no type for is a string.
pub(super) fn any_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Int(number) => json!({ "intValue": number.to_string() }),
        // JSON has no NaN and no infinity: protobuf's JSON mapping spells them.
        FieldValue::Float(number) if number.is_nan() => json!({ "doubleValue": "NaN" }),
        FieldValue::Float(number) if number.is_infinite() => {
            let sign = if *number < 0.0 { "-" } else { "" };
            json!({ "doubleValue": format!("{sign}Infinity") })
        }
        FieldValue::Float(number) => json!({ "doubleValue": number }),
        FieldValue::Bool(flag) => json!({ "boolValue": flag }),
        FieldValue::Array(values) => {
            let values: Vec<Value> = values.iter().map(any_value).collect();
            json!({ "arrayValue": { "values": values } })
        }
        other => json!({ "stringValue": words(other) }),
    }
}

#[cfg(test)]
mod tests {
    use treering::Timestamp;

    use super::*;

    #[test]
    fn values_are_words_where_otlp_has_no_type() {
        let text = |value: FieldValue| any_value(&value).to_string();
        assert_eq!(text(FieldValue::Status(2)), r#"{"stringValue":"error"}"#);
        assert_eq!(text(FieldValue::Kind(5)), r#"{"stringValue":"consumer"}"#);
        assert_eq!(text(FieldValue::Kind(-3)), r#"{"stringValue":"-3"}"#);
        assert_eq!(text(FieldValue::Duration(1_500_000)), r#"{"stringValue":"1.5ms"}"#);
        assert_eq!(text(FieldValue::Nil), r#"{"stringValue":"nil"}"#);
        assert_eq!(text(FieldValue::Int(7)), r#"{"intValue":"7"}"#);
        assert_eq!(text(FieldValue::Float(f64::NEG_INFINITY)), r#"{"doubleValue":"-Infinity"}"#);
        assert_eq!(
            text(FieldValue::Array(vec![FieldValue::Bool(true)])),
            r#"{"arrayValue":{"values":[{"boolValue":true}]}}"#
        );
        let time = FieldValue::Time(Timestamp::from_unix_nanos(1));
        assert_eq!(words(&time), "1970-01-01T00:00:00.000000001Z");
    }
}
