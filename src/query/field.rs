//! A field by itself, read as within a query. Invariant: what is read here means the same field
//! between braces.

use super::syntax::{Field, Pipeline, Query, Stage, TextRange};
use super::{QueryError, QueryErrorKind, check};

/// What stands before and after the field so that it is a query.
const BEFORE: &str = "{ } | select(";
const AFTER: &str = "\n)";

/// Reads one field, such as `.http.method`, `resource.service.name`, `status` or `event:name`.
///
/// # Errors
/// If the text is no field, or more than one.
pub fn field(text: &str) -> Result<Field, QueryError> {
    let whole = TextRange { start: 0, end: text.len() };
    let other = |message: &str| {
        QueryError::new(QueryErrorKind::Syntax, whole, message)
            .with_help("write a field as in a query: `.http.method`, `span.x`, `name`, `status`")
    };
    if text.trim().is_empty() {
        return Err(other("expected a field, found nothing"));
    }
    let checked = check(&format!("{BEFORE}{text}{AFTER}")).map_err(|error| {
        let at = |place: usize| place.saturating_sub(BEFORE.len()).min(text.len());
        let range = error.range();
        let inside = range.start >= BEFORE.len() && range.start < BEFORE.len() + text.len();
        if !inside {
            return other("expected one field");
        }
        let range = TextRange { start: at(range.start), end: at(range.end) };
        let moved = QueryError::new(error.kind(), range, error.message());
        error.help().map_or(moved.clone(), |help| moved.with_help(help))
    })?;
    match checked.query() {
        Query::Search(Pipeline { stages }, hints) if hints.is_empty() => match stages.as_slice() {
            [Stage::Spanset(_), Stage::Select(fields)] => match fields.as_slice() {
                [field] => Ok(field.clone()),
                _ => Err(other("expected one field, found several")),
            },
            _ => Err(other("expected one field")),
        },
        _ => Err(other("expected one field")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::syntax::{AttributeScope, FieldKind, Intrinsic};

    #[test]
    fn fields_are_read_as_in_queries() {
        let kind = |text: &str| field(text).unwrap().kind;
        let any = |key: &str| FieldKind::Attribute(AttributeScope::Any, key.to_owned());
        assert_eq!(kind(".http.method"), any("http.method"));
        assert_eq!(kind(" .\"two words\" "), any("two words"));
        assert_eq!(kind("status"), FieldKind::Intrinsic(Intrinsic::Status));
        assert_eq!(kind("event:name"), FieldKind::Intrinsic(Intrinsic::EventName));
        assert!(field("parent.resource.x").unwrap().parent);
    }

    #[test]
    fn what_is_no_single_field_is_refused_within_its_text() {
        for text in [
            "",
            " ",
            ".a, .b",
            ".a) | select(.b",
            ".a) | count() > 1 //",
            "foo",
            ".a = 1",
            "\"x\"",
            ".a) with (x=1) //",
            "é",
            ".a\n)",
            "1",
            ".a) | rate(",
        ] {
            let error = field(text).expect_err(text);
            assert!(error.range().end <= text.len(), "{text}: {error:?}");
            assert!(text.is_char_boundary(error.range().start), "{text}");
            assert!(!error.report(text).is_empty());
        }
    }
}
