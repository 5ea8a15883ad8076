//! What makes a span one that is not taken. Invariant: a span that passes can be stored and read back.

use crate::block::values;
use crate::model::{Attribute, Refusal, SpanRef, Value, ValueRef};

/// Refuses a span that could not be found or not be read back.
pub(super) fn check(span: &SpanRef<'_>) -> Result<(), Refusal> {
    let refuse = |field: String, reason: &str| Err(Refusal { field, reason: reason.to_owned() });
    if span.trace_id.is_zero() {
        return refuse(
            "traceId".to_owned(),
            "is all zero; a trace id needs one digit that is not 0",
        );
    }
    if span.span_id.is_zero() {
        return refuse("spanId".to_owned(), "is all zero; a span id needs one digit that is not 0");
    }
    let lists = [("attributes", &span.attributes), ("events or links", &span.child_attributes)];
    for (name, list) in lists {
        for (at, attribute) in list.iter().enumerate() {
            if let ValueRef::Nested(value) = &attribute.value
                && values::is_deeper_than(value, Value::DEPTH_MAX)
            {
                return Err(depth_refusal(name, at));
            }
        }
    }
    Ok(())
}

/// Names the first value of a list that is nested too deeply to be read back.
pub(super) fn too_deep(list: &str, attributes: &[Attribute]) -> Option<Refusal> {
    let is_deep =
        |attribute: &Attribute| values::is_deeper_than(&attribute.value, Value::DEPTH_MAX);
    attributes.iter().position(is_deep).map(|at| depth_refusal(list, at))
}

fn depth_refusal(list: &str, at: usize) -> Refusal {
    let reason = format!("is nested deeper than {} levels", Value::DEPTH_MAX);
    Refusal { field: format!("{list}[{at}].value"), reason }
}
