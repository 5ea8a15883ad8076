//! Numbers at the edges of their types compare exactly, whichever side is an integer, a float or a
//! literal, and whether a dictionary's order answers or each value is looked at.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use treering::model::{Attribute, Span, Value};
use treering::{SpanId, Timestamp, TraceId};

use crate::answers::{config, filled};
use crate::forest::{Arrival, BASE};
use crate::oracle::Ask;

const OPS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];

/// From where on a float skips integers.
const TWO_53: i64 = 1 << 53;

fn int() -> impl Strategy<Value = i64> {
    let near = |middle: i64| (-3..=3_i64).prop_map(move |off| middle.saturating_add(off));
    prop_oneof![
        near(0),
        near(TWO_53),
        near(-TWO_53),
        near(TWO_53 * 2),
        near(i64::MAX),
        near(i64::MIN),
        any::<i64>(),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    // No `i64` reaches it.
    let two_63 = 2.0_f64.powi(63);
    let edges = [
        0.0,
        -0.0,
        0.5,
        f64::MIN_POSITIVE,
        -f64::from_bits(1),
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_994.0,
        -9_007_199_254_740_992.0,
        18_014_398_509_481_984.0,
        two_63,
        two_63 - 1024.0,
        -two_63,
        -two_63 - 2048.0,
        two_63 * 2.0,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        -f64::NAN,
    ];
    prop_oneof![3 => select(edges.to_vec()), 1 => any::<f64>()]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![int().prop_map(Value::from), float().prop_map(Value::from)]
}

/// A number or an array of them, as an attribute has it.
fn value() -> impl Strategy<Value = Value> {
    let ints = vec(int().prop_map(Value::from), 2..4).prop_map(Value::Array);
    let floats = vec(float().prop_map(Value::from), 2..4).prop_map(Value::Array);
    prop_oneof![6 => number(), 1 => ints, 1 => floats]
}

/// The number as an expression that says it exactly.
fn written(number: &Value) -> String {
    match number {
        Value::Int(i64::MIN) => "minInt".to_owned(),
        Value::Int(int) if *int < 0 => format!("(-{})", int.unsigned_abs()),
        Value::Int(int) => int.to_string(),
        Value::Double(float) if float.is_nan() => "(1e308 * 10 - 1e308 * 10)".to_owned(),
        Value::Double(float) if float.is_infinite() && *float > 0.0 => "(1e308 * 10)".to_owned(),
        Value::Double(float) if float.is_infinite() => "(-1e308 * 10)".to_owned(),
        Value::Double(float) if float.is_sign_negative() => format!("(-{:?})", -float),
        Value::Double(float) => format!("{float:?}"),
        other => panic!("{other:?} is no number"),
    }
}

fn span(at: usize, left: Value, right: Value) -> Span {
    let number = u8::try_from(at).unwrap();
    Span {
        trace_id: TraceId::from_bytes([7; 16]),
        span_id: SpanId::from_bytes([0, 0, 0, 0, 0, 0, 1, number]),
        parent_span_id: (at > 0).then(|| SpanId::from_bytes([0, 0, 0, 0, 0, 0, 1, number / 2])),
        start: Timestamp::from_unix_nanos(BASE),
        end: Timestamp::from_unix_nanos(BASE + 9),
        attributes: vec![Attribute::new("x", left), Attribute::new("y", right)],
        ..Span::default()
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn numbers_at_the_edges_compare_as_the_oracle_says(
        values in vec((value(), value()), 1..24), asked in vec(number(), 1..6),
    ) {
        let spans = values.into_iter().enumerate();
        let spans = spans.map(|(at, (left, right))| span(at, left, right)).collect();
        let filled = filled(&Arrival { batches: vec![spans] }, 200);
        for op in OPS {
            for number in &asked {
                let number = written(number);
                for query in [
                    format!("{{ span.x {op} {number} }}"),
                    format!("{{ {number} {op} .x }}"),
                    format!("{{ kind = unspecified && parent.x {op} {number} }}"),
                    format!("{{ .x + 0 {op} {number} }}"),
                    format!("{{ }} | max(.x) {op} min(.y) - min(.y) + max(.x)"),
                ] {
                    prop_assert!(filled.agree(&query, &Ask::default())?, "refused: {}", query);
                }
            }
            for query in [
                format!("{{ span.x {op} span.y }}"),
                format!("{{ span.x {op} parent.y }}"),
                format!("{{ }} | max(.x) {op} min(.y)"),
                format!("{{ }} | by(.x) | sum(.y) {op} avg(.x)"),
            ] {
                prop_assert!(filled.agree(&query, &Ask::default())?, "refused: {}", query);
            }
        }
    }

    #[test]
    fn times_compare_with_integers_and_texts_only(
        number in value(), other in value(), off in -2..3_i64,
    ) {
        let start = i64::try_from(BASE).unwrap() + off;
        let times = [Value::from(start), Value::from(start.to_string())];
        let text = Value::from("2026-11-22T08:00:00Z");
        let float = Value::from(1.795_334_4e18);
        let texts = ["1969-12-31T23:59:59Z", "2700-01-01 00:00:00Z", "2026-02-29T00:00:00Z", "x"];
        let texts = texts.map(Value::from);
        let all = [number, other, text, float].into_iter().chain(times).chain(texts);
        let spans = all.enumerate().map(|(at, value)| span(at, value.clone(), value)).collect();
        let filled = filled(&Arrival { batches: vec![spans] }, 64);
        for op in OPS {
            for field in ["span:startTime", "span:endTime", "trace:startTime", "parent.span:startTime"] {
                for query in [
                    format!("{{ {field} {op} .x }}"),
                    format!("{{ .x {op} {field} }}"),
                    format!("{{ {field} {op} .x + 1 }}"),
                    format!("{{ {field} {op} {start} }}"),
                    format!("{{ {field} {op} \"1969-12-31T23:59:59.5Z\" }}"),
                    format!("{{ {field} {op} \"2700-02-28 00:00:00-01:30\" }}"),
                    format!("{{ \"2026-11-22t10:30:00+02:30\" {op} {field} }}"),
                ] {
                    prop_assert!(filled.agree(&query, &Ask::default())?, "refused: {}", query);
                }
            }
        }
    }
}
